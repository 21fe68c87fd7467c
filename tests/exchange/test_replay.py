"""Replay: a decision on record is made again from stored files; a changed fact, file, record or log entry shows."""

import asyncio
import json
import sqlite3
from contextlib import closing

import pytest
from typer.testing import CliRunner

from attache.errors import AttacheError
from gateway.__main__ import app, main
from gateway.exchange.kernel.at_rest import PackageVault
from gateway.exchange.oversight.replay import replay_decision
from tests.exchange_place import a_part

PARTS = (
    a_part("wallets.json", b"[]", content_class=["chain-public"]),
    a_part("return.txt", b"r", content_class=["return-information"]),
)


@pytest.fixture
def decided(place):
    """A stopped gateway that has released a package, and the decision."""

    async def story():
        async with place.open() as gateway:
            analyst = await gateway.caller("analyst")
            package_id = await gateway.released(analyst, *PARTS)
            package, _ = await gateway.opened(package_id, "partner-frankfurt")
            return gateway.settings, gateway.agency.vault_of(package_id), package.manifest.release

    return asyncio.run(story())


def config_of(place) -> str:
    return str(place.root / "irs-ci" / "gateway.toml")


def edit(settings, statement: str, *values) -> None:
    with closing(sqlite3.connect(settings.database_url.removeprefix("sqlite:///"))) as database, database:
        assert database.execute(statement, values).rowcount == 1


def query(settings, statement: str):
    with closing(sqlite3.connect(settings.database_url.removeprefix("sqlite:///"))) as database:
        return database.execute(statement).fetchone()


def refusal(place, settings, vault, decision_id) -> tuple[str, str]:
    async def story():
        async with place.open():
            from gateway.app import load_ring, log_keys
            from gateway.store.sql_store import open_reading

            with open_reading(settings.database_url, log_keys(settings, load_ring(settings))) as (reader, log):
                replay_decision(reader, log, log.vault, "irs-ci", decision_id)

    with pytest.raises(AttacheError) as error:
        asyncio.run(story())
    return error.value.code, error.value.step


def changed_record(settings, vault: PackageVault, decision_id: str, change) -> None:
    [sealed] = query(settings, "select record_sealed from decision")
    record = vault.open(sealed, "decision", decision_id)
    edit(settings, "update decision set record_sealed = ?", vault.seal(change(record), "decision", decision_id))


def test_the_command_prints_the_record_byte_for_byte(place, decided):
    settings, vault, release = decided
    result = CliRunner().invoke(app, ["decision", "replay", release.decision_id, "--config", config_of(place)])
    assert result.exit_code == 0, result.output
    [sealed] = query(settings, "select record_sealed from decision")
    record = vault.open(sealed, "decision", release.decision_id)
    assert result.stdout == record + "\n"
    assert release.release_proof_sha256 in result.stderr
    assert json.loads(record)["decision"]["policy_set_hash"] == release.policy_set_hash


def test_an_unknown_decision_is_not_found(place, decided):
    settings, vault, _ = decided
    assert refusal(place, settings, vault, "01935000-0000-7000-8000-000000000001")[0] == "not-found"


@pytest.mark.parametrize(
    ("before", "after"),
    [('"chain-public"', '"open-source"'), ('"urgency":"routine"', '"urgency":"priority"'), ('"disclose"', '"hold"')],
    ids=["fact", "other fact", "answer"],
)
def test_a_changed_record_is_not_the_one_that_the_log_holds(place, decided, before, after):
    settings, vault, release = decided
    changed_record(settings, vault, release.decision_id, lambda record: record.replace(before, after, 1))
    assert refusal(place, settings, vault, release.decision_id) == ("replay-differs", "log")


def test_a_record_that_does_not_open_is_integrity_lost(place, decided):
    settings, vault, release = decided
    edit(settings, "update decision set record_sealed = ?", bytes(100))
    assert refusal(place, settings, vault, release.decision_id)[0] == "integrity-lost"


def test_a_changed_row_beside_the_record_shows(place, decided):
    settings, vault, release = decided
    edit(settings, "update decision set outcome = 'release'")
    assert refusal(place, settings, vault, release.decision_id) == ("replay-differs", "record")


def test_the_exit_code_says_that_records_do_not_add_up(place, decided, monkeypatch, capsys):
    settings, _, release = decided
    monkeypatch.setattr(
        "sys.argv", ["attache-gateway", "decision", "replay", release.decision_id, "-c", config_of(place)]
    )
    edit(
        settings,
        "update policy_file set content = cast(content || x'20' as blob) where sha256 in (select sha256 from policy_file limit 1)",
    )
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 6
    assert "replay-differs at step policy files" in capsys.readouterr().err


def test_a_missing_file_of_the_set_shows(place, decided):
    settings, vault, release = decided
    edit(settings, "delete from policy_file where sha256 in (select sha256 from policy_file limit 1)")
    config = ["decision", "replay", release.decision_id, "--config", config_of(place)]
    result = CliRunner().invoke(app, config)
    assert (result.exception.code, result.exception.step) == ("replay-differs", "policy files")
