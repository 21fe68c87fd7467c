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
    """Releases that wait for the approval of this officer."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def list(self, *, limit: int = PAGE_SIZE) -> tuple[ApprovalView, ...]:
        """The oldest `limit` releases that wait at the caller's posts."""
        return self._driver.exchange(calls.approvals(limit))

    def get(self, approval_id: str) -> ApprovalView:
        return self._driver.exchange(calls.approval(approval_id))

    def save(self, approval: ApprovalView, folder: str | os.PathLike[str]) -> tuple[Path, ...]:
        """Save exactly the content of each part that would leave, as files in `folder`; each is published only after its digest was checked.

        The gateway logs the access. An existing file is never replaced: Conflict("conflict").
        """
        return self._driver.run(calls.save_leaving(approval, Path(folder)))

    def approve(self, approval_id: str, reason: str) -> ApprovalView:
        """Approve the release, exactly as it was shown."""
        return self._driver.exchange(calls.decide_approval(approval_id, "approve", reason, new_idempotency_key()))

    def reject(self, approval_id: str, reason: str) -> ApprovalView:
        return self._driver.exchange(calls.decide_approval(approval_id, "reject", reason, new_idempotency_key()))


class Reviews:
    """Reviews of releases that left without approval because of a threat to life."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def list(self, *, limit: int = PAGE_SIZE) -> tuple[ReviewView, ...]:
        """The open reviews at the caller's posts, the one that is due first at the beginning."""
        return self._driver.exchange(calls.reviews(limit))

    def do(self, package_id: str, recipient: str, finding: str, note: str) -> ReviewView:
        """Record what the second officer found: `justified` or `not-justified`."""
        return self._driver.exchange(calls.review(package_id, recipient, finding, note, new_idempotency_key()))


class Officers:
    """The standing of officers: an officer whose right was withdrawn may not approve, even with a valid access token."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def list(self) -> tuple[OfficerView, ...]:
        """Officers whose standing was changed, by pseudonymous id, the latest change first."""
        return self._driver.exchange(calls.officers())

    def withdraw(self, officer: str, note: str, *, posts: Sequence[str] = ()) -> OfficerView:
        """Withdraw the right to approve from an officer (the `sub` of access tokens): for `posts`, or for every post if none is named."""
        return self._driver.exchange(calls.withdraw_officer(officer, posts, note, new_idempotency_key()))

    def reinstate(self, officer: str, note: str) -> OfficerView:
        """Give an officer back the right to approve, within the limits of the access token."""
        return self._driver.exchange(calls.reinstate_officer(officer, note, new_idempotency_key()))
