"""Policy sets: proposing, activating and comparing them, and replaying a recorded decision. No I/O except reading a policy folder."""

from collections.abc import Mapping
from pathlib import Path

from attache.client.agency.base import path_of, post
from attache.client.call import Call, view_of, views_of, whole
from attache.errors import MalformedInput, PayloadTooLarge
from attache.wire.decisions import ReplayView
from attache.wire.policies import PolicyDiffView, PolicyFilesView, PolicySetView

COMPARING_SECONDS = 300.0
MAX_POLICY_FILES = 4000
MAX_POLICY_BYTES = 1 << 20
POLICY_SUFFIXES = frozenset({".cedar", ".cedarschema", ".yaml"})
POLICY_FOLDERS = ("partners", "cases")


def policy_files(folder: Path) -> dict[str, str]:
    """The files of a policy folder by their relative paths: rules, schemas, partners and cases, without other files such as texts.

    Raises MalformedInput if there are none, PayloadTooLarge beyond 4,000 files or 1 MiB in one of them.
    """
    paths = [
        path for parent in (folder, *(folder / name for name in POLICY_FOLDERS)) for path in sorted(parent.glob("*"))
    ]
    files = [path for path in paths if path.is_file() and path.suffix in POLICY_SUFFIXES]
    if not files:
        raise MalformedInput("malformed-request", f"{folder.name}: holds no policy files")
    if len(files) > MAX_POLICY_FILES or any(path.stat().st_size > MAX_POLICY_BYTES for path in files):
        raise PayloadTooLarge(detail=f"{folder.name}: too many policy files, or one that is too large")
    return {path.relative_to(folder).as_posix(): _text(path) for path in files}


def policies() -> Call[tuple[PolicySetView, ...]]:
    return Call("GET", path_of("policies"), whole(views_of(PolicySetView, "policies")))


def policy(policy_sha256: str) -> Call[PolicyFilesView]:
    return Call("GET", path_of("policies", policy_sha256), whole(view_of(PolicyFilesView)))


def propose_policy(files: Mapping[str, str], note: str, idempotency_key: str) -> Call[PolicySetView]:
    return post(["policies"], PolicySetView, idempotency_key, {"files": dict(files), "note": note})


def activate_policy(policy_sha256: str, note: str, idempotency_key: str) -> Call[PolicySetView]:
    return post(["policies", policy_sha256, "activation"], PolicySetView, idempotency_key, {"note": note})


def compare_policy(policy_sha256: str, against: str | None) -> Call[PolicyDiffView]:
    query = {} if against is None else {"against": against}
    path = path_of("policies", policy_sha256, "diff")
    return Call("GET", path, whole(view_of(PolicyDiffView)), query, patience_seconds=COMPARING_SECONDS)


def replay_decision(decision_id: str) -> Call[ReplayView]:
    return Call("GET", path_of("decisions", decision_id, "replay"), whole(view_of(ReplayView)))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise MalformedInput("malformed-request", f"{path.name}: not UTF-8") from None
