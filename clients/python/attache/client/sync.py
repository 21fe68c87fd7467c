"""The blocking client of the agency API."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Self

import httpx

from attache import clock
from attache.client import agency
from attache.client.connect import DEFAULT_TIMEOUTS, Access, Timeouts
from attache.client.driving import Driver, new_idempotency_key
from attache.client.governing import Consents, Officers, Policies, Reviews
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


class Packages:
    """What this agency submits."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def submit(self, submission: Submission, *, idempotency_key: str | None = None) -> PackageView:
        """Submit a package; it is durable and decided when this returns, and delivery goes on by itself.

        Up to 1 MiB goes in one request; more is streamed part by part in constant memory. Give your own
        `idempotency_key` to continue after a crash: the same key and submission never make two packages.
        """
        return self._driver.run(agency.submit(submission, idempotency_key or new_idempotency_key()))

    def list(self, *, after: str = "") -> Iterator[PackageView]:
        """Every package that the caller may see, newest first; further pages are fetched as they are wanted."""
        return self._driver.walk(agency.packages, after)

    def get(self, package_id: str) -> PackageView:
        return self._driver.exchange(agency.package(package_id))

    def wait(self, package_id: str, until: str = "settled", *, timeout_seconds: int = 60) -> PackageView:
        """Wait until every recipient has reached `until`: settled, delivered or opened.

        A recipient that will never get it (denied, rejected, refused, undeliverable, expired) is not waited for: look at
        the states. Raises AttacheError("wait-timed-out").
        """
        return self._driver.run(agency.wait(package_id, until, timeout_seconds))

    def receipts(self, package_id: str) -> tuple[ReceiptView, ...]:
        """The signed receipts of all recipients; verify them offline with `attache.verify`."""
        return self._driver.exchange(agency.receipts(package_id))

    def save_sealed(self, package_id: str, recipient: str, target: str | os.PathLike[str]) -> Path:
        """The package as it was sealed for one recipient, as a file."""
        return self._driver.exchange(agency.save_sealed(package_id, recipient, Path(target)))

    def save_evidence(self, package_id: str, target: str | os.PathLike[str], *, recipient: str | None = None) -> Path:
        """Everything that can be proven about a package to one recipient, as a file that verifies itself (`attache.verify`).

        `recipient` may be left out where the package went to one only.
        """
        return self._driver.exchange(agency.save_evidence(package_id, recipient, Path(target)))


class Inbox:
    """What arrived at this agency."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def list(self, *, after: str = "") -> Iterator[ArrivalView]:
        """Every package that arrived, newest first; further pages are fetched as they are wanted."""
        return self._driver.walk(agency.inbox, after)

    def get(self, originator: str, package_id: str) -> ArrivalView:
        return self._driver.exchange(agency.arrival(originator, package_id))

    def open(self, originator: str, package_id: str) -> ArrivalView:
        """Open it: this is logged, and the originator gets a signed *opened* receipt."""
        return self._driver.exchange(agency.open_arrival(originator, package_id, new_idempotency_key()))

    def save(self, arrival: ArrivalView, folder: str | os.PathLike[str], *, use: str = "export") -> tuple[Path, ...]:
        """The parts of an opened package as files in `folder`.

        The originator's handling decides about `use`, what you declare to do with them: `export` takes copies out of
        the gateway, `read` is for your eyes alone, as with TLP:RED.

        Each is streamed to a hidden file and published only after its size and SHA-256 are checked. An existing
        file is never replaced: Conflict("conflict").
        """
        return self._driver.run(agency.save_parts(arrival, Path(folder), use))


class Approvals:
    """Releases that wait for this officer."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def list(self, *, limit: int = agency.PAGE_SIZE) -> tuple[ApprovalView, ...]:
        """The oldest `limit` releases that wait at the caller's posts."""
        return self._driver.exchange(agency.approvals(limit))

    def get(self, approval_id: str) -> ApprovalView:
        return self._driver.exchange(agency.approval(approval_id))

    def save(self, approval: ApprovalView, folder: str | os.PathLike[str]) -> tuple[Path, ...]:
        """Exactly what would leave of each part, as files in `folder`, each published only after its digest is checked.

        Reading it is logged. An existing file is never replaced: Conflict("conflict").
        """
        return self._driver.run(agency.save_leaving(approval, Path(folder)))

    def approve(self, approval_id: str, reason: str) -> ApprovalView:
        """Let it leave, exactly as it was shown."""
        return self._driver.exchange(agency.decide_approval(approval_id, "approve", reason, new_idempotency_key()))

    def reject(self, approval_id: str, reason: str) -> ApprovalView:
        return self._driver.exchange(agency.decide_approval(approval_id, "reject", reason, new_idempotency_key()))


class Purges:
    """Purges before their time, for security officers: one orders, another one confirms."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def list(self, *, after: str = "") -> Iterator[PurgeView]:
        """Every order, newest first; further pages are fetched as they are wanted."""
        return self._driver.walk(agency.purges, after)

    def get(self, purge_id: str) -> PurgeView:
        return self._driver.exchange(agency.purge(purge_id))

    def order(self, packages: Sequence[tuple[str, str]], *, legal_basis: str, note: str) -> PurgeView:
        """Order that packages, each (originator, package_id), be purged. Raises Conflict("on-hold")."""
        return self._driver.exchange(agency.order_purge(packages, legal_basis, note, new_idempotency_key()))

    def approve(self, purge_id: str, note: str) -> PurgeView:
        """Confirm another officer's order: the content is destroyed, and nothing brings it back."""
        return self._driver.exchange(agency.decide_purge(purge_id, "approve", note, new_idempotency_key()))

    def reject(self, purge_id: str, reason: str) -> PurgeView:
        return self._driver.exchange(agency.decide_purge(purge_id, "reject", reason, new_idempotency_key()))


class Holds:
    """Legal holds: what is on one is not purged."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def list(self, *, after: str = "") -> Iterator[HoldView]:
        """Every hold, newest first, lifted ones among them; further pages are fetched as they are wanted."""
        return self._driver.walk(agency.holds, after)

    def place(self, packages: Sequence[tuple[str, str]], *, legal_basis: str, note: str) -> HoldView:
        """Keep packages, each (originator, package_id), from being purged, by rule and by order."""
        return self._driver.exchange(agency.place_hold(packages, legal_basis, note, new_idempotency_key()))

    def lift(self, hold_id: str, note: str) -> HoldView:
        """Lift a hold that another officer placed."""
        return self._driver.exchange(agency.lift_hold(hold_id, note, new_idempotency_key()))


class Participants:
    """Who is admitted to the exchange."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def list(self) -> tuple[ParticipantView, ...]:
        return self._driver.exchange(agency.participants())

    def suspend(self, participant: str) -> None:
        """Stop all exchange with a participant."""
        self._driver.exchange(agency.change_participant(participant, "suspend", new_idempotency_key()))

    def resume(self, participant: str) -> None:
        self._driver.exchange(agency.change_participant(participant, "resume", new_idempotency_key()))

    def rotate(self, participant: str, descriptor: bytes) -> ParticipantView:
        """Accept the signed successor of a participant's descriptor: its new keys and endpoints."""
        return self._driver.exchange(agency.rotate_participant(participant, descriptor))


class Log:
    """The gateway's exchange log. What it says is proven with `attache.verify`, not believed."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def checkpoint(self) -> str:
        """The newest signed checkpoint (C2SP tlog-checkpoint)."""
        return self._driver.exchange(agency.log_text("checkpoint"))

    def vkeys(self) -> str:
        """The log's verifier keys as the log itself states them: compare them with those you got by hand."""
        return self._driver.exchange(agency.log_text("vkeys"))

    def entries(self, *, after: str = "") -> Iterator[EntryView]:
        """Every entry that the caller may see; further pages are fetched as they are wanted."""
        return self._driver.walk(agency.log_entries, after)

    def search(self, *, after: str = "", **wanted: str) -> Iterator[EntryView]:
        """The entries that a filter wants, in the order of the log: event, actor, package_id, partner, outcome, request_id,
        and since and until as RFC 3339 instants. The search is itself logged.
        """
        return self._driver.walk(agency.log_search(wanted), after)

    def follow(self, *, after: int | None = None, **wanted: str) -> Iterator[EntryView]:
        """Entries as they are logged, from now on or behind the index `after`; without end. Filters as in `search`."""
        events = agency.EntryEvents()
        for chunk in self._driver.stream(agency.log_follow(wanted, after)):
            yield from events.feed(chunk)

    def export(self, target: str | os.PathLike[str], *, file_format: str = "jsonl", **wanted: str) -> Path:
        """Exactly what a filter wants as a new file, jsonl or csv; its signed manifest is put beside it, as TARGET.manifest."""
        return self._driver.exchange(agency.save_log_export(wanted, file_format, Path(target)))

    def entry(self, index: int) -> EntryView:
        return self._driver.exchange(agency.log_entry(index))

    def prove(self, index: int) -> str:
        """The proof that the entry is in the log (C2SP tlog-proof)."""
        return self._driver.exchange(agency.log_text("proofs", "inclusion", query={"index": str(index)}))

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """The whole log as a static C2SP directory: the new `folder`, published when it is complete."""
        from attache.client.log_copy import save_log  # noqa: PLC0415 -- only who copies a log needs its formats

        return self._driver.run(save_log(Path(folder)))

    def verify(self, vkeys: Sequence[str] | None = None) -> "Report":
        """Fetch the whole log and verify it here. `vkeys` are the log's keys as you got them by hand.

        Without them the keys are the server's own word, and the report says so.
        """
        from attache.client.offline import verify as verify_file  # noqa: PLC0415 -- loads the whole protocol

        with TemporaryDirectory() as scratch:
            folder = self.save(Path(scratch) / "log")
            return verify_file(folder, vkeys=vkeys)


class Client:
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
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = chance,
        now: clock.Clock = clock.now,
    ) -> None:
        self._access = Access.of(
            url, token=token, token_file=token_file, ca=ca, certificate=certificate, key=key, passphrase=passphrase
        )
        driver = Driver(
            self._access, retry=retry, timeouts=timeouts, transport=transport, pause=pause, chance=chance, now=now
        )
        self._driver = driver
        self.packages = Packages(driver)
        self.inbox = Inbox(driver)
        self.approvals = Approvals(driver)
        self.purges = Purges(driver)
        self.holds = Holds(driver)
        self.participants = Participants(driver)
        self.log = Log(driver)
        self.policies = Policies(driver)
        self.reviews = Reviews(driver)
        self.officers = Officers(driver)
        self.consents = Consents(driver)

    def decide(self, submission: Submission) -> tuple[DecisionView, ...]:
        """What policy would decide, per recipient and part. A dry run: nothing is submitted."""
        return self._driver.exchange(agency.decide(submission))

    def explain(
        self, submission: Submission, recipient: str, *, part: str | None = None, field: str | None = None
    ) -> ExplanationView:
        """Why what would stay would stay, for one recipient, and what could be obtained or chosen to let it go.

        Without `part`, of everything that would stay. It shows what the rules accept, not whether a legal basis applies.
        """
        return self._driver.exchange(agency.explain(submission, recipient, part, field))

    def close(self) -> None:
        """Close the connections."""
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._access.url!r})"
