"""An exported log directory (C2SP tlog-tiles layout), verified as a whole and offline.

 1. checkpoint      it is a well-formed checkpoint
 2. signature       a key of the log signed it, and no line of a known key is wrong
 3. entry-bundle    every bundle exists and holds the entries that were logged
 4. tile            every tile exists and holds the hashes of the entries or tiles below it
 5. root            the entries hash to the signed root
 6. directory       there are no other files; older partial tiles are prefixes of their tiles

A finding at a step does not stop the later ones. Steps 3 to 6 need a checkpoint that can be parsed, even if no trusted key signed it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from attache.errors import AttacheError
from attache.evidence.report import Finding, Findings
from attache.evidence.tree import ReadFile, TreeCheck, verify_tree
from attache.translog.checkpoint import Checkpoint, parse_checkpoint_body, require_possible
from attache.translog.note import SignedNote, parse_note
from attache.translog.signing import open_parsed, own_keys, require_signed
from attache.translog.tiles import ENTRIES, Tile, format_bundle, parse_bundle, parse_tile_path, tile_width
from attache.translog.vkey import VerifierKey, parse_vkey

_CHECKPOINT = "checkpoint"


@dataclass(frozen=True)
class LogReport:
    """The result of the verification of a log directory. Trust `checkpoint` only if `is_sound`.

    `signed_by`: the vkeys whose signatures verified. `entries` and `tiles`: how many verified.
    """

    checkpoint: Checkpoint | None
    signed_by: tuple[str, ...]
    entries: int
    tiles: int
    findings: tuple[Finding, ...]

    @property
    def is_sound(self) -> bool:
        """Whether there are no findings."""
        return not self.findings

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        checkpoint = self.checkpoint
        return {
            "kind": "log-directory",
            "sound": self.is_sound,
            "origin": checkpoint.origin if checkpoint else None,
            "size": checkpoint.size if checkpoint else None,
            "root": checkpoint.root.hex() if checkpoint else None,
            "signed_by": list(self.signed_by),
            "entries_verified": self.entries,
            "tiles_verified": self.tiles,
            "findings": [finding.to_json() for finding in self.findings],
        }


def verify_log_directory(read: ReadFile, vkeys: Sequence[str], *, paths: Iterable[str] = ()) -> LogReport:
    """Verify an exported log. `vkeys`: the keys that are trusted, of the log itself and of witnesses.

    `paths`: all files of the directory except vkeys; without them, files that do not belong to the log are not found. Reads one file at a time.
    Stops after 1,000 findings. Never raises because of the files' content. Not checked: what the entries mean, and how fresh the checkpoint is.
    """
    findings = Findings()
    checkpoint, signed_by = _verify_checkpoint(read(_CHECKPOINT), vkeys, findings)
    tree = TreeCheck(0, 0)
    if checkpoint is not None:
        tree = verify_tree(read, checkpoint, findings)
        _verify_other_files(read, paths, checkpoint.size, findings)
    return LogReport(checkpoint, signed_by, tree.entries, tree.tiles, tuple(findings.kept))


def _verify_checkpoint(
    raw: bytes | None, vkeys: Sequence[str], findings: Findings
) -> tuple[Checkpoint | None, tuple[str, ...]]:
    """Steps 1 and 2."""
    if raw is None:
        findings.add("checkpoint", "malformed-log", _CHECKPOINT, "missing")
        return None, ()
    with findings.at("checkpoint", _CHECKPOINT):
        note = parse_note(raw)
        checkpoint = parse_checkpoint_body(note.text)
        require_possible(checkpoint)
        return checkpoint, _verify_signatures(note, checkpoint, _keys(vkeys, findings), findings)
    return None, ()


def _verify_signatures(
    note: SignedNote, checkpoint: Checkpoint, keys: Sequence[VerifierKey], findings: Findings
) -> tuple[str, ...]:
    with findings.at("signature", _CHECKPOINT):
        opened = open_parsed(note, checkpoint, keys)
        verified, own = opened.verified, own_keys(keys, checkpoint.origin)
        for key in own:
            with findings.at("signature", _CHECKPOINT):
                # exchange-log T10
                require_signed(opened, [key])
        if not own:
            findings.add(
                "signature", "unknown-key", _CHECKPOINT, f"no trusted key of {checkpoint.origin} signed the checkpoint"
            )
        return tuple(str(each.key) for each in verified)
    return ()


def _keys(vkeys: Sequence[str], findings: Findings) -> list[VerifierKey]:
    keys = []
    for number, text in enumerate(vkeys, 1):
        with findings.at("signature", f"vkey {number}"):
            keys.append(parse_vkey(text))
    return keys


def _verify_other_files(read: ReadFile, paths: Iterable[str], size: int, findings: Findings) -> None:
    """Step 6."""
    for path in paths:
        if path != _CHECKPOINT and not findings.is_full:
            with findings.at("directory", path):
                _verify_tile_file(read, parse_tile_path(path), size, findings)


def _verify_tile_file(read: ReadFile, tile: Tile, size: int, findings: Findings) -> None:
    width = tile_width(tile.level, tile.index, size)
    if tile.width > width:
        findings.add("directory", "malformed-log", tile.path, "beyond the size of the checkpoint")
    elif tile.width < width:
        partial, whole = read(tile.path), read(Tile(tile.level, tile.index, width).path)
        # exchange-log T3
        if partial is not None and whole is not None and partial != _prefix(whole, tile, width):
            findings.add("directory", "log-inconsistent", tile.path, "not a prefix of its tile")


def _prefix(whole: bytes, tile: Tile, width: int) -> bytes | None:
    """The first `tile.width` hashes or entries of a wider tile or bundle."""
    if tile.level != ENTRIES:
        return whole[: tile.width * 32]
    try:
        return format_bundle(parse_bundle(whole, Tile(ENTRIES, tile.index, width))[: tile.width])
    except AttacheError:
        return None
