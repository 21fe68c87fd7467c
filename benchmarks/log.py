"""The exchange log without a database: appending, proving and verifying.
Run with `python -m benchmarks.log [--quick]`.
"""

import os
import statistics
import sys
import time

from attache.crypto.log_keys import Ed25519LogKey
from attache.evidence.directory import verify_log_directory
from attache.translog.merkle import leaf_hash, verify_inclusion
from attache.translog.proving import prove_consistency, prove_inclusion
from attache.translog.signing import open_checkpoint, signer_of
from attache.translog.tiles import Tile, TileHashes
from attache.translog.vkey import SignatureType
from gateway.exchange_log.batch import LogHead, empty_head, integrate
from gateway.exchange_log.export import export_log

ORIGIN = "bench.example/log"
SIGNER = signer_of(ORIGIN, SignatureType.ED25519, Ed25519LogKey(b"\1" * 32))
LEAF_BYTES = 500
BATCH = 256


class MemoryStore:
    """What a database would keep."""

    def __init__(self) -> None:
        self.head: LogHead = empty_head(ORIGIN, [SIGNER], 1)
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.entries: list[bytes] = []

    def append(self, leaves: list[bytes]) -> float:
        started = time.perf_counter()
        batch = integrate(self.head, leaves, [SIGNER], 1)
        for write in batch.tiles:
            self.tiles[write.tile.level, write.tile.index] = write.hashes
        self.entries += leaves
        self.head = batch.head
        return time.perf_counter() - started

    def read_tile(self, tile: Tile) -> bytes:
        return self.tiles[tile.level, tile.index][: 32 * tile.width]

    def read_entries(self, first: int, count: int) -> list[bytes]:
        return self.entries[first : first + count]


def run(*, quick: bool = False) -> None:
    size = 100_000 if quick else 1_000_000
    store = MemoryStore()
    padding = os.urandom(LEAF_BYTES - 8)
    print(f"exchange log, {size:,} entries of {LEAF_BYTES} bytes, one core, no database")
    times = _fill(store, size, padding)
    window = max(40, len(times) // 100)
    first, last = statistics.median(times[1 : window + 1]), statistics.median(times[-window:])
    print(f"  append in signed batches of {BATCH}: {size / sum(times):>10,.0f} entries/s")
    print(f"  batch cost, last over first:      {last / first:>10.2f}")
    _single_appends(store, padding)
    _proofs(store)
    _verification(store)


def _fill(store: MemoryStore, size: int, padding: bytes) -> list[float]:
    times = []
    for start in range(0, size, BATCH):
        leaves = [number.to_bytes(8, "big") + padding for number in range(start, min(size, start + BATCH))]
        times.append(store.append(leaves))
    return times


def _single_appends(store: MemoryStore, padding: bytes) -> None:
    young = MemoryStore()
    first = statistics.median(young.append([b"%d" % n + padding]) for n in range(1, 301))
    last = statistics.median(store.append([b"%d" % n + padding]) for n in range(300))
    print(
        f"  one entry, signed: {first * 1e6:.0f} us at the start, {last * 1e6:.0f} us at the end, "
        f"{last / first:.2f} times"
    )


def _proofs(store: MemoryStore) -> None:
    root = open_checkpoint(store.head.checkpoint, [SIGNER.verifier_key]).checkpoint.root
    size, made, checked = store.head.size, [], []
    for step in range(300):
        index = step * 7919 % size
        started = time.perf_counter()
        proof = prove_inclusion(index, size, TileHashes(size, store.read_tile))
        made.append(time.perf_counter() - started)
        started = time.perf_counter()
        verify_inclusion(leaf_hash(store.entries[index]), index, size, proof, root)
        checked.append(time.perf_counter() - started)
    print(
        f"  inclusion proof at {size:,}: made in {_p(made, 50):.0f} us (p99 {_p(made, 99):.0f}), "
        f"checked in {_p(checked, 50):.0f} us"
    )
    made = []
    for step in range(1, 300):
        started = time.perf_counter()
        prove_consistency(step * 331, size, TileHashes(size, store.read_tile))
        made.append(time.perf_counter() - started)
    print(f"  consistency proof: made in {_p(made, 50):.0f} us (p99 {_p(made, 99):.0f})")


def _verification(store: MemoryStore) -> None:
    files = dict(export_log(store.head.checkpoint, store.read_tile, store.read_entries))
    started = time.perf_counter()
    report = verify_log_directory(files.get, [str(SIGNER.verifier_key)])
    seconds = time.perf_counter() - started
    assert report.is_sound
    print(
        f"  full verification of {report.entries:,} entries: {seconds:.2f} s, {report.entries / seconds:,.0f} entries/s"
    )


def _p(values: list[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)] * 1e6


if __name__ == "__main__":
    run(quick="--quick" in sys.argv)
