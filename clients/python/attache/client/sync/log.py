"""The gateway's exchange log."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from attache.client.agency import log as calls
from attache.client.sync.driver import Driver
from attache.client.waiting import run_blocking
from attache.wire.log import EntryView

if TYPE_CHECKING:
    from attache.client.offline import Report


class Log:
    """The gateway's exchange log. These calls verify nothing; `attache.verify` and `Log.verify` do."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def checkpoint(self) -> str:
        """The newest signed checkpoint (C2SP tlog-checkpoint)."""
        return self._driver.exchange(calls.log_text("checkpoint"))

    def vkeys(self) -> str:
        """The log's verifier keys as the gateway states them. Compare them with the keys that you received in another way."""
        return self._driver.exchange(calls.log_text("vkeys"))

    def entries(self, *, after: str = "") -> Iterator[EntryView]:
        """Every entry that the caller may see; further pages are fetched as they are needed."""
        return self._driver.walk(calls.log_entries, after)

    def search(self, *, after: str = "", **filters: str) -> Iterator[EntryView]:
        """The entries that match all filters, in the order of the log: event, actor, package_id, partner, outcome, request_id,
        and since and until as RFC 3339 instants. The search is itself logged.
        """
        return self._driver.walk(calls.log_search(filters), after)

    def follow(self, *, after: int | None = None, **filters: str) -> Iterator[EntryView]:
        """Entries as they are logged, without end: from now on, or from the entry after the index `after`. Filters as in `search`."""
        events = calls.EntryEvents()
        for chunk in self._driver.stream(calls.log_follow(filters, after)):
            for entry in events.feed(chunk):
                yield entry

    def export(self, target: str | os.PathLike[str], *, file_format: str = "jsonl", **filters: str) -> Path:
        """Save exactly the entries that match all filters as a new file, jsonl or csv, and its signed manifest beside it as TARGET.manifest."""
        return self._driver.exchange(calls.save_log_export(filters, file_format, Path(target)))

    def entry(self, index: int) -> EntryView:
        return self._driver.exchange(calls.log_entry(index))

    def prove(self, index: int) -> str:
        """The proof that the entry is in the log (C2SP tlog-proof)."""
        return self._driver.exchange(calls.log_text("proofs", "inclusion", query={"index": str(index)}))

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Save the whole log as a static C2SP directory: the new `folder`, published when it is complete."""
        from attache.client.log_copy import save_log  # noqa: PLC0415 -- loads the formats of the log

        return self._driver.run(save_log(Path(folder)))

    def verify(self, vkeys: Sequence[str] | None = None) -> "Report":
        """Fetch the whole log and verify it locally. `vkeys` are the log's keys, which you received in another way.

        Without them the keys that the gateway states are used, and the report says so.
        """
        from attache.client.offline import verify as verify_file  # noqa: PLC0415 -- loads the whole protocol

        with TemporaryDirectory() as scratch:
            folder = self.save(Path(scratch) / "log")
            return run_blocking(verify_file, folder, vkeys=vkeys)
