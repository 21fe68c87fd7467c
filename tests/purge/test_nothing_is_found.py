"""After a purge nothing of the content is in any file: not in the clear, not sealed, not its key. And the log still verifies."""

import asyncio
import random
import sqlite3
from contextlib import closing

import pytest

from attache.crypto import sha256_hex
from gateway.exchange.ending.purge import OF_ARRIVALS, OF_EITHER, OF_OURS
from gateway.exchange.kernel.records import (
    ApprovalRecord,
    ArrivalPartRecord,
    HoldRecord,
    IdempotencyRecord,
    PartRecord,
    PurgeRecord,
    Query,
)
from gateway.store.log_privacy import label_of
from tests.exchange_place import a_part, a_submission
from tests.purge.scene import CONTENT, PLAIN, THEM, US, Scene, blanked_fields, found_in, open_scene, sealed_fields
from tests.sample_records import sample


def state(place):
    return place.root / US / "state"


async def proofs(scene: Scene) -> list:
    size = await scene.agency.store.read_log(lambda log: log.size)
    return [await scene.agency.store.read_log(lambda log, n=n: log.entry(n).leaf) for n in range(size)]


@pytest.mark.parametrize("originator", [US, THEM])
def test_what_was_purged_by_order_is_in_no_file(place, originator):
    async def story():
        async with open_scene(place) as scene:
            package_id = await (scene.package() if originator == US else scene.arrival())
            others = [await scene.package(), await scene.arrival()]
            secrets = await scene.sealed(package_id, originator)
            there = found_in(state(place), secrets[:-1])
            assert {secret for _, secret in there} == {secret[:20] for secret in secrets[:-1]}, "all but the bare key"
            before = await proofs(scene)
            await scene.purged((originator, package_id))
            assert (await scene.tombstone(package_id, originator)).destroyed_at is not None
            assert found_in(state(place), [*PLAIN, *secrets]) == []
            assert (await proofs(scene))[: len(before)] == before, "leaves stay"
            audit = await scene.audit()
            assert (audit.findings, audit.purged > 0) == ((), True)
            assert (await (await scene.desk()).get(f"/packages/{others[0]}")).json()["title"] == "Zq-title-Zq"
            assert (await (await scene.desk()).get(f"/inbox/{THEM}/{others[1]}")).json()["title"] == "Zq-title-Zq"
            return secrets

    secrets = asyncio.run(story())
    assert found_in(state(place), [*PLAIN, *secrets]) == []

    async def again():
        async with open_scene(place) as scene:
            assert (await scene.audit()).findings == ()

    asyncio.run(again())
    assert found_in(state(place), [*PLAIN, *secrets]) == []


def test_every_entry_about_a_package_goes_with_it_or_was_made_after(place):
    """No use case logs about a package under the storage key while the package is there."""

    async def story():
        async with open_scene(place) as scene:
            package_id, arrival_id = await scene.package(), await scene.arrival()
            await (await scene.desk()).get(f"/packages/{package_id}/sealed/partner-bogota")
            await (await scene.gateway.peer("partner-bogota")).get(f"/packages/{package_id}")
            await (await scene.gateway.caller("auditor")).get(f"/packages/{package_id}/evidence")
            with closing(sqlite3.connect(scene.database)) as database:
                query = "select private_sealed from log_entry where package is not null"
                sealed = [private for (private,) in database.execute(query)]
            labels = {scene.agency.vault.of(*place).label for place in ((US, package_id), (THEM, arrival_id))}
            assert {label_of(private) for private in sealed} == labels
            assert len(sealed) > 10

    asyncio.run(story())


def test_whatever_the_packages_none_leaves_a_trace(place):
    """Packages of many sizes, purged in any order, among others that stay."""
    chance = random.Random(7)

    async def story():
        async with open_scene(place) as scene:
            desk, ids, secrets = await scene.desk(), [], {}
            for number in range(24):
                content = b"Zq-content-Zq" + chance.randbytes(chance.choice((0, 10, 3_000, 70_000)))
                parts = [a_part(f"Zq-{number}-{n}.bin", content) for n in range(chance.randint(1, 6))]
                long = {"title": "Zq-title-Zq " + "x" * chance.randint(0, 180)}
                ids.append((await scene.gateway.submit(desk, a_submission(*parts, **long))).json()["package_id"])
            for package_id in ids:
                secrets[package_id] = await scene.sealed(package_id)
            gone = chance.sample(ids, 16)
            for start in range(0, len(gone), 4):
                await scene.purged(*((US, package_id) for package_id in gone[start : start + 4]))
            assert found_in(state(place), [*PLAIN, *(s for package_id in gone for s in secrets[package_id])]) == []
            assert (await scene.audit()).findings == ()
            for package_id in set(ids) - set(gone):
                assert (await desk.get(f"/packages/{package_id}")).json()["title"].startswith("Zq-title-Zq")

    asyncio.run(story())


def test_everything_sealed_of_a_package_is_in_the_table_of_what_is_destroyed():
    """Whoever adds a sealed column or a blob to a record about a package adds a line there too."""
    listed = {content.kind: content for content in (*OF_OURS, *OF_ARRIVALS, *OF_EITHER)}
    outlasts = {PurgeRecord, HoldRecord}
    for kind, names in sealed_fields().items():
        if kind in outlasts:
            continue
        content, record = listed[kind], sample(kind)
        assert names <= blanked_fields(content, record), kind.__name__
        assert not any(getattr(content.blank(record), name) for name in names), kind.__name__
        # An id that is blanked, of a blob that is not destroyed, would leave the file behind.
        assert (content.blob(record) if content.blob else None) == getattr(record, "blob_id", None), kind.__name__


def test_what_stays_confirms_no_guess(place):
    """Digests of content in the clear go, or are under the data key: the same request and the same content leave no equal value."""

    async def story():
        async with open_scene(place) as scene:
            package_id = await scene.package()
            arrival_id = await scene.arrival()
            [part] = await scene.agency.store.read(
                lambda r: r.find(Query(ArrivalPartRecord, equal={"package_id": arrival_id}))
            )
            guess = scene.agency.pseudonyms.of("content", sha256_hex(CONTENT))
            assert part.content == guess
            [used] = await scene.agency.store.read(
                lambda r: r.find(Query(IdempotencyRecord, equal={"package_id": package_id}))
            )
            answer = await scene.gateway.submit(await scene.desk(), key=used.idempotency_key)
            assert answer.json()["code"] == "idempotency-conflict", "another request under the same key"
            await scene.purged((US, package_id), (THEM, arrival_id))
            assert found_in(state(place), [guess.encode(), sha256_hex(CONTENT).encode()]) == []
            [approval] = await scene.agency.store.read(lambda r: r.find(ApprovalRecord.of_package(package_id)))
            assert (approval.digest_sealed, approval.reason_sealed) == (b"", None)
            answer = await scene.gateway.submit(await scene.desk(), key=used.idempotency_key)
            assert (answer.status_code, answer.json()["code"]) == (410, "purged"), "it cannot even be compared any more"
            with closing(sqlite3.connect(scene.database)) as database:
                kept = database.execute("select request_sha256 from idempotency").fetchall()
            assert all(len(value) == 64 for (value,) in kept)

    asyncio.run(story())


def test_a_draft_goes_too(place):
    async def story():
        async with open_scene(place) as scene:
            draft = a_submission(a_part("Zq-name-Zq.txt", CONTENT), title="Zq-title-Zq", submit=False)
            package_id = (await scene.gateway.submit(await scene.desk(), draft)).json()["package_id"]
            [part] = await scene.agency.store.read(lambda r: r.find(PartRecord.of_package(package_id)))
            await scene.purged((US, package_id))
            assert found_in(state(place), [*PLAIN, part.blob_id.encode()]) == []
            desk = await scene.desk()
            for answer in (
                await desk.post(f"/packages/{package_id}/submit"),
                await desk.put(f"/packages/{package_id}/parts/Zq-name-Zq.txt", content=b"again"),
            ):
                assert (answer.status_code, answer.json()["code"]) == (410, "purged")

    asyncio.run(story())
