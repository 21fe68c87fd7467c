"""Every table against the log: a row that was changed, removed or added behind the gateway's back is found."""

import sqlite3
from dataclasses import fields, replace
from datetime import timedelta

import pytest
from store_place import START, outbox, package, submitted, submitting
from test_store_records import KINDS, PARENTS, adding

from attache.errors import Conflict
from gateway.exchange.kernel.records import (
    ArrivalPartRecord,
    ArrivalRecord,
    OutboxRecord,
    PackageRecord,
    ReleaseRecord,
    SubmittedCheckpointRecord,
    key_names,
    key_of,
)
from gateway.exchange.kernel.state import OutboxState, ReleaseState
from gateway.exchange_log.leaf import parse_leaf
from gateway.store.row_digests import PROGRESS, mark_of, table_of
from tests.sample_records import sample

HOUR = timedelta(hours=1)

# What the log does not commit to, said once more: a column here without its reason in row_digests fails, and the other way round.
NOT_COMMITTED = {
    OutboxRecord: {"due_at", "lease_until", "attempts", "problem"},
    ArrivalPartRecord: {"block_hashes", "blocks_missing"},
}


def execute(place, sql, *values):
    connection = sqlite3.connect(place.database)
    found = connection.execute(sql, values).rowcount
    connection.commit()
    connection.close()
    assert found == 1


async def filled(place, kind):
    parents = [PARENTS[kind]()] if kind in PARENTS else []
    async with place.open() as store:
        await store.write(adding(*parents, sample(kind)))
        await store.write(lambda tx: tx.log(submitted("another")))


def findings(place):
    with place.log() as log:
        return log.verify().findings


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_a_table_as_the_gateway_left_it_is_sound(place, kind):
    await filled(place, kind)
    assert findings(place) == ()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_a_changed_row_is_found_in_every_column(place, kind):
    await filled(place, kind)
    table = table_of(kind)
    for field in fields(kind):
        if field.name in key_names(kind):
            continue
        connection = sqlite3.connect(place.database)
        (before,) = connection.execute(f'SELECT "{field.name}" FROM "{table}"').fetchone()
        connection.close()
        other = _other(kind, field.name, before)
        execute(place, f'UPDATE "{table}" SET "{field.name}" = ?', other)
        if field.name in NOT_COMMITTED.get(kind, ()):
            assert findings(place) == ()
            continue
        assert findings(place) == (f"{table}: the row {mark_of(sample(kind)).key} differs from the log",)
        execute(place, f'UPDATE "{table}" SET "{field.name}" = ?', before)
    assert findings(place) == ()


def _other(kind, name, before):
    """Another value that the column can hold."""
    from enum import StrEnum
    from typing import get_args, get_type_hints

    hint = get_type_hints(kind)[name]
    option = (get_args(hint) or (hint,))[0]
    if isinstance(option, type) and issubclass(option, StrEnum):
        return next(term.value for term in option if term.value != before)
    if isinstance(before, bytes):
        return before + b"x"
    if isinstance(before, int):
        return before - 1
    return (
        "2020-01-01 00:00:00.000000" if before[:2] == "20" and name.endswith(("_at", "at", "until")) else before + "x"
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_a_missing_row_is_found(place, kind):
    await filled(place, kind)
    execute(place, f'DELETE FROM "{table_of(kind)}"')
    assert findings(place) == (f"{table_of(kind)}: the row {mark_of(sample(kind)).key} is missing",)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_an_extra_row_is_found(place, kind):
    await filled(place, kind)
    table, names = table_of(kind), [field.name for field in fields(kind)]
    last = key_names(kind)[-1]
    copied = ", ".join(
        f'"{n}"' if n != last else (f"\"{n}\" || 'x'" if _is_text(kind, n) else f'"{n}" + 1') for n in names
    )
    columns = ", ".join(f'"{n}"' for n in names)
    execute(place, f'INSERT INTO "{table}" ({columns}) SELECT {copied} FROM "{table}"')
    [finding] = findings(place)
    assert finding.startswith(f"{table}: the row ")
    assert finding.endswith("is not in the log")


def _is_text(kind, name):
    return isinstance(getattr(sample(kind), name), str)


async def test_a_row_put_back_as_it_was_before_a_change_is_found(place):
    """Yesterday's row is not today's, though the log once committed to it."""
    async with place.open() as store:
        await store.write(adding(package(1)))
        await store.write(lambda tx: tx.put(package(1), replace(package(1), kind="tool")))
    assert findings(place) == ()
    execute(place, "UPDATE package SET kind = 'intelligence'")
    assert len(findings(place)) == 1


async def test_what_was_undone_leaves_no_mark(place):
    async with place.open() as store:

        def unit(tx):
            tx.add(package(1))
            tx.log(submitted("p"))
            raise LookupError

        with pytest.raises(LookupError):
            await store.write(unit)
        await store.write(adding(package(2)))
    assert findings(place) == ()


async def test_a_unit_that_changes_rows_and_logs_nothing_gets_an_entry_in_the_same_commit(place):
    async with place.open() as store:
        await store.write(adding(package(1)))
        await store.write(lambda tx: tx.get(key_of(package(1))))
        entries = await store.read_log(lambda log: log.entries_after(-1, 10))
        assert [parse_leaf(entry.leaf).code.value for entry in entries] == ["records.changed"]


async def test_only_the_last_entry_of_a_unit_commits_to_its_rows(place):
    async with place.open() as store:

        def unit(tx):
            tx.log(submitted("a"))
            tx.add(package(1))
            tx.log(submitted("b"))

        await store.write(unit)
        entries = await store.read_log(lambda log: log.entries_after(-1, 10))
        assert ["rows" in parse_leaf(entry.leaf).commitments for entry in entries] == [False, True]


async def test_marks_survive_what_the_database_makes_of_values(place):
    """Digests are of values, so that an instant of another zone, or a key with odd characters, is the same row."""
    kinds = [kind for kind in KINDS if kind not in PARENTS]
    async with place.open() as store:
        for kind in kinds:
            await store.write(adding(sample(kind, empty=True)))
            found = await store.read(lambda reader, kind=kind: reader.get(key_of(sample(kind))))
            assert mark_of(found) == mark_of(sample(kind, empty=True))
    assert findings(place) == ()


async def test_many_rows_are_compared_in_slices(place):
    await place.fill(2300)
    assert findings(place) == ()
    execute(place, "DELETE FROM package WHERE package_id = ?", package(1500).package_id)
    execute(place, "UPDATE package SET kind = 'tool' WHERE package_id = ?", package(2299).package_id)
    assert len(findings(place)) == 2


async def test_a_check_goes_on_while_the_gateway_writes(place):
    """Slices of different states: what is written meanwhile is neither missed nor taken for tampering."""
    from store_place import keys_of

    from gateway.store.log_audit import LogCheck
    from gateway.store.opening import reading_engine, snapshot

    async with place.open() as store:
        for n in range(0, 1400, 2):
            await store.write(submitting(n))
        check, n, audit = LogCheck(keys_of()), 1, None
        engine = reading_engine(place.database, connections=1)
        while audit is None:
            with snapshot(engine) as connection:
                audit = check.step(connection)
            await store.write(submitting(n))
            first = package(0) if n == 1 else replace(package(0), kind=f"kind {n - 2}")
            await store.write(lambda tx, first=first, n=n: tx.put(first, replace(first, kind=f"kind {n}")))
            n += 2
        engine.dispose()
    assert audit.findings == ()
    assert audit.size > 700


def test_what_is_not_committed_to_is_exactly_this():
    assert {kind: set(progress.columns) for kind, progress in PROGRESS.items() if progress.columns} == NOT_COMMITTED
    assert set(PROGRESS) == {*NOT_COMMITTED, ReleaseRecord, SubmittedCheckpointRecord}


async def entries_of(store):
    entries = await store.read_log(lambda log: log.entries_after(-1, 100))
    return [parse_leaf(entry.leaf).code.value for entry in entries]


async def test_progress_is_kept_and_makes_no_entry(place):
    """A lease, an attempt and a block are written, and the log does not grow."""
    row, part = outbox(1), sample(ArrivalPartRecord)
    async with place.open() as store:
        await store.write(adding(row, sample(ArrivalRecord), part))
        before = await entries_of(store)
        claimed = await store.write(lambda tx: tx.claim_outbox(START, START + HOUR, 5, frozenset()))
        assert [each.lease_until for each in claimed] == [START + HOUR]
        await store.write(
            lambda tx: tx.put(
                claimed[0], replace(claimed[0], attempts=1, problem="partner-unreachable", due_at=START + HOUR)
            )
        )
        await store.write(lambda tx: tx.put(part, replace(part, blocks_missing="1-2")))
        assert await entries_of(store) == before
        assert (await store.read(lambda r: r.get(OutboxRecord.key(row.outbox_id)))).attempts == 1
        closing = await store.read(lambda r: r.get(OutboxRecord.key(row.outbox_id)))
        await store.write(lambda tx: tx.put(closing, replace(closing, state=OutboxState.DONE, attempts=2)))
        assert await entries_of(store) == [*before, "records.changed"]
    assert findings(place) == ()


async def test_a_release_on_its_way_counts_as_released_and_nothing_else_does(place):
    life = sample(ReleaseRecord, state=ReleaseState.RELEASED)
    async with place.open() as store:
        await store.write(adding(sample(PackageRecord), life))
        before = await entries_of(store)
        await store.write(lambda tx: tx.put(life, replace(life, state=ReleaseState.DELIVERING)))
        assert await entries_of(store) == before
    assert findings(place) == ()
    execute(place, 'UPDATE "release" SET "state" = ?', "delivered")
    assert len(findings(place)) == 1


async def test_a_submitted_checkpoint_is_committed_to_once_it_is_cosigned(place):
    waiting = sample(SubmittedCheckpointRecord, cosigned_at=None)
    async with place.open() as store:
        await store.write(adding(waiting))
        assert await entries_of(store) == []
        await store.write(lambda tx: tx.put(waiting, replace(waiting, cosigned_at=START)))
        assert await entries_of(store) == ["records.changed"]
    assert findings(place) == ()
    execute(place, "UPDATE submitted_checkpoint SET cosigned_at = NULL")
    [finding] = findings(place)
    assert finding.endswith("is missing")


async def test_a_row_that_a_unit_removed_is_gone_and_missed_by_nobody(place):
    async with place.open() as store:
        await store.write(adding(package(1), package(2)))
        await store.write(lambda tx: tx.remove(package(1)))
        assert await store.read(lambda r: r.get(PackageRecord.key(package(1).package_id))) is None
        with pytest.raises(Conflict):
            await store.write(lambda tx: tx.remove(package(1)))
        assert await entries_of(store) == ["records.changed", "records.changed"]
    assert findings(place) == ()
