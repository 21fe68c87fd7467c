"""Who may speak at all, keys that no longer hold, and what a restart must not forget."""

import asyncio
import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest

from attache import clock
from attache.package import KeyStatus
from certs_example.gateways import trust_everybody
from gateway.exchange.kernel.records import ArrivalRecord, ReceiptRecord
from gateway.exchange.oversight.participants import set_status
from gateway.identity.caller import Caller
from gateway.partners import Directory, ParticipantStatus
from gateway.tls.peer import PeerCertificate, WithPeer
from tests.exchange.attacking import ENVELOPE, JOSE, WHOLE, Sender, written_at
from tests.exchange_place import problem

ENDPOINTS = [
    ("GET", "/participant"),
    ("GET", "/mailbox"),
    ("GET", "/packages/01940000-0000-7000-8000-000000000000"),
    ("POST", "/packages"),
    ("POST", "/receipts"),
    ("PUT", "/packages/01940000-0000-7000-8000-000000000000/parts/0"),
    ("PUT", "/packages/01940000-0000-7000-8000-000000000000/parts/0/hashes"),
    ("POST", "/packages/01940000-0000-7000-8000-000000000000/complete"),
]


async def every_endpoint_refuses(gateway, client, code: str) -> None:
    before = await written_at(gateway)
    for method, path in ENDPOINTS:
        headers = {"Content-Type": WHOLE, "Content-Range": "bytes 0-9/10"}
        assert problem(await client.request(method, path, content=b"0123456789", headers=headers)) == code, path
    assert await written_at(gateway) == before


def test_no_endpoint_answers_without_a_certificate(target):
    async def story():
        app = WithPeer(target.gateway.gateway.exchange_api, None)
        client = await target.gateway.client(app, "/exchange/v1", {})
        await every_endpoint_refuses(target.gateway, client, "certificate-required")

    target.run(story())


def test_no_endpoint_answers_a_certificate_of_nobody(target):
    """Issued by a CA that the listener trusts, even: no descriptor lists it."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding

    async def story():
        authority = target.gateway.place.made["partner-sydney"].authority
        key = ec.generate_private_key(ec.SECP384R1()).public_key()
        certificate = authority.issue_tls("partner-sydney", key, clock.now(), is_server=False)
        peer = PeerCertificate(certificate.public_bytes(Encoding.DER))
        client = await target.gateway.client(WithPeer(target.gateway.gateway.exchange_api, peer), "/exchange/v1", {})
        await every_endpoint_refuses(target.gateway, client, "certificate-rejected")

    target.run(story())


def test_no_endpoint_answers_a_suspended_participant(place):
    async def story():
        async with place.open("partner-frankfurt") as gateway:
            client = await gateway.peer("irs-ci")
            package = Sender(place.made).package()
            officer = Caller("officer", "console", "pseudonym", frozenset(), clock.now() + timedelta(hours=1))
            await set_status(gateway.agency, officer, "irs-ci", ParticipantStatus.SUSPENDED)
            await every_endpoint_refuses(gateway, client, "partner-suspended")
            answer = await client.post("/packages", content=package.whole, headers={"Content-Type": WHOLE})
            assert problem(answer) == "partner-suspended"
            await set_status(gateway.agency, officer, "irs-ci", ParticipantStatus.ACTIVE)
            answer = await client.post("/packages", content=package.whole, headers={"Content-Type": WHOLE})
            assert answer.status_code == 200

    asyncio.run(story())


def _revoke(place, gateway, name: str) -> None:
    """IRS-CI's CA puts one of its certificates on its list, and Frankfurt's gateway fetches it."""
    made = place.made["irs-ci"]
    certificate = made.sign_certificate if name == "sign" else made.tls_certificates[name]
    crl = made.authority.revoke([certificate], clock.now())
    folder = place.participants["irs-ci"].folder
    (folder / "certificates" / "authority.crl").write_bytes(crl)
    trust_everybody(place.root / "trust", place.participants)
    assert gateway.gateway.exchange_trust.reload_if_changed()


def test_no_endpoint_answers_a_revoked_certificate_even_on_an_open_connection(place):
    async def story():
        async with place.open("partner-frankfurt") as gateway:
            client = await gateway.peer("irs-ci")
            assert (await client.get("/participant")).status_code == 200
            _revoke(place, gateway, "tls-client")
            await every_endpoint_refuses(gateway, client, "certificate-revoked")

    asyncio.run(story())


async def _is_refused_once(gateway, content: bytes, code: str, step: str) -> None:
    client = await gateway.peer("irs-ci")
    before = await written_at(gateway)
    answer = await client.post("/packages", content=content, headers={"Content-Type": WHOLE})
    assert (problem(answer), answer.json()["step"]) == (code, step)
    after = await written_at(gateway)
    assert (after.records, after.blobs) == (before.records, before.blobs)
    assert after.entries == (*before.entries, "package.refused-by-us")


def test_a_revoked_signing_certificate(place):
    async def story():
        async with place.open("partner-frankfurt") as gateway:
            _revoke(place, gateway, "sign")
            await _is_refused_once(gateway, Sender(place.made).package().whole, "certificate-revoked", "4-signatures")

    asyncio.run(story())


def _with_keys(gateway, participant: str, **changes) -> None:
    """Put a descriptor in force that differs in what it says of all its keys."""
    directory = gateway.agency.directory
    partner = directory.partner(participant)
    stated = partner.descriptor.stated
    keys = tuple(key.model_copy(update=changes) for key in stated.keys)
    descriptor = replace(partner.descriptor, stated=stated.model_copy(update={"keys": keys}))
    changed = {**directory.partners, participant: replace(partner, descriptor=descriptor)}
    gateway.agency.in_force.directory = Directory(changed)


STEPS = {"irs-ci": "4-signatures", "partner-frankfurt": "2-address"}


@pytest.mark.parametrize(("participant", "step"), STEPS.items(), ids=STEPS)
def test_an_epoch_of_keys_that_was_revoked(place, participant, step):
    """The originator's signatures; and packages to keys of ours."""

    async def story():
        async with place.open("partner-frankfurt") as gateway:
            _with_keys(gateway, participant, status=KeyStatus.REVOKED)
            await _is_refused_once(gateway, Sender(place.made).package().whole, "unknown-key", step)

    asyncio.run(story())


@pytest.mark.parametrize("participant", STEPS)
def test_keys_revoked_later_take_nothing_from_the_reader_of_what_came_before(place, participant):
    async def story():
        async with place.open("partner-frankfurt") as gateway:
            client, package = await gateway.peer("irs-ci"), Sender(place.made).package()
            answer = await client.post("/packages", content=package.whole, headers={"Content-Type": WHOLE})
            assert answer.status_code == 200
            _with_keys(gateway, participant, status=KeyStatus.REVOKED)
            _revoke(place, gateway, "sign")
            reader = await gateway.caller("analyst")
            path = f"/inbox/irs-ci/{package.manifest.package_id}"
            assert (await reader.post(f"{path}/open")).status_code == 200
            [part] = package.manifest.parts
            read = await reader.get(f"{path}/parts/{part.name}")
            assert hashlib.sha256(read.content).hexdigest() == part.sha256

    asyncio.run(story())


def test_a_frame_put_in_the_place_of_another_does_not_open(place):
    """Authentic, of the same originator, and not the one that was accepted under this id."""

    async def story():
        async with place.open("partner-frankfurt") as gateway:
            client, sender = await gateway.peer("irs-ci"), Sender(place.made)
            accepted, other = sender.package(), sender.package()
            answer = await client.post("/packages", content=accepted.whole, headers={"Content-Type": WHOLE})
            assert answer.status_code == 200
            store = gateway.agency.store
            package_id = accepted.manifest.package_id
            [record] = await store.read(lambda reader: reader.find(ArrivalRecord, package_id=package_id))
            await store.write(lambda tx: tx.change(record, frame=other.frame))
            before = await written_at(gateway)
            answer = await (await gateway.caller("analyst")).post(f"/inbox/irs-ci/{package_id}/open")
            assert (problem(answer), answer.json()["step"]) == ("envelope-mismatch", "5-manifest")
            assert await written_at(gateway) == before

    asyncio.run(story())


@pytest.mark.parametrize(("participant", "step"), STEPS.items(), ids=STEPS)
def test_an_epoch_of_keys_that_has_ended_or_not_begun(place, participant, step):
    async def story():
        async with place.open("partner-frankfurt") as gateway:
            now, sender = clock.now(), Sender(place.made)
            early, late = sender.package(sealed_at=now - timedelta(minutes=2)), sender.package()
            _with_keys(gateway, participant, not_after=now - timedelta(minutes=1), status=KeyStatus.RETIRED)
            await _is_refused_once(gateway, late.whole, "unknown-key", step)
            client = await gateway.peer("irs-ci")
            answer = await client.post("/packages", content=early.whole, headers={"Content-Type": WHOLE})
            assert answer.status_code == 200, "sealed while the keys held"
            _with_keys(gateway, participant, not_before=now + timedelta(hours=1), not_after=now + timedelta(days=1))
            await _is_refused_once(gateway, late.whole, "unknown-key", step)

    asyncio.run(story())


def test_a_restart_forgets_no_package_and_no_receipt(place):
    sender = Sender(place.made)
    package = sender.package()
    other = sender.package(package_id=package.package_id)

    async def first():
        async with place.open("partner-frankfurt") as gateway:
            client = await gateway.peer("irs-ci")
            answer = await client.post("/packages", content=package.whole, headers={"Content-Type": WHOLE})
            assert answer.status_code == 200
            return answer.content

    async def second(receipt: bytes):
        async with place.open("partner-frankfurt") as gateway:
            client = await gateway.peer("irs-ci")
            before = await written_at(gateway)
            for media_type, content in ((WHOLE, package.whole), (ENVELOPE, package.frame)):
                again = await client.post("/packages", content=content, headers={"Content-Type": media_type})
                assert (again.status_code, again.headers["content-type"]) == (200, JOSE)
                assert again.content == receipt
            assert await written_at(gateway) == before
            conflict = await client.post("/packages", content=other.whole, headers={"Content-Type": WHOLE})
            assert problem(conflict) == "package-conflict"

    asyncio.run(second(asyncio.run(first())))


def test_the_same_package_many_times_at_once_is_one_package(place):
    async def story():
        async with place.open("partner-frankfurt") as gateway:
            client = await gateway.peer("irs-ci")
            package = Sender(place.made).package(b"at once" * 100)
            before = await written_at(gateway)

            async def offer(media_type, content):
                return await client.post("/packages", content=content, headers={"Content-Type": media_type})

            answers = await asyncio.gather(*(offer(WHOLE, package.whole) for _ in range(8)))
            assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}
            after = await written_at(gateway)
            assert len(after.blobs) == len(before.blobs) + 1
            assert after.entries[len(before.entries) :] == ("package.received", "receipt.signed")
            assert sum(isinstance(record, ArrivalRecord) for record in after.records) == 1
            assert sum(isinstance(record, ReceiptRecord) for record in after.records) == 1

    asyncio.run(story())


def test_the_same_announcement_many_times_at_once_makes_room_once(place):
    async def story():
        async with place.open("partner-frankfurt") as gateway:
            client = await gateway.peer("irs-ci")
            package = Sender(place.made).package(b"at once" * 100)

            async def announce():
                return await client.post("/packages", content=package.frame, headers={"Content-Type": ENVELOPE})

            answers = await asyncio.gather(*(announce() for _ in range(8)))
            assert {answer.status_code for answer in answers} == {201}
            after = await written_at(gateway)
            assert len(after.blobs) == 1
            assert after.entries.count("package.announced") == 1

    asyncio.run(story())
