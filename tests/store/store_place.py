"""A place where a store lives, and things to put into it. Shared by the tests of the store and of its faults."""

import asyncio
import inspect
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from attache.crypto.log_keys import Ed25519LogKey, MLDSA44LogKey
from attache.translog.signing import signer_of
from attache.translog.vkey import SignatureType
from gateway.exchange.kernel.at_rest import Vault
from gateway.exchange.kernel.records import OutboxKind, OutboxRecord, PackageRecord
from gateway.exchange.kernel.state import OutboxState, PackageState
from gateway.exchange_log import Entry, EventCode, Group
from gateway.exchange_log.leaf import Pseudonyms
from gateway.store import LogKeys, SqlStore, open_reading, open_store

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ORIGIN = "gateway.example.org/log"


def keys_of(seed: bytes = b"\x01" * 32, *, storage_key: bytes = b"\x05" * 32) -> LogKeys:
    signers = (
        signer_of(ORIGIN, SignatureType.ED25519, Ed25519LogKey(seed)),
        signer_of(ORIGIN, SignatureType.MLDSA44, MLDSA44LogKey(seed)),
    )
    return LogKeys(signers, Pseudonyms(b"\x03" * 32), Vault(storage_key))


@dataclass(frozen=True)
class Place:
    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "db" / "gateway.db"

    @property
    def url(self) -> str:
        return f"sqlite:///{self.database}"

    @property
    def lock(self) -> Path:
        return self.folder / "elsewhere" / "checkpoint.lock"

    @property
    def blobs(self) -> Path:
        return self.folder / "blobs"

    def open(self, keys=None, clock=lambda: START, **more) -> SqlStore:
        return open_store(
            self.url, blobs_dir=self.blobs, lock_path=self.lock, keys=keys or keys_of(), clock=clock, **more
        )

    @contextmanager
    def log(self, keys=None):
        with open_reading(self.url, keys or keys_of()) as (_, log):
            yield log

    async def fill(self, entries: int, start: int = 0) -> None:
        async with self.open() as store:
            await asyncio.gather(*(store.write(submitting(n)) for n in range(start, start + entries)))


def package(n: int, **more) -> PackageRecord:
    fields = {
        "package_id": f"package-{n:08}",
        "state": PackageState.DRAFT,
        "kind": "intelligence",
        "submitter": "analyst",
        "created_at": START,
        "submitted_at": None,
        "facts_sealed": b"facts",
    }
    return PackageRecord(**{**fields, **more})


def outbox(n: int, **more) -> OutboxRecord:
    fields = {
        "outbox_id": f"outbox-{n:08}",
        "kind": OutboxKind.PACKAGE,
        "partner": "partner-sydney",
        "originator": "irs-ci",
        "package_id": f"package-{n:08}",
        "subject": "",
        "state": OutboxState.PENDING,
        "created_at": START,
        "due_at": START,
        "deadline_at": START + timedelta(days=7),
        "lease_until": START - timedelta(days=1),
    }
    return OutboxRecord(**{**fields, **more})


def submitted(package_id: str, actor: str = "analyst", **record) -> Entry:
    return Entry(
        EventCode.PACKAGE_SUBMITTED,
        START,
        actor,
        {"package": package_id},
        {Group.RECORD: {"package_id": package_id, **record}, Group.PERSON: {"actor": actor}},
    )


def denied(package_id: str, partner: str) -> Entry:
    return Entry(EventCode.PACKAGE_DENIED, START, "system", {"package": package_id, "partner": partner}, {})


def submitting(n: int):
    """A unit that adds a package and its entry; answers with the entry's index."""

    def unit(tx):
        tx.add(package(n))
        return tx.log(submitted(package(n).package_id))

    return unit


def run_coroutine_test(item) -> bool | None:
    """For `pytest_pyfunc_call`: a test that is a coroutine function runs on a loop of its own."""
    if not inspect.iscoroutinefunction(item.obj):
        return None
    arguments = {name: item.funcargs[name] for name in item._fixtureinfo.argnames}
    asyncio.run(asyncio.wait_for(item.obj(**arguments), 60))
    return True
