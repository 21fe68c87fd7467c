"""The log as it grows, and exactly a filtered set of it as a file. Both are entries themselves."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime

from attache.crypto import b64u, sha256_hex
from attache.errors import PayloadTooLarge
from attache.evidence.export import ExportManifest, sign_export
from attache.translog.checkpoint import Checkpoint, parse_checkpoint_body
from attache.translog.note import parse_note
from gateway.exchange.agency import Agency
from gateway.exchange.audit import entry_view
from gateway.exchange.logged import event
from gateway.exchange.ports import LogFilter, LoggedEntry, LogReader
from gateway.exchange.views import EntryView
from gateway.exchange_log import EventCode
from gateway.exchange_log.events import Group
from gateway.exchange_log.leaf import parse_leaf, verify_opening
from gateway.exchange_log.rows import OpenedEntry, csv_lines, json_lines
from gateway.identity.caller import Caller

AT_ONCE = 500
KEEP_ALIVE_SECONDS = 15.0
MAX_EXPORT_BYTES = 256 << 20

_WRITERS = {"jsonl": json_lines, "csv": csv_lines}


@dataclass(frozen=True)
class LogExport:
    """A filtered set of the log as a file, and the signed manifest that says so."""

    content: bytes
    manifest: bytes

    @property
    def manifest_text(self) -> str:
        """The manifest as a header carries it."""
        return b64u(self.manifest)


def filter_text(wanted: LogFilter) -> dict[str, str]:
    """A filter by the names of what it asks for."""
    named = {name: value for name, value in vars(wanted).items() if value is not None}
    return {name: value.isoformat() if isinstance(value, datetime) else str(value) for name, value in named.items()}


async def follow_log(
    agency: Agency, caller: Caller, after: int | None, wanted: LogFilter
) -> AsyncIterator[EntryView | None]:
    """Entries above `after` (from now on where None) as they come, without end; None whenever nothing came for 15 seconds.

    Ends when the caller's token does. That somebody follows is an entry.
    """
    start = await agency.store.read_log(lambda log: log.size - 1) if after is None else after
    record = {"filter": {**filter_text(wanted), "follow": True, "after": start}}
    await agency.store.write(lambda tx: tx.log(event(EventCode.LOG_SEARCHED, agency.clock(), caller, record=record)))
    return _entries(agency, caller, start, wanted)


async def export_log(agency: Agency, caller: Caller, wanted: LogFilter, file_format: str) -> LogExport:
    """Exactly the entries that the filter wants, up to the newest checkpoint, in one consistent view; logged before it leaves.

    Raises PayloadTooLarge beyond 256 MiB: narrow the filter.
    """
    asked = replace(wanted)
    content, rows, checkpoint = await agency.store.read_log(lambda log: _file(log, asked, file_format))
    manifest = ExportManifest(
        made_at=agency.clock(),
        made_by=agency.participant,
        origin=checkpoint.origin,
        size=checkpoint.size,
        root=checkpoint.root.hex(),
        filter=filter_text(wanted),
        rows=rows,
        file_format="csv" if file_format == "csv" else "jsonl",
        file_bytes=len(content),
        file_sha256=sha256_hex(content),
    )
    signed = await asyncio.to_thread(sign_export, manifest, agency.keys)
    record = {
        "filter": filter_text(wanted),
        "entries": rows,
        "export_sha256": manifest.file_sha256,
        "format": file_format,
    }
    await agency.store.write(lambda tx: tx.log(event(EventCode.LOG_EXPORTED, agency.clock(), caller, record=record)))
    return LogExport(content, signed)


async def _entries(agency: Agency, caller: Caller, after: int, wanted: LogFilter) -> AsyncIterator[EntryView | None]:
    while agency.clock() < caller.expires_at:
        changed = agency.store.changed()
        found = await agency.store.read_log(
            lambda log, after=after: [entry_view(e) for e in log.entries_after(after, AT_ONCE, wanted)]  # type: ignore[misc]
        )
        for entry in found:
            after = entry.index
            yield entry
        if not found:
            try:
                async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                    await changed.wait()
            except TimeoutError:
                yield None


def _file(log: LogReader, wanted: LogFilter, file_format: str) -> tuple[bytes, int, Checkpoint]:
    content, rows = bytearray(), 0

    def entries() -> "list[OpenedEntry]":
        return [_opened(entry) for entry in log.entries_after(after, AT_ONCE, wanted)]

    after = -1
    write = _WRITERS[file_format]
    header = b"".join(write([]))
    content += header
    while page := entries():
        for line in list(write(page))[1 if header else 0 :]:
            content += line
        if len(content) > MAX_EXPORT_BYTES:
            raise PayloadTooLarge(detail="the export is larger than 256 MiB: narrow the filter")
        rows, after = rows + len(page), page[-1].index
    return bytes(content), rows, parse_checkpoint_body(parse_note(log.checkpoint).text)


def _opened(entry: LoggedEntry) -> OpenedEntry:
    leaf = parse_leaf(entry.leaf)
    shown = [opening for opening in entry.openings if opening.group is not Group.ROWS]
    return OpenedEntry(entry.index, leaf, {opening.group: verify_opening(leaf, opening) for opening in shown})
