"""JSON with stated fields, from submission to the reader at the other gateway: each recipient gets what it may have."""

import asyncio
import json

import pytest

from attache.crypto import sha256_hex
from gateway.exchange.kernel.records import RedactedPartRecord
from tests.api.lines import Lines, TurnedClock, came_to, delivering, desk_of
from tests.exchange_place import a_part, a_submission, problem

CASE = {
    "case": "2026-17",
    "suspect": {"name": "Ivan Example", "wallet": "bc1qexampleexampleexample"},
    "amount": 1.10,
    "witnesses": ["Ada Example", "Bob Example", "Cy Example"],
    "open": True,
}
SUSPECT = {"path": "/suspect", "markings": ["REL TO: irs-ci, partner-sydney"]}
PERSON = {"path": "/suspect/name", "content_class": ["personal-data"]}
SECOND = {"path": "/witnesses/1", "markings": ["REL TO: irs-ci"]}
SAR = {"path": "/case", "content_class": ["sar-derived"]}


def a_case(*fields, content=CASE, name="case.json", **more):
    raw = json.dumps(content).encode()
    return a_part(name, raw, media_type="application/json", content_class=["financial"], fields=list(fields), **more)


async def left_to(desk, package_id: str, recipient: str = "partner-frankfurt"):
    package, parts = await desk.opened(package_id, recipient)
    return package.manifest, {name: json.loads(content) for name, content in parts.items()}


async def decision_on(client, package_id: str, recipient: str = "partner-frankfurt") -> dict:
    lives = (await client.get(f"/packages/{package_id}")).json()["recipients"]
    return next(life for life in lives if life["recipient"] == recipient)["decision"]


def test_each_recipient_gets_what_it_may_have(desk):
    async def story():
        analyst = await desk.caller("analyst")
        package_id = await desk.released(analyst, a_case(SUSPECT, SECOND), to=("partner-frankfurt", "partner-bogota"))
        for recipient in ("partner-frankfurt", "partner-bogota"):
            manifest, left = await left_to(desk, package_id, recipient)
            assert left == {
                "case.json": {
                    "case": "2026-17",
                    "amount": 1.10,
                    "witnesses": ["Ada Example", "Cy Example"],
                    "open": True,
                }
            }
            assert [part.redacted for part in manifest.parts] == [True]
            assert manifest.parts[0].markings == ("TLP:GREEN",)
        decided = await decision_on(analyst, package_id)
        assert decided["outcome"] == "partial"
        [part] = decided["parts"]
        assert {unit["path"]: unit["outcome"] for unit in part["fields"]} == {
            "/suspect": "withhold",
            "/witnesses/1": "withhold",
            "": "disclose",
        }
        assert part["fields"][0]["rules"] == ["BASE-REL-TO"]

    desk.run(story())


def test_a_masked_value_says_nothing_of_itself(desk):
    async def story():
        analyst = await desk.caller("analyst")
        package_id = await desk.released(analyst, a_case(PERSON))
        _, left = await left_to(desk, package_id)
        assert left["case.json"] == {**CASE, "suspect": {**CASE["suspect"], "name": "[masked]"}}

    desk.run(story())


def test_the_copies_are_sealed_apart_and_nothing_of_the_original_goes_along(desk):
    async def story():
        analyst = await desk.caller("analyst")
        raw = json.dumps(CASE).encode()
        package_id = await desk.released(analyst, a_case(SECOND), a_part(), to=("partner-frankfurt", "partner-bogota"))
        records = await desk.agency.store.read(lambda reader: reader.find(RedactedPartRecord, package_id=package_id))
        assert [(copy.recipient, copy.number) for copy in records] == [("partner-bogota", 0), ("partner-frankfurt", 0)]
        assert len({copy.blob_id for copy in records}) == 2
        keys = set()
        for recipient in ("partner-frankfurt", "partner-bogota"):
            package, parts = await desk.opened(package_id, recipient)
            redacted, whole = package.manifest.parts
            assert (redacted.redacted, whole.redacted) == (True, False)
            assert redacted.sha256 == sha256_hex(parts["case.json"]) != sha256_hex(raw)
            assert redacted.bytes == len(parts["case.json"]) < len(raw)
            signed = package.manifest.model_dump_json()
            assert sha256_hex(raw) not in signed
            assert len(raw) not in {n for part in package.manifest.parts for n in (part.bytes, part.ciphertext_bytes)}
            keys.add(redacted.key)
        assert len(keys) == 2

    desk.run(story())


def test_what_must_look_absent_is_absent_in_every_way(desk):
    async def story():
        analyst, auditor = await desk.caller("analyst"), await desk.caller("auditor")
        package_id = await desk.released(analyst, a_case(SAR))
        manifest, left = await left_to(desk, package_id)
        assert "case" not in left["case.json"]
        assert manifest.parts[0].redacted is False  # that something is missing would say that there is something
        assert "/case" not in json.dumps(await decision_on(analyst, package_id))
        assert "/case" in json.dumps(await decision_on(auditor, package_id))

    desk.run(story())


def test_a_part_of_which_no_field_may_go_stays(desk):
    async def story():
        analyst = await desk.caller("analyst")
        only = a_case({"path": "/name", "markings": ["REL TO: irs-ci"]}, content={"name": "Ivan Example"})
        package_id = await desk.released(analyst, only, a_part())
        manifest, left = await desk.opened(package_id, "partner-frankfurt")
        assert list(left) == ["note.txt"]
        alone = await desk.released(analyst, only)
        assert (await decision_on(analyst, alone))["outcome"] == "deny"

    desk.run(story())


def test_a_field_marks_up_what_leaves(desk):
    """The manifest states the strictest of what leaves, so that the other side keeps to it."""

    async def story():
        analyst = await desk.caller("analyst")
        amber = {"path": "/amount", "markings": ["TLP:AMBER"], "handling_codes": ["H1"], "content_class": ["technical"]}
        package_id = await desk.released(analyst, a_case(amber, SECOND))
        manifest, _ = await left_to(desk, package_id)
        assert manifest.parts[0].markings == ("TLP:AMBER",)
        assert manifest.parts[0].content_class == ("financial", "technical")
        assert manifest.handling_codes == ("H1",)
        assert "not-evidence" in manifest.caveats

    desk.run(story())


def test_what_is_stated_of_a_part_reaches_policy(desk):
    async def story():
        analyst = await desk.caller("analyst")
        part = a_part(handling_codes=["H1"], caveats=["specialty"], delete_by="2099-01-01T00:00:00Z")
        manifest, _ = await desk.opened(await desk.released(analyst, part), "partner-frankfurt")
        assert manifest.manifest.handling_codes == ("H1",)
        assert {"specialty", "not-evidence"} <= set(manifest.manifest.caveats)
        over = a_part(delete_by="2020-01-01T00:00:00Z")
        decided = await decision_on(analyst, await desk.released(analyst, over))
        assert (decided["outcome"], decided["parts"][0]["rules"]) == ("deny", ["BASE-RETENTION-LEFT"])

    desk.run(story())


REFUSED = {
    "no such member": (a_case({"path": "/nobody"}), "unknown-field"),
    "no such element": (a_case({"path": "/witnesses/3"}), "unknown-field"),
    "index with a leading zero": (a_case({"path": "/witnesses/01"}), "unknown-field"),
    "beyond the end": (a_case({"path": "/witnesses/-"}), "unknown-field"),
    "no pointer": (a_case({"path": "suspect"}), "unknown-field"),
    "a wrong escape": (a_case({"path": "/a~2b"}), "unknown-field"),
    "twice": (a_case(SUSPECT, SUSPECT), "unknown-field"),
    "an unknown marking": (a_case({"path": "/case", "markings": ["TLP:PINK"]}), "unknown-marking"),
    "an unknown class": (a_case({"path": "/case", "content_class": ["secret"]}), "unknown-term"),
    "not JSON": (a_part("x.json", b"{", media_type="application/json"), "content-malformed"),
    "a member twice": (a_part("x.json", b'{"a":1,"a":2}', media_type="application/json"), "content-malformed"),
    "nested too deep": (a_part("x.json", b"[" * 99 + b"]" * 99, media_type="application/json"), "content-malformed"),
    "not UTF-8": (a_part("x.json", b'"\xff"', media_type="application/json; charset=latin-1"), "content-malformed"),
    "fields of what is not looked into": (a_part(fields=[{"path": "/a"}]), "unknown-field"),
    "a repeated value": (a_case(SUSPECT, content={**CASE, "note": "seen with IVAN EXAMPLE."}), "redaction-blocked"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_or_redacted_is_refused_and_leaves_nothing(desk, case):
    part, code = REFUSED[case]

    async def story():
        analyst = await desk.caller("analyst")
        before = await desk.footprint()
        answer = await desk.submit(analyst, a_submission(part))
        assert problem(answer) == code
        assert "Ivan" not in answer.text
        is_noted = code in {"unknown-marking", "unknown-term"}
        assert await desk.footprint() == {**before, "entries": before["entries"] + is_noted}

    desk.run(story())


def test_a_repeat_is_refused_with_its_places(desk):
    async def story():
        analyst = await desk.caller("analyst")
        content = {**CASE, "a/b~c": [1, {"note": "seen with ivan example"}], "bc1qexampleexampleexample": 0}
        answer = await desk.submit(analyst, a_submission(a_case(SUSPECT, content=content)))
        assert problem(answer) == "redaction-blocked"
        assert answer.json()["part"] == "case.json"
        assert answer.json()["places"] == ["/a~1b~0c/1/note", "/bc1qexampleexampleexample"]
        asked = await analyst.post("/decisions", json=a_submission(a_case(SUSPECT, content=content)))
        assert (problem(asked), asked.json()["places"]) == (problem(answer), answer.json()["places"])

    desk.run(story())


def test_what_is_too_large_to_be_looked_into_is_refused(place):
    async def story():
        async with place.open(max_content_bytes=1000) as gateway:
            analyst = await gateway.caller("analyst")
            large = json.dumps(["x" * 1000]).encode()
            before = await gateway.footprint()
            part = a_part("x.json", large, media_type="application/json")
            assert problem(await gateway.submit(analyst, a_submission(part))) == "content-too-large"
            assert await gateway.footprint() == before
            draft = a_submission(a_part("x.json", None, media_type="application/json"), submit=False)
            package_id = (await gateway.submit(analyst, draft)).json()["package_id"]
            uploaded = await analyst.put(f"/packages/{package_id}/parts/x.json", content=large)
            assert problem(uploaded) == "content-too-large"
            octets = a_part("x.json", large, media_type="application/octet-stream")
            assert (await gateway.submit(analyst, a_submission(octets))).status_code == 202

    asyncio.run(story())


def test_a_dry_run_decides_the_same_fields(desk):
    async def story():
        analyst = await desk.caller("analyst")
        asked = await analyst.post("/decisions", json=a_submission(a_case(SUSPECT, PERSON)))
        [dry] = asked.json()["recipients"]
        decided = await decision_on(analyst, await desk.released(analyst, a_case(SUSPECT, PERSON)))
        assert dry["parts"] == decided["parts"]
        without = a_case(SUSPECT, PERSON)
        del without["content"]
        [dry] = (await analyst.post("/decisions", json=a_submission(without))).json()["recipients"]
        assert {unit["path"] for unit in dry["parts"][0]["fields"]} == {"/suspect", "/suspect/name", ""}
        why = a_submission(a_case(SUSPECT), recipient="partner-frankfurt", part="case.json", field="/suspect")
        [unit] = (await analyst.post("/decisions/explanation", json=why)).json()["units"]
        assert [rule["rule"] for rule in unit["blocking"]] == ["BASE-REL-TO"]
        assert any(lever["kind"] == "releasable" for way in unit["ways"] for lever in way)

    desk.run(story())


def test_the_other_gateway_opens_the_copy(place):
    async def story():
        clock = TurnedClock()
        async with place.open("irs-ci", now=clock) as ours, place.open("partner-frankfurt", now=clock) as theirs:
            analyst, reader = await desk_of(ours), await desk_of(theirs)
            async with delivering(ours, Lines(ours, theirs)), delivering(theirs, Lines(theirs, ours)):
                package_id = await ours.released(analyst, a_case(SUSPECT), a_part())
                assert (await came_to(analyst, package_id))["partner-frankfurt"]["state"] == "delivered"
                path = f"/inbox/irs-ci/{package_id}"
                opened = (await reader.post(f"{path}/open")).json()
                read = await reader.get(f"{path}/parts/case.json")
                assert json.loads(read.content) == {name: CASE[name] for name in CASE if name != "suspect"}
                assert opened["parts"][0]["sha256"] == sha256_hex(read.content)
                assert (await reader.get(f"{path}/parts/note.txt")).content == b"a note"

    asyncio.run(story())


def test_the_release_entry_and_the_decision_lead_to_the_copy(desk):
    """Which decision led to which bytes: the decision's digest and the copy's stand in one entry, and in the manifest."""

    async def story():
        from gateway.exchange.kernel.ports import LogFilter
        from gateway.exchange_log import EventCode

        analyst = await desk.caller("analyst")
        package_id = await desk.released(analyst, a_case(SUSPECT))
        manifest, _ = await left_to(desk, package_id)
        wanted = LogFilter(EventCode.PACKAGE_RELEASED, package_id=package_id)
        [entry] = await desk.agency.store.read_log(lambda log: log.entries_after(-1, 10, wanted))
        fields = {opening.group.value: json.loads(opening.payload) for opening in entry.openings}
        assert fields["reason"]["redacted"] == [{"part": 0, "sha256": manifest.parts[0].sha256}]
        assert fields["record"]["release_sha256"] == manifest.release.release_proof_sha256
        assert "redacted" not in fields["record"]  # that group may be shown to the partner

    desk.run(story())


def test_a_draft_is_decided_and_redacted_at_its_submission(desk):
    async def story():
        analyst = await desk.caller("analyst")
        part = {name: value for name, value in a_case(SUSPECT).items() if name != "content"}
        package_id = (await desk.submit(analyst, a_submission(part, submit=False))).json()["package_id"]
        await analyst.put(f"/packages/{package_id}/parts/case.json", content=json.dumps(CASE).encode())
        before = (await desk.footprint())["blobs"]
        answers = await asyncio.gather(*(analyst.post(f"/packages/{package_id}/submit") for _ in range(3)))
        assert {answer.status_code for answer in answers} == {202}
        assert (await desk.footprint())["blobs"] == before + 1
        _, left = await left_to(desk, package_id)
        assert "suspect" not in left["case.json"]

    desk.run(story())


def test_a_redacted_release_never_falls_back_to_the_original(desk):
    """Without the copy's record there is nothing to deliver; the original stays where it is."""

    async def story():
        import sqlite3
        from contextlib import closing

        from attache.errors import IntegrityLost

        analyst = await desk.caller("analyst")
        package_id = await desk.released(analyst, a_case(SUSPECT))
        path = desk.settings.database_url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path)) as database, database:
            row = database.execute("select * from redacted_part where package_id = ?", (package_id,)).fetchone()
            database.execute("delete from redacted_part where package_id = ?", (package_id,))
        with pytest.raises(IntegrityLost):
            await desk.sealed(package_id, "partner-frankfurt")
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(f"insert into redacted_part values ({', '.join('?' * len(row))})", row)

    desk.run(story())


def test_nothing_of_a_field_is_on_the_disk_in_the_clear(desk):
    async def story():
        analyst = await desk.caller("analyst")
        hidden = {"path": "/zq-path-zq", "markings": ["REL TO: irs-ci"]}
        await desk.released(analyst, a_case(hidden, content={"zq-path-zq": "zq-value-zq", "a": 1}))
        for path in desk.settings.state_dir.rglob("*"):
            content = path.read_bytes() if path.is_file() else b""
            assert b"zq-path-zq" not in content
            assert b"zq-value-zq" not in content

    desk.run(story())
