"""Evidence made once a session. Properties run as long as they take: a busy machine is no counterexample."""

import pytest
from hypothesis import settings

from tests.protocol.making import ME, ORIGINATOR
from tests.protocol.translog.evidence_making import make_case

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def made(parties):
    """The bundle, the originator's log, the recipient's, and the receipt."""
    return make_case(parties)


@pytest.fixture(scope="session")
def trusted(parties):
    """The descriptors that a reader of the evidence trusts."""
    return [parties[name].descriptor for name in (ORIGINATOR, ME)]
