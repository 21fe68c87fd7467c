"""Attacks on a part on its way in, block by block: what is wrong is refused, and what was right before it stays."""

import hashlib

import pytest

from attache.package import BLOCK_BYTES
from gateway.exchange.kernel.records import ArrivalPartRecord, ArrivalRecord
from gateway.exchange.kernel.state import ArrivalState
from tests.exchange.attacking import ENVELOPE
from tests.protocol.making import flipped

BLOCKS = "7-blocks"
CONTENT = hashlib.shake_256(b"four blocks").digest(3 * BLOCK_BYTES + 1000)


class Incoming:
    """An announced package of one part of four blocks, the last one short."""

    def __init__(self, target, sender, content: bytes = CONTENT) -> None:
        self.target = target
        self.package = sender.package(content)
        [self.ciphertext], [self.sealed] = self.package.ciphertexts, self.package.sealed
        self.path = f"/packages/{self.package.package_id}/parts/0"
        self.announced = target.offer(self.package.frame, media_type=ENVELOPE)

    @property
    def total(self) -> int:
        return len(self.ciphertext)

    def block(self, number: int) -> bytes:
        return self.ciphertext[number * BLOCK_BYTES : (number + 1) * BLOCK_BYTES]

    def put_hashes(self, hashes: bytes | None = None, path: str | None = None, by: str = "irs-ci"):
        content = self.sealed.block_hashes if hashes is None else hashes
        return self.target.send(by, "PUT", f"{path or self.path}/hashes", content)

    def put(self, content: bytes, start: int, end: int | None = None, total: int | None = None, by: str = "irs-ci"):
        last = (start + len(content) if end is None else end) - 1
        place = f"bytes {start}-{last}/{self.total if total is None else total}"
        return self.target.send(by, "PUT", self.path, content, Content_Range=place)

    def put_block(self, number: int, content: bytes | None = None):
        return self.put(self.block(number) if content is None else content, number * BLOCK_BYTES)

    def complete(self, by: str = "irs-ci"):
        return self.target.send(by, "POST", f"/packages/{self.package.package_id}/complete")

    def missing(self) -> str:
        [part] = self.target.run(
            self.target.gateway.agency.store.read(
                lambda reader: reader.find(ArrivalPartRecord, package_id=self.package.package_id)
            )
        )
        return part.blocks_missing

    def state(self) -> ArrivalState:
        store = self.target.gateway.agency.store
        return self.target.run(
            store.read(lambda reader: reader.get(ArrivalRecord, "irs-ci", self.package.package_id))
        ).state


@pytest.fixture
def incoming(target, sender):
    return Incoming(target, sender)


@pytest.fixture
def hashed(incoming):
    assert incoming.put_hashes().status_code == 204
    return incoming


def test_a_part_arrives_in_any_order_and_is_received_when_complete(target, incoming):
    assert incoming.announced.status_code == 201
    assert incoming.announced.json() == {"wanted": [{"part": 0, "hashes": True, "blocks": "0-3"}]}
    assert incoming.put_hashes().status_code == 204
    for number, left in ((3, "0-2"), (1, "0,2"), (0, "2"), (2, "")):
        assert incoming.put_block(number).status_code == 204
        assert incoming.missing() == left
    receipt = incoming.complete()
    assert receipt.status_code == 200
    assert incoming.state() is ArrivalState.RECEIVED
    assert incoming.complete().content == receipt.content


# Hashes

WRONG_HASHES = {
    "none": (lambda h: b"", "malformed-package"),
    "one-fewer": (lambda h: h[:-32], "malformed-package"),
    "one-more": (lambda h: h + h[:32], "malformed-package"),
    "half-a-hash": (lambda h: h[:-5], "malformed-package"),
    "swapped": (lambda h: h[32:64] + h[:32] + h[64:], "block-mismatch"),
    "changed": (lambda h: flipped(h, 40), "block-mismatch"),
    "doubled": (lambda h: h[:32] * 4, "block-mismatch"),
}


@pytest.mark.parametrize(("change", "code"), WRONG_HASHES.values(), ids=WRONG_HASHES)
def test_hashes_that_do_not_lead_to_the_signed_root(target, incoming, change, code):
    target.refuses(code, lambda: incoming.put_hashes(change(incoming.sealed.block_hashes)), step=BLOCKS)


def test_hashes_that_are_known_already_are_not_replaced(target, hashed):
    before = target.written()
    assert hashed.put_hashes().status_code == 204
    target.refuses("block-mismatch", lambda: hashed.put_hashes(bytes(128)), step=BLOCKS)
    assert target.written() == before


def test_blocks_before_their_hashes(target, incoming):
    target.refuses("conflict", lambda: incoming.put_block(0))


# Blocks

WRONG_BLOCKS = {
    "damaged": lambda i: (flipped(i.block(1), 77), 1),
    "in-anothers-place": lambda i: (i.block(2), 1),
    "of-zeros": lambda i: (bytes(BLOCK_BYTES), 1),
    "last-in-the-middle": lambda i: (i.block(0), 2),
}


@pytest.mark.parametrize("change", WRONG_BLOCKS.values(), ids=WRONG_BLOCKS)
def test_a_block_that_is_not_the_one_sealed(target, hashed, change):
    content, number = change(hashed)
    problem = target.refuses("block-mismatch", lambda: hashed.put_block(number, content), step=BLOCKS)
    assert problem["status"] == 422
    assert problem["block"] == number
    assert hashed.missing() == "0-3"


def test_the_blocks_before_a_damaged_one_stay_and_the_rest_is_wanted_again(target, hashed):
    damaged = hashed.block(0) + flipped(hashed.block(1), 0) + hashed.block(2)
    answer = hashed.put(damaged, 0)
    assert (answer.json()["code"], answer.json()["block"]) == ("block-mismatch", 1)
    assert hashed.missing() == "1-3"
    wanted = target.offer(hashed.package.frame, media_type=ENVELOPE).json()
    assert wanted == {"wanted": [{"part": 0, "hashes": False, "blocks": "1-3"}]}
    assert hashed.put(hashed.ciphertext[BLOCK_BYTES:], BLOCK_BYTES).status_code == 204
    assert hashed.complete().status_code == 200


MB = BLOCK_BYTES
RANGES = {
    "begins-off-a-border": (lambda i: i.put(i.ciphertext[1:MB], 1)),
    "ends-off-a-border": (lambda i: i.put(i.ciphertext[: MB - 1], 0)),
    "ends-beyond": (lambda i: i.put(i.block(3) + bytes(MB), 3 * MB, i.total + MB)),
    "begins-beyond": (lambda i: i.put(bytes(MB), 4 * MB)),
    "empty": (lambda i: i.put(b"", MB, MB)),
    "backwards": (lambda i: i.put(bytes(10), 2 * MB, MB)),
    "total-too-large": (lambda i: i.put(i.block(0), 0, total=i.total + 1)),
    "total-too-small": (lambda i: i.put(i.block(0), 0, total=MB)),
    "fewer-bytes-than-said": (lambda i: i.put(i.block(0)[:-1], 0, MB)),
    "more-bytes-than-said": (lambda i: i.put(i.block(0) + b"\x00", 0, MB)),
    "no-bytes": (lambda i: i.put(b"", 0, MB)),
    "vast": (lambda i: i.put(i.block(0), 0, 999_999_999_999_999)),
}


@pytest.mark.parametrize("attack", RANGES.values(), ids=RANGES)
def test_a_range_that_does_not_fit_the_part(target, hashed, attack):
    target.refuses("malformed-request", lambda: attack(hashed))
    assert hashed.missing() == "0-3"


@pytest.mark.parametrize(
    "text", ["", "bytes */10", "bytes 0-9", "items 0-9/10", "bytes 0-9/*", "bytes -1-9/10", "bytes ٠-٩/10"]
)
def test_a_range_that_is_none(target, hashed, text):
    headers = {"Content_Range": text.encode()} if text else {}
    target.refuses("malformed-request", lambda: target.send("irs-ci", "PUT", hashed.path, b"x", **headers))


def test_a_block_twice_is_a_block_once(target, hashed):
    assert hashed.put_block(1).status_code == 204
    before = target.written()
    assert hashed.put_block(1).status_code == 204
    assert target.written() == before


def test_a_received_package_takes_no_more_blocks(target, hashed):
    assert hashed.put(hashed.ciphertext, 0).status_code == 204
    assert hashed.complete().status_code == 200
    target.refuses("illegal-transition", lambda: hashed.put_block(1))
    target.refuses("illegal-transition", hashed.put_hashes)


# Completing


def test_complete_before_it_is_lists_what_is_missing(target, incoming):
    problem = target.refuses("conflict", incoming.complete)
    assert problem["wanted"] == [{"part": 0, "hashes": True, "blocks": "0-3"}]
    incoming.put_hashes()
    incoming.put_block(2)
    problem = target.refuses("conflict", incoming.complete)
    assert problem["wanted"] == [{"part": 0, "hashes": False, "blocks": "0-1,3"}]


def test_what_nobody_announced_is_not_there(target, sender):
    path = f"/packages/{sender.package().package_id}"
    target.refuses("not-found", lambda: target.send("irs-ci", "POST", f"{path}/complete"))
    target.refuses("not-found", lambda: target.send("irs-ci", "PUT", f"{path}/parts/0/hashes", bytes(32)))
    place = {"Content_Range": "bytes 0-9/10"}
    target.refuses("not-found", lambda: target.send("irs-ci", "PUT", f"{path}/parts/0", bytes(10), **place))


def test_another_partner_cannot_touch_what_was_announced(target, hashed):
    for attack in (
        lambda: hashed.put_hashes(by="partner-sydney"),
        lambda: hashed.put(hashed.block(0), 0, by="partner-sydney"),
        lambda: hashed.complete(by="partner-sydney"),
    ):
        target.refuses("not-found", attack)


def test_a_part_that_the_package_does_not_have(target, hashed):
    hashed.path = hashed.path[:-1] + "1"
    target.refuses("not-found", lambda: hashed.put_block(0))
    target.refuses("not-found", hashed.put_hashes)
    hashed.path = hashed.path[:-1] + "1000"
    target.refuses("malformed-request", lambda: hashed.put_block(0))


def test_the_parts_of_another_package_do_not_fit(target, hashed, sender):
    other = Incoming(target, sender, CONTENT[::-1])
    target.refuses("block-mismatch", lambda: hashed.put_block(0, other.block(0)), step=BLOCKS)
    target.refuses("block-mismatch", lambda: other.put_hashes(hashed.sealed.block_hashes), step=BLOCKS)


def test_announced_and_then_brought_as_a_whole(target, sender):
    """A sender may change its mind; there is one package, one receipt and one set of blobs."""
    incoming = Incoming(target, sender, b"small")
    before = target.written()
    receipt = target.offer(incoming.package.whole)
    assert receipt.status_code == 200
    assert (incoming.state(), incoming.missing()) == (ArrivalState.RECEIVED, "")
    after = target.written()
    assert after.blobs.keys() == before.blobs.keys()
    assert after.entries[len(before.entries) :] == ("package.received", "receipt.signed")
    assert target.offer(incoming.package.frame, media_type=ENVELOPE).content == receipt.content


def test_announced_and_then_brought_as_a_damaged_whole(target, sender):
    incoming = Incoming(target, sender, b"small")
    content = incoming.package.frame + flipped(incoming.ciphertext, 3)
    target.refuses("block-mismatch", lambda: target.offer(content), step=BLOCKS, logs=("package.refused-by-us",))
    assert incoming.state() is ArrivalState.RECEIVING
