"""The steps of opening, in their order; a problem names the one that failed."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from attache.errors import AttacheError


class Step(StrEnum):
    """Where an opening stands. The order is the argument: nothing is used before the step that checked it."""

    SHAPE = "1-shape"  # frame and envelope: sizes, members, spellings
    ADDRESS = "2-address"  # recipient is me, suite known, key known and active at `sealed_at`
    DECRYPT = "3-decrypt"  # the JWE opens
    SIGNATURES = "4-signatures"  # exactly the suite's signatures, keys active at `sealed_at`, chain holds
    MANIFEST = "5-manifest"  # only now parsed; agrees with the envelope
    FRESHNESS = "6-freshness"  # not expired, not from the future, never seen
    BLOCKS = "7-blocks"  # each block against the root
    CONTENT = "8-content"  # each part against its digest and size


@contextmanager
def at(step: Step) -> Iterator[None]:
    """Name `step` in any problem raised within, unless one nearer did."""
    try:
        yield
    except AttacheError as error:
        error.step = error.step or step.value
        raise
