"""What importing the SDK brings in, seen by an interpreter of its own."""

import subprocess
import sys

import pytest

SERVER = ["fastapi", "starlette", "sqlmodel", "sqlalchemy", "cedarpy", "uvicorn", "alembic", "structlog", "gateway"]
NETWORK = ["httpx", "httpcore", "socket", "ssl", "asyncio", "urllib.request", "http.client"]

FORBID = """
import sys
class Forbid:
    def find_spec(self, name, path=None, target=None):
        if name in {names!r}:
            raise AssertionError("imports " + name)
sys.meta_path.insert(0, Forbid())
for name in {names!r}:
    sys.modules.pop(name, None)
{statement}
"""


def run(statement: str, forbidden: list[str]) -> subprocess.CompletedProcess:
    program = FORBID.format(names=forbidden, statement=statement)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "statement",
    ["import attache", "from attache import *", "import attache.client.aio, attache.client.sync", "import attache.cli"],
)
def test_the_sdk_needs_nothing_of_the_server(statement):
    assert run(statement, SERVER).stderr == ""


def test_importing_attache_costs_nothing():
    assert run("import attache", [*SERVER, *NETWORK, "pydantic", "cryptography"]).stderr == ""


def test_the_guard_of_these_tests_works():
    assert "imports httpx" in run("import attache.client.sync", ["httpx"]).stderr


def test_unknown_name_is_an_attribute_error():
    assert "AttributeError" in run("import attache; attache.nonsense", []).stderr
