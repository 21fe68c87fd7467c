"""The body of a checkpoint (C2SP tlog-checkpoint): origin, size, root. No extension lines are written or accepted.

Extension lines are opaque to monitors, and ML-DSA-44 cosignatures do not cover them.
"""

from dataclasses import dataclass

from attache.errors import MalformedInput
from attache.translog.encoding import format_base64, parse_base64, parse_decimal, parse_origin
from attache.translog.merkle import EMPTY_ROOT, HASH_BYTES

_CODE = "malformed-log"
_LINES = 3


@dataclass(frozen=True)
class Checkpoint:
    """The size and root that a log states at one time."""

    origin: str
    size: int
    root: bytes

    @property
    def body(self) -> str:
        """The note text that is signed."""
        return f"{self.origin}\n{self.size}\n{format_base64(self.root)}\n"


def parse_checkpoint_body(text: str, *, step: str = "checkpoint") -> Checkpoint:
    """The checkpoint in the text of a note.

    Raises MalformedInput("malformed-log"), also for extension lines. Not checked: that the size can have this root (`require_possible`).
    """
    lines = text.split("\n")
    # exchange-log T4
    if len(lines) != _LINES + 1 or lines[_LINES]:
        raise MalformedInput(_CODE, "a checkpoint has three lines", step=step)
    checkpoint = Checkpoint(
        origin=parse_origin(lines[0], code=_CODE, step=step),
        size=parse_decimal(lines[1], code=_CODE, step=step),
        root=parse_base64(lines[2], code=_CODE, step=step),
    )
    if len(checkpoint.root) != HASH_BYTES:
        raise MalformedInput(_CODE, "a root has 32 bytes", step=step)
    return checkpoint


def require_possible(checkpoint: Checkpoint, *, step: str = "checkpoint") -> None:
    """Raises MalformedInput("malformed-log") for size 0 with a root that is not that of the empty tree."""
    # exchange-log T5
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        raise MalformedInput(_CODE, "size 0 with a root that is not the empty tree's", step=step)
