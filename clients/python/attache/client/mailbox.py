"""The mailbox of a participant that runs no gateway: it collects from a partner's, opens here, and signs for it."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from attache import clock
from attache.client import exchange
from attache.client.connect import DEFAULT_TIMEOUTS, Access, Timeouts
from attache.client.driving import Driver
from attache.client.fetching import fetch
from attache.client.home import Home
from attache.client.mailbox_consents import Answer, MailboxConsents
from attache.client.mailbox_records import MailboxRecord, MailboxRecords
from attache.client.offline import open_parts, read_package
from attache.client.quarantine import sweep
from attache.client.retry import DEFAULT_RETRY, Retry, chance
from attache.consent import Consent
from attache.consent_refusal import ConsentRefusal
from attache.consent_request import ConsentRequest
from attache.errors import Misconfigured, NotAuthentic
from attache.package import VerifiedPackage
from attache.receipt import Receipt, ReceiptKind, sign_receipt
from attache.wire.mailbox import MailboxItem

RECEIPTS = (ReceiptKind.DELIVERED, ReceiptKind.OPENED)


@dataclass(frozen=True)
class Collected:
    """A package that is here: its parts as files in `folder`, its facts, and the receipts (JWS) its originator has."""

    package_id: str
    originator: str
    folder: Path
    manifest: Mapping[str, Any]
    receipts: Mapping[str, bytes]


class Mailbox:
    """What a partner's gateway holds for us. Close it, or use it as a context manager; one process at a time a folder.

    `gateway` is the partner; its pinned descriptor in `home` states where its exchange API is and which certificates to
    expect there. Packages are collected into `folder`, each into one of its own, named by its id. `transport`, `pause`,
    `chance` and `now` are for tests.
    """

    def __init__(
        self,
        home: Home,
        gateway: str,
        folder: str | os.PathLike[str],
        *,
        url: str | None = None,
        retry: Retry = DEFAULT_RETRY,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = chance,
        now: clock.Clock = clock.now,
    ) -> None:
        descriptor = home.descriptor_of(gateway)
        base = url or descriptor.stated.endpoints.exchange
        if base is None:
            raise Misconfigured("misconfigured", f"the descriptor of {gateway} states no exchange API")
        access = Access.to_participant(
            descriptor,
            f"{base.rstrip('/')}/exchange/v1",
            certificate=home.tls_certificate,
            key=home.tls_key,
            passphrase=home.keys.tls_passphrase,
        )
        self._home = home
        self._gateway = gateway
        self._folder = Path(folder)
        self._now = now
        self._records = MailboxRecords(self._folder / ".attache")
        for each in (self._folder, self._folder / ".attache"):
            sweep(each)
        self._driver = Driver(
            access, retry=retry, timeouts=timeouts, transport=transport, pause=pause, chance=chance, now=now
        )
        self._consents = MailboxConsents(home, gateway, self._folder, self._records, self._driver, now)

    def list(self, *, after: str = "") -> Iterator[MailboxItem]:
        """What waits, oldest first; further pages are fetched as they are wanted."""
        return self._driver.walk(exchange.mailbox, after)

    def collect(self, package_id: str) -> Collected:
        """Fetch a package, verify all of it, publish its parts, and sign for it: delivered, and opened.

        Steps, each safe to repeat: fetch (going on where it stopped), open in quarantine, remember it with its signed
        receipts, publish the folder by one rename, post the receipts. After a crash at any point, collecting again ends
        in the same state with the same receipts. What does not verify is not published, signed for or remembered.
        """
        record, folder = self._records.get(package_id), self._folder / package_id
        if record is None or not folder.exists():
            record = self._take(package_id, record)
        for kind in RECEIPTS:
            if kind not in record.posted:
                # Kept before it is posted, and noted after: a crash in between posts the same bytes again.
                self._driver.exchange(exchange.post_statement(exchange.RECEIPTS, record.receipts[kind].encode()))
                record = record.after_posting(kind)
                self._records.put(record)
        receipts = {kind: signed.encode() for kind, signed in record.receipts.items()}
        return Collected(package_id, record.originator, folder, record.manifest, receipts)

    def consents(self) -> tuple[Answer, ...]:
        """The answers to what we asked: each signed consent and refusal, verified, and kept in FOLDER/consents.

        An answer stays at the gateway; collecting it again changes nothing. Raises AttacheError for one that does not verify.
        """
        return self._consents.collect()

    def ask_consent(
        self, package_id: str, part: str, *, recipient: str, purpose: str, legal_basis: str, reason: str
    ) -> str:
        """Ask the partner: may we pass this part of a collected package on to `recipient`, for `purpose`?

        The request is sealed here and delivered to the partner's gateway, whose signed receipt is verified. Returns its id.
        """
        request_id, _ = self._consents.ask(package_id, part, recipient, purpose, legal_basis, reason)
        return request_id

    def asked_consent(self, request_id: str) -> ConsentRequest:
        """What a collected package of kind `request` asks of us; raises NotFound where it asks for no consent."""
        return self._consents.asked(request_id)

    def grant_consent(self, request_id: str, content: str | os.PathLike[str], until: datetime) -> Consent:
        """Consent, until an instant at most 366 days ahead, to what a collected request asks. Signed here, and posted.

        `content` is the file that you gave: one that has another digest than the request names is refused
        (`digest-mismatch`), so that nobody consents to what only bears the same name. Called again, it posts the same bytes.
        """
        return self._consents.grant(request_id, Path(content), until)

    def refuse_consent(self, request_id: str, reason: str) -> ConsentRefusal:
        """Refuse a collected request as a whole; the partner is told the reason, under our signature."""
        return self._consents.refuse(request_id, reason)

    def close(self) -> None:
        """Close the connections."""
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take(self, package_id: str, known: MailboxRecord | None) -> MailboxRecord:
        sealed = self._records.sealed_path(package_id)
        self._driver.run(fetch(exchange.package_path(package_id), sealed))
        try:
            with sealed.open("rb") as stream:
                package = read_package(stream, self._home, now=self._now, seen=self._seen)
                self._require_asked_for(package, package_id)
                with open_parts(package, stream, self._folder / package_id) as opened:
                    # protocol B3: all eight steps are behind, and what was signed once is signed no second time
                    record = known or self._accept(package)
                    opened.publish()
        finally:
            sealed.unlink()  # whether it was good, or is to be fetched anew
        return record

    def _accept(self, package: VerifiedPackage) -> MailboxRecord:
        """The commit point: from here on the package is ours, and its receipts are what they are."""
        manifest = package.manifest.model_dump(mode="json", exclude={"parts": {"__all__": {"key"}}})
        receipts = {
            kind.value: sign_receipt(self._receipt(package, kind), self._home.keys).decode() for kind in RECEIPTS
        }
        record = MailboxRecord(
            package.envelope.originator, package.envelope.package_id, package.manifest_sha256, manifest, receipts
        )
        self._records.put(record)
        return record

    def _receipt(self, package: VerifiedPackage, kind: ReceiptKind) -> Receipt:
        envelope = package.envelope
        return Receipt(
            receipt=kind,
            package_id=envelope.package_id,
            originator=envelope.originator,
            recipient=envelope.recipient,
            envelope_sha256=envelope.sha256,
            manifest_sha256=package.manifest_sha256,
            parts=tuple(part.ciphertext_root for part in envelope.parts),
            at=self._now(),
        )

    def _seen(self, originator: str, package_id: str) -> str | None:
        record = self._records.get(package_id)
        return record.manifest_sha256 if record is not None and record.originator == originator else None

    def _require_asked_for(self, package: VerifiedPackage, package_id: str) -> None:
        envelope = package.envelope
        # protocol B3
        if (envelope.package_id, envelope.originator) != (package_id, self._gateway):
            raise NotAuthentic("envelope-mismatch", "the gateway gave another package than the one asked for")
