"""What an agency submits: the facts of a package, its recipients, and its parts with their content."""

import hashlib
import io
import mimetypes
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import BaseModel

from attache.errors import MalformedInput
from attache.wire import packages as wire
from attache.wire.view import LATER

CHUNK_BYTES = 1 << 20
STIX = "application/stix+json;version=2.1"

Content = bytes | Path | BinaryIO


@dataclass(frozen=True)
class Recipient:
    """To whom, as `participant` or `participant/desk`, and by which agreement."""

    to: str
    legal_basis: str


@dataclass(frozen=True)
class Field:
    """Something within a part that is to be handled more strictly than the rest of it.

    `path`: in `application/json` a JSON Pointer, `/suspect/name`; in STIX 2.1 an object's id, or `id/selector`.
    `originator`: the participant that supplied it, where that was not us.
    """

    path: str
    markings: tuple[str, ...] = ()
    content_class: tuple[str, ...] = ()
    handling_codes: tuple[str, ...] = ()
    originator: str | None = None


@dataclass(frozen=True)
class Part:
    """One stream of bytes. A path or an open binary file is streamed, never held in memory whole.

    `originator`, `handling_codes`, `caveats` and `delete_by` are what came with it from another participant. `fields` are for
    what the gateway looks into, JSON and STIX 2.1. What the file system refuses is raised as the OSError that it is.
    """

    name: str
    content: Content = field(repr=False)
    media_type: str = "application/octet-stream"
    markings: tuple[str, ...] = ()
    content_class: tuple[str, ...] = ()
    evaluation: str = "unevaluated"
    fields: tuple[Field, ...] = ()
    originator: str | None = None
    handling_codes: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    delete_by: datetime | None = None

    @classmethod
    def of_path(
        cls,
        path: str | os.PathLike[str],
        *,
        media_type: str | None = None,
        markings: tuple[str, ...] = (),
        content_class: tuple[str, ...] = (),
        evaluation: str = "unevaluated",
        fields: tuple[Field, ...] = (),
    ) -> "Part":
        """The file at `path` under its own name; the media type is guessed from the name where none is given.

        `.stix.json` and `.stix21.json` are STIX 2.1.
        """
        file = Path(path)
        guessed = media_type or _guessed(file.name)
        return cls(file.name, file, guessed, markings, content_class, evaluation, fields)

    def is_looked_into(self) -> bool:
        """Whether the gateway decides about what is within it."""
        return self.media_type.partition(";")[0].strip().lower() in {"application/json", "application/stix+json"}

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
    case_reference: str | None = None

    def facts(self) -> dict[str, Any]:
        """The members of the request, without the parts' content."""
        return _facts_of(self)


_READ_AS: dict[type, type[BaseModel]] = {
    Submission: wire.Submission,
    Recipient: wire.Addressee,
    Part: wire.PartFacts,
    Field: wire.FieldFacts,
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


def _facts_of(value: Submission | Recipient | Part | Field) -> dict[str, Any]:
    """Its members as JSON values, named and ordered as the gateway reads them.

    One that only later versions have is left out where it has its default, so that gateways of all versions take the request.
    """
    defaults = {each.name: each.default for each in fields(value)}
    facts = {}
    for name, member in _READ_AS[type(value)].model_fields.items():
        if name in defaults and not (LATER in member.metadata and getattr(value, name) == defaults[name]):
            facts[name] = _json(getattr(value, name))
    if isinstance(value, Part):
        del facts["content"]
        return {**facts, "bytes": value.size(), "sha256": None, "content": None}
    return facts


def _json(member: object) -> Any:
    match member:
        case tuple():
            return [_json(each) for each in member]
        case Submission() | Recipient() | Part() | Field():
            return _facts_of(member)
        case datetime():
            return _instant(member)
    return member


def _guessed(name: str) -> str:
    if name.endswith((".stix.json", ".stix21.json")):
        return STIX
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _instant(at: datetime) -> str:
    if at.tzinfo is None:
        raise MalformedInput("malformed-request", "an instant has no time zone")
    return at.isoformat().replace("+00:00", "Z")
