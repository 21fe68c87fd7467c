"""Two real gateways, two real processes, mutual TLS 1.3 between them."""

import hashlib
import ssl
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from attache import AttacheError, Mailbox, load_home
from attache.client.offline import verify
from attache.package import BLOCK_BYTES
from attache.receipt import ReceiptKind, verify_receipt
from attache.strict_json import canonical
from tests.e2e.processes import Exchange, part, submission, until

IRS, FRANKFURT, BOGOTA = "irs-ci", "partner-frankfurt", "partner-bogota"
MEMORY_BOUND = 350 << 20


def large_file(folder: Path, mebibytes: int) -> tuple[Path, str]:
    path, digest = folder / "large.bin", hashlib.sha256()
    with path.open("wb") as file:
        for number in range(mebibytes):
            block = hashlib.shake_256(number.to_bytes(4, "big")).digest(1 << 20)
            digest.update(block)
            file.write(block)
    return path, digest.hexdigest()


def delivered_once(exchange: Exchange, package_id: str) -> None:
    """One arrival, one receipt, one entry of each kind, at both sides."""
    there, here = exchange.gateways[FRANKFURT], exchange.gateways[IRS]
    key = "where originator = ? and package_id = ?"
    assert there.query(f"select state from arrival {key}", IRS, package_id) == [("received",)]
    signed = there.query(f"select signed from receipt {key} and receipt = 'delivered'", IRS, package_id)
    assert here.query(f"select signed from receipt {key}", IRS, package_id) == signed
    assert len(signed) == 1
    for gateway, code in ((IRS, "package.delivered"), (FRANKFURT, "package.received"), (FRANKFURT, "receipt.signed")):
        with exchange.client(gateway, "auditor") as auditor:
            records = [entry.fields["record"] for entry in auditor.log.entries() if entry.event == code]
        assert sum(record["package_id"] == package_id for record in records) == 1, code


def test_a_package_is_delivered_opened_and_proven(exchange, tmp_path):
    content = b"The wallets in the annex received proceeds."
    with exchange.client(IRS) as analyst, exchange.client(FRANKFURT) as reader:
        package_id = analyst.packages.submit(submission(part("note.txt", content))).package_id
        assert analyst.packages.wait(package_id, "delivered").recipients[0].state == "delivered"
        arrival = reader.inbox.open(IRS, package_id)
        [saved] = reader.inbox.save(arrival, tmp_path)
        assert saved.read_bytes() == content
        assert analyst.packages.wait(package_id, "opened").recipients[0].state == "opened"
        receipts = analyst.packages.receipts(package_id)
    descriptor = exchange.participants[FRANKFURT].descriptor
    verified = [verify_receipt(canonical(receipt.signed), descriptor) for receipt in receipts]
    assert {receipt.receipt for receipt in verified} == {ReceiptKind.DELIVERED, ReceiptKind.OPENED}
    assert all(receipt.log is not None and receipt.package_id == package_id for receipt in verified)


def test_each_gateway_witnesses_the_other_and_the_evidence_verifies_offline(exchange, tmp_path):
    with exchange.client(IRS) as analyst, exchange.client(IRS, "auditor") as auditor:
        package_id = analyst.packages.submit(submission(part("note.txt", b"evidence"))).package_id
        assert analyst.packages.wait(package_id, "delivered").recipients[0].state == "delivered"
        files = [
            client.packages.save_evidence(package_id, tmp_path / f"{name}.attache-evidence")
            for name, client in (("analyst", analyst), ("auditor", auditor))
        ]
    known = {name: exchange.participants[name].descriptor for name in (IRS, FRANKFURT)}
    for file in files:
        report = verify(file, descriptors=known)
        assert report.is_sound, report.findings
        said = [check.detail for check in report.checks]
        assert "the recipient cosigned a checkpoint of the originator that the bundle holds" in said
    for gateway in exchange.gateways.values():
        assert gateway.query("select alarm from witness where alarm is not null") == []
        assert gateway.query("select count(*) from witnessed_log")[0][0] >= 1


def test_an_auditor_follows_the_log_as_it_grows_and_goes_on_where_they_stopped(exchange):
    with exchange.client(IRS) as analyst, exchange.client(IRS, "auditor") as auditor:
        with closing(auditor.log.follow(event="package.submitted", after=-1)) as entries:
            before = {entry.index for entry in auditor.log.search(event="package.submitted")}
            known = [next(entries).index for _ in before]
            sent = [analyst.packages.submit(submission(part("n.txt", b"%d" % n))).package_id for n in range(3)]
            first = next(entries)
        assert set(known) == before
        assert first.fields["record"]["package_id"] == sent[0]
        with closing(auditor.log.follow(event="package.submitted", after=first.index)) as entries:
            assert [next(entries).fields["record"]["package_id"] for _ in range(2)] == sent[1:]


def test_a_large_part_goes_block_by_block_in_constant_memory(exchange, tmp_path):
    path, digest = large_file(tmp_path, 64)
    saved_to = tmp_path / "saved"
    saved_to.mkdir()
    with exchange.client(IRS) as analyst, exchange.client(FRANKFURT) as reader:
        package_id = analyst.packages.submit(submission(part("large.bin", path))).package_id
        assert analyst.packages.wait(package_id, "delivered").recipients[0].state == "delivered"
        reader.inbox.open(IRS, package_id)
        [saved] = reader.inbox.save(reader.inbox.get(IRS, package_id), saved_to)
    assert hashlib.sha256(saved.read_bytes()).hexdigest() == digest
    for gateway in exchange.gateways.values():
        assert gateway.peak_memory_bytes() < MEMORY_BOUND


def test_a_partner_that_is_down_gets_it_when_it_is_back(exchange):
    exchange.gateways[FRANKFURT].end()
    with exchange.client(IRS) as analyst:
        package_id = analyst.packages.submit(submission(part("note.txt", b"while you were away"))).package_id
        here = exchange.gateways[IRS]
        until(lambda: here.query("select 1 from outbox where package_id = ? and attempts > 0", package_id))
        assert analyst.packages.get(package_id).recipients[0].state == "delivering"
        exchange.start(FRANKFURT)
        assert analyst.packages.wait(package_id, "delivered").recipients[0].state == "delivered"
    delivered_once(exchange, package_id)


def test_a_sender_killed_while_it_delivers_delivers_once(exchange, tmp_path):
    path, _ = large_file(tmp_path, 12)
    wire = exchange.wires[FRANKFURT]
    wire.hold_after(6 * BLOCK_BYTES)
    with exchange.client(IRS) as analyst:
        package_id = analyst.packages.submit(submission(part("large.bin", path))).package_id
        wire.wait_held(20)
    exchange.gateways[IRS].kill()
    wire.release()
    exchange.start(IRS)
    with exchange.client(IRS) as analyst:
        assert analyst.packages.wait(package_id, "delivered").recipients[0].state == "delivered"
    delivered_once(exchange, package_id)
    lives = exchange.gateways[IRS].query("SELECT code FROM log_entry WHERE code LIKE 'gateway.%' ORDER BY entry_index")
    assert [code for (code,) in lives[-2:]] == ["gateway.started"] * 2, "a start after a start: it did not end in order"


def test_a_receiver_killed_in_the_middle_of_a_part_goes_on_where_it_stopped(exchange, tmp_path):
    path, _ = large_file(tmp_path, 24)
    wire, there = exchange.wires[FRANKFURT], exchange.gateways[FRANKFURT]
    wire.hold_after(14 * BLOCK_BYTES)
    with exchange.client(IRS) as analyst:
        package_id = analyst.packages.submit(submission(part("large.bin", path))).package_id
        wire.wait_held(20)
        there.kill()
        wire.release()
        [(missing,)] = there.query("select blocks_missing from arrival_part where package_id = ?", package_id)
        first, last = (int(number) for number in missing.split("-"))
        assert 8 <= first < last == 24
        before = wire.carried
        exchange.start(FRANKFURT)
        assert analyst.packages.wait(package_id, "delivered").recipients[0].state == "delivered"
    assert wire.carried - before < (25 - first) * BLOCK_BYTES + (1 << 20), "only what was missing was sent"
    delivered_once(exchange, package_id)


def test_a_killed_receiver_that_had_all_of_it_signs_once(exchange):
    """The answer is lost on the wire with the process; what was committed is found again."""
    wire = exchange.wires[FRANKFURT]
    with exchange.client(IRS) as analyst:
        ids = [analyst.packages.submit(submission(part("n.txt", b"note %d" % n))).package_id for n in range(5)]
        until(lambda: exchange.gateways[FRANKFURT].query("select 1 from arrival where package_id = ?", ids[0]))
        exchange.gateways[FRANKFURT].kill()
        exchange.start(FRANKFURT)
        for package_id in ids:
            assert analyst.packages.wait(package_id, "delivered").recipients[0].state == "delivered"
    for package_id in ids:
        delivered_once(exchange, package_id)
    assert wire.carried > 0


# TLS


def _context(exchange: Exchange, own: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=exchange.gateways[FRANKFURT].made.authority)
    if own:
        folder = exchange.participants[own].folder
        passphrase = exchange.participants[own].keys.tls_passphrase
        context.load_cert_chain(folder / "certificates/tls-client.pem", folder / "keys/tls-client.pem", passphrase)
    return context


def _ask(exchange: Exchange, context: ssl.SSLContext, api: str = "exchange") -> int:
    url = exchange.gateways[FRANKFURT].urls[api]
    with httpx.Client(verify=context, trust_env=False) as client:
        return client.get(f"{url}/exchange/v1/participant").status_code


def test_a_participant_with_tls_1_3_is_answered(exchange):
    assert _ask(exchange, _context(exchange, IRS)) == 200


@pytest.mark.parametrize("api", ["exchange", "agency"])
def test_tls_1_2_is_refused(exchange, api):
    context = _context(exchange, IRS)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(httpx.TransportError):
        _ask(exchange, context, api)


def test_a_client_without_a_certificate_is_refused_in_the_handshake(exchange):
    with pytest.raises(httpx.TransportError):
        _ask(exchange, _context(exchange, None))


def test_a_client_of_an_unknown_authority_is_refused_in_the_handshake(exchange, tmp_path):
    from attache import clock
    from certs_example.exchange import PROFILES, make_participant

    stranger = make_participant(PROFILES[1], tmp_path / "stranger", now=clock.now())
    context = _context(exchange, None)
    folder = stranger.folder
    context.load_cert_chain(
        folder / "certificates/tls-client.pem", folder / "keys/tls-client.pem", stranger.keys.tls_passphrase
    )
    with pytest.raises(httpx.TransportError):
        _ask(exchange, context)


# A participant without a gateway


def test_a_mailbox_participant_collects_with_the_sdk(exchange, tmp_path):
    content = b"for Bogota"
    with exchange.client(IRS) as analyst:
        package = submission(part("note.txt", content), to=BOGOTA, basis="BOGOTA-LEA")
        package_id = analyst.packages.submit(package).package_id
        home = load_home(exchange.participants[BOGOTA].folder, descriptors=exchange.root / "descriptors")
        with Mailbox(home, IRS, tmp_path / "collected") as mailbox:
            assert package_id in {waiting.package_id for waiting in mailbox.list()}
            collected = mailbox.collect(package_id)
            assert (collected.folder / "note.txt").read_bytes() == content
            assert package_id not in {waiting.package_id for waiting in mailbox.list()}
            assert mailbox.collect(package_id).receipts == collected.receipts
        assert analyst.packages.get(package_id).recipients[0].state == "opened"
        assert {receipt.receipt for receipt in analyst.packages.receipts(package_id)} == {"delivered", "opened"}


def test_a_mailbox_shows_nothing_of_others(exchange, tmp_path):
    with exchange.client(IRS) as analyst:
        package_id = analyst.packages.submit(submission(part("note.txt", b"not for Bogota"))).package_id
    home = load_home(exchange.participants[BOGOTA].folder, descriptors=exchange.root / "descriptors")
    with Mailbox(home, IRS, tmp_path / "collected") as mailbox:
        assert package_id not in {waiting.package_id for waiting in mailbox.list()}
        with pytest.raises(AttacheError) as caught:
            mailbox.collect(package_id)
    assert caught.value.code == "not-found"
