"""The examples of docs/sdk.md, run as they stand."""

import re
from pathlib import Path

import httpx
import pytest

import attache
from attache.client import mailbox, sync
from tests.sdk.fake_gateway import TOKEN, URL
from tests.sdk.sealing import later, sealed_package
from tests.sdk.test_mailbox import FakeExchange

PAGE = (Path(__file__).parents[2] / "docs" / "sdk.md").read_text()
SUBMITTING, COLLECTING, VERIFYING = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_submitting(gateway, monkeypatch, capsys):
    monkeypatch.setenv("ATTACHE_URL", URL)
    monkeypatch.setenv("ATTACHE_TOKEN", TOKEN)
    monkeypatch.delenv("ATTACHE_CA", raising=False)
    line = httpx.MockTransport(gateway)
    monkeypatch.setattr(attache, "Client", lambda: sync.Client(transport=line), raising=False)
    exec(SUBMITTING, {})
    assert capsys.readouterr().out == "['release']\ndelivered\n"
    assert gateway.contents["00000", "wallets.json"] == b"{}"


def test_collecting(exchange, homes, tmp_path, monkeypatch, capsys):
    partner = FakeExchange()
    package_id, raw = sealed_package(exchange, {"a.txt": b"alpha"})
    partner.packages[package_id] = raw
    line = httpx.MockTransport(partner)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(attache, "load_home", lambda _: homes["partner-bogota"], raising=False)
    monkeypatch.setattr(
        attache, "Mailbox", lambda *given: mailbox.Mailbox(*given, transport=line, now=later), raising=False
    )
    exec(COLLECTING, {})
    assert capsys.readouterr().out == f"in/{package_id} ['TLP:AMBER']\n"
    assert len(partner.receipts) == 2


def test_verifying_an_absent_log_fails(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OSError, match="log"):
        exec(VERIFYING, {})
    (tmp_path / "log").mkdir()
    with pytest.raises(AssertionError):
        exec(VERIFYING, {})


def test_the_first_example_has_about_ten_lines():
    assert len([line for line in SUBMITTING.splitlines() if line.strip()]) <= 12


def test_every_exported_name_is_described():
    described = set(re.findall(r"`(\w+)`", PAGE.split("## What you can rely on")[0]))
    assert set(attache.__all__) - {"Report"} <= described
