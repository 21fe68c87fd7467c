"""What policy is asked, and what an approval is bound to: all that leaves."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from attache.vocabulary import ContentClass, Onward, Post
from attache.wire.packages import Submission
from gateway.exchange.kernel.submission import parse_submission
from gateway.exchange.outgoing.proposal import content_digest, release_requests
from gateway.policy import FieldFacts, load_policy_set, read_policy_folder
from gateway.policy.proposal import propose
from tests.exchange_place import POLICIES, a_part, a_submission

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
DIGESTS = ["0" * 64, "1" * 64]
PACKAGE_ID = "01935000-0000-7000-8000-000000000001"
PARTS = [a_part("a.txt"), a_part("b.txt")]


def parse(**change) -> Submission:
    return parse_submission(json.dumps(a_submission(*PARTS, **change)).encode())


def requests_of(submission, digests=DIGESTS, now=NOW, package_id=PACKAGE_ID, requester="officer", fields=((), ())):
    return release_requests(
        submission,
        digests,
        fields,
        package_id=package_id,
        own="irs-ci",
        post=Post.WASHINGTON,
        requester=requester,
        now=now,
    )


LEAVES = {
    "title": {"title": "Other"},
    "kind": {"kind": "tool"},
    "purpose": {"purpose": "capacity-building"},
    "crime_types": {"crime_types": ["ransomware"]},
    "urgency": {"urgency": "priority"},
    "markings": {"markings": ["TLP:RED"]},
    "handling_codes": {"handling_codes": ["H1"]},
    "caveats": {"caveats": ["not-evidence"]},
    "onward": {"onward": Onward.NONE.value},
    "expires_at": {"expires_at": "2027-01-01T00:00:00Z"},
    "retain_until": {"retain_until": "2027-01-01T00:00:00Z"},
    "in_reply_to": {"in_reply_to": PACKAGE_ID},
    "thread_id": {"thread_id": PACKAGE_ID},
    "name": {"parts": [a_part("c.txt"), a_part("b.txt")]},
    "media_type": {"parts": [a_part("a.txt", media_type="text/html"), a_part("b.txt")]},
    "part markings": {"parts": [a_part("a.txt", markings=["TLP:RED"]), a_part("b.txt")]},
    "content_class": {"parts": [a_part("a.txt", content_class=["technical"]), a_part("b.txt")]},
    "originator": {"parts": [a_part("a.txt", originator="europol"), a_part("b.txt")]},
    "part handling codes": {"parts": [a_part("a.txt", handling_codes=["H1"]), a_part("b.txt")]},
    "part caveats": {"parts": [a_part("a.txt", caveats=["specialty"]), a_part("b.txt")]},
    "part retention": {"parts": [a_part("a.txt", delete_by="2027-01-01T00:00:00Z"), a_part("b.txt")]},
    "fields": {"parts": [a_part("a.txt", fields=[{"path": "/a"}]), a_part("b.txt")]},
    "order": {"parts": [*reversed(PARTS)]},
}


@pytest.mark.parametrize("change", LEAVES.values(), ids=LEAVES)
def test_whatever_leaves_changes_the_digest(change):
    assert content_digest(parse(**change), DIGESTS) != content_digest(parse(), DIGESTS)


def test_content_changes_the_digest():
    submission = parse()
    digests = {content_digest(submission, each) for each in (DIGESTS, ["0" * 64, "2" * 64], DIGESTS[::-1])}
    assert len(digests) == 3


def test_inline_content_and_submit_do_not_change_it():
    """The same package is the same, whether its parts came along or were uploaded."""
    draft = parse(parts=[a_part("a.txt", content=None), a_part("b.txt", content=None)], submit=False)
    assert content_digest(draft, DIGESTS) == content_digest(parse(), DIGESTS)


def test_another_recipient_is_another_release_of_the_same_content():
    both = requests_of(parse(recipients=a_submission(to=("partner-frankfurt", "partner-bogota"))["recipients"]))
    assert set(both) == {"partner-frankfurt", "partner-bogota"}
    assert both["partner-frankfurt"].content_digest == both["partner-bogota"].content_digest


RELEASES = {
    "recipient": ({"recipients": a_submission(to=("partner-bogota",))["recipients"]}, {}),
    "legal basis": ({"recipients": [{"to": "partner-frankfurt", "legal_basis": "FRANKFURT-MLAT"}]}, {}),
    "purpose": ({"purpose": "asset-recovery"}, {}),
    "channel": ({"channel": "siena"}, {}),
    "content": ({}, {"digests": ["0" * 64, "2" * 64]}),
    "fields": ({}, {"fields": ((FieldFacts("/a"),), ())}),
    "what a field is": ({}, {"fields": ((FieldFacts("/a", content_class=frozenset({ContentClass.VICTIM})),), ())}),
    "package": ({}, {"package_id": "01935000-0000-7000-8000-000000000002"}),
}


@pytest.mark.parametrize(("change", "other"), RELEASES.values(), ids=RELEASES)
def test_what_an_approval_is_bound_to(change, other):
    policy = load_policy_set(read_policy_folder(POLICIES["irs-ci"]), own="irs-ci")

    def digest(submission, **more) -> str:
        [request] = requests_of(submission, **more).values()
        return propose(policy, request)[0].digest

    assert digest(parse(**change), **other) != digest(parse())
    assert digest(parse(), now=NOW + timedelta(days=1)) == digest(parse())


def test_a_part_carries_its_own_markings_and_its_packages():
    [request] = requests_of(parse(markings=["TLP:RED", "REL TO: a, b"])).values()
    assert [part.markings.texts() for part in request.parts] == [["TLP:RED", "REL TO: a, b"]] * 2


@pytest.mark.parametrize(
    ("retain_until", "days"),
    [
        (None, None),
        ("2026-11-23T09:00:00Z", 1),
        ("2026-11-23T08:59:59Z", 0),
        ("2026-11-22T08:00:00Z", 0),
        ("2026-11-24T09:00:00+02:00", 1),
    ],
)
def test_retention_is_rounded_down(retain_until, days):
    [request] = requests_of(parse(retain_until=retain_until)).values()
    assert request.retention_days == days


def test_a_desk_is_named_and_the_default_one_is_not():
    [request] = requests_of(parse(recipients=[{"to": "partner-frankfurt/x", "legal_basis": "A"}])).values()
    assert (request.recipient_desk, request.named_recipients) == ("x", frozenset({"partner-frankfurt/x"}))
    [request] = requests_of(parse()).values()
    assert (request.recipient_desk, request.named_recipients) == (None, frozenset())
