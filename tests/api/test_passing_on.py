"""What came from a partner: known again by its content, passed on with its originator's signed consent alone, and used here
only as its originator lets it be.
"""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from attache import clock
from attache.consent import verify_consent
from attache.package import parse_instant
from gateway.exchange.delivering.outbox import Outbox
from gateway.exchange.kernel.consignment import Statement
from gateway.exchange.kernel.records import ConsentRecord, DecisionRecord, Query
from gateway.exchange.kernel.sealed import CONSENT, DECISION
from tests.exchange_place import OpenGateway, a_part, a_submission, problem

PACKAGE = "application/vnd.attache.package"
JOSE = {"Content-Type": "application/jose+json"}
LEAD = a_part("lead.txt", b"a lead of Frankfurt", content_class=["law-enforcement-sensitive"], markings=["TLP:GREEN"])
AS_OURS = a_part("renamed.txt", b"a lead of Frankfurt", content_class=["chain-public"], markings=["TLP:CLEAR"])
NEXT_YEAR = timedelta(days=300)


@dataclass
class Pair:
    """IRS-CI, which holds something of Frankfurt's, and Frankfurt."""

    ours: OpenGateway
    theirs: OpenGateway

    async def carry(self, sender: OpenGateway, receiver: OpenGateway, package_id: str):
        frame, parts = await sender.sealed(package_id, receiver.settings.participant)
        peer = await receiver.peer(sender.settings.participant)
        answer = await peer.post("/packages", content=frame + b"".join(parts), headers={"Content-Type": PACKAGE})
        assert answer.status_code == 200, answer.text

    async def given(self, *parts, **more) -> str:
        """A package of Frankfurt's that has arrived here."""
        analyst = await self.theirs.caller("analyst")
        package_id = await self.theirs.released(analyst, *(parts or (LEAD,)), to=("irs-ci",), **more)
        [life] = (await analyst.get(f"/packages/{package_id}")).json()["recipients"]
        assert life["state"] == "released", life
        await self.carry(self.theirs, self.ours, package_id)
        return package_id

    async def asked(self, package_id: str, kind="request") -> str:
        """Our request about it, opened at Frankfurt."""
        analyst = await self.ours.caller("analyst")
        question = a_part("question.txt", b"may we pass it on?")
        more = {"kind": kind, "in_reply_to": package_id}
        request_id = await self.ours.released(analyst, question, **more)
        await self.carry(self.ours, self.theirs, request_id)
        opened = await (await self.theirs.caller("analyst")).post(f"/inbox/irs-ci/{request_id}/open")
        assert opened.status_code == 200, opened.text
        return request_id

    async def officer(self, posts=("washington",)):
        token = self.theirs.token("attache-bogota", subject="their officer", posts=list(posts))
        headers = {"Authorization": f"Bearer {token}"}
        return await self.theirs.client(self.theirs.gateway.agency_api, "/api/v1", headers)

    async def granted(self, request_id: str, **more) -> bytes:
        """Frankfurt's consent, as its outbox carries it."""
        answer = await (await self.officer()).post("/consents", json=a_grant(self.theirs, request_id, **more))
        assert answer.status_code == 201, answer.text
        records = await self.theirs.agency.store.read(lambda reader: reader.find(Query(ConsentRecord)))
        [record] = [one for one in records if one.consent_id == answer.json()["consent_id"]]
        return self.theirs.agency.open(CONSENT, record)

    async def brought(self, signed: bytes, sender="partner-frankfurt"):
        return await (await self.ours.peer(sender)).post("/consents", content=signed, headers=JOSE)

    async def outcome(self, *parts, **more) -> tuple[str, list[str]]:
        """What comes of passing it on to Bogotá, and by which rules."""
        analyst = await self.ours.caller("analyst")
        answer = await self.ours.submit(analyst, a_submission(*parts, **{"to": ("partner-bogota",), **more}))
        [life] = answer.json()["recipients"]
        return life["state"], [rule for part in life["decision"]["parts"] for rule in part["rules"]]


def a_grant(gateway, request_id: str, **more):
    expires_at = gateway.agency.clock() + NEXT_YEAR
    given = {"holder": "irs-ci", "request_id": request_id, "part": "lead.txt", "recipient": "partner-bogota"}
    given |= {"purpose": "criminal-investigation", "expires_at": expires_at.isoformat(), "note": "agreed"}
    return given | more


@asynccontextmanager
async def open_pair(place, now=clock.now, **more):
    async with place.open("irs-ci", now=now, **more) as ours, place.open("partner-frankfurt", now=now) as theirs:
        yield Pair(ours, theirs)


def with_pair(place, story, **more):
    async def run():
        async with open_pair(place, **more) as pair:
            return await story(pair)

    return asyncio.run(run())


def test_what_a_partner_gave_is_known_again_whatever_its_submitter_says(place):
    async def story(pair):
        assert (await pair.outcome(AS_OURS))[0] == "released"
        await pair.given()
        state, rules = await pair.outcome(AS_OURS)
        assert state == "denied"
        assert "BASE-ORCON" in rules
        assert (await pair.outcome(a_part("other.txt", b"something else")))[0] == "released"

    with_pair(place, story)


def test_a_dry_run_with_the_digest_knows_it_too(place):
    async def story(pair):
        import hashlib

        await pair.given()
        analyst = await pair.ours.caller("analyst")
        digest = hashlib.sha256(b"a lead of Frankfurt").hexdigest()
        part = {name: value for name, value in AS_OURS.items() if name != "content"} | {"sha256": digest}
        question = a_submission(part, to=("partner-bogota",), recipient="partner-bogota")
        answer = (await analyst.post("/decisions/explanation", json=question)).json()
        assert answer["outcome"] == "deny"
        kinds = [[lever["kind"] for lever in way] for way in answer["units"][0]["ways"]]
        assert ["consent"] in kinds, kinds

    with_pair(place, story)


def test_the_originators_consent_lets_it_go_to_that_recipient_for_that_purpose(place):
    async def story(pair):
        request_id = await pair.asked(await pair.given())
        signed = await pair.granted(request_id)
        assert (await pair.outcome(AS_OURS))[0] == "denied"
        assert (await pair.brought(signed)).status_code == 204
        before = await pair.ours.footprint()
        assert (await pair.brought(signed)).status_code == 204
        assert await pair.ours.footprint() == before
        assert (await pair.ours.entries())[-1] == "consent.given"
        assert "consent.given" in await pair.theirs.entries()
        assert (await pair.outcome(AS_OURS))[0] == "released"
        assert (await pair.outcome(AS_OURS, purpose="tax-enforcement"))[0] == "denied"
        assert (await pair.outcome(AS_OURS, to=("europol",)))[0] == "denied"
        other = a_part("lead.txt", b"a lead of Frankfurt, changed")
        assert (await pair.outcome(other))[0] == "released"
        consents = (await (await pair.ours.caller("auditor")).get("/consents")).json()["consents"]
        assert len(consents) == 1
        from attache.strict_json import canonical

        assert canonical(consents[0]["signed"]) == signed
        consent = verify_consent(signed, pair.ours.agency.directory.partner("partner-frankfurt").descriptor)
        assert (consent.holder, consent.recipient, consent.request_id) == ("irs-ci", "partner-bogota", request_id)

    with_pair(place, story)


def test_a_consent_lapses(place):
    async def story(pair):
        until = (now[0] + timedelta(days=20)).isoformat()
        signed = await pair.granted(await pair.asked(await pair.given()), expires_at=until)
        assert (await pair.brought(signed)).status_code == 204
        assert (await pair.outcome(AS_OURS))[0] == "released"
        now[0] += timedelta(days=20)
        assert (await pair.outcome(AS_OURS))[0] == "denied"
        later = await pair.brought(signed)
        assert problem(later) == "stale"

    now = [clock.now()]
    with_pair(place, story, now=lambda: now[0])


def test_the_outbox_carries_a_consent_until_the_holder_has_it(place):
    async def story(pair):
        signed = await pair.granted(await pair.asked(await pair.given()))
        outbox = Outbox(pair.theirs.agency)
        consignments = [one for one in await outbox.claim(10, frozenset()) if one.outbox.kind == "consent"]
        assert [one.outgoing for one in consignments] == [Statement("/consents", signed)]
        await outbox.settle(consignments[0], None)
        again = [one for one in await outbox.claim(10, frozenset()) if one.outbox.kind == "consent"]
        assert again == []

    with_pair(place, story)


def test_what_may_not_be_granted_is_not(place):
    async def story(pair):
        package_id = await pair.given()
        request_id, chat_id = await pair.asked(package_id), await pair.asked(package_id, kind="intelligence")
        stray_id = await pair.asked("01935000-0000-7000-8000-000000000001")
        officer, elsewhere = await pair.officer(), await pair.officer(["sydney"])
        before = await pair.theirs.footprint()
        for client, grant, code in (
            (officer, a_grant(pair.theirs, "01935000-0000-7000-8000-000000000009"), "not-found"),
            (officer, a_grant(pair.theirs, request_id, holder="partner-sydney"), "not-found"),
            (officer, a_grant(pair.theirs, request_id, part="no-such.txt"), "not-found"),
            (officer, a_grant(pair.theirs, chat_id), "not-found"),
            (officer, a_grant(pair.theirs, stray_id), "not-found"),
            (elsewhere, a_grant(pair.theirs, request_id), "not-found"),
            (officer, a_grant(pair.theirs, request_id, recipient="irs-ci"), "malformed-request"),
            (officer, a_grant(pair.theirs, request_id, recipient="partner-frankfurt"), "malformed-request"),
            (officer, a_grant(pair.theirs, request_id, expires_at="2020-01-01T00:00:00Z"), "term-over"),
            (officer, a_grant(pair.theirs, request_id, expires_at="2999-01-01T00:00:00Z"), "term-over"),
            (officer, a_grant(pair.theirs, request_id, purpose="curiosity"), "unknown-term"),
        ):
            assert problem(await client.post("/consents", json=grant)) == code, grant
        assert await pair.theirs.footprint() == before

    with_pair(place, story)


def test_bad_consents_are_refused_and_leave_nothing(place):
    async def story(pair):
        signed = await pair.granted(await pair.asked(await pair.given()))
        from attache.consent import sign_consent

        them = place.made["partner-frankfurt"]
        consent = verify_consent(signed, them.descriptor)
        strangers = place.made["partner-sydney"].keys

        def resigned(keys=them.keys, **more):
            return sign_consent(consent.model_copy(update=more), keys)

        receipt_like = signed.replace(b"attache-consent", b"attache-receipt")
        for raw, code, sender in (
            (b"{}", "malformed-consent", "partner-frankfurt"),
            (receipt_like[:-2], "malformed-consent", "partner-frankfurt"),
            (signed, "unknown-key", "partner-sydney"),
            (resigned(strangers), "unknown-key", "partner-frankfurt"),
            (resigned(originator="partner-sydney"), "signature-invalid", "partner-frankfurt"),
            (resigned(holder="europol"), "not-a-recipient", "partner-frankfurt"),
            (resigned(content_sha256="0" * 64), "not-found", "partner-frankfurt"),
            (resigned(expires_at=parse_instant("2026-01-01T00:00:00Z")), "malformed-consent", "partner-frankfurt"),
        ):
            before = await pair.ours.footprint()
            answer = await pair.brought(raw, sender)
            assert problem(answer) == code, (code, answer.text)
            assert await pair.ours.footprint() == {**before, "entries": before["entries"] + 1}
            assert (await pair.ours.entries())[-1] == "consent.rejected"
        assert (await pair.brought(signed)).status_code == 204
        assert problem(await pair.brought(resigned(recipient="europol"))) == "conflict"

    with_pair(place, story)


# Use at the recipient


async def opened(pair, package_id, name="analyst", **minted):
    token = pair.ours.token(name, **minted)
    client = await pair.ours.client(pair.ours.gateway.agency_api, "/api/v1", {"Authorization": f"Bearer {token}"})
    return client, await client.post(f"/inbox/partner-frankfurt/{package_id}/open")


def use_of(client, package_id, use, **query):
    params = {"use": use, **query}
    return client.get(f"/inbox/partner-frankfurt/{package_id}/parts/lead.txt", params=params)


def test_what_the_originator_permits_is_permitted_and_logged(place):
    async def story(pair):
        package_id = await pair.given()
        client, answer = await opened(pair, package_id)
        assert answer.status_code == 200
        for use in ("read", "use-as-lead", "export"):
            assert (await use_of(client, package_id, use)).content == b"a lead of Frankfurt"
        assert (await pair.ours.entries()).count("package.read") == 3
        assert problem(await use_of(client, package_id, "frame")) == "unknown-term"

    with_pair(place, story)


async def denied(pair, client, package_id, use, rule, **query):
    before = await pair.ours.footprint()
    answer = await use_of(client, package_id, use, **query)
    assert (answer.status_code, problem(answer)) == (403, "policy-denied")
    assert rule in answer.json()["rules"]
    assert await pair.ours.footprint() == {**before, "entries": before["entries"] + 1}
    assert (await pair.ours.entries())[-1] == "package.use-denied"


def test_handling_codes_bind_the_reader(place):
    async def story(pair):
        package_id = await pair.given(handling_codes=["H1"])
        client, _ = await opened(pair, package_id)
        await denied(pair, client, package_id, "use-as-evidence", "READING-EVIDENCE")
        assert (await use_of(client, package_id, "use-as-lead")).status_code == 200

    with_pair(place, story)


def test_a_pap_binds_the_reader(place):
    async def story(pair):
        package_id = await pair.given({**LEAD, "markings": ["TLP:GREEN", "PAP:AMBER"]})
        client, _ = await opened(pair, package_id)
        await denied(pair, client, package_id, "act-on", "READING-ACTION")
        assert (await use_of(client, package_id, "read")).status_code == 200

    with_pair(place, story)


def test_copies_leave_only_with_a_token_for_it(place):
    async def story(pair):
        package_id = await pair.given()
        client, _ = await opened(pair, package_id, claims={"scope": "attache:open-content"})
        before = await pair.ours.footprint()
        answer = await use_of(client, package_id, "export")
        assert (answer.status_code, problem(answer)) == (403, "policy-denied")
        assert (await pair.ours.footprint())["entries"] == before["entries"] + 1
        assert (await use_of(client, package_id, "read")).status_code == 200

    with_pair(place, story)


def test_after_its_retention_nothing_is_read_or_passed_on(place):
    async def story(pair):
        until = (now[0] + timedelta(days=20)).isoformat()
        package_id = await pair.given(retain_until=until)
        await opened(pair, package_id)
        signed = await pair.granted(await pair.asked(package_id))
        assert (await pair.brought(signed)).status_code == 204
        assert (await pair.outcome(AS_OURS))[0] == "released"
        now[0] += timedelta(days=21)
        client, answer = await opened(pair, package_id)
        assert problem(answer) == "policy-denied"
        await denied(pair, client, package_id, "read", "READING-RETENTION")
        state, rules = await pair.outcome(AS_OURS)
        assert state == "denied"
        assert "BASE-RETENTION-LEFT" in rules

    now = [clock.now()]
    with_pair(place, story, now=lambda: now[0])


def test_what_is_passed_on_keeps_what_came_with_it(place):
    """Markings, caveats and handling codes of the originator go along, whatever the submitter says."""

    async def story(pair):
        package_id = await pair.given({**LEAD, "markings": ["TLP:AMBER", "PAP:RED"]}, handling_codes=["H1"])
        signed = await pair.granted(await pair.asked(package_id))
        await pair.brought(signed)
        analyst = await pair.ours.caller("analyst")
        sent = await pair.ours.released(analyst, AS_OURS, to=("partner-bogota",))
        [life] = (await analyst.get(f"/packages/{sent}")).json()["recipients"]
        if life["state"] == "held":
            token = pair.ours.token("attache-bogota")
            officer = await pair.ours.client(
                pair.ours.gateway.agency_api, "/api/v1", {"Authorization": f"Bearer {token}"}
            )
            answer = {"decision": "approve", "reason": "seen"}
            assert (await officer.post(f"/approvals/{life['approval_id']}", json=answer)).status_code == 200
        manifest = (await pair.ours.opened(sent, "partner-bogota"))[0].manifest
        assert set(manifest.parts[0].markings) >= {"TLP:AMBER", "PAP:RED"}
        assert "partner-supplied" in manifest.parts[0].content_class
        assert "H1" in manifest.handling_codes
        assert "not-evidence" in manifest.caveats

    with_pair(place, story)


@pytest.mark.parametrize(("desks", "code"), [([], 403), (["cyber"], 200), (["other"], 403)])
def test_what_is_for_a_desk_is_for_who_sits_there(place, desks, code):
    async def story(pair):
        from gateway.exchange.arriving.read import Intent
        from gateway.exchange.arriving.use import require_use

        package_id = await pair.given()
        agency = pair.ours.agency
        from dataclasses import replace

        from gateway.exchange.kernel.records import ArrivalRecord

        record = await agency.store.read(lambda r: r.get(ArrivalRecord.key("partner-frankfurt", package_id)))
        facts = agency.vault.of(record.originator, package_id).open(
            record.facts_sealed, "arrival", record.originator, record.package_id
        )
        sealed = agency.vault.of(record.originator, package_id).seal(
            {**facts, "recipient_desk": "cyber"}, "arrival", record.originator, package_id
        )
        from gateway.identity.caller import Caller, Role

        reader = Caller(
            "r", "c", "p", frozenset({Role.ANALYST}), agency.clock() + timedelta(hours=1), desks=frozenset(desks)
        )
        record = replace(record, facts_sealed=sealed)
        if code == 200:
            await require_use(agency, reader, record, None, Intent())
        else:
            with pytest.raises(Exception, match="policy-denied"):
                await require_use(agency, reader, record, None, Intent())

    with_pair(place, story)


def test_an_originators_doubt_comes_along_and_is_not_talked_away(place):
    """Evaluated X3: a lead for every reader, also under a better evaluation of ours."""

    async def story(pair):
        package_id = await pair.given({**LEAD, "evaluation": "X3"})
        analyst = await pair.ours.caller("analyst")
        [arrival] = (await analyst.get("/inbox")).json()["packages"]
        assert arrival["parts"][0]["evaluation"] == "X3"
        assert "lead-purposes-only" in arrival["caveats"]
        await pair.brought(await pair.granted(await pair.asked(package_id)))
        sent = await pair.ours.released(analyst, {**AS_OURS, "evaluation": "A1"}, to=("partner-bogota",))
        records = await pair.ours.agency.store.read(lambda reader: reader.find(DecisionRecord.of_package(sent)))
        [opened] = [pair.ours.agency.open(DECISION, each).decode() for each in records]
        [part] = json.loads(opened)["request"]["parts"]
        assert part["evaluation"] == "X3"
        assert "lead-purposes-only" in json.loads(opened)["decision"]["handling"]["caveats"]

    with_pair(place, story)
