import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from attache.errors import Misconfigured
from gateway.policy.request import MAX_PARTS
from gateway.settings import Settings, load_settings, read_secret, render_settings_table

SENTINEL = "S3NT1NEL-secret"
REQUIRED = {
    "ATTACHE_GATEWAY_PARTICIPANT": "irs-ci",
    "ATTACHE_GATEWAY_POST": "washington",
    "ATTACHE_GATEWAY_STATE_DIR": "/var/lib/attache",
    "ATTACHE_GATEWAY_PASSPHRASE_FILE": "/etc/attache/passphrase",
    "ATTACHE_GATEWAY_TOKEN_ISSUER": "https://login.example",
    "ATTACHE_GATEWAY_TOKEN_AUDIENCE": "https://gateway.example",
}


@pytest.fixture
def environment(monkeypatch):
    for name in [name for name in os.environ if name.upper().startswith("ATTACHE_GATEWAY_")]:
        monkeypatch.delenv(name)
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def refused(file: Path | None = None) -> str:
    with pytest.raises(Misconfigured) as caught:
        load_settings(file)
    assert SENTINEL not in str(caught.value)
    return caught.value.detail


def test_six_variables_are_enough(environment):
    settings = load_settings()
    assert settings.blobs_dir == Path("/var/lib/attache/blobs")
    assert settings.database_url == "sqlite:////var/lib/attache/gateway.sqlite3"
    assert {settings.agency_host, settings.exchange_host} == {"127.0.0.1"}


@pytest.mark.parametrize("name", REQUIRED)
def test_what_has_no_safe_default_is_required(environment, name):
    environment.delenv(name)
    assert name.removeprefix("ATTACHE_GATEWAY_").lower() in refused()


@pytest.mark.parametrize(
    "name",
    ["ATTACHE_GATEWAY_MAX_BODY_BYTE", "ATTACHE_GATEWAY_", "attache_gateway_max_parts", "ATTACHE_GATEWAY_PASSPHRASE"],
)
def test_an_unknown_variable_refuses_the_start(environment, name):
    environment.setenv(name, SENTINEL)
    assert refused() == f"unknown settings: {name}"


def test_an_unknown_name_in_the_file_refuses_the_start(environment, tmp_path):
    file = tmp_path / "gateway.toml"
    file.write_text(f'max_part = "{SENTINEL}"\n')
    assert refused(file).startswith("max_part")


def test_the_environment_wins_over_the_file(environment, tmp_path):
    file = tmp_path / "gateway.toml"
    file.write_text("max_parts = 7\nmax_recipients = 3\n")
    environment.setenv("ATTACHE_GATEWAY_MAX_PARTS", "9")
    settings = load_settings(file)
    assert (settings.max_parts, settings.max_recipients) == (9, 3)


@pytest.mark.parametrize("count", ["0", str(MAX_PARTS + 1)])
def test_a_package_has_no_more_parts_than_policy_decides_at_once(environment, count):
    environment.setenv("ATTACHE_GATEWAY_MAX_PARTS", count)
    assert "max_parts" in refused()


@pytest.mark.parametrize("content", [b"max_parts = ", b"\xff\xfe"])
def test_a_file_that_is_not_toml(environment, tmp_path, content):
    file = tmp_path / "gateway.toml"
    file.write_bytes(content)
    assert "is not TOML" in refused(file)


def test_an_absent_file(environment, tmp_path):
    assert "No such file" in refused(tmp_path / "absent.toml")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PARTICIPANT", "IRS CI"),
        ("POST", "atlantis"),
        ("AGENCY_PORT", "65536"),
        ("MAX_PARTS", "0"),
        ("CLOCK_SKEW_SECONDS", "301"),
        ("CLOCK_SKEW_SECONDS", "-1"),
        ("LOG_LEVEL", "chatty"),
        ("TOKEN_ISSUER", ""),
        ("DATABASE_URL", f"postgresql+psycopg://gateway:{SENTINEL}@db/attache"),
    ],
)
def test_a_value_that_cannot_be_used_names_its_setting(environment, name, value):
    environment.setenv(f"ATTACHE_GATEWAY_{name}", value)
    assert refused().startswith(name.lower())


@pytest.mark.parametrize(
    ("name", "value"),
    [("MAX_BODY_BYTES", "1024"), ("DELIVERY_BACKOFF_MAX_SECONDS", "1"), ("DELIVERY_TIMEOUT_SECONDS", "120")],
)
def test_values_that_contradict_each_other(environment, name, value):
    environment.setenv(f"ATTACHE_GATEWAY_{name}", value)
    assert name.lower() in refused()


def test_settings_do_not_change(environment):
    with pytest.raises(ValidationError):
        load_settings().max_parts = 1


def test_every_setting_has_its_row():
    page = (Path(__file__).parents[3] / "docs/operations.md").read_text()
    assert render_settings_table() in page


def test_every_setting_has_a_meaning():
    assert all(field.description for field in Settings.model_fields.values())


def secret_file(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_a_secret_is_read_without_its_newline(tmp_path):
    assert read_secret(secret_file(tmp_path, b"pass phrase \r\n")) == b"pass phrase "


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_secret_that_others_may_open_is_refused(tmp_path, mode):
    with pytest.raises(Misconfigured, match="chmod 600"):
        read_secret(secret_file(tmp_path, b"x", mode))


@pytest.mark.parametrize("content", [b"", b"\n", b"x" * 4097])
def test_an_empty_or_oversized_secret_is_refused(tmp_path, content):
    with pytest.raises(Misconfigured, match="empty or larger"):
        read_secret(secret_file(tmp_path, content))


def test_an_absent_secret_is_refused(tmp_path):
    with pytest.raises(Misconfigured, match="No such file"):
        read_secret(tmp_path / "absent")
