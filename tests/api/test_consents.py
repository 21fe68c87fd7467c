"""The life of a consent, from the question to either answer, at both gateways; and what is no answer."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from attache import clock
from attache.consent import sign_consent, verify_consent
from attache.consent_refusal import sign_refusal, verify_refusal
from attache.consent_request import ConsentRequest, encode_request
from attache.evidence.verifying import verify_bundle
from attache.strict_json import canonical
from attache.vocabulary import Purpose
from gateway.exchange.delivering.outbox import Outbox
from gateway.exchange.kernel.records import ConsentRecord, ConsentRequestRecord, Query
from gateway.exchange.kernel.refused_requests import LOGGED
from tests.api.test_passing_on import JOSE, LEAD, NEXT_YEAR, Pair, open_pair
from tests.exchange_place import a_part, b64u, problem

ABSENT = "01935000-0000-7000-8000-000000000001"
ASKED = {"originator": "partner-frankfurt", "part": "lead.txt", "recipient": "partner-bogota"}
ASKED |= {"purpose": "criminal-investigation", "reason": "Bogotá works the same wallets."}
ASKED |= {"legal_basis": "FRANKFURT-LEA", "crime_types": ["money-laundering"]}


@dataclass
class Sharing(Pair):
    """Two gateways, and a lead of Frankfurt's that is another one for each test."""

    leads: int = 0

    @property
    def lead(self):
        return {**LEAD, "content": b64u(f"lead {self.leads}".encode())}

    @property
    def as_ours(self):
        return {**self.lead, "name": "renamed.txt", "content_class": ["chain-public"], "markings": ["TLP:CLEAR"]}


@asynccontextmanager
async def sharing(place, **more):
    async with open_pair(place, **more) as pair:
        yield Sharing(pair.ours, pair.theirs)


@pytest.fixture(scope="module")
def pair(module_place):
    """Both gateways stay open for all tests; `pair.run` runs a coroutine on their event loop, with a new lead."""
    with asyncio.Runner() as runner:
        opening = sharing(module_place)
        opened = runner.run(opening.__aenter__())

        def run(coroutine):
            opened.leads += 1
            return runner.run(coroutine)

        opened.run = run
        try:
            yield opened
        finally:
            runner.run(opening.__aexit__(None, None, None))


@pytest.fixture
def them(module_place):
    """Frankfurt's own keys and descriptor."""
    return module_place.made["partner-frankfurt"]


async def received(pair) -> str:
    """A package of Frankfurt's, opened here."""
    package_id = await pair.given(pair.lead)
    opened = await (await pair.ours.caller("analyst")).post(f"/inbox/partner-frankfurt/{package_id}/open")
    assert opened.status_code == 200, opened.text
    return package_id


async def ask(pair, package_id: str, name="analyst", **more):
    client = await pair.ours.caller(name)
    body = {**ASKED, "package_id": package_id, **more}
    return await client.post("/consents/requests", json=body, headers={"Idempotency-Key": f"ask-{pair.leads}"})


async def arrives(pair, request_id: str) -> None:
    """The request, delivered and opened at Frankfurt."""
    await pair.carry(pair.ours, pair.theirs, request_id)
    opened = await (await pair.theirs.caller("analyst")).post(f"/inbox/irs-ci/{request_id}/open")
    assert opened.status_code == 200, opened.text


async def asked(pair, **more) -> str:
    answer = await ask(pair, await received(pair), **more)
    assert answer.status_code == 202, answer.text
    request_id = answer.json()["request_id"]
    await arrives(pair, request_id)
    return request_id


async def give(pair, request_id: str, **more):
    until = (pair.theirs.agency.clock() + NEXT_YEAR).isoformat()
    body = {"holder": "irs-ci", "request_id": request_id, "expires_at": until, "note": "agreed", **more}
    return await (await pair.officer()).post("/consents", json=body)


async def refuse(pair, request_id: str, **more):
    body = {"holder": "irs-ci", "request_id": request_id, "reason": "It would burn a source.", **more}
    return await (await pair.officer()).post("/consents/refusals", json=body)


async def outgoing(gateway, kind: str) -> bytes:
    """The newest that the outbox carries of this kind."""
    outbox = Outbox(gateway.agency)
    claimed = [each for each in await outbox.claim(500, frozenset()) if each.outbox.kind == kind]
    newest = max(claimed, key=lambda each: each.outbox.outbox_id)
    return newest.outgoing.signed


async def state_of(gateway, request_id: str, name="auditor") -> dict:
    answer = await (await gateway.caller(name)).get(f"/consents/requests/irs-ci/{request_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def bring(pair, signed: bytes, what="consents", sender="partner-frankfurt"):
    return await (await pair.ours.peer(sender)).post(f"/{what}", content=signed, headers=JOSE)


async def is_rejected(pair, signed: bytes, code: str, what="consents", sender="partner-frankfurt") -> None:
    """Refused with this code; one entry says so, and nothing else is written."""
    before = await pair.ours.footprint()
    answer = await bring(pair, signed, what, sender)
    assert problem(answer) == code, answer.text
    assert await pair.ours.footprint() == {**before, "entries": before["entries"] + 1}
    auditor = await pair.ours.caller("auditor")
    entries = (await auditor.get("/log/entries?event=consent.rejected")).json()["entries"]
    assert entries[-1]["fields"]["record"]["code"] == code
    assert entries[-1]["fields"]["record"]["participant"] == sender


def test_asked_given_and_passed_on(pair):
    async def story():
        package_id = await received(pair)
        answer = await ask(pair, package_id)
        assert answer.status_code == 202, answer.text
        request_id = answer.json()["request_id"]
        assert (answer.json()["state"], answer.json()["recipient"]) == ("asked", "partner-bogota")
        assert (await pair.ours.entries())[-1] == "consent.asked"
        again = await ask(pair, package_id)
        assert again.json() == answer.json()
        await arrives(pair, request_id)
        assert (await pair.theirs.entries())[-1] == "consent.asked"
        theirs = await state_of(pair.theirs, request_id)
        assert (theirs["part"], theirs["purpose"], theirs["reason"]) == (
            "lead.txt",
            "criminal-investigation",
            ASKED["reason"],
        )
        assert (await pair.outcome(pair.as_ours))[0] == "denied"
        given = await give(pair, request_id)
        assert given.status_code == 201, given.text
        signed = await outgoing(pair.theirs, "consent")
        assert (await bring(pair, signed)).status_code == 204
        for side in (pair.ours, pair.theirs):
            assert "consent.given" in await side.entries()
            known = await state_of(side, request_id)
            assert (known["state"], known["consent_id"]) == ("given", given.json()["consent_id"])
        assert (await pair.outcome(pair.as_ours))[0] == "released"
        shown = await (await pair.ours.caller("auditor")).get(f"/consents/{given.json()['consent_id']}")
        assert canonical(shown.json()["signed"]) == signed

    pair.run(story())


def test_asked_and_refused(pair):
    async def story():
        request_id = await asked(pair)
        refused = await refuse(pair, request_id)
        assert (refused.status_code, refused.json()["state"]) == (201, "refused")
        signed = await outgoing(pair.theirs, "consent-refusal")
        stated = verify_refusal(signed, pair.ours.agency.directory.partner("partner-frankfurt").descriptor)
        assert (stated.request_id, stated.reason) == (request_id, "It would burn a source.")
        assert (await bring(pair, signed, "consents/refusals")).status_code == 204
        before = await pair.ours.footprint()
        assert (await bring(pair, signed, "consents/refusals")).status_code == 204
        assert await pair.ours.footprint() == before
        for side in (pair.ours, pair.theirs):
            assert "consent.refused" in await side.entries()
            known = await state_of(side, request_id)
            assert (known["state"], canonical(known["refusal"])) == ("refused", signed)
        assert (await pair.outcome(pair.as_ours))[0] == "denied"

    pair.run(story())


def test_a_request_has_one_answer(pair, them):
    async def story():
        request_id = await asked(pair)
        assert (await refuse(pair, request_id)).status_code == 201
        before = await pair.theirs.footprint()
        assert problem(await refuse(pair, request_id)) == "illegal-transition"
        assert problem(await give(pair, request_id)) == "illegal-transition"
        assert await pair.theirs.footprint() == before
        refusal = await outgoing(pair.theirs, "consent-refusal")
        assert (await bring(pair, refusal, "consents/refusals")).status_code == 204
        # An originator that changes its mind is asked again.
        stated = verify_refusal(refusal, them.descriptor)
        other = sign_refusal(stated.model_copy(update={"reason": "Another reason."}), them.keys)
        await is_rejected(pair, other, "illegal-transition", "consents/refusals")

    pair.run(story())


def test_a_request_in_words_is_refused_too(pair):
    async def story():
        request_id = await pair.asked(await pair.given(pair.lead))
        assert problem(await give(pair, request_id)) == "malformed-request"
        assert (await refuse(pair, request_id)).status_code == 201
        assert problem(await give(pair, request_id, part="lead.txt", recipient="partner-bogota")) in {
            "illegal-transition",
            "malformed-request",
        }
        signed = await outgoing(pair.theirs, "consent-refusal")
        assert (await bring(pair, signed, "consents/refusals")).status_code == 204
        known = await state_of(pair.ours, request_id)
        assert (known["state"], known["part"], known["recipient"]) == ("refused", None, None)

    pair.run(story())


def test_what_cannot_be_asked_is_not(pair):
    async def story():
        package_id, unopened = await received(pair), await pair.given(a_part("other.txt", b"another"))
        for more, code in (
            ({"package_id": ABSENT}, "not-found"),
            ({"package_id": unopened}, "not-found"),
            ({"originator": "partner-sydney"}, "not-found"),
            ({"part": "no-such.txt"}, "not-found"),
            ({"recipient": "irs-ci"}, "malformed-request"),
            ({"recipient": "partner-frankfurt"}, "malformed-request"),
            ({"recipient": "nobody"}, "unknown-partner"),
            ({"purpose": "curiosity"}, "unknown-term"),
            ({"markings": ["TLP:PURPLE"]}, "unknown-marking"),
            ({"reason": ""}, "malformed-request"),
        ):
            before = await pair.ours.footprint()
            assert problem(await ask(pair, **{"package_id": package_id, **more})) == code, more
            assert await pair.ours.footprint() == {**before, "entries": before["entries"] + (code in LOGGED)}
        client = await pair.ours.caller("attache-bogota")
        body = {**ASKED, "package_id": package_id}
        answer = await client.post("/consents/requests", json=body, headers={"Idempotency-Key": "x"})
        assert problem(answer) == "not-permitted"

    pair.run(story())


def test_a_request_that_policy_denies_is_not_asked(pair):
    async def story():
        package_id = await received(pair)
        answer = await ask(pair, package_id, content_class=["source-identifying"])
        assert (problem(answer), answer.status_code) == ("policy-denied", 403)
        assert (await pair.ours.entries())[-3:] == ["package.submitted", "package.decided", "package.denied"]

    pair.run(story())


def test_who_asked_sees_the_answer_and_a_colleague_does_not(pair):
    async def story():
        request_id = await asked(pair)
        assert (await state_of(pair.ours, request_id, "analyst"))["state"] == "asked"
        colleague = await pair.ours.caller("colleague")
        assert problem(await colleague.get(f"/consents/requests/irs-ci/{request_id}")) == "not-found"
        assert (await colleague.get("/consents/requests?limit=200")).json()["requests"] == []
        for name in ("analyst", "auditor", "attache-bogota", "security-officer"):
            listed = (await (await pair.ours.caller(name)).get("/consents/requests?limit=200")).json()["requests"]
            assert listed[-1]["request_id"] == request_id, name

    pair.run(story())


def test_only_what_was_asked_for_is_given(pair):
    async def story():
        request_id = await asked(pair)
        before = await pair.theirs.footprint()
        for more in ({"recipient": "europol"}, {"purpose": "tax-enforcement"}, {"part": "other.txt"}):
            assert problem(await give(pair, request_id, **more)) == "malformed-request", more
        elsewhere = await pair.officer(["sydney"])
        refusal = {"holder": "irs-ci", "request_id": request_id, "reason": "no"}
        assert problem(await elsewhere.post("/consents/refusals", json=refusal)) == "not-found"
        assert await pair.theirs.footprint() == before

    pair.run(story())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"content_sha256": "0" * 64}, "not-found"),
        ({"package_id": ABSENT}, "not-found"),
        ({"originator": "partner-sydney"}, "malformed-consent"),
        ({"holder": "europol"}, "malformed-consent"),
        ({"part": "no-such.txt"}, "not-found"),
        (None, "malformed-consent"),
    ],
    ids=["another content", "another package", "another originator", "another holder", "no such part", "no request"],
)
def test_a_false_request_is_opened_logged_and_answered_by_nobody(pair, change, code):
    """What asks for consent to something that never went there: it is read as a package, and is no request."""

    async def story():
        package_id = await received(pair)
        facts = (await (await pair.ours.caller("analyst")).get(f"/inbox/partner-frankfurt/{package_id}")).json()
        stated = {name: ASKED[name] for name in ("part", "recipient", "reason")}
        request = ConsentRequest(
            originator="partner-frankfurt",
            holder="irs-ci",
            package_id=package_id,
            content_sha256=facts["parts"][0]["sha256"],
            purpose=Purpose.CRIMINAL_INVESTIGATION,
            **stated,
        )
        raw = b"{}" if change is None else encode_request(request.model_copy(update=change))
        part = a_part("consent-request.json", raw, media_type="application/vnd.attache.consent-request+json")
        more = {"kind": "request", "in_reply_to": package_id}
        request_id = await pair.ours.released(await pair.ours.caller("analyst"), part, **more)
        await arrives(pair, request_id)
        assert (await pair.theirs.entries())[-2:] == ["package.opened", "consent.rejected"]
        key = ("irs-ci", request_id)
        assert await pair.theirs.agency.store.read(lambda reader: reader.get(ConsentRequestRecord.key(*key))) is None
        auditor = await pair.theirs.caller("auditor")
        entry = (await auditor.get("/log/entries?event=consent.rejected")).json()["entries"][-1]
        assert entry["fields"]["record"]["code"] == code

    pair.run(story())


# Attacks on the answer: one that was really given is forged before it comes, and is rejected; then the real one is good.


def resigned(signer="partner-frankfurt", **update):
    def forge(place, stated, _):
        sign = sign_consent if hasattr(stated, "consent_id") else sign_refusal
        return sign(stated.model_copy(update=update), place.made[signer].keys)

    return forge


def as_it_is(_place, _stated, signed):
    return signed


def retyped(_place, _stated, signed):
    """Under the other type, which is signed as well."""
    from attache.crypto import b64u, parse_b64u
    from attache.strict_json import parse_object

    document = parse_object(signed)
    for each in document["signatures"]:
        header = parse_b64u(each["protected"])
        each["protected"] = b64u(header.replace(b"consent-refusal", b"consent"))
    return canonical(document)


CONSENTS = {
    "for another recipient than was asked": (resigned(recipient="europol"), "not-found", "partner-frankfurt"),
    "for other content": (resigned(content_sha256="0" * 64), "not-found", "partner-frankfurt"),
    "for another purpose": (resigned(purpose=Purpose.TAX_ENFORCEMENT), "not-found", "partner-frankfurt"),
    "that answers no request of ours": (resigned(request_id=ABSENT), "not-found", "partner-frankfurt"),
    "about another package": (resigned(package_id=ABSENT), "not-found", "partner-frankfurt"),
    "for another holder": (resigned(holder="partner-sydney"), "not-a-recipient", "partner-frankfurt"),
    "forged by a third": (resigned("partner-sydney"), "unknown-key", "partner-frankfurt"),
    "brought by a third": (as_it_is, "unknown-key", "partner-sydney"),
    "dated in the future": (resigned(at=clock.now() + timedelta(hours=1)), "stale", "partner-frankfurt"),
}
REFUSALS = {
    "for another holder": (resigned(holder="europol"), "not-a-recipient", "partner-frankfurt"),
    "about another package": (resigned(package_id=ABSENT), "not-found", "partner-frankfurt"),
    "that answers no request of ours": (resigned(request_id=ABSENT), "not-found", "partner-frankfurt"),
    "forged by a third": (resigned("partner-sydney"), "unknown-key", "partner-frankfurt"),
    "brought by a third": (as_it_is, "unknown-key", "partner-sydney"),
    "retyped": (retyped, "signature-invalid", "partner-frankfurt"),
}


async def is_only_good_as_it_is(pair, what, request_id, signed, forged, code, sender):
    consents = await pair.ours.agency.store.read(lambda reader: reader.find(Query(ConsentRecord)))
    await is_rejected(pair, forged, code, what, sender)
    assert await pair.ours.agency.store.read(lambda reader: reader.find(Query(ConsentRecord))) == consents
    assert (await state_of(pair.ours, request_id))["state"] == "asked"
    assert (await pair.outcome(pair.as_ours))[0] == "denied"
    assert (await bring(pair, signed, what)).status_code == 204


@pytest.mark.parametrize(("forge", "code", "sender"), CONSENTS.values(), ids=CONSENTS)
def test_a_consent(pair, module_place, them, forge, code, sender):
    async def story():
        request_id = await asked(pair)
        assert (await give(pair, request_id)).status_code == 201
        signed = await outgoing(pair.theirs, "consent")
        forged = forge(module_place, verify_consent(signed, them.descriptor), signed)
        await is_only_good_as_it_is(pair, "consents", request_id, signed, forged, code, sender)

    pair.run(story())


@pytest.mark.parametrize(("forge", "code", "sender"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal(pair, module_place, them, forge, code, sender):
    async def story():
        request_id = await asked(pair)
        assert (await refuse(pair, request_id)).status_code == 201
        signed = await outgoing(pair.theirs, "consent-refusal")
        forged = forge(module_place, verify_refusal(signed, them.descriptor), signed)
        await is_only_good_as_it_is(pair, "consents/refusals", request_id, signed, forged, code, sender)

    pair.run(story())


def test_a_refusal_is_no_consent(pair):
    async def story():
        request_id = await asked(pair)
        assert (await refuse(pair, request_id)).status_code == 201
        await is_rejected(pair, await outgoing(pair.theirs, "consent-refusal"), "signature-invalid")

    pair.run(story())


def test_an_expired_consent(place):
    async def story():
        async with sharing(place, now=lambda: now[0]) as pair:
            request_id = await asked(pair)
            until = (now[0] + timedelta(days=3)).isoformat()
            assert (await give(pair, request_id, expires_at=until)).status_code == 201
            signed = await outgoing(pair.theirs, "consent")
            now[0] += timedelta(days=3)
            await is_rejected(pair, signed, "stale")

    now = [clock.now()]
    asyncio.run(story())


def test_a_consent_under_a_key_that_was_revoked_since(pair):
    """It was good when it came; from the revocation on it lets nothing go."""

    async def story():
        request_id = await asked(pair)
        assert (await give(pair, request_id)).status_code == 201
        signed = await outgoing(pair.theirs, "consent")
        assert (await bring(pair, signed)).status_code == 204
        assert (await pair.outcome(pair.as_ours))[0] == "released"
        sides = (pair.ours.gateway.agency_api.state, pair.ours.gateway.exchange_api.state)
        for side in sides:
            side.agency = replace(pair.ours.agency, revoked=lambda _: True)
        try:
            assert (await pair.outcome(pair.as_ours, title="again"))[0] == "denied"
            await is_rejected(pair, signed, "certificate-revoked")
        finally:
            for side in sides:
                side.agency = pair.ours.agency

    pair.run(story())


def test_a_consent_replayed_for_another_purpose_or_recipient_lets_nothing_go(pair):
    async def story():
        request_id = await asked(pair)
        assert (await give(pair, request_id)).status_code == 201
        assert (await bring(pair, await outgoing(pair.theirs, "consent"))).status_code == 204
        for more in ({"purpose": "tax-enforcement"}, {"to": ("europol",)}):
            before = await pair.ours.footprint()
            state, rules = await pair.outcome(pair.as_ours, **more)
            assert (state, "BASE-ORCON" in rules) == ("denied", True), more
            after = await pair.ours.footprint()
            assert after["OutboxRecord"] == before["OutboxRecord"]
            assert (await pair.ours.entries())[-1] == "package.denied"

    pair.run(story())


def test_the_lead_is_still_frankfurts(pair):
    """The part that a request names is known by its content; under another name it is the same part."""

    async def story():
        request_id = await asked(pair)
        assert (await give(pair, request_id)).status_code == 201
        assert (await bring(pair, await outgoing(pair.theirs, "consent"))).status_code == 204
        assert (await pair.outcome({**pair.lead, "name": "another-name.txt"}))[0] == "released"

    pair.run(story())


# Evidence


async def evidence(gateway, package_id: str, name: str) -> bytes:
    answer = await (await gateway.caller(name)).get(f"/packages/{package_id}/evidence")
    assert answer.status_code == 200, answer.text
    return answer.content


def test_the_evidence_of_what_was_passed_on_holds_the_consent(pair, module_place):
    """And the evidence about the package in which it came is still sound."""

    async def story():
        request_id = await asked(pair)
        package_id = (await state_of(pair.ours, request_id))["package_id"]
        assert (await give(pair, request_id)).status_code == 201
        assert (await bring(pair, await outgoing(pair.theirs, "consent"))).status_code == 204
        analyst = await pair.ours.caller("analyst")
        passed_on = await pair.ours.released(analyst, pair.as_ours, to=("partner-bogota",))
        return (
            await state_of(pair.ours, request_id),
            await evidence(pair.ours, passed_on, "analyst"),
            await evidence(pair.ours, passed_on, "auditor"),
            await evidence(pair.theirs, package_id, "auditor"),
        )

    known, *bundles = pair.run(story())
    trusted = [module_place.made[name].descriptor for name in ("irs-ci", "partner-frankfurt", "partner-bogota")]
    for raw in bundles[:2]:
        report = verify_bundle(raw, trusted)
        assert report.findings == ()
        assert report.facts["consents"] == [known["consent_id"]]
        said = {check.step: check.detail for check in report.checks if check.where == known["consent_id"]}
        assert "partner-frankfurt let irs-ci pass it on to partner-bogota" in said["consents"]
        assert said["story"] == "the log holds the consent, before the release"
        assert "consent.given" in {moment["code"] for moment in report.timeline}
    report = verify_bundle(bundles[2], trusted)
    assert report.findings == ()
    assert "consent.given" in {moment["code"] for moment in report.timeline}
    assert report.facts["consents"] == []
