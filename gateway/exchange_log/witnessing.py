"""Where we stand with each witness of our log, and whether that lets anything leave. Values only; the store keeps them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from attache.errors import IntegrityLost, NotPermitted
from attache.translog.submission import Alarm, Alarmed, Cosigned, Failed, Outcome, Submission

_STEP = "witness"


@dataclass(frozen=True)
class Standing:
    """One witness of our log: the size that it is known to have cosigned last, when, and what it has found us guilty of.

    `failures` counts attempts since the last cosignature. An alarm stays until an officer lifts it.
    """

    witness: str
    known_size: int = 0
    cosigned_at: datetime | None = None
    failures: int = 0
    alarm: Alarm | None = None
    why: str = ""


def after_answer(standing: Standing, submission: Submission, outcome: Outcome) -> Standing:
    """The standing after a witness answered. A known size never shrinks on our own word, only on the witness's."""
    match outcome:
        case Cosigned(_, cosigned_at):
            at = datetime.fromtimestamp(cosigned_at, UTC)
            return replace(standing, known_size=submission.checkpoint.size, cosigned_at=at, failures=0, why="")
        case Alarmed(alarm, why):
            return replace(standing, alarm=standing.alarm or alarm, why=standing.why if standing.alarm else why)
        case Failed(why, _):
            return replace(standing, failures=standing.failures + 1, why=standing.why if standing.alarm else why)
        case _:
            return replace(standing, known_size=outcome.submission.known_size)


def require_submission(standing: Standing) -> None:
    """Raises IntegrityLost(step="witness") where a witness has raised an alarm: nothing is submitted to it again before somebody has looked."""
    if standing.alarm is not None:
        raise IntegrityLost(detail=f"{standing.witness}: {standing.alarm}: {standing.why}", step=_STEP)


def require_release(standings: Iterable[Standing], now: datetime, limit: timedelta | None) -> None:
    """Whether anything may leave, as far as witnesses have a say.

    Raises IntegrityLost(step="witness") after any alarm, and NotPermitted("witness-stale") where `limit` is set and no
    cosignature is younger. A cosignature dated in the future counts as one of now.
    """
    known = list(standings)
    for standing in known:
        require_submission(standing)
    newest = max((standing.cosigned_at for standing in known if standing.cosigned_at is not None), default=None)
    if limit is not None and (newest is None or now - newest > limit):
        raise NotPermitted("witness-stale", step=_STEP)
