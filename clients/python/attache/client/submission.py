"""What an agency submits: the facts of a package, its recipients, and its parts with their content."""

import hashlib
import io
import mimetypes
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from attache.errors import MalformedInput

CHUNK_BYTES = 1 << 20

Content = bytes | Path | BinaryIO


@dataclass(frozen=True)
class Recipient:
    """To whom, as `participant` or `participant/desk`, and by which agreement."""

    to: str
    legal_basis: str


@dataclass(frozen=True)
class Part:
    """One stream of bytes. A path or an open binary file is streamed, never held in memory whole.

    What the file system refuses is raised as the OSError that it is.
    """

    name: str
    content: Content = field(repr=False)
    media_type: str = "application/octet-stream"
    markings: tuple[str, ...] = ()
    content_class: tuple[str, ...] = ()
    evaluation: str = "unevaluated"

    @classmethod
    def of_path(
        cls,
        path: str | os.PathLike[str],
        *,
        media_type: str | None = None,
        markings: tuple[str, ...] = (),
        content_class: tuple[str, ...] = (),
        evaluation: str = "unevaluated",
    ) -> "Part":
        """The file at `path` under its own name; the media type is guessed from the name where none is given."""
        file = Path(path)
        guessed = media_type or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        return cls(file.name, file, guessed, markings, content_class, evaluation)

    def size(self) -> int | None:
        """The content's size in bytes; None for a stream that cannot tell."""
        if isinstance(self.content, bytes):
            return len(self.content)
        if isinstance(self.content, Path):
            return self.content.stat().st_size
        if not self.content.seekable():
            return None
        start = self.content.tell()
        end = self.content.seek(0, io.SEEK_END)
        self.content.seek(start)
        return end - start

    def is_repeatable(self) -> bool:
        """Whether the content can be read a second time."""
        return isinstance(self.content, bytes | Path) or self.content.seekable()


@dataclass(frozen=True)
class Submission:
    """The facts of a package, in the vocabulary's words (`attache.vocabulary`); the gateway refuses unknown ones."""

    kind: str
    title: str
    purpose: str
    recipients: tuple[Recipient, ...]
    parts: tuple[Part, ...]
    crime_types: tuple[str, ...] = ()
    urgency: str = "routine"
    channel: str = "liaison"
    markings: tuple[str, ...] = ()
    handling_codes: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    assurances: tuple[str, ...] = ()
    retain_until: datetime | None = None
    onward: str | None = None
    expires_at: datetime | None = None
    in_reply_to: str | None = None
    thread_id: str | None = None
    review_within_hours: int = 0

    def facts(self) -> dict[str, Any]:
        """The members of the request, without the parts' content."""
        return {
            "kind": self.kind,
            "title": self.title,
            "purpose": self.purpose,
            "crime_types": list(self.crime_types),
            "urgency": self.urgency,
            "channel": self.channel,
            "markings": list(self.markings),
            "handling_codes": list(self.handling_codes),
            "caveats": list(self.caveats),
            "assurances": list(self.assurances),
            "retain_until": _instant(self.retain_until),
            "onward": self.onward,
            "expires_at": _instant(self.expires_at),
            "in_reply_to": self.in_reply_to,
            "thread_id": self.thread_id,
            "review_within_hours": self.review_within_hours,
            "recipients": [{"to": to.to, "legal_basis": to.legal_basis} for to in self.recipients],
            "parts": [_declared(part) for part in self.parts],
        }


class Reading:
    """One pass over a part's content; `sha256` is of what was read, once all of it was."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._digest = hashlib.sha256()
        self._start = (
            None if isinstance(part.content, bytes | Path) or not part.content.seekable() else part.content.tell()
        )

    def chunks(self) -> Iterator[bytes]:
        """The content from its beginning, in pieces of at most 1 MiB; may be called again where it is repeatable."""
        self._digest = hashlib.sha256()
        for chunk in self._read():
            self._digest.update(chunk)
            yield chunk

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def _read(self) -> Iterator[bytes]:
        content = self._part.content
        if isinstance(content, bytes):
            yield from (content[at : at + CHUNK_BYTES] for at in range(0, len(content), CHUNK_BYTES))
        elif isinstance(content, Path):
            with content.open("rb") as file:
                yield from iter(lambda: file.read(CHUNK_BYTES), b"")
        else:
            if self._start is not None:
                content.seek(self._start)
            yield from iter(lambda: content.read(CHUNK_BYTES), b"")


def _declared(part: Part) -> dict[str, Any]:
    return {
        "name": part.name,
        "media_type": part.media_type,
        "markings": list(part.markings),
        "content_class": list(part.content_class),
        "evaluation": part.evaluation,
        "bytes": part.size(),
        "sha256": None,
        "content": None,
    }


def _instant(at: datetime | None) -> str | None:
    if at is None:
        return None
    if at.tzinfo is None:
        raise MalformedInput("malformed-request", "an instant has no time zone")
    return at.isoformat().replace("+00:00", "Z")
