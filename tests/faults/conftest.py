import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "store"))

from store_place import Place, run_coroutine_test


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    return run_coroutine_test(pyfuncitem)


@pytest.fixture
def place(tmp_path) -> Place:
    return Place(tmp_path)
