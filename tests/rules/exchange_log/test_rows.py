"""Exports for people: exactly what was shown, no formulas, and a manifest that holds them together."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from attache.crypto import sha256_hex
from attache.errors import Misconfigured
from attache.evidence.export import ExportManifest, sign_export, verify_export
from certs_example.exchange import make_exchange
from gateway.exchange_log.entry import Entry
from gateway.exchange_log.events import EventCode, Group
from gateway.exchange_log.leaf import Pseudonyms, make_leaf, parse_leaf, verify_opening
from gateway.exchange_log.rows import COLUMNS, OpenedEntry, _cell, csv_header, csv_lines, json_lines

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
HOSTILE = '=HYPERLINK("https://example.invalid","x")'


@pytest.fixture(scope="module")
def parties(tmp_path_factory):
    return make_exchange(tmp_path_factory.mktemp("rows") / "exchange", now=NOW)


def entry(index, *, groups=tuple(Group), text=HOSTILE):
    event = Entry(
        EventCode.PACKAGE_REJECTED,
        NOW,
        "officer",
        {"package": "p", "partner": "q"},
        {Group.RECORD: {"package_id": "p"}, Group.PERSON: {"actor": "officer"}, Group.REASON: {"note": text}},
    )
    leaf = make_leaf(event, Pseudonyms(b"k" * 32))
    facts = parse_leaf(leaf.raw)
    return OpenedEntry(index, facts, {o.group: verify_opening(facts, o) for o in leaf.openings if o.group in groups})


ENTRIES = [entry(3), entry(7, groups=(Group.RECORD,)), entry(9, text='a "quoted" line\nand another\r, with commas')]


def test_json_lines_say_all_that_may_be_seen():
    rows = [json.loads(line) for line in json_lines(ENTRIES)]
    assert [row["index"] for row in rows] == [3, 7, 9]
    assert rows[0]["reason"] == {"note": HOSTILE}
    assert set(rows[1]) == {"index", "at", "code", "ids", "record"}
    assert all(line.count(b"\n") == 1 for line in json_lines(ENTRIES))


def test_csv_reads_back_with_any_reader():
    raw = b"".join([csv_header(), *csv_lines(ENTRIES)]).decode()
    rows = list(csv.reader(io.StringIO(raw, newline="")))
    assert tuple(rows[0]) == COLUMNS
    assert [row[0] for row in rows[1:]] == ["3", "7", "9"]
    assert json.loads(rows[1][-1]) == {"note": HOSTILE}
    assert rows[2][-2:] == ["", ""]
    assert json.loads(rows[3][-1])["note"].startswith('a "quoted" line\nand')
    assert raw.count("\n") == len(ENTRIES) + 1


@pytest.mark.parametrize("text", [HOSTILE, "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(text):
    assert _cell(text).startswith("\"'")
    assert not any(
        cell.startswith(("=", "+", "-", "@"))
        for row in csv.reader(io.StringIO(b"".join([csv_header(), *csv_lines(ENTRIES)]).decode()))
        for cell in row
    )


def manifest_of(raw, **changes):
    members = {
        "made_at": NOW,
        "made_by": "irs-ci",
        "origin": "irs-ci.attache.example/log",
        "size": 10,
        "root": "ab" * 32,
        "filter": {"partner": "partner-bogota"},
        "rows": len(ENTRIES),
        "file_format": "csv",
        "file_bytes": len(raw),
        "file_sha256": sha256_hex(raw),
    }
    return ExportManifest(**{**members, **changes})


def steps(report):
    return [(finding.step, finding.code) for finding in report.findings]


def test_an_export_and_its_manifest(parties):
    maker = parties["irs-ci"]
    for file_format, lines in (("csv", [csv_header(), *csv_lines(ENTRIES)]), ("jsonl", json_lines(ENTRIES))):
        pieces = list(lines)
        signed = sign_export(manifest_of(b"".join(pieces), file_format=file_format), maker.keys)
        report = verify_export(pieces, signed, maker.descriptor)
        assert report.is_sound
        assert report.facts["filter"] == {"partner": "partner-bogota"}
        assert [check.step for check in report.checks] == ["seal", "digest", "rows"]


def test_every_change_of_the_file_or_its_manifest_is_refused(parties):
    maker, raw = parties["irs-ci"], b"".join([csv_header(), *csv_lines(ENTRIES)])
    signed = sign_export(manifest_of(raw), maker.keys)
    for at in range(0, len(raw), 7):
        changed = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        assert ("digest", "proof-invalid") in steps(verify_export([changed], signed, maker.descriptor)), at
    for at in range(0, len(signed), 97):
        changed = signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1 :]
        assert [step for step, _ in steps(verify_export([raw], changed, maker.descriptor))] == ["seal"], at
    shorter = b"".join([csv_header(), *csv_lines(ENTRIES)][:-1])
    assert steps(verify_export([shorter], signed, maker.descriptor)) == [
        ("digest", "proof-invalid"),
        ("rows", "proof-invalid"),
    ]


def test_a_manifest_of_another_maker(parties):
    raw = b"".join([csv_header(), *csv_lines(ENTRIES)])
    signed = sign_export(manifest_of(raw), parties["irs-ci"].keys)
    assert steps(verify_export([raw], signed, parties["partner-bogota"].descriptor)) == [("seal", "unknown-key")]
    assert steps(verify_export([raw], b"{}", parties["irs-ci"].descriptor)) == [("seal", "malformed-evidence")]
    with pytest.raises(Misconfigured):
        sign_export(manifest_of(raw), parties["partner-bogota"].keys)


def test_a_manifest_that_names_another_maker_than_its_signer(parties):
    raw = b"".join([csv_header(), *csv_lines(ENTRIES)])
    posing = sign_export(manifest_of(raw), _renamed(parties["partner-bogota"].keys))
    assert steps(verify_export([raw], posing, parties["partner-bogota"].descriptor)) == [("seal", "signature-invalid")]


def _renamed(keys):
    from dataclasses import replace

    return replace(keys, participant="irs-ci")


def test_instants_of_rows_are_in_utc():
    assert json.loads(next(json_lines([entry(1)])))["at"] == "2026-11-22T09:00:00Z"
    assert NOW.utcoffset() == timedelta(0)
