"""The exchange log, as auditors read it."""

from datetime import datetime
from typing import Any

from pydantic import Field

from attache.wire.view import Absent, View


class EntryView(View):
    """A log entry with its private part opened."""

    index: int
    at: datetime
    event: str
    actor: str | Absent = None
    objects: dict[str, str] = Field(default_factory=dict)
    fields: dict[str, Any] = Field(default_factory=dict)


class EntryPage(View):
    """Entries in the order of the log, and the cursor of what follows; null at the end."""

    entries: tuple[EntryView, ...]
    next: str | None = None


class ConsistencyView(View):
    """That the log of size `new_size` extends the one of `old_size`: the hashes of RFC 6962, section 2.1.2, as hex."""

    old_size: int
    new_size: int
    proof: tuple[str, ...]
