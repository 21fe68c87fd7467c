"""Consents of a participant without a gateway: Bogotá asks and is asked, with nothing but the SDK and its keys."""

import asyncio
import json
from datetime import timedelta

import httpx
import pytest

from attache import clock, verify
from attache.cli.app import run
from attache.cli.session import Session
from attache.client.home import load_home
from attache.client.mailbox import Mailbox
from attache.consent import sign_consent, verify_consent
from attache.errors import AttacheError
from attache.package import uuid7
from attache.strict_json import parse_object
from gateway.exchange.kernel.records import ConsentRecord, Query
from gateway.exchange.kernel.sealed import CONSENT
from gateway.tls.peer import PeerCertificate, WithPeer
from tests.exchange_place import a_part
from tests.sdk.asgi import Bridge
from tests.sdk.fake_gateway import unread
from tests.sdk.sealing import sealed_package

TERMS = {"recipient": "europol", "purpose": "criminal-investigation", "legal_basis": "BOGOTA-LEA", "reason": "wallets"}
LEAD = b"a lead of Bogota"


class Post:
    """IRS-CI's gateway, and Bogotá's mailbox at it."""

    def __init__(self, opened, place, folder, loop):
        self.opened, self.place, self.folder, self.loop = opened, place, folder, loop
        self.home = load_home(place.root / "partner-bogota", descriptors=place.root / "descriptors")
        certificate = PeerCertificate(place.client_certificate("partner-bogota"))
        self.line = Bridge(WithPeer(opened.gateway.exchange_api, certificate), loop)

    def wait(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    def mailbox(self, **more) -> Mailbox:
        return Mailbox(self.home, "irs-ci", self.folder, **{"transport": self.line, **more})

    async def _sent_by_irs(self, part, **more) -> str:
        analyst = await self.opened.caller("analyst")
        package_id = await self.opened.released(analyst, part, to=("partner-bogota",), **more)
        [life] = (await analyst.get(f"/packages/{package_id}")).json()["recipients"]
        assert life["state"] == "released", life
        return package_id

    def given(self, name="lead.txt") -> str:
        """A package of IRS-CI's that Bogotá has collected."""
        package_id = self.wait(self._sent_by_irs(a_part(name, b"a lead of IRS-CI")))
        with self.mailbox() as mailbox:
            mailbox.collect(package_id)
        return package_id

    async def _open(self, package_id):
        analyst = await self.opened.caller("analyst")
        answer = await analyst.post(f"/inbox/partner-bogota/{package_id}/open")
        assert answer.status_code == 200, answer.text

    async def _officer(self):
        return await self.opened.caller("attache-bogota")

    def opens(self, package_id) -> None:
        self.wait(self._open(package_id))

    def answers(self, what, **body):
        async def answer():
            return await (await self._officer()).post(what, json=body)

        return self.wait(answer())

    def brings(self, contents=LEAD) -> str:
        """A package of Bogotá's that IRS-CI has received and opened."""
        now = clock.now()
        facts = {"package_id": uuid7(now), "created_at": now - timedelta(minutes=1)}
        facts["expires_at"] = now + timedelta(days=30)
        package_id, raw = sealed_package(
            self.place.made, {"lead.txt": contents}, recipient="irs-ci", originator="partner-bogota", now=now, **facts
        )

        async def deliver():
            peer = await self.opened.peer("partner-bogota")
            headers = {"Content-Type": "application/vnd.attache.package"}
            return await peer.post("/packages", content=raw, headers=headers)

        assert self.wait(deliver()).status_code == 200
        self.opens(facts["package_id"])
        return facts["package_id"]

    def asks(self, package_id, part="lead.txt") -> str:
        """IRS-CI's request about it, collected by Bogotá."""

        async def ask():
            analyst = await self.opened.caller("analyst")
            body = {"originator": "partner-bogota", "package_id": package_id, "part": part, "markings": ["TLP:GREEN"]}
            body |= {**TERMS, "recipient": "partner-frankfurt", "crime_types": ["money-laundering"]}
            answer = await analyst.post("/consents/requests", json=body, headers={"Idempotency-Key": package_id})
            assert answer.status_code == 202, answer.text
            return answer.json()["request_id"]

        request_id = self.wait(ask())
        with self.mailbox() as mailbox:
            mailbox.collect(request_id)
        return request_id

    def state(self, request_id, holder) -> dict:
        async def show():
            return await (await self.opened.caller("auditor")).get(f"/consents/requests/{holder}/{request_id}")

        return self.wait(show()).json()


@pytest.fixture
def post(place, tmp_path):
    """`post(story)` runs the story in a thread, while the gateway runs on the loop."""

    def tell(story, now=clock.now):
        async def running():
            async with place.open(now=now) as opened:
                told = Post(opened, place, tmp_path / "in", asyncio.get_running_loop())
                return await asyncio.to_thread(story, told)

        return asyncio.run(running())

    return tell


def until(days=30):
    return clock.now() + timedelta(days=days)


def test_a_mailbox_participant_asks_and_collects_the_consent(post, tmp_path, place):
    def story(at):
        package_id = at.given()
        with at.mailbox() as mailbox:
            request_id = mailbox.ask_consent(package_id, "lead.txt", **TERMS)
            assert mailbox.consents() == ()
            at.opens(request_id)
            assert at.state(request_id, "partner-bogota")["state"] == "asked"
            body = {"holder": "partner-bogota", "request_id": request_id, "note": "agreed"}
            given = at.answers("/consents", **body, expires_at=until().isoformat())
            assert given.status_code == 201, given.text
            [answer] = mailbox.consents()
            assert (answer.request_id, answer.consent.recipient) == (request_id, "europol")
            assert answer.consent.consent_id == given.json()["consent_id"]
            assert mailbox.consents() == (answer,)
        report = verify(answer.path, home=at.home)
        assert (report.kind, report.is_sound, report.facts["holder"]) == ("consent", True, "partner-bogota")
        assert not verify(answer.path).is_sound
        entries = at.wait(at.opened.entries())
        assert entries.count("consent.asked") == entries.count("consent.given") == 1
        return True

    assert post(story)


def test_a_mailbox_participant_is_refused(post):
    def story(at):
        package_id = at.given()
        with at.mailbox() as mailbox:
            request_id = mailbox.ask_consent(package_id, "lead.txt", **TERMS)
            at.opens(request_id)
            body = {"holder": "partner-bogota", "request_id": request_id, "reason": "It names a source."}
            assert at.answers("/consents/refusals", **body).status_code == 201
            [answer] = mailbox.consents()
            assert (answer.consent, answer.refusal.reason) == (None, "It names a source.")
        assert verify(answer.path, home=at.home).kind == "consent-refusal"
        return True

    assert post(story)


def test_what_is_not_held_cannot_be_asked_about(post):
    def story(at):
        package_id = at.given()
        codes = []
        with at.mailbox() as mailbox:
            for arguments, terms in (
                (("01935000-0000-7000-8000-000000000001", "lead.txt"), TERMS),
                ((package_id, "other.txt"), TERMS),
            ):
                with pytest.raises(AttacheError) as error:
                    mailbox.ask_consent(*arguments, **terms)
                codes.append(error.value.code)
        assert "consent.asked" not in at.wait(at.opened.entries())
        return codes

    assert post(story) == ["not-found", "not-found"]


def test_a_mailbox_participant_as_originator_gives(post, tmp_path):
    def story(at):
        request_id = at.asks(at.brings())
        original = tmp_path / "my-copy.txt"
        original.write_bytes(LEAD)
        with at.mailbox() as mailbox:
            assert mailbox.asked_consent(request_id).recipient == "partner-frankfurt"
            consent = mailbox.grant_consent(request_id, original, until())
            before = at.wait(at.opened.footprint())
            assert mailbox.grant_consent(request_id, original, until(10)) == consent
            assert at.wait(at.opened.footprint()) == before
            with pytest.raises(AttacheError) as error:
                mailbox.refuse_consent(request_id, "too late")
            assert error.value.code == "conflict"
        known = at.state(request_id, "irs-ci")
        assert (known["state"], known["consent_id"]) == ("given", consent.consent_id)
        assert at.wait(at.opened.entries())[-1] == "consent.given"
        return True

    assert post(story)


def test_a_mailbox_participant_as_originator_refuses(post):
    def story(at):
        request_id = at.asks(at.brings())
        with at.mailbox() as mailbox:
            mailbox.refuse_consent(request_id, "Not now.")
            mailbox.refuse_consent(request_id, "Not now.")
        known = at.state(request_id, "irs-ci")
        assert (known["state"], bool(known["refusal"]["signatures"])) == ("refused", True)
        assert at.wait(at.opened.entries()).count("consent.refused") == 1
        return True

    assert post(story)


def test_nobody_consents_to_what_only_bears_the_same_name(post, tmp_path):
    """The request names the digest of something else than the originator believes: its own file tells."""

    def story(at):
        request_id = at.asks(at.brings(b"something else under that name"))
        original = tmp_path / "lead.txt"
        original.write_bytes(LEAD)
        codes = []
        with at.mailbox() as mailbox:
            for content, ends in ((original, until()), (original, until(-1)), (original, until(400))):
                with pytest.raises(AttacheError) as error:
                    mailbox.grant_consent(request_id, content, ends)
                codes.append(error.value.code)
        assert not (at.folder / "consents").exists()
        assert at.state(request_id, "irs-ci")["state"] == "asked"
        return codes

    assert post(story) == ["digest-mismatch", "term-over", "term-over"]


class FakeConsents:
    """A gateway that answers `GET /mailbox/consents` with what it is told to."""

    def __init__(self, *signed):
        self.signed = [{"signed": parse_object(each)} for each in signed]

    def __call__(self, request):
        member = "refusals" if request.url.path.endswith("refusals") else "consents"
        page = {member: self.signed if member == "consents" else [], "next": None}
        return unread(httpx.Response(200, json=page))


@pytest.mark.parametrize(
    ("signer", "update", "code"),
    [
        ("irs-ci", {"holder": "partner-sydney"}, "not-a-recipient"),
        ("partner-sydney", {}, "unknown-key"),
        ("partner-sydney", {"originator": "partner-sydney"}, "unknown-key"),
    ],
    ids=["to another holder", "forged by a third", "a third's own"],
)
def test_a_consent_that_does_not_verify_is_not_kept(post, tmp_path, signer, update, code):
    def story(at):
        package_id = at.given()
        with at.mailbox() as mailbox:
            request_id = mailbox.ask_consent(package_id, "lead.txt", **TERMS)
            at.opens(request_id)
            body = {"holder": "partner-bogota", "request_id": request_id, "note": "agreed"}
            assert at.answers("/consents", **body, expires_at=until().isoformat()).status_code == 201
        [record] = at.wait(at.opened.agency.store.read(lambda reader: reader.find(Query(ConsentRecord))))
        stated = verify_consent(at.opened.agency.open(CONSENT, record), at.place.made["irs-ci"].descriptor)
        forged = sign_consent(stated.model_copy(update=update), at.place.made[signer].keys)
        lying = httpx.MockTransport(FakeConsents(forged))
        with at.mailbox(transport=lying) as mailbox, pytest.raises(AttacheError) as error:
            mailbox.consents()
        assert not (at.folder / "consents").exists()
        return error.value.code

    assert post(story) == code


def test_each_holder_collects_its_own(post):
    def story(at):
        package_id = at.given()
        with at.mailbox() as mailbox:
            request_id = mailbox.ask_consent(package_id, "lead.txt", **TERMS)
        at.opens(request_id)
        body = {"holder": "partner-bogota", "request_id": request_id, "note": "agreed"}
        assert at.answers("/consents", **body, expires_at=until().isoformat()).status_code == 201

        async def seen_by(participant):
            return (await (await at.opened.peer(participant)).get("/mailbox/consents")).json()["consents"]

        return [len(at.wait(seen_by(who))) for who in ("partner-bogota", "partner-frankfurt", "europol")]

    assert post(story) == [1, 0, 0]


def test_the_commands(post, tmp_path, capsys, monkeypatch):
    def story(at):
        folder = at.place.root
        own = ["--home", folder / "partner-bogota", "--descriptors", folder / "descriptors"]
        where = ["--gateway", "irs-ci", "--into", at.folder, "--json"]
        ask = ["--to", "europol", "--purpose", "criminal-investigation", "--legal-basis", "BOGOTA-LEA"]

        def attache(*arguments):
            options = {"transport": at.line}
            code = run([str(each) for each in (*own, "mailbox", *arguments, *where)], Session(client_options=options))
            out = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("20")]
            assert code == 0, out
            return json.loads("\n".join(out))

        package_id = at.given()
        asked = attache("ask", package_id, "lead.txt", *ask, "--reason", "wallets")
        at.opens(asked["request_id"])
        body = {"holder": "partner-bogota", "request_id": asked["request_id"], "note": "agreed"}
        assert at.answers("/consents", **body, expires_at=until().isoformat()).status_code == 201
        assert [each["state"] for each in attache("consents")["consents"]] == ["given"]
        (tmp_path / "lead.txt").write_bytes(LEAD)
        request_id = at.asks(at.brings())
        ends = until().strftime("%Y-%m-%d")
        given = attache("give", request_id, "--content", tmp_path / "lead.txt", "--until", ends)
        assert given["recipient"] == "partner-frankfurt"
        other = at.asks(at.brings(b"another lead"))
        assert attache("refuse", other, "--reason", "no")["reason"] == "no"
        return True

    for name in ("URL", "TOKEN"):
        monkeypatch.delenv(f"ATTACHE_{name}", raising=False)
    assert post(story)
