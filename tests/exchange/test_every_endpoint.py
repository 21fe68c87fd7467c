"""Every endpoint of both APIs, and what it leaves in the exchange log; one without a row here fails.

What a row says is compared with what the endpoint does, for all that the story below takes: entries are told apart by the request that
made them. A reason in the place of events says why there are none.
"""

import asyncio
import re
from dataclasses import dataclass, field, replace
from typing import Any

from structlog.testing import capture_logs

from gateway.exchange.kernel.work import REQUEST_ID
from gateway.exchange_log import EventCode
from tests.api.test_endpoints_and_callers import endpoints_of
from tests.exchange.test_events_of_operators import JOSE, successor
from tests.exchange.test_log_completeness import _operate

OWN = "shows nobody's content but names and states of what is the caller's to act on"
SHARED = "what everybody in the agency may know"
PUBLIC = "leaves, hashes and signatures: nothing personal, nothing that can be guessed"
HEALTH = "numbers and names of checks"
PROGRESS = "where bytes of a transfer are"
DRAFT = "a draft is its submitter's until it is submitted; the row is committed to by records.changed"
BOOKKEEPING = frozenset({"records.changed"})
LIFE = {"package.submitted", "package.decided", "package.released", "package.held", "package.denied"}

AGENCY: dict[str, set[str] | str] = {
    "POST /packages": LIFE | {"submission.refused"},
    "GET /packages": {"packages.inspected"},
    "PUT /packages/{package_id}/parts/{name}": DRAFT,
    "POST /packages/{package_id}/submit": LIFE | {"submission.refused"},
    "GET /packages/{package_id}": {"packages.inspected"},
    "GET /packages/{package_id}/receipts": {"packages.inspected"},
    "GET /packages/{package_id}/evidence": {"evidence.exported"},
    "GET /packages/{package_id}/sealed/{recipient}": {"package.exported"},
    "POST /decisions": {"decision.dry-run", "package.denied", "submission.refused"},
    "POST /decisions/explanation": {"decision.dry-run", "package.denied", "submission.refused"},
    "GET /decisions/{decision_id}/replay": {"packages.inspected"},
    "GET /approvals": OWN,
    "GET /approvals/{approval_id}": OWN,
    "GET /approvals/{approval_id}/parts/{name}": {"approval.read"},
    "POST /approvals/{approval_id}": LIFE
    | {"package.approved", "package.rejected", "approval.voided", "approval.refused", "review.booked"},
    "GET /inbox": OWN,
    "GET /inbox/{originator}/{package_id}": OWN,
    "POST /inbox/{originator}/{package_id}/open": {
        "package.opened",
        "package.read",
        "package.use-denied",
        "receipt.signed",
    },
    "GET /inbox/{originator}/{package_id}/parts/{name}": {"package.read", "package.use-denied"},
    "GET /participants": SHARED,
    "PUT /participants/{participant}/descriptor": {"participant.rotated"},
    "POST /participants/{participant}/suspend": {"participant.suspended"},
    "POST /participants/{participant}/resume": {"participant.reinstated"},
    "POST /consents": {"consent.given"},
    "GET /consents": OWN,
    "GET /consents/{consent_id}": OWN,
    "POST /consents/requests": {"consent.asked"},
    "GET /consents/requests": OWN,
    "GET /consents/requests/{holder}/{request_id}": OWN,
    "POST /consents/refusals": {"consent.refused"},
    "GET /reviews": OWN,
    "POST /reviews/{package_id}/{recipient}": {"review.done"},
    "GET /officers": OWN,
    "POST /officers/withdrawal": {"officer.withdrawn"},
    "POST /officers/reinstatement": {"officer.reinstated"},
    "GET /policies": SHARED,
    "POST /policies": {"policy.proposed", "policy.refused"},
    "GET /policies/{policy_sha256}": SHARED,
    "GET /policies/{policy_sha256}/diff": SHARED,
    "POST /policies/{policy_sha256}/activation": {"policy.activated", "policy.refused"},
    "GET /purges": OWN,
    "GET /purges/{purge_id}": OWN,
    "POST /purges": {"purge.ordered"},
    "POST /purges/{purge_id}/approve": {
        "purge.approved",
        "purge.done",
        "package.purged",
        "package.expired",
        "receipt.signed",
    },
    "POST /purges/{purge_id}/reject": {"purge.rejected"},
    "GET /holds": OWN,
    "POST /holds": {"hold.placed"},
    "POST /holds/{hold_id}/lift": {"hold.lifted"},
    "GET /witnesses": OWN,
    "POST /witnesses/{participant}/clear": {"witness.cleared"},
    "GET /log/checkpoint": PUBLIC,
    "GET /log/vkeys": PUBLIC,
    "GET /log/tile/{path}": PUBLIC,
    "GET /log/entries": {"log.searched"},
    "GET /log/entries/{index}": {"log.searched"},
    "GET /log/proofs/inclusion": PUBLIC,
    "GET /log/proofs/consistency": PUBLIC,
    "GET /log/export": {"log.exported"},
    "GET /log/follow": {"log.searched"},
}
TAKEN = {"package.received", "package.announced", "package.refused-by-us", "receipt.signed"}
EXCHANGE: dict[str, set[str] | str] = {
    "POST /packages": TAKEN,
    "PUT /packages/{package_id}/parts/{number}/hashes": PROGRESS,
    "PUT /packages/{package_id}/parts/{number}": PROGRESS,
    "POST /packages/{package_id}/complete": TAKEN,
    "POST /receipts": {
        "receipt.stored",
        "package.delivered",
        "package.refused",
        "package.opened-by-partner",
        "witness.obtained",
    },
    "POST /consents": {"consent.given", "consent.rejected"},
    "POST /consents/refusals": {"consent.refused", "consent.rejected"},
    "GET /mailbox": OWN,
    "GET /mailbox/consents": OWN,
    "GET /mailbox/consents/refusals": OWN,
    "GET /packages/{package_id}": {"package.collected"},
    "GET /participant": SHARED,
    "POST /add-checkpoint": {"witness.cosigned", "witness.refused", "witness.alarm"},
}
OPEN = dict.fromkeys(("GET /healthz", "GET /readyz", "GET /metrics"), HEALTH)
OPEN |= {"GET /problems/{code}": SHARED, "HEAD /problems/{code}": SHARED}
SIGN_INS = {"session.signed-in"}
"""What any request of the agency API may leave besides."""


def test_every_endpoint_has_a_row_and_every_event_is_of_the_catalogue(place):
    async def story():
        async with place.open("irs-ci") as gateway:
            agency = {name.replace(" ", " /api/v1", 1) for name in AGENCY} | set(OPEN)
            assert endpoints_of(gateway.gateway.agency_api) == agency
            exchange = {name.replace(" ", " /exchange/v1", 1) for name in EXCHANGE}
            assert endpoints_of(gateway.gateway.exchange_api) == exchange | {n for n in OPEN if "problems" in n}

    asyncio.run(story())
    named = [codes for codes in (AGENCY | EXCHANGE).values() if isinstance(codes, set)]
    assert set().union(*named) <= {code.value for code in EventCode}


@dataclass
class Watched:
    """A store that notes which request logged what. A request that has its line is over: what comes then is nobody's."""

    store: Any
    lines: list[Any]
    logged: dict[str, set[str]] = field(default_factory=dict)

    def __getattr__(self, name: str):
        return getattr(self.store, name)

    async def write(self, unit):
        request = REQUEST_ID.get() or ""
        if any(line.get("request_id") == request for line in self.lines):
            request = ""
        noted = self.logged.setdefault(request, set())

        def watched(tx):
            return unit(_Noting(tx, noted))

        return await self.store.write(watched)


class _Noting:
    def __init__(self, tx, noted: set[str]) -> None:
        self._tx, self._noted = tx, noted

    def __getattr__(self, name: str):
        return getattr(self._tx, name)

    def log(self, event) -> int:
        self._noted.add(event.code.value)
        return self._tx.log(event)


async def _look(gateway, place) -> None:
    """What auditors and administrators do, which the story of packages does not."""
    auditor = await gateway.caller("auditor")
    listed = (await auditor.get("/packages")).json()["packages"]
    package_id = listed[-1]["package_id"]
    recipient = listed[-1]["recipients"][0]["recipient"]
    assert (await auditor.get(f"/packages/{package_id}")).status_code == 200
    assert (await auditor.get(f"/packages/{package_id}/receipts")).status_code == 200
    evidence = await auditor.get(f"/packages/{package_id}/evidence", params={"recipient": recipient})
    assert evidence.status_code == 200, evidence.text
    for path in ("/log/entries", "/log/entries/0", "/log/export", "/log/checkpoint", "/log/vkeys", "/witnesses"):
        assert (await auditor.get(path)).status_code == 200
    admin = await gateway.caller("partner-admin")
    raw = successor(place, "partner-singapore", name="another name")
    answer = await admin.put("/participants/partner-singapore/descriptor", content=raw, headers=JOSE)
    assert answer.status_code == 200
    for change in ("suspend", "resume"):
        assert (await admin.post(f"/participants/partner-singapore/{change}")).status_code == 200
    officer = await gateway.caller("security-officer")
    shown = next(d for d in listed for d in d["recipients"] if d.get("decision"))["decision"]["decision_id"]
    replayed = await auditor.get(f"/decisions/{shown}/replay")
    assert replayed.status_code == 200, replayed.text
    who = {"officer": "somebody", "note": "left"}
    assert (await officer.post("/officers/withdrawal", json=who)).status_code in {200, 204}
    assert (await officer.post("/officers/reinstatement", json=who)).status_code in {200, 204}


def test_an_endpoint_leaves_what_its_row_says(place):
    async def story():
        async with place.open("irs-ci") as gateway:
            with capture_logs() as lines:
                watched = Watched(gateway.agency.store, lines)
                agency = replace(gateway.agency, store=watched)
                gateway.gateway.exchange_api.state.agency = agency
                gateway.gateway.agency_api.state.agency = agency
                await _operate(gateway, agency, lambda _: None)
                await _look(gateway, place)
            seen: dict[str, set[str]] = {}
            for line in lines:
                if line["event"] != "request" or line["status"] >= 300:
                    continue
                rows = AGENCY if line["api"] == "attache agency API" else EXCHANGE
                name = f"{line['method']} {re.sub('^/(api|exchange)/v1', '', line['route']).replace(':path', '')}"
                logged = watched.logged.get(line["request_id"], set()) - SIGN_INS
                said = rows[name]
                allowed = said if isinstance(said, set) else set()
                assert logged <= allowed, f"{line['api']}, {name}: {sorted(logged - allowed)}"
                seen.setdefault(f"{line['api']}: {name}", set()).update(logged)
            silent = {name for name, logged in seen.items() if not logged}
            expected = {
                f"{api}: {name}"
                for api, rows in (("attache agency API", AGENCY), ("attache exchange API", EXCHANGE))
                for name, said in rows.items()
                if isinstance(said, str)
            }
            assert silent <= expected, "an endpoint with events in its row logged none"
            assert len(seen) >= 30

    asyncio.run(story())
