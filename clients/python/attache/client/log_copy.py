"""A copy of a gateway's whole exchange log. The copy is not verified here; `attache.client.offline` does that."""

from pathlib import Path

from attache.client.agency.log import log_resource, log_text
from attache.client.call import Plan
from attache.client.quarantine import QuarantineFolder
from attache.translog.checkpoint import parse_checkpoint_body
from attache.translog.note import parse_note
from attache.translog.tiles import bundles_of, hash_tiles_of


def save_log(target: Path) -> Plan[Path]:
    """The log up to its newest checkpoint as a static C2SP directory. The file `vkeys` holds the keys that the gateway itself states."""
    checkpoint: str = yield log_text("checkpoint")
    with QuarantineFolder(target) as folder:
        _write(folder.path / "vkeys", (yield log_text("vkeys")).encode())
        _write(folder.path / "checkpoint", checkpoint.encode())
        size = parse_checkpoint_body(parse_note(checkpoint.encode()).text).size
        for tile in (*hash_tiles_of(size), *bundles_of(size)):
            _write(folder.path / tile.path, (yield log_resource(tile.path)))
        return folder.publish()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
