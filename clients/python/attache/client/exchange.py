"""The exchange API (`/exchange/v1`): the requests that one participant sends to another's gateway. No I/O."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from attache.client.call import (
    AnswerReader,
    Body,
    Call,
    Head,
    Page,
    Plan,
    WholeReader,
    as_object,
    bytes_body,
    nothing_of,
    page_of,
    whole,
)
from attache.errors import AttacheError, Conflict
from attache.package import BLOCK_BYTES, MEDIA_TYPE, block_count
from attache.translog.checkpoint_submission import MAX_ANSWER_BYTES
from attache.wire.mailbox import MailboxItem, SignedStatement

ENVELOPE_TYPE = "application/vnd.attache.envelope"
JOSE_TYPE = "application/jose+json"
WHOLE_BYTES = 4 << 20
BLOCKS_AT_ONCE = 4
MAX_RECEIPT_BYTES = 1 << 20
MAX_ROUNDS = 3
_CREATED = 201
_BLOCKS = re.compile(r"[0-9]{1,8}(-[0-9]{1,8})?")

ReadRange = Callable[[int, int], Iterator[bytes]]
"""(start, end) -> the bytes of a ciphertext from `start` to before `end`."""


@dataclass(frozen=True)
class SealedStream:
    """A sealed part to be sent: its length, the leaf hashes of its blocks (32 bytes each), and how to read it."""

    ciphertext_bytes: int
    block_hashes: bytes
    read: ReadRange


@dataclass(frozen=True)
class MissingBlocks:
    """What the recipient has not yet received of one part: `hashes`, whether all block hashes are missing; `blocks`, ranges of block numbers."""

    part: int
    hashes: bool
    blocks: tuple[range, ...]


def deliver(package_id: str, frame: bytes, parts: Sequence[SealedStream]) -> Plan[bytes]:
    """Deliver a sealed package to its recipient; returns the receipt, not yet verified.

    Up to 4 MiB is sent in one request. A larger package is announced, and then only the blocks that the recipient names as missing
    are sent. A broken transfer therefore continues where it stopped, and a package that was already delivered costs one request.
    """
    # protocol V3
    if len(frame) + sum(part.ciphertext_bytes for part in parts) <= WHOLE_BYTES:
        receipt: bytes = yield _whole_package(frame, parts)
        return receipt
    answer: bytes | tuple[MissingBlocks, ...] = yield _announce(frame, parts)
    # protocol V4
    for _ in range(MAX_ROUNDS):
        if isinstance(answer, bytes):
            return answer
        for missing in answer:
            yield from _send(package_id, missing, parts[missing.part])
        answer = yield from _complete(package_id, parts)
    raise AttacheError("malformed-answer", "the recipient still names blocks as missing that were sent")


RECEIPTS, CONSENTS, CONSENT_REFUSALS = "/receipts", "/consents", "/consents/refusals"
"""The paths of the exchange API that take a signed statement."""


def post_statement(path: str, signed: bytes) -> Call[None]:
    """Post a signed statement (JWS) to its recipient."""
    return Call("POST", path, whole(nothing_of), body=bytes_body(signed, JOSE_TYPE))


def mailbox_consents(after: str) -> Call[Page[SignedStatement]]:
    return Call("GET", "/mailbox/consents", whole(page_of(SignedStatement, "consents")), _page_after(after))


def mailbox_refusals(after: str) -> Call[Page[SignedStatement]]:
    return Call("GET", "/mailbox/consents/refusals", whole(page_of(SignedStatement, "refusals")), _page_after(after))


@dataclass(frozen=True)
class WitnessReply:
    """The answer of a witness to `add-checkpoint`, not interpreted. Every status is a regular answer (tlog-witness)."""

    status: int
    content_type: str
    body: bytes


class AddCheckpointCall(Call[WitnessReply]):
    """A call that reads the answer in the same way for every status."""

    def reader(self, head: Head) -> AnswerReader[WitnessReply]:
        return self.answer(head)


def add_checkpoint(request: bytes) -> Call[WitnessReply]:
    """Submit a checkpoint to a witness; `attache.translog.checkpoint_submission.decide_answer` interprets the answer."""

    def answer(head: Head) -> AnswerReader[WitnessReply]:
        content_type = head.headers.get("content-type", "")
        return WholeReader(lambda raw: WitnessReply(head.status, content_type, raw), MAX_ANSWER_BYTES)

    return AddCheckpointCall("POST", "/add-checkpoint", answer, body=bytes_body(request, "text/plain"))


def mailbox(after: str) -> Call[Page[MailboxItem]]:
    return Call("GET", "/mailbox", whole(page_of(MailboxItem, "packages")), _page_after(after))


def package_path(package_id: str) -> str:
    return f"/packages/{quote(package_id, safe='')}"


def parse_wanted(value: Any, parts: Sequence[SealedStream]) -> tuple[MissingBlocks, ...]:
    """The `wanted` member of an answer; raises AttacheError("malformed-answer") for a value that does not fit `parts`."""
    if not isinstance(value, list) or len(value) > len(parts):
        raise _malformed("wanted is not a list of parts")
    return tuple(_parse_wanted_part(item, parts) for item in value)


def _parse_wanted_part(item: Any, parts: Sequence[SealedStream]) -> MissingBlocks:
    if not isinstance(item, dict):
        raise _malformed("a wanted part is not an object")
    number, hashes, blocks = item.get("part"), item.get("hashes", False), item.get("blocks", "")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < len(parts):
        raise _malformed("a wanted part is not a part of the package")
    if not isinstance(hashes, bool) or not isinstance(blocks, str):
        raise _malformed("the hashes or blocks of a wanted part have a wrong type")
    return MissingBlocks(number, hashes, _parse_blocks(blocks, block_count(parts[number].ciphertext_bytes)))


def _parse_blocks(text: str, count: int) -> tuple[range, ...]:
    """Block numbers as `0-4,7`, ascending and below `count`."""
    ranges: list[range] = []
    for piece in text.split(",") if text else []:
        if not _BLOCKS.fullmatch(piece):
            raise _malformed("wanted blocks are not numbers")
        first, _, last = piece.partition("-")
        numbers = range(int(first), int(last or first) + 1)
        # protocol V4
        if not numbers or numbers.stop > count or (ranges and numbers.start < ranges[-1].stop):
            raise _malformed("wanted blocks are not ascending numbers of the part's blocks")
        ranges.append(numbers)
    return tuple(ranges)


def _whole_package(frame: bytes, parts: Sequence[SealedStream]) -> Call[bytes]:
    def chunks() -> Iterator[bytes]:
        yield frame
        for part in parts:
            yield from part.read(0, part.ciphertext_bytes)

    body = Body(MEDIA_TYPE, chunks, len(frame) + sum(part.ciphertext_bytes for part in parts))
    return Call("POST", "/packages", _receipt, body=body)


def _announce(frame: bytes, parts: Sequence[SealedStream]) -> Call[bytes | tuple[MissingBlocks, ...]]:
    def answer(head: Head) -> AnswerReader[bytes | tuple[MissingBlocks, ...]]:
        if head.status == _CREATED:
            return WholeReader(lambda raw: parse_wanted(as_object(raw).get("wanted"), parts), MAX_RECEIPT_BYTES)
        return _receipt(head)

    return Call("POST", "/packages", answer, body=bytes_body(frame, ENVELOPE_TYPE))


def _send(package_id: str, missing: MissingBlocks, part: SealedStream) -> Plan[None]:
    path = f"{package_path(package_id)}/parts/{missing.part}"
    if missing.hashes:
        body = bytes_body(part.block_hashes, "application/octet-stream")
        yield Call("PUT", f"{path}/hashes", whole(nothing_of), body=body)
    for blocks in missing.blocks:
        for first in blocks[::BLOCKS_AT_ONCE]:
            yield _put_blocks(path, part, first, min(first + BLOCKS_AT_ONCE, blocks.stop))


def _put_blocks(path: str, part: SealedStream, first: int, stop: int) -> Call[None]:
    start, end = first * BLOCK_BYTES, min(stop * BLOCK_BYTES, part.ciphertext_bytes)
    body = Body("application/octet-stream", lambda: part.read(start, end), end - start)
    headers = {"Content-Range": f"bytes {start}-{end - 1}/{part.ciphertext_bytes}"}
    return Call("PUT", path, whole(nothing_of), headers=headers, body=body)


def _complete(package_id: str, parts: Sequence[SealedStream]) -> Plan[bytes | tuple[MissingBlocks, ...]]:
    """The receipt, or the blocks that are still missing."""
    try:
        receipt: bytes = yield Call("POST", f"{package_path(package_id)}/complete", _receipt)
    except Conflict as error:
        if "wanted" not in error.extra:
            raise
        return parse_wanted(error.extra["wanted"], parts)
    return receipt


def _page_after(after: str) -> dict[str, str]:
    return {"limit": "100", **({"after": after} if after else {})}


def _receipt(_: Head) -> AnswerReader[bytes]:
    return WholeReader(bytes, MAX_RECEIPT_BYTES)


def _malformed(why: str) -> AttacheError:
    return AttacheError("malformed-answer", why)
