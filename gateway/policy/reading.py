"""Decisions about uses of a received package by its readers, made by the same engine. The default is deny."""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from attache.errors import MalformedInput
from attache.vocabulary import Caveat, HandlingCode, Markings, Onward, Pap, Purpose, Tlp
from gateway.policy.engine import Question, ask, entity, known_facts, reference
from gateway.policy.entities import instant, references
from gateway.policy.policy_set import PolicySet

NO_PERMIT = "No rule permits it"
_READER, _ITEM, _USE = "reader", "item", "use"


class Use(StrEnum):
    """A use of a received part: to read it, to use it as a lead, to use it as evidence in court, to act on it where
    the subject could notice, to export a copy from the gateway, to pass it on to others.
    """

    READ = "read"
    LEAD = "use-as-lead"
    EVIDENCE = "use-as-evidence"
    ACT = "act-on"
    EXPORT = "export"
    PASS_ON = "pass-on"  # noqa: S105 -- a use, not a password


@dataclass(frozen=True)
class ReceivedFacts:
    """A received part, with the handling that its originator stated. `desk` is our desk that it is addressed to."""

    desk: str
    desk_is_individual: bool
    markings: Markings
    handling_codes: frozenset[HandlingCode]
    caveats: frozenset[Caveat]
    onward: Onward
    purpose: Purpose
    delete_by: datetime
    unresolved_markings: bool = False


@dataclass(frozen=True)
class ReaderFacts:
    """The reader: our desks to which the officer belongs, and whether the officer may export copies."""

    desks: frozenset[str]
    may_export: bool


@dataclass(frozen=True)
class UseDecision:
    use: Use
    permitted: bool
    rules: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class ReadingDecision:
    """The decision about every use. `dispose`: the retention of the part has ended."""

    uses: tuple[UseDecision, ...]
    dispose: bool
    reading_hash: str

    def permits(self, use: Use) -> bool:
        """Whether this use is permitted."""
        return any(decided.permitted for decided in self.uses if decided.use is use)

    def use(self, use: Use) -> UseDecision:
        """The decision about one use."""
        return next(decided for decided in self.uses if decided.use is use)


def decide_reading(
    policy_set: PolicySet, received: ReceivedFacts, reader: ReaderFacts, *, purpose: Purpose, now: datetime
) -> ReadingDecision:
    """Decide which uses of a received part are permitted to the reader, for a purpose.

    Raises NotPermitted("policy-engine-failed") where a fact is unknown, and MalformedInput for an instant without a
    time zone; then no use is permitted.
    """
    if now.tzinfo is None or received.delete_by.tzinfo is None:
        raise MalformedInput("malformed-request", "an instant without a time zone")
    shard = policy_set.reading
    facts = known_facts([_reader(reader), _received(received), _use(purpose, now)], shard.schema)
    context = json.dumps({"use": reference("Use", _USE)})
    who, what = reference("Reader", _READER), reference("Item", _ITEM)
    answers = ask(shard.policies, shard.schema, facts, [Question(who, use, what, context) for use in Use])
    uses = tuple(
        UseDecision(use, answer.allowed, answer.rules, tuple(shard.rules[r].why for r in answer.rules) or (NO_PERMIT,))
        for use, answer in zip(Use, answers, strict=True)
    )
    return ReadingDecision(uses, dispose=received.delete_by <= now, reading_hash=shard.hash)


def _reader(reader: ReaderFacts) -> dict[str, object]:
    return entity("Reader", _READER, {"desks": references("Address", reader.desks), "mayExport": reader.may_export})


def _received(received: ReceivedFacts) -> dict[str, object]:
    attributes = {
        "desk": reference("Address", received.desk),
        "deskIsIndividual": received.desk_is_individual,
        "marked": received.markings.tlp is not None,
        "markingsResolved": not received.unresolved_markings,
        "tlp": reference("Tlp", received.markings.tlp or Tlp.RED),
        "pap": reference("Pap", received.markings.pap or Pap.RED),
        "handlingCodes": references("HandlingCode", received.handling_codes),
        "receivedCaveats": references("Caveat", received.caveats),
        "onward": reference("Onward", received.onward),
        "purpose": reference("Purpose", received.purpose),
        "deleteBy": instant(received.delete_by),
    }
    return entity("Item", _ITEM, attributes)


def _use(purpose: Purpose, now: datetime) -> dict[str, object]:
    return entity("Use", _USE, {"now": instant(now), "purpose": reference("Purpose", purpose)})
