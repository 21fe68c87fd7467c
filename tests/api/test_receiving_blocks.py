"""A package that comes block by block: every block is verified before it counts, and what is missing is asked for."""

import asyncio
import os

import pytest

from attache.package import BLOCK_BYTES
from gateway.exchange.kernel.block_ranges import parse_ranges
from gateway.exchange.kernel.records import PartRecord
from gateway.exchange.kernel.sealed import PART
from tests.exchange_place import a_part, a_submission, problem

ENVELOPE = {"Content-Type": "application/vnd.attache.envelope"}
OCTETS = "application/octet-stream"
CONTENT = os.urandom(3 * BLOCK_BYTES)


class Sent:
    """A package of ours for Frankfurt, as Frankfurt's gateway is offered it."""

    def __init__(self, peer, package_id, frame, ciphertext, hashes):
        self.peer, self.package_id, self.frame = peer, package_id, frame
        self.ciphertext, self.hashes = ciphertext, hashes

    async def announce(self):
        return await self.peer.post("/packages", content=self.frame, headers=ENVELOPE)

    async def put_hashes(self, hashes: bytes, number=0):
        path = f"/packages/{self.package_id}/parts/{number}/hashes"
        return await self.peer.put(path, content=hashes, headers={"Content-Type": OCTETS})

    async def put(self, start: int, end: int, content: bytes | None = None, number=0):
        sent = self.ciphertext[start:end] if content is None else content
        headers = {"Content-Type": OCTETS, "Content-Range": f"bytes {start}-{end - 1}/{len(self.ciphertext)}"}
        return await self.peer.put(f"/packages/{self.package_id}/parts/{number}", content=sent, headers=headers)

    async def complete(self):
        return await self.peer.post(f"/packages/{self.package_id}/complete")

    async def missing(self) -> set[int]:
        answer = await self.complete()
        assert problem(answer) == "conflict"
        [part] = answer.json()["wanted"]
        return parse_ranges(part["blocks"], 10)


@pytest.fixture
def offered(place):
    """Runs a story with both gateways open and a package on its way."""

    def run(story, **settings):
        async def opened():
            async with place.open() as ours, place.open("partner-frankfurt", **settings) as theirs:
                analyst = await ours.caller("analyst")
                answer = await ours.submit(analyst, a_submission(a_part("big", None), submit=False))
                package_id = answer.json()["package_id"]
                await analyst.put(f"/packages/{package_id}/parts/big", content=CONTENT)
                await analyst.post(f"/packages/{package_id}/submit")
                frame, [ciphertext] = await ours.sealed(package_id, "partner-frankfurt")
                [part] = await ours.agency.store.read(lambda reader: reader.find(PartRecord.of_package(package_id)))
                sealed = ours.agency.open(PART, part)
                peer = await theirs.peer("irs-ci")
                await story(theirs, Sent(peer, package_id, frame, ciphertext, sealed.block_hashes))

        asyncio.run(opened())

    return run


def test_block_by_block_in_any_order(offered):
    async def story(theirs, sent):
        announced = await sent.announce()
        assert announced.status_code == 201
        assert announced.json() == {"wanted": [{"part": 0, "hashes": True, "blocks": "0-3"}]}
        assert (await theirs.entries())[-1] == "package.announced"
        assert (await sent.put_hashes(sent.hashes)).status_code == 204
        assert (await sent.put(2 * BLOCK_BYTES, len(sent.ciphertext))).status_code == 204
        assert (await sent.announce()).json() == {"wanted": [{"part": 0, "hashes": False, "blocks": "0-1"}]}
        assert await sent.missing() == {0, 1}
        reader = await theirs.caller("analyst")
        assert (await reader.get("/inbox")).json()["packages"] == []
        assert problem(await reader.post(f"/inbox/irs-ci/{sent.package_id}/open")) == "not-found"
        assert (await sent.put(0, 2 * BLOCK_BYTES)).status_code == 204
        first, second = await asyncio.gather(sent.complete(), sent.complete())
        assert (first.status_code, first.content) == (200, second.content)
        assert (await theirs.entries()).count("package.received") == 1
        await reader.post(f"/inbox/irs-ci/{sent.package_id}/open")
        assert (await reader.get(f"/inbox/irs-ci/{sent.package_id}/parts/big")).content == CONTENT

    offered(story)


def test_what_does_not_fit_is_refused_and_changes_nothing(offered):
    async def story(theirs, sent):
        assert problem(await sent.put_hashes(sent.hashes)) == "not-found"
        assert problem(await sent.complete()) == "not-found"
        await sent.announce()
        before = await theirs.footprint()
        total = len(sent.ciphertext)
        swapped = sent.hashes[32:64] + sent.hashes[:32] + sent.hashes[64:]
        asked = [
            ("conflict", sent.put(0, BLOCK_BYTES)),  # before its hashes are known
            ("malformed-package", sent.put_hashes(b"")),
            ("malformed-package", sent.put_hashes(sent.hashes[:-1])),
            ("malformed-package", sent.put_hashes(sent.hashes + bytes(32))),
            ("block-mismatch", sent.put_hashes(swapped)),
            ("not-found", sent.put_hashes(sent.hashes, number=1)),
            ("malformed-request", sent.put_hashes(sent.hashes, number=1000)),
        ]
        for code, ask in asked:
            assert problem(await ask) == code
        assert await theirs.footprint() == before
        await sent.put_hashes(sent.hashes)
        before = await theirs.footprint()
        ranges = [
            (1, BLOCK_BYTES),
            (0, BLOCK_BYTES - 1),
            (0, total + 1),
            (BLOCK_BYTES, BLOCK_BYTES),
            (total, total + 9),
        ]
        for start, end in ranges:
            assert problem(await sent.put(start, end)) == "malformed-request", (start, end)
        assert problem(await sent.put(0, BLOCK_BYTES, sent.ciphertext[: BLOCK_BYTES - 1])) == "malformed-request"
        assert problem(await sent.put(0, BLOCK_BYTES, sent.ciphertext[: BLOCK_BYTES + 1])) == "malformed-request"
        assert problem(await sent.put(0, BLOCK_BYTES, bytes(BLOCK_BYTES))) == "block-mismatch"
        assert problem(await sent.put(0, BLOCK_BYTES, b"")) == "malformed-request"
        assert problem(await sent.put(0, BLOCK_BYTES, number=1)) == "not-found"
        assert await sent.missing() == {0, 1, 2, 3}
        assert await theirs.footprint() == before
        stranger = Sent(await theirs.peer("europol"), sent.package_id, sent.frame, sent.ciphertext, sent.hashes)
        for code, ask in (
            ("not-found", stranger.put_hashes(sent.hashes)),
            ("not-found", stranger.put(0, BLOCK_BYTES)),
            ("not-found", stranger.complete()),
            ("signature-invalid", stranger.announce()),
        ):
            assert problem(await ask) == code
        assert await theirs.footprint() == before

    offered(story)


def test_a_damaged_block_is_asked_for_again_alone(offered):
    async def story(theirs, sent):
        await sent.announce()
        await sent.put_hashes(sent.hashes)
        damaged = bytearray(sent.ciphertext[: 3 * BLOCK_BYTES])
        damaged[BLOCK_BYTES + 7] ^= 1
        answer = await sent.put(0, 3 * BLOCK_BYTES, bytes(damaged))
        assert (problem(answer), answer.status_code) == ("block-mismatch", 422)
        assert await sent.missing() == {1, 2, 3}
        assert (await sent.put(BLOCK_BYTES, len(sent.ciphertext))).status_code == 204
        assert (await sent.complete()).status_code == 200

    offered(story)


def test_a_part_beyond_the_limit_takes_no_room(offered):
    async def story(theirs, sent):
        before = await theirs.footprint()
        answer = await sent.announce()
        assert problem(answer) == "payload-too-large"
        assert answer.json()["receipt"]
        assert await theirs.footprint() == {**before, "entries": before["entries"] + 1}

    offered(story, max_part_bytes=2 * BLOCK_BYTES)


def test_announcing_at_once_makes_room_once(offered):
    async def story(theirs, sent):
        answers = await asyncio.gather(*(sent.announce() for _ in range(4)))
        assert {answer.status_code for answer in answers} == {201}
        assert (await theirs.footprint())["blobs"] == 1

    offered(story)
