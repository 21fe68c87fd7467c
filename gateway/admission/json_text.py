"""Parses JSON bodies: strictly, and without delaying other requests."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from attache import strict_json
from attache.crypto import sha256_hex
from gateway.problems import invalid_members

PARSED_ON_THE_LOOP = 64 << 10
"""Bytes of JSON. Parsing more than this would delay other requests, and is done in a thread."""

Model = TypeVar("Model", bound=BaseModel)
T = TypeVar("T")


@dataclass(frozen=True)
class JsonText(Generic[Model]):
    """A JSON body that is not parsed yet: its exact bytes, for a digest."""

    raw: bytes

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes as received, in hexadecimal."""
        return sha256_hex(self.raw)

    async def parse(self, parser: Callable[[bytes], Model]) -> Model:
        """The result of `parser`, or its error."""
        return await parsed(parser, self.raw)


def parse_model(model: type[Model], raw: bytes) -> Model:
    """Parse strict JSON text as `model`.

    Raises MalformedInput, which names the invalid members and never contains their values. Unknown members and values
    of another JSON type are invalid, whatever the configuration of the model says.
    """
    strict_json.parse_object(raw)
    try:
        return model.model_validate_json(raw, strict=True, extra="forbid")
    except ValidationError as error:
        raise invalid_members(error.errors(include_input=False, include_url=False)) from None


async def parsed(parser: Callable[[bytes], T], raw: bytes) -> T:
    """The result of `parser`, or its error. Long text is parsed in a thread."""
    if len(raw) <= PARSED_ON_THE_LOOP:
        return parser(raw)
    return await asyncio.to_thread(parser, raw)
