"""Opening a sealed package file, offline: its verified parts become files in a new folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from attache import clock
from attache.client.home import Home
from attache.client.quarantine import Quarantine, QuarantineFolder, plain_name
from attache.errors import MalformedInput, NotFound
from attache.package import BLOCK_BYTES, Envelope, Manifest, Seen, Step, VerifiedPackage, open_manifest, read_frame


@dataclass(frozen=True)
class OpenedPackage:
    """A package that passed all eight steps; its parts are files in `folder`."""

    manifest: Manifest
    manifest_sha256: str
    envelope: Envelope
    folder: Path


def nothing_seen(_originator: str, _package_id: str) -> None:
    """Always None: for callers that keep no record of accepted packages."""


def open_package(path: Path, into: Path, home: Home, *, now: clock.Clock = clock.now) -> OpenedPackage:
    """Open a sealed package file in eight steps, and write its parts as files into the new folder `into`.

    The folder appears complete, after the last check, or not at all. The originator's descriptor must be pinned in `home`.
    Replays are not detected (a file may be opened again), and no receipt is made. Raises AttacheError with the failed step.
    """
    with path.open("rb") as stream:
        package = read_package(stream, home, now=now, seen=nothing_seen)
        with open_parts(package, stream, into) as opened:
            folder = opened.publish()
    return OpenedPackage(package.manifest, package.manifest_sha256, package.envelope, folder)


def read_package(stream: BinaryIO, home: Home, *, now: clock.Clock, seen: Seen) -> VerifiedPackage:
    """Steps 1 to 6 for the package at the beginning of `stream`; leaves the stream at the first part."""
    envelope = read_frame(stream)
    try:
        originator = home.descriptor_of(envelope.originator)
    except NotFound as error:
        error.step = Step.ADDRESS
        raise
    return open_manifest(envelope, keys=home.keys, me=home.me, originator=originator, now=now(), seen=seen)


def open_parts(package: VerifiedPackage, stream: BinaryIO, target: Path) -> QuarantineFolder:
    """Steps 7 and 8 for every part, into a folder that the caller has yet to publish. Raises MalformedInput for bytes after the last part."""
    with QuarantineFolder(target) as folder:
        for index, part in enumerate(package.manifest.parts):
            with Quarantine(folder.path / plain_name(part.name)) as file:
                for chunk in package.open_part(index, read_exactly(stream, part.ciphertext_bytes)):
                    file.feed(chunk)
                file.finish()
        # protocol E4
        require_end(stream)
        return folder


def read_exactly(stream: BinaryIO, count: int) -> Iterator[bytes]:
    """The next `count` bytes in blocks of 1 MiB; fewer bytes if the stream ends."""
    while count and (block := stream.read(min(count, BLOCK_BYTES))):
        count -= len(block)
        yield block


def require_end(stream: BinaryIO) -> None:
    """Raises MalformedInput("malformed-package") if `stream` has more bytes."""
    if stream.read(1):
        raise MalformedInput("malformed-package", "bytes after the last part", step=Step.SHAPE)
