"""Attacks on a package on its way in: each is refused for exactly the reason that it was made to show, and leaves nothing.

Where the sender is the originator and the package is for us, the refusal is signed, and the log says that we refused.
"""

from dataclasses import replace
from datetime import timedelta

import pytest

from attache import clock
from attache.crypto import Suite
from attache.package import ManifestPart, sign_manifest
from attache.package.sealing import clear_members, seal_signed
from attache.receipt import RECEIPT, ReceiptKind, verify_receipt
from tests.exchange.attacking import ENVELOPE, REFUSED, WHOLE, Sender
from tests.protocol.making import flipped

SHAPE, ADDRESS, DECRYPT, SIGNATURES = "1-shape", "2-address", "3-decrypt", "4-signatures"
MANIFEST, FRESHNESS, BLOCKS = "5-manifest", "6-freshness", "7-blocks"


# Who is calling


def test_a_caller_without_a_certificate_gets_nowhere(target, sender):
    target.refuses("certificate-required", lambda: target.offer(sender.package().whole, by=None))


def test_another_participants_package_cannot_be_brought(target, sender):
    content = sender.package().whole
    for media_type in (WHOLE, ENVELOPE):
        body = content if media_type == WHOLE else sender.package().frame
        target.refuses(
            "signature-invalid", lambda: target.offer(body, by="partner-sydney", media_type=media_type), step=ADDRESS
        )


# The frame


def _with_length(package, length: int) -> bytes:
    head = len(b"attache-package/1\n")
    return package.whole[:head] + length.to_bytes(4, "big") + package.whole[head + 4 :]


FRAMES = {
    "empty": (lambda p: b"", "malformed-package"),
    "only-the-version-line": (lambda p: b"attache-package/1\n", "malformed-package"),
    "cut-in-the-envelope": (lambda p: p.frame[:-7], "malformed-package"),
    "cut-in-the-parts": (lambda p: p.whole[:-1], "malformed-package"),
    "without-parts": (lambda p: p.frame, "malformed-package"),
    "surplus-byte": (lambda p: p.whole + b"\x00", "malformed-package"),
    "length-too-short": (lambda p: _with_length(p, len(p.envelope.raw) - 1), "malformed-package"),
    "length-too-long": (lambda p: _with_length(p, len(p.envelope.raw) + 1), "malformed-package"),
    "length-of-1-gib": (lambda p: _with_length(p, 1 << 30), "payload-too-large"),
    "another-version": (lambda p: p.whole.replace(b"attache-package/1\n", b"attache-package/2\n"), "unsupported-version"),
    "not-a-package": (lambda p: b"PK\x03\x04" + bytes(100), "malformed-package"),
    "white-space-in-the-envelope": (
        lambda p: _with_length(
            replace(p, envelope=replace(p.envelope, raw=p.envelope.raw.replace(b",", b", ", 1))), len(p.envelope.raw) + 1
        ),
        "malformed-package",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("frame", "code"), FRAMES.values(), ids=FRAMES)
def test_a_bad_frame_is_refused_at_the_first_step(target, sender, frame, code):
    target.refuses(code, lambda: target.offer(frame(sender.package())), step=SHAPE)


def test_a_frame_and_its_parts_are_not_an_envelope(target, sender):
    whole = sender.package().whole
    target.refuses("malformed-package", lambda: target.offer(whole, media_type=ENVELOPE), step=SHAPE)


def test_a_body_that_announces_1_gib_is_refused_unread(target, sender):
    async def endless():
        raise AssertionError("the body was read")
        yield b""

    target.refuses("payload-too-large", lambda: target.offer(endless(), content_length=str(1 << 30)))


def test_a_body_that_does_not_say_how_long_it_is_ends_at_the_limit(target, sender):
    async def endless():
        while True:
            yield bytes(1 << 16)

    target.refuses("payload-too-large", lambda: target.offer(endless()))


def test_a_compressed_body_is_refused(target, sender):
    answer = lambda: target.offer(sender.package().whole, content_encoding="gzip")  # noqa: E731
    target.refuses("unsupported-media-type", answer)


def test_another_media_type_is_refused(target, sender):
    target.refuses("unsupported-media-type", lambda: target.offer(sender.package().whole, media_type="text/plain"))


def test_the_media_type_may_be_spelled_in_capitals(target, sender):
    package = sender.package()
    assert target.offer(package.whole, media_type=WHOLE.title()).status_code == 200


# The envelope


def _changed(member, value):
    def change(document):
        assert document[member] != value
        document[member] = value

    return change


def _part_changed(member, value):
    return lambda document: document["parts"][0].update({member: value})


def _flip_sealed(member):
    """Another first character: still base64url of the same length."""

    def change(document):
        text = document["manifest"][member]
        document["manifest"][member] = ("B" if text[0] == "A" else "A") + text[1:]

    return change


def _flip_entry(document):
    entry = document["manifest"]["recipients"][0]
    text = entry["encrypted_key"]
    entry["encrypted_key"] = ("B" if text[0] == "A" else "A") + text[1:]


def _other_ek(document):
    header = document["manifest"]["recipients"][0]["header"]
    text = header["ek"]
    header["ek"] = ("B" if text[0] == "A" else "A") + text[1:]


CLEAR = {
    "package_id": _changed("package_id", "01940000-0000-7000-8000-000000000000"),
    "originator": _changed("originator", "partner-sydney"),
    "recipient": _changed("recipient", "partner-sydney"),
    "suite": _changed("suite", "classical-1"),
    "sealed_at": _changed("sealed_at", "2026-01-01T00:00:00Z"),
    "ciphertext_bytes": _part_changed("ciphertext_bytes", 1),
    "ciphertext_root": _part_changed("ciphertext_root", "0" * 64),
    "surplus": _changed,
}  # fmt: skip


@pytest.mark.parametrize("member", [name for name in CLEAR if name not in {"surplus", "ciphertext_bytes"}])
def test_a_clear_member_changed_alone_contradicts_what_was_sealed(target, sender, member):
    content = sender.package().reworked(CLEAR[member], bind=False)
    target.refuses("malformed-package", lambda: target.offer(content), step=SHAPE)


def _drop_member(document):
    del document["parts"]


def _add_member(document):
    document["note"] = "x"


@pytest.mark.parametrize("change", [_drop_member, _add_member])
def test_an_envelope_has_exactly_its_members(target, sender, change):
    frame = sender.package().reworked(change)
    target.refuses("malformed-package", lambda: target.offer(frame), step=SHAPE)


# name: (change, code, step, is the refusal signed)
BOUND = {
    "package_id": (CLEAR["package_id"], "decryption-failed", DECRYPT, True),
    "originator": (CLEAR["originator"], "signature-invalid", ADDRESS, False),
    "recipient": (CLEAR["recipient"], "not-a-recipient", ADDRESS, False),
    "known-suite": (CLEAR["suite"], "unknown-key", ADDRESS, True),
    "unknown-suite": (_changed("suite", "hybrid-9"), "unsupported-version", ADDRESS, True),
    "sealed_at": (_changed("sealed_at", clock.now().strftime("%Y-%m-%dT00:00:00Z")), "decryption-failed", DECRYPT, True),
    "sealed-before-the-key": (CLEAR["sealed_at"], "unknown-key", ADDRESS, True),
    "ciphertext_root": (CLEAR["ciphertext_root"], "decryption-failed", DECRYPT, True),
    "iv": (_flip_sealed("iv"), "decryption-failed", DECRYPT, True),
    "tag": (_flip_sealed("tag"), "decryption-failed", DECRYPT, True),
    "ciphertext": (_flip_sealed("ciphertext"), "decryption-failed", DECRYPT, True),
    "encrypted_key": (_flip_entry, "decryption-failed", DECRYPT, True),
    "encapsulation": (_other_ek, "decryption-failed", DECRYPT, True),
    "key-of-nobody": (
        lambda d: d["manifest"]["recipients"][0]["header"].update(kid="A" * 43), "unknown-key", ADDRESS, True,
    ),
    "dropped-part": (lambda d: d["parts"].append(dict(d["parts"][0])), "malformed-package", SHAPE, False),
}  # fmt: skip


@pytest.mark.parametrize(("change", "code", "step", "is_signed"), BOUND.values(), ids=BOUND)
def test_a_member_changed_with_the_data_that_bind_it_is_refused(target, sender, change, code, step, is_signed):
    """As somebody between the two would who knows the format but holds no key."""
    content = sender.package().reworked(change)
    target.refuses(code, lambda: target.offer(content), step=step, logs=REFUSED if is_signed else ())


def test_a_recipient_entry_more_or_fewer_is_not_what_was_committed_to(target, sender):
    package, other = sender.package(), sender.package()

    def add(document):
        entries = document["manifest"]["recipients"]
        entries.append({**entries[0], "header": {**entries[0]["header"], "kid": "A" * 43}})

    target.refuses("decryption-failed", lambda: target.offer(package.reworked(add)), step=DECRYPT, logs=REFUSED)

    def swap(document):
        document["manifest"]["recipients"] = other.envelope.sealed_manifest.document["recipients"]

    target.refuses("decryption-failed", lambda: target.offer(package.reworked(swap)), step=DECRYPT, logs=REFUSED)


# Inside: made with the originator's own keys, or by a recipient that opened what it got


def test_the_parts_of_one_package_under_the_manifest_of_another(target, sender):
    mine, other = sender.package(b"payment list A"), sender.package(b"payment list B")
    swapped = replace(mine, ciphertexts=other.ciphertexts)
    target.refuses("block-mismatch", lambda: target.offer(swapped.whole), step=BLOCKS, logs=REFUSED)


def test_the_manifest_of_one_package_in_the_envelope_of_another(target, sender):
    mine, other = sender.package(b"payment list A"), sender.package(b"payment list B")
    forged = replace(sender.forged(mine, clear=clear_members(other.manifest)), ciphertexts=other.ciphertexts)
    target.refuses("envelope-mismatch", lambda: target.offer(forged.whole), step=MANIFEST, logs=REFUSED)


def test_a_recipient_that_was_changed_after_the_signature(target, sender):
    package = sender.package()
    elsewhere = package.manifest.model_copy(update={"recipient": "partner-sydney"})
    forged = sender.forged(package, elsewhere, clear=clear_members(package.manifest))
    target.refuses("envelope-mismatch", lambda: target.offer(forged.whole), step=MANIFEST, logs=REFUSED)


def _passed_on(sender, originator: str):
    """Sydney opens what IRS-CI sealed to it, and seals the signed manifest again, to Frankfurt."""
    for_sydney = replace(sender, recipient="partner-sydney").package()
    signed = sign_manifest(for_sydney.manifest, sender.made["irs-ci"].keys)
    frankfurt = sender.made["partner-frankfurt"].descriptor
    addressed = sender.package().manifest
    changed = for_sydney.manifest.model_copy(
        update={
            "recipient": "partner-frankfurt",
            "originator": originator,
            "recipient_key_ids": addressed.recipient_key_ids,
        }
    )
    return for_sydney.on(seal_signed(changed, signed, frankfurt))


def test_what_a_recipient_passes_on_as_its_originators_is_not_taken_from_it(target, sender):
    content = _passed_on(sender, "irs-ci").whole
    target.refuses("signature-invalid", lambda: target.offer(content, by="partner-sydney"), step=ADDRESS)


def test_what_a_recipient_passes_on_is_not_taken_even_from_its_originator(target, sender):
    content = _passed_on(sender, "irs-ci").whole
    target.refuses("envelope-mismatch", lambda: target.offer(content), step=MANIFEST, logs=REFUSED)


def test_what_a_recipient_passes_on_as_its_own_is_not_signed_by_it(target, sender):
    content = _passed_on(sender, "partner-sydney").whole
    answer = lambda: target.offer(content, by="partner-sydney")  # noqa: E731
    target.refuses("unknown-key", answer, step=SIGNATURES, logs=REFUSED)


def _signatures(change):
    def rework(document):
        document["signatures"] = change(document["signatures"])
        return document

    return rework


STRIPPED = {
    "the-post-quantum-one-gone": lambda found: found[:1],
    "the-classical-one-gone": lambda found: found[1:],
    "one-twice": lambda found: [found[0], found[0]],
    "swapped": lambda found: found[::-1],
    "none": lambda found: [],
    "a-third": lambda found: [*found, found[0]],
}


@pytest.mark.parametrize("change", STRIPPED.values(), ids=STRIPPED)
def test_exactly_the_signatures_of_the_suite_are_required(target, sender, change):
    forged = sender.forged(sender.package(), statement=_signatures(change))
    target.refuses("signature-invalid", lambda: target.offer(forged.whole), step=SIGNATURES, logs=REFUSED)


def test_a_signature_over_other_bytes(target, sender):
    def spoil(found):
        return [found[0], {**found[1], "signature": _other_first(found[1]["signature"])}]

    forged = sender.forged(sender.package(), statement=_signatures(spoil))
    target.refuses("signature-invalid", lambda: target.offer(forged.whole), step=SIGNATURES, logs=REFUSED)


def _other_first(text: str) -> str:
    return ("B" if text[0] == "A" else "A") + text[1:]


def test_a_receipt_is_not_a_manifest(target, sender):
    forged = sender.forged(sender.package(), type_=RECEIPT)
    target.refuses("signature-invalid", lambda: target.offer(forged.whole), step=SIGNATURES, logs=REFUSED)


def test_signed_with_the_keys_of_another(target, sender):
    forged = sender.forged(sender.package(), by="partner-sydney")
    target.refuses("unknown-key", lambda: target.offer(forged.whole), step=SIGNATURES, logs=REFUSED)


def test_a_weaker_suite_inside_than_outside(target, sender):
    package, weaker = sender.package(), sender.package(suite=Suite.CLASSICAL_1)
    signed = sign_manifest(weaker.manifest, sender.made["irs-ci"].keys)
    forged = sender.forged(package, raw_statement=signed)
    target.refuses("signature-invalid", lambda: target.offer(forged.whole), step=SIGNATURES, logs=REFUSED)


def test_a_manifest_that_is_signed_and_still_nonsense(target, sender):
    forged = sender.forged(sender.package(), payload=b'{"kind":"intelligence"}')
    target.refuses("malformed-package", lambda: target.offer(forged.whole), step=MANIFEST, logs=REFUSED)


def test_a_part_key_that_is_used_twice(target, sender):
    package = sender.package(b"one", b"two")
    first, second = package.manifest.parts
    same = ManifestPart.model_construct(**{**dict(second), "key": first.key})
    forged = sender.forged(package, package.manifest.model_copy(update={"parts": (first, same)}))
    target.refuses("malformed-package", lambda: target.offer(forged.whole), step=MANIFEST, logs=REFUSED)


def test_a_second_readers_key_that_was_not_signed(target, sender):
    """Sealed to one more key than the manifest names: Frankfurt's other reader would not be in the signature."""
    package = sender.package()
    frankfurt, sydney = (sender.made[name].descriptor for name in ("partner-frankfurt", "partner-sydney"))
    keys = [
        key.public_key for party in (frankfurt, sydney) for key in party.keys if key.algorithm.value == "HPKE-10-KE"
    ]
    forged = sender.forged(package, recipients=keys)
    target.refuses("envelope-mismatch", lambda: target.offer(forged.whole), step=MANIFEST, logs=REFUSED)


# Time


def test_an_expired_package(target, sender):
    now = clock.now()
    package = sender.package(created_at=now - timedelta(hours=2), expires_at=now - timedelta(hours=1))
    target.refuses("package-expired", lambda: target.offer(package.whole), step=FRESHNESS, logs=REFUSED)


def test_a_package_from_the_future(target, sender):
    package = sender.package(sealed_at=clock.now() + timedelta(minutes=6))
    target.refuses("package-from-the-future", lambda: target.offer(package.whole), step=FRESHNESS, logs=REFUSED)


def test_a_clock_that_is_a_little_fast_is_forgiven(target, sender):
    package = sender.package(sealed_at=clock.now() + timedelta(minutes=4))
    assert target.offer(package.whole).status_code == 200


# Announced instead of brought as a whole: the same steps, and nothing reserved


@pytest.mark.parametrize("name", [name for name, case in BOUND.items() if case[2] != SHAPE])
def test_an_announcement_is_refused_as_the_whole_would_be(target, sender, name):
    change, code, step, is_signed = BOUND[name]
    package = sender.package()
    frame = package.reworked(change)[: -sum(map(len, package.ciphertexts))]
    answer = lambda: target.offer(frame, media_type=ENVELOPE)  # noqa: E731
    target.refuses(code, answer, step=step, logs=REFUSED if is_signed else ())


def test_an_announcement_with_a_stripped_signature(target, sender):
    forged = sender.forged(sender.package(), statement=_signatures(STRIPPED["the-post-quantum-one-gone"]))
    answer = lambda: target.offer(forged.frame, media_type=ENVELOPE)  # noqa: E731
    target.refuses("signature-invalid", answer, step=SIGNATURES, logs=REFUSED)


def test_a_part_larger_than_we_take_is_refused_before_room_is_made(target, sender):
    """A manifest may state 4 TiB: the disk is not asked for what the settings would never let in."""
    package = sender.package()
    vast = package.manifest.parts[0].model_copy(update={"ciphertext_bytes": 1 << 40, "bytes": 1 << 39})
    forged = sender.forged(package, package.manifest.model_copy(update={"parts": (vast,)}))
    answer = lambda: target.offer(forged.frame, media_type=ENVELOPE)  # noqa: E731
    target.refuses("payload-too-large", answer, logs=REFUSED)


# The refusal


def test_the_refusal_is_a_receipt_about_this_very_package(target, sender):
    forged = sender.forged(sender.package(), statement=_signatures(STRIPPED["swapped"]))
    refused = target.refuses("signature-invalid", lambda: target.offer(forged.whole), step=SIGNATURES, logs=REFUSED)
    from attache.strict_json import canonical

    receipt = verify_receipt(canonical(refused["receipt"]), sender.made["partner-frankfurt"].descriptor)
    assert (receipt.receipt, receipt.problem) == (ReceiptKind.REFUSED, "signature-invalid")
    assert receipt.package_id == forged.package_id
    assert receipt.envelope_sha256 == forged.envelope.sha256
    assert receipt.manifest_sha256 is None


def test_what_is_not_for_us_is_not_signed_for(target, sender):
    elsewhere = replace(sender, recipient="partner-sydney").package()
    target.refuses("not-a-recipient", lambda: target.offer(elsewhere.whole), step=ADDRESS)


# Replay


def test_the_same_id_with_other_bytes_is_a_conflict(target, sender):
    package = sender.package()
    assert target.offer(package.whole).status_code == 200
    again = sender.package(package_id=package.package_id)
    target.refuses("package-conflict", lambda: target.offer(again.whole), logs=REFUSED)
    target.refuses("package-conflict", lambda: target.offer(again.frame, media_type=ENVELOPE), logs=REFUSED)


def test_the_same_id_of_another_originator_is_another_package(target, sender):
    package = sender.package()
    assert target.offer(package.whole).status_code == 200
    sydney = Sender(sender.made, "partner-sydney").package(package_id=package.package_id)
    assert target.offer(sydney.whole, by="partner-sydney").status_code == 200


def test_the_same_bytes_get_the_same_receipt_and_change_nothing(target, sender):
    package = sender.package()
    first = target.offer(package.whole)
    before = target.written()
    assert target.offer(package.whole).content == first.content
    assert target.offer(package.frame, media_type=ENVELOPE).content == first.content
    completed = target.send("irs-ci", "POST", f"/packages/{package.package_id}/complete")
    assert completed.content == first.content
    assert target.written() == before


def test_damaged_bytes_of_a_package_that_is_here_change_nothing(target, sender):
    """The envelope says that it is here; what follows it is not looked at, let alone kept."""
    package = sender.package(b"some content of a package")
    first = target.offer(package.whole)
    before = target.written()
    assert target.offer(package.frame + flipped(package.ciphertexts[0], 5)).content == first.content
    assert target.written() == before
