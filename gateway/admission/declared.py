"""Declares the body of a request as a parameter of its endpoint.

`async def approve(agency: ThisAgency, caller: Purger, purge_id: PackageId, approval: Json[PurgeApproval]) -> PurgeView`

The annotation determines the type of the value, the limits on size and time, the media types and the request body in
OpenAPI. `gateway.admission.routes` reads the body, after the caller is authenticated and has the required role.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from inspect import isclass
from typing import Annotated, TypeVar, get_args

from fastapi import Request
from pydantic import BaseModel

from gateway.admission.bodies import body_stream, read_body, verify_media_type
from gateway.admission.json_text import JsonText, parse_model, parsed
from gateway.settings import Settings

JSON = ("application/json",)
OCTETS = ("application/octet-stream",)

Model = TypeVar("Model", bound=BaseModel)
SizeLimit = Callable[[Settings], int]
"""The limit on the size of a body, in bytes."""


@dataclass(frozen=True)
class DeclaredBody:
    """The body of one endpoint: `read` gives its value; `media_types` and `model` describe it in OpenAPI."""

    media_types: tuple[str, ...]
    model: type[BaseModel] | None
    read: Callable[[Request], Awaitable[object]]


class Body(ABC):
    """Marks the parameter of an endpoint that is the request body: `Annotated[SomeType, SomeBody(...)]`."""

    @abstractmethod
    def declared(self, annotation: object) -> DeclaredBody:
        """The body of an endpoint whose parameter has the type `annotation`."""


@dataclass(frozen=True)
class Content:
    """A body with its media type."""

    media_type: str
    raw: bytes


@dataclass(frozen=True)
class JsonBody(Body):
    """A strict JSON object, validated by the pydantic model that the parameter is annotated with."""

    limit: SizeLimit

    def declared(self, annotation: object) -> DeclaredBody:
        model = _model(annotation)

        async def read(request: Request) -> BaseModel:
            return await parsed(partial(parse_model, model), await _read_json(request, self.limit))

        return DeclaredBody(JSON, model, read)


@dataclass(frozen=True)
class JsonTextBody(Body):
    """As JsonBody, but the endpoint receives a JsonText and parses it."""

    limit: SizeLimit

    def declared(self, annotation: object) -> DeclaredBody:
        async def read(request: Request) -> JsonText[BaseModel]:
            return JsonText(await _read_json(request, self.limit))

        [model] = get_args(annotation)
        return DeclaredBody(JSON, _model(model), read)


@dataclass(frozen=True)
class BytesBody(Body):
    """The exact bytes of a body of one of the media types. With `is_checked=False` any media type is accepted."""

    media_types: tuple[str, ...]
    limit: SizeLimit
    is_checked: bool = True

    def declared(self, annotation: object) -> DeclaredBody:
        _require(annotation, bytes)

        async def read(request: Request) -> bytes:
            if self.is_checked:
                verify_media_type(request, self.media_types)
            return await _read(request, self.limit)

        return DeclaredBody(self.media_types, None, read)


@dataclass(frozen=True)
class ContentBody(Body):
    """As BytesBody, but the endpoint receives a Content: the media type decides how it handles the bytes."""

    media_types: tuple[str, ...]
    limit: SizeLimit

    def declared(self, annotation: object) -> DeclaredBody:
        _require(annotation, Content)

        async def read(request: Request) -> Content:
            return Content(verify_media_type(request, self.media_types), await _read(request, self.limit))

        return DeclaredBody(self.media_types, None, read)


class StreamBody(Body):
    """One part as a stream of chunks, of any size up to `max_part_bytes`. Its media type is not checked.

    Reading starts when the endpoint iterates over it.
    """

    def declared(self, annotation: object) -> DeclaredBody:
        _require(annotation, AsyncIterator[bytes])

        async def read(request: Request) -> AsyncIterator[bytes]:
            settings = _settings(request)
            return body_stream(request, limit_bytes=settings.max_part_bytes, idle_seconds=settings.part_idle_seconds)

        return DeclaredBody(OCTETS, None, read)


def max_json_bytes(settings: Settings) -> int:
    """The limit on most JSON bodies and signed statements."""
    return settings.max_json_bytes


def max_body_bytes(settings: Settings) -> int:
    """The limit on bodies with content, files or hashes, which are held in memory."""
    return settings.max_body_bytes


Json = Annotated[Model, JsonBody(max_json_bytes)]
LargeJson = Annotated[Model, JsonBody(max_body_bytes)]
UnparsedJson = Annotated[JsonText[Model], JsonTextBody(max_json_bytes)]
LargeUnparsedJson = Annotated[JsonText[Model], JsonTextBody(max_body_bytes)]
Stream = Annotated[AsyncIterator[bytes], StreamBody()]


async def _read_json(request: Request, limit: SizeLimit) -> bytes:
    verify_media_type(request, JSON)
    return await _read(request, limit)


async def _read(request: Request, limit: SizeLimit) -> bytes:
    settings = _settings(request)
    return await read_body(request, limit_bytes=limit(settings), seconds=settings.body_timeout_seconds)


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def _model(annotation: object) -> type[BaseModel]:
    if not (isclass(annotation) and issubclass(annotation, BaseModel)):
        raise TypeError(f"{annotation} is not a pydantic model")
    return annotation


def _require(annotation: object, expected: object) -> None:
    if annotation != expected:
        raise TypeError(f"the parameter of the body is {annotation}, its marker reads {expected}")
