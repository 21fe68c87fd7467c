"""Participants of the exchange: listing, suspending, and accepting a new descriptor."""

from attache.client.agency.base import path_of
from attache.client.call import Call, bytes_body, nothing_of, view_of, views_of, whole
from attache.wire.participants import ParticipantView


def participants() -> Call[tuple[ParticipantView, ...]]:
    return Call("GET", path_of("participants"), whole(views_of(ParticipantView, "participants")))


def change_participant(participant: str, change: str, idempotency_key: str) -> Call[None]:
    return Call(
        "POST",
        path_of("participants", participant, change),
        whole(nothing_of),
        headers={"Idempotency-Key": idempotency_key},
    )


def rotate_participant(participant: str, descriptor: bytes) -> Call[ParticipantView]:
    body = bytes_body(descriptor, "application/jose+json")
    return Call("PUT", path_of("participants", participant, "descriptor"), whole(view_of(ParticipantView)), body=body)
