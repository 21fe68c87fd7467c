"""The driver: sends calls, and runs plans."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import httpx

from attache import clock
from attache.client.call import Call, Cursor, Page, Plan
from attache.client.connect import Access, Timeouts, head_of, options_of, require_known_server, unreachable
from attache.client.retry import Retry, chance
from attache.client.submission import CHUNK_BYTES
from attache.client.waiting import Pause, run_blocking
from attache.errors import AttacheError, CertificateRejected

T = TypeVar("T")


class Driver:
    """Sends calls over one connection pool, and repeats them according to `retry`. `Driver` blocks and is safe to
    share between threads; `AsyncDriver` is for one event loop, and reads and writes files on threads.
    """

    def __init__(
        self,
        access: Access,
        *,
        retry: Retry,
        timeouts: Timeouts,
        transport: httpx.BaseTransport | None = None,
        pause: Pause = time.sleep,
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
        """Close the connections."""
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
        """The result of a plan, after all its calls."""
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
            result: T = stop.value
            return result
        finally:
            plan.close()

    def walk(self, page: Callable[[str], Call[Page[T]]], after: str = "") -> Iterator[T]:
        """Every item of a list; each page is fetched when it is needed."""
        cursor = Cursor(after)
        while True:
            current = self.exchange(page(cursor.after))
            for item in current.items:
                yield item
            if not cursor.advance(current):
                return

    def stream(self, call: Call[Any]) -> Iterator[bytes]:
        """The body of an endless answer, in chunks as they arrive. A stream that breaks off is not started again."""
        options = options_of(call, self._access, self._timeouts)
        options["extensions"] = {"trace": self._on_connection}
        try:
            with self._http.stream(**options) as response:
                if not response.is_success:
                    reader = call.reader(head_of(response, self._now))
                    for chunk in response.iter_raw(CHUNK_BYTES):
                        reader.feed(chunk)
                    reader.finish()
                for chunk in response.iter_raw():
                    yield chunk
        except httpx.HTTPError as error:
            raise unreachable(error, with_certificate=self._access.certificate is not None) from None

    def _once(self, call: Call[T]) -> T:
        options = options_of(call, self._access, self._timeouts)
        options["extensions"] = {"trace": self._on_connection}
        content = None if call.body is None else _sent(call.body.chunks())
        try:
            with self._http.stream(**options, content=content) as response:
                reader = run_blocking(call.reader, head_of(response, self._now))
                try:
                    for chunk in response.iter_raw(CHUNK_BYTES):
                        run_blocking(reader.feed, chunk)
                    return run_blocking(reader.finish)
                except BaseException:
                    reader.abandon()
                    raise
        except httpx.HTTPError as error:
            raise unreachable(error, with_certificate=self._access.certificate is not None) from None

    def _on_connection(self, event: str, info: dict[str, Any]) -> None:
        try:
            require_known_server(event, info, self._access)
        except CertificateRejected:
            connection = info["return_value"]
            connection.close()
            raise


def _sent(chunks: Iterable[bytes]) -> Iterator[bytes]:
    iterator = iter(chunks)
    while (chunk := run_blocking(next, iterator, None)) is not None:
        yield chunk
