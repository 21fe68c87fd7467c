"""Collect: a participant without a gateway fetches what is sealed to it from our mailbox, and signs for it itself."""

from collections.abc import Iterator
from dataclasses import dataclass

from attache.errors import Gone, NotFound
from attache.package import parse_frame
from attache.package.ids import PackageId, ParticipantId
from attache.wire.mailbox import MailboxItem
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.lists import Page, read_page
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.records import ReleaseRecord
from gateway.exchange.kernel.visibility import visible_package
from gateway.exchange.outgoing.released_parts import ReleasedPart, released_parts
from gateway.exchange_log.events.base import ReleaseIds
from gateway.exchange_log.events.packages import PackageCollected, PackageExported
from gateway.identity.caller import Caller
from gateway.partners import Partner


@dataclass(frozen=True)
class SealedPackage:
    """A whole sealed package: the frame, then the parts' ciphertexts from their blobs."""

    release: ReleaseRecord
    frame: bytes
    parts: tuple[ReleasedPart, ...]

    @property
    def total_bytes(self) -> int:
        return len(self.frame) + sum(part.ciphertext_bytes for part in self.parts)


async def mailbox_of(agency: Agency, peer: Partner, after: str, limit: int) -> Page[MailboxItem]:
    """What waits for this participant and was not yet signed for, by id, above `after`."""

    def query(reader: Reader, size: int) -> list[ReleaseRecord]:
        return reader.find(ReleaseRecord.in_mailbox(peer.participant, after, size))

    page = await read_page(agency, limit, query, lambda release: release.package_id)
    return Page(tuple(_waiting(each.frame) for each in page.items if each.frame is not None), page.next)


def _waiting(frame: bytes) -> MailboxItem:
    envelope = parse_frame(frame)
    return MailboxItem.of(envelope.clear, total_bytes=len(frame) + envelope.parts_bytes)


async def sealed_package(agency: Agency, recipient: ParticipantId, package_id: PackageId) -> SealedPackage:
    """The sealed package of ours for this recipient; raises NotFound for any other."""
    return await agency.store.read(lambda reader: _sealed(reader, recipient, package_id))


async def export_sealed(
    agency: Agency, caller: Caller, recipient: ParticipantId, package_id: PackageId
) -> SealedPackage:
    """A sealed package of the caller's own, to leave as a file. Logged before a byte of it leaves.

    Raises NotFound, and NotPermitted("partner-suspended"): a suspended partner gets nothing by hand either;
    and AttacheError("release-stopped").
    """
    await agency.store.read(lambda reader: visible_package(agency, reader, caller, package_id))
    package = await sealed_package(agency, recipient, package_id)
    agency.directory.active(recipient)
    agency.require_release(recipient)
    await _log_leaving(agency, package, PackageExported, caller)
    return package


async def log_collected(agency: Agency, peer: Partner, package: SealedPackage) -> None:
    """The log says that it was fetched, before a byte of it leaves. Raises AttacheError("release-stopped")."""
    agency.require_release(peer.participant)
    await _log_leaving(agency, package, PackageCollected, peer.participant)


def package_bytes(agency: Agency, package: SealedPackage, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """The package's bytes from `start` to `end`, in pieces of at most 1 MiB. Blocking."""
    last = package.total_bytes if end is None else end
    yield package.frame[start:last]
    offset = len(package.frame)
    for part in package.parts:
        first, stop = max(0, start - offset), min(part.ciphertext_bytes, last - offset)
        if first < stop:
            yield from agency.blobs.chunks(part.blob_id, first, stop)
        offset += part.ciphertext_bytes


async def _log_leaving(
    agency: Agency, package: SealedPackage, kind: type[PackageCollected | PackageExported], by: Caller | str
) -> None:
    envelope = parse_frame(package.frame)
    about = ReleaseIds(package_id=envelope.package_id, originator=envelope.originator, recipient=envelope.recipient)
    event = kind(about=about, envelope_sha256=envelope.sha256, bytes=package.total_bytes)
    # exchange-log N2
    await agency.commit(by, lambda work: work.log(event))


def _sealed(reader: Reader, recipient: ParticipantId, package_id: PackageId) -> SealedPackage:
    release = reader.get(ReleaseRecord.key(package_id, recipient))
    # protocol X5
    if release is None or release.manifest_sha256 is None:
        raise NotFound
    if release.frame is None:
        raise Gone
    return SealedPackage(release, release.frame, tuple(released_parts(reader, release)))
