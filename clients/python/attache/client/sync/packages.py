"""What this agency submits."""

import os
from collections.abc import Iterator
from pathlib import Path

from attache.client.agency import packages as calls
from attache.client.retry import new_idempotency_key
from attache.client.submission import Submission
from attache.client.sync.driver import Driver
from attache.wire.packages import PackageFilter, PackageView, ReceiptView

ALL = PackageFilter()


class Packages:
    """What this agency submits."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def submit(self, submission: Submission, *, idempotency_key: str | None = None) -> PackageView:
        """Submit a package; it is durable and decided when this returns, and delivery goes on by itself.

        Up to 1 MiB goes in one request; more is streamed part by part in constant memory. Give your own
        `idempotency_key` to continue after a crash: the same key and submission never make two packages.
        """
        return self._driver.run(calls.submit(submission, idempotency_key or new_idempotency_key()))

    def list(self, wanted: PackageFilter = ALL, *, after: str = "") -> Iterator[PackageView]:
        """The packages that the caller may see and that fit the filter, newest first; further pages are fetched as they are needed."""
        return self._driver.walk(calls.packages(wanted), after)

    def get(self, package_id: str) -> PackageView:
        return self._driver.exchange(calls.package(package_id))

    def wait(self, package_id: str, until: str = "settled", *, timeout_seconds: int = 60) -> PackageView:
        """Wait until every recipient has reached `until`: settled, delivered or opened.

        A recipient that will never get it (denied, rejected, refused, undeliverable, expired) is not waited for: look at
        the states. Raises AttacheError("wait-timed-out").
        """
        return self._driver.run(calls.wait(package_id, until, timeout_seconds))

    def receipts(self, package_id: str) -> tuple[ReceiptView, ...]:
        """The signed receipts of all recipients; verify them offline with `attache.verify`."""
        return self._driver.exchange(calls.receipts(package_id))

    def save_sealed(self, package_id: str, recipient: str, target: str | os.PathLike[str]) -> Path:
        """The package as it was sealed for one recipient, as a file."""
        return self._driver.exchange(calls.save_sealed(package_id, recipient, Path(target)))

    def save_evidence(self, package_id: str, target: str | os.PathLike[str], *, recipient: str | None = None) -> Path:
        """Everything that can be proven about a package to one recipient, as a file that verifies itself (`attache.verify`).

        `recipient` may be left out where the package went to one only.
        """
        return self._driver.exchange(calls.save_evidence(package_id, recipient, Path(target)))
