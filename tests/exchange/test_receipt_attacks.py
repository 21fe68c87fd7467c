"""Attacks with receipts: only the recipient's own, about exactly what went to it, is stored, and once."""

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from attache import clock
from attache.crypto import Suite, b64u
from attache.package import MANIFEST, Envelope, parse_frame, sign_statement, uuid7
from attache.receipt import RECEIPT as RECEIPT_TYPE
from attache.receipt import LogProof, Receipt, ReceiptKind, sign_receipt
from attache.strict_json import canonical, parse_object
from gateway.exchange.kernel.records import ReceiptRecord, ReleaseRecord
from gateway.exchange.kernel.state import ReleaseState
from tests.exchange.attacking import JOSE, Sender, Target
from tests.exchange_place import a_submission

FRANKFURT, SYDNEY, BOGOTA = "partner-frankfurt", "partner-sydney", "partner-bogota"


@pytest.fixture(scope="module")
def origin(module_place, loop):
    """IRS-CI's gateway, which nobody delivers for: the receipts are ours to make."""
    opening = module_place.open("irs-ci")
    yield Target(loop.run(opening.__aenter__()), loop)
    loop.run(opening.__aexit__(None, None, None))


@dataclass(frozen=True)
class Released:
    """A package on its way to Frankfurt, and the means to sign for it."""

    origin: Target
    envelope: Envelope
    manifest_sha256: str

    @property
    def made(self):
        return self.origin.gateway.place.made

    @property
    def package_id(self) -> str:
        return self.envelope.package_id

    def receipt(self, **changes) -> Receipt:
        members = {
            "receipt": ReceiptKind.DELIVERED,
            "package_id": self.package_id,
            "originator": "irs-ci",
            "recipient": FRANKFURT,
            "envelope_sha256": self.envelope.sha256,
            "manifest_sha256": self.manifest_sha256,
            "parts": tuple(part.ciphertext_root for part in self.envelope.parts),
            "at": clock.now(),
            **changes,
        }
        return Receipt(**members)

    def signed(self, *, by: str = FRANKFURT, **changes) -> bytes:
        return sign_receipt(self.receipt(**changes), self.made[by].keys)

    def bring(self, signed: bytes, by: str = FRANKFURT):
        return self.origin.send(by, "POST", "/receipts", signed, JOSE)

    def life(self) -> ReleaseRecord:
        return self.origin.run(
            self.origin.gateway.agency.store.read(lambda r: r.get(ReleaseRecord, self.package_id, FRANKFURT))
        )


@pytest.fixture
def released(origin):
    async def submit():
        gateway = origin.gateway
        answer = await gateway.submit(await gateway.caller("analyst"), a_submission(to=[FRANKFURT, BOGOTA]))
        package_id = answer.json()["package_id"]
        life = await gateway.agency.store.read(lambda r: r.get(ReleaseRecord, package_id, FRANKFURT))
        return Released(origin, parse_frame(life.frame), life.manifest_sha256)

    return origin.run(submit())


def test_a_good_receipt_is_stored_and_moves_the_package_on(origin, released):
    before = origin.written()
    signed = released.signed()
    assert released.bring(signed).status_code == 204
    assert released.life().state is ReleaseState.DELIVERED
    after = origin.written()
    assert after.entries[len(before.entries) :] == ("receipt.stored", "package.delivered")
    [stored] = [r for r in after.records if isinstance(r, ReceiptRecord) and r.package_id == released.package_id]
    assert stored.signed == signed
    assert released.bring(signed).status_code == 204
    assert origin.written() == after


# name: (how to make it, code)
FORGED = {
    "of-another-partner": (lambda r: r.signed(recipient=SYDNEY), "signature-invalid"),
    "signed-by-another-key": (lambda r: r.signed(by=SYDNEY), "unknown-key"),
    "for-another-package": (lambda r: r.signed(package_id=uuid7(clock.now())), "not-found"),
    "for-another-originators-package": (lambda r: r.signed(originator=SYDNEY), "envelope-mismatch"),
    "for-another-envelope": (lambda r: r.signed(envelope_sha256="0" * 64), "envelope-mismatch"),
    "for-another-manifest": (lambda r: r.signed(manifest_sha256="0" * 64), "envelope-mismatch"),
    "for-other-parts": (lambda r: r.signed(parts=("0" * 64,)), "envelope-mismatch"),
    "for-more-parts": (lambda r: r.signed(parts=r.receipt().parts * 2), "envelope-mismatch"),
    "a-manifest": (lambda r: _as(MANIFEST, r), "signature-invalid"),
    "a-descriptor": (lambda r: r.made[FRANKFURT].descriptor.raw, "signature-invalid"),
    "a-token": (lambda r: _token(r), "malformed-receipt"),
    "an-envelope": (lambda r: r.envelope.raw, "malformed-receipt"),
    "empty": (lambda r: b"", "malformed-receipt"),
    "one-signature-stripped": (lambda r: _signatures(r, lambda found: found[:1]), "signature-invalid"),
    "signatures-swapped": (lambda r: _signatures(r, lambda found: found[::-1]), "signature-invalid"),
    "in-the-weaker-suite": (
        lambda r: sign_statement(RECEIPT_TYPE, _payload(r), r.made[FRANKFURT].keys, Suite.CLASSICAL_1),
        "signature-invalid",
    ),
    "from-before-the-keys": (lambda r: r.signed(at=clock.now() - timedelta(days=30)), "unknown-key"),
    "with-a-surplus-member": (lambda r: _payload_signed(r, note="x"), "malformed-receipt"),
    "delivered-without-a-manifest": (lambda r: _payload_signed(r, manifest_sha256=None), "malformed-receipt"),
    "refused-without-a-problem": (lambda r: _payload_signed(r, receipt="refused"), "malformed-receipt"),
    "of-no-kind": (lambda r: _payload_signed(r, receipt="lost"), "malformed-receipt"),
    "with-half-a-character": (lambda r: _payload_signed(r, b'"by":null', b'"by":"\\ud800"'), "malformed-receipt"),
}  # fmt: skip


def _as(type_, released) -> bytes:
    return sign_statement(type_, _payload(released), released.made[FRANKFURT].keys, Suite.HYBRID_1)


def _payload(released) -> bytes:
    return canonical(released.receipt().model_dump(mode="json"))


def _payload_signed(released, old: bytes = b"", new: bytes = b"", **changes) -> bytes:
    payload = canonical({**parse_object(_payload(released)), **changes})
    assert old in payload
    return sign_statement(RECEIPT_TYPE, payload.replace(old, new), released.made[FRANKFURT].keys, Suite.HYBRID_1)


def _signatures(released, change) -> bytes:
    document = parse_object(released.signed())
    return canonical({**document, "signatures": change(document["signatures"])})


def _token(released) -> bytes:
    gateway = released.origin.gateway
    return gateway.place.issuer.token(gateway.settings.token_audience, "analyst", ["analyst"], clock.now()).encode()


@pytest.mark.parametrize(("make", "code"), FORGED.values(), ids=FORGED)
def test_a_forged_receipt_is_refused(origin, released, make, code):
    signed = make(released)
    origin.refuses(code, lambda: released.bring(signed))
    assert released.life().state is ReleaseState.RELEASED


def test_a_receipt_brought_by_another_partner_is_not_its_own(origin, released):
    signed = released.signed()
    origin.refuses("unknown-key", lambda: released.bring(signed, by=BOGOTA))


def test_a_partner_cannot_sign_for_what_went_to_another(origin, released):
    """Bogotá got the same package in another envelope; Sydney got none at all."""
    for_frankfurt = {"by": BOGOTA, "recipient": BOGOTA}
    origin.refuses("envelope-mismatch", lambda: released.bring(released.signed(**for_frankfurt), by=BOGOTA))
    nothing = {"by": SYDNEY, "recipient": SYDNEY}
    origin.refuses("not-found", lambda: released.bring(released.signed(**nothing), by=SYDNEY))


def test_a_second_receipt_of_the_same_kind_is_a_conflict(origin, released):
    assert released.bring(released.signed()).status_code == 204
    later = released.signed(at=clock.now() - timedelta(seconds=5))
    origin.refuses("conflict", lambda: released.bring(later))


def test_a_refusal_after_delivery_contradicts_it(origin, released):
    assert released.bring(released.signed()).status_code == 204
    refusal = released.signed(receipt=ReceiptKind.REFUSED, problem="signature-invalid")
    origin.refuses("illegal-transition", lambda: released.bring(refusal))
    assert released.life().state is ReleaseState.DELIVERED


def test_a_delivery_after_a_refusal_contradicts_it(origin, released):
    refusal = released.signed(receipt=ReceiptKind.REFUSED, problem="signature-invalid", manifest_sha256=None)
    assert released.bring(refusal).status_code == 204
    assert released.life().state is ReleaseState.REFUSED
    origin.refuses("illegal-transition", lambda: released.bring(released.signed()))


def test_opened_may_come_before_delivered(origin, released):
    assert released.bring(released.signed(receipt=ReceiptKind.OPENED)).status_code == 204
    assert released.life().state is ReleaseState.OPENED
    assert released.bring(released.signed()).status_code == 204
    assert released.life().state is ReleaseState.OPENED


# The log proof in a receipt


def _proof(released, **changes) -> LogProof:
    """Frankfurt's own empty checkpoint would not do: this one is well-formed and proves nothing."""
    members = {"origin": f"{FRANKFURT}.attache.example/log", "index": 0, "leaf": b64u(b"leaf"), "proof": ()}
    return LogProof(**{**members, "checkpoint": "nothing\n", **changes})


def _checkpoint(by: str, released, origin: str, size: int = 1, root: bytes = bytes(32)) -> str:
    from attache.translog.checkpoint import Checkpoint
    from attache.translog.signing import sign_checkpoint, signer_of
    from attache.translog.vkey import SignatureType

    signer = signer_of(origin, SignatureType.ED25519, released.made[by].keys.log)
    return sign_checkpoint(Checkpoint(origin, size, root), [signer], int(clock.now().timestamp())).decode()


PROOFS = {
    "no-checkpoint": (lambda r: {"checkpoint": "nothing\n"}, "malformed-log"),
    "signed-by-another-log": (
        lambda r: {"checkpoint": _checkpoint(SYDNEY, r, f"{FRANKFURT}.attache.example/log")}, "unknown-key",
    ),
    "of-another-root": (
        lambda r: {"checkpoint": _checkpoint(FRANKFURT, r, f"{FRANKFURT}.attache.example/log")}, "proof-invalid",
    ),
    "of-an-entry-beyond": (
        lambda r: {"checkpoint": _checkpoint(FRANKFURT, r, f"{FRANKFURT}.attache.example/log"), "index": 7},
        "malformed-proof",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "code"), PROOFS.values(), ids=PROOFS)
def test_a_receipt_whose_log_proof_does_not_hold(origin, released, change, code):
    signed = released.signed(log=_proof(released, **change(released)))
    answer = released.bring(signed)
    assert answer.json()["code"] == code, answer.text
    origin.refuses(code, lambda: released.bring(signed), step=answer.json().get("step"))
    assert released.life().state is ReleaseState.RELEASED


def test_a_log_proof_of_a_partner_without_a_log(origin, released):
    """Its descriptor lists no log key: nothing can be proven by it."""
    agency = origin.gateway.agency
    directory = agency.directory
    partner = directory.partner(FRANKFURT)
    stated = partner.descriptor.stated.model_copy(update={"log": None, "log_mldsa44": None})
    mute = replace(partner, descriptor=replace(partner.descriptor, stated=stated))
    agency.in_force.directory = replace(directory, partners={**directory.partners, FRANKFURT: mute})
    try:
        signed = released.signed(log=_proof(released))
        origin.refuses("unknown-key", lambda: released.bring(signed))
    finally:
        agency.in_force.directory = directory


# The mailbox


def test_the_mailbox_shows_each_participant_its_own(origin, released):
    waiting = origin.send(BOGOTA, "GET", "/mailbox?limit=200").json()["packages"]
    assert released.package_id in {item["package_id"] for item in waiting}
    assert origin.send(SYDNEY, "GET", "/mailbox").json() == {"packages": [], "next": None}


def test_the_mailbox_is_paged_and_every_page_moves_on(origin, released):
    seen, after = [], ""
    while True:
        page = origin.send(BOGOTA, "GET", f"/mailbox?limit=1&after={after}").json()
        seen += [item["package_id"] for item in page["packages"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert len(seen) == len(set(seen))
    assert released.package_id in seen


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "after=" + "0" * 65])
def test_a_mailbox_query_out_of_bounds(origin, query):
    origin.refuses("malformed-request", lambda: origin.send(BOGOTA, "GET", f"/mailbox?{query}"))


def test_anothers_package_is_as_absent_as_none(origin, released):
    absent = uuid7(clock.now())
    answers = []
    for package_id in (released.package_id, absent):
        before = origin.written()
        answer = origin.send(SYDNEY, "GET", f"/packages/{package_id}")
        assert origin.written() == before
        answers.append({**answer.json(), "request_id": ""})
    assert answers[0] == answers[1]
    assert answers[0]["code"] == "not-found"


def test_a_package_is_fetched_whole_or_from_anywhere_and_each_fetch_is_logged(origin, released):
    path = f"/packages/{released.package_id}"
    before = origin.written()
    whole = origin.send(BOGOTA, "GET", path)
    assert whole.status_code == 200
    total = len(whole.content)
    for text, expected in (
        ("bytes=0-", whole.content),
        ("bytes=7-", whole.content[7:]),
        ("bytes=0-0", whole.content[:1]),
        (f"bytes={total - 1}-", whole.content[-1:]),
        (f"bytes=3-{total + 5}", whole.content[3:]),
    ):
        part = origin.send(BOGOTA, "GET", path, Range=text)
        assert (part.status_code, part.content) == (200 if expected == whole.content else 206, expected)
        if part.status_code == 206:
            first = total - len(expected) if text.endswith("-") or text[6] == "3" else 0
            assert part.headers["content-range"] == f"bytes {first}-{first + len(expected) - 1}/{total}"
    after = origin.written()
    assert after.entries[len(before.entries) :] == ("package.collected",) * 6
    assert (after.records, after.blobs) == (before.records, before.blobs)


@pytest.mark.parametrize("text", ["bytes=-5", "bytes=5-3", "bytes=999999999-", "bytes=0-1,4-5", "lines=0-1", "bytes=x"])
def test_a_range_outside_the_package(origin, released, text):
    path = f"/packages/{released.package_id}"
    origin.refuses("malformed-request", lambda: origin.send(BOGOTA, "GET", path, Range=text))


def test_what_was_signed_for_waits_no_longer_and_can_still_be_fetched(origin, released):
    life = origin.run(origin.gateway.agency.store.read(lambda r: r.get(ReleaseRecord, released.package_id, BOGOTA)))
    mine = Released(origin, parse_frame(life.frame), life.manifest_sha256)
    assert mine.bring(mine.signed(by=BOGOTA, recipient=BOGOTA), by=BOGOTA).status_code == 204
    waiting = origin.send(BOGOTA, "GET", "/mailbox?limit=200").json()["packages"]
    assert released.package_id not in {item["package_id"] for item in waiting}
    assert origin.send(BOGOTA, "GET", f"/packages/{released.package_id}").status_code == 200


def test_a_package_that_somebody_brought_us_is_nobodys_to_fetch(origin, released):
    """Not even the originator's: the mailbox holds only what we released."""
    package = Sender(released.made, FRANKFURT, "irs-ci").package()
    assert origin.offer(package.whole, by=FRANKFURT).status_code == 200
    for peer in (FRANKFURT, BOGOTA, "irs-ci"):
        origin.refuses("not-found", lambda: origin.send(peer, "GET", f"/packages/{package.package_id}"))
