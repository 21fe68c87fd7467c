"""Purge by rule: what is due is purged, what is held or under way is not, and what was never whole is given up."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from attache.package import instant_text
from attache.receipt import ReceiptKind
from gateway.exchange.delivering.outbox import Outbox
from gateway.exchange.ending import retention
from gateway.exchange.kernel.records import ApprovalRecord, OutboxRecord, Query, ReleaseRecord
from gateway.exchange.kernel.state import ApprovalState, ArrivalState, OutboxState
from gateway.exchange.receipts.accept import accept_receipt
from tests.exchange.attacking import ENVELOPE, OCTETS, WHOLE
from tests.exchange.test_log_completeness import _receipt
from tests.exchange_place import a_part, a_submission, problem
from tests.purge.scene import CONTENT, THEM, found_in, open_scene


def play(place, scene_of, **more):
    async def story():
        async with open_scene(place, **more) as scene:
            await scene_of(scene)
            assert (await scene.audit()).findings == ()

    asyncio.run(story())


async def states(scene, package_id) -> list[str]:
    shown = (await (await scene.desk()).get(f"/packages/{package_id}")).json()
    return [life["state"] for life in shown["recipients"]]


def test_our_package_goes_when_its_retention_after_its_last_day_has_ended(place):
    async def scene_of(scene):
        package_id = await scene.package()
        scene.time.forward(days=89)
        await scene.keep_up()
        assert await states(scene, package_id) == ["released"]
        scene.time.forward(days=2)
        await scene.keep_up()
        assert await states(scene, package_id) == ["expired"]
        assert "package.expired" in await scene.gateway.entries()
        for days in (8, 2):
            await scene.keep_up()
            assert (await scene.head(package_id)).purged_at is None
            scene.time.forward(days=days)
        await scene.keep_up()
        assert (await scene.head(package_id)).purged_at is not None
        assert (await scene.tombstone(package_id)).purge_id == ""
        auditor = await scene.gateway.caller("auditor")
        [entry] = (await auditor.get("/log/entries", params={"event": "package.purged"})).json()["entries"]
        assert entry["fields"]["reason"] == {"rule": "retention"}

    play(place, scene_of, retention_days=10)


def test_our_package_goes_when_its_submitter_said(place):
    async def scene_of(scene):
        until = scene.time() + timedelta(days=30)
        desk = await scene.desk()
        denied = a_submission(a_part(markings=["TLP:RED"]), retain_until=instant_text(until))
        package_id = (await scene.gateway.submit(desk, denied)).json()["package_id"]
        [state] = await states(scene, package_id)
        assert state in {"denied", "held"}
        scene.time.forward(days=29)
        await scene.keep_up()
        assert (await scene.head(package_id)).purged_at is None
        scene.time.forward(days=2)
        await scene.keep_up()
        assert (await scene.head(package_id)).purged_at is not None

    play(place, scene_of)


def test_what_is_under_way_is_not_purged_before_it_has_expired(place):
    """Its own retention ends first: it is looked at again every day until its life has ended."""

    async def scene_of(scene):
        until, end = scene.time() + timedelta(days=3), scene.time() + timedelta(days=10)
        terms = {"retain_until": instant_text(until), "expires_at": instant_text(end)}
        answer = await scene.gateway.submit(await scene.desk(), a_submission(to=["partner-frankfurt"], **terms))
        package_id = answer.json()["package_id"]
        assert len(await Outbox(scene.agency).claim(10, frozenset())) == 1
        scene.time.forward(days=4)
        await scene.keep_up()
        assert await states(scene, package_id) == ["delivering"]
        assert (await scene.head(package_id)).purged_at is None
        scene.time.forward(days=7)
        await scene.keep_up()
        assert await states(scene, package_id) == ["expired"]
        assert (await scene.head(package_id)).purged_at is not None
        [row] = await scene.agency.store.read(lambda reader: reader.find(Query(OutboxRecord)))
        assert (row.state, row.problem) == (OutboxState.FAILED, "package-expired")

    play(place, scene_of)


def test_what_waits_for_an_approval_is_rejected_when_its_package_expires(place):
    async def scene_of(scene):
        part, end = a_part(markings=["TLP:AMBER"]), scene.time() + timedelta(days=2)
        submission = a_submission(part, to=["partner-bogota"], expires_at=instant_text(end))
        answer = (await scene.gateway.submit(await scene.desk(), submission)).json()
        assert [life["state"] for life in answer["recipients"]] == ["held"]
        scene.time.forward(days=3)
        await scene.keep_up()
        assert await states(scene, answer["package_id"]) == ["rejected"]
        [approval] = await scene.agency.store.read(lambda reader: reader.find(Query(ApprovalRecord)))
        assert approval.state is ApprovalState.VOID
        assert (await scene.gateway.entries())[-1] == "package.expired"

    play(place, scene_of)


def test_a_receipt_after_the_term_is_still_evidence(place):
    async def scene_of(scene):
        answer = await scene.gateway.submit(await scene.desk(), a_submission(to=["partner-frankfurt"]))
        package_id = answer.json()["package_id"]
        scene.time.forward(days=91)
        await scene.keep_up()
        assert await states(scene, package_id) == ["expired"]
        life = await scene.agency.store.read(lambda reader: reader.get(ReleaseRecord.key(package_id, THEM)))
        signed = _receipt(scene.gateway, life, ReceiptKind.DELIVERED)
        await accept_receipt(scene.agency, scene.agency.directory.partner(THEM), signed)
        assert await states(scene, package_id) == ["delivered"]

    play(place, scene_of)


@pytest.mark.parametrize("stated", [None, 5])
def test_what_came_to_us_goes_when_its_originator_said_or_when_it_expires(place, stated):
    async def scene_of(scene):
        until = None if stated is None else scene.time() + timedelta(days=stated)
        package = scene.sender().package(CONTENT, title="Zq-title-Zq", retain_until=until)
        await scene.arrival(package)
        days = stated or 30
        scene.time.forward(days=days, hours=-1)
        await scene.keep_up()
        assert (await scene.head(package.package_id, THEM)).purged_at is None
        scene.time.forward(hours=2)
        await scene.keep_up()
        record = await scene.head(package.package_id, THEM)
        assert (record.state, record.purged_at is None) == (ArrivalState.OPENED, False)
        receipts = [code for code in await scene.gateway.entries() if code == "receipt.signed"]
        assert len(receipts) == 2, "delivered, and opened before its package went"

    play(place, scene_of)


def test_what_was_announced_and_never_came_whole_is_given_up_with_its_room(place):
    async def scene_of(scene):
        package = scene.sender().package(CONTENT * 2000)
        peer = await scene.gateway.peer(THEM)
        answer = await peer.post("/packages", content=package.frame, headers={"Content-Type": ENVELOPE})
        assert answer.status_code == 201
        blobs = [path for path in scene.settings.blobs_dir.rglob("*") if path.is_file()]
        assert [path.stat().st_size for path in blobs] == [len(package.ciphertexts[0])]
        scene.time.forward(days=2)
        await scene.keep_up()
        assert blobs[0].exists()
        scene.time.forward(days=2)
        await scene.keep_up()
        assert not blobs[0].exists()
        record = await scene.head(package.package_id, THEM)
        assert (record.state, record.purged_at is None, record.frame) == (ArrivalState.EXPIRED, False, b"")
        assert "package.expired" in await scene.gateway.entries()
        headers = {"Content-Type": OCTETS, "Content-Range": f"bytes 0-9/{len(package.ciphertexts[0])}"}
        path = f"/packages/{package.package_id}"
        before = await scene.gateway.footprint()
        for late in (
            await peer.put(f"{path}/parts/0", content=b"0123456789", headers=headers),
            await peer.post(f"{path}/complete"),
            await peer.post("/packages", content=package.frame, headers={"Content-Type": ENVELOPE}),
            await peer.post("/packages", content=package.whole, headers={"Content-Type": WHOLE}),
        ):
            assert (late.status_code, problem(late)) == (410, "purged")
        assert await scene.gateway.footprint() == before
        assert (await (await scene.desk()).get("/inbox")).json()["packages"] == []

    play(place, scene_of, arrival_deadline_seconds=3 * 86400)


def test_what_came_whole_after_its_announcement_keeps_its_own_term(place):
    async def scene_of(scene):
        package = scene.sender().package(CONTENT)
        peer = await scene.gateway.peer(THEM)
        await peer.post("/packages", content=package.frame, headers={"Content-Type": ENVELOPE})
        await peer.post("/packages", content=package.whole, headers={"Content-Type": WHOLE})
        scene.time.forward(days=5)
        await scene.keep_up()
        assert (await scene.head(package.package_id, THEM)).purged_at is None
        scene.time.forward(days=26)
        await scene.keep_up()
        assert (await scene.head(package.package_id, THEM)).purged_at is not None

    play(place, scene_of, arrival_deadline_seconds=3 * 86400)


def test_more_than_one_batch_is_purged(place, monkeypatch):
    monkeypatch.setattr(retention, "AT_ONCE", 2)

    async def scene_of(scene):
        desk, ids = await scene.desk(), []
        for _ in range(5):
            denied = a_submission(
                a_part(markings=["TLP:RED"]), retain_until=instant_text(scene.time() + timedelta(days=1))
            )
            ids.append((await scene.gateway.submit(desk, denied)).json()["package_id"])
        scene.time.forward(days=20)
        await scene.keep_up()
        assert [package_id for package_id in ids if (await scene.head(package_id)).purged_at is None] == []
        assert found_in(scene.settings.state_dir, [b"Mixer proceeds"]) == []

    play(place, scene_of)


def test_a_lost_data_key_is_lost_integrity_and_does_not_stop_the_others(place):
    async def scene_of(scene):
        lost, other = await scene.package(), await scene.package()
        with closing(sqlite3.connect(scene.settings.key_shelf_file)) as keys, keys:
            keys.execute("delete from data_key where package_id = ?", (lost,))
        return lost, other

    async def first():
        async with open_scene(place) as scene:
            return await scene_of(scene)

    lost, other = asyncio.run(first())

    async def second():
        async with open_scene(place) as scene:
            answer = await (await scene.desk()).get(f"/packages/{lost}")
            assert (answer.status_code, problem(answer)) == (500, "integrity-lost")
            for days in (100, 3700):
                scene.time.forward(days=days)
                await scene.keep_up()
            assert (await scene.head(other)).purged_at is not None
            assert (await scene.head(lost)).purged_at is not None

    asyncio.run(second())
