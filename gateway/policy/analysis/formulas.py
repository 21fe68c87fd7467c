"""A partner's rules as formulas over a symbolic request, for questions about all requests at once.

Covers everything that the lint permits in rules: terms and sets of terms, comparisons of numbers and instants, `has`,
and, or, not. The solver finds a model of one request; `gateway.policy.analysis.example` makes a request of it, and the
engine confirms it. This analysis is not part of a decision.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from functools import cached_property
from typing import Any

import z3  # type: ignore[import-untyped]
from cedarpy import pst

from attache.errors import UnsupportedVersion
from gateway.policy.analysis.symbols import Formula, Number, Struct, Symbols, Term, Terms, Truth, Value, of_kind
from gateway.policy.facts import Agreement, Desk
from gateway.policy.policy_set import Shard
from gateway.policy.proposal import Form
from gateway.policy.rules import Rule

SOLVER_MILLISECONDS = 20_000


class Formulas:
    """The rules of a shard as formulas over the symbols, for one form of disclosure."""

    def __init__(self, shard: Shard, symbols: Symbols, form: Form) -> None:
        self.shard, self.symbols = shard, symbols
        self.variables: Mapping[str, Value] = {
            "principal": symbols.desk,
            "action": symbols.named("Action", form),
            "resource": symbols.item,
            "context": Struct({"release": symbols.release, "terms": symbols.proposed}),
        }
        self.form = form

    @property
    def allowed(self) -> Formula:
        """True where a permit applies and no forbid does, for a desk and an agreement that are in the facts."""
        permits = [self.applies(rule) for rule in self.shard.rules.values() if rule.is_permit]
        forbids = [self.applies(rule) for rule in self.shard.rules.values() if not rule.is_permit]
        return z3.And(self._is_known, z3.Or(permits), z3.Not(z3.Or(forbids)))

    @property
    def _is_known(self) -> Formula:
        facts, basis = self.shard.facts, self.symbols.release.term("basis")
        desks = [f"{facts.partner}/{desk}" for desk in facts.desks]
        return z3.And(self.symbols.is_term(self.symbols.desk, *desks), self.symbols.is_term(basis, *facts.agreements))

    def applies(self, rule: Rule) -> Formula:
        """True where the rule's scope covers the form, and all its clauses are met."""
        action = rule.template.action
        named = (
            ()
            if isinstance(action, pst.ScopeAny)
            else (action.entity,)
            if isinstance(action, pst.ActionEq)
            else action.entities
        )
        if named and self.form not in {uid.id for uid in named}:
            return z3.BoolVal(False)
        met = [self.truth(clause.expression) for clause in rule.clauses]
        return z3.And([z3.Not(so) if clause.is_unless else so for clause, so in zip(rule.clauses, met, strict=True)])

    def truth(self, node: pst.Expr) -> Formula:
        return of_kind(Truth, self.value(node)).is_so

    def value(self, node: pst.Expr) -> Value:  # noqa: C901, PLR0911 -- one branch for each kind of node
        match node:
            case pst.Var(name=name):
                return self.variables[name]
            case pst.LongLit(value=number):
                return Number(z3.IntVal(number))
            case pst.EntityLit(value=uid):
                return self.symbols.named(uid.type.basename, uid.id)
            case pst.Set(elements=elements):
                return self._set([self.value(element) for element in elements])
            case pst.GetAttr(base=base, attr=attribute):
                return self._attribute(self.value(base), attribute)
            case pst.HasAttr(base=base, attrs=(attribute,)):
                return Truth(self._struct(base).present[attribute])
            case pst.UnaryOp(op="not", arg=arg):
                return Truth(z3.Not(self.truth(arg)))
            case pst.UnaryOp(op="is_empty", arg=arg):
                return Truth(z3.Not(z3.Or(of_kind(Terms, self.value(arg)).members)))
            case pst.BinaryOp(op="and" | "or" as both, left=left, right=right):
                return Truth((z3.And if both == "and" else z3.Or)(self.truth(left), self.truth(right)))
            case pst.BinaryOp(op=op, left=left, right=right):
                return Truth(_compared(op, self.value(left), self.value(right)))
        raise UnsupportedVersion("unsupported-version", f"the analysis does not cover {type(node).__name__}")

    def _struct(self, node: pst.Expr) -> Struct:
        return of_kind(Struct, self.value(node))

    def _set(self, elements: Sequence[Value]) -> Terms:
        terms = [element for element in elements if isinstance(element, Term)]
        kind = terms[0].kind
        return Terms(
            kind, tuple(z3.Or([term.place == n for term in terms]) for n in range(len(self.symbols.ids[kind])))
        )

    def _attribute(self, base: Value, attribute: str) -> Value:
        if isinstance(base, Struct):
            return base.members[attribute]
        term = of_kind(Term, base)
        if term.kind == "Partner":
            return self._of_partner[attribute]
        found = [self._entity(term.kind, name).members[attribute] for name in self.symbols.ids[term.kind]]
        chosen = found[-1]
        for place in range(len(found) - 2, -1, -1):
            chosen = _either(term.place == place, found[place], chosen)
        return chosen

    def _entity(self, kind: str, name: str) -> Struct:
        """The attributes of an entity. For one that this shard does not have, any attributes do: `allowed` requires
        that it is known.
        """
        facts = self.shard.facts
        if kind == "Officer":
            return self.symbols.officers[self.symbols.ids["Officer"].index(name)]
        if kind == "Desk":
            return self._desk(facts.desks.get(name.partition("/")[2]) or facts.desks[facts.default_desk])
        return self._agreement(facts.agreements.get(name) or next(iter(facts.agreements.values())))

    def _desk(self, desk: Desk) -> Struct:
        return Struct(
            {
                "partner": self.symbols.named("Partner", self.shard.facts.partner),
                "authority": self.symbols.named("AuthorityKind", desk.authority),
                "individual": Truth(z3.BoolVal(desk.individual)),
                "vetted": Truth(z3.BoolVal(desk.vetted)),
            }
        )

    def _agreement(self, agreement: Agreement) -> Struct:
        return Struct(
            {
                "kind": self.symbols.named("BasisKind", agreement.kind),
                "onward": self.symbols.named("Onward", agreement.onward),
                "purposes": self._fixed("Purpose", agreement.purposes),
                "maxRetentionDays": Number(z3.IntVal(agreement.max_retention_days)),
                "inForceFrom": _midnight(agreement.in_force_from),
                "inForceUntil": _midnight(agreement.in_force_until),
            }
        )

    @cached_property
    def _of_partner(self) -> Mapping[str, Value]:
        facts, symbols = self.shard.facts, self.symbols
        return {
            "participant": symbols.named("Participant", facts.partner),
            "post": symbols.named("Post", facts.post),
            "status": symbols.named("PartnerStatus", facts.status),
            "clearedTlp": self._fixed("Tlp", facts.cleared_tlp),
            "refusedClasses": self._fixed("ContentClass", facts.refused_classes),
            "deathPenaltyCrimes": self._fixed("CrimeType", facts.death_penalty_crimes),
        }

    def _fixed(self, kind: str, names: frozenset[Any]) -> Terms:
        return Terms(kind, tuple(z3.BoolVal(name in names) for name in self.symbols.ids[kind]))


def solve(symbols: Symbols, wanted: Formula) -> tuple[Any | None, bool]:
    """A model for which the formula is true, preferably of an ordinary request, or None; and whether z3 gave up."""
    solver = z3.Solver()
    solver.set("timeout", SOLVER_MILLISECONDS)
    solver.add(*symbols.constraints, wanted)
    answer = solver.check()
    if answer != z3.sat:
        return None, answer == z3.unknown
    model = solver.model()
    for preference in symbols.everyday():
        solver.push()
        solver.add(preference)
        if solver.check() == z3.sat:
            model = solver.model()
        else:
            solver.pop()
    return model, False


def _midnight(day: date) -> Number:
    return Number(z3.IntVal(int(datetime.combine(day, time(), UTC).timestamp())))


def _compared(op: str, left: Value, right: Value) -> Formula:  # noqa: PLR0911 -- one branch for each operator
    match op, left, right:
        case (("eq" | "not_eq"), Term(place=one), Term(place=other)):
            return one == other if op == "eq" else one != other
        case "less", Number(value=one), Number(value=other):
            return one < other
        case "less_eq", Number(value=one), Number(value=other):
            return one <= other
        case "greater", Number(value=one), Number(value=other):
            return one > other
        case "greater_eq", Number(value=one), Number(value=other):
            return one >= other
        case "contains", Terms(members=members), Term(place=place):
            return z3.Or([z3.And(member, place == n) for n, member in enumerate(members)])
        case "contains_any", Terms(members=members), Terms(members=others):
            return z3.Or([z3.And(one, other) for one, other in zip(members, others, strict=True)])
        case "contains_all", Terms(members=members), Terms(members=others):
            return z3.And([z3.Implies(other, one) for one, other in zip(members, others, strict=True)])
    raise UnsupportedVersion("unsupported-version", f"the analysis does not cover {op}")


def _either(is_first: Formula, one: Value, other: Value) -> Value:
    match one, other:
        case Truth(is_so=first), Truth(is_so=second):
            return Truth(z3.If(is_first, first, second))
        case Number(value=first), Number(value=second):
            return Number(z3.If(is_first, first, second))
        case Term(kind=kind, place=first), Term(place=second):
            return Term(kind, z3.If(is_first, first, second))
        case Terms(kind=kind, members=first), Terms(members=second):
            return Terms(kind, tuple(z3.If(is_first, a, b) for a, b in zip(first, second, strict=True)))
    raise UnsupportedVersion("unsupported-version", "the analysis does not cover records in tables")
