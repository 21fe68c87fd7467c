"""The mailbox of a participant without a gateway: it collects packages from a partner's gateway, opens them locally, and signs receipts."""

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
from attache.client.fetching import fetch
from attache.client.home import Home
from attache.client.mailbox_consents import ConsentAnswer, MailboxConsents
from attache.client.mailbox_records import MailboxRecord, MailboxRecords
from attache.client.opening import open_parts, read_package
from attache.client.quarantine import sweep
from attache.client.retry import DEFAULT_RETRY, Retry, chance
from attache.client.sync.driver import Driver
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
    """A collected package: its parts are files in `folder`; `receipts` (JWS) were posted to its originator."""

    package_id: str
    originator: str
    folder: Path
    manifest: Mapping[str, Any]
    receipts: Mapping[str, bytes]


class Mailbox:
    """The mailbox that a partner's gateway keeps for this participant. Close it, or use it as a context manager. Only one process at a time may use a folder.

    `gateway` is the partner; its pinned descriptor in `home` states the address of its exchange API and the certificates to
    expect there. Each package is collected into a subfolder of `folder`, named by the package's id. `transport`, `pause`,
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
        """The packages that wait, oldest first; further pages are fetched when they are needed."""
        return self._driver.walk(exchange.mailbox, after)

    def collect(self, package_id: str) -> Collected:
        """Fetch a package, verify it completely, publish its parts, and post two signed receipts: delivered and opened.

        Steps, each safe to repeat: fetch (continuing where it stopped), open in quarantine, store the record with the signed
        receipts, publish the folder by one rename, post the receipts. After a crash at any point, collecting again ends
        in the same state with the same receipts. A package that does not verify is not published, and gets no receipt and no record.
        """
        record, folder = self._records.get(package_id), self._folder / package_id
        if record is None or not folder.exists():
            record = self._take(package_id, record)
        for kind in RECEIPTS:
            if kind not in record.posted:
                # The receipt is stored before it is posted, and marked as posted afterwards: after a crash in between, the same bytes are posted again.
                self._driver.exchange(exchange.post_statement(exchange.RECEIPTS, record.receipts[kind].encode()))
                record = record.after_posting(kind)
                self._records.put(record)
        receipts = {kind: signed.encode() for kind, signed in record.receipts.items()}
        return Collected(package_id, record.originator, folder, record.manifest, receipts)

    def consents(self) -> tuple[ConsentAnswer, ...]:
        """The answers to this participant's requests: each signed consent and refusal is verified and stored in FOLDER/consents.

        The gateway keeps the answers; collecting one again changes nothing. Raises AttacheError for an answer that does not verify.
        """
        return self._consents.collect()

    def ask_consent(
        self, package_id: str, part: str, *, recipient: str, purpose: str, legal_basis: str, reason: str
    ) -> str:
        """Ask the partner for consent to pass this part of a collected package on to `recipient`, for `purpose`.

        The request is sealed locally and delivered to the partner's gateway, whose signed receipt is verified. Returns its id.
        """
        request_id, _ = self._consents.ask(package_id, part, recipient, purpose, legal_basis, reason)
        return request_id

    def asked_consent(self, request_id: str) -> ConsentRequest:
        """The request for consent in a collected package of kind `request`; raises NotFound if it holds none."""
        return self._consents.asked(request_id)

    def grant_consent(self, request_id: str, content: str | os.PathLike[str], until: datetime) -> Consent:
        """Consent to a collected request, until an instant at most 366 days ahead. The consent is signed locally, and posted.

        `content` is your own copy of the file that you supplied. If its digest is not the one that the request names, raises MalformedInput("digest-mismatch"),
        so that you never consent to other content of the same name. A second call posts the same bytes.
        """
        return self._consents.grant(request_id, Path(content), until)

    def refuse_consent(self, request_id: str, reason: str) -> ConsentRefusal:
        """Refuse a collected request as a whole; the partner gets the reason in a signed refusal."""
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
                    # protocol B3: all eight steps have passed; a receipt that exists is not signed again
                    record = known or self._accept(package)
                    opened.publish()
        finally:
            sealed.unlink()  # after a failure, the package is fetched again from its beginning
        return record

    def _accept(self, package: VerifiedPackage) -> MailboxRecord:
        """The commit point: stores the record, which says that the package is accepted and holds its signed receipts."""
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
            raise NotAuthentic("envelope-mismatch", "the gateway sent another package than the requested one")
