"""The SDK against the real gateway application, through ASGI."""

import asyncio
from contextlib import asynccontextmanager

import httpx
import pytest

from attache import Part, Recipient, Submission, verify
from attache.client.aio import AsyncClient
from attache.errors import AttacheError, MalformedInput, NotAuthentic, NotFound, NotPermitted
from tests.exchange_place import ROLES


def a_submission(*parts: Part, to: str = "partner-frankfurt", basis: str = "FRANKFURT-LEA", **facts) -> Submission:
    given = parts or (a_part("note.txt", b"a note"),)
    return Submission(
        kind="intelligence",
        title="Mixer proceeds",
        purpose="criminal-investigation",
        crime_types=("money-laundering",),
        recipients=(Recipient(to, basis),),
        parts=given,
        **facts,
    )


def a_part(name: str, content) -> Part:
    return Part(name, content, "text/plain", ("TLP:GREEN",), ("law-enforcement-sensitive",))
