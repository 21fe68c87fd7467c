"""Evidence made by a real gateway about a package that a real partner received, verified with the file and the descriptors alone."""

import asyncio
import json
import random
from dataclasses import replace

import pytest

from attache.cli.app import run
from attache.client.offline import verify
from attache.evidence.bundle import parse_bundle, seal_bundle
from attache.evidence.report import CheckOutcome
from attache.evidence.verifying import STEPS, verify_bundle
from attache.strict_json import canonical, parse_object
from tests.browser import b64, verdict_of
from tests.exchange_place import a_part, problem
from tests.witness.pair import open_pair

ME = "partner-frankfurt"


@pytest.fixture(scope="module")
def made(example, tmp_path_factory):
    """Bundles of one exchange: as auditor, submitter and the recipient's auditor see it; and the log's codes after."""
    import shutil

    from tests.exchange_place import ExchangePlace

    root, participants, issuer = example
    copied = tmp_path_factory.mktemp("evidence") / "exchange"
    shutil.copytree(root, copied)
    place = ExchangePlace(copied, participants, issuer)

    async def story():
        async with open_pair(place) as pair:
            analyst, auditor = await pair.ours.caller("analyst"), await pair.ours.caller("auditor")
            package_id = await pair.ours.released(analyst, to=(ME,))
            await pair.deliver(package_id)
            await pair.submit()
            found = {"package_id": package_id}
            for name, client in (("auditor", auditor), ("submitter", analyst)):
                answer = await client.get(f"/packages/{package_id}/evidence")
                assert answer.status_code == 200, answer.text
                assert answer.headers["content-type"] == "application/vnd.attache.evidence+json"
                found[name] = answer.content
            theirs = await (await pair.theirs.caller("auditor")).get(f"/packages/{package_id}/evidence")
            assert theirs.status_code == 200, theirs.text
            found["recipient"] = theirs.content
            found["entries"] = await pair.ours.entries()
            colleague = await pair.ours.caller("colleague")
            before = await pair.ours.footprint()
            refused = [
                await colleague.get(f"/packages/{package_id}/evidence"),
                await auditor.get(f"/packages/{package_id}/evidence?recipient=europol"),
                await (await pair.theirs.caller("analyst")).get(f"/packages/{package_id}/evidence"),
            ]
            assert [problem(each) for each in refused] == ["not-found"] * 3
            assert await pair.ours.footprint() == before
            return found

    return place, asyncio.run(story())


def trusted(place):
    return [place.made[name].descriptor for name in ("irs-ci", ME)]


def proven(report):
    return {check.step for check in report.checks if check.outcome is CheckOutcome.PROVEN}


def test_an_auditors_bundle_proves_every_step_but_the_manifests(made):
    place, found = made
    report = verify_bundle(found["auditor"], trusted(place))
    assert report.findings == ()
    assert set(STEPS) - proven(report) == {"manifest", "release-proof", "consents"}
    bundle = parse_bundle(found["auditor"]).bundle
    assert bundle.manifest is None
    assert {"package.submitted", "package.decided", "package.released", "receipt.stored", "package.delivered"} <= {
        moment["code"] for moment in report.timeline
    }
    said = [check.detail for check in report.checks if check.step == "consistency"]
    assert "the recipient cosigned a checkpoint of the originator that the bundle holds" in said
    assert any("cosigned by partner-frankfurt" in check.detail for check in report.checks)


def test_the_submitters_bundle_has_the_manifest_and_no_person(made):
    place, found = made
    report = verify_bundle(found["submitter"], trusted(place))
    assert report.findings == ()
    assert proven(report) == set(STEPS) - {"consents"}
    groups = {o.group for entry in parse_bundle(found["submitter"]).bundle.logs[0].entries for o in entry.openings}
    assert "person" not in groups
    assert "record" in groups


def test_the_recipients_auditor_can_prove_it_too(made):
    place, found = made
    report = verify_bundle(found["recipient"], trusted(place))
    assert report.findings == ()
    assert {"receipts", "inclusion", "opening", "story", "seal"} <= proven(report)
    assert [moment["code"] for moment in report.timeline][0] in {"package.announced", "package.received"}


@pytest.mark.parametrize("by", ["auditor", "submitter", "recipient"])
def test_a_browser_without_any_network_says_so_too(made, tmp_path, by):
    place, found = made
    descriptors = [b64(each.raw) for each in trusted(place)]
    shown = verdict_of(tmp_path, b64(found[by]), descriptors)
    assert "Nothing failed." in shown
    assert "package.received" in shown or "package.delivered" in shown
    raw = found[by]
    seal = raw.rindex(b'"seal"')
    bundle = raw[: seal // 2] + (b"A" if raw[seal // 2 : seal // 2 + 1] != b"A" else b"B") + raw[seal // 2 + 1 :]
    assert "Refused" in verdict_of(tmp_path, b64(bundle), descriptors)


def test_exporting_is_logged(made):
    assert made[1]["entries"][-3:].count("evidence.exported") >= 1
    assert made[1]["entries"].count("evidence.exported") == 2


def test_any_changed_byte_is_refused_with_the_step_named(made):
    """The whole file under the seal: 150 places, each with another bit, and every byte of the seal's first characters."""
    place, found = made
    raw, source = found["submitter"], random.Random(4)
    anchors = trusted(place)
    for at in source.sample(range(len(raw)), 150):
        spoiled = raw[:at] + bytes([raw[at] ^ (1 << source.randrange(7))]) + raw[at + 1 :]
        report = verify_bundle(spoiled, anchors)
        assert report.findings, at
        assert {finding.step for finding in report.findings} <= set(STEPS)
        assert report.findings[0].code


def test_a_bundle_sealed_again_after_a_change_fails_at_the_step_that_it_touches(made):
    """Whoever made it could seal it again; what is in it proves itself all the same."""
    place, found = made
    keys = place.made["irs-ci"].keys
    bundle = parse_bundle(found["submitter"]).bundle
    log, other = bundle.logs[0], "ab" * 32
    entry, opening = log.entries[2], log.entries[2].openings[0]

    def with_log(**changes):
        return {"logs": (log.model_copy(update=changes),)}

    def with_entry(**changes):
        return with_log(entries=(*log.entries[:2], entry.model_copy(update=changes), *log.entries[3:]))

    cases = {
        "manifest": {"manifest_sha256": other},
        "release-proof": {"release_proof": "e30"},
        "receipts": {"receipts": (bundle.receipts[0][:-8] + "AAAAAAAA",)},
        "certificates": {"revocations": tuple(r.model_copy(update={"crl": "e30"}) for r in bundle.revocations)},
        "checkpoint": with_log(checkpoints=(log.checkpoints[-1].model_copy(update={"note": "x\n1\n\n"}),)),
        "consistency": with_log(
            checkpoints=(log.checkpoints[0], *(c.model_copy(update={"consistency": ()}) for c in log.checkpoints[1:]))
        ),
        "inclusion": with_entry(index=entry.index + 1),
        "opening": with_entry(openings=(opening.model_copy(update={"salt": other}),)),
        "story": {"envelope_sha256": other},
    }
    for step, change in cases.items():
        report = verify_bundle(seal_bundle(bundle.model_copy(update=change), keys), trusted(place))
        assert step in {finding.step for finding in report.findings}, step


def test_truncated_padded_doubled_and_swapped_files_are_refused(made):
    place, found = made
    raw, other = found["auditor"], found["submitter"]
    document = parse_object(raw)
    swapped = canonical({"bundle": document["bundle"], "seal": parse_object(other)["seal"]}) + b"\n"
    doubled = raw.replace(b'"format":', b'"format":"attache-evidence/1","format":', 1)
    for spoiled in (raw[:-1], raw + b"\n", raw[: len(raw) // 2], b"", b"NaN", swapped, doubled, raw + raw):
        assert verify_bundle(spoiled, trusted(place)).findings


def test_without_the_descriptors_nothing_is_believed(made):
    place, found = made
    assert not verify_bundle(found["auditor"], []).is_sound
    stranger = replace(place.made["europol"].descriptor)
    assert not verify_bundle(found["auditor"], [stranger]).is_sound


def test_the_command_verifies_it_offline(made, tmp_path, capsys):
    place, found = made
    file = tmp_path / "case.attache-evidence"
    file.write_bytes(found["auditor"])
    descriptors = str(place.root / "descriptors")
    assert run(["--descriptors", descriptors, "verify", str(file)]) == 0
    said = capsys.readouterr().out
    assert "evidence-bundle" in said
    assert "proven" in said
    assert "absent" in said
    assert run(["--descriptors", descriptors, "verify", str(file), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["sound"], shown["kind"], shown["facts"]["package_id"]) == (
        True,
        "evidence-bundle",
        found["package_id"],
    )
    assert {check["outcome"] for check in shown["checks"]} == {"proven", "absent"}
    file.write_bytes(found["auditor"].replace(b'"made_at":"2026', b'"made_at":"2027', 1))
    assert run(["--descriptors", descriptors, "verify", str(file)]) == 6


def test_every_finding_is_printed(made, tmp_path, capsys):
    place, found = made
    bundle = parse_bundle(found["submitter"]).bundle
    spoiled = bundle.model_copy(update={"manifest_sha256": "ab" * 32, "release_proof": "e30"})
    file = tmp_path / "case.attache-evidence"
    file.write_bytes(seal_bundle(spoiled, place.made["irs-ci"].keys))
    report = verify(file, descriptors={d.participant: d for d in trusted(place)})
    assert len(report.findings) > 3
    assert run(["--descriptors", str(place.root / "descriptors"), "verify", str(file)]) == 6
    said = capsys.readouterr().out
    assert said.count("finding:") == len(report.findings)


def test_the_page_is_printed(capsys):
    assert run(["verify", "--html"]) == 0
    assert capsys.readouterr().out.startswith("<!DOCTYPE html>")
    assert run(["verify"]) == 2


def test_one_recipient_is_to_be_named_where_there_are_several(place):
    async def story():
        async with place.open() as gateway:
            analyst = await gateway.caller("analyst")
            package_id = await gateway.released(analyst, a_part(), to=("partner-frankfurt", "partner-bogota"))
            unnamed = await analyst.get(f"/packages/{package_id}/evidence")
            states = {
                r["recipient"]: r["state"] for r in (await analyst.get(f"/packages/{package_id}")).json()["recipients"]
            }
            named = await analyst.get(f"/packages/{package_id}/evidence?recipient=partner-frankfurt")
            return states, unnamed, named

    states, unnamed, named = asyncio.run(story())
    if list(states.values()).count("released") == 2:
        assert problem(unnamed) == "malformed-request"
    assert named.status_code == 200
    bundle = parse_bundle(named.content).bundle
    assert bundle.recipient == "partner-frankfurt"
    report = verify_bundle(named.content, [place.made[n].descriptor for n in ("irs-ci", "partner-frankfurt")])
    assert report.findings == ()
