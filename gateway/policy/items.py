"""The items of a release: the engine is asked about items, not units.

Units with the same facts share one item, and so one question: a thousand objects with five different markings need
five questions.
"""

from dataclasses import dataclass
from datetime import timedelta

from attache.vocabulary import Caveat, ContentClass, Evaluation, HandlingCode, Markings
from gateway.policy.request import ConsentFacts, FieldFacts, PartFacts, ReleaseRequest

NO_END_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class Item:
    """The facts of a part, or of a field with what it inherits from its part."""

    markings: Markings
    markings_resolved: bool
    markings_agree: bool
    classes: frozenset[ContentClass]
    handling_codes: frozenset[HandlingCode]
    evaluation: Evaluation
    caveats: frozenset[Caveat]
    origin: str
    content: str
    retention_days_left: int
    consent: ConsentFacts | None


@dataclass(frozen=True, slots=True)
class Unit:
    """One part (`path` None) or field. Units with the same facts have the same `item_id`."""

    part: str
    path: str | None
    item_id: str

    @property
    def name(self) -> str:
        return self.part if self.path is None else f"{self.part}#{self.path}"

    @property
    def is_field(self) -> bool:
        return self.path is not None


def units_of(request: ReleaseRequest, own: str) -> tuple[tuple[Unit, ...], dict[str, Item]]:
    """All units of the package, each part before its fields; and the items by id."""
    ids: dict[Item, str] = {}
    units = []
    for part in request.parts:
        item = _part_item(request, part, own)
        units.append(Unit(part.name, None, ids.setdefault(item, f"i{len(ids)}")))
        item_ids: dict[object, str] = {}
        for field in part.fields:
            facts = (field.markings, field.content_class, field.handling_codes, field.origin, _doubts(field))
            if facts not in item_ids:
                inner = _field_item(request, part, item, field, own)
                item_ids[facts] = ids.setdefault(inner, f"i{len(ids)}")
            units.append(Unit(part.name, field.path, item_ids[facts]))
    return tuple(units), {item_id: item for item, item_id in ids.items()}


def _part_item(request: ReleaseRequest, part: PartFacts, own: str) -> Item:
    return Item(
        markings=part.markings,
        markings_resolved=not part.unresolved_markings,
        markings_agree=not part.contradictory_markings,
        classes=part.content_class,
        handling_codes=part.handling_codes | request.handling_codes,
        evaluation=part.evaluation,
        caveats=part.caveats,
        origin=part.origin,
        content="" if part.origin == own else part.sha256,
        retention_days_left=_days_left(request, part),
        consent=None if part.origin == own else _consent(request, part.origin, part.sha256),
    )


def _field_item(request: ReleaseRequest, part: PartFacts, item: Item, field: FieldFacts, own: str) -> Item:
    origin = field.origin if field.origin and item.origin == own else item.origin
    has_two_origins = field.origin not in {"", own, item.origin} and item.origin != own
    return Item(
        markings=item.markings.join(field.markings),
        markings_resolved=item.markings_resolved and not field.unresolved_markings and not has_two_origins,
        markings_agree=item.markings_agree and not field.contradictory_markings,
        classes=item.classes | field.content_class,
        handling_codes=item.handling_codes | field.handling_codes,
        evaluation=item.evaluation,
        caveats=item.caveats,
        origin=origin,
        content="" if origin == own else part.sha256,
        retention_days_left=item.retention_days_left,
        consent=None if origin == own else _consent(request, origin, part.sha256),
    )


def _doubts(field: FieldFacts) -> tuple[bool, bool]:
    return field.unresolved_markings, field.contradictory_markings


def _days_left(request: ReleaseRequest, part: PartFacts) -> int:
    if part.delete_by is None:
        return NO_END_DAYS
    return min((part.delete_by - request.now) // timedelta(days=1), NO_END_DAYS)


def _consent(request: ReleaseRequest, originator: str, content: str) -> ConsentFacts | None:
    """The consent that meets most conditions. The engine decides whether it is sufficient."""
    return max(request.consents, key=lambda consent: _fit(request, consent, originator, content), default=None)


def _fit(request: ReleaseRequest, consent: ConsentFacts, originator: str, content: str) -> tuple[object, ...]:
    fits = (
        consent.originator == originator,
        consent.content == content,
        consent.recipient == request.recipient,
        consent.purpose is request.purpose,
        request.now < consent.expires_at,
    )
    return (sum(fits), consent.expires_at, consent.consent_id)
