"""Requests that the tests start from; the shipped policies, loaded once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from attache.vocabulary import ContentClass, CrimeType, Kind, Markings, Post, Purpose
from gateway.policy import (
    ApprovalFacts,
    ConsentFacts,
    Decision,
    PartFacts,
    PolicySet,
    ReleaseRequest,
    load_policy_set,
    read_policy_folder,
    release_digest,
)

POLICIES = Path(__file__).parents[3] / "policies"
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
BASES = {
    "partner-sydney": "SYDNEY-LEA",
    "partner-singapore": "SINGAPORE-LEA",
    "partner-bogota": "BOGOTA-LEA",
    "partner-frankfurt": "FRANKFURT-LEA",
    "europol": "EUROPOL-AGREEMENT",
}


@cache
def shipped_files() -> dict[str, str]:
    return read_policy_folder(POLICIES)


@cache
def shipped() -> PolicySet:
    return load_policy_set(shipped_files(), own="irs-ci")


def with_edit(file: str, old: str, new: str) -> dict[str, str]:
    """The shipped files with one text replaced; the text must be there."""
    files = dict(shipped_files())
    assert old in files[file], f"{old!r} is not in {file}"
    return {**files, file: files[file].replace(old, new)}


def part(name: str = "note", *classes: ContentClass, markings: tuple[str, ...] = ("TLP:AMBER",), **facts) -> PartFacts:
    stated = {
        "media_type": "text/plain",
        "sha256": name.encode().hex().ljust(64, "0")[:64],
        "origin": "irs-ci",
        **facts,
    }
    return PartFacts(name, markings=Markings.parse(markings), content_class=frozenset(classes), **stated)


def request(recipient: str = "partner-frankfurt", *parts: PartFacts, **facts) -> ReleaseRequest:
    stated = {
        "package_id": "01890000-0000-7000-8000-000000000001",
        "kind": Kind.INTELLIGENCE,
        "purpose": Purpose.CRIMINAL_INVESTIGATION,
        "crime_types": frozenset({CrimeType.MONEY_LAUNDERING}),
        "legal_basis": BASES.get(recipient, ""),
        "requester": "officer-1",
        "post": Post.WASHINGTON,
        "content_digest": "ab" * 32,
        "now": NOW,
        **facts,
    }
    return ReleaseRequest(recipient=recipient, parts=parts or (part(),), **stated)


def approved(asked: ReleaseRequest, *officers: str, posts: tuple[Post, ...] = tuple(Post), **facts) -> ReleaseRequest:
    """The request with these officers' approvals of exactly it."""
    digest = release_digest(shipped(), asked)
    stated = {
        "posts": frozenset(posts),
        "may_approve": True,
        "digest": digest,
        "expires_at": NOW + timedelta(days=1),
        **facts,
    }
    return replace(asked, approvals=tuple(ApprovalFacts(officer, **stated) for officer in officers))


def consent(originator: str, asked: ReleaseRequest, **facts) -> ConsentFacts:
    stated = {
        "consent_id": "consent-1",
        "originator": originator,
        "recipient": asked.recipient,
        "purpose": asked.purpose,
        "content": asked.parts[0].sha256,
        "expires_at": NOW + timedelta(days=1),
        **facts,
    }
    return ConsentFacts(**stated)


def outcomes(decision: Decision) -> dict[str, str]:
    """Every unit's outcome by its name."""
    found = {one.name: str(one.outcome) for one in decision.parts}
    return found | {f"{one.name}#{unit.path}": str(unit.outcome) for one in decision.parts for unit in one.fields}


@cache
def load_frankfurt() -> PolicySet:
    """The example of the other side, whose only partner is irs-ci."""
    return load_policy_set(read_policy_folder(POLICIES / "examples" / "frankfurt"), own="partner-frankfurt")
