"""attache-gateway policy: folders checked, tested, compared and activated by two officers."""

import asyncio
import json
import shutil

import pytest
from typer.testing import CliRunner

from gateway.__main__ import app
from tests.exchange_place import POLICIES

SHIPPED = POLICIES["irs-ci"]
NEVER = """
@id("BASE-NEVER")
@why("Nothing leaves today")
@cite("A test")
@c1("exchange with the partner is suspended")
forbid (principal, action, resource)
unless { principal.partner.status == Attache::PartnerStatus::"suspended" };
"""


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(SHIPPED, tmp_path / "policies", ignore=shutil.ignore_patterns("examples"))


def run(*arguments):
    return CliRunner().invoke(app, ["policy", *map(str, arguments)])


def test_the_shipped_folder_passes_check_and_test():
    checked = run("check", SHIPPED, "--own", "irs-ci")
    assert (checked.exit_code, checked.stdout) == (0, "")
    tested = run("test", SHIPPED, "--own", "irs-ci")
    assert tested.exit_code == 0
    assert tested.stdout.endswith(" 0 do not hold\n")


def test_check_names_file_line_and_rule(folder):
    base = folder / "base.cedar"
    base.write_text(base.read_text().replace("resource.marked", "resource.maked", 1))
    checked = run("check", folder, "--own", "irs-ci")
    assert checked.exit_code == 1
    [line] = [line for line in checked.stdout.splitlines() if "maked" in line]
    assert line.startswith("base.cedar:")
    assert "BASE-UNMARKED" in line


def test_test_names_the_case_that_does_not_hold(folder):
    with (folder / "base.cedar").open("a") as base:
        base.write(NEVER)
    tested = run("test", folder, "--own", "irs-ci")
    assert tested.exit_code == 1
    assert "expected" in tested.stdout


def test_diff_shows_a_request_for_each_widening(folder):
    pytest.importorskip("z3")
    facts = folder / "partners" / "partner-bogota.facts.yaml"
    facts.write_text(
        facts.read_text().replace(
            "cleared_tlp: [CLEAR, GREEN, AMBER]", "cleared_tlp: [CLEAR, GREEN, AMBER, AMBER+STRICT]"
        )
    )
    assert facts.read_text() != (SHIPPED / "partners" / "partner-bogota.facts.yaml").read_text()
    compared = run("diff", SHIPPED, folder, "--own", "irs-ci")
    assert compared.exit_code == 0
    assert "partner-bogota: WIDENS: disclose" in compared.stdout
    assert "AMBER+STRICT" in compared.stdout
    assert run("diff", SHIPPED, folder, "--own", "irs-ci", "--refuse-widening").exit_code == 1
    assert run("diff", folder, SHIPPED, "--own", "irs-ci", "--refuse-widening").exit_code == 0
    assert run("diff", SHIPPED, SHIPPED, "--own", "irs-ci").stdout == "no request changes its answer\n"


def test_two_officers_activate_a_folder_of_a_stopped_gateway(place, folder):
    async def initialise():
        async with place.open() as gateway:
            return await gateway.entries()

    before = asyncio.run(initialise())
    readme = folder / "partners" / "partner-sydney.facts.yaml"
    readme.write_text(readme.read_text() + "# reviewed\n")
    config = ["--config", place.root / "irs-ci" / "gateway.toml", "--reason", "reviewed"]
    proposed = run("activate", folder, "--officer", "one", *config)
    assert proposed.exit_code == 0, proposed.output
    assert json.loads(proposed.stdout)["state"] == "proposed"
    same = run("activate", folder, "--officer", "one", *config)
    assert same.exception.code == "own-submission"
    activated = run("activate", folder, "--officer", "two", *config)
    assert json.loads(activated.stdout)["state"] == "active"
    (folder / "base.cedar").write_text("permit (principal, action, resource);")
    refused = run("activate", folder, "--officer", "one", *config)
    assert refused.exception.code == "policy-not-loaded"

    async def look():
        async with place.open() as gateway:
            return gateway.agency.in_force.policy.hash, await gateway.entries()

    active, after = asyncio.run(look())
    assert active == json.loads(activated.stdout)["policy_sha256"]
    assert after == [*before, "policy.proposed", "policy.activated", "policy.refused"]
