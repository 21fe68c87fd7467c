"""A symbolic request: one z3 symbol for each fact. Not part of a decision."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import z3  # type: ignore[import-untyped]

from attache import vocabulary
from attache.errors import UnsupportedVersion
from gateway.policy.facts import PartnerFacts, PartnerStatus
from gateway.policy.items import NO_END_DAYS
from gateway.policy.proposal import Form

THIRD_PARTY = "a-third-party"
OFFICERS = ("officer-1", "officer-2", "officer-3")
THIS, OTHER = "this", "other"
_VOCABULARIES = [
    "Kind",
    "CrimeType",
    "Purpose",
    "BasisKind",
    "AuthorityKind",
    "ContentClass",
    "Evaluation",
    "HandlingCode",
    "Caveat",
    "Assurance",
    "Urgency",
    "Onward",
    "Channel",
    "Post",
    "Tlp",
]
_EVERYDAY = {"kind": "intelligence", "purpose": "criminal-investigation", "urgency": "routine", "channel": "liaison"}
_EVERYDAY_NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
_A_YEAR = 365
_EARLIEST, _LATEST = datetime(1980, 1, 1, tzinfo=UTC), datetime(2120, 1, 1, tzinfo=UTC)
_MOST = 40_000

Formula = Any
"""A z3 expression of sort Bool."""


V = TypeVar("V", bound="Value")


@dataclass(frozen=True)
class Truth:
    is_so: Formula


@dataclass(frozen=True)
class Number:
    value: Any


@dataclass(frozen=True)
class Term:
    """One of the ids of its kind, by its index in the list of ids."""

    kind: str
    place: Any


@dataclass(frozen=True)
class Terms:
    """A set of ids: one formula for each id of its kind."""

    kind: str
    members: tuple[Formula, ...]


@dataclass(frozen=True)
class Struct:
    """A record, or an entity with attributes. `present`: for each optional member, the formula that is true if it is
    present.
    """

    members: Mapping[str, "Value"]
    present: Mapping[str, Formula] = field(default_factory=dict)

    def truth(self, member: str) -> Formula:
        return of_kind(Truth, self.members[member]).is_so

    def number(self, member: str) -> Any:
        return of_kind(Number, self.members[member]).value

    def term(self, member: str) -> Term:
        return of_kind(Term, self.members[member])

    def terms(self, member: str) -> Terms:
        return of_kind(Terms, self.members[member])

    def struct(self, member: str) -> "Struct":
        return of_kind(Struct, self.members[member])


Value = Truth | Number | Term | Terms | Struct


def of_kind(kind: type[V], value: Value) -> V:
    """The value, which Cedar's own type check says is of this kind; raises UnsupportedVersion where it is not."""
    if not isinstance(value, kind):
        raise UnsupportedVersion(
            "unsupported-version", f"the analysis has a {type(value).__name__} for a {kind.__name__}"
        )
    return value


class Symbols:
    """A symbolic request to one partner, and the `constraints` that every request meets."""

    def __init__(self, own: str, facts: Sequence[PartnerFacts]) -> None:
        partner = facts[0].partner
        self.own, self.partner = own, partner
        self.ids: dict[str, list[str]] = {
            **{name: [str(term) for term in getattr(vocabulary, name)] for name in _VOCABULARIES},
            "PartnerStatus": [str(status) for status in PartnerStatus],
            "Action": [str(form) for form in Form],
            "Participant": [own, partner, THIRD_PARTY],
            "Partner": [partner],
            "Desk": sorted({f"{partner}/{desk}" for one in facts for desk in one.desks}),
            "Agreement": sorted({name for one in facts for name in one.agreements}),
            "Officer": list(OFFICERS),
            "Digest": [THIS, OTHER],
        }
        self.constraints: list[Formula] = []
        self.desk = self.term("Desk", "desk")
        self.officers = [
            Struct({"mayApprove": self.truth(f"{name} may approve"), "posts": self.terms("Post", f"{name} posts")})
            for name in OFFICERS
        ]
        self.item = self._item()
        self.release = self._release()
        self.proposed = self._terms()

    def _item(self) -> Struct:
        names = ("marked", "markingsResolved", "markingsAgree", "orcon", "releasableToAnyone")
        sets = {"releasableTo": "Participant", "classes": "ContentClass", "handlingCodes": "HandlingCode"}
        consent: dict[str, Value] = {
            "by": self.term("Participant", "consent by"),
            "to": self.term("Participant", "consent to"),
            "purpose": self.term("Purpose", "consent purpose"),
            "content": self.term("Digest", "consent content"),
            "expires": self.instant("consent expires"),
        }
        tlp, origin = self.term("Tlp", "tlp"), self.term("Participant", "origin")
        has_consent = z3.Bool("has consent")
        item = Struct(
            {
                **{name: self.truth(name) for name in names},
                **{name: self.terms(kind, name) for name, kind in sets.items()},
                "receivedCaveats": self.terms("Caveat", "receivedCaveats"),
                "tlp": tlp,
                "evaluation": self.term("Evaluation", "evaluation"),
                "origin": origin,
                "content": self.named("Digest", THIS),
                "retentionDaysLeft": self.number("retentionDaysLeft"),
                "consent": Struct(consent),
            },
            {"consent": has_consent},
        )
        self.constraints += [
            z3.Implies(z3.Not(item.truth("marked")), self.is_term(tlp, "RED")),
            z3.Implies(has_consent, z3.Not(self.is_term(origin, self.own))),
        ]
        return item

    def _release(self) -> Struct:
        single = {
            "kind": "Kind",
            "purpose": "Purpose",
            "basis": "Agreement",
            "urgency": "Urgency",
            "channel": "Channel",
        }
        several = {"crimeTypes": "CrimeType", "assurances": "Assurance", "named": "Desk"}
        return Struct(
            {
                "own": self.named("Participant", self.own),
                "now": self.instant("now"),
                "digest": self.named("Digest", THIS),
                **{name: self.term(kind, name) for name, kind in single.items()},
                **{name: self.terms(kind, name) for name, kind in several.items()},
                "requester": self.named("Officer", OFFICERS[0]),
            }
        )

    def _terms(self) -> Struct:
        handling: dict[str, Value] = {
            "retentionDays": self.number("retentionDays"),
            "reviewWithinHours": self.number("reviewWithinHours"),
            "caveats": self.terms("Caveat", "caveats"),
            "onward": self.term("Onward", "onward"),
        }
        first, second = z3.Bool("has approval"), z3.Bool("has second approval")
        self.constraints.append(z3.Implies(second, first))
        return Struct(
            {
                "handling": Struct(handling),
                "approval": self._approval("approval"),
                "secondApproval": self._approval("second approval"),
            },
            {"approval": first, "secondApproval": second},
        )

    def _approval(self, name: str) -> Struct:
        members: dict[str, Value] = {
            "by": self.term("Officer", f"{name} by"),
            "digest": self.term("Digest", f"{name} digest"),
            "expires": self.instant(f"{name} expires"),
        }
        return Struct(members)

    def truth(self, name: str) -> Truth:
        return Truth(z3.Bool(name))

    def number(self, name: str) -> Number:
        value = z3.Int(name)
        self.constraints.append(z3.And(value >= -_MOST, value <= _MOST))
        return Number(value)

    def instant(self, name: str) -> Number:
        """Seconds since 1970, in UTC."""
        value = z3.Int(name)
        self.constraints.append(z3.And(value >= int(_EARLIEST.timestamp()), value <= int(_LATEST.timestamp())))
        return Number(value)

    def term(self, kind: str, name: str) -> Term:
        place = z3.Int(name)
        self.constraints.append(z3.And(place >= 0, place < len(self.ids[kind])))
        return Term(kind, place)

    def terms(self, kind: str, name: str) -> Terms:
        return Terms(kind, tuple(z3.Bool(f"{name} {member}") for member in self.ids[kind]))

    def named(self, kind: str, name: str) -> Term:
        """A constant term."""
        return Term(kind, z3.IntVal(self.ids[kind].index(name)))

    def is_term(self, value: Term, *names: str) -> Formula:
        """True if the term is one of these."""
        return z3.Or([value.place == self.ids[value.kind].index(name) for name in names])

    def has_any(self, value: Terms, *names: str) -> Formula:
        """True if the set contains any of these."""
        return z3.Or([value.members[self.ids[value.kind].index(name)] for name in names])

    def everyday(self) -> Iterator[Formula]:
        """Properties of an ordinary request, the most important first."""
        item, release, proposed = self.item, self.release, self.proposed
        yield from (z3.Not(one) for one in (*proposed.present.values(), *item.present.values()))
        yield from (item.truth(name) for name in ("marked", "markingsResolved", "markingsAgree", "releasableToAnyone"))
        yield z3.Not(item.truth("orcon"))
        yield self.is_term(item.term("origin"), self.own)
        yield self.is_term(item.term("tlp"), "GREEN")
        yield self.is_term(item.term("evaluation"), "unevaluated")
        for member, name in _EVERYDAY.items():
            yield self.is_term(release.term(member), name)
        for terms in (
            *(item.terms(name) for name in ("classes", "handlingCodes", "receivedCaveats")),
            *(release.terms(name) for name in ("assurances", "named")),
        ):
            yield z3.Not(z3.Or(terms.members))
            yield z3.AtMost(*terms.members, 1)
        yield self.has_any(release.terms("crimeTypes"), "money-laundering")
        yield z3.AtMost(*release.terms("crimeTypes").members, 1)
        yield proposed.struct("handling").number("retentionDays") == _A_YEAR
        yield self.is_term(proposed.struct("handling").term("onward"), "none")
        yield proposed.struct("handling").number("reviewWithinHours") == 0
        yield item.number("retentionDaysLeft") == NO_END_DAYS
        yield release.number("now") == int(_EVERYDAY_NOW.timestamp())
