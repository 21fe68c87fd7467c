"""Policies, reviews, officers and consents for asyncio: the same surface as `attache.client.governing`."""

import os
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path

from attache.client import governance
from attache.client.driving import AsyncDriver, new_idempotency_key
from attache.wire.consents import ConsentRequestView, ConsentView
from attache.wire.decisions import ReplayView
from attache.wire.officers import OfficerView
from attache.wire.policies import PolicyDiffView, PolicyFilesView, PolicySetView
from attache.wire.reviews import ReviewView

COMPARING_SECONDS = 300.0


class AsyncPolicies:
    """Policy sets: proposed by one security officer, activated by another, while the gateway runs."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    async def list(self) -> tuple[PolicySetView, ...]:
        """Every set that was ever proposed, the newest first; one is active."""
        return await self._driver.exchange(governance.policies())

    async def get(self, policy_sha256: str) -> PolicyFilesView:
        """One set with the text of its files."""
        return await self._driver.exchange(governance.policy(policy_sha256))

    async def propose(self, folder: str | os.PathLike[str], note: str) -> PolicySetView:
        """Propose the set in a folder, with its cases. The running set stays until another officer activates this one.

        Raises Misconfigured("policy-not-loaded") with file, line and rule of everything wrong, MalformedInput("policy-case-fails").
        """
        files = governance.policy_files(Path(folder))
        return await self._driver.exchange(governance.propose_policy(files, note, new_idempotency_key()))

    async def activate(self, policy_sha256: str, note: str) -> PolicySetView:
        """Bring a set that another officer proposed into force, from the next decision on."""
        return await self._driver.exchange(governance.activate_policy(policy_sha256, note, new_idempotency_key()))

    async def diff(self, policy_sha256: str, *, against: str | None = None) -> PolicyDiffView:
        """What changes under this set, compared with the one in force or with `against`; each change with a request that shows it.

        Raises AttacheError("analysis-unavailable") where the gateway has no solver.
        """
        call = governance.compare_policy(policy_sha256, against, COMPARING_SECONDS)
        return await self._driver.exchange(call)

    async def replay(self, decision_id: str) -> ReplayView:
        """Make a decision on record again. Raises IntegrityLost("replay-differs") where it comes out otherwise."""
        return await self._driver.exchange(governance.replay_decision(decision_id))


class AsyncReviews:
    """Reviews of what went at once because of a threat to life."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    async def list(self, *, limit: int = governance.PAGE_SIZE) -> tuple[ReviewView, ...]:
        """Reviews still to be done at the caller's posts, the one due first being first."""
        return await self._driver.exchange(governance.reviews(limit))

    async def do(self, package_id: str, recipient: str, finding: str, note: str) -> ReviewView:
        """Record what the second officer found: `justified` or `not-justified`."""
        return await self._driver.exchange(
            governance.review(package_id, recipient, finding, note, new_idempotency_key())
        )


class AsyncOfficers:
    """Officers' standing: who may approve no more, whatever an access token says."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    async def list(self) -> tuple[OfficerView, ...]:
        """Officers whose standing was changed, by pseudonymous id, the latest change first."""
        return await self._driver.exchange(governance.officers())

    async def withdraw(self, officer: str, note: str, *, posts: Sequence[str] = ()) -> OfficerView:
        """Let an officer (the `sub` of access tokens) approve no more: for these posts, or, where none is named, at all."""
        return await self._driver.exchange(governance.withdraw_officer(officer, posts, note, new_idempotency_key()))

    async def reinstate(self, officer: str, note: str) -> OfficerView:
        """Let an officer approve again, as far as the access token says."""
        return await self._driver.exchange(governance.reinstate_officer(officer, note, new_idempotency_key()))


class AsyncConsents:
    """Consents to pass on what an originator supplied: asked for, given and refused."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    def list(self, *, after: str = "") -> AsyncIterator[ConsentView]:
        """Consents given and received, oldest first; further pages are fetched as they are wanted."""
        return self._driver.walk(governance.consents, after)

    async def get(self, consent_id: str) -> ConsentView:
        """One consent, with its signed statement."""
        return await self._driver.exchange(governance.consent(consent_id))

    def requests(self, *, after: str = "") -> AsyncIterator[ConsentRequestView]:
        """Requests for consent, ours and those opened here, oldest first."""
        return self._driver.walk(governance.consent_requests, after)

    async def request(self, holder: str, request_id: str) -> ConsentRequestView:
        """One request, and how it was answered."""
        return await self._driver.exchange(governance.consent_request(holder, request_id))

    async def ask(
        self,
        originator: str,
        package_id: str,
        part: str,
        *,
        recipient: str,
        purpose: str,
        legal_basis: str,
        reason: str,
        crime_types: Sequence[str] = (),
        markings: Sequence[str] = (),
        idempotency_key: str | None = None,
    ) -> ConsentRequestView:
        """Ask an originator: may we pass this part of its package on to `recipient`, for `purpose`?

        The request leaves as a package under `legal_basis`, the agreement with the originator; policy decides on it.
        """
        asked = {
            "originator": originator,
            "package_id": package_id,
            "part": part,
            "recipient": recipient,
            "purpose": purpose,
            "legal_basis": legal_basis,
            "reason": reason,
            "crime_types": tuple(crime_types),
            "markings": tuple(markings),
        }
        return await self._driver.exchange(governance.ask_consent(asked, idempotency_key or new_idempotency_key()))

    async def give(
        self,
        holder: str,
        request_id: str,
        until: datetime,
        note: str,
        *,
        part: str | None = None,
        recipient: str | None = None,
        purpose: str | None = None,
    ) -> ConsentView:
        """Consent to what a holder asked, until an instant. What it asked in words alone is to be said here."""
        terms = {"part": part, "recipient": recipient, "purpose": purpose}
        call = governance.give_consent(holder, request_id, until, note, terms, new_idempotency_key())
        return await self._driver.exchange(call)

    async def refuse(self, holder: str, request_id: str, reason: str) -> ConsentRequestView:
        """Refuse a request as a whole; the holder is told the reason, under a signature."""
        return await self._driver.exchange(governance.refuse_consent(holder, request_id, reason, new_idempotency_key()))
