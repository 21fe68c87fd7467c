"""Test cases of a policy set: hand-written requests, each with the decision that counsel expects.

A policy set can be activated only if every case gives the expected decision. How to write a case: policies/README.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from attache.errors import AttacheError, Misconfigured
from attache.package.ids import PackageId, ParticipantId
from attache.vocabulary import (
    Assurance,
    Caveat,
    Channel,
    ContentClass,
    CrimeType,
    Evaluation,
    HandlingCode,
    Kind,
    Markings,
    Onward,
    Post,
    Purpose,
    Urgency,
)
from gateway.policy.decide import decide
from gateway.policy.decision import Decision, Outcome, UnitOutcome
from gateway.policy.facts import parse_plain_yaml
from gateway.policy.policy_set import PolicySet
from gateway.policy.proposal import release_digest
from gateway.policy.request import ApprovalFacts, ConsentFacts, FieldFacts, PartFacts, ReleaseRequest

MAX_CASE_FILE_BYTES = 1024 * 1024
_NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
_LATER = _NOW + timedelta(days=7)


class _CaseModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _FieldCase(_CaseModel):
    markings: tuple[str, ...] = ()
    content_class: frozenset[ContentClass] = frozenset()
    handling_codes: frozenset[HandlingCode] = frozenset()
    origin: str = ""
    unresolved_markings: bool = False
    contradictory_markings: bool = False


class _PartCase(_FieldCase):
    markings: tuple[str, ...] = ("TLP:AMBER",)
    evaluation: Evaluation = Evaluation.UNEVALUATED
    delete_by: datetime | None = None
    caveats: frozenset[Caveat] = frozenset()
    fields: dict[str, _FieldCase] = {}


class _ApprovalCase(_CaseModel):
    """`of` holds the members in which the release that the officer saw differs from this one."""

    officer: str = "officer-2"
    posts: frozenset[Post]
    may_approve: bool = True
    expires_at: datetime = _LATER
    of: dict[str, Any] = {}


class _ConsentCase(_CaseModel):
    """A consent for one part. `content` "" means the present content of the part."""

    part: str
    originator: str
    recipient: str = ""
    purpose: Purpose = Purpose.CRIMINAL_INVESTIGATION
    content: str = ""
    expires_at: datetime = _LATER


class _RequestCase(_CaseModel):
    """A request in short form: members that are not given have the values of an ordinary request."""

    kind: Kind = Kind.INTELLIGENCE
    purpose: Purpose = Purpose.CRIMINAL_INVESTIGATION
    crime_types: frozenset[CrimeType] = frozenset({CrimeType.MONEY_LAUNDERING})
    recipient_desk: str | None = None
    urgency: Urgency = Urgency.ROUTINE
    channel: Channel = Channel.LIAISON
    assurances: frozenset[Assurance] = frozenset()
    named_recipients: frozenset[str] = frozenset()
    handling_codes: frozenset[HandlingCode] = frozenset()
    caveats: frozenset[Caveat] = frozenset()
    retention_days: int | None = None
    review_within_hours: int = 0
    wait_for_approval: bool = True
    requester: str = "officer-1"
    now: datetime = _NOW
    parts: dict[str, _PartCase] = Field(min_length=1)
    approvals: tuple[_ApprovalCase, ...] = ()
    consents: tuple[_ConsentCase, ...] = ()


class _HandlingCase(_CaseModel):
    retention_days: int | None = None
    caveats: frozenset[Caveat] | None = None
    onward: Onward | None = None


class _Expected(_CaseModel):
    """The expected decision; members that are not given are not compared. A unit is `part` or `part#path`."""

    outcome: Outcome | None = None
    error: str | None = None
    units: dict[str, UnitOutcome] = {}
    rules: dict[str, frozenset[str]] = {}
    hidden: frozenset[str] = frozenset()
    handling: _HandlingCase = _HandlingCase()
    approvals: Annotated[int, Field(ge=0, le=2)] | None = None


class Case(_CaseModel):
    """One case. `recipients`: for each participant, the agreement that the request relies on."""

    name: str
    says: str
    recipients: dict[str, str] = Field(min_length=1)
    request: _RequestCase
    expect: _Expected


class _CaseFile(_CaseModel):
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class CaseFailure:
    """A case that gave another decision than expected for one recipient, with every difference."""

    case: str
    recipient: str
    differences: tuple[str, ...]


@dataclass(frozen=True)
class CasesResult:
    count: int
    failures: tuple[CaseFailure, ...]

    def render(self) -> str:
        """The result as text, one line for each difference."""
        lines = [f"{f.case} ({f.recipient}): {difference}" for f in self.failures for difference in f.differences]
        return "\n".join([*lines, f"{self.count} cases, {len(self.failures)} do not hold"])


def parse_cases(text: str, file: str) -> tuple[Case, ...]:
    """The cases of one file; raises Misconfigured("policy-not-loaded") naming file and member."""
    try:
        return _CaseFile.model_validate(parse_plain_yaml(text)).cases
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise Misconfigured("policy-not-loaded", f"{file}: {where}: {first['msg'][:200]}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Misconfigured("policy-not-loaded", f"{file}: {str(error)[:200]}") from None


def read_case_folder(folder: Path) -> tuple[Case, ...]:
    """Every case in the folder's YAML files; names must be unique."""
    cases: list[Case] = []
    for path in sorted(folder.glob("*.yaml")):
        if path.stat().st_size > MAX_CASE_FILE_BYTES:
            raise Misconfigured("policy-not-loaded", f"{path.name}: larger than {MAX_CASE_FILE_BYTES} bytes")
        cases += parse_cases(path.read_text("utf-8"), path.name)
    names = [case.name for case in cases]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Misconfigured("policy-not-loaded", f"two cases are named {twice[0]}")
    return tuple(cases)


def run_cases(policy_set: PolicySet, cases: Iterable[Case]) -> CasesResult:
    """Decide every case for each of its recipients, and compare with the expected decision."""
    count, failures = 0, []
    for case in cases:
        for recipient in case.recipients:
            count += 1
            differences = tuple(_differences(policy_set, case, recipient))
            if differences:
                failures.append(CaseFailure(case.name, recipient, differences))
    return CasesResult(count, tuple(failures))


def request_of(case: Case, policy_set: PolicySet, recipient: str) -> ReleaseRequest:
    """The complete request of a case. Each approval is bound to the release that its officer saw."""
    short = case.request
    parts = tuple(_part(name, part, policy_set.own) for name, part in short.parts.items())
    plain = short.model_dump(exclude={"parts", "approvals", "consents"})
    contents = {part.name: part.sha256 for part in parts}
    request = ReleaseRequest(
        package_id=PackageId(case.name),
        recipient=ParticipantId(recipient),
        post=Post.WASHINGTON,
        legal_basis=case.recipients[recipient],
        content_digest=_digest(case.name),
        parts=parts,
        consents=tuple(
            ConsentFacts(
                consent_id=f"consent-{number}",
                originator=ParticipantId(consent.originator),
                recipient=ParticipantId(consent.recipient or recipient),
                purpose=consent.purpose,
                content=consent.content or contents[consent.part],
                expires_at=consent.expires_at,
            )
            for number, consent in enumerate(short.consents)
        ),
        **plain,
    )
    approvals = tuple(_approval(policy_set, request, approval) for approval in short.approvals)
    return replace(request, approvals=approvals)


def _approval(policy_set: PolicySet, request: ReleaseRequest, case: _ApprovalCase) -> ApprovalFacts:
    seen_request = replace(
        request, **_RequestCase.model_validate({"parts": {"x": {}}, **case.of}).model_dump(include=set(case.of))
    )
    return ApprovalFacts(
        officer=case.officer,
        posts=case.posts,
        may_approve=case.may_approve,
        digest=release_digest(policy_set, seen_request),
        expires_at=case.expires_at,
    )


def _part(name: str, case: _PartCase, own: str) -> PartFacts:
    plain = case.model_dump(exclude={"markings", "fields", "origin"})
    fields = tuple(
        FieldFacts(path, Markings.parse(field.markings), **field.model_dump(exclude={"markings"}))
        for path, field in case.fields.items()
    )
    return PartFacts(
        name=name,
        media_type="application/octet-stream",
        sha256=_digest(name),
        origin=case.origin or own,
        markings=Markings.parse(case.markings),
        fields=fields,
        **plain,
    )


def _digest(name: str) -> str:
    return name.encode().hex().ljust(64, "0")[:64]


def _differences(policy_set: PolicySet, case: Case, recipient: str) -> Iterable[str]:
    expect = case.expect
    try:
        decision = decide(policy_set, request_of(case, policy_set, recipient))
    except AttacheError as error:
        if error.code != expect.error:
            yield f"{error}, expected {expect.error or expect.outcome}"
        return
    if expect.error:
        yield f"{decision.outcome}, expected the error {expect.error}"
        return
    outcomes, rules, hidden = _units(decision)
    yield from _compare("outcome", decision.outcome, expect.outcome)
    for unit, outcome in expect.units.items():
        yield from _compare(unit, outcomes.get(unit, "no such unit"), outcome)
    for unit, names in expect.rules.items():
        yield from _compare(f"{unit} by", sorted(rules.get(unit, ())), sorted(names))
    yield from _compare("hidden", sorted(hidden), sorted(expect.hidden))
    yield from _compare(
        "approvals", decision.approvals_needed.count if decision.approvals_needed else 0, expect.approvals
    )
    for name, value in expect.handling.model_dump(exclude_none=True).items():
        yield from _compare(name, getattr(decision.handling, name, None), value)


def _compare(what: str, found: object, expected: object) -> Iterable[str]:
    if expected is not None and found != expected:
        yield f"{what}: {found}, expected {expected}"


def _units(decision: Decision) -> tuple[Mapping[str, UnitOutcome], Mapping[str, tuple[str, ...]], frozenset[str]]:
    units = [(part.name, part.outcome, part.rules, part.hidden) for part in decision.parts]
    units += [
        (f"{part.name}#{field.path}", field.outcome, field.rules, field.hidden)
        for part in decision.parts
        for field in part.fields
    ]
    return (
        {name: outcome for name, outcome, _, _ in units},
        {name: rules for name, _, rules, _ in units},
        frozenset(name for name, _, _, is_hidden in units if is_hidden),
    )
