"""Consents in evidence: who signed them, whether they cover exactly this release, and what the log says of them."""

import json

import pytest

from attache.evidence.bundle import parse_bundle, seal_bundle
from attache.evidence.report import CheckOutcome
from attache.evidence.verifying import STEPS, verify_bundle
from tests.protocol.making import ME, ORIGINATOR, THIRD
from tests.protocol.translog.evidence_making import consent_bundles, consented_case

CASES = 20


@pytest.fixture(scope="session")
def all_trusted(parties):
    return [parties[name].descriptor for name in (ORIGINATOR, ME, THIRD)]


@pytest.fixture(scope="session")
def cases(parties):
    return consent_bundles(parties)


def verified(parties, bundle, trusted):
    return verify_bundle(seal_bundle(bundle, parties[bundle.made_by].keys), trusted)


def test_a_release_on_consent_is_proven_in_every_step(parties, all_trusted):
    bundle, _, consent = consented_case(parties)
    report = verified(parties, bundle, all_trusted)
    assert report.findings == ()
    assert {check.step for check in report.checks if check.outcome is CheckOutcome.PROVEN} == set(STEPS)
    said = [check.detail for check in report.checks if check.where == consent.consent_id]
    assert "the log holds the consent, before the release" in said
    assert report.facts["consents"] == [consent.consent_id]


@pytest.mark.parametrize("number", range(CASES))
def test_what_is_spoiled_is_found(parties, cases, all_trusted, number):
    name, (bundle, expected) = list(cases.items())[number]
    report = verified(parties, bundle, all_trusted)
    assert {(finding.step, finding.code) for finding in report.findings} == expected, name


def test_every_case_is_run(cases):
    assert len(cases) == CASES


def test_what_is_missing_is_said(parties, cases, all_trusted):
    for name, step in (("without the consent", "consents"), ("the log is silent", "story")):
        report = verified(parties, cases[name][0], all_trusted)
        absent = {check.step for check in report.checks if check.outcome is CheckOutcome.ABSENT}
        assert step in absent, name


def test_a_consent_of_somebody_who_is_not_trusted_proves_nothing(parties, cases, trusted):
    report = verified(parties, cases["on consent"][0], trusted)
    assert ("consents", "unknown-key") in {(finding.step, finding.code) for finding in report.findings}


def test_a_bundle_without_consents_is_spelled_as_before(parties, cases):
    raw = seal_bundle(cases["without the consent"][0], parties[ORIGINATOR].keys)
    assert "consents" not in json.loads(raw)["bundle"]
    assert parse_bundle(raw).bundle.consents == ()
