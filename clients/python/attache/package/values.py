"""Signed values: the types that manifests, receipts and descriptors are made of, and how they are read.

Strict, closed and bounded: no coercion, no unknown member, no list of more than MAX_LIST entries.
"""

from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from attache.crypto import parse_b64u
from attache.errors import AttacheError, MalformedInput
from attache.package import ids
from attache.package.ids import PARTICIPANT_PATTERN, UUID7_PATTERN
from attache.strict_json import parse_object
from attache.vocabulary import Markings

MAX_LIST = 1000
MAX_MEMBERS = 64
MAX_NAME_BYTES = 255


def _plain(text: str) -> str:
    """No control characters, no line or paragraph separators, no bidirectional overrides: the text is shown as it is."""
    if any(not char.isprintable() for char in text):
        raise ValueError("a character that does not print")
    return text


def _file_name(text: str) -> str:
    """A name that cannot leave its folder or hide in it."""
    # protocol M2
    if text != text.strip() or text.startswith(".") or any(char in text for char in '/\\:*?"<>|'):
        raise ValueError("not a plain file name")
    if len(text.encode()) > MAX_NAME_BYTES:
        raise ValueError("the name is too long")
    return _plain(text)


def _known_markings(texts: tuple[str, ...]) -> tuple[str, ...]:
    try:
        # protocol M1
        if tuple(Markings.parse(texts).texts()) != texts:
            raise ValueError("markings in another order or spelling")
    except AttacheError as error:
        raise ValueError(error.detail) from None
    return texts


def _key_text(text: str) -> str:
    try:
        parse_b64u(text, size=32)
    except MalformedInput as error:
        raise ValueError(error.detail) from None
    return text


# protocol T4
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
ParticipantId = Annotated[ids.ParticipantId, Field(pattern=PARTICIPANT_PATTERN)]
DeskId = Annotated[str, Field(pattern=PARTICIPANT_PATTERN)]
PackageId = Annotated[ids.PackageId, Field(pattern=UUID7_PATTERN)]
Uuid7 = Annotated[str, Field(pattern=UUID7_PATTERN)]
KeyId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
Line = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_plain)]
FileName = Annotated[str, Field(min_length=1), AfterValidator(_file_name)]
MediaType = Annotated[str, Field(pattern=r"^[a-z0-9.+-]{1,63}/[a-z0-9.+-]{1,127}(;[ -~]{1,127})?$")]
KeyText = Annotated[str, AfterValidator(_key_text), Field(repr=False)]
MarkingTexts = Annotated[tuple[str, ...], Field(max_length=8), AfterValidator(_known_markings)]


class Statement(BaseModel):
    """A signed value: strict, closed, immutable."""

    # protocol T3
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)


_Read = TypeVar("_Read", bound=Statement)


def read_statement(model: type[_Read], raw: bytes, *, code: str) -> _Read:
    """The value in strict JSON text; raises MalformedInput(code).

    Checks the sizes first: validation collects every fault that it finds, and a million faults take minutes.
    """
    require_bounded(parse_object(raw, code=code), code=code)
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise MalformedInput(code, _first_fault(error)) from None


def require_bounded(value: Any, *, code: str) -> None:
    """Raises MalformedInput(code) for a list or an object with more entries than any statement has."""
    if isinstance(value, dict):
        if len(value) > MAX_MEMBERS:
            raise MalformedInput(code, f"an object with more than {MAX_MEMBERS} members")
        value = list(value.values())
    # protocol T3
    elif isinstance(value, list) and len(value) > MAX_LIST:
        raise MalformedInput(code, f"a list with more than {MAX_LIST} entries")
    if isinstance(value, list):
        for each in value:
            require_bounded(each, code=code)


def _first_fault(error: ValidationError) -> str:
    """The place and kind of the first fault, without the value: a value may be content."""
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    text = f"{'.'.join(str(place) for place in fault['loc'])}: {fault['msg']}"
    return "".join(char if char.isprintable() else "?" for char in text)[:200]
