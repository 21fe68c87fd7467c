"""What the type checker refuses between use cases, store and log: mistakes that once passed it are planted, each beside what is right."""

import ast
import inspect
import json
import subprocess
import sys
from pathlib import Path
from types import NoneType
from typing import get_args, get_type_hints

import pytest

from gateway.exchange.kernel.records import RECORDS

REPOSITORY = Path(__file__).parents[2]
USE_CASES = REPOSITORY / "gateway" / "exchange"
STORE = REPOSITORY / "gateway" / "store"
RECORD_CLASSES = USE_CASES / "kernel" / "records"

GIVEN = """
from dataclasses import replace
from datetime import datetime

from attache.package.ids import PackageId, ParticipantId
from attache.participant import Descriptor
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.consignment import Consignment, OutgoingPackage, Statement
from gateway.exchange.kernel.outbox_row import outbox_row
from gateway.exchange.kernel.records import ArrivalRecord, IdempotencyRecord, OutboxKind, OutboxRecord, PackageRecord
from gateway.exchange.kernel.records import PartRecord, ReceiptRecord, ReleaseRecord
from gateway.exchange.kernel.sealed import MANIFEST, PACKAGE_FACTS
from gateway.exchange.kernel.state import ReleaseState
from gateway.exchange.kernel.work import Work
from gateway.exchange_log.events.approvals import ApprovalVoided
from gateway.exchange_log.events.base import ArrivalIds, ReleaseIds
from gateway.exchange_log.events.packages import PackageCollected, PackageDelivered
"""
SIGNATURE = (
    "(work: Work, agency: Agency, package: PackageRecord, release: ReleaseRecord, arrival: ArrivalRecord,"
    " outbox: OutboxRecord, descriptor: Descriptor, package_id: PackageId, recipient: ParticipantId,"
    " sent: ReleaseIds, came: ArrivalIds, now: datetime) -> None:"
)

PLANTED = {
    "a misspelt field in a change": (
        "work.put(release, replace(release, state=ReleaseState.AWAITING_APPROVAL))",
        "work.put(release, replace(release, stat=ReleaseState.AWAITING_APPROVAL))",
        "call-arg",
    ),
    "a text for an instant in a change": (
        "work.put(release, replace(release, changed_at=now))",
        "work.put(release, replace(release, changed_at='2026-12-01T09:00:00Z'))",
        "arg-type",
    ),
    "the parts of a key, swapped": (
        "work.get(ReleaseRecord.key(package_id, recipient))",
        "work.get(ReleaseRecord.key(recipient, package_id))",
        "arg-type",
    ),
    "the parts of a key that are both texts, in any order": (
        "work.get(IdempotencyRecord.key(caller='officer', idempotency_key='key'))",
        "work.get(IdempotencyRecord.key('key', 'officer'))",
        "call-arg",
    ),
    "a part of a key too few": (
        "work.get(PartRecord.key(package_id, 1))",
        "work.get(PartRecord.key(package_id))",
        "call-arg",
    ),
    "a key of another class of records": (
        "release_then: ReleaseRecord | None = work.get(ReleaseRecord.key(package_id, recipient))",
        "release_then: ReleaseRecord | None = work.get(PackageRecord.key(package_id))",
        "assignment",
    ),
    "a misspelt field in a search": (
        "work.find(PackageRecord.newest('', 50, submitter=None, digests={}))",
        "work.find(PackageRecord.newest('', 50, submiter=None, digests={}))",
        "call-arg",
    ),
    "a search that the class does not have": (
        "work.find(ReleaseRecord.of_package(package_id))",
        "work.find(ReleaseRecord.of_packages(package_id))",
        "attr-defined",
    ),
    "records found as those of another class": (
        "parts: list[PartRecord] = work.find(PartRecord.of_package(package_id))",
        "parts: list[PartRecord] = work.find(ReleaseRecord.of_package(package_id))",
        "arg-type",
    ),
    "something to add that is not a record": ("work.add(release)", "work.add(sent)", "arg-type"),
    "a misspelt field of an event": (
        "work.log(PackageCollected(about=sent, envelope_sha256='', bytes=1))",
        "work.log(PackageCollected(about=sent, envelope_sha='', bytes=1))",
        "call-arg",
    ),
    "a field of an event with another type": (
        "work.log(PackageCollected(about=sent, envelope_sha256='', bytes=1))",
        "work.log(PackageCollected(about=sent, envelope_sha256='', bytes='1'))",
        "arg-type",
    ),
    "a post that is only a text": (
        "work.log(ApprovalVoided(about=sent, decision_id='', post=agency.post))",
        "work.log(ApprovalVoided(about=sent, decision_id='', post=release.post))",
        "arg-type",
    ),
    "an event about the other side": (
        "work.log(PackageDelivered(about=sent, envelope_sha256='', manifest_sha256='', receipt_sha256=''))",
        "work.log(PackageDelivered(about=came, envelope_sha256='', manifest_sha256='', receipt_sha256=''))",
        "arg-type",
    ),
    "something logged that is not an event": (
        "work.log(ApprovalVoided(about=sent, decision_id='', post=agency.post))",
        "work.log({'code': 'approval.voided', 'decision_id': ''})",
        "arg-type",
    ),
    "a sealed field of another record": (
        "agency.open(PACKAGE_FACTS, package)",
        "agency.open(PACKAGE_FACTS, arrival)",
        "misc",
    ),
    "a sealed value as another type": (
        "manifest: bytes = agency.open(MANIFEST, release)",
        "manifest: str = agency.open(MANIFEST, release)",
        "assignment",
    ),
    "a value of another type to seal": (
        "agency.seal(MANIFEST, release, b'manifest')",
        "agency.seal(MANIFEST, release, 'manifest')",
        "misc",
    ),
    "a statement's bytes as text": (
        "Statement('/receipts', b'signed')",
        "Statement('/receipts', 'signed')",
        "arg-type",
    ),
    "a consignment of bare bytes": (
        "Consignment(outbox, 'https://host', descriptor, OutgoingPackage(b'frame', ()))",
        "Consignment(outbox, 'https://host', descriptor, b'frame')",
        "arg-type",
    ),
    "a kind of outbox row that is only a text": (
        "outbox_row(agency, OutboxKind.PACKAGE, recipient, recipient, package_id, now)",
        "outbox_row(agency, 'package', recipient, recipient, package_id, now)",
        "arg-type",
    ),
}


def function(name: str, lines: list[str]) -> str:
    return f"\n\ndef {name}{SIGNATURE}\n" + "".join(f"    {line}\n" for line in lines)


def test_each_planted_mistake_is_a_type_error_and_what_is_right_is_none(tmp_path):
    right, wrong, _ = zip(*PLANTED.values(), strict=True)
    planted = tmp_path / "planted_mistakes.py"
    planted.write_text(GIVEN + function("right", right) + function("wrong", wrong))
    options = ["--config-file", "pyproject.toml", "--output", "json"]
    told = subprocess.run(
        [sys.executable, "-m", "mypy", *options, str(planted)],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
    )
    assert told.stderr == ""
    lines = planted.read_text().splitlines()
    errors = [json.loads(line) for line in told.stdout.splitlines()]
    # By name: the answer may come out of mypy's cache, from another run in another folder.
    assert {Path(each["file"]).name for each in errors} == {planted.name}
    found = {(lines[each["line"] - 1].strip(), each["code"]) for each in errors}
    assert found == {(wrong, code) for _, wrong, code in PLANTED.values()}


def positional(method) -> list[object]:
    """The types of the parameters that a caller may give by their place, an optional one as the type that it may be."""
    hints = get_type_hints(method.__func__)
    placed = [each for each in inspect.signature(method).parameters.values() if each.kind is not each.KEYWORD_ONLY]
    return [
        next((each for each in get_args(hint) if each is not NoneType), hint)
        for hint in (hints[p.name] for p in placed)
    ]


SEARCHES = [
    pytest.param(getattr(kind, name), id=f"{kind.__name__}.{name}")
    for kind in RECORDS
    for name, each in vars(kind).items()
    if isinstance(each, classmethod)
]


@pytest.mark.parametrize("method", SEARCHES)
def test_parameters_of_the_same_type_are_given_by_name(method):
    types = positional(method)
    assert len(types) == len(set(types))


def modules(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def test_no_function_of_use_cases_and_store_takes_just_anything():
    open_ended = {"Any", "object"}
    found = [
        f"{path.relative_to(REPOSITORY)}:{each.lineno} {scope.name}"
        for path in modules(USE_CASES, STORE)
        for scope in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef)
        for each in (scope.args.vararg, scope.args.kwarg)
        if each is not None and each.annotation is not None and ast.unparse(each.annotation) in open_ended
    ]
    assert found == []


def test_only_the_classes_of_records_make_keys_and_searches():
    made = {
        f"{path.relative_to(REPOSITORY)}:{call.lineno}"
        for path in modules(USE_CASES)
        if RECORD_CLASSES not in path.parents
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func).partition("[")[0] in {"Key", "Query"}
    }
    assert made == set()
