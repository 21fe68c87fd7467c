"""Every event is a class whose fields are written, and whose payloads keep the form that earlier releases wrote."""

import ast
import json
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from pathlib import Path

import pytest

import gateway
from attache import strict_json
from attache.errors import AttacheError
from attache.receipt import ReceiptKind
from attache.vocabulary import Post, Purpose
from attache.wire.packages import Submission
from gateway.exchange.kernel.state import ReviewState
from gateway.exchange_log.entry import entry_of
from gateway.exchange_log.events import CATALOGUE, EventCode, Group, fields_of, groups_of
from gateway.exchange_log.events.approvals import ReviewDone
from gateway.exchange_log.events.base import ArrivalIds, PackageIds, ReleaseIds, exchange_ids
from gateway.exchange_log.events.consents import ConsentGiven
from gateway.exchange_log.events.oversight import LogSearched
from gateway.exchange_log.events.packages import (
    PackageDenied,
    PackageExpired,
    PackageHeld,
    PackageReleased,
    PackageSubmitted,
    RedactedPart,
)
from gateway.exchange_log.events.purges import PurgeOrdered
from gateway.exchange_log.events.receipts import ReceiptSigned
from gateway.exchange_log.events.sessions import CertificateRefused
from gateway.exchange_log.leaf import Pseudonyms, make_leaf, parse_leaf, verify_opening

AT = datetime(2026, 11, 22, 9, 0, 0, 123, tzinfo=UTC)
KEY = Pseudonyms(bytes(range(32)))
PACKAGE, OTHER = "0190d6a0-0000-7000-8000-000000000001", "0190d6a0-0000-7000-8000-000000000002"
SENT = ReleaseIds(package_id=PACKAGE, originator="irs-ci", recipient="partner-bogota")
CAME = ArrivalIds(package_id=PACKAGE, originator="partner-lima", recipient="irs-ci")

BY_NAME = {"PackageSubmitted": Submission}
"""Classes whose absent fields `with_facts` takes from a value of this type: a field that it does not have is not written."""


def sources():
    """Every module of the gateway but those of the classes."""
    root = Path(gateway.__file__).parent
    return [path for path in root.rglob("*.py") if root / "exchange_log" / "events" not in path.parents]


def constructions():
    """By class of events, the sets of keywords that its constructions pass; a class that is handed on as a value counts for all."""
    classes = {kind.__name__: kind for kind in CATALOGUE.values()}
    found = {name: [] for name in classes}
    for path in sources():
        tree = ast.parse(path.read_text("utf-8"))
        called = set()
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            keywords = {keyword.arg for keyword in node.keywords}
            if node.func.id in classes:
                called.add(node.func)
                found[node.func.id].append(keywords)
        values = {
            node.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and node.id in classes and node not in called
        }
        through = [
            {keyword.arg for keyword in node.keywords}
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "kind"
        ]
        for name in values:
            found[name] += through
    return found


def optional_fields(kind):
    return {field.name for field in fields(kind) if field.default is not MISSING}


def test_every_class_is_constructed_and_every_optional_field_is_written():
    replaced = {
        keyword.arg
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "replace"
        for keyword in node.keywords
    }
    assert "count" in replaced, "a refusal is counted by replacing the field"
    unwritten = {}
    for name, calls in constructions().items():
        assert calls, f"nothing logs {name}"
        kind = next(kind for kind in CATALOGUE.values() if kind.__name__ == name)
        by_name = set(BY_NAME[name].model_fields) if name in BY_NAME else set()
        missing = optional_fields(kind) - set().union(*calls) - {"count"} - by_name
        if missing:
            unwritten[name] = missing
    assert unwritten == {}


def test_absent_fields_are_taken_by_name():
    """The one place that does so logs the class that is exempt above."""
    calls = [
        (path.name, node.args[1])
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "with_facts"
    ]
    assert [(name, facts.id) for name, facts in calls] == [("submit.py", "submission")]


def test_every_class_states_its_meaning_and_names_no_field_twice():
    for code, kind in CATALOGUE.items():
        assert kind.event_code is code
        assert "__doc__" in vars(kind) and kind.__doc__.rstrip().endswith("."), code
        names = [name for group, names in fields_of(kind).items() if group is not Group.PERSON for name in names]
        assert len(names) == len(set(names)), code
        assert "request_id" not in names, "the HTTP request's, in the group person alone"
        assert not groups_of(kind) & kind.once_committed, code


@pytest.mark.parametrize(
    ("event", "objects", "record", "reason"),
    [
        (
            PackageHeld(
                about=SENT,
                recipient_desk="liaison",
                decision_id=OTHER,
                post=Post.BOGOTA,
                reasons=("second officer",),
                rules=("r1",),
            ),
            {"package": PACKAGE, "partner": "partner-bogota"},
            (
                b'{"decision_id":"0190d6a0-0000-7000-8000-000000000002","originator":"irs-ci",'
                b'"package_id":"0190d6a0-0000-7000-8000-000000000001","post":"bogota","recipient":"partner-bogota",'
                b'"recipient_desk":"liaison"}'
            ),
            b'{"reasons":["second officer"],"rules":["r1"]}',
        ),
        (
            PackageReleased(
                about=SENT,
                recipient_desk="liaison",
                decision_id=OTHER,
                envelope_sha256="aa",
                manifest_sha256="bb",
                release_sha256="cc",
                legal_basis="tiea-2001",
                purpose=Purpose.TAX_ENFORCEMENT,
                parts=(0, 2),
                withheld=1,
                redacted=(RedactedPart(part=2, sha256="dd"),),
            ),
            {"package": PACKAGE, "partner": "partner-bogota"},
            (
                b'{"decision_id":"0190d6a0-0000-7000-8000-000000000002","envelope_sha256":"aa","manifest_sha256":"bb",'
                b'"originator":"irs-ci","package_id":"0190d6a0-0000-7000-8000-000000000001","recipient":"partner-bogota",'
                b'"recipient_desk":"liaison","release_sha256":"cc"}'
            ),
            (
                b'{"legal_basis":"tiea-2001","parts":[0,2],"purpose":"tax-enforcement",'
                b'"redacted":[{"part":2,"sha256":"dd"}],"withheld":1}'
            ),
        ),
        (
            ReviewDone(about=SENT, post=Post.BOGOTA, due_at=AT, finding=ReviewState.JUSTIFIED, note="seen"),
            {"package": PACKAGE, "partner": "partner-bogota"},
            (
                b'{"due_at":"2026-11-22T09:00:00.000123Z","finding":"justified","originator":"irs-ci",'
                b'"package_id":"0190d6a0-0000-7000-8000-000000000001","post":"bogota","recipient":"partner-bogota"}'
            ),
            b'{"note":"seen"}',
        ),
        (
            PurgeOrdered(
                purge_id=OTHER,
                packages=(PackageIds(package_id=PACKAGE, originator="irs-ci"),),
                legal_basis="b",
                note="n",
            ),
            {},
            (
                b'{"packages":[{"originator":"irs-ci","package_id":"0190d6a0-0000-7000-8000-000000000001"}],'
                b'"purge_id":"0190d6a0-0000-7000-8000-000000000002"}'
            ),
            b'{"legal_basis":"b","note":"n"}',
        ),
        (
            ReceiptSigned(about=CAME, manifest_sha256="bb", receipt_kind=ReceiptKind.OPENED, receipt_sha256="ee"),
            {"package": PACKAGE, "partner": "partner-lima"},
            (
                b'{"manifest_sha256":"bb","originator":"partner-lima",'
                b'"package_id":"0190d6a0-0000-7000-8000-000000000001","receipt_kind":"opened","receipt_sha256":"ee",'
                b'"recipient":"irs-ci"}'
            ),
            None,
        ),
        (
            LogSearched(filter={"package_id": PACKAGE, "follow": True, "after": 3}),
            {},
            b'{"filter":{"after":3,"follow":true,"package_id":"0190d6a0-0000-7000-8000-000000000001"}}',
            None,
        ),
    ],
)
def test_payloads_are_byte_for_byte_those_of_earlier_releases(event, objects, record, reason):
    """The bytes come from the function that built events from mappings."""
    made = entry_of(event, at=AT, actor="system")
    payloads = {opening.group: opening.payload for opening in make_leaf(made, KEY).openings}
    expected = {Group.RECORD: record, Group.PERSON: b"{}"} | ({} if reason is None else {Group.REASON: reason})
    assert (made.objects, payloads) == (objects, expected)


def test_an_absent_value_is_left_out_and_never_null():
    for event in (
        PackageDenied(about=SENT, reasons=("r",)),
        PackageExpired(about=CAME),
        PackageSubmitted(
            about=PackageIds(package_id=PACKAGE, originator="irs-ci"),
            kind="intelligence",
            recipients=(),
            parts=0,
            part_sha256=(),
            legal_basis=(),
            purpose=Purpose.PROSECUTION,
            markings=(),
        ),
    ):
        for payload in event.payloads().values():
            assert b"null" not in strict_json.canonical(dict(payload))


def test_the_case_reference_is_a_reason():
    event = PackageSubmitted(
        about=PackageIds(package_id=PACKAGE, originator="irs-ci"),
        kind="intelligence",
        recipients=("partner-bogota",),
        parts=1,
        part_sha256=("aa",),
        legal_basis=("tiea-2001",),
        purpose=Purpose.PROSECUTION,
        markings=(),
        case_reference="26-cr-00417",
    )
    assert event.payloads()[Group.REASON]["case_reference"] == "26-cr-00417"
    assert "case_reference" not in event.payloads()[Group.RECORD]


def test_the_person_is_a_caller_s_and_the_request_of_whoever_acts():
    event = LogSearched(filter={}, entries=1)
    by_caller = entry_of(event, at=AT, actor="auditor-1", client="console", request_id="r-7")
    assert by_caller.fields[Group.PERSON] == {"actor": "auditor-1", "client": "console", "request_id": "r-7"}
    by_partner = entry_of(event, at=AT, actor="partner-lima", request_id="r-8")
    assert by_partner.fields[Group.PERSON] == {"request_id": "r-8"}


def test_the_partner_of_an_exchange_is_the_other_side():
    named = {"package_id": PACKAGE, "originator": "irs-ci", "recipient": "partner-lima"}
    assert exchange_ids("irs-ci", **named).partner == "partner-lima"
    assert exchange_ids("partner-lima", **named).partner == "irs-ci"


def test_a_renamed_field_is_a_new_version_of_the_event():
    event = ConsentGiven(
        about=SENT,
        third="partner-lima",
        asked_by_package=OTHER,
        consent_id="c",
        consent_sha256="ff",
        until=AT,
        note=None,
        purpose=Purpose.PROSECUTION,
    )
    made = entry_of(event, at=AT, actor="irs-ci", request_id="r-9")
    leaf = make_leaf(made, KEY)
    opened = {each.group: json.loads(each.payload) for each in leaf.openings}
    assert opened[Group.RECORD]["event_version"] == 2
    assert opened[Group.RECORD]["asked_by_package"] == OTHER
    assert "request_id" not in opened[Group.RECORD]
    assert opened[Group.PERSON] == {"request_id": "r-9"}


OLD_SEARCH = (
    b'{"at":"2026-11-22T09:00:00.000123Z","code":"log.searched","commitments":{'
    b'"person":"580182f6c395e39fb2b8dc450a825cb21710df2a25d5380336301dd27f2698f1",'
    b'"reason":"580182f6c395e39fb2b8dc450a825cb21710df2a25d5380336301dd27f2698f1",'
    b'"record":"ee2a6ae8ff3c0fa54f677cf411569bbe6e2999be821b45b34bea14be5f22b357"},'
    b'"ids":{"actor":"9d37efe5d58144de431d28c85fb65c18"},"nonce":"00000000000000000000000000000000","v":1}'
)
"""A leaf of the release in which `log.searched` committed to a reason; salts and nonce are zeros."""


def test_a_leaf_with_a_group_that_the_event_has_no_more_still_parses():
    made = make_leaf(entry_of(LogSearched(filter={}), at=AT, actor="a"), KEY)
    assert set(parse_leaf(made.raw).commitments) == {Group.RECORD, Group.PERSON}
    old = parse_leaf(OLD_SEARCH)
    assert (old.code, set(old.commitments)) == (EventCode.LOG_SEARCHED, {Group.RECORD, Group.PERSON, Group.REASON})
    with_zeros = make_leaf(
        entry_of(LogSearched(filter={"package_id": PACKAGE, "follow": True, "after": 3}), at=AT, actor="system"),
        KEY,
        lambda count: bytes(count),
    )
    assert verify_opening(old, with_zeros.openings[0]) == verify_opening(
        parse_leaf(with_zeros.raw), with_zeros.openings[0]
    )


def test_a_group_that_the_event_never_had_is_refused():
    leaf = json.loads(make_leaf(entry_of(PackageExpired(about=CAME), at=AT, actor="system"), KEY).raw)
    leaf["commitments"]["reason"] = "00" * 32
    with pytest.raises(AttacheError) as caught:
        parse_leaf(strict_json.canonical(leaf))
    assert caught.value.code == "malformed-log"


def test_refusals_that_are_too_many_keep_their_code_of_event_and_their_partner():
    event = CertificateRefused(
        participant="partner-lima", certificate_sha256="aa", code="revoked", client_network="public"
    )
    rest = event.of_no_kind()
    assert rest == CertificateRefused(participant="partner-lima")
    assert rest.payloads() == {Group.RECORD: {"participant": "partner-lima", "count": 0}}
