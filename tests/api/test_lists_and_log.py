"""Lists page without loss or repetition, and the log that auditors see verifies offline."""

import asyncio

import pytest

from attache.evidence.directory import verify_log_directory
from attache.translog.merkle import leaf_hash, verify_inclusion
from attache.translog.proof import parse_proof
from attache.translog.signing import open_checkpoint
from attache.translog.tiles import ENTRIES, Tile, parse_bundle
from attache.translog.vkey import parse_vkey
from gateway.exchange_log import EventCode
from tests.api.lines import Lines, delivering, desk_of, emptied
from tests.exchange_place import a_part, problem


async def pages(client, path: str, member: str, limit: int) -> list[list[dict]]:
    """A list, page by page, until it says that it is over."""
    found, after = [], ""
    while after is not None:
        page = (await client.get(path, params={"limit": limit, **({"after": after} if after else {})})).json()
        found.append(page[member])
        after = page["next"]
    return found


def test_packages_are_paged_newest_first(place):
    async def story():
        async with place.open() as gateway:
            analyst, colleague = await gateway.caller("analyst"), await gateway.caller("colleague")
            auditor = await gateway.caller("auditor")
            mine = [await gateway.released(analyst) for _ in range(5)]
            other = await gateway.released(colleague)
            found = await pages(analyst, "/packages", "packages", 2)
            assert [len(page) for page in found] == [2, 2, 1]
            assert [view["package_id"] for page in found for view in page] == mine[::-1]
            everything = await pages(auditor, "/packages", "packages", 2)
            assert [view["package_id"] for page in everything for view in page] == [other, *mine[::-1]]

    asyncio.run(story())


def test_the_inbox_is_paged_newest_first(place):
    async def story():
        async with place.open() as ours, place.open("partner-frankfurt") as theirs:
            analyst, reader = await desk_of(ours), await desk_of(theirs)
            package_ids = []
            async with delivering(ours, Lines(ours, theirs)):
                for _ in range(5):
                    package_ids.append(await ours.released(analyst))
                    await emptied(ours)
            found = await pages(reader, "/inbox", "packages", 2)
            assert [len(page) for page in found] == [2, 2, 1]
            assert [view["package_id"] for page in found for view in page] == package_ids[::-1]
            for nonsense in ("x", "!", "AAAA", "MjAyNi0xMS0yMlQwOTowMDowMFogeA", "/w"):
                assert problem(await reader.get("/inbox", params={"after": nonsense})) == "malformed-request"

    asyncio.run(story())


def test_log_entries_are_paged_in_their_order(desk):
    async def story():
        auditor = await desk.caller("auditor")
        size = len(await desk.entries())
        found = await pages(auditor, "/log/entries", "entries", max(2, size // 2))
        indexes = [entry["index"] for page in found for entry in page]
        assert indexes[:size] == list(range(size))
        assert indexes == list(range(len(indexes)))  # and the searches themselves
        assert len(found) >= 3
        single = (await auditor.get("/log/entries/0")).json()
        assert single == found[0][0]

    desk.run(story())


def test_searching_is_itself_an_entry_and_finds_by_real_ids(desk):
    async def story():
        analyst, auditor = await desk.caller("analyst"), await desk.caller("auditor")
        package_id = await desk.released(analyst, a_part(), to=("europol",))
        searches = {
            "package_id": package_id,
            "actor": "analyst",
            "partner": "europol",
            "event": EventCode.PACKAGE_RELEASED.value,
        }
        for name, value in searches.items():
            found = (await auditor.get("/log/entries", params={name: value, "limit": 1000})).json()["entries"]
            assert any(entry["fields"]["record"].get("package_id") == package_id for entry in found), name
        both = (await auditor.get("/log/entries", params=searches)).json()["entries"]
        assert [entry["event"] for entry in both] == ["package.released"]
        assert both[0]["fields"]["person"]["actor"] == "analyst"
        assert both[0]["fields"]["reason"]["legal_basis"] == "EUROPOL-AGREEMENT"
        last = (await auditor.get("/log/entries", params={"event": "log.searched", "limit": 1000})).json()["entries"][
            -1
        ]
        assert last["fields"]["record"]["filter"] == {
            "code": searches["event"],
            "actor": "analyst",
            "package_id": package_id,
            "partner": "europol",
            "after": -1,
        }
        none = (await auditor.get("/log/entries", params={"actor": "nobody at all"})).json()
        assert none == {"entries": [], "next": None}

    desk.run(story())


async def resource(client, path: str) -> bytes | None:
    answer = await client.get(f"/log/{path}")
    return answer.content if answer.status_code == 200 else None


def test_the_whole_log_verifies_from_what_the_api_serves(desk):
    async def story():
        auditor = await desk.caller("auditor")
        vkeys = (await auditor.get("/log/vkeys")).text.split()
        checkpoint = await resource(auditor, "checkpoint")
        wanted: dict[str, bytes | None] = {"checkpoint": checkpoint}
        asked: list[str] = []

        def read(path):
            if path not in wanted:
                asked.append(path)
            return wanted.get(path)

        while not (report := verify_log_directory(read, vkeys)) or asked:  # it cannot wait: fetch what it asked for
            for path in asked:
                wanted[path] = await resource(auditor, path)
            asked.clear()
        assert report.findings == ()
        assert report.entries == report.checkpoint.size > 0
        assert report.signed_by == tuple(vkeys)

    desk.run(story())


def test_each_entry_has_a_proof_that_verifies_offline(desk):
    async def story():
        auditor = await desk.caller("auditor")
        vkeys = [parse_vkey(text) for text in (await auditor.get("/log/vkeys")).text.splitlines()]
        assert len(vkeys) == 2

        async def size_now():
            return await desk.agency.store.read_log(lambda log: log.size)

        for place in (0, 1, 2):
            size = await size_now()
            index = (0, size // 2, size - 1)[place]
            proof = parse_proof((await auditor.get("/log/proofs/inclusion", params={"index": index})).content)
            checkpoint = open_checkpoint(proof.checkpoint, vkeys).checkpoint
            assert (proof.index, checkpoint.size) == (index, size)
            verify_inclusion(leaf_hash(proof.extra), index, size, list(proof.hashes), checkpoint.root)
            entry = (await auditor.get(f"/log/entries/{index}")).json()
            assert entry["event"].encode() in proof.extra
        size = await size_now()
        bundle = Tile(ENTRIES, 0, size)
        served = await resource(auditor, bundle.path)
        assert len(parse_bundle(served, bundle)) == size
        assert problem(await auditor.get("/log/proofs/inclusion", params={"index": size})) == "not-found"
        assert problem(await auditor.get(f"/log/entries/{size}")) == "not-found"
        assert problem(await auditor.get(f"/log/{Tile(ENTRIES, 0, size + 1).path}")) == "not-found"

    desk.run(story())


@pytest.mark.parametrize("path", ["0/000.p/0", "0/x000", "entries/000.p/256", "63/000", "%00", ""])
def test_what_is_no_tile(desk, path):
    async def story():
        auditor = await desk.caller("auditor")
        answer = await auditor.get(f"/log/tile/{path}")
        assert problem(answer) in {"malformed-log", "not-found"}

    desk.run(story())


def test_participants_and_who_is_suspended(place):
    async def story():
        async with place.open() as gateway:
            admin = await gateway.caller("partner-admin")
            listed = (await admin.get("/participants")).json()["participants"]
            assert [each["participant"] for each in listed] == sorted(gateway.place.made)
            assert {each["status"] for each in listed} == {"active"}
            assert listed[0]["fingerprint"] == gateway.place.made[listed[0]["participant"]].descriptor.sha256
            before = await gateway.footprint()
            assert problem(await admin.post("/participants/irs-ci/suspend")) == "conflict"
            assert problem(await admin.post("/participants/nobody/suspend")) == "unknown-partner"
            assert (await admin.post("/participants/europol/resume")).status_code == 200
            assert await gateway.footprint() == before
            for _ in range(2):
                suspended = await admin.post("/participants/europol/suspend")
                assert suspended.json()["status"] == "suspended"
            assert await gateway.footprint() == {**before, "entries": before["entries"] + 1}
        async with place.open() as gateway:
            admin = await gateway.caller("security-officer")
            listed = (await admin.get("/participants")).json()["participants"]
            assert [each["participant"] for each in listed if each["status"] == "suspended"] == ["europol"]
            assert (await admin.post("/participants/europol/resume")).json()["status"] == "active"
            assert (await gateway.entries())[-2:] == ["participant.suspended", "participant.reinstated"]

    asyncio.run(story())
