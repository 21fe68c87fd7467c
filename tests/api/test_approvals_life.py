"""Approvals to their end: two of two, officers who lose their standing, changed policy, lapsed time, and booked reviews."""

import asyncio
from datetime import timedelta

import pytest

from attache import clock
from gateway.exchange.kernel.records import ApprovalRecord
from gateway.upkeep import keep_up, run_upkeep
from tests.exchange_place import a_part, a_submission, problem

APPROVE = {"decision": "approve", "reason": "seen"}
WITHDRAW = {"officer": "officer-1", "note": "left the post"}
NOTE = a_part("note.txt", b"a note", markings=["TLP:AMBER"])
EXPLOIT = a_part("exploit.bin", b"an exploit", content_class=["exploit-or-malware"])
TOOL = {"to": ("partner-frankfurt",), "kind": "tool"}
HELD = {"to": ("partner-bogota",)}
THREAT = {
    "to": ("partner-bogota",),
    "urgency": "threat-to-life",
    "purpose": "threat-warning",
    "review_within_hours": 24,
}
PERSON = a_part("person.txt", b"a person", content_class=["personal-data"])


async def officer(gateway, subject: str, posts=("bogota",), roles=("approver",)):
    token = gateway.token("attache-bogota", subject=subject, roles=list(roles), posts=list(posts))
    return await gateway.client(gateway.gateway.agency_api, "/api/v1", {"Authorization": f"Bearer {token}"})


async def life_of(client, package_id: str) -> dict:
    [life] = (await client.get(f"/packages/{package_id}")).json()["recipients"]
    return life


async def held(gateway, *parts, **more) -> tuple[str, str]:
    analyst = await gateway.caller("analyst")
    package_id = await gateway.released(analyst, *(parts or (NOTE,)), **{**HELD, **more})
    life = await life_of(analyst, package_id)
    assert life["state"] == "held", life
    return package_id, life["approval_id"]


async def approve(client, approval_id: str):
    return await client.post(f"/approvals/{approval_id}", json=APPROVE)


async def next_approval(gateway, package_id: str) -> str:
    life = await life_of(await gateway.caller("analyst"), package_id)
    assert life["state"] == "held"
    return life["approval_id"]


def test_two_of_two(desk):
    async def story():
        package_id, first = await held(desk, EXPLOIT, **TOOL)
        one, two = await officer(desk, "officer-1", ["frankfurt"]), await officer(desk, "officer-2", ["frankfurt"])
        assert (await approve(one, first)).json()["state"] == "approved"
        second = await next_approval(desk, package_id)
        assert second != first
        before = await desk.footprint()
        assert problem(await approve(one, second)) == "own-submission"
        await desk.gateway.refusals.flush()
        assert await desk.footprint() == {**before, "entries": before["entries"] + 1}
        assert (await approve(two, second)).json()["state"] == "approved"
        assert (await life_of(await desk.caller("analyst"), package_id))["state"] == "released"
        manifest = (await desk.opened(package_id, "partner-frankfurt"))[0].manifest
        names = {desk.agency.pseudonyms.of("actor", name) for name in ("officer-1", "officer-2")}
        assert set(manifest.release.approvers) == names

    desk.run(story())


def test_two_second_officers_at_once_release_once(desk):
    async def story():
        package_id, first = await held(desk, EXPLOIT, **TOOL)
        await approve(await officer(desk, "officer-1", ["frankfurt"]), first)
        second = await next_approval(desk, package_id)
        others = [await officer(desk, f"other-{n}", ["frankfurt"]) for n in range(3)]
        before = await desk.entries()
        answers = await asyncio.gather(*(approve(client, second) for client in others))
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
        assert (await desk.entries())[len(before) :].count("package.released") == 1

    desk.run(story())


def test_an_officer_whose_standing_was_withdrawn_sees_and_answers_nothing(place):
    async def story():
        async with place.open() as gateway:
            _, approval_id = await held(gateway)
            one, security = await officer(gateway, "officer-1"), await gateway.caller("security-officer")
            assert len((await one.get("/approvals")).json()["approvals"]) == 1
            withdrawn = await security.post("/officers/withdrawal", json=WITHDRAW)
            assert (withdrawn.status_code, withdrawn.json()["withdrawn_posts"]) == (200, ["*"])
            before = await gateway.footprint()
            assert (await one.get("/approvals")).json() == {"approvals": []}
            assert problem(await one.get(f"/approvals/{approval_id}")) == "not-found"
            assert problem(await approve(one, approval_id)) == "not-found"
            await gateway.gateway.refusals.flush()
            assert {**await gateway.footprint(), "entries": 0} == {**before, "entries": 0}
            assert (await gateway.entries())[-1] == "access.refused"
            await security.post("/officers/reinstatement", json=WITHDRAW)
            assert (await approve(one, approval_id)).json()["state"] == "approved"

    asyncio.run(story())


@pytest.mark.parametrize("posts", [[], ["frankfurt"]])
def test_an_approval_of_an_officer_who_lost_the_post_no_longer_counts(place, posts):
    async def story():
        async with place.open() as gateway:
            package_id, first = await held(gateway, EXPLOIT, **TOOL)
            clients = [await officer(gateway, f"officer-{n}", ["frankfurt"]) for n in (1, 2, 3)]
            await approve(clients[0], first)
            security = await gateway.caller("security-officer")
            assert (await security.post("/officers/withdrawal", json={**WITHDRAW, "posts": posts})).status_code == 200
            await approve(clients[1], await next_approval(gateway, package_id))
            third = await next_approval(gateway, package_id)
            await approve(clients[2], third)
            assert (await life_of(await gateway.caller("analyst"), package_id))["state"] == "released"
            manifest = (await gateway.opened(package_id, "partner-frankfurt"))[0].manifest
            names = {gateway.agency.pseudonyms.of("actor", name) for name in ("officer-2", "officer-3")}
            assert set(manifest.release.approvers) == names

    asyncio.run(story())


def test_losing_another_post_changes_nothing(place):
    async def story():
        async with place.open() as gateway:
            _, approval_id = await held(gateway)
            security, one = await gateway.caller("security-officer"), await officer(gateway, "officer-1")
            await security.post("/officers/withdrawal", json={**WITHDRAW, "posts": ["sydney"]})
            assert (await approve(one, approval_id)).json()["state"] == "approved"
            nobody = await security.post("/officers/reinstatement", json={"officer": "nobody", "note": "x"})
            assert problem(nobody) == "not-found"

    asyncio.run(story())


def test_a_withdrawal_between_decision_and_release_stops_it(place):
    """Standing is read again in the unit that releases."""

    async def story():
        async with place.open() as gateway:
            from gateway.exchange.kernel.officers import withdraw_officer
            from gateway.exchange.kernel.provisional import ProvisionalBlobs
            from gateway.exchange.outgoing import approve as use_case
            from gateway.identity.caller import Caller, Role

            package_id, approval_id = await held(gateway)
            far = clock.now() + timedelta(hours=1)

            def caller(name, role):
                return Caller(name, "x", "x", frozenset({role}), far, posts=frozenset({"bogota"}))

            agency, one = gateway.agency, caller("officer-1", Role.APPROVER)
            case = await agency.store.read(lambda reader: use_case._case(agency, reader, one, approval_id))
            verdict = use_case._decide_again(agency, ProvisionalBlobs(agency.blobs), case, one)
            await withdraw_officer(agency, caller("chief", Role.SECURITY_OFFICER), "officer-1", (), "x")
            before = await gateway.footprint()
            with pytest.raises(Exception, match="standing"):
                await agency.commit(one, lambda work: use_case._approve(agency, work, case, verdict, "seen"))
            assert await gateway.footprint() == before
            assert (await life_of(await gateway.caller("analyst"), package_id))["state"] == "held"

    asyncio.run(story())


def test_a_change_of_policy_voids_what_waits_and_asks_anew(place):
    async def story():
        async with place.open() as gateway:
            from tests.api.test_policies import folder_files

            package_id, approval_id = await held(gateway)
            chiefs = [await officer(gateway, f"chief-{n}", roles=["security-officer"]) for n in (1, 2)]
            files = folder_files(cases=False)
            files["partners/partner-bogota.facts.yaml"] += "# reviewed\n"
            proposed = await chiefs[0].post("/policies", json={"files": files, "note": "x"})
            await chiefs[1].post(f"/policies/{proposed.json()['policy_sha256']}/activation", json={"note": "x"})
            one = await officer(gateway, "officer-1")
            assert problem(await approve(one, approval_id)) == "approval-void"
            assert (await gateway.entries())[-3:] == ["approval.voided", "package.decided", "package.held"]
            again = await next_approval(gateway, package_id)
            assert again != approval_id
            assert problem(await approve(one, approval_id)) == "illegal-transition"
            assert (await approve(one, again)).json()["state"] == "approved"
            assert (await life_of(await gateway.caller("analyst"), package_id))["state"] == "released"

    asyncio.run(story())


def test_what_nobody_approves_in_time_is_rejected(place):
    async def story():
        now = [clock.now()]
        async with place.open(now=lambda: now[0]) as gateway:
            package_id, approval_id = await held(gateway)
            before = await gateway.footprint()
            await keep_up(gateway.agency)
            assert await gateway.footprint() == before
            now[0] += timedelta(days=14)
            await keep_up(gateway.agency)
            await keep_up(gateway.agency)
            life = await life_of(await gateway.caller("analyst"), package_id)
            assert (life["state"], life["problem"], life["approval_id"]) == ("rejected", "approval-void", None)
            assert (await gateway.entries())[-1] == "approval.lapsed"
            assert await gateway.footprint() == {**before, "entries": before["entries"] + 1}
            record = await gateway.agency.store.read(lambda reader: reader.get(ApprovalRecord.key(approval_id)))
            assert record.state == "void"

    asyncio.run(story())


def test_a_threat_to_life_goes_at_once_and_its_review_alarms_when_overdue(place):
    async def story():
        now = [clock.now()]
        async with place.open(now=lambda: now[0]) as gateway:
            analyst = await gateway.caller("analyst")
            package_id = await gateway.released(analyst, PERSON, **THREAT)
            assert (await life_of(analyst, package_id))["state"] == "released"
            assert "review.booked" in await gateway.entries()
            one = await officer(gateway, "officer-1")
            [review] = (await one.get("/reviews")).json()["reviews"]
            assert (review["package_id"], review["state"]) == (package_id, "booked")
            assert (await one.get("https://gateway/readyz")).status_code == 200
            sydney = await officer(gateway, "officer-9", ["sydney"])
            assert (await sydney.get("/reviews")).json() == {"reviews": []}
            now[0] += timedelta(hours=24)
            await keep_up(gateway.agency)
            await keep_up(gateway.agency)
            assert (await gateway.entries()).count("review.overdue") == 1
            auditor = await gateway.caller("auditor")
            assert [r["state"] for r in (await auditor.get("/reviews")).json()["reviews"]] == ["overdue"]
            not_ready = await auditor.get("https://gateway/readyz")
            assert (not_ready.status_code, not_ready.json()["failed"]) == (503, ["reviews"])
            path, found = f"/reviews/{package_id}/partner-bogota", {"finding": "justified", "note": "there was no time"}
            both = await officer(gateway, "analyst")
            before = await gateway.footprint()
            assert problem(await both.post(path, json=found)) == "own-submission"
            sydney, one = await officer(gateway, "officer-9", ["sydney"]), await officer(gateway, "officer-1")
            assert problem(await sydney.post(path, json=found)) == "not-found"
            assert problem(await one.post(path, json={**found, "finding": "overdue"})) == "unknown-term"
            assert await gateway.footprint() == before
            done = await one.post(path, json=found)
            assert (done.status_code, done.json()["state"]) == (200, "justified")
            assert (await gateway.entries())[-1] == "review.done"
            assert problem(await one.post(path, json=found)) == "illegal-transition"
            assert (await one.get("https://gateway/readyz")).status_code == 200
            assert (await one.get("/reviews")).json() == {"reviews": []}

    asyncio.run(story())


@pytest.mark.parametrize(
    "change",
    [{"review_within_hours": 0}, {"review_within_hours": 25}, {"urgency": "priority"}, {"purpose": "prosecution"}],
)
def test_no_threat_or_no_review_in_time_goes_nowhere_at_once(desk, change):
    async def story():
        answer = await desk.submit(await desk.caller("analyst"), a_submission(PERSON, **{**THREAT, **change}))
        [life] = answer.json()["recipients"]
        assert life["state"] in {"held", "denied"}
        entries = await desk.entries()
        assert entries[-1] in {"package.held", "package.denied"}

    desk.run(story())


def test_upkeep_runs_each_minute_and_outlives_a_broken_store():
    reads, turns = [], []

    class Store:
        async def read(self, query):
            reads.append(query)
            if len(reads) == 1:
                raise OSError("gone for a moment")
            return False

    class Agency:
        store = Store()

    async def story():
        async def pause(seconds):
            turns.append((seconds, len(reads)))
            if len(turns) == 3:
                upkeep.cancel()
            await asyncio.sleep(0)

        upkeep = asyncio.create_task(run_upkeep(Agency(), pause=pause))
        await asyncio.wait([upkeep])

    asyncio.run(story())
    assert [seconds for seconds, _ in turns] == [1.0, 60.0, 60.0]
    first, second, third = (count for _, count in turns)
    assert first == 1 < second < third, "the first broke off, the others looked at everything"
