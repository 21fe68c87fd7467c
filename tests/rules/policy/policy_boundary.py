"""Boundary requests: for each rule, requests at which one condition, one member of a list or one limit flips the answer.

They freeze what the shipped rules mean today, in `tests/vectors/policy-boundary.json.gz`. After a change that is meant, look
at the semantic diff, then pin again: `python tests/rules/policy/policy_boundary.py`.
"""

import gzip
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import z3
from cedarpy import pst
from policy_requests import shipped

from attache.strict_json import canonical
from attache.vocabulary import Onward
from gateway.policy.analysis.example import ExampleRequest, example_of
from gateway.policy.analysis.formulas import Formulas
from gateway.policy.analysis.symbols import Symbols, Term, Terms
from gateway.policy.decision import Handling
from gateway.policy.policy_set import PolicySet, Shard
from gateway.policy.proposal import Form
from gateway.policy.record import parse_request, plain
from gateway.policy.request import ApprovalFacts
from gateway.policy.rules import Rule

PINNED = Path(__file__).parents[2] / "vectors" / "policy-boundary.json.gz"


def boundary_of(policy_set: PolicySet, shard: Shard) -> Iterator[tuple[str, ExampleRequest]]:
    """Named examples for one partner."""
    for rule in shard.rules.values():
        for form in Form:
            formulas = Formulas(shard, Symbols(policy_set.own, [shard.facts]), form)
            solver = z3.Solver()
            solver.add(*formulas.symbols.constraints, _alone(formulas, rule))
            for name, wanted in _flips(formulas, rule):
                solver.push()
                solver.add(wanted)
                if solver.check() == z3.sat:
                    yield (
                        f"{shard.facts.partner} {rule.id} {form} {name}",
                        example_of(solver.model(), formulas.symbols, form),
                    )
                solver.pop()


def pinned() -> dict[str, tuple[ExampleRequest, bool]]:
    """The pinned requests by name, with the answer of each."""
    stored = json.loads(gzip.decompress(PINNED.read_bytes()))
    return {name: (_parse(case), case["allowed"]) for name, case in stored.items()}


def _alone(formulas: Formulas, rule: Rule):
    """No other rule decides: of the others no forbid applies, and some permit exactly if the rule is a forbid."""
    others = [other for other in formulas.shard.rules.values() if other.id != rule.id]
    permits = z3.Or([formulas.applies(other) for other in others if other.is_permit])
    forbids = z3.Or([formulas.applies(other) for other in others if not other.is_permit])
    return z3.And(z3.Not(forbids), z3.Not(permits) if rule.is_permit else permits, formulas._is_known)


def _flips(formulas: Formulas, rule: Rule) -> Iterator[tuple[str, object]]:
    met = [z3.Not(formulas.truth(c.expression)) if c.is_unless else formulas.truth(c.expression) for c in rule.clauses]
    yield "applies", formulas.applies(rule)
    for number, clause in enumerate(rule.clauses):
        rest = z3.And([so for other, so in enumerate(met) if other != number])
        yield f"c{number + 1} fails", z3.And(rest, z3.Not(met[number]))
        for name, flip in _within(formulas, clause.expression):
            yield f"c{number + 1} {name}", z3.And(rest, flip)


def _within(formulas: Formulas, expression: pst.Expr) -> Iterator[tuple[str, object]]:
    for op in ("and", "or"):
        leaves = _leaves(expression, op)
        truths = [formulas.truth(leaf) for leaf in leaves]
        for n in range(len(leaves) if len(leaves) > 1 else 0):
            others = [truth if op == "and" else z3.Not(truth) for other, truth in enumerate(truths) if other != n]
            yield f"{op} {n + 1}", z3.And(*others, z3.Not(truths[n]) if op == "and" else truths[n])
    tops = _leaves(expression, "and")
    for place, top in enumerate(tops):
        siblings = [formulas.truth(other) for n, other in enumerate(tops) if n != place]
        for name, flip in _about(formulas, top):
            yield f"{place + 1} {name}", z3.And(*siblings, flip)


def _about(formulas: Formulas, top: pst.Expr) -> Iterator[tuple[str, object]]:
    for node in _nodes(top):
        match node:
            case pst.BinaryOp(op="contains_all", left=pst.Set(), right=right):
                terms = formulas.value(right)
                assert isinstance(terms, Terms)
                for n, name in enumerate(formulas.symbols.ids[terms.kind]):
                    yield (
                        f"only {name}",
                        z3.And([so if other == n else z3.Not(so) for other, so in enumerate(terms.members)]),
                    )
            case pst.BinaryOp(op="contains", left=pst.Set(), right=right):
                term = formulas.value(right)
                assert isinstance(term, Term)
                for n in range(len(formulas.symbols.ids[term.kind])):
                    yield f"is {formulas.symbols.ids[term.kind][n]}", term.place == n
            case pst.BinaryOp(op="eq" | "not_eq", left=left, right=pst.EntityLit()):
                term = formulas.value(left)
                if isinstance(term, Term) and term.kind != "Action":
                    for n, name in enumerate(formulas.symbols.ids[term.kind]):
                        yield f"is {name}", term.place == n
            case pst.BinaryOp(op="contains" | "contains_any" | "contains_all", left=pst.GetAttr() as left):
                terms = formulas.value(left)
                if isinstance(terms, Terms):
                    for n, name in enumerate(formulas.symbols.ids[terms.kind]):
                        only = [so if other == n else z3.Not(so) for other, so in enumerate(terms.members)]
                        yield f"only {name}", z3.And(only)
                        yield f"all but {name}", z3.And([z3.Not(so) for so in only])
            case pst.BinaryOp(op="less" | "less_eq", left=left, right=right):
                one, other = formulas.value(left).value, formulas.value(right).value
                for distance in (-1, 0, 1):
                    yield f"at {distance:+d}", one == other + distance


def _leaves(node: pst.Expr, op: str) -> list[pst.Expr]:
    if isinstance(node, pst.BinaryOp) and node.op == op:
        return [*_leaves(node.left, op), *_leaves(node.right, op)]
    return [node]


def _nodes(node: pst.Expr) -> Iterator[pst.Expr]:
    yield node
    for name in ("left", "right", "arg"):
        inner = getattr(node, name, None)
        if inner is not None:
            yield from _nodes(inner)


def _stored(example: ExampleRequest, allowed: bool) -> dict[str, object]:
    approvals = [{**plain(approval), "of_this": of_this} for approval, of_this in example.approvals]
    return {
        "request": plain(example.request),
        "handling": plain(example.handling),
        "form": str(example.form),
        "approvals": approvals,
        "allowed": allowed,
    }


def _parse(case: dict) -> ExampleRequest:
    request = parse_request(
        {
            **case["request"],
            "retention_days": case["handling"]["retention_days"],
            "caveats": case["handling"]["caveats"],
            "approvals": [{k: v for k, v in a.items() if k != "of_this"} for a in case["approvals"]],
        }
    )
    handling = Handling(
        case["handling"]["retention_days"],
        request.caveats,
        Onward(case["handling"]["onward"]),
        case["handling"]["review_within_hours"],
    )
    approvals: tuple[ApprovalFacts, ...] = request.approvals
    of_this = [a["of_this"] for a in case["approvals"]]
    bare = replace(request, approvals=(), retention_days=None, caveats=frozenset())
    return ExampleRequest(bare, handling, Form(case["form"]), tuple(zip(approvals, of_this, strict=True)))


def pin() -> int:
    """Write the boundary requests of the shipped set; returns how many."""
    cases = {
        name: _stored(example, example.is_allowed(shipped()))
        for shard in shipped().shards.values()
        for name, example in boundary_of(shipped(), shard)
    }
    PINNED.write_bytes(gzip.compress(canonical(cases), mtime=0))
    return len(cases)


if __name__ == "__main__":
    sys.stdout.write(f"{pin()} boundary requests pinned\n")
