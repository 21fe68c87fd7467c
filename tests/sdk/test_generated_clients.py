"""The asyncio clients are the blocking ones with the waiting written out, as the generator writes them."""

from clients.generate_aio import TARGET, asynchronous, generated, stale

BLOCKING = '''
"""Client, Iterator and time in words stay."""
import time
from collections.abc import Callable, Iterator
from attache.client.sync.driver import Driver
from attache.client.waiting import Pause, run_blocking

class Things:
    def __init__(self, driver: Driver, pause: Pause = time.sleep) -> None:
        self.http = httpx.HTTPTransport()
        self.close = driver.close
    def list(self) -> Iterator[int]:
        return self._driver.walk(calls.things)
    def get(self, name: str) -> Callable[[], int]:
        say("é", self._driver.exchange(calls.thing(name)))  # time
        return self._driver.run(run_blocking(name.read))
    def follow(self) -> Iterator[int]:
        for chunk in self._driver.stream(calls.follow()):
            for entry in events(chunk):
                yield entry
    def _once(self) -> bytes:
        with self._http.stream("GET") as response:
          with open("f") as file:
            for chunk in response.iter_raw():
                file.write(chunk)
    def close(self) -> None:
        file.close()
        self._http.close()
    def __enter__(self) -> Self:
        return self
    def __exit__(self, *error: object) -> None:
        self.close()
'''
ASYNCIO = '''
"""Client, Iterator and time in words stay."""
import asyncio
from collections.abc import Callable, AsyncIterator
from attache.client.aio.driver import AsyncDriver
from attache.client.waiting import AsyncPause, run_on_thread

class AsyncThings:
    def __init__(self, driver: AsyncDriver, pause: AsyncPause = asyncio.sleep) -> None:
        self.http = httpx.AsyncHTTPTransport()
        self.close = driver.close
    def list(self) -> AsyncIterator[int]:
        return self._driver.walk(calls.things)
    async def get(self, name: str) -> Callable[[], int]:
        say("é", await self._driver.exchange(calls.thing(name)))  # time
        return await self._driver.run(await run_on_thread(name.read))
    async def follow(self) -> AsyncIterator[int]:
        async for chunk in self._driver.stream(calls.follow()):
            for entry in events(chunk):
                yield entry
    async def _once(self) -> bytes:
        async with self._http.stream("GET") as response:
          with open("f") as file:
            async for chunk in response.aiter_raw():
                file.write(chunk)
    async def close(self) -> None:
        file.close()
        await self._http.aclose()
    async def __aenter__(self) -> Self:
        return self
    async def __aexit__(self, *error: object) -> None:
        await self.close()
'''


def words_of(source: str) -> list[str]:
    """Its lines without white space: untokenized code is not formatted."""
    return ["".join(line.split()) for line in source.splitlines()]


def test_what_must_change_changes_and_nothing_else():
    assert words_of(asynchronous(BLOCKING, {"Driver", "Things"})) == words_of(ASYNCIO)


def test_the_asyncio_clients_on_disk_are_fresh():
    assert stale(generated()) == [], "run `make async`"


def test_a_changed_a_missing_and_a_left_over_module_are_stale():
    wanted = generated()
    client, driver, extra = (TARGET / f"{name}.py" for name in ("client", "driver", "extra"))
    del wanted[client]
    wanted[driver] += "\n"
    wanted[extra] = ""
    assert stale(wanted) == [client, driver, extra]
