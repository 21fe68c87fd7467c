"""What was proven before a purge verifies after it; and what can be proven of a purged package is proven."""

import asyncio
import base64

from attache.evidence.bundle import parse_bundle
from attache.evidence.report import CheckOutcome
from attache.evidence.verifying import verify_bundle
from attache.translog.merkle import leaf_hash, verify_inclusion
from attache.translog.proof import parse_proof
from tests.witness.pair import open_pair

ME = "partner-frankfurt"


def trusted(place):
    return [place.made[name].descriptor for name in ("irs-ci", ME)]


def of(report, outcome):
    return {(check.step, check.where) for check in report.checks if check.outcome is outcome}


def test_bundles_and_proofs_of_before_and_a_bundle_of_after(place):
    async def story():
        async with open_pair(place) as pair:
            analyst, auditor = await pair.ours.caller("analyst"), await pair.ours.caller("auditor")
            package_id = await pair.ours.released(analyst, to=(ME,))
            await pair.deliver(package_id)
            await pair.submit()
            path = f"/packages/{package_id}/evidence"
            before = {"auditor": (await auditor.get(path)).content, "submitter": (await analyst.get(path)).content}
            proof = (await auditor.get("/log/proofs/inclusion", params={"index": 3})).content
            there = (await (await pair.theirs.caller("auditor")).get(path)).content
            for gateway, originator in ((pair.ours, "irs-ci"), (pair.theirs, "irs-ci")):
                officers = [await gateway.caller("security-officer", subject=name) for name in ("one", "two")]
                named = {"packages": [{"originator": originator, "package_id": package_id}]}
                order = await officers[0].post("/purges", json={**named, "legal_basis": "b", "note": "n"})
                answer = await officers[1].post(f"/purges/{order.json()['purge_id']}/approve", json={"note": "n"})
                assert answer.status_code == 200, answer.text
            await pair.submit()
            after = {"auditor": (await auditor.get(path)).content, "submitter": (await analyst.get(path)).content}
            theirs = await (await pair.theirs.caller("auditor")).get(path)
            assert theirs.status_code == 200, theirs.text
            still = (await auditor.get("/log/proofs/inclusion", params={"index": 3})).content
            return package_id, before, there, after, theirs.content, proof, still

    package_id, before, there, after, theirs, proof, still = asyncio.run(story())
    for raw in (*before.values(), there, *after.values(), theirs):
        assert verify_bundle(raw, trusted(place)).findings == ()
    assert parse_proof(proof).extra == parse_proof(still).extra, "the leaf is what it was"
    for text in (proof, still):
        parsed = parse_proof(text)
        size = int(parsed.checkpoint.split(b"\n")[1])

        root = base64.b64decode(parsed.checkpoint.split(b"\n")[2])
        verify_inclusion(leaf_hash(parsed.extra), parsed.index, size, parsed.hashes, root)

    was, now = parse_bundle(before["auditor"]).bundle, parse_bundle(after["auditor"]).bundle
    assert (now.receipts, now.envelope_sha256, now.manifest_sha256) == (
        was.receipts,
        was.envelope_sha256,
        was.manifest_sha256,
    )
    kept = {entry.index: entry for entry in now.logs[0].entries}
    assert all(kept[entry.index].leaf == entry.leaf for entry in was.logs[0].entries), "every entry is proven still"
    assert parse_bundle(before["submitter"]).bundle.manifest is not None
    assert parse_bundle(after["submitter"]).bundle.manifest is None
    report = verify_bundle(after["auditor"], trusted(place))
    assert [check.step for check in report.checks if "content was purged" in check.detail] == ["story"]
    assert "can no longer be opened" in next(
        check.detail for check in report.checks if "content was purged" in check.detail
    )
    assert {"package.purged"} <= {moment["code"] for moment in report.timeline}
    assert of(report, CheckOutcome.PROVEN) >= {("receipts", "receipt 1")}
    assert not [
        check
        for check in verify_bundle(before["auditor"], trusted(place)).checks
        if "content was purged" in check.detail
    ]
