"""Packages that this agency submits."""

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
    """Packages that this agency submits."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def submit(self, submission: Submission, *, idempotency_key: str | None = None) -> PackageView:
        """Submit a package. When this returns, the package is stored durably and decided; the gateway delivers it by itself.

        Up to 1 MiB is sent in one request; a larger package is streamed part by part in constant memory. Give your own
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

        Does not wait for a recipient that will never get the package (denied, rejected, refused, undeliverable, expired):
        check the states. Raises AttacheError("wait-timed-out").
        """
        return self._driver.run(calls.wait(package_id, until, timeout_seconds))

    def receipts(self, package_id: str) -> tuple[ReceiptView, ...]:
        """The signed receipts of all recipients; verify them offline with `attache.verify`."""
        return self._driver.exchange(calls.receipts(package_id))

    def save_sealed(self, package_id: str, recipient: str, target: str | os.PathLike[str]) -> Path:
        """Save the package as it was sealed for one recipient."""
        return self._driver.exchange(calls.save_sealed(package_id, recipient, Path(target)))

    def save_evidence(self, package_id: str, target: str | os.PathLike[str], *, recipient: str | None = None) -> Path:
        """Save everything that can be proven about a package to one recipient; `attache.verify` verifies the file.

        `recipient` may be left out if the package has only one.
        """
        return self._driver.exchange(calls.save_evidence(package_id, recipient, Path(target)))
