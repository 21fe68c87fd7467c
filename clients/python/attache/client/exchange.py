"""The exchange API (`/exchange/v1`): what one participant asks of another's gateway. No I/O."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from attache.client.call import (
    Body,
    Call,
    Head,
    Page,
    Plan,
    Reader,
    WholeReader,
    as_object,
    bytes_body,
    nothing_of,
    page_of,
    whole,
)
from attache.errors import AttacheError, Conflict
from attache.package import BLOCK_BYTES, MEDIA_TYPE, block_count
from attache.translog.submission import MAX_ANSWER_BYTES
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
    """A part as it travels: its length, the leaf hashes of its blocks (32 bytes each), and how to read it."""

    ciphertext_bytes: int
    block_hashes: bytes
    read: ReadRange


@dataclass(frozen=True)
class Wanted:
    """What the recipient still lacks of one part: its block hashes, and blocks by number."""

    part: int
    hashes: bool
    blocks: tuple[range, ...]


def deliver(package_id: str, frame: bytes, parts: Sequence[SealedStream]) -> Plan[bytes]:
    """Bring a sealed package to its recipient; returns the receipt, not yet verified.

    Up to 4 MiB goes in one request. More is announced, and then only what the recipient says it lacks is sent: so a
    broken transfer goes on where it stopped, and a package that is there already costs one request.
    """
    # protocol V3
    if len(frame) + sum(part.ciphertext_bytes for part in parts) <= WHOLE_BYTES:
        receipt: bytes = yield _whole_package(frame, parts)
        return receipt
    answer: bytes | tuple[Wanted, ...] = yield _announce(frame, parts)
    # protocol V4
    for _ in range(MAX_ROUNDS):
        if isinstance(answer, bytes):
            return answer
        for wanted in answer:
            yield from _send(package_id, wanted, parts[wanted.part])
        answer = yield from _complete(package_id, parts)
    raise AttacheError("malformed-answer", "the recipient keeps asking for what it was sent")


RECEIPTS, CONSENTS, CONSENT_REFUSALS = "/receipts", "/consents", "/consents/refusals"
"""The paths of the exchange API that take a signed statement."""


def post_statement(path: str, signed: bytes) -> Call[None]:
    """Bring a signed statement (JWS) to its recipient."""
    return Call("POST", path, whole(nothing_of), body=bytes_body(signed, JOSE_TYPE))


def mailbox_consents(after: str) -> Call[Page[SignedStatement]]:
    return Call("GET", "/mailbox/consents", whole(page_of(SignedStatement, "consents")), _page_after(after))


def mailbox_refusals(after: str) -> Call[Page[SignedStatement]]:
    return Call("GET", "/mailbox/consents/refusals", whole(page_of(SignedStatement, "refusals")), _page_after(after))


@dataclass(frozen=True)
class WitnessReply:
    """What a witness answered to `add-checkpoint`, as it came: its statuses say what they say, none is an error (tlog-witness)."""

    status: int
    content_type: str
    body: bytes


class AddCheckpointCall(Call[WitnessReply]):
    """A call whose every answer is an answer."""

    def reader(self, head: Head) -> Reader[WitnessReply]:
        return self.answer(head)


def add_checkpoint(request: bytes) -> Call[WitnessReply]:
    """Show a witness our log's checkpoint; `attache.translog.submission` says what the answer means."""

    def answer(head: Head) -> Reader[WitnessReply]:
        content_type = head.headers.get("content-type", "")
        return WholeReader(lambda raw: WitnessReply(head.status, content_type, raw), MAX_ANSWER_BYTES)

    return AddCheckpointCall("POST", "/add-checkpoint", answer, body=bytes_body(request, "text/plain"))


def mailbox(after: str) -> Call[Page[MailboxItem]]:
    return Call("GET", "/mailbox", whole(page_of(MailboxItem, "packages")), _page_after(after))


def package_path(package_id: str) -> str:
    return f"/packages/{quote(package_id, safe='')}"


def parse_wanted(value: Any, parts: Sequence[SealedStream]) -> tuple[Wanted, ...]:
    """The `wanted` member of an answer; raises AttacheError("malformed-answer") for anything that does not fit `parts`."""
    if not isinstance(value, list) or len(value) > len(parts):
        raise _malformed("wanted is not a list of parts")
    return tuple(_parse_wanted_part(item, parts) for item in value)


def _parse_wanted_part(item: Any, parts: Sequence[SealedStream]) -> Wanted:
    if not isinstance(item, dict):
        raise _malformed("a wanted part is not an object")
    number, hashes, blocks = item.get("part"), item.get("hashes", False), item.get("blocks", "")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < len(parts):
        raise _malformed("a wanted part is not one of the package's")
    if not isinstance(hashes, bool) or not isinstance(blocks, str):
        raise _malformed("a wanted part does not say what is wanted")
    return Wanted(number, hashes, _parse_blocks(blocks, block_count(parts[number].ciphertext_bytes)))


def _parse_blocks(text: str, count: int) -> tuple[range, ...]:
    """Block numbers as `0-4,7`, ascending and below `count`."""
    ranges: list[range] = []
    for piece in text.split(",") if text else []:
        if not _BLOCKS.fullmatch(piece):
            raise _malformed("wanted blocks are not numbers")
        first, _, last = piece.partition("-")
        found = range(int(first), int(last or first) + 1)
        # protocol V4
        if not found or found.stop > count or (ranges and found.start < ranges[-1].stop):
            raise _malformed("wanted blocks are not ascending numbers of the part's blocks")
        ranges.append(found)
    return tuple(ranges)


def _whole_package(frame: bytes, parts: Sequence[SealedStream]) -> Call[bytes]:
    def chunks() -> Iterator[bytes]:
        yield frame
        for part in parts:
            yield from part.read(0, part.ciphertext_bytes)

    body = Body(MEDIA_TYPE, chunks, len(frame) + sum(part.ciphertext_bytes for part in parts))
    return Call("POST", "/packages", _receipt, body=body)


def _announce(frame: bytes, parts: Sequence[SealedStream]) -> Call[bytes | tuple[Wanted, ...]]:
    def answer(head: Head) -> Reader[bytes | tuple[Wanted, ...]]:
        if head.status == _CREATED:
            return WholeReader(lambda raw: parse_wanted(as_object(raw).get("wanted"), parts), MAX_RECEIPT_BYTES)
        return _receipt(head)

    return Call("POST", "/packages", answer, body=bytes_body(frame, ENVELOPE_TYPE))


def _send(package_id: str, wanted: Wanted, part: SealedStream) -> Plan[None]:
    path = f"{package_path(package_id)}/parts/{wanted.part}"
    if wanted.hashes:
        body = bytes_body(part.block_hashes, "application/octet-stream")
        yield Call("PUT", f"{path}/hashes", whole(nothing_of), body=body)
    for blocks in wanted.blocks:
        for first in blocks[::BLOCKS_AT_ONCE]:
            yield _put_blocks(path, part, first, min(first + BLOCKS_AT_ONCE, blocks.stop))


def _put_blocks(path: str, part: SealedStream, first: int, stop: int) -> Call[None]:
    start, end = first * BLOCK_BYTES, min(stop * BLOCK_BYTES, part.ciphertext_bytes)
    body = Body("application/octet-stream", lambda: part.read(start, end), end - start)
    place = {"Content-Range": f"bytes {start}-{end - 1}/{part.ciphertext_bytes}"}
    return Call("PUT", path, whole(nothing_of), headers=place, body=body)


def _complete(package_id: str, parts: Sequence[SealedStream]) -> Plan[bytes | tuple[Wanted, ...]]:
    """The receipt, or what is missing still."""
    try:
        receipt: bytes = yield Call("POST", f"{package_path(package_id)}/complete", _receipt)
    except Conflict as error:
        if "wanted" not in error.extra:
            raise
        return parse_wanted(error.extra["wanted"], parts)
    return receipt


def _page_after(after: str) -> dict[str, str]:
    return {"limit": "100", **({"after": after} if after else {})}


def _receipt(_: Head) -> Reader[bytes]:
    return WholeReader(bytes, MAX_RECEIPT_BYTES)


def _malformed(why: str) -> AttacheError:
    return AttacheError("malformed-answer", why)
