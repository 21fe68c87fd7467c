"""A gateway that the tests of one module share."""

import shutil
from collections.abc import Iterator

import pytest

from tests.exchange_place import Example, ExchangePlace, OpenGateway, kept_open


@pytest.fixture(scope="module")
def module_place(example: Example, tmp_path_factory: pytest.TempPathFactory) -> ExchangePlace:
    root, participants, issuer = example
    copied = tmp_path_factory.mktemp("module") / "exchange"
    shutil.copytree(root, copied)
    return ExchangePlace(copied, participants, issuer)


@pytest.fixture(scope="module")
def desk(module_place: ExchangePlace) -> Iterator[OpenGateway]:
    """An open gateway of irs-ci; `desk.run` runs a coroutine on its event loop."""
    with kept_open(module_place) as opened:
        yield opened
