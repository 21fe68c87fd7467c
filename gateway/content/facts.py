"""What is known of a unit within a part, and what may become of it."""

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
"""Stands where a masked value stood, whatever it was: it says nothing of its type, length or content."""

_UNMARKED = Markings()


class Shown(StrEnum):
    """What a recipient sees of a unit."""

    CLEAR = "clear"
    MASKED = "masked"
    WITHHELD = "withheld"


@dataclass(frozen=True)
class UnitFacts:
    """A field, object or selector, by its `path` within the part. What it says adds to what is said of the part.

    `origin` "" is the part's. `unresolved`: it carries a marking that cannot be read here. `contradictory`: two of its
    markings cannot both be kept.
    """

    path: str
    markings: Markings = _UNMARKED
    content_class: frozenset[ContentClass] = frozenset()
    origin: str = ""
    handling_codes: frozenset[HandlingCode] = frozenset()
    unresolved: bool = False
    contradictory: bool = False

    def joined(self, *others: "UnitFacts") -> Self:
        """The unit with all that is said of others besides: the strictest of everything."""
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
    def says_nothing(self) -> bool:
        """Whether nothing is said of it that is not said of its part."""
        return self == UnitFacts(self.path)


@dataclass(frozen=True)
class Minting:
    """What new objects of a redacted copy are made with. The same minting gives the same ids.

    `key` is secret and of this recipient: an id that it derives tells nobody, and no two recipients, what it was derived from.
    `originator` is who releases, and so who made the new objects; `at` is when, the same for every copy of one package.
    """

    key: bytes = field(repr=False)
    originator: ParticipantId
    at: datetime


def require_distinct(stated: Sequence[UnitFacts]) -> None:
    """Raise MalformedInput("unknown-field") where one path is stated twice."""
    if len({unit.path for unit in stated}) != len(stated):
        raise MalformedInput("unknown-field", "a field is stated twice")
