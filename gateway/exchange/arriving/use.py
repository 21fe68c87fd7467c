"""Use: what a reader here may do with a received package, decided by what its originator stated of it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from attache.errors import NotPermitted
from attache.package import parse_instant
from attache.vocabulary import Caveat, HandlingCode, Onward, Purpose
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.provenance import facts_of, part_markings
from gateway.exchange.kernel.records import ArrivalRecord
from gateway.exchange_log.events.arrivals import PackageUseDenied
from gateway.exchange_log.events.base import ArrivalIds
from gateway.identity import Action, is_permitted
from gateway.identity.caller import Caller
from gateway.policy import ReaderFacts, ReceivedFacts, Use, UseDecision, decide_reading


@dataclass(frozen=True)
class Intent:
    """What the reader declares to do with it, and for what; without a purpose, the one that it was given for."""

    use: Use = Use.READ
    purpose: Purpose | None = None


async def require_use(
    agency: Agency, caller: Caller, record: ArrivalRecord, number: int | None, intent: Intent
) -> None:
    """Raise NotPermitted("policy-denied"), logged, unless this use is permitted of this part;
    `number` None: of any part.
    """
    facts = facts_of(agency, record)
    numbers = range(len(facts["parts"])) if number is None else (number,)
    decided = await asyncio.to_thread(lambda: [_decided(agency, caller, facts, n, intent) for n in numbers])
    if any(one.permitted for one in decided):
        return
    rules = tuple(sorted({rule for one in decided for rule in one.rules}))
    reasons = tuple(sorted({reason for one in decided for reason in one.reasons}))
    denied = PackageUseDenied(
        about=ArrivalIds(package_id=record.package_id, originator=record.originator, recipient=agency.participant),
        part=None if number is None else facts["parts"][number]["name"],
        use=intent.use,
        purpose=_purpose(facts, intent),
        reasons=reasons,
        rules=rules,
    )
    await agency.commit(caller, lambda work: work.log(denied))
    raise NotPermitted("policy-denied", "; ".join(reasons), extra={"rules": list(rules)})


def _decided(agency: Agency, caller: Caller, facts: Mapping[str, Any], number: int, intent: Intent) -> UseDecision:
    own, desk = agency.participant, facts["recipient_desk"]
    received = ReceivedFacts(
        desk=f"{own}/{desk}" if desk else own,
        desk_is_individual=desk in agency.limits.individual_desks,
        markings=part_markings(facts, number),
        handling_codes=frozenset(map(HandlingCode, facts["handling_codes"])),
        caveats=frozenset(map(Caveat, facts["caveats"])),
        onward=Onward(facts["onward"]),
        purpose=Purpose(facts["purpose"]),
        # Without a retention of its own, it is kept no longer than the package was meant to live.
        delete_by=parse_instant(facts["retain_until"] or facts["expires_at"]),
    )
    reader = ReaderFacts(
        desks=frozenset({own, *(f"{own}/{name}" for name in caller.desks)}),
        may_export=is_permitted(caller, Action.EXPORT_CONTENT),
    )
    policy, purpose = agency.in_force.policy, _purpose(facts, intent)
    return decide_reading(policy, received, reader, purpose=purpose, now=agency.clock()).use(intent.use)


def _purpose(facts: Mapping[str, Any], intent: Intent) -> Purpose:
    return intent.purpose or Purpose(facts["purpose"])
