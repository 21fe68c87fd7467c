"""Reads request bodies, with a limit on their size and on the time they take.

Endpoints declare their bodies with `gateway.admission.declared`; nothing else calls these functions.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import aclosing

from fastapi import Request

from attache.errors import MalformedInput, PayloadTooLarge

MIN_BYTES_PER_SECOND = 16 << 10


async def read_body(request: Request, *, limit_bytes: int, seconds: float) -> bytes:
    """The whole body: at most `limit_bytes`, complete within `seconds`. Does not check its media type.

    Raises PayloadTooLarge, before it reads a byte where `Content-Length` exceeds the limit, and MalformedInput:
    `request-timeout`, `unsupported-media-type` for a content encoding, or `malformed-http`.
    """
    _verify_announced(request, limit_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds), aclosing(request.stream()) as stream:
            async for chunk in stream:
                if len(body) + len(chunk) > limit_bytes:
                    raise _too_large(limit_bytes)
                body += chunk
    except TimeoutError:
        raise MalformedInput("request-timeout") from None
    return bytes(body)


async def body_stream(request: Request, *, limit_bytes: int, idle_seconds: float) -> AsyncIterator[bytes]:
    """The body in chunks as they arrive, in constant memory. Does not check its media type.

    Raises PayloadTooLarge beyond `limit_bytes`, and MalformedInput: `request-timeout` when no chunk arrives for
    `idle_seconds`, or when the body takes more than `idle_seconds` and one second for each 16 KiB received;
    `unsupported-media-type` for a content encoding, or `malformed-http`.
    """
    _verify_announced(request, limit_bytes)
    clock = asyncio.get_running_loop().time
    received, started = 0, clock()
    async with aclosing(request.stream()) as stream:
        while True:
            latest = started + idle_seconds + received / MIN_BYTES_PER_SECOND
            try:
                async with asyncio.timeout_at(min(clock() + idle_seconds, latest)):
                    chunk = await anext(stream, None)
            except TimeoutError:
                raise MalformedInput("request-timeout") from None
            if chunk is None:
                return
            received += len(chunk)
            if received > limit_bytes:
                raise _too_large(limit_bytes)
            if chunk:
                yield chunk


def verify_media_type(request: Request, media_types: Collection[str]) -> str:
    """The media type of the body, without parameters. Raises MalformedInput unless it is one of `media_types`."""
    declared = request.headers.getlist("content-type")
    essence, _, parameters = declared[0].partition(";") if len(declared) == 1 else ("", "", "")
    found = essence.strip().lower()
    # protocol X4
    if found not in media_types or parameters.replace(" ", "").lower() not in ("", "charset=utf-8"):
        raise MalformedInput("unsupported-media-type", f"send {' or '.join(media_types)}")
    return found


def _verify_announced(request: Request, limit_bytes: int) -> None:
    """Check the headers before the body is read.

    Raises MalformedInput for a content encoding (a limit on compressed bytes does not limit the content) or an invalid
    `Content-Length`, and PayloadTooLarge for a `Content-Length` above the limit.
    """
    # protocol X4
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise MalformedInput("unsupported-media-type", "send the body without a content encoding")
    announced = request.headers.get("content-length", "0")
    if not announced.isascii() or not announced.isdigit() or len(announced) > len(str(1 << 63)):
        raise MalformedInput("malformed-http", "Content-Length is not a number")
    # protocol X4
    if int(announced) > limit_bytes:
        raise _too_large(limit_bytes)


def _too_large(limit_bytes: int) -> PayloadTooLarge:
    return PayloadTooLarge(detail=f"the limit is {limit_bytes} bytes", extra={"limit_bytes": limit_bytes})
