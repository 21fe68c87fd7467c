"""A policy set: all its files, linted, hashed and compiled into one shard for each partner.

A shard holds the base rules and the rules of one partner, so the rules of one partner cannot affect another.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import cedarpy

from attache.errors import Misconfigured, NotFound
from attache.strict_json import canonical
from gateway.policy.engine import ENGINE, compile_policies, known_facts
from gateway.policy.entities import partner_entities
from gateway.policy.facts import PartnerFacts, parse_facts
from gateway.policy.lint import lint_base, lint_partner, lint_reading
from gateway.policy.rules import Rule, parse_rules

SCHEMA_FILE = "schema.cedarschema"
BASE_FILE = "base.cedar"
READING_SCHEMA_FILE = "reading.cedarschema"
READING_FILE = "reading.cedar"
SHARED_FILES = (SCHEMA_FILE, BASE_FILE, READING_SCHEMA_FILE, READING_FILE)
PARTNERS = "partners/"
RULES_SUFFIX = ".cedar"
FACTS_SUFFIX = ".facts.yaml"
MAX_FILE_BYTES = 1024 * 1024


@dataclass(frozen=True, eq=False)
class Shard:
    """The compiled base rules and those of one partner. `hash` covers exactly the files that affect it."""

    own: str
    facts: PartnerFacts
    rules: Mapping[str, Rule]
    hash: str
    schema: cedarpy.Schema = field(repr=False)

    @cached_property
    def policies(self) -> cedarpy.PolicySet:
        return compile_policies({rule.id: rule.json_form for rule in self.rules.values()})

    @cached_property
    def known(self) -> cedarpy.Entities:
        """The partner's facts, in the engine's form."""
        return known_facts(partner_entities(self.facts), self.schema)


@dataclass(frozen=True, eq=False)
class ReadingShard:
    """The rules for readers of received packages, compiled."""

    rules: Mapping[str, Rule]
    hash: str
    schema: cedarpy.Schema = field(repr=False)

    @cached_property
    def policies(self) -> cedarpy.PolicySet:
        return compile_policies({rule.id: rule.json_form for rule in self.rules.values()})


@dataclass(frozen=True, eq=False)
class PolicySet:
    """A loaded policy set. `own` is the participant whose gateway decides; `files` are the texts by path.

    Safe to share between threads. It cannot be pickled: another process must load the files itself.
    """

    own: str
    hash: str
    files: Mapping[str, str] = field(repr=False)
    shards: Mapping[str, Shard] = field(repr=False)
    reading: ReadingShard = field(repr=False)

    def shard(self, partner: str) -> Shard:
        """The partner's shard; raises NotFound("unknown-partner") where the set has no files for it."""
        if partner not in self.shards:
            raise NotFound("unknown-partner", f"no policy file for {partner[:80]!r}")
        return self.shards[partner]

    def render(self) -> str:
        """The set as text: its hash, and for each partner its rules and its shard's hash."""
        lines = [f"policy set of {self.own} {self.hash}"]
        for partner, shard in self.shards.items():
            lines.append(
                f"  {partner}: {len(shard.rules)} rules, {len(shard.facts.agreements)} agreements, {shard.hash}"
            )
        return "\n".join([*lines, f"  readers: {len(self.reading.rules)} rules, {self.reading.hash}"])


def read_policy_folder(folder: Path) -> dict[str, str]:
    """The files of a policy folder that can affect a decision, by their path in the folder. Cases and documentation
    are left out.
    """
    paths = [*(folder / name for name in SHARED_FILES), *sorted((folder / PARTNERS).glob("*"))]
    files = {}
    for path in paths:
        name = path.relative_to(folder).as_posix()
        if path.is_file() and path.suffix in {".cedar", ".cedarschema", ".yaml"}:
            if path.stat().st_size > MAX_FILE_BYTES:
                raise Misconfigured("policy-not-loaded", f"{name}: larger than {MAX_FILE_BYTES} bytes")
            files[name] = path.read_text("utf-8")
    return files


def load_policy_set(files: Mapping[str, str], own: str) -> PolicySet:
    """Lint, validate and compile a policy set.

    Raises Misconfigured("policy-not-loaded"); its detail lists all faults, one on each line, with file, line and rule.
    In a set that loads, every rule, fact and term is known.
    """
    schema = _load_schema(files, SCHEMA_FILE)
    reading, faults = _load_reading(files, own)
    base = parse_rules(_file(files, BASE_FILE), BASE_FILE)
    faults += lint_base(base) + _validate(base, schema)
    shards = {}
    for partner in _partners(files):
        shard, faults_found = _load_shard(files, own, partner, base, schema)
        shards[partner] = shard
        faults += faults_found
    if own in shards:
        faults.append(f"{PARTNERS}{own}{RULES_SUFFIX}: a participant is not a partner of its own")
    if faults:
        raise Misconfigured("policy-not-loaded", "\n".join(faults))
    return PolicySet(
        own=own,
        hash=policy_set_hash(own, files),
        files=MappingProxyType(dict(files)),
        shards=MappingProxyType(shards),
        reading=reading,
    )


def policy_set_hash(own: str, files: Mapping[str, str]) -> str:
    """The hash of the set with these files, whether it loads or not: over their contents, our id and the engine."""
    return _hash(own, files)


def _load_shard(
    files: Mapping[str, str], own: str, partner: str, base: tuple[Rule, ...], schema: cedarpy.Schema
) -> tuple[Shard, list[str]]:
    rules_file, facts_file = f"{PARTNERS}{partner}{RULES_SUFFIX}", f"{PARTNERS}{partner}{FACTS_SUFFIX}"
    facts = parse_facts(_file(files, facts_file), facts_file)
    if facts.partner != partner:
        raise Misconfigured("policy-not-loaded", f"{facts_file}: its facts are about {facts.partner}")
    rules = parse_rules(_file(files, rules_file), rules_file)
    faults = lint_partner(rules, facts) + _validate(rules, schema)
    affecting = {name: files[name] for name in (SCHEMA_FILE, BASE_FILE, rules_file, facts_file)}
    by_id = MappingProxyType({rule.id: rule for rule in (*base, *rules)})
    return Shard(own=own, facts=facts, rules=by_id, hash=_hash(own, affecting), schema=schema), faults


def _load_reading(files: Mapping[str, str], own: str) -> tuple[ReadingShard, list[str]]:
    schema = _load_schema(files, READING_SCHEMA_FILE)
    rules = parse_rules(_file(files, READING_FILE), READING_FILE)
    affecting = {name: files[name] for name in (READING_SCHEMA_FILE, READING_FILE)}
    by_id = MappingProxyType({rule.id: rule for rule in rules})
    return ReadingShard(by_id, _hash(own, affecting), schema), lint_reading(rules) + _validate(rules, schema)


def _load_schema(files: Mapping[str, str], name: str) -> cedarpy.Schema:
    try:
        return cedarpy.Schema.from_str(_file(files, name))
    except ValueError as error:
        raise Misconfigured("policy-not-loaded", f"{name}: {str(error)[:300]}") from None


def _validate(rules: tuple[Rule, ...], schema: cedarpy.Schema) -> list[str]:
    """The faults that Cedar's validator finds: unknown attributes and terms, faults types.

    Each clause is also validated alone, because an explanation asks about it alone.
    """
    forms = {rule.id: rule.json_form for rule in rules}
    for rule in rules:
        forms |= {name: {**form, "annotations": {"id": name}} for name, form in rule.probes()}
    result = cedarpy.validate_policies(str(compile_policies(forms)), schema)
    where = {rule.id: rule.where for rule in rules}
    faults_found: dict[str, str] = {}
    for error in result.errors:
        named = result.id_annotations_by_policy_id.get(error.policy_id, "")
        faults_found.setdefault(named.partition("#")[0], error.error[:300])
    return [f"{where.get(rule, 'a rule')}: {fault}" for rule, fault in faults_found.items()]


def _partners(files: Mapping[str, str]) -> list[str]:
    """Every partner with a file of rules or of facts. If the other file is missing, loading reports it later."""
    found = set()
    for name in files:
        for suffix in (FACTS_SUFFIX, RULES_SUFFIX):
            if name.startswith(PARTNERS) and name.endswith(suffix):
                found.add(name.removeprefix(PARTNERS).removesuffix(suffix))
                break
        else:
            if name not in SHARED_FILES:
                raise Misconfigured("policy-not-loaded", f"{name}: a policy set has no such file")
    return sorted(found)


def _file(files: Mapping[str, str], name: str) -> str:
    if name not in files:
        raise Misconfigured("policy-not-loaded", f"{name}: missing")
    return files[name]


def _hash(own: str, files: Mapping[str, str]) -> str:
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
    return hashlib.sha256(canonical({"engine": ENGINE, "own": own, "files": digests})).hexdigest()
