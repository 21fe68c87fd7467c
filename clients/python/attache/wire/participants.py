"""Participants, as the directory has them."""

from attache.wire.view import Absent, View


class ParticipantView(View):
    """A participant, by the descriptor in force. `fingerprint` is the descriptor's SHA-256."""

    participant: str
    name: str
    jurisdiction: str | Absent = None
    post: str | Absent = None
    serial: int
    status: str
    suites: tuple[str, ...] = ()
    fingerprint: str = ""


class ParticipantList(View):
    """Every admitted participant, by id."""

    participants: tuple[ParticipantView, ...]
