"""The exchange API: what waits in the mailbox, and what a recipient still lacks of a package."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import WithJsonSchema

from attache.wire.view import View


class MailboxItem(View):
    """A package that waits in the mailbox."""

    package_id: str
    total_bytes: int
    sealed_at: Annotated[datetime, WithJsonSchema({"type": "string"})]


class MailboxPage(View):
    """Packages sealed to the caller, and the cursor of what follows; null at the end."""

    packages: tuple[MailboxItem, ...]
    next: str | None = None


class SignedStatement(View):
    """A statement (JWS) as its originator signed it."""

    signed: dict[str, Any]


class ConsentPage(View):
    """Signed consents, and the cursor of what follows; null at the end."""

    consents: tuple[SignedStatement, ...]
    next: str | None = None


class RefusalPage(View):
    """Signed refusals, and the cursor of what follows; null at the end."""

    refusals: tuple[SignedStatement, ...]
    next: str | None = None


class WantedPart(View):
    """What is still missing of one part: its block hashes, and blocks as ranges (`0-4,7`)."""

    part: int
    hashes: bool
    blocks: str


class Wanted(View):
    """Every part of which something is still missing."""

    wanted: tuple[WantedPart, ...]
