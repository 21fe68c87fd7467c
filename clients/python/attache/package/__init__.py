"""The sealed package, version 1: values in, values out (`docs/protocol.md`).

A sealed package is one stream of bytes. A person who holds the recipient's private key can open and verify it years later
with standard libraries, without this software.
"""

from attache.package.blocks import BLOCK_BYTES, BlockTree, VerifiedBlocks, block_count
from attache.package.envelope import (
    MEDIA_TYPE,
    SUFFIX,
    ClearMembers,
    Envelope,
    EnvelopePart,
    encode_frame,
    parse_envelope,
    parse_frame,
    read_frame,
)
from attache.package.ids import PARTICIPANT_PATTERN, UUID7_PATTERN, is_uuid7, uuid7
from attache.package.instants import Instant, instant_text, parse_instant
from attache.package.jws import MANIFEST, SignedType, UnverifiedStatement, parse_statement, sign_statement
from attache.package.manifest import Manifest, ManifestFacts, ManifestPart, Release
from attache.package.opening import CLOCK_ALLOWANCE, Seen, VerifiedPackage, open_manifest, reopen_manifest
from attache.package.parts import MAX_PART_BYTES, PartSealer, PartStatement, SealedPart, open_part
from attache.package.party import KeyStatement, KeyStatus, Party, key_of, sealing_keys, strongest_suite
from attache.package.sealing import address, seal, seal_manifest, seal_signed, sign_manifest
from attache.package.statements import verify_dated_statement, verify_statement
from attache.package.steps import Step

__all__ = [
    "BLOCK_BYTES",
    "CLOCK_ALLOWANCE",
    "MANIFEST",
    "MAX_PART_BYTES",
    "MEDIA_TYPE",
    "PARTICIPANT_PATTERN",
    "SUFFIX",
    "UUID7_PATTERN",
    "BlockTree",
    "ClearMembers",
    "Envelope",
    "EnvelopePart",
    "Instant",
    "KeyStatement",
    "KeyStatus",
    "Manifest",
    "ManifestFacts",
    "ManifestPart",
    "PartSealer",
    "PartStatement",
    "Party",
    "Release",
    "SealedPart",
    "Seen",
    "SignedType",
    "Step",
    "UnverifiedStatement",
    "VerifiedBlocks",
    "VerifiedPackage",
    "address",
    "block_count",
    "encode_frame",
    "instant_text",
    "is_uuid7",
    "key_of",
    "open_manifest",
    "open_part",
    "parse_envelope",
    "parse_frame",
    "parse_instant",
    "parse_statement",
    "read_frame",
    "reopen_manifest",
    "seal",
    "seal_manifest",
    "seal_signed",
    "sealing_keys",
    "sign_manifest",
    "sign_statement",
    "strongest_suite",
    "uuid7",
    "verify_dated_statement",
    "verify_statement",
]
