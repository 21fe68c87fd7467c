"""What the repository promises about itself."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.app import write_contracts

REPOSITORY = Path(__file__).parents[2]
PRODUCT = [REPOSITORY / "gateway", REPOSITORY / "clients" / "python" / "attache", REPOSITORY / "certs_example"]
MODULES = sorted(path for folder in PRODUCT for path in folder.rglob("*.py"))
CONTRACTS = ["agency-api.json", "exchange-api.json"]
CEILING = 400
WRONG_ROOMS = re.compile(r"(^|_)(utils?|helpers?|common|misc|managers?|services?|handlers?)(_|$)")


def name_of(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("openapi")
    assert [path.name for path in write_contracts(folder)] == CONTRACTS
    return folder


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_contracts_on_disk_are_those_of_the_code(written, name):
    assert (REPOSITORY / "openapi" / name).read_bytes() == (written / name).read_bytes(), "run `make openapi`"


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_contracts_are_whole(written, name):
    contract = json.loads((written / name).read_bytes())
    assert contract["openapi"].startswith("3.1")
    schemas = set(contract["components"]["schemas"])
    referenced = set(re.findall(r'"#/components/schemas/([^"]+)"', (written / name).read_text("utf-8")))
    assert referenced <= schemas
    assert {"Problem"} <= referenced
    for path, methods in contract["paths"].items():
        for method, operation in methods.items():
            assert operation["description"], f"{method} {path}"
            assert "default" in operation["responses"], f"{method} {path}"
            assert ("requestBody" in operation) or method == "get" or path.endswith(BODILESS), f"{method} {path}"
            named = set(re.findall(r"{(\w+)}", path))
            assert named == {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}


BODILESS = ("/submit", "/open", "/suspend", "/resume", "/complete")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_reads_in_one_sitting(path):
    assert len(path.read_text("utf-8").splitlines()) <= CEILING
    assert not WRONG_ROOMS.search(path.stem)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_says_what_it_is(path):
    text = path.read_text("utf-8")
    assert ast.get_docstring(ast.parse(text)) or not text.strip()
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", text)


def test_the_modules_are_short_as_a_rule():
    sizes = sorted(len(path.read_text("utf-8").splitlines()) for path in MODULES)
    assert sizes[len(sizes) // 2] <= 150


def test_what_is_not_a_test_never_imports_tests():
    for path in [*MODULES, *(REPOSITORY / "benchmarks").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            assert "tests" not in {name.partition(".")[0] for name in names}, name_of(path)


def test_the_sdk_does_not_bring_the_server_in():
    program = (
        "import sys, attache, attache.client, attache.client.sync, attache.client.aio, attache.evidence.directory\n"
        "server = {'gateway', 'fastapi', 'starlette', 'sqlalchemy', 'sqlmodel', 'uvicorn', 'cedarpy', 'structlog'}\n"
        "print(sorted(server & {name.partition('.')[0] for name in sys.modules}))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env={**os.environ}, cwd=REPOSITORY
    )
    assert (found.stdout, found.stderr) == ("[]\n", "")


def test_nothing_private_is_committed():
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=False, cwd=REPOSITORY).stdout
    if not tracked:
        pytest.skip("not a git checkout")
    for name in tracked.splitlines():
        assert not name.endswith((".key", ".pem", ".sqlite3", "passphrase")), name
        content = (REPOSITORY / name).read_bytes() if (REPOSITORY / name).is_file() else b""
        assert b"-----BEGIN " + b"PRIVATE KEY" not in content, name
        assert b"-----BEGIN " + b"ENCRYPTED PRIVATE KEY" not in content, name
