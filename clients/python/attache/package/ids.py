"""Identifiers: UUIDv7 (RFC 9562, 5.7), which sort by the time they were made."""

import os
import re
from collections.abc import Callable
from datetime import datetime
from typing import NewType
from uuid import UUID

# protocol T6
UUID7_PATTERN = r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
# protocol T6
PARTICIPANT_PATTERN = r"^[a-z0-9][a-z0-9-]{0,62}$"

PackageId = NewType("PackageId", str)
"""The UUIDv7 that the originator gave a package."""
ParticipantId = NewType("ParticipantId", str)
"""The id of a participant of the exchange."""

_UUID7 = re.compile(UUID7_PATTERN)


def uuid7(now: datetime, random: Callable[[int], bytes] = os.urandom) -> str:
    """A new UUIDv7 as text: 48 bits of Unix milliseconds, 74 random bits."""
    milliseconds = int(now.timestamp() * 1000)
    number = milliseconds << 80 | int.from_bytes(random(10), "big")
    number = number & ~(0xF << 76) | 0x7 << 76  # version
    number = number & ~(0x3 << 62) | 0x2 << 62  # variant
    return str(UUID(int=number))


def is_uuid7(text: str) -> bool:
    """Whether `text` is a UUIDv7 in lowercase, the only accepted spelling."""
    return bool(_UUID7.match(text))
