"""One example exchange for all protocol tests; keys are made once a session."""

import pytest

from attache.package import Manifest
from certs_example.exchange import ExampleParticipant, make_exchange
from tests.protocol.making import NOW, manifest_for, send


@pytest.fixture(scope="session")
def parties(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ExampleParticipant]:
    """The six example participants, as of `NOW`."""
    return make_exchange(tmp_path_factory.mktemp("protocol") / "exchange", now=NOW, ports={"irs-ci": 8443})


@pytest.fixture
def manifest(parties: dict[str, ExampleParticipant]) -> Manifest:
    """The manifest of a package as it should be."""
    return manifest_for(parties, send(parties).facts)
