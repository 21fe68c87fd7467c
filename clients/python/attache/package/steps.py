"""The steps of opening, in their order; an error names the step that failed."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from attache.errors import AttacheError


class Step(StrEnum):
    """A step of opening. The order matters: no value is used before the step that checks it."""

    SHAPE = "1-shape"  # frame and envelope: sizes, members, spellings
    ADDRESS = "2-address"  # the right recipient, suite known, key known and active at `sealed_at`
    DECRYPT = "3-decrypt"  # the JWE opens
    SIGNATURES = "4-signatures"  # exactly the suite's signatures, keys active at `sealed_at`, chain holds
    MANIFEST = "5-manifest"  # only now parsed; agrees with the envelope
    FRESHNESS = "6-freshness"  # not expired, not from the future, never seen
    BLOCKS = "7-blocks"  # each block against the root
    CONTENT = "8-content"  # each part against its digest and size


@contextmanager
def at(step: Step) -> Iterator[None]:
    """Name `step` in every AttacheError that the block raises, unless the error names a step already."""
    try:
        yield
    except AttacheError as error:
        error.step = error.step or step.value
        raise
