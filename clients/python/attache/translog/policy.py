"""The logs and witnesses whose signatures a checkpoint needs (C2SP tlog-policy), and whether it has them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from attache.errors import MalformedInput, PayloadTooLarge, SignatureInvalid, UnknownKey
from attache.translog.checkpoint import Checkpoint, parse_checkpoint_body, require_possible
from attache.translog.encoding import parse_decimal
from attache.translog.note import parse_note
from attache.translog.signing import OpenedCheckpoint, VerifiedSignature, open_parsed
from attache.translog.vkey import SignatureType, VerifierKey, parse_vkey

MAX_POLICY_BYTES = 1024 * 1024
MAX_DEFINITIONS = 256

_CODE = "malformed-log"
_STEP = "policy"
_NONE = "none"
_BLANKS = re.compile(r"[ \t]+")
_FORBIDDEN = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")


@dataclass(frozen=True)
class WitnessGroup:
    """Counts as a witness if at least `threshold` of its members do; a member is a witness or another group."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class TlogPolicy:
    """The accepted logs; witnesses and groups by the names that the policy gives them; and the name that must have witnessed (None: no name)."""

    logs: tuple[VerifierKey, ...]
    witnesses: Mapping[str, VerifierKey]
    groups: Mapping[str, WitnessGroup]
    quorum: str | None

    def is_witnessed(self, cosigners: frozenset[str], name: str | None) -> bool:
        """Whether `name` counts as a witness if `cosigners`, names of witnesses in the policy, cosigned. A group refers only to earlier lines."""
        if name is None or name in cosigners:
            return True
        group = self.groups.get(name)
        return (
            group is not None
            and sum(self.is_witnessed(cosigners, member) for member in group.members) >= group.threshold
        )


@dataclass(frozen=True)
class WitnessedCheckpoint:
    """A checkpoint that a policy accepts. `cosigned_at`: for each witness, by its name in the policy, the latest POSIX time at which it cosigned."""

    opened: OpenedCheckpoint
    cosigned_at: Mapping[str, int]

    @property
    def checkpoint(self) -> Checkpoint:
        """The accepted checkpoint."""
        return self.opened.checkpoint


def verify_checkpoint(raw: bytes, policy: TlogPolicy, *, now: int | None = None) -> WitnessedCheckpoint:
    """The checkpoint in a note, signed by a log of the policy whose name is the origin, and cosigned by its quorum.

    `now`: a POSIX time; a cosignature with a later time does not count. None accepts every time.
    Raises MalformedInput("malformed-log"), UnknownKey, SignatureInvalid (step "signature" or "quorum").
    Not checked: how old the cosignatures are, and consistency with other checkpoints.
    """
    note = parse_note(raw)
    checkpoint = parse_checkpoint_body(note.text)
    require_possible(checkpoint)
    logs = [key for key in policy.logs if key.name == checkpoint.origin]
    if not logs:
        raise UnknownKey(detail="the policy has no log of this origin", step="signature")
    opened = open_parsed(note, checkpoint, [*logs, *policy.witnesses.values()])
    if not any(opened.is_signed_by(key) for key in logs):
        raise UnknownKey(detail="no log of the policy signed the checkpoint", step="signature")
    cosigned_at = _cosigned_at(opened.verified, policy, now)
    if not policy.is_witnessed(frozenset(cosigned_at), policy.quorum):
        raise SignatureInvalid(detail="the cosignatures do not make the policy's quorum", step="quorum")
    return WitnessedCheckpoint(opened, cosigned_at)


def _cosigned_at(verified: tuple[VerifiedSignature, ...], policy: TlogPolicy, now: int | None) -> dict[str, int]:
    names = {key: name for name, key in policy.witnesses.items()}
    times: dict[str, int] = {}
    for each in verified:
        if each.key in names and each.signed_at is not None and (now is None or each.signed_at <= now):
            times[names[each.key]] = max(each.signed_at, times.get(names[each.key], 0))
    return times


def parse_tlog_policy(raw: bytes) -> TlogPolicy:
    """The policy in a file. Names are opaque bytes, decoded as surrogate-escaped UTF-8. At most 1 MiB and 256 definitions.

    Raises MalformedInput("malformed-log"), UnsupportedVersion for an unknown signature type.
    """
    if len(raw) > MAX_POLICY_BYTES:
        raise PayloadTooLarge(detail="the policy is too long", step=_STEP)
    if _FORBIDDEN.search(raw) or (raw and not raw.endswith(b"\n")):
        raise _malformed("a control character, or no newline at the end")
    parser = _PolicyParser()
    for line in raw.decode("utf-8", "surrogateescape").split("\n"):
        words = [word for word in _BLANKS.split(line) if word]
        if words and not words[0].startswith("#"):
            parser.line(words)
    return parser.policy()


class _PolicyParser:
    def __init__(self) -> None:
        self.logs: list[VerifierKey] = []
        self.witnesses: dict[str, VerifierKey] = {}
        self.groups: dict[str, WitnessGroup] = {}
        self.quorums: list[str | None] = []
        self.used: set[str] = set()

    def line(self, words: list[str]) -> None:
        if len(self.logs) + len(self.witnesses) + len(self.groups) >= MAX_DEFINITIONS:
            raise _malformed(f"more than {MAX_DEFINITIONS} definitions")
        match words:
            case ["log", vkey] | ["log", vkey, _]:
                self._log(parse_vkey(vkey))
            case ["witness", name, vkey] | ["witness", name, vkey, _]:
                self._witness(name, parse_vkey(vkey))
            case ["group", name, threshold, *members] if members:
                self._group(name, threshold, members)
            case ["quorum", name]:
                self.quorums.append(None if name == _NONE else self._defined(name))
            case _:
                raise _malformed(f"not a line of a policy: {words[0][:20]!a}")

    def policy(self) -> TlogPolicy:
        if len(self.quorums) != 1:
            raise _malformed("a policy has exactly one quorum")
        return TlogPolicy(tuple(self.logs), self.witnesses, self.groups, self.quorums[0])

    def _log(self, key: VerifierKey) -> None:
        # exchange-log T9
        if key.type is SignatureType.COSIGNATURE_V1:
            raise _malformed("a log does not sign with cosignature/v1")
        if any(key.public_key == other.public_key for other in self.logs):
            raise _malformed("two logs have the same key")
        self.logs.append(key)

    def _witness(self, name: str, key: VerifierKey) -> None:
        if key.type is SignatureType.ED25519:
            raise _malformed("the key of a witness must be one that signs a time")
        if any(key.public_key == other.public_key for other in self.witnesses.values()):
            raise _malformed("two witnesses have the same key")
        self._require_new(name)
        self.witnesses[name] = key

    def _group(self, name: str, threshold: str, members: list[str]) -> None:
        self._require_new(name)
        for member in members:
            if self._defined(member) in self.used:
                raise _malformed(f"{member!a} is a member of two groups, or twice of one")
            self.used.add(member)
        counts = {"any": 1, "all": len(members)}
        count = counts[threshold] if threshold in counts else parse_decimal(threshold, code=_CODE, step=_STEP)
        if not 1 <= count <= len(members):
            raise _malformed("a threshold is between 1 and the number of members")
        self.groups[name] = WitnessGroup(count, tuple(members))

    def _defined(self, name: str) -> str:
        if name not in self.witnesses and name not in self.groups:
            raise _malformed(f"{name!a} is not defined in an earlier line")
        return name

    def _require_new(self, name: str) -> None:
        if name == _NONE or name in self.witnesses or name in self.groups:
            raise _malformed(f"{name!a} is defined twice, or reserved")


def _malformed(why: str) -> MalformedInput:
    return MalformedInput(_CODE, why, step=_STEP)
