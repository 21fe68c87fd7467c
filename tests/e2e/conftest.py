"""Two gateways, made once; each test begins with both running and the wires whole."""

from collections.abc import Iterator

import pytest

from tests.e2e.processes import Exchange


@pytest.fixture(scope="session")
def two_gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    exchange = Exchange.make(tmp_path_factory.mktemp("e2e") / "exchange")
    try:
        exchange.initialise()
        yield exchange
    finally:
        exchange.close()


@pytest.fixture
def exchange(two_gateways: Exchange) -> Iterator[Exchange]:
    two_gateways.start()
    yield two_gateways
    for wire in two_gateways.wires.values():
        wire.release()
