"""Sealing and opening: one large part against SHA-256 of the same bytes,
small packages against their bare cryptography.

`python -m benchmarks.seal_open [--quick]`. Every ratio is between numbers of one run.
Memory is measured in a process of its own.
"""

import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from attache.crypto import (
    Algorithm,
    PrivateKey,
    Suite,
    encrypt_content,
    generate_private_key,
    sha256,
    wrap,
)
from attache.package import (
    BLOCK_BYTES,
    ManifestFacts,
    ManifestPart,
    PartSealer,
    PartStatement,
    Release,
    SealedPart,
    encode_frame,
    open_manifest,
    open_part,
    parse_frame,
    seal,
    uuid7,
)
from attache.package.ids import PackageId, ParticipantId
from attache.vocabulary import Kind, Markings, Onward, Post, Purpose, Tlp, Urgency
from certs_example.exchange import make_exchange

MIB = 1 << 20
NOW = datetime(2026, 11, 22, 9, 0, 0, tzinfo=UTC)


def run(quick: bool = False) -> dict[str, Any]:
    """Measure and print; `quick` takes 128 MiB instead of 1 GiB, and fewer repetitions. Returns the numbers."""
    numbers = {
        **large_part(128 if quick else 1024),
        **{f"small-{suite}": small_package(suite, 30 if quick else 200) for suite in Suite},
        "peak_mib": peak_memory(256 if quick else 2048),
    }
    show(numbers)
    return numbers


def large_part(size_mib: int) -> dict[str, float]:
    """MiB/s and processor seconds a GiB of sealing and opening through a file, and of SHA-256 over the same bytes."""
    block = os.urandom(MIB)
    hashed = timed(lambda: hash_blocks(block, size_mib))
    with tempfile.TemporaryFile(dir=os.environ.get("TMPDIR")) as file:
        sealer = PartSealer()
        sealed_in = timed(lambda: seal_blocks(sealer, block, size_mib, file.write))
        part = finish(sealer, file.write)

        def open_it(hashes: bytes | None) -> None:
            file.seek(0)
            drain(open_part(statement_of(part), blocks_of(file), hashes))

        opened_in = timed(lambda: open_it(None))
        checked_in = timed(lambda: open_it(part.block_hashes))
    spent = {"sha256": hashed, "seal": sealed_in, "open": opened_in, "open_block_by_block": checked_in}
    speeds = {name: size_mib / wall for name, (wall, _) in spent.items()}
    return {
        "size_mib": size_mib,
        **speeds,
        **{f"{name}_cpu": cpu / size_mib * 1024 for name, (_, cpu) in spent.items()},
    }


def small_package(suite: Suite, count: int) -> dict[str, float]:
    """Milliseconds a package of 10 KB: all of sealing and opening, and the bare cryptography in it (the floor)."""
    with tempfile.TemporaryDirectory() as folder:
        exchange = make_exchange(Path(folder) / "exchange", now=NOW)
    originator, recipient = exchange["irs-ci"], exchange["partner-frankfurt"]
    content = os.urandom(10_000)

    def sealed() -> tuple[bytes, bytes]:
        sealer = PartSealer()
        head = sealer.update(content)
        rest, part = sealer.finish()
        facts = facts_of(part)
        envelope = seal(facts, keys=originator.keys, recipient=recipient.descriptor, sealed_at=NOW, suites=(suite,))
        return encode_frame(envelope), head + rest

    frame, ciphertext = sealed()

    def opened() -> None:
        package = open_manifest(
            parse_frame(frame),
            keys=recipient.keys,
            me=recipient.descriptor,
            originator=originator.descriptor,
            now=NOW,
            seen=lambda _originator, _package: None,
        )
        drain(package.open_part(0, [ciphertext]))

    seal_floor, open_floor = floors(suite, content)
    return {
        "seal_ms": per_call(sealed, count),
        "seal_floor_ms": per_call(seal_floor, count),
        "open_ms": per_call(opened, count),
        "open_floor_ms": per_call(open_floor, count),
    }


def floors(suite: Suite, content: bytes) -> tuple[Callable[[], object], Callable[[], object]]:
    """The primitives that a package of one part cannot do without, and nothing around them."""
    signers = [PrivateKey(a, generate_private_key(a).secret_bytes()) for a in (Algorithm.ES384, Algorithm.ML_DSA_87)]
    if suite is Suite.CLASSICAL_1:
        signers = signers[:1]
    recipient = generate_private_key(Algorithm.HPKE_10 if suite is Suite.HYBRID_1 else Algorithm.ECDH_P384)
    manifest, key, iv = os.urandom(1500), os.urandom(32), os.urandom(12)
    wrapped = wrap(key, recipient.public_key)
    signatures = [signer.sign(manifest) for signer in signers]

    def sealing() -> None:
        sha256(content)
        encrypt_content(key, content, b"", iv)
        for signer in signers:
            signer.sign(manifest)
        wrap(key, recipient.public_key)

    def opening() -> None:
        recipient.unwrap(wrapped)
        for signer, signature in zip(signers, signatures, strict=True):
            signer.public_key.verify(manifest, signature)
        sha256(content)
        encrypt_content(key, content, b"", iv)

    return sealing, opening


def facts_of(part: SealedPart) -> ManifestFacts:
    """Some manifest about one part."""
    return ManifestFacts(
        package_id=PackageId(uuid7(NOW)),
        kind=Kind.INTELLIGENCE,
        originator=ParticipantId("irs-ci"),
        post=Post.FRANKFURT,
        created_at=NOW,
        expires_at=NOW + timedelta(days=1),
        title="Benchmark",
        purpose=Purpose.CRIMINAL_INVESTIGATION,
        legal_basis="EXAMPLE",
        urgency=Urgency.ROUTINE,
        markings=("TLP:AMBER",),
        onward=Onward.NONE,
        release=Release(decision_id=uuid7(NOW), policy_set_hash="0" * 64),
        parts=(
            ManifestPart.of(part, name="bundle.json", media_type="application/json", markings=Markings(tlp=Tlp.AMBER)),
        ),
    )


def peak_memory(size_mib: int) -> float:
    """Peak resident MiB of a fresh process that seals a part to a file and opens it from there."""
    command = [sys.executable, "-m", "benchmarks.seal_open", "--memory", str(size_mib)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def through_a_file(size_mib: int) -> float:
    """Seal to a temporary file and open it again; the peak of this process, in MiB."""
    block = os.urandom(MIB)
    with tempfile.TemporaryFile() as file:
        sealer = PartSealer()
        seal_blocks(sealer, block, size_mib, file.write)
        part = finish(sealer, file.write)
        file.seek(0)
        drain(open_part(statement_of(part), blocks_of(file)))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def hash_blocks(block: bytes, count: int) -> None:
    digest = hashlib.sha256()
    for _ in range(count):
        digest.update(block)


def seal_blocks(sealer: PartSealer, block: bytes, count: int, write: Callable[[bytes], object]) -> None:
    for _ in range(count):
        write(sealer.update(block))


def finish(sealer: PartSealer, write: Callable[[bytes], object]) -> SealedPart:
    rest, part = sealer.finish()
    write(rest)
    return part


def statement_of(part: SealedPart) -> PartStatement:
    return PartStatement(part.key, part.bytes, part.sha256, part.ciphertext_bytes, part.ciphertext_root)


def blocks_of(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(BLOCK_BYTES), b"")


def drain(chunks: Iterator[bytes]) -> None:
    for _ in chunks:
        pass


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the clock, and of processor time over all threads."""
    start, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - used


def per_call(work: Callable[[], object], count: int) -> float:
    """Milliseconds of processor time a call: the best of three rounds, which noise of the machine only makes longer."""
    work()
    return min(timed(lambda: [work() for _ in range(count)])[1] for _ in range(3)) / count * 1000


def show(numbers: dict[str, Any]) -> None:
    base = numbers["sha256"]
    print(f"One part of {numbers['size_mib']:.0f} MiB, through a file, against single-core SHA-256 of the same bytes")
    for name in ("sha256", "seal", "open", "open_block_by_block"):
        speed, cpu = numbers[name], numbers[f"{name}_cpu"]
        print(
            f"  {name.replace('_', ' '):<22}{speed:8.0f} MiB/s {speed / base:6.0%}   "
            f"{cpu:5.2f} s of processor time a GiB"
        )
    print("A package of one part of 10 KB, processor time, against the bare cryptography of the same")
    for suite in Suite:
        small = numbers[f"small-{suite}"]
        for name in ("seal", "open"):
            whole, floor = small[f"{name}_ms"], small[f"{name}_floor_ms"]
            print(f"  {suite:<14}{name:<8}{whole:8.2f} ms   floor {floor:5.2f} ms   {whole / floor:5.2f}x")
    print(f"Peak memory, sealing and opening a large part through a file: {numbers['peak_mib']:.0f} MiB")


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--memory"]:
        print(through_a_file(int(arguments[1])))
    else:
        run(quick="--quick" in arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
