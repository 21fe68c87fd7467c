"""Opening and verifying files, offline: nothing here imports, or could use, a network."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from attache import clock
from attache.client.home import Home
from attache.client.offline_answers import ANSWER_NOT_CHECKED, ANSWERS, by_one_of
from attache.client.quarantine import Quarantine, QuarantineFolder, plain_name
from attache.errors import AttacheError, MalformedInput, NotAuthentic, NotFound
from attache.evidence.bundle import SUFFIX
from attache.evidence.directory import verify_log_directory
from attache.evidence.entry import verify_entry
from attache.evidence.export import SUFFIX as MANIFEST_SUFFIX
from attache.evidence.export import verify_export
from attache.evidence.finding import Finding, Findings
from attache.evidence.report import Check, EvidenceReport, Outcome
from attache.evidence.verifying import STEPS, verify_bundle
from attache.package import (
    BLOCK_BYTES,
    BlockTree,
    Envelope,
    Manifest,
    Seen,
    Step,
    VerifiedPackage,
    open_manifest,
    parse_statement,
    read_frame,
)
from attache.package.blocks import root_of_blocks
from attache.package.values import Statement
from attache.participant import Descriptor
from attache.receipt import RECEIPT, Receipt, verify_receipt

MAX_FILE_BYTES = 64 << 20
_PACKAGE_MAGIC = b"attache-package/"
_BUNDLE_MAGIC = b'{"bundle":'
_PROOF_MAGIC = b"c2sp.org/tlog-proof@"

T = TypeVar("T")


@dataclass(frozen=True)
class OpenedPackage:
    """A package that passed all eight steps, its parts published as files in `folder`."""

    manifest: Manifest
    manifest_sha256: str
    envelope: Envelope
    folder: Path


@dataclass(frozen=True)
class Report:
    """What a verification found. `checked` and `not_checked` say what a sound report does and does not mean.

    `kind`: sealed-package, receipt, consent, consent-refusal, evidence-bundle, log-proof,
    log-directory or log-export. `facts` are proven only as far as `checked` goes.
    `checks`: for evidence, every single check whatever its outcome, and `timeline` the proven log entries by time.
    """

    kind: str
    path: str
    checked: tuple[str, ...]
    not_checked: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    checks: tuple[Check, ...] = ()
    timeline: tuple[Mapping[str, Any], ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong with what was checked."""
        return not self.findings

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {
            "kind": self.kind,
            "path": self.path,
            "sound": self.is_sound,
            "checked": list(self.checked),
            "not_checked": list(self.not_checked),
            "facts": dict(self.facts),
            "findings": [finding.to_json() for finding in self.findings],
            **({"checks": [check.to_json() for check in self.checks]} if self.checks else {}),
            **({"timeline": [dict(moment) for moment in self.timeline]} if self.timeline else {}),
        }


def nothing_seen(_originator: str, _package_id: str) -> None:
    """For who does not remember packages: no repetition is known."""


def open_package(path: Path, into: Path, home: Home, *, now: clock.Clock = clock.now) -> OpenedPackage:
    """Open a sealed package file: all eight steps, and then the parts as files in the new folder `into`.

    The folder appears whole, after the last check, or not at all. The originator's descriptor must be pinned in `home`.
    Replays are not detected (a file may be opened again), and no receipt is made. Raises AttacheError with the failed step.
    """
    with path.open("rb") as stream:
        package = read_package(stream, home, now=now, seen=nothing_seen)
        with open_parts(package, stream, into) as opened:
            folder = opened.publish()
    return OpenedPackage(package.manifest, package.manifest_sha256, package.envelope, folder)


def read_package(stream: BinaryIO, home: Home, *, now: clock.Clock, seen: Seen) -> VerifiedPackage:
    """Steps 1 to 6 of the package at the head of `stream`, which is left at the first part."""
    envelope = read_frame(stream)
    try:
        originator = home.descriptor_of(envelope.originator)
    except NotFound as error:
        error.step = Step.ADDRESS
        raise
    return open_manifest(envelope, keys=home.keys, me=home.me, originator=originator, now=now(), seen=seen)


def open_parts(package: VerifiedPackage, stream: BinaryIO, target: Path) -> QuarantineFolder:
    """Steps 7 and 8 of every part, into a quarantine that is not published yet. Surplus bytes are refused."""
    with QuarantineFolder(target) as folder:
        for index, part in enumerate(package.manifest.parts):
            with Quarantine(folder.path / plain_name(part.name)) as file:
                for chunk in package.open_part(index, _exactly(stream, part.ciphertext_bytes)):
                    file.feed(chunk)
                file.finish()
        # protocol E4
        _require_end(stream)
        return folder


def verify(
    path: Path,
    *,
    home: Home | None = None,
    descriptors: Mapping[str, Descriptor] | None = None,
    vkeys: Sequence[str] | None = None,
    now: clock.Clock = clock.now,
) -> Report:
    """Verify a sealed package, a receipt, a consent or its refusal, an evidence bundle, a log proof,
    an exported log directory, or a filtered export of a log with its `.manifest` beside it, by what it is.

    An evidence bundle needs the descriptors of originator and recipient, and of each participant whose log is in it; an export that of its maker.
    A sealed package is verified wholly where `home` is its recipient, and from outside otherwise. A receipt needs the
    recipient's descriptor, a proof or log the log's `vkeys`; a log directory's own `vkeys` file is taken where none are given,
    which proves the log consistent but not whose it is. Never raises for what the files hold; raises OSError.
    """
    known = {**(home.descriptors if home else {}), **(descriptors or {})}
    if path.is_dir():
        return _verify_log(path, vkeys)
    with path.open("rb") as stream:
        head = stream.read(len(_PROOF_MAGIC))
    if head.startswith(_PACKAGE_MAGIC):
        return _verify_package(path, home, now)
    if head.startswith(_PROOF_MAGIC):
        return _verify_proof(path, _read_small(path), vkeys or ())
    manifest = path.with_name(path.name + MANIFEST_SUFFIX)
    if manifest.is_file():
        return _verify_export(path, _read_small(manifest), known)
    return _verify_signed(path, known, home)


def _verify_signed(path: Path, known: Mapping[str, Descriptor], home: Home | None) -> Report:
    raw = _read_small(path)
    if path.suffix == SUFFIX or raw.startswith(_BUNDLE_MAGIC):
        return _verify_evidence(path, raw, {**known, **({home.me.participant: home.me} if home else {})})
    answer = next((each for each in ANSWERS if each.is_it(raw)), None)
    if answer is not None:
        return _verify_statement(path, lambda: answer.by_one_of(raw, known), answer.kind, ANSWER_NOT_CHECKED)
    not_checked = ("that it is about a package of yours", "its log proof and cosignature")
    return _verify_statement(path, lambda: _receipt_by_one_of(raw, known), "receipt", not_checked)


def _verify_evidence(path: Path, raw: bytes, descriptors: Mapping[str, Descriptor]) -> Report:
    found = verify_bundle(raw, descriptors.values())
    proven = sorted({check.step for check in found.checks if check.outcome is Outcome.PROVEN}, key=STEPS.index)
    not_checked = (
        "what the decision's rules mean",
        # exchange-log E8
        "that no further entry exists about the package: a whole log shows that",
    )
    return Report(
        "evidence-bundle",
        str(path),
        tuple(proven),
        not_checked,
        found.facts,
        found.findings,
        found.checks,
        found.timeline,
    )


def _verify_package(path: Path, home: Home | None, now: clock.Clock) -> Report:
    findings = Findings()
    with path.open("rb") as stream:
        envelope = _checked(findings, path, lambda: read_frame(stream))
        facts = {} if envelope is None else _outside(envelope)
        if home is not None and envelope is not None and envelope.recipient == home.me.participant:
            stream.seek(0)
            _checked(findings, path, lambda: _read_through(stream, home, now))
            return Report("sealed-package", str(path), tuple(Step), (), facts, tuple(findings.kept))
        if envelope is not None:
            _checked(findings, path, lambda: _require_roots(envelope, stream))
    checked = (Step.SHAPE.value, Step.BLOCKS.value)
    not_checked = ("originator, signatures and content: only the recipient's keys open the manifest",)
    return Report("sealed-package", str(path), checked, not_checked, facts, tuple(findings.kept))


def _outside(envelope: Envelope) -> dict[str, Any]:
    clear: dict[str, Any] = envelope.clear.model_dump(mode="json")
    return {**clear, "envelope_sha256": envelope.sha256}


def _read_through(stream: BinaryIO, home: Home, now: clock.Clock) -> None:
    """All eight steps, keeping nothing."""
    package = read_package(stream, home, now=now, seen=nothing_seen)
    for index, part in enumerate(package.manifest.parts):
        for _ in package.open_part(index, _exactly(stream, part.ciphertext_bytes)):
            pass
    _require_end(stream)


def _require_roots(envelope: Envelope, stream: BinaryIO) -> None:
    for number, part in enumerate(envelope.parts):
        tree = BlockTree()
        for block in _exactly(stream, part.ciphertext_bytes):
            tree.update(block)
        if tree.bytes != part.ciphertext_bytes:
            raise MalformedInput("malformed-package", f"ends within part {number}", step=Step.SHAPE)
        if root_of_blocks(tree.finish()) != part.ciphertext_root:
            raise NotAuthentic("block-mismatch", f"part {number} does not have the stated root", step=Step.BLOCKS)
    _require_end(stream)


def _verify_statement(path: Path, verified: Callable[[], Statement], kind: str, not_checked: tuple[str, ...]) -> Report:
    findings = Findings()
    stated = _checked(findings, path, verified)
    facts = {} if stated is None else stated.model_dump(mode="json", exclude_none=True)
    signer = "recipient" if kind == "receipt" else "originator"
    checked = (f"signature of the {signer} that it names", "its keys at that time")
    return Report(kind, str(path), checked, not_checked, facts, tuple(findings.kept))


def _receipt_by_one_of(raw: bytes, descriptors: Mapping[str, Descriptor]) -> Receipt:
    parse_statement(raw, RECEIPT)
    return by_one_of(descriptors, lambda descriptor: verify_receipt(raw, descriptor))


def _verify_proof(path: Path, raw: bytes, vkeys: Sequence[str]) -> Report:
    found = replace(verify_entry(raw, vkeys), kind="log-proof")
    not_checked = ("what the entry means", "how fresh the checkpoint is")
    return _report_of(found, path, not_checked)


def _verify_export(path: Path, signed: bytes, descriptors: Mapping[str, Descriptor]) -> Report:
    with path.open("rb") as stream:
        found = verify_export(iter(lambda: stream.read(BLOCK_BYTES), b""), signed, *descriptors.values())
    return _report_of(found, path, ("that no row is left out: a whole log shows that",))


def _report_of(found: EvidenceReport, path: Path, not_checked: tuple[str, ...]) -> Report:
    """Without facts where anything is wrong."""
    proven = tuple(check.step for check in found.checks if check.outcome is Outcome.PROVEN)
    facts = found.facts if found.is_sound else {}
    return Report(found.kind, str(path), proven, not_checked, facts, found.findings, found.checks)


def _verify_log(path: Path, vkeys: Sequence[str] | None) -> Report:
    keys = vkeys if vkeys is not None else _vkeys_beside(path)
    names = [str(each.relative_to(path)) for each in sorted(path.rglob("*")) if each.is_file()]
    report = verify_log_directory(
        lambda name: _read_below(path, name), keys, paths=[name for name in names if name != "vkeys"]
    )
    facts = {name: value for name, value in report.to_json().items() if name not in ("kind", "sound", "findings")}
    checked = ("signature of the checkpoint", "every entry and tile up to the signed root", "nothing else lies there")
    own_keys = () if vkeys is not None else ("whose log it is: the keys are the directory's own",)
    not_checked = (*own_keys, "what the entries mean", "how fresh the checkpoint is")
    return Report("log-directory", str(path), checked, not_checked, facts, report.findings)


def read_vkeys(text: str) -> tuple[str, ...]:
    """The verifier keys of a file, one a line; blank lines do not count."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _vkeys_beside(path: Path) -> tuple[str, ...]:
    file = path / "vkeys"
    return read_vkeys(_read_small(file).decode(errors="replace")) if file.is_file() else ()


def _read_below(folder: Path, name: str) -> bytes | None:
    file = folder / name
    return _read_small(file) if file.is_file() else None


def _read_small(path: Path) -> bytes:
    """The file's bytes; more than 64 MiB cannot be anything that is read whole here, and are cut off."""
    with path.open("rb") as file:
        return file.read(MAX_FILE_BYTES)


def _checked(findings: Findings, path: Path, check: Callable[[], T]) -> T | None:
    try:
        return check()
    except AttacheError as error:
        findings.add(str(error.step or "shape"), error.code, path.name, error.detail or error.title)
        return None


def _exactly(stream: BinaryIO, count: int) -> Iterator[bytes]:
    """The next `count` bytes in blocks, or fewer where the stream ends."""
    while count and (block := stream.read(min(count, BLOCK_BYTES))):
        count -= len(block)
        yield block


def _require_end(stream: BinaryIO) -> None:
    if stream.read(1):
        raise MalformedInput("malformed-package", "bytes after the last part", step=Step.SHAPE)
