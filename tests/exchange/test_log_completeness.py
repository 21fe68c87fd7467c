"""Every operation that changes something is logged in the very transaction that changes it; the exceptions are named here.

The store is watched: of each unit of work it is noted which records it added and changed, and what it logged.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from typing import Any

from attache import clock
from attache.package import parse_frame
from attache.receipt import Receipt, ReceiptKind, sign_receipt
from gateway.exchange.delivering.outbox import Outbox
from gateway.exchange.kernel.records import ReleaseRecord
from gateway.exchange.oversight.participants import set_status
from gateway.identity.caller import Caller
from gateway.partners import ParticipantStatus
from tests.exchange.attacking import ENVELOPE, JOSE, OCTETS, WHOLE, Sender
from tests.exchange_place import a_part, a_submission

# What may change without an entry: where bytes stand that are in nobody's hands yet, and who is at which delivery.
PROGRESS: Mapping[str, frozenset[str]] = {
    "ArrivalPartRecord": frozenset({"block_hashes", "blocks_missing"}),
    "OutboxRecord": frozenset({"state", "due_at", "lease_until", "attempts", "problem"}),
    "ReleaseRecord": frozenset({"state=delivering", "changed_at"}),
}
UNSENT = frozenset({"PackageRecord", "PartRecord", "IdempotencyRecord"})
"""A draft and its parts are their submitter's until they are submitted."""


@dataclass
class Unit:
    """What one unit of work did: `Kind` for a record added, `Kind.field` for one changed; and the entries' codes."""

    did: set[str] = field(default_factory=set)
    logged: list[str] = field(default_factory=list)


class WatchedTransaction:
    def __init__(self, tx, unit: Unit) -> None:
        self._tx, self._unit = tx, unit

    def __getattr__(self, name: str):
        return getattr(self._tx, name)

    def add(self, record) -> None:
        self._tx.add(record)
        self._unit.did.add(type(record).__name__)

    def change(self, record, /, **changes):
        after = self._tx.put(record, replace(record, **changes))
        for each in fields(record):
            if getattr(record, each.name) != getattr(after, each.name):
                said = f"={after.state}" if each.name == "state" else ""
                self._unit.did.add(f"{type(record).__name__}.{each.name}{said}")
        return after

    def log(self, event) -> int:
        self._unit.logged.append(event.code.value)
        return self._tx.log(event)

    def claim_outbox(self, *args):
        claimed = self._tx.claim_outbox(*args)
        if claimed:
            self._unit.did.add("OutboxRecord.lease_until")
        return claimed


@dataclass
class WatchedStore:
    store: Any
    units: list[Unit] = field(default_factory=list)

    def __getattr__(self, name: str):
        return getattr(self.store, name)

    async def write(self, unit: Callable[[Any], Any]):
        seen = Unit()

        def watched(tx):
            return unit(WatchedTransaction(tx, seen))

        answer = await self.store.write(watched)
        self.units.append(seen)
        return answer


def is_progress(did: str) -> bool:
    kind, _, changed = did.partition(".")
    if not changed:
        return kind in UNSENT
    allowed = PROGRESS.get(kind, frozenset())
    return changed in allowed or (changed.partition("=")[0] in allowed)


def watch(gateway) -> WatchedStore:
    """Put the watch between the use cases and the store, in both applications."""
    watched = WatchedStore(gateway.agency.store)
    agency = replace(gateway.agency, store=watched)
    gateway.gateway.exchange_api.state.agency = agency
    gateway.gateway.agency_api.state.agency = agency
    return watched


async def _operate(gateway, agency, note: Callable[[str], None]) -> None:
    """Every operation that changes something, once, each with its name noted."""
    await _send(gateway, agency, note)
    await _receive(gateway, note)
    await _approve(gateway, note)
    officer = Caller("officer", "console", "pseudonym", frozenset(), clock.now() + timedelta(hours=1))
    await set_status(agency, officer, "partner-sydney", ParticipantStatus.SUSPENDED)
    note("suspend")
    await set_status(agency, officer, "partner-sydney", ParticipantStatus.ACTIVE)
    note("resume")


async def _send(gateway, agency, note) -> None:
    analyst = await gateway.caller("analyst")
    outbox = Outbox(agency)
    answer = await gateway.submit(analyst, a_submission(to=["partner-frankfurt", "partner-bogota", "europol"]))
    package_id = answer.json()["package_id"]
    note("submit")
    draft = (await gateway.submit(analyst, a_submission(a_part(content=None), submit=False))).json()["package_id"]
    note("draft")
    await analyst.put(f"/packages/{draft}/parts/note.txt", content=b"x", headers={"Content-Type": "text/plain"})
    note("upload")
    assert (await analyst.post(f"/packages/{draft}/submit")).status_code == 202
    note("submit-draft")
    answer = await analyst.post("/decisions", json=_without(a_submission(), "submit"))
    assert answer.status_code == 200, answer.text
    note("dry-run")
    assert (await analyst.get(f"/packages/{package_id}/sealed/partner-frankfurt")).status_code == 200
    note("export")
    claimed = await outbox.claim(10, frozenset())
    note("claim")
    await outbox.postpone(claimed[1], _unreachable(), claimed[1].outbox.deadline_at)
    note("give-up")
    life = await agency.store.read(lambda r: r.get(ReleaseRecord.key(package_id, "partner-frankfurt")))
    for kind in (ReceiptKind.DELIVERED, ReceiptKind.OPENED):
        signed = _receipt(gateway, life, kind)
        if kind is ReceiptKind.DELIVERED and claimed[0].outbox.package_id == package_id:
            await outbox.settle(claimed[0], signed)
        else:
            peer = await gateway.peer("partner-frankfurt")
            answer = await peer.post("/receipts", content=signed, headers={"Content-Type": JOSE})
            assert answer.status_code == 204
        note(f"receipt-{kind}")
    bogota = await gateway.peer("partner-bogota")
    assert (await bogota.get(f"/packages/{package_id}")).status_code == 200
    note("collect")


async def _approve(gateway, note) -> None:
    analyst, attache = await gateway.caller("analyst"), await gateway.caller("attache-bogota")
    for decision in ("approve", "reject"):
        part = a_part(markings=["TLP:AMBER"])
        held = await gateway.submit(analyst, a_submission(part, to=["partner-bogota"]))
        [life] = held.json()["recipients"]
        assert life["state"] == "held"
        note("hold")
        path = f"/approvals/{life['approval_id']}"
        answer = await attache.post(path, json={"decision": decision, "reason": "seen"})
        assert answer.status_code == 200, answer.text
        note(decision)


async def _receive(gateway, note) -> None:
    sender = Sender(gateway.place.made, "partner-frankfurt", "irs-ci")
    peer = await gateway.peer("partner-frankfurt")
    whole, slow = sender.package(), sender.package(b"slowly")
    assert (await peer.post("/packages", content=whole.whole, headers={"Content-Type": WHOLE})).status_code == 200
    note("receive")
    answer = await peer.post("/packages", content=slow.frame, headers={"Content-Type": ENVELOPE})
    assert answer.status_code == 201
    note("announce")
    path, [ciphertext] = f"/packages/{slow.package_id}", slow.ciphertexts
    octets = {"Content-Type": OCTETS, "Content-Range": f"bytes 0-{len(ciphertext) - 1}/{len(ciphertext)}"}
    await peer.put(f"{path}/parts/0/hashes", content=slow.sealed[0].block_hashes, headers=octets)
    note("hashes")
    await peer.put(f"{path}/parts/0", content=ciphertext, headers=octets)
    note("blocks")
    assert (await peer.post(f"{path}/complete")).status_code == 200
    note("complete")
    forged = sender.package(package_id=whole.package_id)
    assert (await peer.post("/packages", content=forged.whole, headers={"Content-Type": WHOLE})).status_code == 409
    note("refuse")
    reader = await gateway.caller("analyst")
    for name in ("open", "open-again"):
        assert (await reader.post(f"/inbox/partner-frankfurt/{whole.package_id}/open")).status_code == 200
        note(name)
    part = f"/inbox/partner-frankfurt/{whole.package_id}/parts/part-0.txt"
    assert (await reader.get(part)).status_code == 200
    note("read-part")


def _without(body: dict, *names: str) -> dict:
    parts = [{k: v for k, v in part.items() if k != "content"} | {"bytes": 6} for part in body["parts"]]
    return {**{k: v for k, v in body.items() if k not in names}, "parts": parts}


def _unreachable():
    from attache.errors import PartnerUnreachable

    return PartnerUnreachable()


def _receipt(gateway, life, kind) -> bytes:
    envelope = parse_frame(life.frame)
    receipt = Receipt(
        receipt=kind,
        package_id=envelope.package_id,
        originator="irs-ci",
        recipient="partner-frankfurt",
        envelope_sha256=envelope.sha256,
        manifest_sha256=life.manifest_sha256,
        parts=tuple(part.ciphertext_root for part in envelope.parts),
        at=clock.now(),
    )
    return sign_receipt(receipt, gateway.place.made["partner-frankfurt"].keys)


MUST_LOG = {
    "submit": {"package.submitted", "package.decided", "package.released"},
    "hold": {"package.submitted", "package.decided", "package.held"},
    "approve": {"package.approved", "package.decided", "package.released"},
    "reject": {"package.rejected"},
    "submit-draft": {"package.submitted", "package.decided", "package.released"},
    "dry-run": {"decision.dry-run"},
    "export": {"package.exported"},
    "give-up": {"package.undeliverable"},
    "receipt-delivered": {"receipt.stored", "package.delivered"},
    "receipt-opened": {"receipt.stored", "package.opened-by-partner"},
    "collect": {"package.collected"},
    "receive": {"package.received", "receipt.signed"},
    "announce": {"package.announced"},
    "complete": {"package.received", "receipt.signed"},
    "refuse": {"package.refused-by-us"},
    "open": {"package.opened"},
    "open-again": {"package.read"},
    "read-part": {"package.read"},
    "suspend": {"participant.suspended"},
    "resume": {"participant.reinstated"},
}
MAY_BE_SILENT = {"draft", "upload", "claim", "hashes", "blocks"}


def test_every_change_is_logged_in_its_own_transaction(place):
    async def story():
        async with place.open("irs-ci") as gateway:
            watched = watch(gateway)
            agency = gateway.gateway.exchange_api.state.agency
            done: dict[str, list[Unit]] = {}

            def note(operation: str) -> None:
                done[operation], watched.units = watched.units, []

            await _operate(gateway, agency, note)
            assert set(done) == set(MUST_LOG) | MAY_BE_SILENT
            for operation, units in done.items():
                for unit in units:
                    changes = {did for did in unit.did if not is_progress(did)}
                    assert unit.logged or not changes, f"{operation}: {sorted(changes)} without an entry"
                logged = {code for unit in units for code in unit.logged}
                assert logged == MUST_LOG.get(operation, set()), operation

    asyncio.run(story())
