"""Releases that an officer approves or reviews, and which officers may approve."""

import os
from collections.abc import Sequence
from pathlib import Path

from attache.client.agency import approvals as calls
from attache.client.agency.base import PAGE_SIZE
from attache.client.retry import new_idempotency_key
from attache.client.sync.driver import Driver
from attache.wire.approvals import ApprovalView
from attache.wire.officers import OfficerView
from attache.wire.reviews import ReviewView


class Approvals:
    """Releases that wait for this officer."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def list(self, *, limit: int = PAGE_SIZE) -> tuple[ApprovalView, ...]:
        """The oldest `limit` releases that wait at the caller's posts."""
        return self._driver.exchange(calls.approvals(limit))

    def get(self, approval_id: str) -> ApprovalView:
        return self._driver.exchange(calls.approval(approval_id))

    def save(self, approval: ApprovalView, folder: str | os.PathLike[str]) -> tuple[Path, ...]:
        """Exactly what would leave of each part, as files in `folder`, each published only after its digest is checked.

        Reading it is logged. An existing file is never replaced: Conflict("conflict").
        """
        return self._driver.run(calls.save_leaving(approval, Path(folder)))

    def approve(self, approval_id: str, reason: str) -> ApprovalView:
        """Let it leave, exactly as it was shown."""
        return self._driver.exchange(calls.decide_approval(approval_id, "approve", reason, new_idempotency_key()))

    def reject(self, approval_id: str, reason: str) -> ApprovalView:
        return self._driver.exchange(calls.decide_approval(approval_id, "reject", reason, new_idempotency_key()))


class Reviews:
    """Reviews of what went at once because of a threat to life."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def list(self, *, limit: int = PAGE_SIZE) -> tuple[ReviewView, ...]:
        """Reviews still to be done at the caller's posts, the one due first being first."""
        return self._driver.exchange(calls.reviews(limit))

    def do(self, package_id: str, recipient: str, finding: str, note: str) -> ReviewView:
        """Record what the second officer found: `justified` or `not-justified`."""
        return self._driver.exchange(calls.review(package_id, recipient, finding, note, new_idempotency_key()))


class Officers:
    """Officers' standing: who may approve no more, whatever an access token says."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def list(self) -> tuple[OfficerView, ...]:
        """Officers whose standing was changed, by pseudonymous id, the latest change first."""
        return self._driver.exchange(calls.officers())

    def withdraw(self, officer: str, note: str, *, posts: Sequence[str] = ()) -> OfficerView:
        """Let an officer (the `sub` of access tokens) approve no more: for these posts, or, where none is named, at all."""
        return self._driver.exchange(calls.withdraw_officer(officer, posts, note, new_idempotency_key()))

    def reinstate(self, officer: str, note: str) -> OfficerView:
        """Let an officer approve again, as far as the access token says."""
        return self._driver.exchange(calls.reinstate_officer(officer, note, new_idempotency_key()))
