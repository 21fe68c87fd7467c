import pytest
from store_place import Place, run_coroutine_test


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    return run_coroutine_test(pyfuncitem)


@pytest.fixture(params=["sqlite"])
def place(request, tmp_path) -> Place:
    """Where a store of each kind lives. A further database joins here."""
    return Place(tmp_path)
