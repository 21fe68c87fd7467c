"""The parts that a release holds, as they were sealed."""

from attache.errors import IntegrityLost
from attache.package import SealedPart
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.records import PartRecord, RedactedPartRecord, ReleaseRecord
from gateway.exchange.kernel.sealed import PART, REDACTED_PART

ReleasedPart = PartRecord | RedactedPartRecord


def released_parts(reader: Reader, release: ReleaseRecord) -> list[ReleasedPart]:
    """The parts that a release holds, in manifest order: of a redacted one the copy, never the original."""
    texts = release.part_numbers.split(",")
    found: list[ReleasedPart | None] = [
        reader.get(RedactedPartRecord.key(release.package_id, release.recipient, int(text[:-1])))
        if text.endswith("r")
        else reader.get(PartRecord.key(release.package_id, int(text)))
        for text in texts
    ]
    present = [part for part in found if part is not None]
    if len(present) != len(texts):
        raise IntegrityLost(detail="a released part is gone", step="outbox")
    return present


def sealed_part_of(agency: Agency, part: ReleasedPart) -> SealedPart:
    """A released part's key and digests."""
    return agency.open(REDACTED_PART, part) if isinstance(part, RedactedPartRecord) else agency.open(PART, part)
