"""Explanations: each legal condition so or not so, the smallest ways out, and nothing of what must look absent."""

import pytest

from gateway.exchange.outgoing.explain import MAX_EXPLAINED
from gateway.policy.explain import CAUTION
from tests.exchange_place import a_part, a_submission, problem

WALLETS = a_part("wallets.json", b"[]", content_class=["chain-public"], markings=["TLP:CLEAR"])
NOTE = a_part("note.txt", b"a note", markings=["TLP:AMBER"])
RETURN = a_part("return.txt", b"a return", content_class=["return-information"])
SAR = a_part("suspicion.txt", b"a suspicion", content_class=["sar-derived"])
BOGOTA = {"to": ("partner-bogota",), "crime_types": ["money-laundering"]}


def question(*parts, **more):
    asked = {"recipient": "partner-bogota", **BOGOTA, **more}
    to = asked.pop("to")
    return a_submission(*parts, to=to, **asked)


async def explained(client, *parts, **more) -> dict:
    answer = await client.post("/decisions/explanation", json=question(*parts, **more))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_part_that_waits_says_whose_approval_releases_it(desk):
    async def story():
        client = await desk.caller("analyst")
        answer = await explained(client, WALLETS, NOTE)
        assert (answer["recipient"], answer["outcome"], answer["caution"]) == ("partner-bogota", "hold", CAUTION)
        [unit] = answer["units"]
        assert (unit["part"], unit["outcome"]) == ("note.txt", "hold")
        [rule] = [rule for rule in unit["blocking"] if "approval" in rule["why"]]
        assert (rule["permits"], rule["applies"]) == (False, True)
        assert [c["is_so"] for c in rule["conditions"] if "approver of the partner's post" in c["words"]] == [False]
        assert [lever["kind"] for lever in unit["ways"][0]] == ["approval"]
        assert "bogota" in unit["ways"][0][0]["words"]

    desk.run(story())


def test_what_the_law_forbids_has_ways_that_never_change_a_truth(desk):
    async def story():
        client = await desk.caller("analyst")
        [unit] = (await explained(client, RETURN, NOTE, part="return.txt"))["units"]
        assert (unit["part"], unit["outcome"]) == ("return.txt", "withhold")
        assert "BASE-6103" in [rule["rule"] for rule in unit["blocking"]]
        assert all(condition["words"] for rule in unit["blocking"] for condition in rule["conditions"])
        kinds = {lever["kind"] for way in unit["ways"] for lever in way}
        assert not kinds & {"purpose", "crime", "class", "kind", "urgency"}

    desk.run(story())


@pytest.mark.parametrize("path", ["/decisions", "/decisions/explanation"])
def test_a_hidden_part_looks_as_if_it_had_never_been_there(desk, path):
    """31 U.S.C. 5318(g)(2): byte for byte the answer of a package without it."""

    async def story():
        for name in ("analyst", "attache-bogota"):
            client = await desk.caller(name)
            bodies = [question(*parts) for parts in ((WALLETS, NOTE, SAR), (WALLETS, NOTE))]
            if path == "/decisions":
                bodies = [{name: value for name, value in body.items() if name != "recipient"} for body in bodies]
            with_it, without = [(await client.post(path, json=body)) for body in bodies]
            assert with_it.status_code == 200
            assert with_it.content == without.content

    desk.run(story())


def test_asking_for_a_hidden_part_is_asking_for_none(desk):
    async def story():
        client = await desk.caller("analyst")
        answers = []
        for parts, part in (((NOTE, SAR), "suspicion.txt"), ((NOTE,), "suspicion.txt"), ((NOTE,), "no-such.txt")):
            answer = await client.post("/decisions/explanation", json=question(*parts, part=part))
            assert (answer.status_code, problem(answer)) == (404, "not-found")
            body = answer.json()
            del body["request_id"]
            answers.append(body)
        assert answers[0] == answers[1] == answers[2]

    desk.run(story())


def test_a_submitters_view_of_a_decision_has_no_hidden_part_and_an_auditors_has(desk):
    async def story():
        analyst, auditor = await desk.caller("analyst"), await desk.caller("auditor")
        package_id = await desk.released(analyst, WALLETS, SAR)
        [theirs] = (await analyst.get(f"/packages/{package_id}")).json()["recipients"]
        [ours] = (await auditor.get(f"/packages/{package_id}")).json()["recipients"]
        assert [part["name"] for part in theirs["decision"]["parts"]] == ["wallets.json"]
        assert (theirs["decision"]["outcome"], ours["decision"]["outcome"]) == ("release", "partial")
        assert [part["rules"] for part in ours["decision"]["parts"] if part["name"] == "suspicion.txt"] == [
            ["BASE-SAR"]
        ]

    desk.run(story())


def test_an_explanation_is_bounded_and_says_how_much_more_there_is(desk):
    async def story():
        client = await desk.caller("analyst")
        parts = [a_part(f"{n}.txt", b"x", markings=[]) for n in range(MAX_EXPLAINED + 3)]
        answer = await explained(client, *parts)
        assert (len(answer["units"]), answer["more_units"]) == (MAX_EXPLAINED, 3)

    desk.run(story())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"recipient": "partner-frankfurt"}, "malformed-request"),
        ({"field": "x"}, "malformed-request"),
        ({"part": "note.txt", "field": "no-such"}, "not-found"),
        ({"purpose": "curiosity"}, "unknown-term"),
        ({"surprise": 1}, "malformed-request"),
    ],
)
def test_bad_questions_store_nothing(desk, change, code):
    async def story():
        client = await desk.caller("analyst")
        before = await desk.footprint()
        answer = await client.post("/decisions/explanation", json={**question(NOTE), **change})
        assert problem(answer) == code
        assert await desk.footprint() == {**before, "entries": before["entries"] + (code == "unknown-term")}

    desk.run(story())


def test_an_explanation_is_logged_as_a_dry_run(desk):
    async def story():
        client = await desk.caller("analyst")
        before = await desk.footprint()
        await explained(client, NOTE)
        assert await desk.footprint() == {**before, "entries": before["entries"] + 1}
        assert (await desk.entries())[-1] == "decision.dry-run"

    desk.run(story())
