"""Years later: which decision led to which redacted bytes, from the evidence and from the records."""

import asyncio
import json

import pytest
from typer.testing import CliRunner

from attache.crypto import sha256_hex
from attache.evidence.report import CheckOutcome
from attache.evidence.verifying import verify_bundle
from gateway.__main__ import app
from tests.exchange_place import a_submission, problem
from tests.fields.test_json_fields import CASE, SUSPECT, a_case
from tests.fields.test_stix_vectors import LINK, MIXER, OURS, REPORT, a_stix_part
from tests.fields.test_stix_vectors import SUSPECT as STIX_SUSPECT


@pytest.fixture
def released(place):
    """A stopped gateway that has released a package with redacted copies: its id, manifest, and evidence about it."""

    async def story():
        async with place.open() as gateway:
            analyst = await gateway.caller("analyst")
            package_id = await gateway.released(
                analyst, a_case(SUSPECT, name="fields.json"), a_stix_part(OURS, MIXER, STIX_SUSPECT, LINK, REPORT)
            )
            package, parts = await gateway.opened(package_id, "partner-frankfurt")
            evidence = (await analyst.get(f"/packages/{package_id}/evidence")).content
            return package_id, package.manifest, parts, evidence

    return asyncio.run(story())


def test_the_decision_replays_with_its_fields(place, released):
    _, manifest, _, _ = released
    config = str(place.root / "irs-ci" / "gateway.toml")
    result = CliRunner().invoke(app, ["decision", "replay", manifest.release.decision_id, "--config", config])
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert sha256_hex(result.stdout.rstrip("\n").encode()) == manifest.release.release_proof_sha256
    fields = {unit["path"]: unit["outcome"] for unit in record["decision"]["parts"][0]["fields"]}
    assert fields == {"/suspect": "withhold", "": "disclose"}
    assert record["request"]["parts"][0]["fields"][0]["markings"]["rel_to"] == ["irs-ci", "partner-sydney"]


def test_the_evidence_binds_the_copies_to_the_decision(place, released):
    _, manifest, parts, evidence = released
    trusted = [place.made[name].descriptor for name in ("irs-ci", "partner-frankfurt")]
    report = verify_bundle(evidence, trusted)
    assert report.findings == ()
    said = [check.detail for check in report.checks if check.outcome is CheckOutcome.PROVEN]
    assert "the decision led to the manifest's 2 redacted copies" in said
    assert [part.sha256 for part in manifest.parts] == [sha256_hex(content) for content in parts.values()]


def test_the_copies_outlive_a_restart_that_collects_what_nothing_names(place, released):
    package_id, manifest, parts, _ = released

    async def story():
        import os

        settings = place.settings("irs-ci")
        for path in settings.blobs_dir.rglob("*"):
            os.utime(path, (0, 0))
        async with place.open() as gateway:
            _, again = await gateway.opened(package_id, "partner-frankfurt")
            assert again == parts

    asyncio.run(story())


def test_a_recipient_whose_copy_is_refused_takes_the_others_copies_along(place):
    """One submission, one answer: nothing of what was made for the first recipient is left when the second is refused."""

    async def story():
        async with place.open() as gateway:
            analyst = await gateway.caller("analyst")
            first = {"path": "/witnesses/1", "markings": ["REL TO: irs-ci"]}
            second = {"path": "/suspect/wallet", "markings": ["REL TO: irs-ci, partner-frankfurt"]}
            told = {**CASE, "note": f"paid to {CASE['suspect']['wallet']}"}
            part = a_case(first, second, content=told)
            before = await gateway.footprint()
            answer = await gateway.submit(analyst, a_submission(part, to=("partner-frankfurt", "europol")))
            assert problem(answer) == "redaction-blocked"
            assert await gateway.footprint() == before
            alone = await gateway.submit(analyst, a_submission(part))
            assert alone.status_code == 202

    asyncio.run(story())


def test_copies_that_are_others_than_the_manifests_are_found(released):
    from attache.evidence.log_checks import ProvenEntry
    from attache.evidence.report import Checks
    from attache.evidence.story import _verify_copies

    _, manifest, _, _ = released
    good = [{"part": number, "sha256": part.sha256} for number, part in enumerate(manifest.parts)]

    def outcome(redacted):
        checks = Checks()
        fields = {"record": {}, "reason": {"redacted": redacted}}
        _verify_copies(manifest, ProvenEntry("irs-ci", 7, None, fields), checks)
        return [check.outcome for check in checks.made]

    assert outcome(good) == [CheckOutcome.PROVEN]
    for wrong in ([], good[:1], [*good, {"part": 2, "sha256": "0" * 64}], "nothing", [None], [{}]):
        assert outcome(wrong) == [CheckOutcome.FAILED]
