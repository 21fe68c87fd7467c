"""Participant descriptors: the signed file in which a participant states its names, keys and endpoints.

People exchange the first descriptor by hand, compare its fingerprint as words, and pin it. Every later one is accepted only as
the successor of the one on record: it is signed with keys that the one on record lists, names its digest and has a greater serial.
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
