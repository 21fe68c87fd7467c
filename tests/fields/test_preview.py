"""An approver sees, and reads, exactly what would leave; what leaves is exactly that."""

import json

from attache.crypto import sha256_hex
from tests.exchange_place import a_part, a_submission, problem
from tests.fields.test_json_fields import CASE, a_case, decision_on

APPROVE = {"decision": "approve", "reason": "seen"}
AMBER = {"path": "/amount", "markings": ["TLP:AMBER+STRICT"]}
OURS = {"path": "/suspect/wallet", "markings": ["REL TO: irs-ci, partner-sydney"]}
PERSON = {"path": "/suspect/name", "content_class": ["personal-data"]}
SAR = {"path": "/witnesses", "content_class": ["sar-derived"]}
LEFT = {"case": "2026-17", "suspect": {"name": "[masked]"}, "amount": 1.10, "open": True}
PATH = "/approvals/{}/parts/{}"


async def officer_of(desk):
    return await desk.caller("attache-bogota", subject="attache-frankfurt", posts=["frankfurt"])


async def held(desk, client, *parts) -> tuple[str, str]:
    package_id = await desk.released(client, *parts)
    [life] = (await client.get(f"/packages/{package_id}")).json()["recipients"]
    assert life["state"] == "held", life
    return package_id, life["approval_id"]


def test_what_the_approver_reads_is_what_leaves(desk):
    async def story():
        analyst, officer = await desk.caller("analyst"), await officer_of(desk)
        part = a_case(AMBER, OURS, PERSON, SAR)
        package_id, approval_id = await held(desk, analyst, part, a_part())
        view = (await officer.get(f"/approvals/{approval_id}")).json()
        fields = {unit["path"]: unit["outcome"] for unit in view["parts"][0]["fields"]}
        assert fields == {"/amount": "disclose", "/suspect/wallet": "withhold", "/suspect/name": "mask", "": "disclose"}
        assert view["parts"][0]["fields"][0]["reasons"] == ["The item is releasable to others only"]

        before = len(await desk.entries())
        read = await officer.get(PATH.format(approval_id, "case.json"))
        assert json.loads(read.content) == LEFT
        assert read.headers["attache-sha256"] == sha256_hex(read.content) == view["parts"][0]["sha256"]
        assert view["parts"][0]["bytes"] == len(read.content) == int(read.headers["content-length"])
        assert (await officer.get(PATH.format(approval_id, "note.txt"))).content == b"a note"
        assert (await desk.entries())[before:] == ["approval.read", "approval.read"]

        approved = (await officer.post(f"/approvals/{approval_id}", json=APPROVE)).json()
        package, left = await desk.opened(package_id, "partner-frankfurt")
        assert left == {"case.json": read.content, "note.txt": b"a note"}
        assert [part["sha256"] for part in approved["parts"]] == [part.sha256 for part in package.manifest.parts]
        decided = await decision_on(analyst, package_id)
        assert {unit["path"]: unit["outcome"] for unit in decided["parts"][0]["fields"]} == fields

    desk.run(story())


def test_the_queue_shows_the_fields_and_looks_into_nothing(desk):
    async def story():
        analyst, officer = await desk.caller("analyst"), await officer_of(desk)
        _, approval_id = await held(desk, analyst, a_case(AMBER, OURS))
        waiting = (await officer.get("/approvals?limit=200")).json()["approvals"]
        [part] = next(view for view in waiting if view["approval_id"] == approval_id)["parts"]
        assert (part["bytes"], part["sha256"]) == (None, None)
        assert [unit["path"] for unit in part["fields"]] == ["/suspect/wallet", "/amount", ""]

    desk.run(story())


def test_only_an_approver_of_the_post_who_did_not_submit_reads_it_while_it_waits(desk):
    async def story():
        analyst, officer = await desk.caller("analyst"), await officer_of(desk)
        _, approval_id = await held(
            desk, analyst, a_case(AMBER, OURS), a_part("kept.txt", b"x", markings=["REL TO: irs-ci"])
        )
        path = PATH.format(approval_id, "case.json")
        before = await desk.footprint()
        sydney = await desk.caller("attache-sydney")
        own = await desk.caller("attache-bogota", subject="analyst", posts=["frankfurt"])
        assert problem(await sydney.get(path)) == "not-found"
        assert problem(await own.get(path)) == "own-submission"
        assert problem(await officer.get(PATH.format(approval_id, "nothing"))) == "not-found"
        assert problem(await officer.get(PATH.format(approval_id, "kept.txt"))) == "not-found"
        assert await desk.footprint() == before
        await officer.post(f"/approvals/{approval_id}", json={"decision": "reject", "reason": "no"})
        assert problem(await officer.get(path)) == "illegal-transition"

    desk.run(story())


def test_what_could_not_be_carried_out_is_not_asked_to_be_approved(desk):
    async def story():
        analyst = await desk.caller("analyst")
        part = a_case(AMBER, OURS, content={**CASE, "note": "to bc1qexampleexampleexample"})
        before = await desk.footprint()
        answer = await desk.submit(analyst, a_submission(part))
        assert problem(answer) == "redaction-blocked"
        assert await desk.footprint() == before

    desk.run(story())
