"""The exchange log: entries, searches, exports, and the C2SP resources that prove them."""

from collections.abc import Callable, Mapping
from pathlib import Path

from attache.client.agency.base import paging, path_of
from attache.client.call import Call, Head, Page, page_of, text_of, view_of, whole
from attache.client.quarantine import Quarantine
from attache.crypto.encoding import parse_b64u
from attache.errors import AttacheError
from attache.wire.log import EntryView

EXPORT_PATIENCE_SECONDS = 540.0
MAX_EVENT_BYTES = 1 << 20


def log_text(*segments: str, query: Mapping[str, str] | None = None) -> Call[str]:
    return Call("GET", path_of("log", *segments), whole(text_of), query or {})


def log_entries(after: str) -> Call[Page[EntryView]]:
    return Call("GET", path_of("log", "entries"), whole(page_of(EntryView, "entries")), paging(after))


def log_search(filters: Mapping[str, str]) -> Callable[[str], Call[Page[EntryView]]]:
    """Pages of the entries that match all filters."""
    return lambda after: Call(
        "GET", path_of("log", "entries"), whole(page_of(EntryView, "entries")), {**filters, **paging(after)}
    )


def log_follow(filters: Mapping[str, str], after: int | None) -> Call[bytes]:
    headers = {"Last-Event-ID": str(after)} if after is not None else {}
    return Call("GET", path_of("log", "follow"), whole(bytes), filters, headers)


def save_log_export(filters: Mapping[str, str], file_format: str, target: Path) -> Call[Path]:
    query = {**filters, "format": file_format}
    path = path_of("log", "export")
    return Call("GET", path, lambda head: ExportReader(head, target), query, patience_seconds=EXPORT_PATIENCE_SECONDS)


class ExportReader:
    """Saves an export as `target`, and its signed manifest beside it as `target`.manifest."""

    def __init__(self, head: Head, target: Path) -> None:
        try:
            self._manifest = parse_b64u(head.headers.get("attache-manifest", ""))
        except AttacheError:
            raise AttacheError("malformed-answer", "the export has no manifest") from None
        self._file = Quarantine(target, size=None, sha256=None)

    def feed(self, chunk: bytes) -> None:
        self._file.feed(chunk)

    def finish(self) -> Path:
        path = self._file.finish()
        path.with_name(f"{path.name}.manifest").write_bytes(self._manifest)
        return path

    def abandon(self) -> None:
        self._file.abandon()


class EntryEvents:
    """Reads entries from the chunks of a stream of server-sent events, with one `data` line for each event."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, chunk: bytes) -> list[EntryView]:
        """The entries that this chunk completes. Raises AttacheError for a malformed entry or an event of more than 1 MiB."""
        *lines, self._pending = (self._pending + chunk).split(b"\n")
        if len(self._pending) > MAX_EVENT_BYTES:
            raise AttacheError("malformed-answer", "an event of more than 1 MiB")
        return [view_of(EntryView)(line.removeprefix(b"data: ")) for line in lines if line.startswith(b"data: ")]


def log_entry(index: int) -> Call[EntryView]:
    return Call("GET", path_of("log", "entries", index), whole(view_of(EntryView)))


def log_resource(path: str) -> Call[bytes]:
    return Call("GET", path_of("log", *path.split("/")), whole(bytes))
