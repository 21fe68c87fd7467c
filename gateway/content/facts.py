"""The facts of a unit within a part, and what a recipient may see of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from attache.errors import MalformedInput
from attache.package.ids import ParticipantId
from attache.vocabulary import ContentClass, HandlingCode, Markings

MAX_UNITS = 20_000
MASK = "[masked]"
"""The text that replaces every masked value. It reveals neither type nor length nor content of the value."""

_UNMARKED = Markings()


class Shown(StrEnum):
    """What a recipient sees of a unit."""

    CLEAR = "clear"
    MASKED = "masked"
    WITHHELD = "withheld"


@dataclass(frozen=True)
class UnitFacts:
    """A field, object or selector, by its `path` within the part. Its facts add to the facts of the part.

    `origin` "" means the origin of the part. `unresolved`: it has a marking that this gateway cannot interpret.
    `contradictory`: two of its markings cannot both be obeyed.
    """

    path: str
    markings: Markings = _UNMARKED
    content_class: frozenset[ContentClass] = frozenset()
    origin: str = ""
    handling_codes: frozenset[HandlingCode] = frozenset()
    unresolved: bool = False
    contradictory: bool = False

    def joined(self, *others: "UnitFacts") -> Self:
        """The unit with the facts of the others added: of each fact, the strictest value."""
        unit = self
        for other in others:
            origins = {name for name in (unit.origin, other.origin) if name}
            unit = replace(
                unit,
                markings=unit.markings.join(other.markings),
                content_class=unit.content_class | other.content_class,
                origin=min(origins, default=""),
                handling_codes=unit.handling_codes | other.handling_codes,
                unresolved=unit.unresolved or other.unresolved or len(origins) > 1,
                contradictory=unit.contradictory or other.contradictory,
            )
        return unit

    @property
    def adds_nothing(self) -> bool:
        """Whether the unit has no facts besides those of its part."""
        return self == UnitFacts(self.path)


@dataclass(frozen=True)
class Minting:
    """The inputs for new objects in a redacted copy. The same inputs give the same ids.

    `key` is secret and belongs to one recipient: nobody without it can tell from which id a new id was derived, and two
    recipients cannot match their ids. `originator` is the releasing participant, and becomes the creator of the new
    objects. `at` is the time of the release, the same for every copy of one package.
    """

    key: bytes = field(repr=False)
    originator: ParticipantId
    at: datetime


def require_distinct(stated: Sequence[UnitFacts]) -> None:
    """Raise MalformedInput("unknown-field") where one path is stated twice."""
    if len({unit.path for unit in stated}) != len(stated):
        raise MalformedInput("unknown-field", "a field is stated twice")
