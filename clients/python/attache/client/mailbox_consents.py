"""Consents of a participant without a gateway. It asks for, collects, gives and refuses them through a partner's gateway.

    FOLDER/consents/<consent_id>.jws     a consent or a refusal that its originator signed, verified and kept
           consents/<request_id>.answer  this participant's own signed answer to a collected request

One request has one answer: it is signed once, and a repeated call posts the same bytes.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from attache import clock
from attache.client import exchange
from attache.client.home import Home
from attache.client.mailbox_records import MailboxRecord, MailboxRecords
from attache.client.quarantine import write_atomically
from attache.client.sync.driver import Driver
from attache.consent import Consent, sign_consent, verify_consent
from attache.consent_refusal import ConsentRefusal, sign_refusal, verify_refusal
from attache.consent_request import (
    MEDIA_TYPE,
    PART_NAME,
    ConsentRequest,
    encode_request,
    parse_request,
)
from attache.errors import AttacheError, Conflict, MalformedInput, NotAuthentic, NotFound
from attache.package import ManifestFacts, ManifestPart, PartSealer, Release, encode_frame, seal, uuid7
from attache.package.ids import PackageId, ParticipantId
from attache.package.values import MAX_NAME_BYTES
from attache.receipt import Receipt, require_receipt_for, verify_receipt
from attache.strict_json import canonical
from attache.vocabulary import ContentClass, Kind, Markings, Onward, Purpose, Urgency

T = TypeVar("T")

FOLDER = "consents"
LONGEST_TERM = timedelta(days=366)
REQUEST_TERM = timedelta(days=90)
REQUEST_MARKINGS = ("TLP:GREEN",)
NO_POLICIES = hashlib.sha256(b"").hexdigest()
"""The digest of policies that a participant without policies states."""

_STEP = "consent"


@dataclass(frozen=True)
class ConsentAnswer:
    """A verified answer to a request for consent. `consent` is None for a refusal; `path` is the file with the signed bytes."""

    request_id: str
    path: Path
    consent: Consent | None
    refusal: ConsentRefusal | None


class MailboxConsents:
    """The consents of one mailbox; `Mailbox` makes it, and its methods are described there."""

    def __init__(
        self, home: Home, gateway: str, folder: Path, records: MailboxRecords, driver: Driver, now: clock.Clock
    ) -> None:
        self._home, self._gateway, self._folder = home, gateway, folder
        self._records, self._driver, self._now = records, driver, now

    def collect(self) -> tuple[ConsentAnswer, ...]:
        """See `Mailbox.consents`."""
        consents = self._collected(exchange.mailbox_consents, self._consent)
        refusals = self._collected(exchange.mailbox_refusals, self._refusal)
        return (*consents, *refusals)

    def ask(
        self, package_id: str, part: str, recipient: str, purpose: str, legal_basis: str, reason: str
    ) -> tuple[str, Receipt]:
        """See `Mailbox.ask_consent`."""
        record = self._record(package_id)
        request = ConsentRequest(
            originator=ParticipantId(record.originator),
            holder=self._home.me.participant,
            recipient=ParticipantId(recipient),
            purpose=Purpose(purpose),
            package_id=PackageId(package_id),
            part=part,
            content_sha256=_sha256_of(record, part),
            reason=reason,
        )
        facts, ciphertext = self._request_facts(request, record, legal_basis)
        originator = self._home.descriptor_of(self._gateway)
        envelope = seal(facts, keys=self._home.keys, recipient=originator, sealed_at=self._now())
        stream = exchange.SealedStream(len(ciphertext), b"", lambda start, end: iter((ciphertext[start:end],)))
        signed = self._driver.run(exchange.deliver(facts.package_id, encode_frame(envelope), [stream]))
        receipt = verify_receipt(signed, originator)
        require_receipt_for(receipt, envelope, receipt.manifest_sha256 or "")
        return facts.package_id, receipt

    def grant(self, request_id: str, content: Path, until: datetime) -> Consent:
        """See `Mailbox.grant_consent`."""
        now = self._now()
        # protocol G5
        if not now < until <= now + LONGEST_TERM:
            raise MalformedInput("term-over", "until: in the past, or more than 366 days ahead")

        def sign() -> bytes:
            request = self._request(request_id)
            # protocol G5
            if _digest_of(content) != request.content_sha256:
                raise MalformedInput("digest-mismatch", f"{content.name} is not the content that the request is about")
            terms = request.model_dump(include={"originator", "holder", "recipient", "purpose", "content_sha256"})
            consent = Consent(
                **terms,
                consent_id=uuid7(now),
                package_id=request.package_id,
                request_id=PackageId(request_id),
                at=now,
                expires_at=until,
            )
            return sign_consent(consent, self._home.keys)

        signed = self._signed_once(request_id, sign)
        consent = self._own(lambda: verify_consent(signed, self._home.me))
        self._driver.exchange(exchange.post_statement(exchange.CONSENTS, signed))
        return consent

    def refuse(self, request_id: str, reason: str) -> ConsentRefusal:
        """See `Mailbox.refuse_consent`."""

        def sign() -> bytes:
            record = self._record(request_id)
            package_id = record.manifest.get("in_reply_to")
            if record.manifest.get("kind") != Kind.REQUEST or not package_id:
                raise NotFound(detail="the request is not about a package of this participant")
            refusal = ConsentRefusal(
                originator=self._home.me.participant,
                holder=ParticipantId(record.originator),
                package_id=PackageId(package_id),
                request_id=PackageId(request_id),
                reason=reason,
                at=self._now(),
            )
            return sign_refusal(refusal, self._home.keys)

        signed = self._signed_once(request_id, sign)
        refusal = self._own(lambda: verify_refusal(signed, self._home.me))
        self._driver.exchange(exchange.post_statement(exchange.CONSENT_REFUSALS, signed))
        return refusal

    def asked(self, request_id: str) -> ConsentRequest:
        """See `Mailbox.asked_consent`."""
        return self._request(request_id)

    def _collected(self, page: Any, answer_of: Callable[[bytes], ConsentAnswer]) -> Iterator[ConsentAnswer]:
        for each in self._driver.walk(page, ""):
            signed = canonical(each.signed)
            answer = answer_of(signed)
            if not answer.path.exists():
                answer.path.parent.mkdir(mode=0o700, exist_ok=True)
                write_atomically(answer.path, signed)
            yield answer

    def _consent(self, signed: bytes) -> ConsentAnswer:
        # protocol G9
        consent = verify_consent(signed, self._home.descriptor_of(self._gateway))
        self._require_holder(consent.holder)
        path = self._folder / FOLDER / f"{consent.consent_id}.jws"
        return ConsentAnswer(consent.request_id, path, consent, None)

    def _refusal(self, signed: bytes) -> ConsentAnswer:
        # protocol G9
        refusal = verify_refusal(signed, self._home.descriptor_of(self._gateway))
        self._require_holder(refusal.holder)
        return ConsentAnswer(refusal.request_id, self._folder / FOLDER / f"{refusal.request_id}.jws", None, refusal)

    def _require_holder(self, holder: str) -> None:
        if holder != self._home.me.participant:
            raise NotAuthentic("not-a-recipient", "the answer is for another holder", step=_STEP)

    def _record(self, package_id: str) -> MailboxRecord:
        record = self._records.get(package_id)
        if record is None or record.originator != self._gateway:
            raise NotFound(detail="no such package was collected from this partner")
        return record

    def _request(self, request_id: str) -> ConsentRequest:
        """The request in a collected package, after a check that its sender is the holder and that it is about a package of this participant."""
        record = self._record(request_id)
        names = [part["name"] for part in record.manifest["parts"] if part["media_type"] == MEDIA_TYPE]
        if record.manifest["kind"] != Kind.REQUEST or len(names) != 1:
            raise NotFound(detail="the package holds no request for consent")
        request = parse_request((self._folder / request_id / names[0]).read_bytes())
        if (request.originator, request.holder, request.package_id) != (
            self._home.me.participant,
            record.originator,
            record.manifest["in_reply_to"],
        ):
            raise NotAuthentic("envelope-mismatch", "the request names another holder or another package", step=_STEP)
        return request

    def _signed_once(self, request_id: str, sign: Callable[[], bytes]) -> bytes:
        path = self._folder / FOLDER / f"{self._record(request_id).package_id}.answer"
        # protocol G7
        if not path.exists():
            signed = sign()
            path.parent.mkdir(mode=0o700, exist_ok=True)
            write_atomically(path, signed)
        return path.read_bytes()

    def _own(self, verify: Callable[[], T]) -> T:
        try:
            return verify()
        except AttacheError:
            raise Conflict(
                "conflict", "the request already has another answer, or its stored answer cannot be read"
            ) from None

    def _request_facts(
        self, request: ConsentRequest, record: MailboxRecord, legal_basis: str
    ) -> tuple[ManifestFacts, bytes]:
        sealer, now = PartSealer(), self._now()
        head = sealer.update(encode_request(request))
        tail, sealed = sealer.finish()
        part = ManifestPart.of(
            sealed,
            name=PART_NAME,
            media_type=MEDIA_TYPE,
            markings=Markings.parse(REQUEST_MARKINGS),
            content_class=(ContentClass.LAW_ENFORCEMENT_SENSITIVE,),
        )
        facts = ManifestFacts(
            package_id=PackageId(uuid7(now)),
            kind=Kind.REQUEST,
            originator=request.holder,
            post=self._home.descriptor_of(self._gateway).stated.post,
            created_at=now,
            expires_at=now + REQUEST_TERM,
            in_reply_to=request.package_id,
            thread_id=record.manifest.get("thread_id"),
            title="Request for consent",
            purpose=request.purpose,
            legal_basis=legal_basis,
            urgency=Urgency.ROUTINE,
            markings=REQUEST_MARKINGS,
            onward=Onward.NONE,
            release=Release(decision_id=uuid7(now), policy_set_hash=NO_POLICIES),
            parts=(part,),
        )
        return facts, head + tail


def _sha256_of(record: MailboxRecord, name: str) -> str:
    for part in record.manifest["parts"]:
        if part["name"] == name:
            digest: str = part["sha256"]
            return digest
    raise NotFound(detail=f"the package has no part {name[:MAX_NAME_BYTES]!r}")


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
