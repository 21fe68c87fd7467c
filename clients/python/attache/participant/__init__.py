"""Participant descriptors: the one signed file in which a participant states its names, keys and endpoints.

The first one is exchanged by hand and pinned by its fingerprint, compared in words. Every later one is accepted only as
the successor of the one on record: signed with keys that one lists, naming its digest, with a greater serial.
"""

from attache.participant.descriptor import (
    PARTICIPANT,
    Descriptor,
    accepted_descriptor,
    fingerprint_of,
    sign_descriptor,
    verify_descriptor,
    verify_successor,
)
from attache.participant.fingerprint import fingerprint_words
from attache.participant.statement import DescribedKey, DescriptorStatement, Endpoints

__all__ = [
    "PARTICIPANT",
    "DescribedKey",
    "Descriptor",
    "DescriptorStatement",
    "Endpoints",
    "accepted_descriptor",
    "fingerprint_of",
    "fingerprint_words",
    "sign_descriptor",
    "verify_descriptor",
    "verify_successor",
]
