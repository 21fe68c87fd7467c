"""The SDK against the real gateway application."""

import asyncio

import httpx
import pytest

from attache import Part, Recipient, Submission, verify
from attache.client.aio import AsyncClient
from attache.client.home import load_home
from attache.client.mailbox import Mailbox
from attache.client.sync import Client
from attache.errors import AttacheError, MalformedInput, NotAuthentic, NotFound, NotPermitted
from gateway.tls.peer import PeerCertificate, WithPeer
from tests.exchange_place import ROLES
from tests.sdk.asgi import Bridge

URL = "https://gateway"
BASES = {"partner-frankfurt": "FRANKFURT-LEA", "partner-bogota": "BOGOTA-LEA"}


def a_submission(*parts: Part, to: str = "partner-frankfurt", basis: str | None = None, **facts) -> Submission:
    return Submission(
        kind="intelligence",
        title="Mixer proceeds",
        purpose="criminal-investigation",
        crime_types=("money-laundering",),
        recipients=(Recipient(to, basis or BASES[to]),),
        parts=parts or (a_part("note.txt", b"a note"),),
        **facts,
    )


def a_part(name: str, content) -> Part:
    return Part(name, content, "text/plain", ("TLP:GREEN",), ("law-enforcement-sensitive",))


def token_of(opened, name: str) -> str:
    from attache import clock

    roles, posts = ROLES[name]
    return opened.place.issuer.token(opened.settings.token_audience, name, roles, clock.now(), posts)


def client_of(opened, name: str) -> AsyncClient:
    transport = httpx.ASGITransport(opened.gateway.agency_api, raise_app_exceptions=False)
    return AsyncClient(URL, token=token_of(opened, name), transport=transport)


def with_gateway(place, story):
    async def run():
        async with place.open() as opened:
            return await story(opened)

    return asyncio.run(run())


def test_decide_submit_and_follow(place):
    async def story(opened):
        async with client_of(opened, "analyst") as gateway:
            decisions = await gateway.decide(a_submission())
            package = await gateway.packages.submit(a_submission())
            return (
                decisions,
                package,
                [p async for p in gateway.packages.list()],
                await gateway.packages.get(package.package_id),
            )

    decisions, package, listed, shown = with_gateway(place, story)
    assert [(d.recipient, d.outcome) for d in decisions] == [("partner-frankfurt", "release")]
    assert package.recipients[0].state == "released"
    assert [p.package_id for p in listed] == [package.package_id]
    assert shown == package
    assert not package.model_extra
    assert not package.parts[0].model_extra
    assert not package.recipients[0].model_extra


def test_explain_answers_in_values(place):
    async def story(opened):
        async with client_of(opened, "analyst") as gateway:
            unmarked = a_submission(Part("note.txt", b"a note", "text/plain", (), ("return-information",)))
            return await gateway.explain(unmarked, "partner-frankfurt"), await gateway.explain(
                unmarked, "partner-frankfurt", part="note.txt"
            )

    every, one = with_gateway(place, story)
    assert (every.recipient, every.outcome, every.units) == ("partner-frankfurt", "deny", one.units)
    assert "BASE-6103" in [rule.rule for rule in one.units[0].blocking]
    assert "legal basis" in every.caution
    assert not every.model_extra
    assert not every.units[0].model_extra
    assert not every.units[0].blocking[0].model_extra


def test_large_package_is_streamed_and_sealed(place, tmp_path):
    content = bytes(range(256)) * 4096 * 3 + b"tail"
    (tmp_path / "wallets.json").write_bytes(content)

    async def story(opened):
        async with client_of(opened, "analyst") as gateway:
            parts = a_part("wallets.json", tmp_path / "wallets.json"), a_part("note.txt", b"a note")
            package = await gateway.packages.submit(a_submission(*parts))
            return await gateway.packages.save_sealed(package.package_id, "partner-frankfurt", tmp_path / "p.attache")

    sealed = with_gateway(place, story)
    assert verify(sealed).is_sound
    folder = place.root / "partner-frankfurt"
    home = load_home(folder, descriptors=place.root / "descriptors")
    report = verify(sealed, home=home)
    assert (report.is_sound, report.not_checked) == (True, ()), report.findings


def test_same_key_makes_one_package(place):
    async def story(opened):
        async with client_of(opened, "analyst") as gateway:
            first = await gateway.packages.submit(a_submission(), idempotency_key="mine")
            again = await gateway.packages.submit(a_submission(), idempotency_key="mine")
            return first.package_id == again.package_id, len([p async for p in gateway.packages.list()])

    assert with_gateway(place, story) == (True, 1)


def test_errors_arrive_as_their_families(place):
    async def story(opened):
        caught = []
        async with client_of(opened, "analyst") as gateway:
            for attempt in (
                gateway.packages.get("01935000-0000-7000-8000-000000000001"),
                gateway.packages.submit(a_submission(basis="NO-SUCH-BASIS")),
                gateway.log.checkpoint(),
            ):
                with pytest.raises(AttacheError) as error:
                    await attempt
                caught.append(error.value)
        transport = httpx.ASGITransport(opened.gateway.agency_api)
        async with AsyncClient(URL, token="nonsense", transport=transport) as gateway:
            with pytest.raises(NotAuthentic) as error:
                await gateway.participants.list()
        return [*caught, error.value]

    absent, basis, forbidden, unknown = with_gateway(place, story)
    assert isinstance(absent, NotFound)
    assert isinstance(basis, MalformedInput | NotFound)
    assert isinstance(forbidden, NotPermitted)
    assert unknown.code == "token-invalid"
    assert all(error.extra["request_id"] for error in (absent, basis, forbidden, unknown))


def test_auditor_lists_proves_and_verifies_the_log(place, tmp_path):
    async def story(opened):
        async with client_of(opened, "analyst") as gateway:
            for _ in range(3):
                await gateway.packages.submit(a_submission())
        async with client_of(opened, "auditor") as gateway:
            entries = [entry async for entry in gateway.log.entries()]
            (tmp_path / "1.tlog-proof").write_text(await gateway.log.prove(1))
            vkeys = (await gateway.log.vkeys()).split()
            return entries, vkeys, await gateway.log.verify(vkeys), await gateway.log.save(tmp_path / "log")

    entries, vkeys, report, folder = with_gateway(place, story)
    assert [entry.index for entry in entries] == list(range(len(entries)))
    assert report.is_sound, report.findings
    assert report.facts["size"] >= len(entries)
    proof = verify(tmp_path / "1.tlog-proof", vkeys=vkeys)
    assert (proof.is_sound, proof.facts["index"]) == (True, 1), proof.findings
    assert verify(folder).is_sound
    tile = next((folder / "tile" / "0").rglob("[0-9]*"))
    tile = tile if tile.is_file() else next(each for each in tile.rglob("*") if each.is_file())
    tile.write_bytes(tile.read_bytes()[:-1] + b"\x00")
    assert not verify(folder, vkeys=vkeys).is_sound


def test_participants(place):
    async def story(opened):
        async with client_of(opened, "partner-admin") as gateway:
            before = {p.participant: p.status for p in await gateway.participants.list()}
            await gateway.participants.suspend("partner-sydney")
            after = {p.participant: p.status for p in await gateway.participants.list()}
            await gateway.participants.resume("partner-sydney")
            return before, after

    before, after = with_gateway(place, story)
    assert (before["partner-sydney"], after["partner-sydney"]) == ("active", "suspended")


def test_mailbox_collects_and_the_originator_holds_its_receipts(place, tmp_path):
    """Bogotá runs no gateway: its SDK fetches, opens and signs, and IRS-CI's gateway accepts the receipts."""

    def collect(opened, loop):
        home = load_home(place.root / "partner-bogota", descriptors=place.root / "descriptors")
        certificate = PeerCertificate(place.client_certificate("partner-bogota"))
        line = Bridge(WithPeer(opened.gateway.exchange_api, certificate), loop)
        with Mailbox(home, "irs-ci", tmp_path / "in", transport=line) as mailbox:
            waiting = list(mailbox.list())
            collected = [mailbox.collect(each.package_id) for each in waiting]
            return waiting, collected, list(mailbox.list())

    async def story(opened):
        async with client_of(opened, "analyst") as gateway:
            package = await gateway.packages.submit(a_submission(to="partner-bogota"))
            state = package.recipients[0].state
            if package.recipients[0].approval_id:
                async with client_of(opened, "attache-bogota") as officer:
                    approval = (await officer.approvals.list())[0]
                    await officer.approvals.approve(approval.approval_id, "checked")
            answers = await asyncio.to_thread(collect, opened, asyncio.get_running_loop())
            done = await gateway.packages.wait(package.package_id, "opened", timeout_seconds=5)
            return state, answers, done, await gateway.packages.receipts(package.package_id)

    _, (waiting, collected, left), done, receipts = with_gateway(place, story)
    assert (len(waiting), left) == (1, [])
    assert (collected[0].folder / "note.txt").read_bytes() == b"a note"
    assert done.recipients[0].state == "opened"
    assert sorted(receipt.receipt for receipt in receipts) == ["delivered", "opened"]


def test_blocking_client_in_a_thread(place):
    async def story(opened):
        line = Bridge(opened.gateway.agency_api, asyncio.get_running_loop())

        def submit():
            with Client(URL, token=token_of(opened, "analyst"), transport=line) as gateway:
                return gateway.packages.submit(a_submission(a_part("big.bin", bytes(2 << 20))))

        return await asyncio.to_thread(submit)

    assert with_gateway(place, story).parts[0].bytes == 2 << 20
