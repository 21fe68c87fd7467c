"""What an officer can choose or obtain to make a release acceptable. Never the purpose, the crime, a class, the kind or
the urgency: those are truths about the case, and changing a truth is no way.
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
    """One thing to choose or obtain, in words. `kind` and `value` say it to a program."""

    kind: str
    value: str
    words: str

    @property
    def cost(self) -> int:
        """How much is asked of whom: choosing is cheap, asking another agency is not."""
        return _COSTS[self.kind] + self.degree

    @property
    def degree(self) -> int:
        """How far it goes, where there is more and less of it. More includes less."""
        match self.kind:
            case "approval":
                return int(self.value)
            case "marking":
                return len(Tlp) - list(Tlp).index(Tlp(self.value))
            case _:
                return 0

    def includes(self, other: "Lever") -> bool:
        """Is the other one part of this one?"""
        return self.kind == other.kind and (self.value == other.value or self.degree > other.degree)


@dataclass(frozen=True)
class Draft:
    """The release as it would be. `approvals` is how many officers would approve it, besides those who did."""

    request: ReleaseRequest
    form: Form = Form.CLEAR
    approvals: int = 0


@dataclass(frozen=True)
class Situation:
    """The release that is asked about, and the unit in it."""

    request: ReleaseRequest
    facts: PartnerFacts
    unit: Unit
    item: Item
    own: str


def choices(situation: Situation) -> Iterator[tuple[Lever, ...]]:
    """Every way to address the release: each basis, desk, channel and form, the present one being no lever."""
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


def papers(situation: Situation) -> tuple[Lever, ...]:
    """Everything that can be obtained. Having more of it never hinders, so that what is not needed can be left out."""
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
    """The release as it would be with these levers pulled."""
    draft = Draft(situation.request)
    for lever in sorted(levers, key=lambda lever: list(_COSTS).index(lever.kind)):
        draft = _PULL[lever.kind](situation, draft, lever.value)
    return draft


_Pull = Callable[[Situation, Draft, str], Draft]


def _changed(draft: Draft, **facts: object) -> Draft:
    return replace(draft, request=replace(draft.request, **facts))  # type: ignore[arg-type]


def _pull_named(situation: Situation, draft: Draft, _: str) -> Draft:
    named = draft.request.named_recipients | {desk_of(situation.facts, draft.request)}
    return _changed(draft, named_recipients=named)


def _pull_consent(situation: Situation, draft: Draft, originator: str) -> Draft:
    request = draft.request
    content = next(part.sha256 for part in request.parts if part.name == situation.unit.part)
    far = request.now.replace(year=9000, month=1, day=1)
    consent = ConsentFacts("", ParticipantId(originator), request.recipient, request.purpose, content, far)
    return _changed(draft, consents=(consent,))


def _pull_marking(situation: Situation, draft: Draft, tlp: str) -> Draft:
    def lower(markings: Markings) -> Markings:
        return replace(markings, tlp=min(markings.tlp, Tlp(tlp), key=list(Tlp).index)) if markings.tlp else markings

    return _re_marked(situation, draft, lower)


def _pull_releasable(situation: Situation, draft: Draft, partner: str) -> Draft:
    def also(markings: Markings) -> Markings:
        return markings if markings.rel_to is None else replace(markings, rel_to=markings.rel_to | {partner})

    return _re_marked(situation, draft, also)


def _re_marked(situation: Situation, draft: Draft, mark: Callable[[Markings], Markings]) -> Draft:
    """The unit's markings, and its part's, which it inherits."""

    def part_of(part: PartFacts) -> PartFacts:
        if part.name != situation.unit.part:
            return part
        return replace(part, markings=mark(part.markings), fields=tuple(field_of(field) for field in part.fields))

    def field_of(field: FieldFacts) -> FieldFacts:
        return replace(field, markings=mark(field.markings)) if field.path == situation.unit.path else field

    return _changed(draft, parts=tuple(part_of(part) for part in draft.request.parts))


_PULL: dict[str, _Pull] = {
    "basis": lambda _, draft, value: _changed(draft, legal_basis=value),
    "desk": lambda _, draft, value: _changed(draft, recipient_desk=value),
    "channel": lambda _, draft, value: _changed(draft, channel=Channel(value)),
    "mask": lambda _, draft, __: replace(draft, form=Form.MASKED),
    "review": lambda _, draft, value: _changed(draft, review_within_hours=int(value)),
    "assurance": lambda _, draft, value: _changed(draft, assurances=draft.request.assurances | {Assurance(value)}),
    "approval": lambda _, draft, value: replace(draft, approvals=max(draft.approvals, int(value))),
    "named": _pull_named,
    "consent": _pull_consent,
    "marking": _pull_marking,
    "releasable": _pull_releasable,
}
