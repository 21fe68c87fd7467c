"""Witnesses of our log, and the alarms that they raised."""

from datetime import datetime

from attache.wire.body import Note, RequestBody
from attache.wire.view import View


class AlarmClearance(RequestBody):
    """Why an alarm may end. The reason is kept in the exchange log."""

    reason: Note


class WitnessView(View):
    """A partner as a witness of our log: the size that it cosigned last, and its alarm; `suspect`: its own log showed two histories."""

    participant: str
    size: int
    cosigned_at: datetime | None = None
    alarm: str | None = None
    suspect: bool = False


class WitnessList(View):
    """Every witness that our checkpoints were submitted to."""

    witnesses: tuple[WitnessView, ...]
