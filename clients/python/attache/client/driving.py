"""The two drivers: what sends a call and does what its plan says, blocking or on asyncio's event loop."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, TypeVar

import httpx

from attache import clock
from attache.client.call import Call, Cursor, Page, Plan
from attache.client.connect import Access, Timeouts, head_of, options_of, require_known_server, unreachable
from attache.client.retry import Retry, chance
from attache.client.submission import CHUNK_BYTES
from attache.errors import AttacheError, CertificateRejected

T = TypeVar("T")


def new_idempotency_key() -> str:
    """A key that nobody has used."""
    return secrets.token_urlsafe(24)


class Driver:
    """Sends calls over one connection pool, and sends them again as `retry` says. Safe to share between threads."""

    def __init__(
        self,
        access: Access,
        *,
        retry: Retry,
        timeouts: Timeouts,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = chance,
        now: clock.Clock = clock.now,
    ) -> None:
        self._access = access
        self._retry = retry
        self._timeouts = timeouts
        self._pause = pause
        self._chance = chance
        self._now = now
        chosen = transport or httpx.HTTPTransport(verify=access.tls(), trust_env=False)
        self._http = httpx.Client(transport=chosen, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def exchange(self, call: Call[T]) -> T:
        """The answer to one call."""
        failures = 0
        while True:
            try:
                return self._once(call)
            except AttacheError as error:
                failures += 1
                pause = self._retry.pause_seconds(error, failures, self._chance()) if call.is_repeatable else None
                if pause is None:
                    raise
            self._pause(pause)

    def run(self, plan: Plan[T]) -> T:
        """The outcome of a plan, call by call."""
        try:
            call = next(plan)
            while True:
                try:
                    answer = self.exchange(call)
                except AttacheError as error:
                    call = plan.throw(error)
                else:
                    call = plan.send(answer)
        except StopIteration as stop:
            outcome: T = stop.value
            return outcome
        finally:
            plan.close()

    def walk(self, page: Callable[[str], Call[Page[T]]], after: str = "") -> Iterator[T]:
        """Every item of a list, page after page as they are wanted."""
        cursor = Cursor(after)
        while True:
            found = self.exchange(page(cursor.after))
            yield from found.items
            if not cursor.advance(found):
                return

    def stream(self, call: Call[Any]) -> Iterator[bytes]:
        """The body of an answer without end, as it comes; read again from the last event by whoever wants to go on."""
        options = options_of(call, self._access, self._timeouts)
        options["extensions"] = {"trace": self._on_connection}
        try:
            with self._http.stream(**options) as response:
                if not response.is_success:
                    reader = call.reader(head_of(response, self._now))
                    for chunk in response.iter_raw(CHUNK_BYTES):
                        reader.feed(chunk)
                    reader.finish()
                yield from response.iter_raw()
        except httpx.HTTPError as error:
            raise unreachable(error, with_certificate=self._access.certificate is not None) from None

    def _once(self, call: Call[T]) -> T:
        options = options_of(call, self._access, self._timeouts)
        options["extensions"] = {"trace": self._on_connection}
        content = None if call.body is None else call.body.chunks()
        try:
            with self._http.stream(**options, content=content) as response:
                reader = call.reader(head_of(response, self._now))
                try:
                    for chunk in response.iter_raw(CHUNK_BYTES):
                        reader.feed(chunk)
                    return reader.finish()
                except BaseException:
                    reader.abandon()
                    raise
        except httpx.HTTPError as error:
            raise unreachable(error, with_certificate=self._access.certificate is not None) from None

    def _on_connection(self, event: str, info: dict[str, Any]) -> None:
        try:
            require_known_server(event, info, self._access)
        except CertificateRejected:
            info["return_value"].close()
            raise


class AsyncDriver:
    """As `Driver`, for one event loop. Files are read and written on threads."""

    def __init__(
        self,
        access: Access,
        *,
        retry: Retry,
        timeouts: Timeouts,
        transport: httpx.AsyncBaseTransport | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = chance,
        now: clock.Clock = clock.now,
    ) -> None:
        self._access = access
        self._retry = retry
        self._timeouts = timeouts
        self._pause = pause
        self._chance = chance
        self._now = now
        chosen = transport or httpx.AsyncHTTPTransport(verify=access.tls(), trust_env=False)
        self._http = httpx.AsyncClient(transport=chosen, trust_env=False)

    async def close(self) -> None:
        await self._http.aclose()

    async def exchange(self, call: Call[T]) -> T:
        """The answer to one call."""
        failures = 0
        while True:
            try:
                return await self._once(call)
            except AttacheError as error:
                failures += 1
                pause = self._retry.pause_seconds(error, failures, self._chance()) if call.is_repeatable else None
                if pause is None:
                    raise
            await self._pause(pause)

    async def run(self, plan: Plan[T]) -> T:
        """The outcome of a plan, call by call."""
        try:
            call = next(plan)
            while True:
                try:
                    answer = await self.exchange(call)
                except AttacheError as error:
                    call = plan.throw(error)
                else:
                    call = plan.send(answer)
        except StopIteration as stop:
            outcome: T = stop.value
            return outcome
        finally:
            plan.close()

    async def walk(self, page: Callable[[str], Call[Page[T]]], after: str = "") -> AsyncIterator[T]:
        """Every item of a list, page after page as they are wanted."""
        cursor = Cursor(after)
        while True:
            found = await self.exchange(page(cursor.after))
            for item in found.items:
                yield item
            if not cursor.advance(found):
                return

    async def stream(self, call: Call[Any]) -> AsyncIterator[bytes]:
        """As `Driver.stream`."""
        options = options_of(call, self._access, self._timeouts)
        options["extensions"] = {"trace": self._on_connection}
        try:
            async with self._http.stream(**options) as response:
                if not response.is_success:
                    reader = call.reader(head_of(response, self._now))
                    async for chunk in response.aiter_raw(CHUNK_BYTES):
                        reader.feed(chunk)
                    reader.finish()
                async for chunk in response.aiter_raw():
                    yield chunk
        except httpx.HTTPError as error:
            raise unreachable(error, with_certificate=self._access.certificate is not None) from None

    async def _once(self, call: Call[T]) -> T:
        options = options_of(call, self._access, self._timeouts)
        options["extensions"] = {"trace": self._on_connection}
        content = None if call.body is None else _on_thread(call.body.chunks())
        try:
            async with self._http.stream(**options, content=content) as response:
                reader = await asyncio.to_thread(call.reader, head_of(response, self._now))
                try:
                    async for chunk in response.aiter_raw(CHUNK_BYTES):
                        await asyncio.to_thread(reader.feed, chunk)
                    return await asyncio.to_thread(reader.finish)
                except BaseException:
                    reader.abandon()
                    raise
        except httpx.HTTPError as error:
            raise unreachable(error, with_certificate=self._access.certificate is not None) from None

    async def _on_connection(self, event: str, info: dict[str, Any]) -> None:
        try:
            require_known_server(event, info, self._access)
        except CertificateRejected:
            await info["return_value"].aclose()
            raise


async def _on_thread(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
        yield chunk
