"""Purges by order, before the retention ends, and the legal holds that forbid them."""

from collections.abc import Iterator, Sequence

from attache.client.agency import purges as calls
from attache.client.retry import new_idempotency_key
from attache.client.sync.driver import Driver
from attache.wire.purges import HoldView, PurgeView


class Purges:
    """Purges before the retention ends: one security officer orders, another one confirms."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def list(self, *, after: str = "") -> Iterator[PurgeView]:
        """Every order, newest first; further pages are fetched as they are needed."""
        return self._driver.walk(calls.purges, after)

    def get(self, purge_id: str) -> PurgeView:
        return self._driver.exchange(calls.purge(purge_id))

    def order(self, packages: Sequence[tuple[str, str]], *, legal_basis: str, note: str) -> PurgeView:
        """Order that packages, each (originator, package_id), be purged. Raises Conflict("on-hold")."""
        return self._driver.exchange(calls.order_purge(packages, legal_basis, note, new_idempotency_key()))

    def approve(self, purge_id: str, note: str) -> PurgeView:
        """Confirm another officer's order: the content is destroyed and cannot be restored."""
        return self._driver.exchange(calls.decide_purge(purge_id, "approve", note, new_idempotency_key()))

    def reject(self, purge_id: str, reason: str) -> PurgeView:
        return self._driver.exchange(calls.decide_purge(purge_id, "reject", reason, new_idempotency_key()))


class Holds:
    """Legal holds: a package on hold is not purged."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def list(self, *, after: str = "") -> Iterator[HoldView]:
        """Every hold, newest first, also those that were lifted; further pages are fetched as they are needed."""
        return self._driver.walk(calls.holds, after)

    def place(self, packages: Sequence[tuple[str, str]], *, legal_basis: str, note: str) -> HoldView:
        """Place packages, each (originator, package_id), on hold: neither the end of the retention nor an order purges them."""
        return self._driver.exchange(calls.place_hold(packages, legal_basis, note, new_idempotency_key()))

    def lift(self, hold_id: str, note: str) -> HoldView:
        """Lift a hold that another officer placed."""
        return self._driver.exchange(calls.lift_hold(hold_id, note, new_idempotency_key()))
