import pytest

from attache.client.home import load_home
from certs_example.exchange import make_exchange
from tests.sdk.fake_gateway import FakeGateway
from tests.sdk.sealing import NOW


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture(scope="session")
def exchange(tmp_path_factory):
    """The example's six participants, with their folders."""
    return make_exchange(tmp_path_factory.mktemp("made") / "exchange", now=NOW, ports={"irs-ci": 8443})


@pytest.fixture(scope="session")
def homes(exchange):
    """A participant's home by its id."""

    def home(participant: str):
        folder = exchange[participant].folder
        return load_home(folder, descriptors=folder.parent / "descriptors")

    return {name: home(name) for name in ("irs-ci", "partner-bogota", "partner-frankfurt")}
