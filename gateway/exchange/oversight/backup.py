"""Backup: a copy of the database that a gateway starts on, if nothing is committed after it."""

from pathlib import Path

from attache.clock import Clock
from attache.translog.checkpoint import parse_checkpoint_body
from attache.translog.note import parse_note
from gateway.exchange.kernel.ports import Store
from gateway.exchange.kernel.work import SYSTEM, commit
from gateway.exchange_log.events.gateway import BackupTaken

DATABASE = "gateway.sqlite3"
CHECKPOINT = "checkpoint"


async def take_backup(store: Store, folder: Path, clock: Clock) -> int:
    """Log that a backup is taken, then copy the database, that entry in it, to `folder`, with its checkpoint beside it.

    Returns the size of the log in the copy. The entry comes first: after the copy it would make the copy older than the
    checkpoint lock, and no gateway would start on it. Raises what the store raises where the copy cannot be made; then
    the entry stands all the same.
    """
    before = parse_checkpoint_body(parse_note(await store.read_log(lambda log: log.checkpoint)).text)
    taken = BackupTaken(size=before.size, root=before.root.hex())
    await commit(store, clock, SYSTEM, lambda work: work.log(taken))
    checkpoint = await store.read_log(lambda log: log.checkpoint)
    await store.copy_to(folder / DATABASE)
    (folder / CHECKPOINT).write_bytes(checkpoint)
    return parse_checkpoint_body(parse_note(checkpoint).text).size
