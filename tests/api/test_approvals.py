"""Approvals: a second officer at the recipient's post sees exactly what would leave, and decides about exactly that."""

import asyncio
from datetime import timedelta

import pytest

from attache import clock
from tests.exchange_place import a_part, a_submission, problem

PARTS = (
    a_part("wallets.json", b"[]", content_class=["chain-public"]),
    a_part("note.txt", b"a note", markings=["TLP:AMBER"]),
    a_part("return.txt", b"a return", content_class=["return-information"]),
)
HELD = {"to": ("partner-bogota",), "crime_types": ["money-laundering"]}
APPROVE = {"decision": "approve", "reason": "seen"}
REJECT = {"decision": "reject", "reason": "no"}


async def held(gateway, client, *parts, **more) -> tuple[str, str]:
    """A package that waits: its id and the approval's."""
    package_id = await gateway.released(client, *(parts or PARTS), **{**HELD, **more})
    [life] = (await client.get(f"/packages/{package_id}")).json()["recipients"]
    assert life["state"] == "held"
    return package_id, life["approval_id"]


async def life_of(client, package_id: str) -> dict:
    [life] = (await client.get(f"/packages/{package_id}")).json()["recipients"]
    return life


async def as_officer(gateway, subject: str, roles=("approver",), posts=("bogota",)):
    token = gateway.token("attache-bogota", subject=subject, roles=list(roles), posts=list(posts))
    return await gateway.client(gateway.gateway.agency_api, "/api/v1", {"Authorization": f"Bearer {token}"})


def test_an_officer_sees_exactly_what_would_leave(desk):
    async def story():
        analyst, officer = await desk.caller("analyst"), await desk.caller("attache-bogota")
        package_id, approval_id = await held(desk, analyst)
        view = (await officer.get(f"/approvals/{approval_id}")).json()
        assert view["package_id"] == package_id
        assert [part["name"] for part in view["parts"]] == ["wallets.json", "note.txt"]
        assert (view["recipient"], view["post"], view["legal_basis"]) == ("partner-bogota", "bogota", "BOGOTA-LEA")
        assert (view["title"], view["purpose"]) == ("Mixer proceeds", "criminal-investigation")
        assert "return" not in str(view)
        approved = await officer.post(f"/approvals/{approval_id}", json=APPROVE)
        assert (approved.status_code, approved.json()["state"]) == (200, "approved")
        assert approved.json()["parts"] == view["parts"]
        frame, ciphertexts = await desk.sealed(package_id, "partner-bogota")
        assert frame
        shown = {part["name"]: part["sha256"] for part in view["parts"]}
        life = await life_of(analyst, package_id)
        left = [part["name"] for part in life["decision"]["parts"] if part["outcome"] == "disclose"]
        assert left == list(shown)
        assert len(ciphertexts) == len(shown)
        assert (await desk.entries())[-3:] == ["package.approved", "package.decided", "package.released"]

    desk.run(story())


def test_the_queue_is_the_posts_own_oldest_first(desk):
    async def story():
        analyst, bogota = await desk.caller("analyst"), await desk.caller("attache-bogota")
        sydney, nowhere = await desk.caller("attache-sydney"), await as_officer(desk, "nobody", posts=())
        approvals = [(await held(desk, analyst))[1] for _ in range(3)]
        waiting = (await bogota.get("/approvals?limit=200")).json()["approvals"]
        assert [view["approval_id"] for view in waiting][-3:] == approvals
        assert {view["state"] for view in waiting} == {"pending"}
        assert len((await bogota.get("/approvals?limit=1")).json()["approvals"]) == 1
        assert (await sydney.get("/approvals")).json() == {"approvals": []}
        assert (await nowhere.get("/approvals")).json() == {"approvals": []}

    desk.run(story())


async def refused(desk, client, approval_id, code, answer=APPROVE):
    """Nothing changes, and an entry says that the answer did not count; of the caller's own, one a minute does."""
    before = await desk.footprint()
    assert problem(await client.post(f"/approvals/{approval_id}", json=answer)) == code
    await desk.gateway.refusals.flush()
    assert {**await desk.footprint(), "entries": 0} == {**before, "entries": 0}
    said = "access.refused" if code == "own-submission" else "approval.refused"
    assert (await desk.entries())[-1] == said


def test_nobody_answers_about_their_own_submission(desk):
    async def story():
        both = await as_officer(desk, "analyst", roles=("submitter", "approver"))
        package_id, approval_id = await held(desk, both)
        await refused(desk, both, approval_id, "own-submission")
        await refused(desk, both, approval_id, "own-submission", REJECT)
        assert (await life_of(both, package_id))["state"] == "held"

    desk.run(story())


def test_a_rejection_is_final(desk):
    async def story():
        analyst, officer = await desk.caller("analyst"), await desk.caller("attache-bogota")
        package_id, approval_id = await held(desk, analyst)
        answer = await officer.post(f"/approvals/{approval_id}", json=REJECT)
        assert answer.json()["state"] == "rejected"
        assert (await life_of(analyst, package_id))["state"] == "rejected"
        assert (await desk.entries())[-1] == "package.rejected"
        other = await as_officer(desk, "another officer")
        await refused(desk, other, approval_id, "illegal-transition")
        assert problem(await analyst.get(f"/packages/{package_id}/sealed/partner-bogota")) == "not-found"

    desk.run(story())


@pytest.mark.parametrize("answer", [APPROVE, REJECT])
def test_an_approval_is_answered_once(desk, answer):
    async def story():
        analyst, officer = await desk.caller("analyst"), await desk.caller("attache-bogota")
        package_id, approval_id = await held(desk, analyst)
        assert (await officer.post(f"/approvals/{approval_id}", json=APPROVE)).status_code == 200
        await refused(desk, officer, approval_id, "illegal-transition", answer)
        await refused(desk, await as_officer(desk, "another"), approval_id, "illegal-transition", answer)
        assert (await life_of(analyst, package_id))["state"] == "released"

    desk.run(story())


def test_two_officers_at_once_release_once(desk):
    async def story():
        analyst = await desk.caller("analyst")
        package_id, approval_id = await held(desk, analyst)
        officers = [await as_officer(desk, f"officer {n}") for n in range(3)]
        before = await desk.footprint()
        answers = [APPROVE, APPROVE, REJECT]
        found = await asyncio.gather(
            *(
                officer.post(f"/approvals/{approval_id}", json=answer)
                for officer, answer in zip(officers, answers, strict=True)
            )
        )
        assert sorted(each.status_code for each in found) == [200, 409, 409]
        after = await desk.footprint()
        assert after["ApprovalRecord"] == before["ApprovalRecord"]
        new = (await desk.entries())[before["entries"] :]
        assert len([code for code in new if code not in {"session.signed-in", "approval.refused"}]) in {1, 3}
        assert (await life_of(analyst, package_id))["state"] in {"released", "rejected"}

    desk.run(story())


def test_an_approval_lapses(place):
    async def story():
        async with place.open(now=lambda: now[0]) as gateway:
            analyst = await gateway.caller("analyst")
            _, approval_id = await held(gateway, analyst)
            now[0] += timedelta(days=15)
            await refused(gateway, await gateway.caller("attache-bogota"), approval_id, "approval-void")

    now = [clock.now()]
    asyncio.run(story())


def test_a_package_that_expired_while_it_waited(place):
    async def story():
        async with place.open(now=lambda: now[0]) as gateway:
            analyst = await gateway.caller("analyst")
            expires_at = (now[0] + timedelta(days=2)).isoformat()
            package_id, approval_id = await held(gateway, analyst, expires_at=expires_at)
            now[0] += timedelta(days=3)
            await refused(gateway, await gateway.caller("attache-bogota"), approval_id, "term-over")
            later = await gateway.caller("analyst")
            assert (await life_of(later, package_id))["state"] == "held"

    now = [clock.now()]
    asyncio.run(story())


def test_a_partner_that_was_suspended_while_it_waited(place):
    async def story():
        async with place.open() as gateway:
            analyst, officer = await gateway.caller("analyst"), await gateway.caller("attache-bogota")
            _, approval_id = await held(gateway, analyst)
            admin = await gateway.caller("partner-admin")
            await admin.post("/participants/partner-bogota/suspend")
            await refused(gateway, officer, approval_id, "partner-suspended")
            await admin.post("/participants/partner-bogota/resume")
            assert (await officer.post(f"/approvals/{approval_id}", json=APPROVE)).status_code == 200

    asyncio.run(story())


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"decision": "approve"}, "malformed-request"),
        ({"decision": "approve", "reason": ""}, "malformed-request"),
        ({"decision": "approve", "reason": "x" * 2001}, "malformed-request"),
        ({"decision": "maybe", "reason": "x"}, "unknown-term"),
        ({"decision": "approve", "reason": "x", "also": 1}, "malformed-request"),
        ({"decision": True, "reason": "x"}, "unknown-term"),
        ([], "malformed-json"),
    ],
)
def test_an_answer_that_is_none(desk, body, code):
    async def story():
        analyst, officer = await desk.caller("analyst"), await desk.caller("attache-bogota")
        _, approval_id = await held(desk, analyst)
        before = await desk.footprint()
        assert problem(await officer.post(f"/approvals/{approval_id}", json=body)) == code
        assert await desk.footprint() == before

    desk.run(story())


def test_one_recipient_waits_and_the_others_do_not(desk):
    async def story():
        analyst = await desk.caller("analyst")
        to = ("partner-frankfurt", "partner-bogota", "europol")
        answer = await desk.submit(analyst, a_submission(*PARTS, to=to))
        states = {life["recipient"]: life["state"] for life in answer.json()["recipients"]}
        assert states == {"partner-frankfurt": "released", "partner-bogota": "held", "europol": "released"}

    desk.run(story())


def test_officers_are_pseudonyms_in_the_manifest(desk):
    """The partner learns that an officer approved, and not who."""

    async def story():
        analyst, officer = await desk.caller("analyst"), await desk.caller("attache-bogota")
        package_id, approval_id = await held(desk, analyst)
        await officer.post(f"/approvals/{approval_id}", json=APPROVE)
        manifest = (await desk.opened(package_id, "partner-bogota"))[0].manifest
        pseudonym = desk.agency.pseudonyms.of("actor", "attache-bogota")
        assert manifest.release.approvers == (pseudonym,)
        assert "attache-bogota" not in manifest.model_dump_json()

    desk.run(story())
