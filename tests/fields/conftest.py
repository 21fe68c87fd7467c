"""A gateway that the tests of one module share."""

import shutil

import pytest

from tests.exchange_place import ExchangePlace, kept_open


@pytest.fixture(scope="module")
def module_place(example, tmp_path_factory):
    root, participants, issuer = example
    copied = tmp_path_factory.mktemp("module") / "exchange"
    shutil.copytree(root, copied)
    return ExchangePlace(copied, participants, issuer)


@pytest.fixture(scope="module")
def desk(module_place):
    """An open gateway of irs-ci; `desk.run` runs a coroutine on its event loop."""
    with kept_open(module_place) as opened:
        yield opened
