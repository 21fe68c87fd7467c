"""What an SDK submits is what a gateway reads: the same facts, and the same bytes as every version since the first sent."""

import json
from dataclasses import fields
from datetime import UTC, datetime

import pytest

from attache import Field, PackageFilter, Part, Recipient, Submission
from attache.errors import MalformedInput
from attache.wire import packages as wire

AT_THE_GATEWAY_ONLY = {Submission: {"submit"}, Part: {"bytes", "sha256"}, Recipient: set(), Field: set()}
READ_AS = {Submission: wire.Submission, Part: wire.PartFacts, Recipient: wire.Addressee, Field: wire.FieldFacts}


@pytest.mark.parametrize("kind", READ_AS, ids=lambda kind: kind.__name__)
def test_every_fact_that_a_gateway_reads_can_be_stated(kind):
    stated = {each.name for each in fields(kind)}
    assert stated | AT_THE_GATEWAY_ONLY[kind] == set(READ_AS[kind].model_fields)


@pytest.mark.parametrize("kind", READ_AS, ids=lambda kind: kind.__name__)
def test_a_fact_that_is_left_out_means_the_same_on_both_sides(kind):
    for each in fields(kind):
        read = READ_AS[kind].model_fields[each.name]
        if not read.is_required():
            assert each.default == read.default or each.name == "content", each.name


AS_SENT = (
    '{"kind": "intelligence", "title": "Wallets", "purpose": "criminal-investigation", "crime_types": [],'
    ' "urgency": "routine", "channel": "liaison", "markings": ["TLP:RED"], "handling_codes": [], "caveats": [],'
    ' "assurances": [], "retain_until": null, "onward": null, "expires_at": "2027-01-01T00:00:00Z",'
    ' "in_reply_to": null, "thread_id": null, "review_within_hours": 0,'
    ' "recipients": [{"to": "partner-frankfurt/desk", "legal_basis": "FRANKFURT-MLAT"}],'
    ' "parts": [{"name": "note.json", "media_type": "application/octet-stream", "markings": [], "content_class": [],'
    ' "evaluation": "unevaluated", "originator": null, "handling_codes": [], "caveats": [],'
    ' "delete_by": "2027-01-01T00:00:00Z", "fields": [{"path": "/a", "markings": [], "content_class": [],'
    ' "handling_codes": [], "originator": "partner-sydney"}], "bytes": 2, "sha256": null, "content": null}]}'
)
"""By the version of 2026-11-30 (4f89f02). A submission that is repeated under its key by a later SDK is the same request."""


def test_what_is_sent_is_what_earlier_versions_sent():
    end = datetime(2027, 1, 1, tzinfo=UTC)
    submission = Submission(
        kind="intelligence",
        title="Wallets",
        purpose="criminal-investigation",
        markings=("TLP:RED",),
        expires_at=end,
        recipients=(Recipient("partner-frankfurt/desk", "FRANKFURT-MLAT"),),
        parts=(Part("note.json", b"{}", fields=(Field("/a", originator="partner-sydney"),), delete_by=end),),
    )
    assert json.dumps(submission.facts()) == AS_SENT


@pytest.mark.parametrize("wrong", ["", "x" * 101, "a\nb", 7])
def test_a_filter_that_fits_nothing_is_refused_before_anything_is_sent(wrong):
    with pytest.raises(MalformedInput, match="case_reference") as caught:
        PackageFilter(case_reference=wrong)
    assert caught.value.code == "malformed-request"
    assert "xxx" not in str(caught.value)


def test_a_filter_by_something_unknown_is_refused():
    with pytest.raises(MalformedInput, match="filter"):
        PackageFilter(case_refrence="2026-CI-0042")
