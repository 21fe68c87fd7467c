"""The examples of docs/sdk.md, run as they stand."""

import re
import shutil
from pathlib import Path

import httpx
import pytest

import attache
from tests.sdk.fake_gateway import TOKEN, URL
from tests.sdk.sealing import later, sealed_package
from tests.sdk.test_mailbox import FakeExchange

PAGE = (Path(__file__).parents[2] / "docs" / "sdk.md").read_text()
README = (Path(__file__).parents[2] / "README.md").read_text()
SUBMITTING, COLLECTING, VERIFYING = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_submitting(gateway, monkeypatch, capsys):
    monkeypatch.setenv("ATTACHE_URL", URL)
    monkeypatch.setenv("ATTACHE_TOKEN", TOKEN)
    monkeypatch.delenv("ATTACHE_CA", raising=False)
    exec(SUBMITTING.replace("Client()", "Client(transport=line)"), {"line": httpx.MockTransport(gateway)})
    assert capsys.readouterr().out == "['release']\ndelivered\n"
    assert gateway.contents["00000", "wallets.json"] == b"{}"


def test_the_example_of_the_readme(gateway, monkeypatch, capsys):
    [example] = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    monkeypatch.setenv("ATTACHE_URL", URL)
    monkeypatch.setenv("ATTACHE_TOKEN", TOKEN)
    given = 'Client("https://127.0.0.1:8443", token_file="analyst.token", ca="authority.pem")'
    assert given in example
    exec(example.replace(given, "Client(transport=line)"), {"line": httpx.MockTransport(gateway)})
    assert capsys.readouterr().out == "delivered\n"
    assert gateway.contents["00000", "note.txt"] == b"Three wallets."


def test_collecting(exchange, tmp_path, monkeypatch, capsys):
    partner, made = FakeExchange(), exchange["partner-bogota"].folder
    package_id, raw = sealed_package(exchange, {"a.txt": b"alpha"})
    partner.packages[package_id] = raw
    shutil.copytree(made, tmp_path / "keys" / "partner-bogota")
    shutil.copytree(made.parent / "descriptors", tmp_path / "keys" / "partner-bogota" / "descriptors")
    monkeypatch.chdir(tmp_path)
    source = COLLECTING.replace('"in")', '"in", transport=line, now=later)')
    exec(source, {"line": httpx.MockTransport(partner), "later": later})
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
