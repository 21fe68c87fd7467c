"""A receiving gateway for a whole module of attacks: what is refused leaves nothing, so the next attack finds it as it was."""

import asyncio
import shutil

import pytest

from tests.exchange.attacking import Sender, Target
from tests.exchange_place import ExchangePlace


@pytest.fixture(scope="module")
def loop():
    """One event loop for the module's gateway and all requests to it."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def module_place(example, tmp_path_factory):
    root, participants, issuer = example
    copied = tmp_path_factory.mktemp("place") / "exchange"
    shutil.copytree(root, copied)
    return ExchangePlace(copied, participants, issuer)


@pytest.fixture(scope="module")
def target(module_place, loop):
    """The Frankfurt partner's gateway."""
    opening = module_place.open("partner-frankfurt", inline_package_bytes=1 << 20)
    yield Target(loop.run(opening.__aenter__()), loop)
    loop.run(opening.__aexit__(None, None, None))


@pytest.fixture
def sender(target):
    """IRS-CI as Frankfurt's gateway sees it, with all the keys that the real one has."""
    return Sender(target.gateway.place.made)
