"""Rotation: a partner's signed successor takes the place of the descriptor on record, whatever it says of older keys."""

import asyncio
from datetime import timedelta

from attache.package.party import KeyStatus
from attache.participant import sign_descriptor
from gateway.exchange.kernel.work import SYSTEM
from gateway.exchange.oversight.participants import admit_descriptor, load_directory

PARTNER = "partner-sydney"


def successor_revoking_its_signing_keys(made) -> bytes:
    before = made.descriptor
    keys = tuple(
        key.model_copy(update={"status": KeyStatus.REVOKED}) if key.use == "sign" else key for key in before.stated.keys
    )
    issued_at = before.stated.issued_at + timedelta(seconds=1)
    stated = before.stated.model_copy(
        update={"serial": 2, "previous": before.sha256, "keys": keys, "issued_at": issued_at, "name": "Rotated"}
    )
    return sign_descriptor(stated, made.keys)


def test_a_successor_that_revokes_the_keys_that_signed_it_stops_nobody(place):
    async def story():
        async with place.open() as gateway:
            raw = successor_revoking_its_signing_keys(place.made[PARTNER])
            await gateway.agency.commit(SYSTEM, lambda work: admit_descriptor(work, PARTNER, raw, None))
            directory = await load_directory(gateway.agency.store)
            assert directory.partner(PARTNER).descriptor.serial == 2
            assert (await gateway.entries())[-1] == "participant.rotated"
        async with place.open() as gateway:
            assert gateway.agency.directory.partner(PARTNER).descriptor.stated.name == "Rotated"

    asyncio.run(story())
