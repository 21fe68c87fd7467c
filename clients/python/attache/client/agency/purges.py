"""Purges by order, before the retention ends, and the legal holds that forbid them."""

from collections.abc import Sequence
from typing import Any

from attache.client.agency.base import paging, path_of, post
from attache.client.call import Call, Page, page_of, view_of, whole
from attache.wire.purges import HoldView, PurgeView


def order_purge(
    packages: Sequence[tuple[str, str]], legal_basis: str, note: str, idempotency_key: str
) -> Call[PurgeView]:
    return post(["purges"], PurgeView, idempotency_key, _body(packages, legal_basis, note))


def decide_purge(purge_id: str, decision: str, note_or_reason: str, idempotency_key: str) -> Call[PurgeView]:
    body = {"note" if decision == "approve" else "reason": note_or_reason}
    return post(["purges", purge_id, decision], PurgeView, idempotency_key, body)


def purge(purge_id: str) -> Call[PurgeView]:
    return Call("GET", path_of("purges", purge_id), whole(view_of(PurgeView)))


def purges(after: str) -> Call[Page[PurgeView]]:
    return Call("GET", path_of("purges"), whole(page_of(PurgeView, "purges")), paging(after))


def place_hold(
    packages: Sequence[tuple[str, str]], legal_basis: str, note: str, idempotency_key: str
) -> Call[HoldView]:
    return post(["holds"], HoldView, idempotency_key, _body(packages, legal_basis, note))


def lift_hold(hold_id: str, note: str, idempotency_key: str) -> Call[HoldView]:
    return post(["holds", hold_id, "lift"], HoldView, idempotency_key, {"note": note})


def holds(after: str) -> Call[Page[HoldView]]:
    return Call("GET", path_of("holds"), whole(page_of(HoldView, "holds")), paging(after))


def _body(packages: Sequence[tuple[str, str]], legal_basis: str, note: str) -> dict[str, Any]:
    references = [{"originator": originator, "package_id": package_id} for originator, package_id in packages]
    return {"packages": references, "legal_basis": legal_basis, "note": note}
