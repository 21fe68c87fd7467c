"""Exactly a filtered set of the log as a file, with a signed manifest. The export is an entry itself.

The set is read twice, a page at a time: to sign what the file is, and to give it. Entries never change, so both times
it is the same, unless a purge comes between; then the file ends before its end, and is not what the manifest says.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from attache.crypto import b64u, is_equal
from attache.errors import IntegrityLost
from attache.evidence.export import ExportManifest, sign_export
from attache.translog.checkpoint import parse_checkpoint_body
from attache.translog.note import parse_note
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.ports import LogFilter, LoggedEntry, LogReader
from gateway.exchange_log.events import Group
from gateway.exchange_log.events.oversight import LogExported
from gateway.exchange_log.leaf import parse_leaf, verify_opening
from gateway.exchange_log.rows import OpenedEntry, csv_header, csv_lines, json_lines
from gateway.identity.caller import Caller

AT_ONCE = 500


@dataclass(frozen=True)
class LogExport:
    """A filtered set of the log as a file, and the signed manifest that says so."""

    chunks: AsyncIterator[bytes]
    manifest: bytes

    @property
    def manifest_text(self) -> str:
        """The manifest as a header carries it."""
        return b64u(self.manifest)


def filter_text(wanted: LogFilter) -> dict[str, str]:
    """A filter by the names of what it asks for."""
    named = {name: value for name, value in vars(wanted).items() if value is not None}
    return {name: value.isoformat() if isinstance(value, datetime) else str(value) for name, value in named.items()}


async def export_log(agency: Agency, caller: Caller, wanted: LogFilter, file_format: str) -> LogExport:
    """Exactly the entries that the filter wants, up to the newest checkpoint; logged before any of it leaves.

    In constant memory, whatever its size. `chunks` raises IntegrityLost before its end
    where the set is no longer the one that was signed.
    """
    checkpoint = parse_checkpoint_body(parse_note(await agency.store.read_log(lambda log: log.checkpoint)).text)
    digest, size, rows = hashlib.sha256(), 0, 0
    async for chunk, entries in _pages(agency, wanted, file_format, checkpoint.size):
        digest.update(chunk)
        size, rows = size + len(chunk), rows + entries
    manifest = ExportManifest(
        made_at=agency.clock(),
        made_by=agency.participant,
        origin=checkpoint.origin,
        size=checkpoint.size,
        root=checkpoint.root.hex(),
        filter=filter_text(wanted),
        rows=rows,
        file_format="csv" if file_format == "csv" else "jsonl",
        file_bytes=size,
        file_sha256=digest.hexdigest(),
    )
    signed = await asyncio.to_thread(sign_export, manifest, agency.keys)
    exported = LogExported(
        filter=filter_text(wanted), entries=rows, export_sha256=manifest.file_sha256, format=file_format
    )
    await agency.commit(caller, lambda work: work.log(exported))
    return LogExport(_as_signed(_pages(agency, wanted, file_format, checkpoint.size), manifest), signed)


async def _as_signed(pages: AsyncIterator[tuple[bytes, int]], manifest: ExportManifest) -> AsyncIterator[bytes]:
    """The chunks, the last one only where all of them are what was signed."""
    digest, held = hashlib.sha256(), b""
    async for chunk, _ in pages:
        if held:
            yield held
        digest.update(chunk)
        held = chunk
    if not is_equal(digest.hexdigest().encode(), manifest.file_sha256.encode()):
        raise IntegrityLost(detail="entries were purged while they were exported; export again", step="export")
    yield held


async def _pages(agency: Agency, wanted: LogFilter, file_format: str, size: int) -> AsyncIterator[tuple[bytes, int]]:
    """The file piece by piece, and how many entries of the first `size` each piece holds."""
    write = csv_lines if file_format == "csv" else json_lines
    if file_format == "csv":
        yield csv_header(), 0
    after = -1
    while True:
        page = await agency.store.read_log(partial(_page, after, wanted, size))
        if not page:
            return
        after = page[-1].index
        yield b"".join(write(page)), len(page)


def _page(after: int, wanted: LogFilter, size: int, log: LogReader) -> Sequence[OpenedEntry]:
    found: Iterable[LoggedEntry] = log.entries_after(after, AT_ONCE, wanted)
    return [_opened(entry) for entry in found if entry.index < size]


def _opened(entry: LoggedEntry) -> OpenedEntry:
    leaf = parse_leaf(entry.leaf)
    shown = [opening for opening in entry.openings if opening.group is not Group.ROWS]
    return OpenedEntry(entry.index, leaf, {opening.group: verify_opening(leaf, opening) for opening in shown})
