"""Policies, reviews, officers and consents with the SDK and the command line, against real gateways."""

import asyncio
import json
import re
import shutil
import threading
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import httpx
import pytest
from typer.testing import CliRunner

from attache.cli.app import run
from attache.cli.session import Session
from attache.client.agency.policies import policy_files
from attache.client.aio import AsyncClient
from attache.client.sync import Client
from attache.errors import AttacheError
from gateway.__main__ import app as gateway_app
from gateway.exchange_log.leaf import parse_leaf
from tests.api.test_passing_on import LEAD, Pair
from tests.exchange_place import POLICIES, ExchangePlace, a_part, a_submission
from tests.sdk.asgi import Bridge

URL = "https://gateway"
OPERATORS = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[")
"""How the lines of the gateway's own log begin, which share this process's output."""
NEVER = """
@id("BASE-NEVER")
@why("Nothing leaves today")
@cite("A test")
@c1("exchange with the partner is suspended")
forbid (principal, action, resource)
unless { principal.partner.status == Attache::PartnerStatus::"suspended" };
"""


class Office:
    """A running gateway, reached by the command line and the SDK as any of its officers."""

    def __init__(self, opened, loop, capsys):
        self.opened, self._loop, self._capsys = opened, loop, capsys
        self.line = Bridge(opened.gateway.agency_api, loop)

    def wait(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    def token(self, role, subject=None, **minted):
        return self.opened.token(role, subject=subject or role, **minted)

    def client(self, role, subject=None, **minted) -> Client:
        return Client(URL, token=self.token(role, subject, **minted), transport=self.line)

    def attache(self, role, *arguments, subject=None, **minted):
        """Run the command; returns exit code and what it printed, as JSON where it is."""
        options = {"transport": self.line, "token": self.token(role, subject, **minted)}
        code = run([str(each) for each in arguments], Session(url=URL, client_options=options))
        printed = self._capsys.readouterr()
        lines = [line for line in (printed.out + printed.err).splitlines(keepends=True) if not OPERATORS.match(line)]
        text = "".join(lines)
        return code, json.loads(text) if "--json" in arguments else text


@contextmanager
def running(place, capsys, *participants):
    """Gateways on an event loop in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def wait(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(60)

    try:
        with ExitStack() as closing:
            offices = []
            for participant in participants or ("irs-ci",):
                opening = place.open(participant)
                offices.append(Office(wait(opening.__aenter__()), loop, capsys))
                closing.callback(lambda opening=opening: wait(opening.__aexit__(None, None, None)))
            yield offices[0] if len(offices) == 1 else offices
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("ATTACHE_URL", URL)
    for name in ("TOKEN", "TOKEN_FILE", "CA", "CERT", "KEY", "HOME", "DESCRIPTORS", "PASSPHRASE_FILE"):
        monkeypatch.delenv(f"ATTACHE_{name}", raising=False)


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(POLICIES["irs-ci"], tmp_path / "policies", ignore=shutil.ignore_patterns("examples"))


def test_two_officers_change_the_policy_of_the_running_gateway(place, capsys, folder):
    with running(place, capsys) as office:
        code, listed = office.attache("analyst", "policy", "list", "--json")
        [first] = [each["policy_sha256"] for each in listed["policies"]]
        shutil.rmtree(folder / "cases")
        base = folder / "base.cedar"
        base.write_text(base.read_text() + NEVER)
        propose = ("policy", "propose", folder, "--reason", "stricter", "--json")
        code, proposed = office.attache("security-officer", *propose, subject="one")
        assert (code, proposed["state"]) == (0, "proposed")
        sha = proposed["policy_sha256"]
        activate = ("policy", "activate", sha, "--reason", "read")
        code, said = office.attache("security-officer", *activate, "--json", subject="one")
        assert (code, said["code"]) == (3, "own-submission")
        code, said = office.attache("security-officer", *activate, subject="two")
        assert (code, f"{sha} active" in said) == (0, True)
        with office.client("analyst") as client:
            assert [each.state for each in client.policies.list()] == ["active", "retired"]
            assert client.policies.get(sha).files["base.cedar"].endswith(NEVER)
            assert policy_files(folder) == client.policies.get(sha).files
        code, text = office.attache("analyst", "policy", "show", sha, "--file", "base.cedar")
        assert "BASE-NEVER" in text
        assert office.attache("analyst", "policy", "show", sha, "--file", "none")[0] == 2
        assert office.attache("security-officer", *activate, subject="two")[0] == 7
        assert office.attache("analyst", "policy", "show", "0" * 64)[0] == 5
        assert office.attache("analyst", "policy", "propose", folder, "--reason", "mine")[0] == 3
        entries = office.wait(office.opened.entries())
        assert [e for e in entries if e.startswith("policy")][-2:] == ["policy.proposed", "policy.activated"]
        assert office.opened.agency.in_force.policy.hash == sha != first


def test_what_does_not_load_names_file_line_and_rule_and_is_logged(place, capsys, folder):
    with running(place, capsys) as office:
        before = office.opened.agency.in_force.policy.hash
        base = folder / "base.cedar"
        base.write_text(base.read_text().replace("resource.marked", "resource.maked", 1))
        code, said = office.attache("security-officer", "policy", "propose", folder, "--reason", "x", "--json")
        assert (code, said["code"]) == (2, "policy-not-loaded")
        assert said["detail"].startswith("base.cedar:")
        assert "BASE-UNMARKED" in said["detail"]
        assert office.wait(office.opened.entries())[-1] == "policy.refused"
        assert office.opened.agency.in_force.policy.hash == before
        empty = folder / "examples"
        empty.mkdir()
        assert office.attache("security-officer", "policy", "propose", empty, "--reason", "x")[0] == 1


def test_diff_shows_a_request_for_each_widening(place, capsys, folder):
    pytest.importorskip("z3")
    facts = folder / "partners" / "partner-bogota.facts.yaml"
    facts.write_text(facts.read_text().replace("[CLEAR, GREEN, AMBER]", "[CLEAR, GREEN, AMBER, AMBER+STRICT]"))
    shutil.rmtree(folder / "cases")
    with running(place, capsys) as office:
        with office.client("security-officer") as client:
            proposed = client.policies.propose(folder, "wider")
            found = client.policies.diff(proposed.policy_sha256)
            assert (found.widens, found.against) == (True, office.opened.agency.in_force.policy.hash)
            [change] = [each for each in found.changes if each.widens and each.what == "disclose"]
            assert change.partner == "partner-bogota"
            assert change.request["recipient"] == "partner-bogota"
            assert "AMBER+STRICT" in change.words
            assert client.policies.diff(proposed.policy_sha256, against=proposed.policy_sha256).changes == ()
            narrowing = client.policies.diff(found.against, against=proposed.policy_sha256)
            assert not narrowing.widens
        code, text = office.attache("security-officer", "policy", "diff", proposed.policy_sha256)
        assert (code, "partner-bogota: WIDENS: disclose" in text) == (0, True)
        refuse = ("policy", "diff", proposed.policy_sha256, "--refuse-widening")
        assert office.attache("security-officer", *refuse)[0] == 1
        same = ("policy", "diff", found.against, "--refuse-widening")
        assert office.attache("security-officer", *same) == (0, "no request changes its answer\n")


def test_without_a_solver_the_gateway_says_so(place, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "gateway.policy.analysis.diff", None)
    with running(place, capsys) as office:
        sha = office.opened.agency.in_force.policy.hash
        code, said = office.attache("security-officer", "policy", "diff", sha, "--json")
        assert (code, said["code"]) == (1, "analysis-unavailable")


def test_a_decision_is_made_again_over_the_api(place, capsys):
    with running(place, capsys) as office:
        analyst = office.wait(office.opened.caller("analyst"))
        package_id = office.wait(office.opened.released(analyst))
        life = office.wait(analyst.get(f"/packages/{package_id}")).json()["recipients"][0]
        decision_id = life["decision"]["decision_id"]
        with office.client("auditor") as client:
            replayed = client.policies.replay(decision_id)
        assert (replayed.outcome, replayed.package_id) == ("release", package_id)
        assert replayed.record["decision"]["outcome"] == "release"
        entry = office.wait(office.opened.agency.store.read_log(lambda log: log.entry(replayed.log_index)))
        assert parse_leaf(entry.leaf).code == "package.decided"
        code, text = office.attache("auditor", "policy", "replay", decision_id)
        assert (code, f"{decision_id} release, as decided" in text) == (0, True)
        assert office.attache("analyst", "policy", "replay", decision_id)[0] == 3


def test_the_host_command_names_the_other_one_while_the_gateway_runs(place, capsys, folder):
    with running(place, capsys) as office:
        before = office.wait(office.opened.footprint())
        config = place.root / "irs-ci" / "gateway.toml"
        arguments = ["policy", "activate", str(folder), "--officer", "one", "--config", str(config)]
        refused = CliRunner().invoke(gateway_app, arguments)
        assert refused.exception.code == "gateway-running"
        assert "attache policy propose" in refused.exception.detail
        assert "attache policy activate" in refused.exception.detail
        assert office.wait(office.opened.footprint()) == before


def test_reviews(place, capsys):
    with running(place, capsys) as office:
        analyst = office.wait(office.opened.caller("analyst"))
        threat = a_submission(
            a_part("person.txt", b"a person", content_class=["personal-data"]),
            to=("partner-bogota",),
            purpose="threat-warning",
            urgency="threat-to-life",
            review_within_hours=12,
        )
        answer = office.wait(office.opened.submit(analyst, threat)).json()
        assert answer["recipients"][0]["state"] == "released", answer
        code, listed = office.attache("attache-bogota", "reviews", "list", "--json")
        assert [each["package_id"] for each in listed["reviews"]] == [answer["package_id"]]
        assert answer["package_id"] in office.attache("attache-bogota", "reviews", "list")[1]
        do = ("reviews", "do", answer["package_id"], "partner-bogota", "--finding", "justified", "--reason", "it was")
        code, said = office.attache("attache-bogota", *do, "--json")
        assert (code, said["state"]) == (0, "justified")
        assert office.attache("attache-bogota", *do)[0] == 7
        assert office.attache("attache-bogota", "reviews", "list", "--json")[1]["reviews"] == []


def test_officers(place, capsys):
    with running(place, capsys) as office:
        withdraw = ("officers", "withdraw", "attache-bogota", "--post", "bogota", "--reason", "rotated home")
        code, said = office.attache("security-officer", *withdraw, "--json")
        assert (code, said["withdrawn_posts"]) == (0, ["bogota"])
        listed = office.attache("auditor", "officers", "list", "--json")[1]["officers"]
        assert [each["officer"] for each in listed] == [said["officer"]]
        assert "bogota" in office.attache("auditor", "officers", "list")[1]
        reinstate = ("officers", "reinstate", "attache-bogota", "--reason", "back")
        assert "nothing withdrawn" in office.attache("security-officer", *reinstate)[1]
        everywhere = ("officers", "withdraw", "attache-sydney", "--reason", "left")
        assert "withdrawn for every post" in office.attache("security-officer", *everywhere)[1]
        assert office.attache("security-officer", "officers", "reinstate", "nobody", "--reason", "x")[0] == 5
        assert office.attache("attache-bogota", *everywhere)[0] == 3


def test_consents_asked_given_and_refused(place, capsys):
    """Bogotá may have the one lead and not the other; each step with the command line."""
    with running(place, capsys, "irs-ci", "partner-frankfurt") as (ours, theirs):
        pair = Pair(ours.opened, theirs.opened)
        requests = []
        for number in range(2):
            lead = {**LEAD, "content": a_part(content=f"lead {number}".encode())["content"]}
            package_id = ours.wait(pair.given(lead))
            analyst = ours.wait(ours.opened.caller("analyst"))
            ours.wait(analyst.post(f"/inbox/partner-frankfurt/{package_id}/open"))
            ask = ("consents", "ask", "partner-frankfurt", package_id, "lead.txt", "--to", "partner-bogota")
            ask += ("--purpose", "criminal-investigation", "--legal-basis", "FRANKFURT-LEA", "--reason", "same wallets")
            code, asked = ours.attache("analyst", *ask, "--crime-type", "money-laundering", "--json")
            assert (code, asked["state"]) == (0, "asked"), asked
            ours.wait(pair.carry(ours.opened, theirs.opened, asked["request_id"]))
            reader = theirs.wait(theirs.opened.caller("analyst"))
            theirs.wait(reader.post(f"/inbox/irs-ci/{asked['request_id']}/open"))
            requests.append(asked["request_id"])
        officer = {"subject": "their officer", "posts": ["washington"]}
        listed = theirs.attache("attache-bogota", "consents", "requests", "--json", **officer)[1]["requests"]
        assert [(each["request_id"], each["state"]) for each in listed] == [(each, "asked") for each in requests]
        until = (theirs.opened.agency.clock() + timedelta(days=30)).strftime("%Y-%m-%d")
        give = ("consents", "give", "irs-ci", requests[0], "--until", until, "--reason", "agreed")
        code, given = theirs.attache("attache-bogota", *give, "--json", **officer)
        assert (code, given["recipient"]) == (0, "partner-bogota")
        assert theirs.attache("attache-bogota", *give, **officer)[0] == 7
        refuse = ("consents", "refuse", "irs-ci", requests[1], "--reason", "it names a source")
        code, text = theirs.attache("attache-bogota", *refuse, **officer)
        assert (code, f"{requests[1]} refused" in text) == (0, True)
        assert given["consent_id"] in theirs.attache("auditor", "consents", "list")[1]
        shown = theirs.attache("auditor", "consents", "show", given["consent_id"], "--json")[1]
        assert shown["signed"]["signatures"]
        with theirs.client("auditor") as client:
            assert [each.state for each in client.consents.requests()] == ["given", "refused"]
            assert client.consents.request("irs-ci", requests[1]).refusal["signatures"]
            with pytest.raises(AttacheError):
                client.consents.get("01935000-0000-7000-8000-000000000001")
        text = ours.attache("analyst", "consents", "requests")[1]
        assert [line.split("\t")[-1] for line in text.splitlines()] == ["asked", "asked"]


def test_the_asynchronous_client_asks_the_same(place: ExchangePlace):
    async def story():
        async with place.open() as opened:
            transport = httpx.ASGITransport(opened.gateway.agency_api, raise_app_exceptions=False)
            token = opened.token("security-officer")
            async with AsyncClient(URL, token=token, transport=transport) as client:
                [active] = await client.policies.list()
                assert (await client.policies.get(active.policy_sha256)).files
                assert (await client.officers.withdraw("x", "left")).withdrawn_posts == ("*",)
                assert len(await client.officers.list()) == 1
                assert await client.reviews.list() == ()
                assert [each async for each in client.consents.list()] == []
                assert [each async for each in client.consents.requests()] == []

    asyncio.run(story())
