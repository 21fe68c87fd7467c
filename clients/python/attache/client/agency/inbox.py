"""Packages that arrived at this agency: listing, opening, saving their parts."""

from pathlib import Path

from attache.client.agency.base import paging, path_of, post, to_file
from attache.client.call import Call, Page, Plan, page_of, view_of, whole
from attache.client.quarantine import plain_name
from attache.errors import AttacheError
from attache.wire.arrivals import ArrivalView
from attache.wire.packages import PartView


def inbox(after: str) -> Call[Page[ArrivalView]]:
    return Call("GET", path_of("inbox"), whole(page_of(ArrivalView, "packages")), paging(after))


def arrival(originator: str, package_id: str) -> Call[ArrivalView]:
    return Call("GET", path_of("inbox", originator, package_id), whole(view_of(ArrivalView)))


def open_arrival(originator: str, package_id: str, idempotency_key: str) -> Call[ArrivalView]:
    return post(["inbox", originator, package_id, "open"], ArrivalView, idempotency_key)


def save_parts(arrival: ArrivalView, folder: Path, use: str) -> Plan[tuple[Path, ...]]:
    """Save each part into `folder` under its own name. A file is published only after its size and digest were checked."""
    targets = [folder / plain_name(part.name) for part in arrival.parts]
    saved = []
    for part, target in zip(arrival.parts, targets, strict=True):
        saved.append((yield save_part(arrival, part, target, use)))
    return tuple(saved)


def save_part(arrival: ArrivalView, part: PartView, target: Path, use: str) -> Call[Path]:
    if part.bytes is None or part.sha256 is None:
        raise AttacheError("malformed-answer", f"the part {part.name[:80]!r} has no size or digest")
    path = path_of("inbox", arrival.originator, arrival.package_id, "parts", part.name)
    return Call("GET", path, to_file(target, part.bytes, part.sha256), {"use": use})
