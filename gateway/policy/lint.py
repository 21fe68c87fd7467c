"""Checks of rules that go beyond Cedar's own validator. Each check prevents a kind of accidental release.

Polarity: whether a true condition helps a release (+1, as in `permit when` and `forbid unless`) or hinders it (-1).
More approvals, consents or assurances must never release less, and more sensitive content must never release more.
From this follows in which polarity a condition may read each attribute.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cedarpy import pst

from attache.vocabulary import Caveat, Onward
from gateway.policy.facts import PartnerFacts, id_prefix
from gateway.policy.rules import Clause, Rule, is_clause_words

BASE_PREFIX = "BASE-"
READING_PREFIX = "READING-"
_ANNOTATIONS = frozenset({"id", "why", "cite", "hide", "retention_days", "caveats", "onward"})
_HANDLING = frozenset({"retention_days", "caveats", "onward"})
_IDENTITIES = frozenset(
    {"Partner", "Agreement", "Desk", "Officer", "Participant", "Item", "Release", "Terms", "Reader", "Address", "Use"}
)
_SENSITIVE = frozenset({"classes", "handlingCodes", "orcon", "receivedCaveats"})
_OBTAINABLE = frozenset({"approval", "secondApproval", "consent", "assurances", "named"})
_TIGHTENING = frozenset({"caveats", "retentionDays", "reviewWithinHours", "handling"})
_CAN_FAIL = frozenset({"add", "sub", "mul", "neg", "offset", "duration_since", "get_tag", "has_tag"})


@dataclass(frozen=True)
class _Atom:
    """A condition without and, or, not. `polarity` 0 means that it can both help and hinder."""

    expression: pst.Expr
    polarity: int


def lint_base(rules: tuple[Rule, ...]) -> list[str]:
    """The faults of the base file, each with file, line and rule."""
    found = []
    for rule in rules:
        if rule.is_permit:
            found.append(f"{rule.where}: the base file may only forbid")
        if not rule.id.startswith(BASE_PREFIX):
            found.append(f"{rule.where}: its id must start with {BASE_PREFIX}")
        if not isinstance(rule.template.principal, pst.ScopeAny):
            found.append(f"{rule.where}: a base rule must apply to every principal")
        found += [f"{rule.where}: {what}" for what in _lint_rule(rule, known=frozenset())]
    return found


def lint_reading(rules: tuple[Rule, ...]) -> list[str]:
    """The faults of the readers' file, each with file, line and rule."""
    found = []
    for rule in rules:
        if not rule.id.startswith(READING_PREFIX):
            found.append(f"{rule.where}: its id must start with {READING_PREFIX}")
        if not isinstance(rule.template.principal, pst.ScopeAny):
            found.append(f"{rule.where}: a reading rule must apply to every reader")
        found += [f"{rule.where}: {what}" for what in _lint_rule(rule, known=frozenset())]
    return found


def lint_partner(rules: tuple[Rule, ...], facts: PartnerFacts) -> list[str]:
    """The faults of a partner's file, each with file, line and rule."""
    known = frozenset({("Partner", facts.partner), *(("Agreement", name) for name in facts.agreements)})
    own_scope = pst.ScopeIn(pst.EntityUid(pst.EntityType("Partner", ("Attache",)), facts.partner))
    found = []
    for rule in rules:
        if not rule.id.startswith(id_prefix(facts.partner)):
            found.append(f"{rule.where}: its id must start with {id_prefix(facts.partner)}")
        if rule.template.principal != own_scope:
            found.append(f'{rule.where}: its scope must be exactly `principal in Attache::Partner::"{facts.partner}"`')
        found += [f"{rule.where}: {what}" for what in (*_lint_rule(rule, known), *_lint_handling(rule))]
    return found


def _lint_rule(rule: Rule, known: frozenset[tuple[str, str]]) -> Iterator[str]:
    yield from _lint_scope(rule)
    yield from _lint_annotations(rule)
    for uid in sorted(pst.entity_uids(rule.template), key=str):
        if uid.type.basename in _IDENTITIES and (uid.type.basename, uid.id) not in known:
            yield f'it names {uid.type.basename} "{uid.id}", which its partner\'s facts do not hold'
    for clause in rule.clauses:
        for node in walk(clause.expression):
            yield from _lint_node(node)
        yield from _lint_empty_sets(clause)
        for atom in _atoms(clause.expression, _polarity_of(rule, clause)):
            yield from _lint_atom(atom)


def _lint_scope(rule: Rule) -> Iterator[str]:
    template = rule.template
    if not isinstance(template.resource, pst.ScopeAny):
        yield "a rule must not restrict the resource"
    if rule.is_permit:
        if not isinstance(template.action, pst.ActionEq | pst.ActionIn):
            yield "a permit must name its actions"
        if not rule.clauses:
            yield "a permit must have a condition"
    elif not isinstance(template.action, pst.ScopeAny):
        yield "a forbid must not restrict the action: it must cover every form of disclosure, also future ones"


def _lint_annotations(rule: Rule) -> Iterator[str]:
    for name in ("why", "cite"):
        if not rule.annotations.get(name):
            yield f"@{name} is missing"
    allowed = _ANNOTATIONS if rule.is_permit else _ANNOTATIONS - _HANDLING
    for name in rule.annotations:
        if name not in allowed and not is_clause_words(name):
            yield f"@{name} is not allowed here"
    if rule.is_permit and rule.is_hidden:
        yield "@hide is for a forbid only"
    described = {name for name in rule.annotations if is_clause_words(name) and rule.annotations[name]}
    if described != {f"c{number}" for number in range(1, len(rule.clauses) + 1)}:
        yield f"@c1 to @c{len(rule.clauses)} must describe its {len(rule.clauses)} clauses in words, one each"


def _lint_node(node: object) -> Iterator[str]:
    match node:
        case pst.BinaryOp(op=op) | pst.UnaryOp(op=op) if op in _CAN_FAIL:
            yield f"`{op}` can fail, and Cedar ignores a forbid that fails"
        case pst.UnaryOp(op="datetime", arg=arg) if not isinstance(arg, pst.StringLit):
            yield "a computed datetime can fail"
        case pst.Like():
            yield "`like` on free text: use a closed vocabulary"
        case pst.IfThenElse():
            yield "`if`: write one clause for each branch"
        case pst.Is():
            yield "`is`: there is one kind of principal and one of resource"
        case pst.BinaryOp(op="in"):
            yield "`in` is for the scope only"
        case pst.HasAttr(attrs=attrs) if len(attrs) > 1:
            yield "`has` with a path: test one attribute"


def _lint_atom(atom: _Atom) -> Iterator[str]:
    read = _attributes(atom.expression)
    if isinstance(atom.expression, pst.BoolLit):
        yield "a constant condition"
    if isinstance(atom.expression, pst.HasAttr) and atom.polarity < 1:
        yield "`has` where a missing attribute would release"
    elif read & (_OBTAINABLE | _TIGHTENING) and atom.polarity < 1:
        yield f"{_names(read & (_OBTAINABLE | _TIGHTENING))} where its presence would withhold"
    if read & _SENSITIVE and atom.polarity > -1:
        yield f"{_names(read & _SENSITIVE)} where its presence would release"


def _lint_empty_sets(clause: Clause) -> Iterator[str]:
    nodes = list(walk(clause.expression))
    tested = {node.arg for node in nodes if isinstance(node, pst.UnaryOp) and node.op == "is_empty"}
    for node in nodes:
        match node:
            case pst.BinaryOp(op="contains_all", left=pst.Set(), right=right) if right not in tested:
                yield "`[...].containsAll(x)` is true for an empty x: test `!x.isEmpty()` in the same clause"


def _lint_handling(rule: Rule) -> Iterator[str]:
    """The handling that a permit declares (annotations) must be the handling that it checks (clauses)."""
    if not rule.is_permit:
        return
    days, caveats, onward = (rule.annotations.get(name) for name in ("retention_days", "caveats", "onward"))
    checked = [node for clause in rule.clauses if not clause.is_unless for node in walk(clause.expression)]
    limits = {
        node.right.value
        for node in checked
        if isinstance(node, pst.BinaryOp) and node.op == "less_eq" and _is_handling(node.left, "retentionDays")
        if isinstance(node.right, pst.LongLit)
    }
    if days is None or not days.isdecimal() or limits != {int(days)}:
        yield f"@retention_days is {days}, and its clauses check {sorted(limits)}"
    named = {
        uid.id for clause in rule.clauses for uid in pst.entity_uids(clause.expression) if uid.type.basename == "Caveat"
    }
    if caveats is None or set(filter(None, caveats.split(","))) != named or not named <= set(Caveat):
        yield f"@caveats is {caveats!r}, and its clauses check {sorted(named)}"
    accepted = {
        uid.id for clause in rule.clauses for uid in pst.entity_uids(clause.expression) if uid.type.basename == "Onward"
    }
    order = [str(step) for step in Onward]
    if onward not in order or (accepted or set(order)) != set(order[: order.index(onward) + 1]):
        yield f"@onward is {onward!r}, and its clauses accept {sorted(accepted)}"


def walk(node: object) -> Iterator[object]:
    """The node and all nodes below it."""
    yield node
    if isinstance(node, Mapping):
        for value in node.values():
            yield from walk(value)
    elif isinstance(node, tuple):
        for value in node:
            yield from walk(value)
    elif hasattr(node, "__dataclass_fields__"):
        for name in node.__dataclass_fields__:
            yield from walk(getattr(node, name))


def _polarity_of(rule: Rule, clause: Clause) -> int:
    return 1 if rule.is_permit != clause.is_unless else -1


def _atoms(node: pst.Expr, polarity: int) -> Iterator[_Atom]:
    match node:
        case pst.BinaryOp(op="and" | "or", left=left, right=right):
            yield from _atoms(left, polarity)
            yield from _atoms(right, polarity)
        case pst.UnaryOp(op="not", arg=arg):
            yield from _atoms(arg, -polarity)
        case pst.UnaryOp(op="is_empty", arg=arg):
            yield _Atom(arg, -polarity)
        case pst.BinaryOp(op="contains_all", left=left, right=right):
            yield _Atom(left, polarity)
            yield _Atom(right, -polarity)
        case _:
            yield _Atom(node, polarity)


def _attributes(node: object) -> frozenset[str]:
    found = {part.attr for part in walk(node) if isinstance(part, pst.GetAttr)}
    return frozenset(found | {name for part in walk(node) if isinstance(part, pst.HasAttr) for name in part.attrs})


def _is_handling(node: pst.Expr, attribute: str) -> bool:
    return isinstance(node, pst.GetAttr) and node.attr == attribute


def _names(attributes: frozenset[str]) -> str:
    return ", ".join(sorted(attributes))
