"""The release decision: latency by size of the package and number of partners. Run with `python -m
benchmarks.decision [--quick]`.
"""

import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from attache.package.ids import PackageId, ParticipantId
from attache.vocabulary import ContentClass, CrimeType, Kind, Markings, Post, Purpose, Tlp
from gateway.policy import (
    FieldFacts,
    PartFacts,
    PolicySet,
    ReleaseRequest,
    decide,
    load_policy_set,
    read_policy_folder,
    what_if,
)

POLICIES = Path(__file__).parents[1] / "policies"
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
CLASSES = list(ContentClass)


def run(*, quick: bool = False) -> None:
    rounds = 200 if quick else 1_000
    print("release decision, one core; two rounds of questions to the engine, record included")
    for partners in (5, 100) if quick else (5, 100, 1_000):
        started = time.perf_counter()
        policy_set = load_policy_set(files_for(partners), own="irs-ci")
        print(f"  {partners} partners, loaded in {time.perf_counter() - started:.2f} s")
        for label, asked in packages().items():
            _measure(policy_set, label, asked, rounds)
    started = time.perf_counter()
    found = what_if(policy_set, packages()["3 parts, one held"], "part-1")
    print(f"  what-if: {found.questions} questions in {(time.perf_counter() - started) * 1e3:.0f} ms")


def files_for(partners: int) -> dict[str, str]:
    """The shipped set, grown with copies of Sydney under other names."""
    files = read_policy_folder(POLICIES)
    rules, facts = (files[f"partners/partner-sydney{suffix}"] for suffix in (".cedar", ".facts.yaml"))
    for number in range(partners - 5):
        name = f"copy{number}"
        for suffix, text in ((".cedar", rules), (".facts.yaml", facts)):
            renamed = text.replace("partner-sydney", f"partner-{name}").replace("SYDNEY-", f"{name.upper()}-")
            files[f"partners/partner-{name}{suffix}"] = renamed
    return files


def packages() -> dict[str, ReleaseRequest]:
    fields = tuple(FieldFacts(f"object-{n}", Markings(list(Tlp)[n % 3])) for n in range(1_000))
    held = _request(_parts(3), recipient="partner-bogota", legal_basis="BOGOTA-LEA")
    return {
        "1 part": _request(_parts(1)),
        "3 parts": _request(_parts(3)),
        "3 parts, one held": held,
        "10 parts, all different": _request(_parts(10)),
        "10 parts, 1000 fields": _request(
            tuple(replace(part, fields=fields[n::10]) for n, part in enumerate(_parts(10)))
        ),
    }


def _parts(count: int) -> tuple[PartFacts, ...]:
    return tuple(
        PartFacts(
            name=f"part-{n}",
            media_type="text/plain",
            sha256=f"{n:064x}",
            origin="irs-ci",
            markings=Markings((Tlp.GREEN, Tlp.AMBER, Tlp.CLEAR)[n % 3]),
            content_class=frozenset({CLASSES[9 + n % 5]}) if n < 5 else frozenset({CLASSES[n - 5], CLASSES[9]}),
        )
        for n in range(count)
    )


def _request(
    parts: tuple[PartFacts, ...], recipient: str = "partner-frankfurt", legal_basis: str = "FRANKFURT-LEA"
) -> ReleaseRequest:
    return ReleaseRequest(
        package_id=PackageId("01890000-0000-7000-8000-000000000001"),
        kind=Kind.INTELLIGENCE,
        purpose=Purpose.CRIMINAL_INVESTIGATION,
        recipient=ParticipantId(recipient),
        requester="officer-1",
        post=Post.WASHINGTON,
        parts=parts,
        content_digest="ab" * 32,
        now=NOW,
        legal_basis=legal_basis,
        crime_types=frozenset({CrimeType.MONEY_LAUNDERING, CrimeType.SANCTIONS_EVASION}),
    )


def _measure(policy_set: PolicySet, label: str, asked: ReleaseRequest, rounds: int) -> None:
    times, spent = [], []
    for _ in range(rounds):
        started, cpu = time.perf_counter(), time.thread_time()
        decide(policy_set, asked)
        times.append(time.perf_counter() - started)
        spent.append(time.thread_time() - cpu)
    print(f"    {label:<26} {_percentiles(times)}   cpu: {_percentiles(spent)}")


def _percentiles(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    p50, p99 = ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]
    return f"p50 {p50 * 1e3:6.2f} ms   p99 {p99 * 1e3:6.2f} ms"


if __name__ == "__main__":
    run(quick="--quick" in sys.argv)
