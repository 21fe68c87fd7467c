"""The example exchange for all tests: keys and certificates once, a fresh state folder for each test."""

import shutil
from pathlib import Path

import pytest

from attache import clock
from certs_example.exchange import make_exchange
from certs_example.gateways import ExampleIssuer
from tests.exchange_place import Example, ExchangePlace


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Example:
    """Six participants, made once; their private state is copied for each test that runs a gateway."""
    root = tmp_path_factory.mktemp("example") / "exchange"
    ports = {"irs-ci": 19443, "partner-frankfurt": 19444}
    return root, make_exchange(root, now=clock.now(), ports=ports), ExampleIssuer()


@pytest.fixture
def place(example: Example, tmp_path: Path) -> ExchangePlace:
    """Where gateways of the example can be opened in this process, without a network."""
    root, participants, issuer = example
    copied = tmp_path / "exchange"
    shutil.copytree(root, copied)
    return ExchangePlace(Path(copied), participants, issuer)
