"""Small wrong edits of the rules: how many would the gates let through? Aim: none.

The gates in order: the load gate, the hand-written cases, the pinned boundary requests, and for what is left the semantic
diff, which says whether the edit means anything at all.
"""

import copy
import json
import sys
from collections import Counter

import cedarpy
import pytest
from policy_requests import POLICIES, shipped, shipped_files

pytest.importorskip("z3", reason="the mutants are judged with z3-solver")

from policy_boundary import pinned

from attache import vocabulary
from attache.errors import AttacheError
from gateway.policy import load_policy_set
from gateway.policy.analysis.diff import diff
from gateway.policy.cases import read_case_folder, run_cases
from gateway.policy.rules import parse_rules

pytestmark = pytest.mark.slow
GONE = object()
CASES = read_case_folder(POLICIES / "cases")
RICHEST_FIRST = sorted(shipped().shards, key=lambda partner: -len(shipped().shards[partner].facts.agreements))
FILES = ["base.cedar", *(f"partners/{partner}.cedar" for partner in shipped().shards)]


def changed(root, path, value):
    copied = copy.deepcopy(root)
    place = copied
    for step in path[:-1]:
        place = place[step]
    if value is GONE:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return copied


def places(node, path=()):
    yield path, node
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def mutants(form):
    """(what was done, the rule as it then is, or None without it)."""
    yield "dropped", None
    yield "effect flipped", {**form, "effect": "permit" if form["effect"] == "forbid" else "forbid"}
    for n, condition in enumerate(form["conditions"]):
        clause = ("conditions", n)
        yield f"clause {n + 1} dropped", changed(form, clause, GONE)
        yield (
            f"clause {n + 1} inverted",
            changed(form, (*clause, "kind"), "unless" if condition["kind"] == "when" else "when"),
        )
        for path, node in places(condition["body"]):
            for what, value in edits(node):
                yield f"clause {n + 1}: {what}", changed(form, (*clause, "body", *path), value)


SWAPS = {
    "&&": "||",
    "||": "&&",
    "<=": "<",
    "<": "<=",
    "==": "!=",
    "!=": "==",
    "containsAny": "containsAll",
    "containsAll": "containsAny",
}


def edits(node):
    if not isinstance(node, dict) or len(node) != 1:
        return
    ((op, inner),) = node.items()
    if op in SWAPS:
        yield f"{op} swapped", {SWAPS[op]: inner}
    if op in {"&&", "||"}:
        yield f"left of {op} dropped", inner["right"]
        yield f"right of {op} dropped", inner["left"]
    if op == "!":
        yield "! dropped", inner["arg"]
    if op == "Set" and len(inner) > 1:
        for n in range(len(inner)):
            yield f"member {n + 1} dropped", {"Set": [one for other, one in enumerate(inner) if other != n]}
    if op == "Value" and isinstance(inner, int) and not isinstance(inner, bool):
        yield f"{inner} times ten", {"Value": inner * 10 + 1}
    if op == "Value" and isinstance(inner, dict):
        kind, name = inner["__entity"]["type"].removeprefix("Attache::"), inner["__entity"]["id"]
        if hasattr(vocabulary, kind):
            terms = [str(term) for term in getattr(vocabulary, kind)]
            other = terms[(terms.index(name) + 1) % len(terms)]
            yield f"{name} replaced by {other}", {"Value": {"__entity": {**inner["__entity"], "id": other}}}


def mutated_files(file):
    forms = {rule.id: rule.json_form for rule in parse_rules(shipped_files()[file], file)}
    for name, form in forms.items():
        for what, mutant in mutants(form):
            edited = (
                {**forms, name: mutant} if mutant else {other: one for other, one in forms.items() if other != name}
            )
            text = json.dumps({"staticPolicies": edited, "templates": {}, "templateLinks": []})
            yield name, what, {**shipped_files(), file: cedarpy.policies_from_json_str(text)}


def only(files, partners):
    return {
        name: text
        for name, text in files.items()
        if not name.startswith("partners/") or name.split("/")[1].split(".")[0] in partners
    }


def stopped_by(name, files, partner, boundary):
    """Which gate stops it, in this partner's shard; "" for none."""
    try:
        mutant = load_policy_set(only(files, [partner]), own="irs-ci")
    except AttacheError:
        return "load gate"
    about = sorted((key for key in boundary if key.split()[0] == partner), key=lambda key: f" {name} " not in key)
    try:
        relevant = [
            case.model_copy(update={"recipients": {partner: case.recipients[partner]}})
            for case in CASES
            if partner in case.recipients
        ]
        if run_cases(mutant, [case for case in relevant if not case.expect.error]).failures:
            return "cases"
        for key in about:
            example, allowed = boundary[key]
            if example.is_allowed(mutant) is not allowed:
                return "boundary"
    except KeyError:
        return "cases"
    return ""


def is_equivalent(files, partners):
    """Does no request at all change its answer?"""
    before, after = (load_policy_set(only(one, partners), own="irs-ci") for one in (shipped_files(), files))
    return not diff(before, after).changes


@pytest.mark.parametrize("file", FILES)
def test_no_mutant_survives(file, record_property):
    boundary = pinned()
    partners = RICHEST_FIRST if file == "base.cedar" else [file.split("/")[1].removesuffix(".cedar")]
    tally, survivors = Counter(), []
    for name, what, files in mutated_files(file):
        stopped = next(filter(None, (stopped_by(name, files, partner, boundary) for partner in partners)), "")
        if not stopped and not is_equivalent(files, partners):
            survivors.append(f"{name}: {what}")
        tally[stopped or ("survives" if f"{name}: {what}" in survivors else "equivalent")] += 1
    record_property("mutants", dict(tally))
    sys.stdout.write(f"{file}: {dict(tally)}\n" + "".join(f"    {one}\n" for one in survivors))
    assert survivors == []
    assert sum(tally.values()) > 20
