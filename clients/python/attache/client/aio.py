"""The client of the agency API for asyncio: the same surface as `attache.client.sync`, where each method is described."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Self

import httpx

from attache import clock
from attache.client import agency
from attache.client.connect import DEFAULT_TIMEOUTS, Access, Timeouts
from attache.client.driving import AsyncDriver, new_idempotency_key
from attache.client.governing_aio import AsyncConsents, AsyncOfficers, AsyncPolicies, AsyncReviews
from attache.client.retry import DEFAULT_RETRY, Retry, chance
from attache.client.submission import Submission
from attache.wire.approvals import ApprovalView
from attache.wire.arrivals import ArrivalView
from attache.wire.decisions import DecisionView, ExplanationView
from attache.wire.log import EntryView
from attache.wire.packages import PackageView, ReceiptView
from attache.wire.participants import ParticipantView
from attache.wire.purges import HoldView, PurgeView

if TYPE_CHECKING:
    from attache.client.offline import Report


class AsyncPackages:
    """What this agency submits."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    async def submit(self, submission: Submission, *, idempotency_key: str | None = None) -> PackageView:
        """Submit a package; it is durable and decided when this returns, and delivery goes on by itself.

        Up to 1 MiB goes in one request; more is streamed part by part in constant memory. Give your own
        `idempotency_key` to continue after a crash: the same key and submission never make two packages.
        """
        return await self._driver.run(agency.submit(submission, idempotency_key or new_idempotency_key()))

    def list(self, *, after: str = "") -> AsyncIterator[PackageView]:
        """Every package that the caller may see, newest first; further pages are fetched as they are wanted."""
        return self._driver.walk(agency.packages, after)

    async def get(self, package_id: str) -> PackageView:
        return await self._driver.exchange(agency.package(package_id))

    async def wait(self, package_id: str, until: str = "settled", *, timeout_seconds: int = 60) -> PackageView:
        """Wait until every recipient has reached `until`: settled, delivered or opened.

        A recipient that will never get it (denied, rejected, refused, undeliverable, expired) is not waited for: look at
        the states. Raises AttacheError("wait-timed-out").
        """
        return await self._driver.run(agency.wait(package_id, until, timeout_seconds))

    async def receipts(self, package_id: str) -> tuple[ReceiptView, ...]:
        """The signed receipts of all recipients; verify them offline with `attache.verify`."""
        return await self._driver.exchange(agency.receipts(package_id))

    async def save_sealed(self, package_id: str, recipient: str, target: str | os.PathLike[str]) -> Path:
        """The package as it was sealed for one recipient, as a file."""
        return await self._driver.exchange(agency.save_sealed(package_id, recipient, Path(target)))

    async def save_evidence(
        self, package_id: str, target: str | os.PathLike[str], *, recipient: str | None = None
    ) -> Path:
        """Everything that can be proven about a package to one recipient, as a file that verifies itself (`attache.verify`).

        `recipient` may be left out where the package went to one only.
        """
        return await self._driver.exchange(agency.save_evidence(package_id, recipient, Path(target)))


class AsyncInbox:
    """What arrived at this agency."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    def list(self, *, after: str = "") -> AsyncIterator[ArrivalView]:
        """Every package that arrived, newest first; further pages are fetched as they are wanted."""
        return self._driver.walk(agency.inbox, after)

    async def get(self, originator: str, package_id: str) -> ArrivalView:
        return await self._driver.exchange(agency.arrival(originator, package_id))

    async def open(self, originator: str, package_id: str) -> ArrivalView:
        """Open it: this is logged, and the originator gets a signed *opened* receipt."""
        return await self._driver.exchange(agency.open_arrival(originator, package_id, new_idempotency_key()))

    async def save(
        self, arrival: ArrivalView, folder: str | os.PathLike[str], *, use: str = "export"
    ) -> tuple[Path, ...]:
        """The parts of an opened package as files in `folder`.

        The originator's handling decides about `use`, what you declare to do with them: `export` takes copies out of
        the gateway, `read` is for your eyes alone, as with TLP:RED.

        Each is streamed to a hidden file and published only after its size and SHA-256 are checked. An existing
        file is never replaced: Conflict("conflict").
        """
        return await self._driver.run(agency.save_parts(arrival, Path(folder), use))


class AsyncApprovals:
    """Releases that wait for this officer."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    async def list(self, *, limit: int = agency.PAGE_SIZE) -> tuple[ApprovalView, ...]:
        """The oldest `limit` releases that wait at the caller's posts."""
        return await self._driver.exchange(agency.approvals(limit))

    async def get(self, approval_id: str) -> ApprovalView:
        return await self._driver.exchange(agency.approval(approval_id))

    async def save(self, approval: ApprovalView, folder: str | os.PathLike[str]) -> tuple[Path, ...]:
        """Exactly what would leave of each part, as files in `folder`, each published only after its digest is checked.

        Reading it is logged. An existing file is never replaced: Conflict("conflict").
        """
        return await self._driver.run(agency.save_leaving(approval, Path(folder)))

    async def approve(self, approval_id: str, reason: str) -> ApprovalView:
        """Let it leave, exactly as it was shown."""
        return await self._driver.exchange(
            agency.decide_approval(approval_id, "approve", reason, new_idempotency_key())
        )

    async def reject(self, approval_id: str, reason: str) -> ApprovalView:
        return await self._driver.exchange(agency.decide_approval(approval_id, "reject", reason, new_idempotency_key()))


class AsyncPurges:
    """Purges before their time, for security officers: one orders, another one confirms."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    def list(self, *, after: str = "") -> AsyncIterator[PurgeView]:
        """Every order, newest first; further pages are fetched as they are wanted."""
        return self._driver.walk(agency.purges, after)

    async def get(self, purge_id: str) -> PurgeView:
        return await self._driver.exchange(agency.purge(purge_id))

    async def order(self, packages: Sequence[tuple[str, str]], *, legal_basis: str, note: str) -> PurgeView:
        """Order that packages, each (originator, package_id), be purged. Raises Conflict("on-hold")."""
        return await self._driver.exchange(agency.order_purge(packages, legal_basis, note, new_idempotency_key()))

    async def approve(self, purge_id: str, note: str) -> PurgeView:
        """Confirm another officer's order: the content is destroyed, and nothing brings it back."""
        return await self._driver.exchange(agency.decide_purge(purge_id, "approve", note, new_idempotency_key()))

    async def reject(self, purge_id: str, reason: str) -> PurgeView:
        return await self._driver.exchange(agency.decide_purge(purge_id, "reject", reason, new_idempotency_key()))


class AsyncHolds:
    """Legal holds: what is on one is not purged."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    def list(self, *, after: str = "") -> AsyncIterator[HoldView]:
        """Every hold, newest first, lifted ones among them; further pages are fetched as they are wanted."""
        return self._driver.walk(agency.holds, after)

    async def place(self, packages: Sequence[tuple[str, str]], *, legal_basis: str, note: str) -> HoldView:
        """Keep packages, each (originator, package_id), from being purged, by rule and by order."""
        return await self._driver.exchange(agency.place_hold(packages, legal_basis, note, new_idempotency_key()))

    async def lift(self, hold_id: str, note: str) -> HoldView:
        """Lift a hold that another officer placed."""
        return await self._driver.exchange(agency.lift_hold(hold_id, note, new_idempotency_key()))


class AsyncParticipants:
    """Who is admitted to the exchange."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    async def list(self) -> tuple[ParticipantView, ...]:
        return await self._driver.exchange(agency.participants())

    async def suspend(self, participant: str) -> None:
        """Stop all exchange with a participant."""
        await self._driver.exchange(agency.change_participant(participant, "suspend", new_idempotency_key()))

    async def resume(self, participant: str) -> None:
        await self._driver.exchange(agency.change_participant(participant, "resume", new_idempotency_key()))

    async def rotate(self, participant: str, descriptor: bytes) -> ParticipantView:
        """Accept the signed successor of a participant's descriptor: its new keys and endpoints."""
        return await self._driver.exchange(agency.rotate_participant(participant, descriptor))


class AsyncLog:
    """The gateway's exchange log. What it says is proven with `attache.verify`, not believed."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    async def checkpoint(self) -> str:
        """The newest signed checkpoint (C2SP tlog-checkpoint)."""
        return await self._driver.exchange(agency.log_text("checkpoint"))

    async def vkeys(self) -> str:
        """The log's verifier keys as the log itself states them: compare them with those you got by hand."""
        return await self._driver.exchange(agency.log_text("vkeys"))

    def entries(self, *, after: str = "") -> AsyncIterator[EntryView]:
        """Every entry that the caller may see; further pages are fetched as they are wanted."""
        return self._driver.walk(agency.log_entries, after)

    def search(self, *, after: str = "", **wanted: str) -> AsyncIterator[EntryView]:
        """The entries that a filter wants; see `Log.search`."""
        return self._driver.walk(agency.log_search(wanted), after)

    async def follow(self, *, after: int | None = None, **wanted: str) -> AsyncIterator[EntryView]:
        """Entries as they are logged; see `Log.follow`."""
        events = agency.EntryEvents()
        async for chunk in self._driver.stream(agency.log_follow(wanted, after)):
            for entry in events.feed(chunk):
                yield entry

    async def export(self, target: str | os.PathLike[str], *, file_format: str = "jsonl", **wanted: str) -> Path:
        """Exactly what a filter wants as a new file; see `Log.export`."""
        return await self._driver.exchange(agency.save_log_export(wanted, file_format, Path(target)))

    async def entry(self, index: int) -> EntryView:
        return await self._driver.exchange(agency.log_entry(index))

    async def prove(self, index: int) -> str:
        """The proof that the entry is in the log (C2SP tlog-proof)."""
        return await self._driver.exchange(agency.log_text("proofs", "inclusion", query={"index": str(index)}))

    async def save(self, folder: str | os.PathLike[str]) -> Path:
        """The whole log as a static C2SP directory: the new `folder`, published when it is complete."""
        from attache.client.log_copy import save_log  # noqa: PLC0415 -- only who copies a log needs its formats

        return await self._driver.run(save_log(Path(folder)))

    async def verify(self, vkeys: Sequence[str] | None = None) -> "Report":
        """Fetch the whole log and verify it here. `vkeys` are the log's keys as you got them by hand.

        Without them the keys are the server's own word, and the report says so.
        """
        from attache.client.offline import verify as verify_file  # noqa: PLC0415 -- loads the whole protocol

        with TemporaryDirectory() as scratch:
            folder = await self.save(Path(scratch) / "log")
            return await asyncio.to_thread(verify_file, folder, vkeys=vkeys)


class AsyncClient:
    """A gateway's agency API. Safe to share between threads; close it, or use it as a context manager.

    What is not given is taken from the environment (`Access.of`). Failed connections, 429 and 502-504 are tried again
    twice, with growing pauses, or as Retry-After says up to 120 s; a POST is repeated under its first Idempotency-Key.
    Whatever the server answers, only AttacheError is raised. `transport`, `pause`, `chance` and `now` are for tests.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | None = None,
        token_file: str | os.PathLike[str] | None = None,
        ca: str | os.PathLike[str] | None = None,
        certificate: str | os.PathLike[str] | None = None,
        key: str | os.PathLike[str] | None = None,
        passphrase: bytes | str | None = None,
        retry: Retry = DEFAULT_RETRY,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        transport: httpx.AsyncBaseTransport | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = chance,
        now: clock.Clock = clock.now,
    ) -> None:
        self._access = Access.of(
            url, token=token, token_file=token_file, ca=ca, certificate=certificate, key=key, passphrase=passphrase
        )
        driver = AsyncDriver(
            self._access, retry=retry, timeouts=timeouts, transport=transport, pause=pause, chance=chance, now=now
        )
        self._driver = driver
        self.packages = AsyncPackages(driver)
        self.inbox = AsyncInbox(driver)
        self.approvals = AsyncApprovals(driver)
        self.purges = AsyncPurges(driver)
        self.holds = AsyncHolds(driver)
        self.participants = AsyncParticipants(driver)
        self.log = AsyncLog(driver)
        self.policies = AsyncPolicies(driver)
        self.reviews = AsyncReviews(driver)
        self.officers = AsyncOfficers(driver)
        self.consents = AsyncConsents(driver)

    async def decide(self, submission: Submission) -> tuple[DecisionView, ...]:
        """What policy would decide, per recipient and part. A dry run: nothing is submitted."""
        return await self._driver.exchange(agency.decide(submission))

    async def explain(
        self, submission: Submission, recipient: str, *, part: str | None = None, field: str | None = None
    ) -> ExplanationView:
        """Why what would stay would stay, for one recipient, and what could be obtained or chosen to let it go.

        Without `part`, of everything that would stay. It shows what the rules accept, not whether a legal basis applies.
        """
        return await self._driver.exchange(agency.explain(submission, recipient, part, field))

    async def close(self) -> None:
        """Close the connections."""
        await self._driver.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._access.url!r})"
