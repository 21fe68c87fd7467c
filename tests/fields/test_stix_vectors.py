"""The worked vectors (e), (g), (h) and (j) with STIX 2.1, through the gateway to what the recipient opens."""

import json

import pytest

from attache.crypto import sha256_hex
from tests.exchange_place import a_part, a_submission, problem
from tests.fields.test_json_fields import decision_on
from tests.rules.content.stix_making import (
    GREEN,
    RED,
    STIX,
    a_bundle,
    a_link,
    a_marking,
    a_report,
    a_tool,
    an_identity,
    an_iep,
    by_type,
)

MIXER = a_tool("Mixer Zq", object_marking_refs=[GREEN])
OURS = a_marking("ours", markings=["REL TO: irs-ci, partner-sydney"])
SUSPECT = an_identity("Suspect Zq", object_marking_refs=[GREEN, OURS["id"]])
LINK = a_link(MIXER, SUSPECT, object_marking_refs=[GREEN])
REPORT = a_report("Case Zq", MIXER, SUSPECT, LINK, object_marking_refs=[GREEN])


def a_stix_part(*objects, **more):
    facts = {"media_type": STIX, "content_class": ["financial"], "markings": ["TLP:GREEN"], **more}
    return a_part("case.json", json.dumps(a_bundle(*objects)).encode(), **facts)


async def left_to(desk, package_id, recipient="partner-frankfurt"):
    package, parts = await desk.opened(package_id, recipient)
    return package.manifest, json.loads(parts["case.json"])["objects"]


def fields_of(decision):
    return {unit["path"]: (unit["outcome"], tuple(unit["rules"])) for unit in decision["parts"][0]["fields"]}


def test_vector_e(desk):
    """Edge and suspect are dropped, the mixer stays, the report is re-pointed; another recipient has its own ids."""

    async def story():
        analyst = await desk.caller("analyst")
        part = a_stix_part(OURS, MIXER, SUSPECT, LINK, REPORT)
        package_id = await desk.released(analyst, part, to=("partner-frankfurt", "europol"))
        decided = fields_of(await decision_on(analyst, package_id))
        assert decided[SUSPECT["id"]] == ("withhold", ("BASE-REL-TO",))
        assert decided[LINK["id"]] == ("withhold", ("BASE-REL-TO",))
        assert decided[MIXER["id"]][0] == decided[REPORT["id"]][0] == "disclose"
        new = {}
        for recipient in ("partner-frankfurt", "europol"):
            manifest, objects = await left_to(desk, package_id, recipient)
            text = json.dumps(objects)
            for gone in (SUSPECT, LINK, OURS, REPORT):
                assert gone["id"].partition("--")[2] not in text
            assert "Suspect" not in text
            assert MIXER in objects
            new[recipient] = by_type(objects)["report"]
            assert new[recipient]["object_refs"] == [MIXER["id"]]
            assert manifest.parts[0].redacted
        assert new["partner-frankfurt"]["id"] != new["europol"]["id"]

    desk.run(story())


def test_vector_g(desk):
    """What nobody marked, in a part and package that nobody marked, stays; marked objects beside it do not carry it along."""

    async def story():
        analyst = await desk.caller("analyst")
        unmarked = a_tool("Unmarked Zq")
        package_id = await desk.released(analyst, a_stix_part(unmarked, MIXER, markings=[]), a_part())
        decided = await decision_on(analyst, package_id)
        part = decided["parts"][0]
        assert (part["outcome"], "BASE-UNMARKED" in part["rules"]) == ("withhold", True)
        _, left = await desk.opened(package_id, "partner-frankfurt")
        assert list(left) == ["note.txt"]

    desk.run(story())


def test_an_unmarked_object_takes_the_marking_of_its_part(desk):
    async def story():
        analyst = await desk.caller("analyst")
        red = a_tool("Red Zq", object_marking_refs=[RED])
        package_id = await desk.released(analyst, a_stix_part(a_tool("Plain Zq"), red))
        manifest, objects = await left_to(desk, package_id)
        assert objects == [a_tool("Plain Zq")]
        assert manifest.parts[0].markings == ("TLP:GREEN",)
        decided = fields_of(await decision_on(analyst, package_id))
        assert decided[red["id"]] == ("withhold", ("BASE-TLP-RED-NAMED",))

    desk.run(story())


def test_vector_h(desk):
    """A marking that nobody here can read: that object stays, and so does the whole bundle where it is the only one."""

    async def story():
        analyst = await desk.caller("analyst")
        unknown = a_tool("Unknown Zq", object_marking_refs=["marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ec"])
        package_id = await desk.released(analyst, a_stix_part(unknown, MIXER))
        decided = fields_of(await decision_on(analyst, package_id))
        assert decided[unknown["id"]] == ("withhold", ("BASE-MARKINGS-UNRESOLVED",))
        assert (await left_to(desk, package_id))[1] == [MIXER]
        alone = await desk.released(analyst, a_stix_part(unknown))
        assert (await decision_on(analyst, alone))["outcome"] == "deny"

    desk.run(story())


def test_vector_j(desk):
    """Markings that contradict each other go to an officer, who sees the object, and it goes if approved."""

    async def story():
        analyst = await desk.caller("analyst")
        officer = await desk.caller("attache-bogota", subject="attache-frankfurt", posts=["frankfurt"])
        must, must_not = an_iep("1", provider_attribution="must"), an_iep("2", provider_attribution="must-not")
        torn = a_tool("Torn Zq", object_marking_refs=[must["id"], must_not["id"]])
        part = a_stix_part(must, must_not, torn, OURS, SUSPECT)
        package_id = await desk.released(analyst, part)
        decided = fields_of(await decision_on(analyst, package_id))
        assert decided[torn["id"]] == ("hold", ("BASE-MARKINGS-CONTRADICT",))
        [life] = (await analyst.get(f"/packages/{package_id}")).json()["recipients"]
        read = await officer.get(f"/approvals/{life['approval_id']}/parts/case.json")
        assert json.loads(read.content)["objects"] == [torn, *sorted([must, must_not], key=lambda body: body["id"])]
        await officer.post(f"/approvals/{life['approval_id']}", json={"decision": "approve", "reason": "asked them"})
        manifest, objects = await left_to(desk, package_id)
        assert manifest.parts[0].sha256 == sha256_hex(read.content)
        assert torn in objects

    desk.run(story())


def test_a_selector_is_a_field_and_can_be_stated(desk):
    async def story():
        analyst = await desk.caller("analyst")
        told = {**MIXER, "description": "an informant said so", "aliases": ["One Zq", "Two Zq"]}
        part = a_stix_part(
            told,
            fields=[
                {"path": f"{told['id']}/description", "content_class": ["source-identifying"]},
                {"path": f"{told['id']}/aliases.[0]", "content_class": ["personal-data"]},
            ],
        )
        _, objects = await left_to(desk, await desk.released(analyst, part))
        new = by_type(objects)["tool"]
        assert (new["aliases"], "description" in new, new["id"] == told["id"]) == (["[masked]", "Two Zq"], False, False)

    desk.run(story())


def test_a_bundle_in_which_nothing_differs_goes_as_it_is(desk):
    async def story():
        analyst = await desk.caller("analyst")
        part = a_stix_part(a_tool("Plain Zq"), a_tool("Other Zq"))
        package_id = await desk.released(analyst, part)
        manifest, _ = await left_to(desk, package_id)
        assert not manifest.parts[0].redacted
        assert manifest.parts[0].sha256 == sha256_hex(
            json.dumps(a_bundle(a_tool("Plain Zq"), a_tool("Other Zq"))).encode()
        )

    desk.run(story())


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"[]", "content-malformed"), (b'{"type":"bundle","id":"x"}', "content-malformed")],
)
def test_what_is_no_bundle_does_not_leave(desk, content, code):
    async def story():
        analyst = await desk.caller("analyst")
        before = await desk.footprint()
        answer = await desk.submit(analyst, a_submission(a_part("case.json", content, media_type=STIX)))
        assert problem(answer) == code
        assert await desk.footprint() == before

    desk.run(story())


def test_text_that_repeats_the_suspect_stops_the_release(desk):
    async def story():
        analyst = await desk.caller("analyst")
        told = {**MIXER, "description": "run by suspect zq"}
        before = await desk.footprint()
        answer = await desk.submit(analyst, a_submission(a_stix_part(OURS, told, SUSPECT)))
        assert problem(answer) == "redaction-blocked"
        assert await desk.footprint() == before

    desk.run(story())
