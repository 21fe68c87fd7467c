"""Make the package vectors anew: `python tests/vectors/make_packages.py`. See README.md beside this file first."""

import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from attache.crypto import Suite, load_stored_keys
from attache.package import (
    ManifestFacts,
    ManifestPart,
    PartSealer,
    Release,
    SealedPart,
    encode_frame,
    open_manifest,
    seal,
    uuid7,
)
from attache.package.ids import PackageId, ParticipantId
from attache.receipt import Receipt, ReceiptKind, sign_receipt
from attache.vocabulary import ContentClass, Kind, Markings, Onward, Post, Purpose, Tlp, Urgency
from certs_example.exchange import ExampleParticipant, make_exchange

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 22, 9, 0, 0, tzinfo=UTC)
CONTENTS = {"bundle.json": b'{"type":"bundle"}', "empty.bin": b"", "long.bin": bytes(range(256)) * 80}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        exchange = make_exchange(Path(folder) / "exchange", now=NOW, ports={"irs-ci": 8443})
        originator, recipient = exchange["irs-ci"], exchange["partner-frankfurt"]
        write("participants.json", [describe(originator), describe(recipient)])
        for suite in Suite:
            write(f"package-{suite}.json", package(suite, originator, recipient))


def write(name: str, value: object) -> None:
    (HERE / name).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def describe(participant: ExampleParticipant) -> dict[str, object]:
    stored = load_stored_keys(participant.folder / "keys", participant.passphrase)
    return {
        "note": "test keys, published on purpose",
        "descriptor": json.loads(participant.descriptor.raw),
        "fingerprint": participant.descriptor.sha256,
        "private_keys": [
            {"use": key.use, "algorithm": key.algorithm, "key_id": key.key_id, "secret": key.secret.hex()}
            for key in stored
            if key.use in {"sign", "seal"}
        ],
    }


def package(suite: Suite, originator: ExampleParticipant, recipient: ExampleParticipant) -> dict[str, object]:
    made = {name: seal_part(content) for name, content in CONTENTS.items()}
    parts = tuple(
        ManifestPart.of(
            sealed,
            name=name,
            media_type="application/octet-stream",
            markings=Markings(tlp=Tlp.AMBER),
            content_class=(ContentClass.CHAIN_PUBLIC,),
        )
        for name, (_, sealed) in made.items()
    )
    facts = ManifestFacts(
        package_id=PackageId(uuid7(NOW)),
        kind=Kind.INTELLIGENCE,
        originator=ParticipantId("irs-ci"),
        post=Post.FRANKFURT,
        created_at=NOW,
        expires_at=NOW + timedelta(days=30),
        title="A vector",
        purpose=Purpose.CRIMINAL_INVESTIGATION,
        legal_basis="EXAMPLE-MLAT",
        urgency=Urgency.ROUTINE,
        markings=("TLP:AMBER",),
        onward=Onward.ORIGINATOR_CONSENT,
        release=Release(decision_id=uuid7(NOW), policy_set_hash="0" * 64),
        parts=parts,
    )
    envelope = seal(facts, keys=originator.keys, recipient=recipient.descriptor, sealed_at=NOW, suites=(suite,))
    opened = open_manifest(
        envelope,
        keys=recipient.keys,
        me=recipient.descriptor,
        originator=originator.descriptor,
        now=NOW,
        seen=lambda _originator, _package: None,
    )
    receipt = Receipt(
        receipt=ReceiptKind.DELIVERED,
        package_id=facts.package_id,
        originator=ParticipantId("irs-ci"),
        recipient=ParticipantId("partner-frankfurt"),
        envelope_sha256=envelope.sha256,
        manifest_sha256=opened.manifest_sha256,
        parts=tuple(part.ciphertext_root for part in parts),
        at=NOW + timedelta(seconds=2),
    )
    return {
        "note": "opens with the keys of participants.json",
        "now": "2026-11-22T09:00:00Z",
        "package": (encode_frame(envelope) + b"".join(ciphertext for ciphertext, _ in made.values())).hex(),
        "manifest_sha256": opened.manifest_sha256,
        "manifest": opened.manifest.model_dump(mode="json"),
        "parts": {name: content.hex() for name, content in CONTENTS.items()},
        "receipt": json.loads(sign_receipt(receipt, recipient.keys)),
    }


def seal_part(content: bytes) -> tuple[bytes, SealedPart]:
    sealer = PartSealer()
    head = sealer.update(content)
    rest, sealed = sealer.finish()
    return head + rest, sealed


if __name__ == "__main__":
    main()
