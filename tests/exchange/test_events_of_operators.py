"""What operators, partner administrators and auditors do, each with its entry: rotation, backup, and looks at what is not theirs."""

import asyncio
import hashlib
import shutil
import sqlite3
from contextlib import closing

import pytest

from attache import clock
from attache.crypto import Algorithm, KeyUse, StoredKey, generate_private_key, load_private_keys, save_private_keys
from attache.errors import Misconfigured
from attache.participant import sign_descriptor
from certs_example.exchange import verifier_keys
from gateway.__main__ import _backup, _init
from gateway.exchange.oversight.backup import CHECKPOINT, DATABASE
from gateway.exchange_log.leaf import parse_leaf, verify_opening
from tests.exchange_place import problem

JOSE = {"Content-Type": "application/jose+json"}


def successor(place, participant, **changes) -> bytes:
    made = place.made[participant]
    before = made.descriptor
    following = {
        "serial": before.serial + 1,
        "previous": before.sha256,
        "issued_at": clock.now().replace(microsecond=0),
    }
    return sign_descriptor(before.stated.model_copy(update={**following, **changes}), made.keys)


async def last(gateway, code: str) -> dict:
    found = await gateway.agency.store.read_log(lambda log: log.entries_after(-1, 100_000))
    entry = [entry for entry in found if parse_leaf(entry.leaf).code.value == code][-1]
    leaf = parse_leaf(entry.leaf)
    return {opening.group.value: verify_opening(leaf, opening) for opening in entry.openings}


# Rotation


def test_a_successor_is_in_force_at_once_and_logged_with_who_brought_it(place):
    async def story():
        async with place.open("irs-ci") as gateway:
            admin = await gateway.caller("partner-admin")
            raw = successor(place, "partner-sydney", name="Sydney, renamed")
            answer = await admin.put("/participants/partner-sydney/descriptor", content=raw, headers=JOSE)
            assert (answer.status_code, answer.json()["serial"]) == (200, 2)
            assert gateway.agency.directory.partner("partner-sydney").descriptor.stated.name == "Sydney, renamed"
            entry = await last(gateway, "participant.rotated")
            assert entry["record"]["serial"] == 2
            assert entry["person"]["actor"] == "partner-admin"
            before = await gateway.footprint()
            again = await admin.put("/participants/partner-sydney/descriptor", content=raw, headers=JOSE)
            assert again.json()["serial"] == 2
            assert await gateway.footprint() == before, "the same once more changes nothing"

    asyncio.run(story())


@pytest.mark.parametrize(
    ("case", "code"),
    [
        ("older", "descriptor-rollback"),
        ("of another", "descriptor-rollback"),
        ("signed by another", "descriptor-rollback"),
        ("ourselves", "conflict"),
        ("nobody", "unknown-partner"),
        ("not one", "malformed-descriptor"),
    ],
)
def test_what_is_no_successor_changes_nothing(place, case, code):
    async def story():
        async with place.open("irs-ci") as gateway:
            admin = await gateway.caller("partner-admin")
            who, raw = {
                "older": ("partner-sydney", successor(place, "partner-sydney", previous="0" * 64)),
                "of another": ("partner-sydney", successor(place, "partner-singapore")),
                "signed by another": (
                    "partner-sydney",
                    sign_descriptor(
                        place.made["partner-sydney"].descriptor.stated.model_copy(
                            update={"serial": 2, "previous": place.made["partner-sydney"].descriptor.sha256}
                        ),
                        place.made["europol"].keys,
                    ),
                ),
                "ourselves": ("irs-ci", successor(place, "irs-ci")),
                "nobody": ("nobody", successor(place, "partner-sydney")),
                "not one": ("partner-sydney", b"{}"),
            }[case]
            before = await gateway.footprint()
            answer = await admin.put(f"/participants/{who}/descriptor", content=raw, headers=JOSE)
            assert problem(answer) == code
            assert await gateway.footprint() == before

    asyncio.run(story())


def test_our_own_new_keys_are_a_rotation_of_keys(place):
    """A new ML-DSA-44 log key, listed in a successor that `init` accepts: the log goes on under both keys."""

    async def story():
        async with place.open("irs-ci") as gateway:
            settings = gateway.settings
        passphrase = settings.passphrase_file.read_bytes()
        new = StoredKey.of(KeyUse.LOG, generate_private_key(Algorithm.ML_DSA_44), epoch=2)
        save_private_keys(settings.keys_dir, [new], passphrase, cost=2**10)
        ring = load_private_keys(settings.keys_dir, passphrase, participant="irs-ci")
        _, second, _ = verifier_keys("irs-ci", ring)
        with pytest.raises(Misconfigured):
            async with place.open("irs-ci"):
                raise AssertionError("it runs with a key that nobody knows")
        raw = successor(place, "irs-ci", log_mldsa44=second)
        (settings.descriptors_dir / "irs-ci.jws").write_bytes(raw)
        await _init(settings)
        async with place.open("irs-ci") as gateway:
            entry = await last(gateway, "key.rotated")
            assert entry["record"]["serial"] == 2
            assert entry["record"]["key_ids"] == [second]
            assert (await last(gateway, "participant.rotated"))["record"]["participant"] == "irs-ci"
            log = await gateway.agency.store.read_log(lambda log: log.verify())
            assert log.findings == ()

    asyncio.run(story())


# Backup


def test_a_backup_holds_its_own_entry_and_a_gateway_starts_on_it(place, tmp_path):
    async def story():
        async with place.open("irs-ci") as gateway:
            await gateway.released(await gateway.caller("analyst"))
            settings = gateway.settings
        folder = tmp_path / "backup"
        folder.mkdir()
        size = await _backup(settings, folder)
        assert sorted(path.name for path in folder.iterdir()) == sorted([DATABASE, CHECKPOINT])
        assert (folder / DATABASE).stat().st_mode & 0o777 == 0o600
        assert (folder / CHECKPOINT).read_bytes() == settings.checkpoint_lock_file.read_bytes()
        with closing(sqlite3.connect(folder / DATABASE)) as copy:
            [(newest,)] = copy.execute("SELECT max(entry_index) FROM log_entry").fetchall()
        assert newest == size - 1
        database = settings.state_dir / "gateway.sqlite3"
        for leftover in settings.state_dir.glob("gateway.sqlite3*"):
            leftover.unlink()
        shutil.copy(folder / DATABASE, database)
        async with place.open("irs-ci") as gateway:
            assert (await gateway.entries())[-1] == "backup.taken"
            audit = await gateway.agency.store.read_log(lambda log: log.verify())
            assert audit.findings == ()

    asyncio.run(story())


def test_no_backup_is_written_over_another_or_beside_a_running_gateway(place, tmp_path):
    async def story():
        async with place.open("irs-ci") as gateway:
            settings = gateway.settings
            with pytest.raises(Misconfigured):
                await _backup(settings, tmp_path)
        assert list(tmp_path.glob(DATABASE)) == []
        await _backup(settings, tmp_path)
        kept = hashlib.sha256((tmp_path / DATABASE).read_bytes()).digest()
        with pytest.raises(Misconfigured):
            await _backup(settings, tmp_path)
        assert hashlib.sha256((tmp_path / DATABASE).read_bytes()).digest() == kept

    asyncio.run(story())


# Looking


@pytest.mark.parametrize("role", ["auditor", "security-officer"])
def test_whoever_sees_all_leaves_an_entry_when_looking(place, role):
    async def story():
        async with place.open("irs-ci") as gateway:
            analyst = await gateway.caller("analyst")
            package_id = await gateway.released(analyst)
            for path in ("/packages", f"/packages/{package_id}", f"/packages/{package_id}/receipts"):
                before = await gateway.entries()
                assert (await analyst.get(path)).status_code == 200
                assert await gateway.entries() == before, "one's own"
            officer = await gateway.caller(role)
            looks = {
                "/packages": {"operation": "list", "packages": 1},
                f"/packages/{package_id}": {"operation": "show", "package_id": package_id, "packages": 1},
                f"/packages/{package_id}/receipts": {"operation": "receipts", "package_id": package_id, "packages": 1},
            }
            for path, record in looks.items():
                assert (await officer.get(path)).status_code == 200
                assert (await last(gateway, "packages.inspected"))["record"] == record
            assert (await last(gateway, "packages.inspected"))["person"]["actor"] == role

    asyncio.run(story())


def test_a_look_at_one_entry_is_an_entry(place):
    async def story():
        async with place.open("irs-ci") as gateway:
            auditor = await gateway.caller("auditor")
            assert (await auditor.get("/log/entries/0")).status_code == 200
            entry = await last(gateway, "log.searched")
            assert entry["record"] == {"filter": {"index": 0}, "entries": 1}

    asyncio.run(story())
