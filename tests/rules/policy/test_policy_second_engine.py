"""The official cedar-wasm, another build of the engine, validates the rules without a warning and gives the same answers."""

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from policy_requests import shipped, shipped_files

pytest.importorskip("z3", reason="the boundary requests are made with z3-solver")

from policy_boundary import pinned

from gateway.policy.entities import Scenario, item_entity, partner_entities, release_entities, terms_entity
from gateway.policy.proposal import propose

pytestmark = pytest.mark.slow
PACKAGE = "@cedar-policy/cedar-wasm"
SCRIPT = Path(__file__).with_name("second_engine.cjs")


@pytest.fixture(scope="module")
def cedar_wasm(tmp_path_factory) -> Path:
    """Where cedar-wasm is: CEDAR_WASM, or installed for the test."""
    if shutil.which("node") is None:
        pytest.skip("Node is not installed")
    if given := os.environ.get("CEDAR_WASM"):
        return Path(given)
    folder = tmp_path_factory.mktemp("second-engine")
    try:
        subprocess.run(
            ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), f"{PACKAGE}@4.13.0"],
            check=True,
            capture_output=True,
            timeout=120,
        )
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"cedar-wasm cannot be installed: {type(error).__name__}")
    return folder / "node_modules" / PACKAGE / "nodejs"


def question(example):
    """The example as the engine is asked, in full."""
    bare, _ = propose(shipped(), example.request)
    approvals = tuple(replace(a, digest=bare.digest if of_this else "00" * 32) for a, of_this in example.approvals)
    proposal, _ = propose(shipped(), replace(example.request, approvals=approvals))
    scenario = Scenario("given", approvals)
    (unit,) = proposal.units
    facts, request = proposal.shard.facts, proposal.request
    entities = [
        *partner_entities(facts),
        *release_entities(facts, proposal.shard.own, request, proposal.digest, approvals),
        item_entity(unit.item_id, proposal.items[unit.item_id]),
        terms_entity(example.handling, scenario),
    ]
    asked = proposal.question(scenario, unit.item_id, example.form)
    call = {
        "principal": asked.principal,
        "action": {"type": "Attache::Action", "id": str(asked.action)},
        "resource": asked.resource,
        "context": {name: {"__entity": uid} for name, uid in json.loads(asked.context).items()},
        "entities": entities,
    }
    return {"partner": facts.partner, "call": call}


def test_both_engines_agree(cedar_wasm):
    cases = list(pinned().values())[::3]
    text = json.dumps(
        {
            "schema": shipped_files()["schema.cedarschema"],
            "policies": {
                name: {rule.id: dict(rule.json_form) | {"annotations": {}} for rule in shard.rules.values()}
                for name, shard in shipped().shards.items()
            },
            "questions": [question(example) for example, _ in cases],
        }
    )
    ran = subprocess.run(
        ["node", str(SCRIPT), str(cedar_wasm)], input=text, capture_output=True, text=True, check=True, timeout=300
    )
    said = json.loads(ran.stdout)
    assert said["warnings"] == []
    assert said["answers"] == ["allow" if allowed else "deny" for _, allowed in cases]
    assert len(cases) > 1_000
