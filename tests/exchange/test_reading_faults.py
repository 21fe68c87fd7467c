"""What only a reader can find: a part that is what was sealed, and does not open to what was signed.

The gateway takes in ciphertext that leads to the signed root; the key and the digest of the content are inside the
manifest. A fault there is the originator's, and is found before the reader has the last byte.
"""

import hashlib

import httpx
import pytest

from attache.crypto import b64u
from attache.package import ManifestPart, sign_manifest
from attache.package.envelope import encode_clear
from attache.package.jwe import seal_text
from attache.package.sealing import clear_members
from tests.exchange.attacking import ENVELOPE, REFUSED, Sender, Target
from tests.protocol.making import seal_part

CONTENT = hashlib.shake_256(b"three blocks").digest(2 << 20) + b"the end"


async def _opened_and_read(gateway, package_id: str) -> tuple[int, bytes, bool]:
    """Open an arrival and read its part: as `_cut`."""
    reader = await gateway.caller("analyst")
    path = f"/inbox/irs-ci/{package_id}"
    assert (await reader.post(f"{path}/open")).status_code == 200
    headers = {"authorization": reader.headers["authorization"], "host": "gateway"}
    return await _cut(gateway.gateway.agency_api, f"/api/v1{path}/parts/part-0.txt", headers)


async def _cut(app, path: str, headers: dict[str, str]) -> tuple[int, bytes, bool]:
    """Status and body of a GET as they come over ASGI, and whether the answer was ended in order."""
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": "GET", "scheme": "https",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2), "extensions": {},
    }  # fmt: skip
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
    is_ended = sent[-1]["type"] == "http.response.body" and not sent[-1].get("more_body", False)
    return sent[0]["status"], body, is_ended


def _restated(sender: Sender, **changes):
    """A package whose signed manifest says something else of its only part than what was sealed."""
    package = sender.package(CONTENT)
    [part] = package.manifest.parts
    wrong = ManifestPart.model_validate({**part.model_dump(), **changes})
    return sender.forged(package, package.manifest.model_copy(update={"parts": (wrong,)}))


WRONG = {
    "another-key": {"key": "A" * 43},
    "another-digest": {"sha256": "0" * 64},
    "another-size": {"bytes": 5},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
def test_a_part_that_does_not_open_to_what_was_signed(target, sender, changes, capsys):
    package = _restated(sender, **changes)
    _bring_by_blocks(target, package)
    status, body, is_ended = target.run(_opened_and_read(target.gateway, package.package_id))
    assert status == 200
    assert not is_ended, "the connection is cut: nobody takes this for the whole"
    assert CONTENT.startswith(body)
    assert len(body) < len(CONTENT)
    assert body == b"" or "key" not in changes
    said = capsys.readouterr().out
    assert "part-mismatch" in said
    assert "8-content" in said
    assert package.package_id in said


def _bring_by_blocks(target: Target, package) -> None:
    path = f"/packages/{package.package_id}"
    [ciphertext], [sealed] = package.ciphertexts, package.sealed
    assert target.offer(package.frame, media_type=ENVELOPE).status_code == 201
    assert target.send("irs-ci", "PUT", f"{path}/parts/0/hashes", sealed.block_hashes).status_code == 204
    place = f"bytes 0-{len(ciphertext) - 1}/{len(ciphertext)}"
    assert target.send("irs-ci", "PUT", f"{path}/parts/0", ciphertext, Content_Range=place).status_code == 204
    assert target.send("irs-ci", "POST", f"{path}/complete").status_code == 200


def test_a_blob_that_was_damaged_here_is_found_before_the_last_byte(target, sender, capsys):
    package = sender.package(CONTENT)
    _bring_by_blocks(target, package)
    gateway = target.gateway
    [blob] = [
        path
        for path in gateway.settings.blobs_dir.rglob("*")
        if path.is_file() and path.read_bytes() == package.ciphertexts[0]
    ]
    spoiled = bytearray(blob.read_bytes())
    spoiled[-3] ^= 1
    blob.write_bytes(bytes(spoiled))
    _, body, is_ended = target.run(_opened_and_read(gateway, package.package_id))
    assert not is_ended
    assert len(body) < len(CONTENT)
    assert "block-mismatch" in capsys.readouterr().out


def test_a_good_part_is_read_to_its_end(target, sender):
    package = sender.package(CONTENT)
    _bring_by_blocks(target, package)

    async def story():
        reader: httpx.AsyncClient = await target.gateway.caller("analyst")
        path = f"/inbox/irs-ci/{package.package_id}"
        early = await reader.get(f"{path}/parts/part-0.txt")
        assert early.json()["code"] == "not-found", "not before it was opened"
        assert (await reader.post(f"{path}/open")).status_code == 200
        part = await reader.get(f"{path}/parts/part-0.txt")
        assert part.content == CONTENT
        assert part.headers["attache-sha256"] == hashlib.sha256(CONTENT).hexdigest()

    target.run(story())


def test_two_recipient_keys_that_open_to_different_manifests(target, sender):
    """One content key a reader: each entry is whole in itself, and the commitment covers only one of them."""
    package = sender.package()
    other = sender.package(package_id=package.package_id)
    mine, theirs = (seal(sender, each) for each in (package, other))
    mine["recipients"] = [theirs["recipients"][0]]
    forged = package.reworked(lambda document: document.update(manifest=mine))
    target.refuses("decryption-failed", lambda: target.offer(forged), step="3-decrypt", logs=REFUSED)


def seal(sender: Sender, package) -> dict:
    signed = sign_manifest(package.manifest, sender.made["irs-ci"].keys)
    party = sender.made["partner-frankfurt"].descriptor
    keys = [key.public_key for key in party.keys if key.key_id in package.manifest.recipient_key_ids]
    return seal_text(signed, encode_clear(clear_members(package.manifest)), keys)


def test_a_second_recipients_other_key_of_one_part(target, sender):
    """One ciphertext for two recipients, and another key in the second one's manifest: it opens for the first alone."""
    good = sender.package(CONTENT)
    _, stranger = seal_part(CONTENT)
    [part] = good.manifest.parts
    other = part.model_copy(update={"key": b64u(stranger.key)})
    bad = sender.forged(good, good.manifest.model_copy(update={"parts": (other,)}))
    assert bad.envelope.parts == good.envelope.parts
    _bring_by_blocks(target, bad)
    _, body, is_ended = target.run(_opened_and_read(target.gateway, bad.package_id))
    assert (body, is_ended) == (b"", False)
