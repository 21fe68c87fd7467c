"""Policies, reviews, officers and consents: what the agency API answers, and every request for it. No I/O but reading a folder."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from attache.client.agency import path_of
from attache.client.call import Call, Page, json_body, page_of, view_of, views_of, whole
from attache.errors import MalformedInput, PayloadTooLarge
from attache.package.instants import instant_text
from attache.wire.consents import ConsentRequestView, ConsentView
from attache.wire.decisions import ReplayView
from attache.wire.officers import OfficerView
from attache.wire.policies import PolicyDiffView, PolicyFilesView, PolicySetView
from attache.wire.reviews import ReviewView

PAGE_SIZE = 100
MAX_POLICY_FILES = 4000
MAX_POLICY_BYTES = 1 << 20
POLICY_SUFFIXES = frozenset({".cedar", ".cedarschema", ".yaml"})
POLICY_FOLDERS = ("partners", "cases")


def policy_files(folder: Path) -> dict[str, str]:
    """The files of a policy folder by their paths in it: rules, schemas, partners and cases; prose and examples are left out.

    Raises MalformedInput where there is none, PayloadTooLarge beyond 4,000 files or 1 MiB in one of them.
    """
    paths = [
        path for place in (folder, *(folder / name for name in POLICY_FOLDERS)) for path in sorted(place.glob("*"))
    ]
    wanted = [path for path in paths if path.is_file() and path.suffix in POLICY_SUFFIXES]
    if not wanted:
        raise MalformedInput("malformed-request", f"{folder.name}: holds no policy files")
    if len(wanted) > MAX_POLICY_FILES or any(path.stat().st_size > MAX_POLICY_BYTES for path in wanted):
        raise PayloadTooLarge(detail=f"{folder.name}: too many policy files, or too large a one")
    return {path.relative_to(folder).as_posix(): _text(path) for path in wanted}


def policies() -> Call[tuple[PolicySetView, ...]]:
    return Call("GET", path_of("policies"), whole(views_of(PolicySetView, "policies")))


def policy(policy_sha256: str) -> Call[PolicyFilesView]:
    return Call("GET", path_of("policies", policy_sha256), whole(view_of(PolicyFilesView)))


def propose_policy(files: Mapping[str, str], note: str, key: str) -> Call[PolicySetView]:
    return _post(("policies",), PolicySetView, {"files": dict(files), "note": note}, key)


def activate_policy(policy_sha256: str, note: str, key: str) -> Call[PolicySetView]:
    return _post(("policies", policy_sha256, "activation"), PolicySetView, {"note": note}, key)


def compare_policy(policy_sha256: str, against: str | None, patience_seconds: float) -> Call[PolicyDiffView]:
    query = {} if against is None else {"against": against}
    path = path_of("policies", policy_sha256, "diff")
    return Call("GET", path, whole(view_of(PolicyDiffView)), query, patience_seconds=patience_seconds)


def replay_decision(decision_id: str) -> Call[ReplayView]:
    return Call("GET", path_of("decisions", decision_id, "replay"), whole(view_of(ReplayView)))


def reviews(limit: int) -> Call[tuple[ReviewView, ...]]:
    return Call("GET", path_of("reviews"), whole(views_of(ReviewView, "reviews")), {"limit": str(limit)})


def review(package_id: str, recipient: str, finding: str, note: str, key: str) -> Call[ReviewView]:
    return _post(("reviews", package_id, recipient), ReviewView, {"finding": finding, "note": note}, key)


def officers() -> Call[tuple[OfficerView, ...]]:
    return Call("GET", path_of("officers"), whole(views_of(OfficerView, "officers")))


def withdraw_officer(officer: str, posts: Sequence[str], note: str, key: str) -> Call[OfficerView]:
    body = {"officer": officer, "posts": list(posts), "note": note}
    return _post(("officers", "withdrawal"), OfficerView, body, key)


def reinstate_officer(officer: str, note: str, key: str) -> Call[OfficerView]:
    return _post(("officers", "reinstatement"), OfficerView, {"officer": officer, "note": note}, key)


def consents(after: str) -> Call[Page[ConsentView]]:
    return Call("GET", path_of("consents"), whole(page_of(ConsentView, "consents")), _paging(after))


def consent(consent_id: str) -> Call[ConsentView]:
    return Call("GET", path_of("consents", consent_id), whole(view_of(ConsentView)))


def consent_requests(after: str) -> Call[Page[ConsentRequestView]]:
    path = path_of("consents", "requests")
    return Call("GET", path, whole(page_of(ConsentRequestView, "requests")), _paging(after))


def consent_request(holder: str, request_id: str) -> Call[ConsentRequestView]:
    return Call("GET", path_of("consents", "requests", holder, request_id), whole(view_of(ConsentRequestView)))


def ask_consent(asked: Mapping[str, Any], key: str) -> Call[ConsentRequestView]:
    body = {name: list(value) if isinstance(value, tuple) else value for name, value in asked.items() if value}
    return _post(("consents", "requests"), ConsentRequestView, body, key)


def give_consent(
    holder: str, request_id: str, until: datetime, note: str, terms: Mapping[str, str | None], key: str
) -> Call[ConsentView]:
    body = {"holder": holder, "request_id": request_id, "expires_at": instant_text(until), "note": note}
    return _post(("consents",), ConsentView, body | {name: value for name, value in terms.items() if value}, key)


def refuse_consent(holder: str, request_id: str, reason: str, key: str) -> Call[ConsentRequestView]:
    body = {"holder": holder, "request_id": request_id, "reason": reason}
    return _post(("consents", "refusals"), ConsentRequestView, body, key)


def _post(segments: Sequence[str], model: type[Any], body: Mapping[str, Any], key: str) -> Call[Any]:
    headers = {"Idempotency-Key": key}
    return Call("POST", path_of(*segments), whole(view_of(model)), headers=headers, body=json_body(body))


def _paging(after: str) -> dict[str, str]:
    return {"limit": str(PAGE_SIZE), **({"after": after} if after else {})}


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise MalformedInput("malformed-request", f"{path.name}: not UTF-8") from None
