"""The analyst's own file number: seen and searched by those who may see the package, sealed for everyone else, gone at the purge."""

import asyncio
import json

from attache.crypto import parse_b64u
from attache.evidence.verifying import verify_bundle
from gateway.exchange.kernel.records import PackageRecord, Query, ReleaseRecord
from gateway.exchange.kernel.sealed import MANIFEST
from gateway.exchange.kernel.search import unsearchable
from tests.exchange_place import a_submission, problem

NUMBER = "2026-CI-0042/ü"


async def submitted(caller, key, **facts) -> str:
    answer = await caller.post("/packages", json=a_submission(**facts), headers={"Idempotency-Key": key})
    assert answer.status_code == 202, answer.text
    return answer.json()["package_id"]


async def ids_of(caller, **query) -> list[str]:
    answer = await caller.get("/packages", params=query)
    assert answer.status_code == 200, answer.text
    return [package["package_id"] for package in answer.json()["packages"]]


def test_it_is_in_the_answer_the_detail_and_the_list(place):
    async def story():
        async with place.open() as gateway:
            analyst = await gateway.caller("analyst")
            package_id = await submitted(analyst, "k", case_reference=NUMBER)
            shown = (await analyst.get(f"/packages/{package_id}")).json()
            [listed] = (await analyst.get("/packages")).json()["packages"]
            assert shown["case_reference"] == listed["case_reference"] == NUMBER

    asyncio.run(story())


def test_a_list_is_searched_by_it_page_by_page(place):
    async def story():
        async with place.open() as gateway:
            analyst = await gateway.caller("analyst")
            mine = [await submitted(analyst, f"k{n}", case_reference=NUMBER) for n in range(3)]
            other = await submitted(analyst, "other", case_reference="2026-CI-0043")
            none = await submitted(analyst, "none")
            assert await ids_of(analyst) == [none, other, *reversed(mine)]
            assert await ids_of(analyst, case_reference=NUMBER) == [*reversed(mine)]
            assert await ids_of(await gateway.caller("auditor"), case_reference=NUMBER) == [*reversed(mine)]
            assert await ids_of(analyst, case_reference=NUMBER.lower()) == []
            first = (await analyst.get("/packages", params={"case_reference": NUMBER, "limit": 2})).json()
            assert [package["package_id"] for package in first["packages"]] == [mine[2], mine[1]]
            assert await ids_of(analyst, case_reference=NUMBER, limit=2, after=first["next"]) == [mine[0]]

    asyncio.run(story())


def test_a_number_of_another_analyst_finds_nothing(place):
    async def story():
        async with place.open() as gateway:
            analyst, other = await gateway.caller("analyst"), await gateway.caller("analyst", subject="analyst-2")
            theirs = await submitted(other, "k", case_reference=NUMBER)
            assert await ids_of(analyst, case_reference=NUMBER) == []
            mine = await submitted(analyst, "k", case_reference=NUMBER)
            assert await ids_of(analyst, case_reference=NUMBER) == [mine]
            assert await ids_of(other, case_reference=NUMBER) == [theirs]

    asyncio.run(story())


def test_a_number_that_cannot_be_is_refused(place):
    async def story():
        async with place.open() as gateway:
            analyst = await gateway.caller("analyst")
            before = await gateway.footprint()
            for wrong in ("", "x" * 101, "a\nb", 7):
                body = a_submission(case_reference=wrong)
                answer = await analyst.post("/packages", json=body, headers={"Idempotency-Key": "k"})
                assert problem(answer) == "malformed-request"
                assert "case_reference" in answer.json()["detail"]
            for wrong in ("", "x" * 101, "a\nb"):
                assert problem(await analyst.get("/packages", params={"case_reference": wrong})) == "malformed-request"
            assert await gateway.footprint() == before

    asyncio.run(story())


def test_the_database_does_not_show_it_and_a_purge_leaves_no_digest(place):
    async def story():
        async with place.open() as gateway:
            analyst = await gateway.caller("analyst")
            await submitted(analyst, "k", case_reference=NUMBER)
            [record] = await gateway.agency.store.read(lambda reader: reader.find(Query(PackageRecord)))
            assert record.case_reference_digest == gateway.agency.pseudonyms.of("package case_reference", NUMBER)
            assert unsearchable(record).case_reference_digest is None

    asyncio.run(story())
    for file in place.root.rglob("*"):
        if file.is_file():
            assert NUMBER.encode() not in file.read_bytes(), file


def test_it_is_in_the_evidence_of_the_submission(place):
    async def story():
        async with place.open() as gateway:
            package_id = await submitted(await gateway.caller("analyst"), "k", case_reference=NUMBER)
            return (await (await gateway.caller("auditor")).get(f"/packages/{package_id}/evidence")).content

    report = verify_bundle(
        asyncio.run(story()), [place.made[name].descriptor for name in ("irs-ci", "partner-frankfurt")]
    )
    assert report.findings == ()
    [moment] = [moment for moment in report.timeline if moment["code"] == "package.submitted"]
    assert moment["reason"]["case_reference"] == NUMBER


def test_the_recipient_does_not_get_it(place):
    async def story():
        async with place.open() as gateway:
            analyst = await gateway.caller("analyst")
            package_id = await submitted(analyst, "k", case_reference=NUMBER)
            release = await gateway.agency.store.read(
                lambda reader: reader.get(ReleaseRecord.key(package_id, "partner-frankfurt"))
            )
            return gateway.agency.open(MANIFEST, release)

    payload = parse_b64u(json.loads(asyncio.run(story()))["payload"])
    assert b"Mixer proceeds" in payload
    assert NUMBER.encode() not in payload
    assert b"case_reference" not in payload
