"""Starts and ends of the gateway, sign-ins and refusals: each is an entry, and a flood of them is few entries."""

import asyncio
import json
from datetime import timedelta

import pytest

from attache import clock
from attache.errors import TooManyRequests
from attache.package import uuid7
from gateway.app import logged_run
from gateway.exchange.delivering.outbox import Outbox
from gateway.exchange.kernel.records import OutboxRecord, Query, SettingRecord, SignInRecord
from gateway.exchange.kernel.refusals import EVERY, MAX_KINDS, Refusals, client_network
from gateway.exchange.oversight.lifecycle import note_started, note_stopped
from gateway.exchange_log import Group
from gateway.exchange_log.events.sessions import AccessRefused, SignInRefused
from gateway.exchange_log.leaf import parse_leaf, verify_opening
from gateway.tls.peer import PeerCertificate, WithPeer
from tests.exchange_place import a_part, a_submission, problem


class Time:
    def __init__(self):
        self.passed = timedelta(0)

    def __call__(self):
        return clock.now() + self.passed


async def logged(gateway, *codes: str, group: Group = Group.RECORD) -> list[tuple[str, dict]]:
    """The entries of these codes, with one group of their fields."""
    found = await gateway.agency.store.read_log(lambda log: log.entries_after(-1, 100_000))
    shown = []
    for entry in found:
        leaf = parse_leaf(entry.leaf)
        if leaf.code.value in codes:
            opened = {opening.group: verify_opening(leaf, opening) for opening in entry.openings}
            shown.append((leaf.code.value, opened.get(group)))
    return shown


def settings_of(gateway) -> dict:
    return gateway.settings.model_dump(mode="json")


# Starts and ends


def test_a_start_and_an_end_are_entries(place):
    async def story():
        async with place.open("irs-ci") as gateway, logged_run(gateway.gateway, gateway.settings):
            size = await gateway.agency.store.read_log(lambda log: log.size)
        async with place.open("irs-ci") as gateway:
            [(_, started), (_, stopped)] = await logged(gateway, "gateway.started", "gateway.stopped")
            assert started["size"] == size - 1
            assert started["policy_sha256"] == gateway.agency.in_force.policy.hash
            assert started["leases_ended"] == 0
            assert stopped["size"] == size

    asyncio.run(story())


def test_other_settings_than_at_the_last_start_are_named_and_their_values_are_not_kept(place):
    async def story():
        async with place.open("irs-ci") as gateway:
            was = settings_of(gateway)
            await note_started(gateway.agency, version="1", settings=was)
            await note_started(gateway.agency, version="1", settings=was)
            assert await logged(gateway, "settings.changed") == []
            other = {name: value for name, value in was.items() if name != "log_level"} | {"max_parts": 7, "new": "one"}
            await note_started(gateway.agency, version="2", settings=other)
            [(_, record)] = await logged(gateway, "settings.changed")
            assert record["names"] == ["log_level", "max_parts", "new"]
            kept = await gateway.agency.store.read(lambda r: r.find(SettingRecord.every()))
            assert {each.name for each in kept} == set(other)
            assert not {str(value) for value in other.values()} & {each.digest for each in kept}
            audit = await gateway.agency.store.read_log(lambda log: log.verify())
            assert audit.findings == ()

    asyncio.run(story())


def test_a_start_ends_the_leases_of_the_process_before(place):
    """The process died with a delivery in its hands; the next one takes it at once, not when the lease runs out."""

    async def story():
        async with place.open("irs-ci") as gateway:
            assert (await gateway.submit(await gateway.caller("analyst"))).status_code == 202
            [claimed] = await Outbox(gateway.agency).claim(5, frozenset())
            assert await Outbox(gateway.agency).claim(5, frozenset()) == []
        async with place.open("irs-ci") as gateway:
            assert await Outbox(gateway.agency).claim(5, frozenset()) == [], "the lease still stands"
            await note_started(gateway.agency, version="1", settings=settings_of(gateway))
            [(_, record)] = await logged(gateway, "gateway.started")
            assert record["leases_ended"] == 1
            [again] = await Outbox(gateway.agency).claim(5, frozenset())
            assert (again.outgoing, again.outbox.outbox_id) == (claimed.outgoing, claimed.outbox.outbox_id)

    asyncio.run(story())


def test_a_start_leaves_what_is_done_and_what_is_not_due(place):
    async def story():
        async with place.open("irs-ci") as gateway:
            assert (await gateway.submit(await gateway.caller("analyst"))).status_code == 202
            [claimed] = await Outbox(gateway.agency).claim(5, frozenset())
            later = clock.now() + timedelta(hours=1)
            from attache.errors import PartnerUnreachable

            await Outbox(gateway.agency).postpone(claimed, PartnerUnreachable(), later)
            [before] = await gateway.agency.store.read(lambda r: r.find(Query(OutboxRecord)))
            await note_started(gateway.agency, version="1", settings={})
            assert await gateway.agency.store.read(lambda r: r.find(Query(OutboxRecord))) == [before]

    asyncio.run(story())


# Sign-ins


def test_a_token_is_a_sign_in_once_and_after_a_restart_too(place):
    async def story():
        async with place.open("irs-ci") as gateway:
            token = gateway.token("analyst")
            for _ in range(3):
                assert (await with_token(gateway, token).get("/packages")).status_code == 200
            assert len(await logged(gateway, "session.signed-in")) == 1
            assert (await (await gateway.caller("analyst")).get("/packages")).status_code == 200
            assert len(await logged(gateway, "session.signed-in")) == 2
        async with place.open("irs-ci") as gateway:
            assert (await with_token(gateway, token).get("/packages")).status_code == 200
            found = await logged(gateway, "session.signed-in")
            assert len(found) == 2
            assert found[0][1]["method"] == "access-token"
            [(_, person), _] = await logged(gateway, "session.signed-in", group=Group.PERSON)
            assert person["actor"] == "analyst"

    asyncio.run(story())


def test_many_requests_at_once_with_a_new_token_are_one_sign_in(place):
    async def story():
        async with place.open("irs-ci") as gateway:
            client = with_token(gateway, gateway.token("analyst"))
            answers = await asyncio.gather(*(client.get("/packages") for _ in range(8)))
            assert {answer.status_code for answer in answers} == {200}
            assert len(await logged(gateway, "session.signed-in")) == 1

    asyncio.run(story())


def test_the_sign_in_is_logged_before_what_the_caller_does(place):
    async def story():
        async with place.open("irs-ci") as gateway:
            assert (await gateway.submit(await gateway.caller("analyst"))).status_code == 202
            codes = [code for code, _ in await logged(gateway, "session.signed-in", "package.submitted")]
            assert codes == ["session.signed-in", "package.submitted"]

    asyncio.run(story())


def test_who_cannot_be_logged_does_nothing(place, monkeypatch):
    """A sign-in that does not reach the log ends the request, before anything else."""

    async def story():
        async with place.open("irs-ci") as gateway:
            authentication = gateway.gateway.agency_api.state.authentication

            async def refuse(_):
                raise TooManyRequests(retry_after_seconds=1)

            monkeypatch.setattr(authentication.sign_ins, "note", refuse)
            before = await gateway.footprint()
            answer = await gateway.submit(await gateway.caller("analyst"))
            assert problem(answer) == "too-many-requests"
            assert await gateway.footprint() == before

    asyncio.run(story())


def test_expired_sign_ins_are_forgotten_with_the_next_and_the_records_add_up(place):
    async def story():
        time = Time()
        async with place.open("irs-ci", now=time) as gateway:
            await (await gateway.caller("analyst")).get("/packages")
            time.passed = timedelta(hours=2)
            await (await gateway.caller("colleague")).get("/packages")
            [kept] = await gateway.agency.store.read(lambda r: r.find(Query(SignInRecord)))
            assert kept.expires_at > time()
            audit = await gateway.agency.store.read_log(lambda log: log.verify())
            assert audit.findings == ()

    asyncio.run(story())


def with_token(gateway, token):
    import httpx

    transport = httpx.ASGITransport(gateway.gateway.agency_api, raise_app_exceptions=False)
    return httpx.AsyncClient(
        transport=transport, base_url="https://gateway/api/v1", headers={"Authorization": f"Bearer {token}"}
    )


# Refusals


def test_a_flood_of_bad_tokens_is_two_entries_in_two_minutes_with_their_number(place):
    async def story():
        time = Time()
        async with place.open("irs-ci", now=time) as gateway:
            refusals = gateway.gateway.refusals
            for _ in range(3):
                assert (await with_token(gateway, "no.token.atall").get("/packages")).status_code == 401
                await refusals.flush()
            for _ in range(40):
                await with_token(gateway, "no.token.atall").get("/packages")
            await refusals.flush()
            assert [record["count"] for _, record in await logged(gateway, "session.refused")] == [1]
            time.passed = EVERY
            await refusals.flush()
            await refusals.flush()
            found = await logged(gateway, "session.refused")
            assert found[1] == ("session.refused", {**found[0][1], "count": 42})
            assert found[0][1]["code"] == "token-invalid"
            assert found[0][1]["client_network"] == "loopback"

    asyncio.run(story())


def test_a_request_without_a_token_is_no_refused_sign_in(place):
    async def story():
        async with place.open("irs-ci") as gateway:
            client = await gateway.client(gateway.gateway.agency_api, "/api/v1", {})
            assert (await client.get("/packages")).status_code == 401
            await gateway.gateway.refusals.flush(is_last=True)
            assert await logged(gateway, "session.refused") == []

    asyncio.run(story())


def test_another_roles_endpoint_and_anothers_package_are_noted_with_who_asked(place):
    async def story():
        async with place.open("irs-ci") as gateway:
            theirs = await gateway.released(await gateway.caller("analyst"))
            colleague = await gateway.caller("colleague")
            assert problem(await colleague.get("/log/entries")) == "not-permitted"
            hidden, absent = (
                await colleague.get(f"/packages/{theirs}"),
                await colleague.get(f"/packages/{uuid7(gateway.agency.clock())}"),
            )
            assert (hidden.status_code, absent.status_code) == (404, 404)
            answers = [{k: v for k, v in each.json().items() if k != "request_id"} for each in (hidden, absent)]
            assert answers[0] == answers[1], "what is another's looks absent"
            await gateway.gateway.refusals.flush()
            found = await logged(gateway, "access.refused")
            assert [record for _, record in found] == [
                {"operation": "GET /api/v1/log/entries", "code": "not-permitted", "count": 1},
                {"operation": "GET /api/v1/packages/{package_id}", "code": "not-found", "count": 1},
            ]
            people = await logged(gateway, "access.refused", group=Group.PERSON)
            assert {person["actor"] for _, person in people} == {"colleague"}
            assert all(person["request_id"] for _, person in people)

    asyncio.run(story())


def test_ones_own_approval_and_anothers_post_are_noted(place):
    async def story():
        async with place.open("irs-ci") as gateway:
            both = await gateway.caller("analyst", roles=["submitter", "analyst", "approver"], posts=["bogota"])
            held = await gateway.submit(both, a_submission(a_part(markings=["TLP:AMBER"]), to=["partner-bogota"]))
            approval = held.json()["recipients"][0]["approval_id"]
            body = {"decision": "approve", "reason": "mine"}
            assert problem(await both.post(f"/approvals/{approval}", json=body)) == "own-submission"
            elsewhere = await gateway.caller("attache-sydney")
            assert problem(await elsewhere.post(f"/approvals/{approval}", json=body)) == "not-found"
            await gateway.gateway.refusals.flush()
            assert [record["code"] for _, record in await logged(gateway, "access.refused")] == [
                "own-submission",
                "not-found",
            ]

    asyncio.run(story())


def test_kinds_of_refusals_are_bounded(place):
    """Whoever makes up kinds gets one entry for all that are too many."""

    async def story():
        async with place.open("irs-ci") as gateway:
            refusals = Refusals(gateway.agency.store, clock.now)
            for number in range(3 * MAX_KINDS):
                refusals.note(AccessRefused(operation="GET /x", code="not-permitted"), f"caller-{number}")
            await refusals.flush()
            found = await logged(gateway, "access.refused")
            assert len(found) == MAX_KINDS + 1
            assert found[-1][1] == {"count": 2 * MAX_KINDS}

    asyncio.run(story())


def test_idle_kinds_make_room(place):
    async def story():
        time = Time()
        async with place.open("irs-ci") as gateway:
            refusals = Refusals(gateway.agency.store, time)
            for number in range(MAX_KINDS):
                refusals.note(AccessRefused(operation="GET /x", code="not-permitted"), f"caller-{number}")
            await refusals.flush()
            time.passed = EVERY
            refusals.note(AccessRefused(operation="GET /x", code="not-permitted"), "one more")
            await refusals.flush()
            assert (await logged(gateway, "access.refused"))[-1][1]["operation"] == "GET /x"

    asyncio.run(story())


def test_the_counts_that_wait_are_written_at_the_end(place):
    async def story():
        async with place.open("irs-ci") as gateway:
            async with logged_run(gateway.gateway, gateway.settings):
                for _ in range(2):
                    gateway.gateway.refusals.note(SignInRefused(code="token-invalid"))
                    await gateway.gateway.refusals.flush()
            found = [
                (code, record.get("count"))
                for code, record in await logged(gateway, "session.refused", "gateway.stopped")
            ]
            assert found == [("session.refused", 1), ("session.refused", 1), ("gateway.stopped", None)]

    asyncio.run(story())


def test_refusals_are_written_every_second_and_a_busy_store_does_not_end_that(place, monkeypatch):
    async def story():
        async with place.open("irs-ci") as gateway:
            turns, stored = [], []

            async def pause(seconds):
                turns.append(seconds)
                refusals.note(SignInRefused(code="token-invalid"))
                if len(turns) == 3:
                    writing.cancel()
                await asyncio.sleep(0)

            refusals = Refusals(gateway.agency.store, clock.now, pause=pause)

            async def flush():
                stored.append(len(turns))
                raise TooManyRequests

            monkeypatch.setattr(refusals, "flush", flush)
            writing = asyncio.create_task(refusals.run())
            await asyncio.wait([writing])
            assert (turns, stored) == ([1.0] * 3, [0, 1, 2])

    asyncio.run(story())


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("127.0.0.1", "loopback"),
        ("::1", "loopback"),
        ("10.1.2.3", "private"),
        ("::ffff:10.1.2.3", "private"),
        ("fe80::1%eth0", "link-local"),
        ("8.8.8.8", "public"),
        ("", "unknown"),
        (None, "unknown"),
        ("testclient", "unknown"),
    ],
)
def test_no_address_goes_to_the_log_but_its_kind(host, network):
    assert client_network(host) == network


# Certificates


def test_refused_certificates_are_noted_by_whose_they_are(place):
    async def story():
        async with place.open("irs-ci") as gateway:
            frankfurt = await gateway.peer("partner-frankfurt")
            nobody = await gateway.client(gateway.gateway.exchange_api, "/exchange/v1", {})
            assert problem(await nobody.get("/mailbox")) == "certificate-required"
            listed = place.made["partner-frankfurt"].authority
            other = PeerCertificate(_other_certificate(listed))
            unlisted = await gateway.client(WithPeer(gateway.gateway.exchange_api, other), "/exchange/v1", {})
            assert problem(await unlisted.get("/mailbox")) == "certificate-rejected"
            admin = await gateway.caller("security-officer")
            assert (await admin.post("/participants/partner-frankfurt/suspend")).status_code == 200
            assert problem(await frankfurt.get("/mailbox")) == "partner-suspended"
            gateway.gateway.exchange_trust.note_refused("certificate-revoked")
            await gateway.gateway.refusals.flush()
            found = [record for _, record in await logged(gateway, "certificate.refused")]
            assert [(each["participant"], each["code"]) for each in found] == [
                ("unknown", "certificate-required"),
                ("unknown", "certificate-rejected"),
                ("partner-frankfurt", "partner-suspended"),
                ("unknown", "certificate-revoked"),
            ]
            assert ["certificate_sha256" in each for each in found] == [False, False, True, False]

    asyncio.run(story())


def _other_certificate(authority) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding

    key = ec.generate_private_key(ec.SECP384R1())
    made = authority.issue_tls("somebody", key.public_key(), clock.now(), is_server=False)
    return made.public_bytes(Encoding.DER)


def test_nothing_that_a_stranger_says_goes_to_the_log(place):
    """Neither the token, nor the address, nor the path, nor the certificate of somebody unknown."""

    async def story():
        async with place.open("irs-ci") as gateway:
            await with_token(gateway, "sentinel.sentinel.sentinel").get("/packages/sentinel")
            analyst = await gateway.caller("colleague")
            await analyst.get("/log/entries?actor=sentinel")
            await gateway.gateway.refusals.flush()
            found = await logged(gateway, "session.refused", "access.refused")
            assert len(found) == 2
            assert "sentinel" not in json.dumps(found)

    asyncio.run(story())


def test_note_stopped_says_how_large_the_log_was(place):
    async def story():
        async with place.open("irs-ci") as gateway:
            size = await gateway.agency.store.read_log(lambda log: log.size)
            await note_stopped(gateway.agency, version="1")
            assert await logged(gateway, "gateway.stopped") == [("gateway.stopped", {"version": "1", "size": size})]

    asyncio.run(story())
