"""Drafts: parts that are streamed in, one at a time, and submitted when all are there."""

import asyncio
import hashlib

import pytest

from attache.package import BLOCK_BYTES
from gateway.exchange.kernel.records import PartRecord
from tests.exchange_place import a_part, a_submission, b64u, problem

BIG = bytes(range(256)) * (3 * BLOCK_BYTES // 256) + b"and a little more"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def draft(desk, client, *parts, **more):
    answer = await desk.submit(client, a_submission(*parts, submit=False, **more))
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/packages/{answer.json()['package_id']}"
    return answer.json()


async def pieces(content: bytes, size: int):
    for at in range(0, len(content), size):
        yield content[at : at + size]


def test_parts_are_streamed_and_then_submitted(desk):
    async def story():
        analyst = await desk.caller("analyst")
        parts = [
            a_part("big.bin", None, bytes=len(BIG), sha256=sha256(BIG)),
            a_part("here.txt", b"inline"),
            a_part("empty", None),
        ]
        package = await draft(desk, analyst, *parts)
        assert (package["state"], package["recipients"]) == ("draft", [])
        assert [part["uploaded"] for part in package["parts"]] == [False, True, False]
        path = f"/packages/{package['package_id']}"
        missing = await analyst.post(f"{path}/submit")
        assert problem(missing) == "part-missing"
        assert missing.json()["parts"] == ["big.bin", "empty"]
        put = await analyst.put(f"{path}/parts/big.bin", content=pieces(BIG, 70_001))
        assert (put.status_code, put.content) == (204, b"")
        assert (await analyst.put(f"{path}/parts/empty", content=b"")).status_code == 204
        submitted = await analyst.post(f"{path}/submit")
        assert submitted.status_code == 202
        view = submitted.json()
        assert view["state"] == "submitted"
        assert [(part["bytes"], part["sha256"], part["uploaded"]) for part in view["parts"]] == [
            (len(BIG), sha256(BIG), True),
            (6, sha256(b"inline"), True),
            (0, sha256(b""), True),
        ]
        assert [life["state"] for life in view["recipients"]] == ["released"]

    desk.run(story())


def test_a_second_upload_replaces_the_first(desk):
    async def story():
        analyst = await desk.caller("analyst")
        package = await draft(desk, analyst, a_part("a.txt", None))
        path = f"/packages/{package['package_id']}"
        before = await desk.footprint()
        for times, content in enumerate((b"first", b"second"), 1):
            assert (await analyst.put(f"{path}/parts/a.txt", content=content)).status_code == 204
            after = await desk.footprint()
            more = {name: before[name] + 1 for name in ("PartRecord", "blobs")}
            assert after == {**before, **more, "entries": before["entries"] + times}
        view = (await analyst.post(f"{path}/submit")).json()
        assert view["parts"][0]["sha256"] == sha256(b"second")

    desk.run(story())


DAMAGED = {
    "digest": ({"sha256": sha256(b"right")}, b"wrong", "digest-mismatch"),
    "too short": ({"bytes": 6}, b"right", "digest-mismatch"),
    "too long": ({"bytes": 4}, b"right", "digest-mismatch"),
}


@pytest.mark.parametrize("earlier", [False, True], ids=["first upload", "second upload"])
@pytest.mark.parametrize(("facts", "content", "code"), DAMAGED.values(), ids=DAMAGED)
def test_a_mismatch_leaves_everything_as_it_was(desk, facts, content, code, earlier):
    async def story():
        analyst = await desk.caller("analyst")
        package = await draft(desk, analyst, a_part("a.txt", None, **facts))
        path = f"/packages/{package['package_id']}"
        right = b"right!" if facts.get("bytes") == 6 else b"righ" if facts.get("bytes") == 4 else b"right"
        if earlier:
            assert (await analyst.put(f"{path}/parts/a.txt", content=right)).status_code == 204
        before, view = await desk.footprint(), (await analyst.get(path)).json()
        assert problem(await analyst.put(f"{path}/parts/a.txt", content=content)) == code
        assert await desk.footprint() == before
        assert (await analyst.get(path)).json() == view

    desk.run(story())


def test_a_client_that_goes_away_leaves_nothing(desk):
    async def story():
        analyst = await desk.caller("analyst")
        package = await draft(desk, analyst, a_part("a.txt", None))
        path = f"/api/v1/packages/{package['package_id']}/parts/a.txt"
        before = await desk.footprint()
        chunk = {"type": "http.request", "body": bytes(BLOCK_BYTES + 1), "more_body": True}
        coming, sent = iter([chunk, chunk, {"type": "http.disconnect"}]), []

        async def receive():
            return next(coming)

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "PUT",
            "scheme": "https",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(b"authorization", f"Bearer {desk.token('analyst')}".encode())],
        }
        await desk.gateway.agency_api(scope, receive, send)
        assert sent == []
        assert await desk.footprint() == before

    desk.run(story())


def test_a_part_beyond_the_limit_leaves_nothing(place):
    async def story():
        async with place.open(max_part_bytes=1000) as gateway:
            analyst = await gateway.caller("analyst")
            package = await draft(gateway, analyst, a_part("a.txt", None))
            path = f"/packages/{package['package_id']}/parts/a.txt"
            before = await gateway.footprint()
            assert problem(await analyst.put(path, content=pieces(bytes(1001), 100))) == "payload-too-large"
            assert problem(await analyst.put(path, content=bytes(1001))) == "payload-too-large"
            assert await gateway.footprint() == before
            assert (await analyst.put(path, content=pieces(bytes(1000), 100))).status_code == 204

    asyncio.run(story())


def test_nothing_is_uploaded_after_the_submission(desk):
    async def story():
        analyst = await desk.caller("analyst")
        package_id = await desk.released(analyst, a_part("a.txt", b"right"))
        before = await desk.footprint()
        for content in (b"right", b"wrong"):
            answer = await analyst.put(f"/packages/{package_id}/parts/a.txt", content=content)
            assert problem(answer) == "illegal-transition"
        assert await desk.footprint() == before

    desk.run(story())


def test_a_part_that_was_not_declared(desk):
    async def story():
        analyst = await desk.caller("analyst")
        package = await draft(desk, analyst, a_part("a.txt", None))
        before = await desk.footprint()
        for name in ("b.txt", "A.TXT", "a.txt%00", "%2e%2e", "é"):
            answer = await analyst.put(f"/packages/{package['package_id']}/parts/{name}", content=b"x")
            assert problem(answer) == "not-found"
        assert await desk.footprint() == before

    desk.run(story())


def test_submitting_twice_is_submitting_once(desk):
    async def story():
        analyst = await desk.caller("analyst")
        package = await draft(desk, analyst)
        path = f"/packages/{package['package_id']}/submit"
        first, second = await asyncio.gather(analyst.post(path), analyst.post(path))
        after = await desk.footprint()
        third = await analyst.post(path)
        assert [answer.status_code for answer in (first, second, third)] == [202] * 3
        assert first.json() == second.json() == third.json()
        assert await desk.footprint() == after
        assert (await desk.entries()).count("package.released") == after["OutboxRecord"]

    desk.run(story())


def test_the_same_key_and_request_are_done_once(desk):
    async def story():
        analyst = await desk.caller("analyst")
        first = await desk.submit(analyst, key="once")
        before = await desk.footprint()
        again = await desk.submit(analyst, key="once")
        assert (again.status_code, again.json()) == (202, first.json())
        assert await desk.footprint() == before

    desk.run(story())


def test_the_same_key_for_another_request_is_a_conflict(desk):
    async def story():
        analyst = await desk.caller("analyst")
        await desk.submit(analyst, key="twice")
        before = await desk.footprint()
        assert problem(await desk.submit(analyst, a_submission(title="Other"), key="twice")) == "idempotency-conflict"
        assert await desk.footprint() == before

    desk.run(story())


def test_keys_are_each_callers_own(desk):
    async def story():
        analyst, colleague = await desk.caller("analyst"), await desk.caller("colleague")
        first = await desk.submit(analyst, key="shared")
        second = await desk.submit(colleague, a_submission(title="Other"), key="shared")
        assert second.status_code == 202
        assert first.json()["package_id"] != second.json()["package_id"]

    desk.run(story())


def test_the_same_request_many_times_at_once_is_done_once(desk):
    async def story():
        analyst = await desk.caller("analyst")
        before = await desk.footprint()
        answers = await asyncio.gather(*(desk.submit(analyst, key="at-once") for _ in range(4)))
        assert {answer.status_code for answer in answers} == {202}
        assert len({answer.json()["package_id"] for answer in answers}) == 1
        after = await desk.footprint()
        assert after["PackageRecord"] == before["PackageRecord"] + 1
        assert after["blobs"] == before["blobs"] + 1
        assert after["entries"] == before["entries"] + 3

    desk.run(story())


def test_two_requests_with_one_key_at_once(desk):
    async def story():
        analyst = await desk.caller("analyst")
        before = await desk.footprint()
        answers = await asyncio.gather(
            *(desk.submit(analyst, a_submission(title=f"No. {n}"), key="race") for n in range(3))
        )
        assert sorted(answer.status_code for answer in answers) == [202, 409, 409]
        after = await desk.footprint()
        assert (after["PackageRecord"], after["blobs"]) == (before["PackageRecord"] + 1, before["blobs"] + 1)

    desk.run(story())


def test_an_upload_and_the_submission_at_once(desk):
    """Either the upload came first and is what was decided, or it is refused; never something in between."""

    async def story():
        analyst = await desk.caller("analyst")
        package = await draft(desk, analyst, a_part("a.txt", b"old"))
        path = f"/packages/{package['package_id']}"
        upload, submitted = await asyncio.gather(
            analyst.put(f"{path}/parts/a.txt", content=b"new"), analyst.post(f"{path}/submit")
        )
        outcome = upload.status_code, submitted.status_code
        assert outcome in {(409, 202), (204, 409), (204, 202)}
        view = (await analyst.get(path)).json()
        assert view["parts"][0]["sha256"] == sha256(b"new" if upload.status_code == 204 else b"old")
        blob_ids = {path.name for path in desk.settings.blobs_dir.rglob("*") if path.is_file()}
        parts = await desk.agency.store.read(lambda reader: reader.find(PartRecord))
        assert {part.blob_id for part in parts} == blob_ids

    desk.run(story())


def test_content_is_base64url_and_nothing_else(desk):
    assert b64u(b"\xff\xff") == "__8"

    async def story():
        analyst = await desk.caller("analyst")
        await desk.released(analyst, {**a_part(), "content": "__8"})
        before = await desk.footprint()
        for content in ("//8", "__8=", "__9", "__8\n", "_", "é"):
            answer = await desk.submit(analyst, a_submission({**a_part(), "content": content}))
            assert problem(answer) == "malformed-request"
        assert await desk.footprint() == before

    desk.run(story())
