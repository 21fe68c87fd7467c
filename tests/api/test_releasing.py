"""Releasing: what policy says is what leaves, and what it withholds is not in what leaves."""

import asyncio
from dataclasses import replace

import pytest

from attache import clock
from attache.crypto import Suite
from certs_example.exchange import PROFILES, make_participant, publish_descriptors
from certs_example.gateways import ExampleIssuer
from gateway.exchange.kernel.refused_requests import LOGGED
from gateway.exchange.outgoing.follow import Milestone
from gateway.policy.policy_set import PolicySet, Shard
from gateway.policy.rules import parse_rules
from tests.api.lines import Lines, delivering, desk_of
from tests.exchange_place import ExchangePlace, a_part, a_submission, problem

NOTE = a_part("note.txt", b"a note")
RETURN = a_part("return.txt", b"Zephyrine's return", content_class=["return-information"])


def test_return_information_is_withheld_and_the_sealed_package_does_not_hold_it(desk):
    async def story():
        analyst = await desk.caller("analyst")
        package_id = await desk.released(analyst, NOTE, RETURN, to=("partner-frankfurt", "europol"))
        for life in (await analyst.get(f"/packages/{package_id}")).json()["recipients"]:
            decision = life["decision"]
            assert (life["state"], decision["outcome"]) == ("released", "partial")
            kept = decision["parts"][1]
            assert (kept["name"], kept["outcome"], kept["rules"]) == ("return.txt", "withhold", ["BASE-6103"])
            assert kept["reasons"]
            package, parts = await desk.opened(package_id, life["recipient"])
            assert parts == {"note.txt": b"a note"}
            assert "return" not in package.manifest.model_dump_json()
            assert package.manifest.release.decision_id == decision["decision_id"]
            assert package.manifest.release.policy_set_hash == decision["policy_set_hash"]

    desk.run(story())


def test_nothing_that_may_leave_is_a_denial_with_reasons(desk):
    async def story():
        analyst = await desk.caller("analyst")
        package_id = await desk.released(analyst, RETURN)
        [life] = (await analyst.get(f"/packages/{package_id}")).json()["recipients"]
        assert (life["state"], life["decision"]["outcome"], life["decision"]["handling"]) == ("denied", "deny", None)
        assert problem(await analyst.get(f"/packages/{package_id}/sealed/partner-frankfurt")) == "not-found"
        assert (await desk.entries())[-1] == "package.denied"

    desk.run(story())


def test_a_dry_run_says_the_same_and_stores_nothing_but_an_entry(desk):
    async def story():
        analyst = await desk.caller("analyst")
        submission = a_submission(NOTE, RETURN, to=("partner-frankfurt", "partner-bogota", "europol"))
        before = await desk.footprint()
        dry = (await analyst.post("/decisions", json=submission)).json()["recipients"]
        assert await desk.footprint() == {**before, "entries": before["entries"] + 1}
        assert (await desk.entries())[-1] == "decision.dry-run"
        lives = (await desk.submit(analyst, submission)).json()["recipients"]
        real = {life["recipient"]: life["decision"] for life in lives}
        assert [decision["decision_id"] for decision in dry] == [None] * 3
        for decision in dry:
            assert {**real[decision["recipient"]], "decision_id": None} == decision

    desk.run(story())


def test_a_dry_run_that_denies_is_an_answer(desk):
    async def story():
        analyst = await desk.caller("analyst")
        answer = await analyst.post("/decisions", json=a_submission(a_part("return.txt", None, **CLASS)))
        assert answer.status_code == 200
        [decision] = answer.json()["recipients"]
        assert (decision["outcome"], decision["parts"][0]["rules"]) == ("deny", ["BASE-6103"])

    desk.run(story())


CLASS = {"content_class": ["return-information"]}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"recipients": [{"to": "nobody", "legal_basis": "A"}]}, "unknown-partner"),
        ({"recipients": [{"to": "europol", "legal_basis": "NO-SUCH"}]}, "unknown-agreement"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "term-over"),
        ({"parts": [a_part(f"{n}", None) for n in range(257)]}, "payload-too-large"),
    ],
)
def test_a_dry_run_refuses_what_a_submission_would(desk, change, code):
    async def story():
        analyst = await desk.caller("analyst")
        before = await desk.footprint()
        assert problem(await analyst.post("/decisions", json=a_submission(**change))) == code
        assert await desk.footprint() == {**before, "entries": before["entries"] + (code in LOGGED)}

    desk.run(story())


def test_a_suspended_partner_gets_nothing(place):
    async def story():
        async with place.open() as gateway:
            analyst, admin = await gateway.caller("analyst"), await gateway.caller("partner-admin")
            draft = await gateway.submit(analyst, a_submission(submit=False))
            path = f"/packages/{draft.json()['package_id']}"
            released = await gateway.released(analyst)
            await admin.post("/participants/partner-frankfurt/suspend")
            before = await gateway.footprint()
            to_both = a_submission(to=("partner-frankfurt", "europol"))
            for refused in (
                await gateway.submit(analyst, to_both),
                await analyst.post("/decisions", json=to_both),
                await analyst.post(f"{path}/submit"),
                await analyst.get(f"/packages/{released}/sealed/partner-frankfurt"),
            ):
                assert (refused.status_code, problem(refused)) == (403, "partner-suspended")
            refusals = ["submission.refused"] * 3  # the sealed package of before is asked for, and not submitted
            assert await gateway.footprint() == {**before, "entries": before["entries"] + len(refusals)}
            assert (await gateway.entries())[-3:] == refusals
            await admin.post("/participants/partner-frankfurt/resume")
            assert (await analyst.post(f"{path}/submit")).status_code == 202

    asyncio.run(story())


def failing(policy: PolicySet) -> PolicySet:
    """The same set with a rule that errs: not one that would load, but one that the engine may meet after a fault."""
    [errs] = parse_rules(
        '@id("BASE-ERRS") forbid (principal, action, resource) when { 9223372036854775807 + 1 > 0 };', ""
    )
    shards = {
        name: Shard(shard.own, shard.facts, {**shard.rules, errs.id: errs}, shard.hash, shard.schema)
        for name, shard in policy.shards.items()
    }
    return replace(policy, shards=shards)


def test_a_failing_engine_releases_nothing_and_is_logged(place):
    async def story():
        async with place.open() as gateway:
            analyst = await gateway.caller("analyst")
            draft = await gateway.submit(analyst, a_submission(submit=False))
            waits = await gateway.released(analyst, a_part(markings=["TLP:AMBER"]), to=("partner-bogota",))
            officer = await gateway.caller("attache-bogota")
            works = gateway.agency.in_force.policy
            gateway.agency.in_force.policy = failing(works)
            [life] = (await analyst.get(f"/packages/{waits}")).json()["recipients"]
            before = await gateway.footprint()
            asked = [
                lambda: gateway.submit(analyst, key="fails"),
                lambda: analyst.post(f"/packages/{draft.json()['package_id']}/submit"),
                lambda: officer.post(f"/approvals/{life['approval_id']}", json={"decision": "approve", "reason": "x"}),
                lambda: analyst.post("/decisions", json=a_submission()),
            ]
            for count, ask in enumerate(asked, 1):
                refused = await ask()
                assert (refused.status_code, problem(refused)) == (403, "policy-engine-failed")
                assert refused.json()["recipient"] in {"partner-frankfurt", "partner-bogota"}
                assert await gateway.footprint() == {**before, "entries": before["entries"] + count}
            assert (await gateway.entries())[-4:] == [*["package.denied"] * 3, "decision.dry-run"]
            gateway.agency.in_force.policy = works
            assert (await gateway.submit(analyst, key="fails")).status_code == 202

    asyncio.run(story())


def test_an_export_opens_with_the_recipients_keys_and_is_logged(desk):
    async def story():
        analyst = await desk.caller("analyst")
        package_id = await desk.released(analyst, NOTE, RETURN)
        before = await desk.footprint()
        export = await analyst.get(f"/packages/{package_id}/sealed/partner-frankfurt")
        assert export.headers["content-type"] == "application/vnd.attache.package"
        assert await desk.footprint() == {**before, "entries": before["entries"] + 1}
        assert (await desk.entries())[-1] == "package.exported"
        frame, ciphertexts = await desk.sealed(package_id, "partner-frankfurt")
        assert export.content == frame + b"".join(ciphertexts)
        _, parts = await desk.opened(package_id, "partner-frankfurt")
        assert parts == {"note.txt": b"a note"}
        assert problem(await analyst.get(f"/packages/{package_id}/sealed/europol")) == "not-found"

    desk.run(story())


@pytest.mark.parametrize("milestone", list(Milestone))
def test_waiting_ends_with_the_time_and_shows_what_is(desk, milestone):
    async def story():
        analyst = await desk.caller("analyst")
        package_id = await desk.released(analyst)
        waiting = {"wait_for": milestone.value, "timeout_seconds": 0}
        view = await analyst.get(f"/packages/{package_id}", params=waiting)
        assert view.json()["recipients"][0]["state"] == "released"

    desk.run(story())


def test_waiting_ends_as_soon_as_there_is_nothing_to_wait_for(place):
    """What is denied is settled at once; what is released when its receipt is stored; what is held waits for people."""

    async def story():
        async with place.open() as ours, place.open("partner-frankfurt") as theirs:
            analyst = await desk_of(ours)
            denied = await ours.released(analyst, RETURN)
            held = await ours.released(analyst, a_part(markings=["TLP:AMBER"]), to=("partner-bogota",))
            for package_id, milestone in ((denied, "settled"), (denied, "opened"), (held, "delivered")):
                waiting = {"wait_for": milestone, "timeout_seconds": 120}
                assert (await analyst.get(f"/packages/{package_id}", params=waiting)).status_code == 200
            sent = await ours.released(analyst)
            waiting = {"wait_for": "delivered", "timeout_seconds": 120}
            answer = asyncio.create_task(analyst.get(f"/packages/{sent}", params=waiting))
            await asyncio.sleep(0)
            assert not answer.done()
            async with delivering(ours, Lines(ours, theirs)):
                assert (await answer).json()["recipients"][0]["state"] == "delivered"

    asyncio.run(story())


def test_a_weaker_suite_than_ours_is_named_in_the_entry_of_the_release(tmp_path):
    """D7: Frankfurt states the classical suite alone, Bogotá both."""

    async def story():
        root = tmp_path / "exchange"
        place = ExchangePlace(root, classical_at("partner-frankfurt", root), ExampleIssuer())
        async with place.open() as gateway:
            analyst, auditor = await gateway.caller("analyst"), await gateway.caller("auditor")
            await gateway.released(analyst, NOTE, to=("partner-frankfurt", "partner-bogota"))
            entries = (await auditor.get("/log/entries?event=package.released")).json()["entries"]
            used = {entry["fields"]["record"]["recipient"]: entry["fields"]["record"]["suite"] for entry in entries}
            assert used == {"partner-frankfurt": "classical-1", "partner-bogota": "hybrid-1"}

    asyncio.run(story())


def classical_at(weaker: str, root):
    """The example exchange, with one participant whose descriptor states the classical suite alone."""
    made = {}
    for profile in PROFILES:
        suites = (Suite.CLASSICAL_1,) if profile.participant == weaker else tuple(Suite)
        folder = root / profile.participant
        made[profile.participant] = make_participant(profile, folder, now=clock.now(), suites=suites)
    publish_descriptors(root / "descriptors", made)
    return made
