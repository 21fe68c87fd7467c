"""Participants of the exchange."""

from attache.client.agency import participants as calls
from attache.client.retry import new_idempotency_key
from attache.client.sync.driver import Driver
from attache.wire.participants import ParticipantView


class Participants:
    """Participants that are admitted to the exchange."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def list(self) -> tuple[ParticipantView, ...]:
        return self._driver.exchange(calls.participants())

    def suspend(self, participant: str) -> None:
        """Stop all exchange with a participant."""
        self._driver.exchange(calls.change_participant(participant, "suspend", new_idempotency_key()))

    def resume(self, participant: str) -> None:
        self._driver.exchange(calls.change_participant(participant, "resume", new_idempotency_key()))

    def rotate(self, participant: str, descriptor: bytes) -> ParticipantView:
        """Accept the signed successor of a participant's descriptor: its new keys and endpoints."""
        return self._driver.exchange(calls.rotate_participant(participant, descriptor))
