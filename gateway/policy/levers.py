"""Levers: the things that an officer can choose or obtain so that a release becomes permitted.

The purpose, the crime, a content class, the kind and the urgency are never levers: they are facts of the case.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from attache.package.ids import ParticipantId
from attache.vocabulary import Assurance, Channel, Markings, Tlp, Urgency
from gateway.policy.entities import desk_of
from gateway.policy.facts import PartnerFacts
from gateway.policy.items import Item, Unit
from gateway.policy.proposal import Form
from gateway.policy.request import ConsentFacts, FieldFacts, PartFacts, ReleaseRequest

REVIEW_WITHIN_HOURS = 24
_COSTS = {
    "approval": 0,
    "desk": 1,
    "channel": 1,
    "mask": 1,
    "review": 1,
    "basis": 2,
    "named": 2,
    "assurance": 3,
    "consent": 3,
    "releasable": 4,
    "marking": 4,
}


@dataclass(frozen=True)
class Lever:
    """One thing to choose or obtain: `words` for people, `kind` and `value` for programs."""

    kind: str
    value: str
    words: str

    @property
    def cost(self) -> int:
        """The effort: choosing has a low cost, obtaining something from another agency a high one."""
        return _COSTS[self.kind] + self.degree

    @property
    def degree(self) -> int:
        """The amount, for kinds that have one. A higher degree includes the lower ones."""
        match self.kind:
            case "approval":
                return int(self.value)
            case "marking":
                return len(Tlp) - list(Tlp).index(Tlp(self.value))
            case _:
                return 0

    def includes(self, other: "Lever") -> bool:
        """Whether this lever includes the other one."""
        return self.kind == other.kind and (self.value == other.value or self.degree > other.degree)


@dataclass(frozen=True)
class Draft:
    """A hypothetical release. `approvals` is the number of officers who would approve it, besides those who did."""

    request: ReleaseRequest
    form: Form = Form.CLEAR
    approvals: int = 0


@dataclass(frozen=True)
class Situation:
    """The release and the unit for which levers are searched."""

    request: ReleaseRequest
    facts: PartnerFacts
    unit: Unit
    item: Item
    own: str


def choices(situation: Situation) -> Iterator[tuple[Lever, ...]]:
    """Every combination of basis, desk, channel and form. The present value of each needs no lever."""
    request, facts = situation.request, situation.facts
    bases = [Lever("basis", name, f"rely on {name}") for name in facts.agreements if name != request.legal_basis]
    present = desk_of(facts, request).partition("/")[2]
    desks = [Lever("desk", name, f"address it to {facts.partner}/{name}") for name in facts.desks if name != present]
    channels = [Lever("channel", name, f"send it by the channel {name}") for name in Channel if name != request.channel]
    masks = [Lever("mask", "mask", "send it masked")] if situation.unit.is_field else []
    for basis in (None, *bases):
        for desk in (None, *desks):
            for channel in (None, *channels):
                for mask in (None, *masks):
                    yield tuple(lever for lever in (basis, desk, channel, mask) if lever)


def obtainable(situation: Situation) -> tuple[Lever, ...]:
    """Everything that can be obtained. More of it never prevents a release, so what is not needed can be omitted."""
    request, item, partner = situation.request, situation.item, situation.facts.partner
    found = [
        Lever("approval", "1", f"an approver at the post {situation.facts.post} approves exactly this release"),
        Lever("approval", "2", f"two approvers, one of the post {situation.facts.post}, approve exactly this release"),
        Lever("named", partner, "name that recipient on the package"),
    ]
    found += [
        Lever("assurance", assurance, f"obtain the assurance {assurance}")
        for assurance in Assurance
        if assurance not in request.assurances
    ]
    if request.urgency is Urgency.THREAT_TO_LIFE and not 0 < request.review_within_hours <= REVIEW_WITHIN_HOURS:
        found.append(Lever("review", str(REVIEW_WITHIN_HOURS), "book a review within 24 hours"))
    if item.origin not in {situation.own, partner}:
        found.append(Lever("consent", item.origin, f"obtain the consent of {item.origin}"))
    marker = "we re-mark" if item.origin == situation.own else f"{item.origin} re-marks"
    if item.markings.rel_to is not None and partner not in item.markings.rel_to:
        found.append(Lever("releasable", partner, f"{marker} it REL TO {partner} as well"))
    if item.markings.tlp is not None:
        lower = list(Tlp)[: list(Tlp).index(item.markings.tlp)]
        found += [Lever("marking", tlp, f"{marker} it TLP:{tlp}") for tlp in lower]
    return tuple(found)


def draft_with(situation: Situation, levers: tuple[Lever, ...]) -> Draft:
    """The release after applying these levers."""
    draft = Draft(situation.request)
    for lever in sorted(levers, key=lambda lever: list(_COSTS).index(lever.kind)):
        draft = _APPLY[lever.kind](situation, draft, lever.value)
    return draft


_Apply = Callable[[Situation, Draft, str], Draft]


def _apply_named(situation: Situation, draft: Draft, _: str) -> Draft:
    named = draft.request.named_recipients | {desk_of(situation.facts, draft.request)}
    return replace(draft, request=replace(draft.request, named_recipients=named))


def _apply_consent(situation: Situation, draft: Draft, originator: str) -> Draft:
    request = draft.request
    content = next(part.sha256 for part in request.parts if part.name == situation.unit.part)
    far = request.now.replace(year=9000, month=1, day=1)
    consent = ConsentFacts("", ParticipantId(originator), request.recipient, request.purpose, content, far)
    return replace(draft, request=replace(request, consents=(consent,)))


def _apply_marking(situation: Situation, draft: Draft, tlp: str) -> Draft:
    def lower(markings: Markings) -> Markings:
        return replace(markings, tlp=min(markings.tlp, Tlp(tlp), key=list(Tlp).index)) if markings.tlp else markings

    return _re_marked(situation, draft, lower)


def _apply_releasable(situation: Situation, draft: Draft, partner: str) -> Draft:
    def also(markings: Markings) -> Markings:
        return markings if markings.rel_to is None else replace(markings, rel_to=markings.rel_to | {partner})

    return _re_marked(situation, draft, also)


def _re_marked(situation: Situation, draft: Draft, mark: Callable[[Markings], Markings]) -> Draft:
    """Change the markings of the unit, and of its part, because the unit inherits them."""

    def part_of(part: PartFacts) -> PartFacts:
        if part.name != situation.unit.part:
            return part
        return replace(part, markings=mark(part.markings), fields=tuple(field_of(field) for field in part.fields))

    def field_of(field: FieldFacts) -> FieldFacts:
        return replace(field, markings=mark(field.markings)) if field.path == situation.unit.path else field

    parts = tuple(part_of(part) for part in draft.request.parts)
    return replace(draft, request=replace(draft.request, parts=parts))


def _on_request(change: Callable[[ReleaseRequest, str], ReleaseRequest]) -> _Apply:
    """The application of a lever that changes the request alone."""
    return lambda _, draft, value: replace(draft, request=change(draft.request, value))


_APPLY: dict[str, _Apply] = {
    "basis": _on_request(lambda request, value: replace(request, legal_basis=value)),
    "desk": _on_request(lambda request, value: replace(request, recipient_desk=value)),
    "channel": _on_request(lambda request, value: replace(request, channel=Channel(value))),
    "mask": lambda _, draft, __: replace(draft, form=Form.MASKED),
    "review": _on_request(lambda request, value: replace(request, review_within_hours=int(value))),
    "assurance": _on_request(
        lambda request, value: replace(request, assurances=request.assurances | {Assurance(value)})
    ),
    "approval": lambda _, draft, value: replace(draft, approvals=max(draft.approvals, int(value))),
    "named": _apply_named,
    "consent": _apply_consent,
    "marking": _apply_marking,
    "releasable": _apply_releasable,
}
