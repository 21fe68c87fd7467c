"""What is unknown, contradictory, unloadable, failing or out of time: nothing leaves, one stable code, one log entry.

Each through the running application. What came from partners in the same state is in test_consents and tests/exchange.
"""

import asyncio
import shutil
from datetime import timedelta

import pytest

from attache import clock
from gateway.policy import engine
from tests.api.test_policies import NOTE, folder_files, in_force, officer
from tests.exchange_place import POLICIES, a_part, a_submission, problem

ABSENT = "01935000-0000-7000-8000-000000000001"
PAST = "2020-01-01T00:00:00Z"

SUBMISSIONS = {
    "unknown partner": ({"recipients": [{"to": "nobody", "legal_basis": "A"}]}, "unknown-partner"),
    "unknown desk": (
        {"recipients": [{"to": "europol/cellar", "legal_basis": "EUROPOL-AGREEMENT"}]},
        "unknown-desk",
    ),
    "unknown agreement": ({"recipients": [{"to": "europol", "legal_basis": "NO-SUCH"}]}, "unknown-agreement"),
    "another partner's agreement": (
        {"recipients": [{"to": "europol", "legal_basis": "BOGOTA-LEA"}]},
        "unknown-agreement",
    ),
    "no agreement": ({"recipients": [{"to": "europol"}]}, "missing-legal-basis"),
    "unknown purpose": ({"purpose": "curiosity"}, "unknown-term"),
    "unknown crime": ({"crime_types": ["jaywalking"]}, "unknown-term"),
    "unknown class": ({"parts": [a_part(content_class=["gossip"])]}, "unknown-term"),
    "unknown handling code": ({"handling_codes": ["H9"]}, "unknown-term"),
    "unknown marking": ({"markings": ["TLP:PINK"]}, "unknown-marking"),
    "markings that contradict each other": (
        {"parts": [a_part(markings=["TLP:GREEN", "TLP:RED"])]},
        "unknown-marking",
    ),
    "a term that is over": ({"expires_at": PAST}, "term-over"),
    "a retention that is over": ({"retain_until": PAST}, "term-over"),
}


async def one_entry(gateway, before, code: str, event: str) -> None:
    """Nothing but one entry was written, and it names the code."""
    assert await gateway.footprint() == {**before, "entries": before["entries"] + 1}
    auditor = await gateway.caller("auditor")
    found = (await auditor.get(f"/log/entries?event={event}")).json()["entries"]
    assert found[-1]["fields"]["record"]["code"] == code


@pytest.mark.parametrize(("change", "code"), SUBMISSIONS.values(), ids=SUBMISSIONS)
@pytest.mark.parametrize("path", ["/packages", "/decisions"])
def test_a_submission_with(desk, path, change, code):
    async def story():
        analyst = await desk.caller("analyst")
        before = await desk.footprint()
        answer = await analyst.post(path, json=a_submission(**change), headers={"Idempotency-Key": f"{code}"})
        assert problem(answer) == code
        await one_entry(desk, before, code, "submission.refused")

    desk.run(story())


def test_the_entry_repeats_no_value(desk):
    async def story():
        analyst = await desk.caller("analyst")
        answer = await desk.submit(analyst, a_submission(purpose="a secret of ours"))
        assert problem(answer) == "unknown-term"
        auditor = await desk.caller("auditor")
        entry = (await auditor.get("/log/entries?event=submission.refused")).json()["entries"][-1]
        assert entry["fields"]["record"]["request"] == "submit"
        assert "purpose" in entry["fields"]["reason"]["note"]
        assert "secret" not in str(entry)

    desk.run(story())


def test_facts_that_bind_in_both_directions_release_nothing(desk):
    """REL TO two disjoint lists is released to nobody: a denial, decided and logged as every other."""

    async def story():
        analyst = await desk.caller("analyst")
        part = a_part(markings=["TLP:GREEN", "REL TO: partner-bogota"])
        answer = await desk.submit(analyst, a_submission(part, markings=["REL TO: europol"]))
        assert [life["state"] for life in answer.json()["recipients"]] == ["denied"]
        assert (await desk.entries())[-3:] == ["package.submitted", "package.decided", "package.denied"]

    desk.run(story())


@pytest.mark.parametrize(
    ("officer_of", "posts", "code"),
    [("a stranger to the post", ["sydney"], "not-found"), ("an officer without a post", [], "not-found")],
)
def test_an_unknown_officer(desk, officer_of, posts, code):
    async def story():
        analyst = await desk.caller("analyst")
        held = a_submission(a_part(markings=["TLP:AMBER"]), to=("partner-bogota",))
        [life] = (await desk.submit(analyst, held)).json()["recipients"]
        token = desk.token("attache-bogota", subject=officer_of, posts=posts)
        client = await desk.client(desk.gateway.agency_api, "/api/v1", {"Authorization": f"Bearer {token}"})
        before = await desk.footprint()
        answer = await client.post(f"/approvals/{life['approval_id']}", json={"decision": "approve", "reason": "x"})
        assert problem(answer) == code
        await desk.gateway.refusals.flush()
        await one_entry(desk, before, code, "access.refused")

    desk.run(story())


def test_an_unknown_approval(desk):
    async def story():
        client = await desk.caller("attache-bogota")
        before = await desk.footprint()
        answer = await client.post(f"/approvals/{ABSENT}", json={"decision": "approve", "reason": "x"})
        assert problem(answer) == "not-found"
        await one_entry(desk, before, "not-found", "approval.refused")

    desk.run(story())


FILES = {
    "a rule": (
        {"base.cedar": "permit (principal, action, resource) when { resource.tpl };"},
        ("base.cedar:1:", "@id is missing"),
    ),
    "a fact": (
        {"partners/partner-bogota.facts.yaml": "partner: partner-bogota\npost: bogta\n"},
        ("partners/partner-bogota.facts.yaml", "post"),
    ),
    "facts of another partner": (
        {"partners/partner-bogota.facts.yaml": "partner: partner-sydney\n"},
        ("partners/partner-bogota.facts.yaml",),
    ),
}


@pytest.mark.parametrize(("change", "named"), FILES.values(), ids=FILES)
def test_a_policy_file_that_does_not_load(desk, change, named):
    """The running set stays active, and the error names file, line and rule or member."""

    async def story():
        one = await officer(desk, "officer-1")
        active, before = await in_force(one), await desk.footprint()
        answer = await one.post("/policies", json={"files": {**folder_files(), **change}, **NOTE})
        assert problem(answer) == "policy-not-loaded"
        assert all(word in answer.json()["detail"] for word in named), answer.json()["detail"]
        await one_entry(desk, before, "policy-not-loaded", "policy.refused")
        assert await in_force(one) == active
        released = await desk.released(await desk.caller("analyst"))
        assert released

    desk.run(story())


def test_a_policy_that_names_its_rule(desk):
    async def story():
        one = await officer(desk, "officer-1")
        files = folder_files()
        files["base.cedar"] = files["base.cedar"].replace("resource.marked", "resource.maked", 1)
        answer = await one.post("/policies", json={"files": files, **NOTE})
        assert problem(answer) == "policy-not-loaded"
        detail = answer.json()["detail"]
        assert detail.startswith("base.cedar:")
        assert "BASE-UNMARKED" in detail

    desk.run(story())


@pytest.mark.parametrize("path", ["/packages", "/decisions"])
def test_an_engine_that_fails(desk, monkeypatch, path):
    """Whatever goes wrong in the engine: policy-engine-failed, and the log says so once."""

    def broken(*_, **__):
        raise RuntimeError("the engine is gone")

    async def story():
        analyst = await desk.caller("analyst")
        before = await desk.footprint()
        monkeypatch.setattr(engine.cedarpy, "is_authorized_batch", broken)
        answer = await analyst.post(path, json=a_submission(), headers={"Idempotency-Key": "engine"})
        monkeypatch.undo()
        assert (answer.status_code, problem(answer)) == (403, "policy-engine-failed")
        assert await desk.footprint() == {**before, "entries": before["entries"] + 1}
        assert (await desk.entries())[-1] == ("package.denied" if path == "/packages" else "decision.dry-run")

    desk.run(story())


def test_an_agreement_out_of_its_time(place, tmp_path):
    """It has ended: policy denies, and nothing leaves."""
    folder = shutil.copytree(
        POLICIES["irs-ci"], tmp_path / "policies", ignore=shutil.ignore_patterns("examples", "cases")
    )
    facts = folder / "partners" / "partner-frankfurt.facts.yaml"
    facts.write_text(facts.read_text().replace("in_force_until: 2099-01-01", "in_force_until: 2020-01-01"))

    async def story():
        async with place.open(policies=folder) as gateway:
            analyst = await gateway.caller("analyst")
            [life] = (await gateway.submit(analyst, a_submission())).json()["recipients"]
            assert life["state"] == "denied", life
            assert "BASE-BASIS-IN-FORCE" in str(life["decision"]["parts"])
            assert (await gateway.entries()).count("package.denied") == 1
            assert (await gateway.footprint())["OutboxRecord"] == 0

    asyncio.run(story())


def test_a_draft_whose_time_is_over(place):
    async def story():
        async with place.open(now=lambda: now[0]) as gateway:
            analyst = await gateway.caller("analyst")
            draft = a_submission(expires_at=(now[0] + timedelta(days=1)).isoformat(), submit=False)
            package_id = (await gateway.submit(analyst, draft)).json()["package_id"]
            now[0] += timedelta(days=2)
            later = await gateway.caller("analyst")
            before = await gateway.footprint()
            assert problem(await later.post(f"/packages/{package_id}/submit")) == "term-over"
            await one_entry(gateway, before, "term-over", "submission.refused")

    now = [clock.now()]
    asyncio.run(story())
