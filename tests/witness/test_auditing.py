"""What an auditor asks of the log, over the agency API and with the client."""

import asyncio
import csv
import io
import json
import sqlite3
from contextlib import closing
from datetime import timedelta

import httpx
import pytest

from attache.client.sync import Client
from attache.crypto import parse_b64u
from attache.errors import IntegrityLost
from attache.evidence.export import verify_export
from attache.translog.checkpoint import parse_checkpoint_body
from attache.translog.merkle import verify_consistency
from attache.translog.note import parse_note
from gateway.exchange.kernel.work import entry
from tests.exchange_place import a_part, problem


def scenario(place, story):
    async def run():
        async with place.open() as ours:
            return await story(ours, await ours.caller("analyst"), await ours.caller("auditor"))

    return asyncio.run(run())


def codes(answer):
    assert answer.status_code == 200, answer.text
    return [entry["event"] for entry in answer.json()["entries"]]


def test_entries_are_found_by_outcome_request_time_and_all_of_them_together(place):
    async def story(ours, analyst, auditor):
        before = ours.agency.clock()
        headers = {"X-Request-Id": "request-of-the-case", "Idempotency-Key": "k1"}
        from tests.exchange_place import a_submission

        first = (await analyst.post("/packages", json=a_submission(), headers=headers)).json()["package_id"]
        await ours.released(analyst, a_part(markings=["TLP:AMBER"]), to=("partner-bogota",))
        after = ours.agency.clock()
        by_request = codes(await auditor.get("/log/entries?request_id=request-of-the-case"))
        assert by_request == ["session.signed-in", "package.submitted", "package.decided", "package.released"]
        assert codes(await auditor.get("/log/entries?request_id=another-request")) == []
        assert codes(await auditor.get("/log/entries?outcome=release")) == ["package.decided"]
        assert codes(await auditor.get("/log/entries?outcome=hold")) == ["package.decided"]
        span = {"since": before.isoformat(), "until": after.isoformat()}
        assert codes(await auditor.get("/log/entries", params=span)) == [
            *by_request,
            "package.submitted",
            "package.decided",
            "package.held",
        ]
        earlier = {"until": (before - timedelta(seconds=1)).isoformat(), "event": "package.submitted"}
        assert codes(await auditor.get("/log/entries", params=earlier)) == []
        both = {"partner": "partner-frankfurt", "event": "package.released", "package_id": first, **span}
        assert codes(await auditor.get("/log/entries", params=both)) == ["package.released"]
        assert problem(await auditor.get("/log/entries?since=yesterday")) == "malformed-request"

    scenario(place, story)


def test_consistency_is_proven_between_any_two_sizes(place):
    async def story(ours, analyst, auditor):
        notes = []
        for _ in range(3):
            await ours.released(analyst)
            note = (await auditor.get("/log/checkpoint")).content
            notes.append(parse_checkpoint_body(parse_note(note).text))
        for old in notes:
            for new in notes:
                answer = await auditor.get(f"/log/proofs/consistency?old_size={old.size}&new_size={new.size}")
                if old.size > new.size:
                    assert problem(answer) == "malformed-proof"
                    continue
                proof = [bytes.fromhex(text) for text in answer.json()["proof"]]
                verify_consistency(old.size, new.size, old.root, new.root, proof)
        beyond = await auditor.get(f"/log/proofs/consistency?old_size=1&new_size={notes[-1].size + 50}")
        assert problem(beyond) == "not-found"

    scenario(place, story)


def test_an_export_is_exactly_the_filtered_set_signed_and_logged(place):
    async def story(ours, analyst, auditor):
        for _ in range(3):
            await ours.released(analyst, a_part())
        listed = (await auditor.get("/log/entries?event=package.submitted")).json()["entries"]
        maker = place.made["irs-ci"].descriptor
        for file_format in ("jsonl", "csv"):
            answer = await auditor.get(f"/log/export?event=package.submitted&format={file_format}")
            signed = parse_b64u(answer.headers["attache-manifest"])
            report = verify_export([answer.content], signed, maker)
            assert report.findings == ()
            assert report.facts["filter"] == {"code": "package.submitted"}
            assert report.facts["rows"] == len(listed) == 3
            if file_format == "jsonl":
                assert [json.loads(line)["index"] for line in answer.content.splitlines()] == [
                    e["index"] for e in listed
                ]
            else:
                rows = list(csv.DictReader(io.StringIO(answer.text)))
                assert [int(row["index"]) for row in rows] == [e["index"] for e in listed]
                assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
            for at in range(0, len(answer.content), 97):
                spoiled = answer.content[:at] + bytes([answer.content[at] ^ 1]) + answer.content[at + 1 :]
                assert {f.step for f in verify_export([spoiled], signed, maker).findings} & {"digest", "rows"}
            for at in range(0, len(signed), 53):
                spoiled = signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1 :]
                assert [f.step for f in verify_export([answer.content], spoiled, maker).findings] == ["seal"]
        assert (await ours.entries()).count("log.exported") == 2

    scenario(place, story)


def test_an_export_of_many_pages_is_one_file_up_to_its_checkpoint(place):
    from gateway.exchange.kernel.ports import LogFilter
    from gateway.exchange.oversight.export_log import AT_ONCE, export_log
    from gateway.exchange_log.events.oversight import LogSearched
    from gateway.identity.caller import Caller, Role

    async def story(ours, analyst, auditor):
        now = ours.agency.clock()
        caller = Caller("auditor", "t", "p", frozenset({Role.AUDITOR}), now + timedelta(hours=1))
        many = [entry(LogSearched(filter={}, entries=n), now, caller, None) for n in range(2 * AT_ONCE)]
        await ours.agency.store.write(lambda tx: [tx.log(each) for each in many])
        maker = place.made["irs-ci"].descriptor
        for file_format in ("jsonl", "csv"):
            size = await ours.agency.store.read_log(lambda log: log.size)
            made = await export_log(ours.agency, caller, LogFilter(), file_format)
            await ours.released(analyst)
            chunks = [chunk async for chunk in made.chunks]
            report = verify_export(chunks, made.manifest, maker)
            assert report.findings == ()
            assert (report.facts["rows"], report.facts["size"]) == (size, size)
            assert len(chunks) >= 3

    scenario(place, story)


def test_an_export_that_a_purge_overtakes_ends_before_its_end(place):
    from gateway.exchange.kernel.ports import LogFilter
    from gateway.exchange.oversight.export_log import export_log
    from gateway.identity.caller import Caller, Role

    async def story(ours, analyst, auditor):
        await ours.released(analyst)
        caller = Caller("auditor", "t", "p", frozenset({Role.AUDITOR}), ours.agency.clock() + timedelta(hours=1))
        made = await export_log(ours.agency, caller, LogFilter(), "jsonl")
        with closing(sqlite3.connect(ours.settings.database_url.removeprefix("sqlite:///"))) as connection, connection:
            connection.execute("update log_entry set private_sealed = null where entry_index = 1")
        with pytest.raises(IntegrityLost) as caught:
            [chunk async for chunk in made.chunks]
        assert caught.value.step == "export"

    scenario(place, story)


def test_the_log_is_followed_from_an_event_on(place):
    """The stream itself is without end, so its parts are taken from the use case."""
    from gateway.exchange.kernel.ports import LogFilter
    from gateway.exchange.oversight.follow_log import follow_log
    from gateway.exchange_log import EventCode
    from gateway.identity.caller import Caller, Role

    async def story(ours, analyst, auditor):
        expires = ours.agency.clock() + timedelta(hours=1)
        caller = Caller("auditor", "test", "p", frozenset({Role.AUDITOR}), expires)
        first = await ours.released(analyst)
        wanted = LogFilter(code=EventCode.PACKAGE_SUBMITTED)
        stream = await follow_log(ours.agency, caller, -1, wanted)
        before = await anext(stream)
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        second = await ours.released(analyst)
        after = await asyncio.wait_for(waiting, 10)
        await stream.aclose()
        assert [e.fields["record"]["package_id"] for e in (before, after)] == [first, second]
        resumed = await follow_log(ours.agency, caller, before.index, wanted)
        assert (await anext(resumed)).index == after.index
        await resumed.aclose()
        assert (await ours.entries()).count("log.searched") == 2
        over = Caller("auditor", "test", "p", frozenset({Role.AUDITOR}), ours.agency.clock())
        assert [each async for each in await follow_log(ours.agency, over, -1, wanted)] == []

    scenario(place, story)


def test_nobody_is_shown_what_only_the_gateway_checks(place):
    async def story(ours, analyst, auditor):
        await ours.released(analyst)
        entries = (await auditor.get("/log/entries")).json()["entries"]
        assert not any("rows" in entry["fields"] for entry in entries)
        export = await auditor.get("/log/export?format=csv")
        assert "rows" not in export.text.splitlines()[0]

    scenario(place, story)


def test_the_client_parses_a_stream_of_events():
    from attache.client.agency.log import EntryEvents

    entry = {
        "index": 7,
        "at": "2026-11-22T09:00:00Z",
        "event": "package.read",
        "actor": "a",
        "objects": {},
        "fields": {},
    }
    raw = b": following\n\nid: 7\ndata: " + json.dumps(entry).encode() + b"\n\n: nothing new\n\n"
    events = EntryEvents()
    found = [each for i in range(0, len(raw), 11) for each in events.feed(raw[i : i + 11])]
    assert [each.index for each in found] == [7]


def test_the_client_searches_and_exports(tmp_path):
    seen = []

    def answer(request):
        seen.append(str(request.url))
        if request.url.path.endswith("/export"):
            return httpx.Response(200, headers={"Attache-Manifest": "e30"}, stream=httpx.ByteStream(b"{}\n"))
        return httpx.Response(200, stream=httpx.ByteStream(b'{"entries":[],"next":null}'))

    client = Client("https://gateway", token="t", transport=httpx.MockTransport(answer))
    assert list(client.log.search(event="package.read", since="2026-11-22T00:00:00Z")) == []
    saved = client.log.export(tmp_path / "a.jsonl", partner="europol")
    assert (saved.read_bytes(), (tmp_path / "a.jsonl.manifest").read_bytes()) == (b"{}\n", b"{}")
    assert "event=package.read" in seen[0]
    assert "partner=europol" in seen[1]
