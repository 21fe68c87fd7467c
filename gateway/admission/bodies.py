"""Request bodies: bounded in size and time before anything reads them, and strict JSON where JSON is due."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import aclosing
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from attache import strict_json
from attache.errors import MalformedInput, PayloadTooLarge
from gateway.problems import invalid_members

MIN_BYTES_PER_SECOND = 16 << 10
JSON = ("application/json",)

Model = TypeVar("Model", bound=BaseModel)


async def read_json(request: Request, model: type[Model], *, limit_bytes: int, seconds: float) -> Model:
    """The body as a value of `model`: `read_body` of application/json, then `parse_model`."""
    return parse_model(model, await read_body(request, JSON, limit_bytes=limit_bytes, seconds=seconds))


async def read_body(request: Request, media_types: Collection[str], *, limit_bytes: int, seconds: float) -> bytes:
    """The whole body, at most `limit_bytes` and within `seconds`.

    Raises MalformedInput (unsupported-media-type, request-timeout) or PayloadTooLarge, where the length is announced
    before a byte is read.
    """
    verify_media_type(request, media_types)
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
    """The body in the pieces in which it arrives, in constant memory.

    Raises PayloadTooLarge beyond `limit_bytes`, and MalformedInput("request-timeout") after a pause of more than
    `idle_seconds` or when the body as a whole comes slower than 16 KiB/s after that. Any media type, unencoded.
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


def parse_model(model: type[Model], raw: bytes) -> Model:
    """The value of `model` that strict JSON text stands for.

    Raises MalformedInput naming the members that do not fit, never their values. Unknown members and any conversion
    that JSON does not force are refused, whatever the model's own configuration says.
    """
    strict_json.parse_object(raw)
    try:
        return model.model_validate_json(raw, strict=True, extra="forbid")
    except ValidationError as error:
        raise invalid_members(error.errors(include_input=False, include_url=False)) from None


def verify_media_type(request: Request, media_types: Collection[str]) -> str:
    """The body's media type, without parameters; raises MalformedInput unless it is one of `media_types`."""
    declared = request.headers.getlist("content-type")
    essence, _, parameters = declared[0].partition(";") if len(declared) == 1 else ("", "", "")
    found = essence.strip().lower()
    # protocol X4
    if found not in media_types or parameters.replace(" ", "").lower() not in ("", "charset=utf-8"):
        raise MalformedInput("unsupported-media-type", f"send {' or '.join(media_types)}")
    return found


def _verify_announced(request: Request, limit_bytes: int) -> None:
    """What the headers say of the body: its length, and that it is not compressed, or its size would bound nothing."""
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
