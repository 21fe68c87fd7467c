"""Purge by order: four eyes, and a legal hold that is stronger. What is refused leaves nothing but what the refusal logs."""

import asyncio

import pytest

from gateway.exchange.kernel.records import HoldRecord, PurgeRecord, Query
from gateway.exchange.kernel.state import PurgeState
from tests.exchange.attacking import ENVELOPE, WHOLE
from tests.exchange_place import a_submission, problem
from tests.purge.scene import THEM, US, Scene, open_scene

NOBODY = "01940000-0000-7000-8000-000000000000"


def play(place, scene_of, **more):
    async def story():
        async with open_scene(place, **more) as scene:
            await scene_of(scene)

    asyncio.run(story())


async def refuses(scene: Scene, answer, status: int, code: str) -> None:
    """`answer` is that problem, and nothing was written."""
    before = await scene.gateway.footprint()
    response = await answer()
    assert (response.status_code, problem(response)) == (status, code), response.text
    assert await scene.gateway.footprint() == before


def test_the_way_of_an_order(place):
    async def scene_of(scene):
        package_id, arrival_id = await scene.package(), await scene.arrival()
        before = len(await scene.gateway.entries())
        ordered = (await scene.order((US, package_id), (THEM, arrival_id), (US, package_id))).json()
        assert ordered["packages"] == [
            {"originator": US, "package_id": package_id},
            {"originator": THEM, "package_id": arrival_id},
        ]
        assert (await scene.head(package_id)).purged_at is None, "nothing is destroyed until it is confirmed"
        done = (await scene.approve(ordered["purge_id"])).json()
        assert (done["state"], done["decision"]) == ("done", "compared")
        entries = (await scene.gateway.entries())[before:]
        assert [code for code in entries if not code.startswith("records.")] == [
            "purge.ordered",
            "receipt.signed",
            "purge.approved",
            "package.expired",
            "package.purged",
            "purge.done",
            "package.purged",
            "purge.done",
        ]
        auditor = await scene.gateway.caller("auditor")
        listed = (await auditor.get("/purges")).json()
        assert [each["purge_id"] for each in listed["purges"]] == [done["purge_id"]]
        assert (await auditor.get(f"/purges/{done['purge_id']}")).json() == done
        shown = (await auditor.get("/log/entries", params={"event": "package.purged"})).json()["entries"]
        assert {entry["fields"]["record"]["originator"] for entry in shown} == {US, THEM}
        assert {entry["fields"]["reason"]["legal_basis"] for entry in shown} == {"Court order 12/26"}
        assert {entry["fields"]["person"]["actor"] for entry in shown} == {"second-officer"}

    play(place, scene_of)


def test_nobody_confirms_or_rejects_their_own_order(place):
    async def scene_of(scene):
        package_id = await scene.package()
        purge_id = (await scene.order((US, package_id))).json()["purge_id"]
        officer = await scene.officer()
        reason = {"reason": "changed my mind"}
        await refuses(scene, lambda: scene.approve(purge_id, by="first-officer"), 403, "own-order")
        await refuses(scene, lambda: officer.post(f"/purges/{purge_id}/reject", json=reason), 403, "own-order")
        assert (await scene.head(package_id)).purged_at is None

    play(place, scene_of)


def test_only_security_officers_order_and_confirm(place):
    async def scene_of(scene):
        package_id = await scene.package()
        purge_id = (await scene.order((US, package_id))).json()["purge_id"]
        places = [{"originator": US, "package_id": package_id}]
        named = {"packages": places, "legal_basis": "b", "note": "n"}
        for name in ("analyst", "auditor", "operator", "partner-admin", "attache-bogota"):
            client = await scene.gateway.caller(name)
            for path, body in (
                ("/purges", named),
                (f"/purges/{purge_id}/approve", {"note": "n"}),
                (f"/purges/{purge_id}/reject", {"reason": "n"}),
                ("/holds", named),
                (f"/holds/{purge_id}/lift", {"note": "n"}),
            ):
                await refuses(scene, lambda c=client, p=path, b=body: c.post(p, json=b), 403, "not-permitted")

    play(place, scene_of)


def test_a_decided_or_lapsed_order_is_not_decided_again(place):
    async def scene_of(scene):
        package_id, other = await scene.package(), await scene.package()
        second = await scene.officer("second-officer")
        rejected = (await scene.order((US, package_id))).json()["purge_id"]
        answer = await second.post(f"/purges/{rejected}/reject", json={"reason": "not these"})
        assert (answer.json()["state"], answer.json()["decision"]) == ("rejected", "not these")
        assert (await scene.gateway.entries())[-1] == "purge.rejected"
        await refuses(scene, lambda: scene.approve(rejected), 409, "illegal-transition")
        lapsed = (await scene.order((US, other))).json()["purge_id"]
        scene.time.forward(days=14, seconds=1)
        await refuses(scene, lambda: scene.approve(lapsed), 409, "illegal-transition")
        await scene.keep_up()
        record = await scene.agency.store.read(lambda reader: reader.get(PurgeRecord.key(lapsed)))
        assert record.state is PurgeState.LAPSED
        assert "purge.lapsed" in await scene.gateway.entries()
        await refuses(scene, lambda: scene.approve(NOBODY), 404, "not-found")
        assert (await scene.head(package_id)).purged_at is None
        assert (await scene.head(other)).purged_at is None

    play(place, scene_of)


def test_a_held_package_is_refused_by_order_and_skipped_by_rule(place):
    async def scene_of(scene):
        held, free, arrival_id = await scene.package(), await scene.package(), await scene.arrival()
        early = (await scene.order((THEM, arrival_id), (US, held), (US, free))).json()["purge_id"]
        hold = (await scene.hold((US, held))).json()
        await refuses(scene, lambda: scene.order((US, free), (US, held)), 409, "on-hold")
        await refuses(scene, lambda: scene.approve(early), 409, "on-hold")
        assert (await scene.head(free)).purged_at is None, "all of an order or nothing"
        scene.time.forward(days=100)
        await scene.keep_up()
        scene.time.forward(days=3650)
        await scene.keep_up()
        assert (await scene.head(held)).purged_at is None
        assert (await scene.head(free)).purged_at is not None
        officer, second = await scene.officer(), await scene.officer("second-officer")
        lifting = {"note": "case closed"}
        path = f"/holds/{hold['hold_id']}/lift"
        await refuses(scene, lambda: officer.post(path, json=lifting), 403, "own-order")
        lifted = await second.post(path, json=lifting)
        assert (lifted.status_code, lifted.json()["lifting"]) == (200, "case closed")
        await refuses(scene, lambda: second.post(path, json=lifting), 409, "illegal-transition")
        await refuses(scene, lambda: second.post(f"/holds/{NOBODY}/lift", json=lifting), 404, "not-found")
        await scene.keep_up()
        assert (await scene.head(held)).purged_at is not None
        listed = (await second.get("/holds")).json()["holds"]
        assert [(each["hold_id"], bool(each["lifted_at"])) for each in listed] == [(hold["hold_id"], True)]

    play(place, scene_of)


def test_two_holds_are_two(place):
    async def scene_of(scene):
        held = await scene.package()
        first, second = [(await scene.hold((US, held), by=name)).json()["hold_id"] for name in ("a", "b")]
        officer = await scene.officer("c")
        assert (await officer.post(f"/holds/{first}/lift", json={"note": "n"})).status_code == 200
        await refuses(scene, lambda: scene.order((US, held)), 409, "on-hold")
        rows = await scene.agency.store.read(lambda reader: reader.find(Query(HoldRecord, equal={"lifted_at": None})))
        assert [row.hold_id for row in rows] == [second]

    play(place, scene_of)


def test_what_is_not_there_or_purged_is_not_ordered_or_held(place):
    async def scene_of(scene):
        package_id = await scene.package()
        await refuses(scene, lambda: scene.order((US, NOBODY)), 404, "not-found")
        await refuses(scene, lambda: scene.order((THEM, package_id)), 404, "not-found")
        await refuses(scene, lambda: scene.hold((US, package_id), (THEM, package_id)), 404, "not-found")
        twice = [(await scene.order((US, package_id))).json()["purge_id"] for _ in range(2)]
        assert (await scene.approve(twice[0])).status_code == 200
        await refuses(scene, lambda: scene.approve(twice[1]), 410, "purged")
        await refuses(scene, lambda: scene.order((US, package_id)), 410, "purged")
        await refuses(scene, lambda: scene.hold((US, package_id)), 410, "purged")

    play(place, scene_of)


def test_a_partners_package_under_our_packages_id_is_another_package(place):
    """A partner chooses its ids: one that repeats ours can neither purge ours nor be found under its key."""

    async def scene_of(scene):
        package_id = await scene.package()
        same = scene.sender().package(b"a trap", title="Zq-title-Zq", package_id=package_id)
        peer = await scene.gateway.peer(THEM)
        answer = await peer.post("/packages", content=same.whole, headers={"Content-Type": WHOLE})
        assert answer.status_code == 200
        await scene.purged((THEM, package_id))
        assert (await scene.head(package_id)).purged_at is None
        shown = (await (await scene.desk()).get(f"/packages/{package_id}")).json()
        assert (shown["state"], shown["title"]) == ("submitted", "Zq-title-Zq")
        assert (await scene.audit()).findings == ()

    play(place, scene_of)


def test_a_purged_package_is_a_tombstone_and_nothing_of_it_is_given(place):
    async def scene_of(scene):
        package_id, arrival_id = await scene.package(), await scene.arrival()
        [decision] = {
            life["decision"]["decision_id"]
            for life in (await (await scene.desk()).get(f"/packages/{package_id}")).json()["recipients"]
        }
        await scene.purged((US, package_id), (THEM, arrival_id))
        desk, auditor = await scene.desk(), await scene.gateway.caller("auditor")
        mailbox = await scene.gateway.peer("partner-bogota")
        inbox = f"/inbox/{THEM}/{arrival_id}"
        for answer in (
            lambda: desk.get(f"/packages/{package_id}/sealed/partner-bogota"),
            lambda: mailbox.get(f"/packages/{package_id}"),
            lambda: desk.post(f"{inbox}/open"),
            lambda: desk.get(f"{inbox}/parts/part-0.txt"),
        ):
            await refuses(scene, answer, 410, "purged")
        for client in (desk, auditor):
            [shown] = (await client.get("/packages")).json()["packages"]
            assert (shown["state"], shown["title"], shown["parts"]) == ("purged", "", [])
            assert shown["purged_at"] is not None
            assert [life["state"] for life in shown["recipients"]] == ["expired"]
        [arrived] = (await desk.get("/inbox")).json()["packages"]
        assert (arrived["state"], arrived["title"], arrived["parts"]) == ("purged", "", [])
        assert (await desk.get(inbox)).json() == arrived
        assert len((await desk.get(f"/packages/{package_id}/receipts")).json()["receipts"]) == 0
        assert await replayed(scene, decision) == "purged"
        assert (await mailbox.get("/mailbox")).json()["packages"] == []

    play(place, scene_of)


async def replayed(scene, decision_id) -> str:
    from attache.errors import AttacheError
    from gateway.app import load_ring, log_keys
    from gateway.exchange.oversight.replay import replay_decision
    from gateway.store import open_reading

    settings = scene.settings
    keys = log_keys(settings, load_ring(settings))
    with open_reading(settings.database_url, keys) as (reader, log), pytest.raises(AttacheError) as refused:
        replay_decision(reader, log, log.vault, US, decision_id)
    return refused.value.code


def test_a_purged_packages_announcement_is_refused_with_the_receipt_of_then(place):
    async def scene_of(scene):
        package = scene.sender().package(b"Zq-content-Zq" * 99, title="Zq-title-Zq")
        peer = await scene.gateway.peer(THEM)
        first = await peer.post("/packages", content=package.whole, headers={"Content-Type": WHOLE})
        await scene.purged((THEM, package.package_id))
        for media_type, content in ((WHOLE, package.whole), (ENVELOPE, package.frame)):
            before = await scene.gateway.footprint()
            answer = await peer.post("/packages", content=content, headers={"Content-Type": media_type})
            assert (answer.status_code, problem(answer)) == (410, "purged")
            assert answer.json()["receipt"] == first.json(), "that it was delivered stays true"
            assert await scene.gateway.footprint() == before
        forged = scene.sender().package(b"other bytes", package_id=package.package_id)
        answer = await peer.post("/packages", content=forged.whole, headers={"Content-Type": WHOLE})
        assert (answer.status_code, problem(answer)) == (409, "package-conflict"), "an id never means two things"
        assert (await scene.head(package.package_id, THEM)).frame == b""

    play(place, scene_of)


def test_the_endpoints_read_what_they_name_and_nothing_else(place):
    async def scene_of(scene):
        package_id, officer = await scene.package(), await scene.officer()
        good = {"originator": US, "package_id": package_id}
        words = {"legal_basis": "b", "note": "n"}
        for body in (
            {"packages": [], **words},
            {"packages": [good] * 101, **words},
            {"packages": [{**good, "more": 1}], **words},
            {"packages": [{**good, "package_id": "x"}], **words},
            {"packages": [good], "legal_basis": "", "note": "n"},
            {"packages": [good], "legal_basis": "b"},
            {"packages": [good], **words, "note": "n" * 2001},
        ):
            for path in ("/purges", "/holds"):
                await refuses(scene, lambda p=path, b=body: officer.post(p, json=b), 422, "malformed-request")

    play(place, scene_of)


def test_a_package_that_is_still_under_way_ends_before_it_is_purged(place):
    async def scene_of(scene):
        answer = await scene.gateway.submit(await scene.desk(), a_submission(to=["partner-frankfurt"]))
        package_id = answer.json()["package_id"]
        await scene.purged((US, package_id))
        shown = (await (await scene.desk()).get(f"/packages/{package_id}")).json()
        assert [(life["state"], life["problem"]) for life in shown["recipients"]] == [("expired", "package-expired")]
        from gateway.exchange.delivering.outbox import Outbox

        assert await Outbox(scene.agency).claim(10, frozenset()) == [], "nothing of it is carried any more"
        assert (await scene.audit()).findings == ()

    play(place, scene_of)
