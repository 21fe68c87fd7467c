"""A link to a partner: what it sends, over real TLS and against a partner in memory."""

import asyncio
import ssl
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from attache.errors import CertificateRejected, Conflict, PartnerUnreachable
from attache.package import BLOCK_BYTES, BlockTree
from attache.package.blocks import VerifiedBlocks, root_of_blocks
from certs_example.exchange import make_exchange
from gateway.delivery.link import ClientCertificate, PartnerLinks
from gateway.exchange.kernel.consignment import Consignment, OutgoingPackage, OutgoingPart, Statement
from gateway.exchange.kernel.records import OutboxKind, OutboxRecord
from gateway.exchange.kernel.state import OutboxState

NOW = datetime.now(UTC)
PACKAGE_ID = "01935000-0000-7000-8000-000000000001"
RECEIPT = b'{"receipt":"signed"}'


class FakeBlobs:
    """Blobs in a dict; only what a link reads with."""

    def __init__(self, **blobs: bytes):
        self.blobs = blobs

    def chunks(self, blob_id, start=0, end=None):
        content = self.blobs[blob_id][start:end]
        return iter([content[at : at + BLOCK_BYTES] for at in range(0, len(content), BLOCK_BYTES)])


@pytest.fixture(scope="module")
def exchange(tmp_path_factory):
    return make_exchange(tmp_path_factory.mktemp("exchange"), now=NOW, ports={"partner-frankfurt": 1})


def credentials_of(participant) -> ClientCertificate:
    folder = participant.folder
    certificate, key = folder / "certificates" / "tls-client.pem", folder / "keys" / "tls-client.pem"
    return ClientCertificate(certificate, key, participant.keys.tls_passphrase)


def a_consignment(
    participant, endpoint="https://partner.example/exchange/v1", *, parts=(), statement=None
) -> Consignment:
    row = OutboxRecord(
        outbox_id="row-1",
        kind=OutboxKind.PACKAGE,
        partner=participant.participant,
        originator="irs-ci",
        package_id=PACKAGE_ID,
        subject="",
        state=OutboxState.PENDING,
        created_at=NOW,
        due_at=NOW,
        deadline_at=NOW + timedelta(days=1),
        lease_until=NOW,
    )
    outgoing = statement or OutgoingPackage(b"frame", tuple(parts))
    return Consignment(row, endpoint, participant.descriptor, outgoing)


def an_outgoing(blob_id: str, content: bytes) -> OutgoingPart:
    tree = BlockTree()
    tree.update(content)
    return OutgoingPart(blob_id, len(content), tree.finish())


# Over real TLS


@asynccontextmanager
async def tls_server(participant, *, trusts: Path | None = None, newest=ssl.TLSVersion.TLSv1_3):
    """A server with the participant's certificate that answers every request with a receipt."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    folder = participant.folder
    key = folder / "keys" / "tls-server.pem"
    context.load_cert_chain(folder / "certificates" / "tls-server.pem", key, password=participant.keys.tls_passphrase)
    context.maximum_version = newest
    if trusts is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(trusts)
    seen: list[tuple[bytes, bytes, bytes | None]] = []

    async def answer(reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])[b"content-length"])
            body = await reader.readexactly(length)
            seen.append((head, body, writer.get_extra_info("ssl_object").getpeercert(binary_form=True)))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(RECEIPT), RECEIPT))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"https://127.0.0.1:{port}/exchange/v1", seen
    finally:
        server.close()


def carry_over_tls(sender, consignment_of, server, **options):
    """Carry to a TLS server; returns what it saw, and the receipt or the error."""

    async def story():
        async with tls_server(server, **options) as (endpoint, seen):
            links = PartnerLinks(credentials_of(sender), FakeBlobs(blob=b"ciphertext"))
            try:
                return seen, await links.carry(consignment_of(endpoint))
            except Exception as error:  # noqa: BLE001
                return seen, error
            finally:
                await links.close()

    return asyncio.run(story())


def test_package_is_carried_over_mutual_tls(exchange):
    sender, partner = exchange["irs-ci"], exchange["partner-frankfurt"]
    trusts = sender.folder / "certificates" / "authority.pem"
    parts = (an_outgoing("blob", b"ciphertext"),)
    seen, receipt = carry_over_tls(sender, lambda url: a_consignment(partner, url, parts=parts), partner, trusts=trusts)
    assert receipt == RECEIPT
    head, body, certificate = seen[0]
    assert body == b"frameciphertext"
    assert head.startswith(b"POST /exchange/v1/packages HTTP/1.1")
    assert b"authorization" not in head.lower()
    assert certificate is not None


def test_server_that_the_descriptor_does_not_list_gets_nothing(exchange):
    partner = exchange["partner-frankfurt"]
    stated = partner.descriptor.stated.model_copy(update={"tls": ("A" * 43,)})
    wary = replace(partner, descriptor=replace(partner.descriptor, stated=stated))
    seen, error = carry_over_tls(exchange["irs-ci"], lambda url: a_consignment(wary, url), partner)
    assert isinstance(error, CertificateRejected)
    assert seen == []


def test_server_of_another_authority_gets_nothing(exchange):
    partner, impostor = exchange["partner-frankfurt"], exchange["partner-sydney"]
    seen, error = carry_over_tls(exchange["irs-ci"], lambda url: a_consignment(partner, url), impostor)
    assert isinstance(error, PartnerUnreachable)
    assert "CERTIFICATE_VERIFY_FAILED" in error.detail
    assert seen == []


def test_partner_that_refuses_our_certificate_is_named(exchange):
    partner = exchange["partner-frankfurt"]
    trusts = exchange["partner-sydney"].folder / "certificates" / "authority.pem"
    seen, error = carry_over_tls(exchange["irs-ci"], lambda url: a_consignment(partner, url), partner, trusts=trusts)
    assert isinstance(error, PartnerUnreachable)
    assert "certificate" in error.detail
    assert seen == []


def test_older_tls_is_refused(exchange):
    partner = exchange["partner-frankfurt"]
    seen, error = carry_over_tls(
        exchange["irs-ci"],
        lambda url: a_consignment(partner, url),
        partner,
        newest=ssl.TLSVersion.TLSv1_2,
    )
    assert isinstance(error, PartnerUnreachable)
    assert seen == []


@pytest.mark.parametrize("member", ["tls", "certificate_authorities"])
def test_descriptor_that_says_nothing_of_tls_is_refused(exchange, member):
    partner = exchange["partner-frankfurt"]
    stated = partner.descriptor.stated.model_copy(update={member: ()})
    silent = replace(partner, descriptor=replace(partner.descriptor, stated=stated))
    seen, error = carry_over_tls(exchange["irs-ci"], lambda url: a_consignment(silent, url), partner)
    assert isinstance(error, CertificateRejected)
    assert seen == []


# Against a partner in memory


class FakePartner:
    """The receiving half of an exchange API. Checks each block; `break_after` puts of blocks the line is cut once."""

    def __init__(self, *contents: bytes):
        self.sizes = [len(content) for content in contents]
        self.roots = []
        for content in contents:
            tree = BlockTree()
            tree.update(content)
            self.roots.append(root_of_blocks(tree.finish()))
        self.hashes: dict[int, VerifiedBlocks] = {}
        self.blocks: dict[tuple[int, int], bytes] = {}
        self.requests: list[tuple[str, str, int]] = []
        self.break_after: int | None = None
        self.forgetful = False
        self.whole = b""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = request.read()
        path = request.url.path.removeprefix("/exchange/v1")
        self.requests.append((request.method, path, len(body)))
        answer = self._answer(request.method, path.split("/")[1:], request, body)
        return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(answer.content))

    def _answer(self, method, path, request, body):  # noqa: PLR0911
        match (method, path):
            case ("POST", ["packages"]):
                if request.headers["content-type"] == "application/vnd.attache.package":
                    self.whole = body
                    return httpx.Response(200, content=RECEIPT)
                return self._wanted_or_receipt(201)
            case ("PUT", ["packages", _, "parts", number, "hashes"]):
                part = int(number)
                self.hashes[part] = VerifiedBlocks(
                    body, ciphertext_bytes=self.sizes[part], ciphertext_root=self.roots[part]
                )
                return httpx.Response(204)
            case ("PUT", ["packages", _, "parts", number]):
                return self._take(int(number), request.headers["content-range"], body)
            case ("POST", ["packages", _, "complete"]):
                return self._wanted_or_receipt(409)
            case ("POST", ["receipts"]):
                self.whole = body
                return httpx.Response(204)
        return httpx.Response(404)

    def _take(self, part, content_range, body):
        if self.break_after == 0:
            self.break_after = None
            raise httpx.WriteError("cut")
        if self.break_after is not None:
            self.break_after -= 1
        place, _, total = content_range.removeprefix("bytes ").partition("/")
        first, _, last = place.partition("-")
        assert (int(total), int(last) - int(first) + 1) == (self.sizes[part], len(body))
        for at in range(0, len(body), BLOCK_BYTES):
            number = (int(first) + at) // BLOCK_BYTES
            self.hashes[part].verify(number, body[at : at + BLOCK_BYTES])
            if not self.forgetful:
                self.blocks[part, number] = body[at : at + BLOCK_BYTES]
        return httpx.Response(204)

    def _wanted_or_receipt(self, status):
        wanted = []
        for part, size in enumerate(self.sizes):
            missing = [n for n in range(-(-size // BLOCK_BYTES)) if (part, n) not in self.blocks]
            if missing:
                blocks = ",".join(str(n) for n in missing)
                wanted.append({"part": part, "hashes": part not in self.hashes, "blocks": blocks})
        if not wanted:
            return httpx.Response(200, content=RECEIPT)
        return httpx.Response(status, json={"wanted": wanted, "code": "conflict"})

    def received(self, part):
        return b"".join(self.blocks[part, number] for number in range(-(-self.sizes[part] // BLOCK_BYTES)))


def links_to(sender, partner, **blobs):
    return PartnerLinks(credentials_of(sender), FakeBlobs(**blobs), transport=lambda _: httpx.MockTransport(partner))


BIG = bytes(range(256)) * 4096 * 6 + b"tail"
SMALL = b"small part"


@pytest.fixture
def consignment(exchange):
    parts = (an_outgoing("big", BIG), an_outgoing("small", SMALL))
    return a_consignment(exchange["partner-frankfurt"], parts=parts)


def test_large_package_goes_block_by_block(exchange, consignment):
    partner = FakePartner(BIG, SMALL)
    receipt = asyncio.run(links_to(exchange["irs-ci"], partner, big=BIG, small=SMALL).carry(consignment))
    assert receipt == RECEIPT
    assert (partner.received(0), partner.received(1)) == (BIG, SMALL)
    assert max(size for _, _, size in partner.requests) <= 4 << 20


def test_broken_transfer_goes_on_where_it_stopped(exchange, consignment):
    partner = FakePartner(BIG, SMALL)
    partner.break_after = 3
    links = links_to(exchange["irs-ci"], partner, big=BIG, small=SMALL)

    async def story():
        with pytest.raises(PartnerUnreachable):
            await links.carry(consignment)
        already = len(partner.blocks)
        partner.requests.clear()
        return already, await links.carry(consignment)

    already, receipt = asyncio.run(story())
    assert (already, receipt) == (3, RECEIPT)
    sent = sum(size for method, path, size in partner.requests if method == "PUT" and not path.endswith("hashes"))
    assert sent == len(BIG) + len(SMALL) - already * BLOCK_BYTES
    assert (partner.received(0), partner.received(1)) == (BIG, SMALL)


def test_what_is_there_already_costs_one_request(exchange, consignment):
    partner = FakePartner(BIG, SMALL)
    links = links_to(exchange["irs-ci"], partner, big=BIG, small=SMALL)

    async def story():
        await links.carry(consignment)
        partner.requests.clear()
        return await links.carry(consignment)

    assert asyncio.run(story()) == RECEIPT
    assert len(partner.requests) == 1


def test_partner_that_wants_for_ever_is_left(exchange, consignment):
    partner = FakePartner(BIG, SMALL)
    partner.forgetful = True
    with pytest.raises(Exception, match="malformed-answer"):
        asyncio.run(links_to(exchange["irs-ci"], partner, big=BIG, small=SMALL).carry(consignment))
    assert len(partner.requests) < 40


def test_receipt_is_carried(exchange):
    partner = FakePartner()
    carried = a_consignment(exchange["partner-frankfurt"], statement=Statement("/receipts", b'{"signed":"opened"}'))
    assert asyncio.run(links_to(exchange["irs-ci"], partner).carry(carried)) is None
    assert partner.requests == [("POST", "/receipts", 19)]
    assert partner.whole == b'{"signed":"opened"}'


def test_refusal_keeps_its_code_and_its_signed_receipt(exchange):
    def refuse(request):
        body = b'{"code":"package-conflict","status":409,"receipt":{"payload":"x","signatures":[]}}'
        return httpx.Response(409, stream=httpx.ByteStream(body))

    carried = a_consignment(exchange["partner-frankfurt"])
    with pytest.raises(Conflict) as caught:
        asyncio.run(links_to(exchange["irs-ci"], refuse).carry(carried))
    assert caught.value.code == "package-conflict"
    assert caught.value.extra["receipt"] == {"payload": "x", "signatures": []}


@pytest.mark.parametrize(
    "wanted",
    [
        None,
        {},
        [1],
        [{"part": 2}],
        [{"part": -1}],
        [{"part": True}],
        [{"part": 0, "hashes": 1}],
        [{"part": 0, "blocks": 7}],
        [{"part": 0, "blocks": "0-99"}],
        [{"part": 0, "blocks": "3-1"}],
        [{"part": 0, "blocks": "1,0"}],
        [{"part": 0, "blocks": "0-"}],
        [{"part": 0, "blocks": "-1"}],
        [{"part": 0, "blocks": "²"}],
        [{"part": 0, "blocks": "9" * 30}],
        [{"part": 0}] * 3,
    ],
)
def test_nonsense_wanted_sends_nothing(exchange, consignment, wanted):
    requests = []

    def answer(request):
        requests.append(request.method)
        raw = httpx.Response(201, json={"wanted": wanted})
        return httpx.Response(201, stream=httpx.ByteStream(raw.content))

    with pytest.raises(Exception, match="malformed-answer"):
        asyncio.run(links_to(exchange["irs-ci"], answer, big=BIG, small=SMALL).carry(consignment))
    assert requests == ["POST"]


def test_descriptor_that_changed_makes_a_new_link(exchange):
    made = []

    def transport(access):
        made.append(access)
        return httpx.MockTransport(FakePartner())

    partner = exchange["partner-frankfurt"]
    stated = partner.descriptor.stated.model_copy(update={"tls": (*partner.descriptor.stated.tls, "A" * 43)})
    rotated = replace(partner, descriptor=replace(partner.descriptor, stated=stated))

    async def story():
        links = PartnerLinks(credentials_of(exchange["irs-ci"]), FakeBlobs(), transport=transport)
        for each in (partner, partner, rotated):
            await links.carry(a_consignment(each))
        await links.close()

    asyncio.run(story())
    assert [len(access.thumbprints) for access in made] == [2, 3]
    assert "passphrase" not in repr(made)
