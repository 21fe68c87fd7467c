"""Policy sets: proposed by one officer, activated by another, in force without a restart; what does not load changes nothing."""

import asyncio

import pytest

from attache.errors import Misconfigured
from gateway.exchange.kernel.records import PolicySetRecord
from tests.exchange_place import POLICIES, a_submission, problem

NOTE = {"note": "reviewed"}
NEVER = """
@id("BASE-NEVER")
@why("Nothing leaves today")
@cite("A test")
@c1("exchange with the partner is suspended")
forbid (principal, action, resource)
unless { principal.partner.status == Attache::PartnerStatus::"suspended" };
"""


def folder_files(folder=POLICIES["irs-ci"], *, cases=True) -> dict[str, str]:
    kept = ("partners", "cases") if cases else ("partners",)
    paths = [path for path in sorted(folder.glob("*.cedar*"))]
    paths += [path for name in kept for path in sorted((folder / name).iterdir())]
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in paths}


def stricter(why="Nothing leaves today") -> dict[str, str]:
    """A set that releases nothing; without cases, which expect releases."""
    files = folder_files(cases=False)
    return {**files, "base.cedar": files["base.cedar"] + NEVER.replace("Nothing leaves today", why)}


async def officer(gateway, name: str):
    token = gateway.token("security-officer", subject=name)
    return await gateway.client(gateway.gateway.agency_api, "/api/v1", {"Authorization": f"Bearer {token}"})


async def in_force(client) -> str:
    policies = (await client.get("/policies")).json()["policies"]
    [active] = [one["policy_sha256"] for one in policies if one["state"] == "active"]
    return active


def test_two_officers_bring_a_set_into_force_and_the_old_one_back(desk):
    async def story():
        one, other = await officer(desk, "officer-1"), await officer(desk, "officer-2")
        analyst = await desk.caller("analyst")
        first = await in_force(one)
        proposed = await one.post("/policies", json={"files": stricter(), **NOTE})
        assert (proposed.status_code, proposed.json()["state"], proposed.json()["cases"]) == (201, "proposed", 0)
        second = proposed.json()["policy_sha256"]
        assert (await analyst.post("/decisions", json=a_submission())).json()["recipients"][0]["outcome"] == "release"
        activated = await other.post(f"/policies/{second}/activation", json=NOTE)
        assert (activated.status_code, activated.json()["state"]) == (200, "active")
        assert await in_force(analyst) == second
        denied = (await analyst.post("/decisions", json=a_submission())).json()["recipients"][0]
        assert (denied["outcome"], denied["policy_set_hash"]) == ("deny", second)
        shown = (await analyst.get(f"/policies/{first}")).json()
        assert shown["state"] == "retired"
        assert shown["files"] == folder_files(cases=False)
        assert (await desk.entries())[-3:] == ["decision.dry-run", "policy.activated", "decision.dry-run"]
        again = await other.post("/policies", json={"files": folder_files(), **NOTE})
        assert (again.json()["policy_sha256"], again.json()["state"]) == (first, "proposed")
        assert again.json()["cases"] > 40
        assert (await one.post(f"/policies/{first}/activation", json=NOTE)).status_code == 200
        released = await desk.released(analyst)
        [life] = (await analyst.get(f"/packages/{released}")).json()["recipients"]
        assert life["state"] == "released"

    desk.run(story())


def test_nobody_activates_what_they_proposed(desk):
    async def story():
        one = await officer(desk, "officer-1")
        before = await in_force(one)
        proposed = (await one.post("/policies", json={"files": stricter("four eyes"), **NOTE})).json()["policy_sha256"]
        entries = await desk.entries()
        answer = await one.post(f"/policies/{proposed}/activation", json=NOTE)
        assert (answer.status_code, problem(answer)) == (403, "own-submission")
        assert (await in_force(one), await desk.entries()) == (before, entries)

    desk.run(story())


def test_what_is_not_proposed_is_not_activated(desk):
    async def story():
        one, other = await officer(desk, "officer-1"), await officer(desk, "officer-2")
        active = await in_force(one)
        again = await other.post(f"/policies/{active}/activation", json=NOTE)
        assert (again.status_code, problem(again)) == (409, "illegal-transition")
        unknown = await other.post(f"/policies/{'0' * 64}/activation", json=NOTE)
        assert (unknown.status_code, problem(unknown)) == (404, "not-found")
        same = await one.post("/policies", json={"files": folder_files(), **NOTE})
        assert (same.status_code, problem(same)) == (409, "conflict")
        assert await in_force(one) == active

    desk.run(story())


@pytest.mark.parametrize(
    ("change", "code", "names"),
    [
        (
            {"base.cedar": "permit (principal, action, resource) when { resource.tpl };"},
            "policy-not-loaded",
            "base.cedar:1",
        ),
        ({"partners/partner-bogota.facts.yaml": "partner: partner-bogota\npost: bogta\n"}, "policy-not-loaded", "post"),
        ({"notes.txt": "x"}, "policy-not-loaded", "notes.txt"),
        ({"cases/more.yaml": "cases:\n- {name: x}\n"}, "policy-not-loaded", "cases/more.yaml"),
        (
            {
                "cases/more.yaml": "cases:\n- name: wrong\n  says: it would go\n"
                "  recipients: {partner-bogota: BOGOTA-LEA}\n"
                "  request: {parts: {a: {content_class: [source-identifying]}}}\n"
                "  expect: {outcome: release}\n"
            },
            "policy-case-fails",
            "wrong (partner-bogota): outcome: deny",
        ),
    ],
    ids=["rule", "fact", "stray file", "malformed case", "case"],
)
def test_a_set_that_does_not_load_changes_nothing_but_the_log(desk, change, code, names):
    async def story():
        one = await officer(desk, "officer-1")
        active, before = await in_force(one), await desk.footprint()
        answer = await one.post("/policies", json={"files": {**folder_files(), **change}, **NOTE})
        assert (answer.status_code, problem(answer)) == (422, code)
        assert names in answer.json()["detail"]
        assert await desk.footprint() == {**before, "entries": before["entries"] + 1}
        assert (await desk.entries())[-1] == "policy.refused"
        assert await in_force(one) == active

    desk.run(story())


def test_only_security_officers_change_policy(desk):
    async def story():
        before = await desk.footprint()
        for name in ("analyst", "attache-bogota", "auditor", "operator", "partner-admin"):
            client = await desk.caller(name)
            assert problem(await client.post("/policies", json={"files": {}, **NOTE})) == "not-permitted"
            assert problem(await client.post(f"/policies/{'0' * 64}/activation", json=NOTE)) == "not-permitted"
            assert (await client.get("/policies")).status_code == 200
        assert await desk.footprint() == before

    desk.run(story())


def test_a_decision_made_under_the_set_before_is_not_carried_out(desk):
    """The set changes between the question and the commit."""

    async def story():
        one, other, analyst = (
            await officer(desk, "officer-1"),
            await officer(desk, "officer-2"),
            await desk.caller("analyst"),
        )
        asked = desk.agency.in_force.policy
        files = {"files": stricter("a race"), **NOTE}
        second = (await one.post("/policies", json=files)).json()["policy_sha256"]
        assert (await other.post(f"/policies/{second}/activation", json=NOTE)).status_code == 200
        now_in_force, desk.agency.in_force.policy = desk.agency.in_force.policy, asked
        before = await desk.footprint()
        answer = await desk.submit(analyst)
        assert (answer.status_code, problem(answer)) == (409, "conflict")
        assert await desk.footprint() == before
        desk.agency.in_force.policy = now_in_force

    desk.run(story())


def test_the_active_set_survives_a_restart_and_a_strange_folder_refuses_the_start(place, tmp_path):
    async def story():
        async with place.open() as gateway:
            one, other = await officer(gateway, "officer-1"), await officer(gateway, "officer-2")
            second = (await one.post("/policies", json={"files": stricter(), **NOTE})).json()["policy_sha256"]
            assert (await other.post(f"/policies/{second}/activation", json=NOTE)).status_code == 200
        # The folder still holds the retired set: officers know it, and it decides nothing.
        async with place.open() as gateway:
            assert await in_force(await officer(gateway, "officer-1")) == second
            assert gateway.agency.in_force.policy.hash == second
            entries = await gateway.entries()
        strange = tmp_path / "policies"
        for name, text in stricter("slipped in").items():
            (strange / name).parent.mkdir(parents=True, exist_ok=True)
            (strange / name).write_text(text, "utf-8")
        with pytest.raises(Misconfigured) as refused:
            async with place.open(policies=strange):
                raise AssertionError("it started")
        assert refused.value.code == "policy-not-activated"
        async with place.open() as gateway:
            assert await gateway.entries() == [*entries, "policy.refused"]
            sets = await gateway.agency.store.read(lambda reader: reader.find(PolicySetRecord))
            assert sorted(record.state for record in sets) == ["active", "retired"]

    asyncio.run(story())
