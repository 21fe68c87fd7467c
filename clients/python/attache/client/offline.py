"""Verifying files, offline. This module imports no network code."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from attache import clock
from attache.client.home import Home
from attache.client.opening import nothing_seen, read_exactly, read_package, require_end
from attache.consent import CONSENT, verify_consent
from attache.consent_refusal import REFUSAL, verify_refusal
from attache.errors import AttacheError, MalformedInput, NotAuthentic, NotFound
from attache.evidence.bundle import SUFFIX
from attache.evidence.directory import verify_log_directory
from attache.evidence.entry import verify_entry
from attache.evidence.export import SUFFIX as MANIFEST_SUFFIX
from attache.evidence.export import verify_export
from attache.evidence.report import Check, CheckOutcome, EvidenceReport, Finding, Findings
from attache.evidence.verifying import STEPS, verify_bundle
from attache.package import BLOCK_BYTES, BlockTree, Envelope, SignedType, Step, parse_statement, read_frame
from attache.package.blocks import root_of_blocks
from attache.package.values import Statement
from attache.participant import Descriptor
from attache.receipt import RECEIPT, verify_receipt

MAX_FILE_BYTES = 64 << 20
_PACKAGE_MAGIC = b"attache-package/"
_BUNDLE_MAGIC = b'{"bundle":'
_PROOF_MAGIC = b"c2sp.org/tlog-proof@"

T = TypeVar("T")


@dataclass(frozen=True)
class _StatementKind:
    """A kind of signed statement that a file may hold, who signs it, and how it is verified."""

    name: str
    type: SignedType
    verify: Callable[[bytes, Descriptor], Statement]
    signer: str
    not_checked: tuple[str, ...]

    def matches(self, raw: bytes) -> bool:
        """Whether `raw` is a well-formed statement of this kind. Does not verify its signatures."""
        try:
            parse_statement(raw, self.type)
        except AttacheError:
            return False
        return True

    def verify_by_one_of(self, raw: bytes, descriptors: Mapping[str, Descriptor]) -> Statement:
        """The verified statement. It names its signer only inside the signed payload, so each descriptor is tried."""
        parse_statement(raw, self.type)
        unknown: AttacheError = NotFound("unknown-partner", "no descriptors are known")
        for descriptor in descriptors.values():
            try:
                return self.verify(raw, descriptor)
            except AttacheError as error:
                if error.code != "unknown-key":
                    raise
                unknown = error
        raise unknown


_ANSWER_NOT_CHECKED = ("that it answers a request of yours", "that it has not expired")
_CONSENT = _StatementKind("consent", CONSENT, verify_consent, "originator", _ANSWER_NOT_CHECKED)
_REFUSAL = _StatementKind("consent-refusal", REFUSAL, verify_refusal, "originator", _ANSWER_NOT_CHECKED)
_RECEIPT = _StatementKind(
    "receipt",
    RECEIPT,
    verify_receipt,
    "recipient",
    ("that it is about a package of yours", "its log proof and cosignature"),
)


@dataclass(frozen=True)
class Report:
    """The result of a verification. `checked` and `not_checked` list what was verified and what was not.

    `kind`: sealed-package, receipt, consent, consent-refusal, evidence-bundle, log-proof,
    log-directory or log-export. Of `facts`, only what `checked` covers is proven.
    `checks`: for evidence, every single check with its outcome; `timeline`: the proven log entries by time.
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
        """Whether no check failed."""
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


def verify(
    path: Path,
    *,
    home: Home | None = None,
    descriptors: Mapping[str, Descriptor] | None = None,
    vkeys: Sequence[str] | None = None,
    now: clock.Clock = clock.now,
) -> Report:
    """Verify a sealed package, a receipt, a consent or its refusal, an evidence bundle, a log proof,
    an exported log directory, or a filtered export of a log with its `.manifest` beside it. The content decides which it is.

    An evidence bundle needs the descriptors of originator and recipient, and of each participant whose log is in it; an export that of its maker.
    A sealed package is verified in full if `home` is its recipient; otherwise only the envelope and the parts' roots. A receipt
    needs the recipient's descriptor; a proof or log needs the log's `vkeys`. Without them a log directory's own `vkeys` file is
    used, which proves that the log is consistent, but not whose it is. Never raises because of the files' content; raises OSError.
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
    return _verify_statement(
        path, raw, next((each for each in (_CONSENT, _REFUSAL) if each.matches(raw)), _RECEIPT), known
    )


def _verify_evidence(path: Path, raw: bytes, descriptors: Mapping[str, Descriptor]) -> Report:
    found = verify_bundle(raw, descriptors.values())
    proven = sorted({check.step for check in found.checks if check.outcome is CheckOutcome.PROVEN}, key=STEPS.index)
    not_checked = (
        "what the decision's rules mean",
        # exchange-log E8
        "that no further entry exists about the package: only the whole log can prove that",
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
        facts = {} if envelope is None else _clear_facts(envelope)
        if home is not None and envelope is not None and envelope.recipient == home.me.participant:
            stream.seek(0)
            _checked(findings, path, lambda: _read_through(stream, home, now))
            return Report("sealed-package", str(path), tuple(Step), (), facts, tuple(findings.kept))
        if envelope is not None:
            _checked(findings, path, lambda: _require_roots(envelope, stream))
    checked = (Step.SHAPE.value, Step.BLOCKS.value)
    not_checked = ("originator, signatures and content: only the recipient can open the manifest",)
    return Report("sealed-package", str(path), checked, not_checked, facts, tuple(findings.kept))


def _clear_facts(envelope: Envelope) -> dict[str, Any]:
    clear: dict[str, Any] = envelope.clear.model_dump(mode="json")
    return {**clear, "envelope_sha256": envelope.sha256}


def _read_through(stream: BinaryIO, home: Home, now: clock.Clock) -> None:
    """All eight steps; the content is discarded."""
    package = read_package(stream, home, now=now, seen=nothing_seen)
    for index, part in enumerate(package.manifest.parts):
        for _ in package.open_part(index, read_exactly(stream, part.ciphertext_bytes)):
            pass
    require_end(stream)


def _require_roots(envelope: Envelope, stream: BinaryIO) -> None:
    for number, part in enumerate(envelope.parts):
        tree = BlockTree()
        for block in read_exactly(stream, part.ciphertext_bytes):
            tree.update(block)
        if tree.bytes != part.ciphertext_bytes:
            raise MalformedInput("malformed-package", f"ends within part {number}", step=Step.SHAPE)
        if root_of_blocks(tree.finish()) != part.ciphertext_root:
            raise NotAuthentic("block-mismatch", f"part {number} does not have the stated root", step=Step.BLOCKS)
    require_end(stream)


def _verify_statement(path: Path, raw: bytes, kind: _StatementKind, descriptors: Mapping[str, Descriptor]) -> Report:
    findings = Findings()
    statement = _checked(findings, path, lambda: kind.verify_by_one_of(raw, descriptors))
    facts = {} if statement is None else statement.model_dump(mode="json", exclude_none=True)
    checked = (f"signature of the {kind.signer} that it names", "that the signer's keys were valid at that time")
    return Report(kind.name, str(path), checked, kind.not_checked, facts, tuple(findings.kept))


def _verify_proof(path: Path, raw: bytes, vkeys: Sequence[str]) -> Report:
    found = replace(verify_entry(raw, vkeys), kind="log-proof")
    not_checked = ("what the entry means", "how fresh the checkpoint is")
    return _report_of(found, path, not_checked)


def _verify_export(path: Path, signed: bytes, descriptors: Mapping[str, Descriptor]) -> Report:
    with path.open("rb") as stream:
        found = verify_export(iter(lambda: stream.read(BLOCK_BYTES), b""), signed, *descriptors.values())
    return _report_of(found, path, ("that no row is missing: only the whole log can prove that",))


def _report_of(found: EvidenceReport, path: Path, not_checked: tuple[str, ...]) -> Report:
    """The report about the file; without facts if a check failed."""
    proven = tuple(check.step for check in found.checks if check.outcome is CheckOutcome.PROVEN)
    facts = found.facts if found.is_sound else {}
    return Report(found.kind, str(path), proven, not_checked, facts, found.findings, found.checks)


def _verify_log(path: Path, vkeys: Sequence[str] | None) -> Report:
    keys = vkeys if vkeys is not None else _vkeys_beside(path)
    names = [str(each.relative_to(path)) for each in sorted(path.rglob("*")) if each.is_file()]
    report = verify_log_directory(
        lambda name: _read_below(path, name), keys, paths=[name for name in names if name != "vkeys"]
    )
    facts = {name: value for name, value in report.to_json().items() if name not in ("kind", "sound", "findings")}
    checked = (
        "signature of the checkpoint",
        "every entry and tile up to the signed root",
        "that there are no other files",
    )
    own_keys = () if vkeys is not None else ("whose log it is: the keys come from the directory itself",)
    not_checked = (*own_keys, "what the entries mean", "how fresh the checkpoint is")
    return Report("log-directory", str(path), checked, not_checked, facts, report.findings)


def read_vkeys(text: str) -> tuple[str, ...]:
    """The verifier keys in a file, one per line; blank lines are ignored."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _vkeys_beside(path: Path) -> tuple[str, ...]:
    file = path / "vkeys"
    return read_vkeys(_read_small(file).decode(errors="replace")) if file.is_file() else ()


def _read_below(folder: Path, name: str) -> bytes | None:
    file = folder / name
    return _read_small(file) if file.is_file() else None


def _read_small(path: Path) -> bytes:
    """The first 64 MiB of the file: every valid file that is read at once is smaller."""
    with path.open("rb") as file:
        return file.read(MAX_FILE_BYTES)


def _checked(findings: Findings, path: Path, check: Callable[[], T]) -> T | None:
    try:
        return check()
    except AttacheError as error:
        findings.add(str(error.step or "shape"), error.code, path.name, error.detail or error.title)
        return None
