"""Two gateways exchange packages: delivered, receipted, opened; and nothing is lost when a line or a process breaks."""

import asyncio

import pytest

from attache.package import BLOCK_BYTES
from attache.receipt import ReceiptKind, verify_log_proof, verify_receipt
from attache.strict_json import canonical
from gateway.exchange.kernel.records import ArrivalRecord, OutboxRecord, Query, ReceiptRecord
from gateway.exchange.kernel.state import OutboxState
from tests.api.lines import Lines, TurnedClock, came_to, delivering, desk_of, emptied, until
from tests.exchange_place import a_part, a_submission, problem

RETURN = a_part("return.txt", b"a return", content_class=["return-information"])
BIG = bytes(range(251)) * (5 * BLOCK_BYTES // 251)


@pytest.fixture
def both(place):
    """Opens either gateway, each with its own clock; may be entered again, as after a restart."""
    clocks = {"irs-ci": TurnedClock(), "partner-frankfurt": TurnedClock()}
    terms = {"exchange_requests_per_minute": 100_000, "delivery_deadline_seconds": 3600}
    return lambda who: place.open(who, now=clocks[who], **terms)


async def receipts_of(gateway, client, package_id: str) -> dict[str, dict]:
    """The partner's receipts for a package, verified as anybody can."""
    found = (await client.get(f"/packages/{package_id}/receipts")).json()["receipts"]
    partner = gateway.place.made["partner-frankfurt"].descriptor
    for each in found:
        receipt = verify_receipt(canonical(each["signed"]), partner)
        assert receipt.receipt == each["receipt"]
        verify_log_proof(receipt.log, partner.stated.log)
    return {each["receipt"]: each["signed"] for each in found}


def test_delivered_receipted_opened_and_answered(both):
    async def story():
        async with both("irs-ci") as ours, both("partner-frankfurt") as theirs:
            analyst, reader = await desk_of(ours), await desk_of(theirs)
            out, back = Lines(ours, theirs), Lines(theirs, ours)
            async with delivering(ours, out), delivering(theirs, back):
                package_id = await ours.released(analyst, a_part("note.txt", b"a note"), RETURN)
                assert (await came_to(analyst, package_id))["partner-frankfurt"]["state"] == "delivered"
                assert set(await receipts_of(ours, analyst, package_id)) == {"delivered"}

                path = f"/inbox/irs-ci/{package_id}"
                assert (await reader.get(path)).json()["state"] == "received"
                assert problem(await reader.get(f"{path}/parts/note.txt")) == "not-found"
                opened = (await reader.post(f"{path}/open")).json()
                assert (opened["state"], opened["title"]) == ("opened", "Mixer proceeds")
                assert [part["name"] for part in opened["parts"]] == ["note.txt"]
                read = await reader.get(f"{path}/parts/note.txt")
                assert (read.content, read.headers["attache-sha256"]) == (b"a note", opened["parts"][0]["sha256"])
                assert problem(await reader.get(f"{path}/parts/return.txt")) == "not-found"
                life = (await came_to(analyst, package_id, "opened"))["partner-frankfurt"]
                assert (life["state"], life["receipts"]) == ("opened", ["delivered", "opened"])
                assert set(await receipts_of(ours, analyst, package_id)) == {"delivered", "opened"}

                answer = a_submission(a_part("answer.txt", b"an answer"), to=("irs-ci",), kind="reply")
                answer |= {"in_reply_to": package_id}
                reply_id = (await theirs.submit(reader, answer)).json()["package_id"]
                await came_to(reader, reply_id)
                [arrival] = (await analyst.get("/inbox")).json()["packages"]
                assert (arrival["kind"], arrival["in_reply_to"]) == ("reply", package_id)
            assert out.requests == [("POST", "/packages")]
            assert back.requests == [("POST", "/receipts"), ("POST", "/packages")]
            assert [code for code in await theirs.entries() if code.startswith("package")][:3] == [
                "package.received",
                "package.opened",
                "package.read",
            ]

    asyncio.run(story())


def test_opening_again_is_logged_and_acknowledged_once(both):
    async def story():
        async with both("irs-ci") as ours, both("partner-frankfurt") as theirs:
            analyst, reader = await desk_of(ours), await desk_of(theirs)
            async with delivering(ours, Lines(ours, theirs)), delivering(theirs, Lines(theirs, ours)):
                package_id = await ours.released(analyst)
                await came_to(analyst, package_id)
                path = f"/inbox/irs-ci/{package_id}/open"
                first, second = await asyncio.gather(reader.post(path), reader.post(path))
                assert first.json()["parts"] == second.json()["parts"]
                await came_to(analyst, package_id, "opened")
                await emptied(theirs)
            entries = await theirs.entries()
            assert (entries.count("package.opened"), entries.count("package.read")) == (1, 1)
            outbox = await theirs.agency.store.read(lambda reader: reader.find(Query(OutboxRecord)))
            assert [row.state for row in outbox] == [OutboxState.DONE]

    asyncio.run(story())


def test_a_big_part_goes_in_blocks_and_continues_where_it_broke(both):
    async def story():
        async with both("irs-ci") as ours, both("partner-frankfurt") as theirs:
            analyst, reader = await desk_of(ours), await desk_of(theirs)
            draft = a_submission(a_part("big", None), a_part("small", b"small"), submit=False)
            package_id = (await ours.submit(analyst, draft)).json()["package_id"]
            await analyst.put(f"/packages/{package_id}/parts/big", content=BIG)
            await analyst.post(f"/packages/{package_id}/submit")
            lines = Lines(ours, theirs)
            lines.deaf = 3  # the announcement, then its hashes, then four blocks arrive, and nobody hears so
            async with delivering(ours, lines):
                await came_to(analyst, package_id)
            announced = [index for index, asked in enumerate(lines.requests) if asked == ("POST", "/packages")]
            assert len(announced) == 4
            blocks = [path for method, path in lines.requests if method == "PUT" and not path.endswith("/hashes")]
            assert len(blocks) == 3
            await reader.post(f"/inbox/irs-ci/{package_id}/open")
            read = await reader.get(f"/inbox/irs-ci/{package_id}/parts/big")
            assert read.content == BIG

    asyncio.run(story())


def test_a_partner_that_is_down_gets_it_when_it_is_back(both):
    async def story():
        async with both("irs-ci") as ours, both("partner-frankfurt") as theirs:
            analyst = await desk_of(ours)
            lines = Lines(ours, theirs)
            lines.cut = 5
            package_ids = [await ours.released(analyst) for _ in range(3)]
            async with delivering(ours, lines):
                for package_id in package_ids:
                    assert (await came_to(analyst, package_id))["partner-frankfurt"]["state"] == "delivered"
            arrivals = await theirs.agency.store.read(lambda reader: reader.find(Query(ArrivalRecord)))
            assert {arrival.package_id for arrival in arrivals} == set(package_ids)
            assert (await theirs.entries()).count("package.received") == 3

    asyncio.run(story())


def test_nothing_is_lost_when_either_side_restarts(both):
    """Our gateway ends with the package undelivered; theirs ends after it took it, before we heard so."""

    async def story():
        async with both("irs-ci") as ours:
            analyst = await desk_of(ours)
            package_id = await ours.released(analyst)
            lines = Lines(ours)
            async with delivering(ours, lines):
                await until(lambda: len(lines.requests) > 1, ours)
        async with both("irs-ci") as ours, both("partner-frankfurt") as theirs:
            analyst = await desk_of(ours)
            assert (await came_to(analyst, package_id, "settled", 0))["partner-frankfurt"]["state"] == ("delivering")
            lines = Lines(ours, theirs)
            lines.deaf = 1
            async with delivering(ours, lines):
                await until(lambda: lines.requests, ours)
                lines.plugged.clear()
                await until(lambda: len(lines.requests) > 1, ours)
            signed = await theirs.agency.store.read(lambda reader: reader.find(Query(ReceiptRecord)))
        async with both("irs-ci") as ours, both("partner-frankfurt") as theirs:
            analyst, reader = await desk_of(ours), await desk_of(theirs)
            async with delivering(ours, Lines(ours, theirs)), delivering(theirs, Lines(theirs, ours)):
                await came_to(analyst, package_id)
                await reader.post(f"/inbox/irs-ci/{package_id}/open")
                await came_to(analyst, package_id, "opened")
            ours_now = await ours.agency.store.read(lambda reader: reader.find(Query(ReceiptRecord)))
            assert [each.signed for each in signed] == [
                each.signed for each in ours_now if each.receipt == ReceiptKind.DELIVERED
            ]
            assert (await theirs.entries()).count("package.received") == 1
            assert (await ours.entries()).count("package.delivered") == 1

    asyncio.run(story())


def test_after_the_deadline_it_is_undeliverable_and_said_so(both):
    async def story():
        async with both("irs-ci") as ours:
            analyst = await desk_of(ours)
            package_id = await ours.released(analyst)
            async with delivering(ours, Lines(ours)):
                life = (await came_to(analyst, package_id, "settled"))["partner-frankfurt"]
            assert (life["state"], life["problem"]) == ("undeliverable", "partner-unreachable")
            assert (await ours.entries())[-1] == "package.undeliverable"

    asyncio.run(story())


def test_the_same_package_twice_gives_the_same_receipt(both):
    async def story():
        async with both("irs-ci") as ours, both("partner-frankfurt") as theirs:
            package_id = await ours.released(await desk_of(ours))
            frame, parts = await ours.sealed(package_id, "partner-frankfurt")
            peer = await theirs.peer("irs-ci")
            whole = {"content": frame + b"".join(parts), "headers": {"Content-Type": "application/vnd.attache.package"}}
            first = await asyncio.gather(*(peer.post("/packages", **whole) for _ in range(3)))
            after = await theirs.footprint()
            again = await peer.post("/packages", **whole)
            envelope = {"content": frame, "headers": {"Content-Type": "application/vnd.attache.envelope"}}
            announced = await peer.post("/packages", **envelope)
            completed = await peer.post(f"/packages/{package_id}/complete")
            answers = [*first, again, announced, completed]
            assert {answer.status_code for answer in answers} == {200}
            assert len({answer.content for answer in answers}) == 1
            assert await theirs.footprint() == after
            assert after["blobs"] == len(parts)

    asyncio.run(story())


def test_a_receipt_of_somebody_else_changes_nothing(both):
    async def story():
        async with both("irs-ci") as ours, both("partner-frankfurt") as theirs:
            analyst = await desk_of(ours)
            first, second = [await ours.released(analyst) for _ in range(2)]
            peer, other = await ours.peer("partner-frankfurt"), await ours.peer("europol")
            frame, parts = await ours.sealed(first, "partner-frankfurt")
            package = {"Content-Type": "application/vnd.attache.package"}
            receiver = await theirs.peer("irs-ci")
            signed = (await receiver.post("/packages", content=frame + b"".join(parts), headers=package)).content
            jose = {"Content-Type": "application/jose+json"}
            before = await ours.footprint()
            assert problem(await other.post("/receipts", content=signed, headers=jose)) == "unknown-key"
            changed = signed.replace(b'"payload":"e', b'"payload":"f', 1)
            assert problem(await peer.post("/receipts", content=changed, headers=jose)) == "signature-invalid"
            assert await ours.footprint() == before
            assert (await peer.post("/receipts", content=signed, headers=jose)).status_code == 204
            after = await ours.footprint()
            assert (await peer.post("/receipts", content=signed, headers=jose)).status_code == 204
            assert await ours.footprint() == after
            states = [
                (await analyst.get(f"/packages/{each}")).json()["recipients"][0]["state"] for each in (first, second)
            ]
            assert states == ["delivered", "released"]

    asyncio.run(story())


def test_a_refused_package_is_refused_with_a_signature_and_leaves_an_entry(both):
    async def story():
        async with both("irs-ci") as ours, both("partner-frankfurt") as theirs:
            analyst = await desk_of(ours)
            to_frankfurt = await ours.released(analyst)
            frame, [part] = await ours.sealed(to_frankfurt, "partner-frankfurt")
            peer, stranger = await theirs.peer("irs-ci"), await theirs.peer("europol")
            package = {"Content-Type": "application/vnd.attache.package"}
            before = await theirs.footprint()
            damaged = part[:-1] + bytes([part[-1] ^ 1])
            refusal = await peer.post("/packages", content=frame + damaged, headers=package)
            assert problem(refusal) == "block-mismatch"
            signed = canonical(refusal.json()["receipt"])
            receipt = verify_receipt(signed, theirs.place.made["partner-frankfurt"].descriptor)
            assert (receipt.receipt, receipt.problem) == (ReceiptKind.REFUSED, "block-mismatch")
            assert await theirs.footprint() == {**before, "entries": before["entries"] + 1}
            assert (await theirs.entries())[-1] == "package.refused-by-us"
            assert (
                problem(await stranger.post("/packages", content=frame + part, headers=package)) == "signature-invalid"
            )
            europol = await ours.released(analyst, to=("europol",))
            frame, [part] = await ours.sealed(europol, "europol")
            misaddressed = await peer.post("/packages", content=frame + part, headers=package)
            assert problem(misaddressed) == "not-a-recipient"
            assert "receipt" not in misaddressed.json()
            assert await theirs.footprint() == {**before, "entries": before["entries"] + 1}

    asyncio.run(story())


def test_a_suspended_partner_waits_and_is_not_given_up(both):
    async def story():
        async with both("irs-ci") as ours, both("partner-frankfurt") as theirs:
            analyst, admin = await desk_of(ours), await desk_of(ours, "partner-admin")
            package_id = await ours.released(analyst)
            await admin.post("/participants/partner-frankfurt/suspend")
            lines = Lines(ours, theirs)
            async with delivering(ours, lines):
                view = await came_to(analyst, package_id, "settled", 0)
                assert view["partner-frankfurt"]["state"] == "released"
                assert lines.requests == []
                await admin.post("/participants/partner-frankfurt/resume")
                assert (await came_to(analyst, package_id))["partner-frankfurt"]["state"] == "delivered"

    asyncio.run(story())


def test_a_mailbox_is_emptied_by_its_owner_once(both):
    async def story():
        async with both("irs-ci") as ours:
            analyst, owner = await desk_of(ours), await ours.peer("europol")
            ids = sorted([await ours.released(analyst, to=("europol",)) for _ in range(5)])
            found, after = [], ""
            while after is not None:
                page = (await owner.get(f"/mailbox?limit=2&after={after}")).json()
                found += [item["package_id"] for item in page["packages"]]
                after = page["next"]
            assert found == ids
            whole = await owner.get(f"/packages/{ids[0]}")
            total = page["packages"][0]["total_bytes"]
            assert len(whole.content) == total
            rest = await owner.get(f"/packages/{ids[0]}", headers={"Range": "bytes=100-"})
            assert (rest.status_code, rest.content) == (206, whole.content[100:])
            assert rest.headers["content-range"] == f"bytes 100-{total - 1}/{total}"
            middle = await owner.get(f"/packages/{ids[0]}", headers={"Range": "bytes=10-19"})
            assert middle.content == whole.content[10:20]
            for nonsense in ("bytes=9-1", f"bytes={total}-", "bytes=-5", "lines=1-2", "bytes=0-1,3-4"):
                answer = await owner.get(f"/packages/{ids[0]}", headers={"Range": nonsense})
                assert problem(answer) == "malformed-request"
            stranger = await ours.peer("partner-bogota")
            assert (await stranger.get("/mailbox")).json()["packages"] == []
            assert problem(await stranger.get(f"/packages/{ids[0]}")) == "not-found"
            assert (await ours.entries()).count("package.collected") == 3

    asyncio.run(story())
