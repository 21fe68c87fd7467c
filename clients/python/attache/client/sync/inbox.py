"""Packages that arrived at this agency."""

import os
from collections.abc import Iterator
from pathlib import Path

from attache.client.agency import inbox as calls
from attache.client.retry import new_idempotency_key
from attache.client.sync.driver import Driver
from attache.wire.arrivals import ArrivalView


class Inbox:
    """Packages that arrived at this agency."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def list(self, *, after: str = "") -> Iterator[ArrivalView]:
        """Every package that arrived, newest first; further pages are fetched as they are needed."""
        return self._driver.walk(calls.inbox, after)

    def get(self, originator: str, package_id: str) -> ArrivalView:
        return self._driver.exchange(calls.arrival(originator, package_id))

    def open(self, originator: str, package_id: str) -> ArrivalView:
        """Open a package. The gateway logs this, and sends the originator a signed *opened* receipt."""
        return self._driver.exchange(calls.open_arrival(originator, package_id, new_idempotency_key()))

    def save(self, arrival: ArrivalView, folder: str | os.PathLike[str], *, use: str = "export") -> tuple[Path, ...]:
        """Save the parts of an opened package as files in `folder`.

        `use` declares what you will do with them; the originator's markings decide whether that is permitted. `export`: copies
        leave the gateway; `read`: only you read them, as with TLP:RED.

        Each part is streamed to a hidden file and published only after its size and SHA-256 were checked. An existing
        file is never replaced: Conflict("conflict").
        """
        return self._driver.run(calls.save_parts(arrival, Path(folder), use))
