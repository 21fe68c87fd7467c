"""Activate: a policy set is proposed by one officer and activated by another, while the gateway runs.

A proposed set has loaded, and its cases hold. What does not load changes nothing: the running set stays, and the log
says what was refused.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from attache.errors import AttacheError, Conflict, IllegalTransition, MalformedInput, Misconfigured, NotPermitted
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.logged import SYSTEM, entry
from gateway.exchange.kernel.policy_sets import active_set, file_digests, keep_files, policy_set_of, stored_files
from gateway.exchange.kernel.ports import Reader, Store, Transaction
from gateway.exchange.kernel.records import PolicySetRecord, PolicySetState
from gateway.exchange_log import Entry
from gateway.exchange_log.events.policies import PolicyActivated, PolicyProposed, PolicyRefused
from gateway.identity.caller import Caller
from gateway.policy import PolicySet, load_policy_set
from gateway.policy.cases import parse_cases, run_cases
from gateway.policy.policy_set import policy_set_hash

CASES = "cases/"
MAX_FILES = 4000
MAX_NOTE = 500


@dataclass(frozen=True)
class Officer:
    """Who acts: the pseudonymous id that records carry, and what the log is told."""

    officer: str
    by: Caller | str


@dataclass(frozen=True)
class LoadedSet:
    """A set that has loaded, and how many of its cases hold: all of them."""

    policy: PolicySet
    cases: int


def load_proposal(files: Mapping[str, str], own: str) -> LoadedSet:
    """The policy set and cases (below `cases/`) in these files.

    Raises Misconfigured("policy-not-loaded") naming file, line and rule, MalformedInput("policy-case-fails") naming
    each case that does not hold, and PayloadTooLarge.
    """
    if len(files) > MAX_FILES:
        raise MalformedInput(detail=f"a policy set has at most {MAX_FILES} files")
    rules = {name: text for name, text in files.items() if not name.startswith(CASES)}
    policy = load_policy_set(rules, own)
    cases = [case for name, text in sorted(files.items()) if name.startswith(CASES) for case in parse_cases(text, name)]
    result = run_cases(policy, cases)
    if result.failures:
        raise MalformedInput("policy-case-fails", result.render())
    return LoadedSet(policy, result.count)


async def propose_policies(agency: Agency, caller: Caller, files: Mapping[str, str], note: str) -> PolicySetRecord:
    """Propose a set for activation by another officer. Raises as `load_proposal` does; the refusal is logged."""
    try:
        loaded = await asyncio.to_thread(load_proposal, files, agency.participant)
    except AttacheError as error:
        entry = refusal(agency.participant, files, error, agency.clock(), caller)
        await agency.store.write(lambda tx: tx.log(entry))
        raise
    officer = Officer(agency.officer(caller), caller)
    return await agency.store.write(lambda tx: propose(tx, loaded, officer, agency.clock(), note))


async def activate_policies(agency: Agency, caller: Caller, policy_sha256: str, note: str) -> PolicySetRecord:
    """Bring a proposed set into force, from the next decision on.

    Raises NotFound, NotPermitted("own-submission") for the officer who proposed it, IllegalTransition where it is not
    proposed, and Misconfigured or IntegrityLost where its files on record no longer make it; then nothing changes.
    """
    officer = Officer(agency.officer(caller), caller)
    files = await agency.store.read(lambda reader: _activatable(reader, policy_sha256, officer))
    try:
        policy = await asyncio.to_thread(_loaded_again, files, agency.participant, policy_sha256)
    except AttacheError as error:
        entry = refusal(agency.participant, files, error, agency.clock(), caller)
        await agency.store.write(lambda tx: tx.log(entry))
        raise
    async with agency.in_force.reloading:
        record = await agency.store.write(lambda tx: activate(tx, policy_sha256, officer, agency.clock(), note))
        agency.in_force.policy = policy
    return record


async def list_policies(agency: Agency) -> list[PolicySetRecord]:
    """Every set on record, the newest proposal first."""
    found = await agency.store.read(lambda reader: reader.find(PolicySetRecord.every()))
    return sorted(found, key=lambda record: record.proposed_at, reverse=True)


async def policy_files(agency: Agency, policy_sha256: str) -> tuple[PolicySetRecord, dict[str, str]]:
    """One set with its files; raises NotFound."""

    def query(reader: Reader) -> tuple[PolicySetRecord, dict[str, str]]:
        record = policy_set_of(reader, policy_sha256)
        return record, stored_files(reader, record)

    return await agency.store.read(query)


def propose(tx: Transaction, loaded: LoadedSet, officer: Officer, now: datetime, note: str) -> PolicySetRecord:
    """Put a set on record as proposed. One that waits already stays as it is; the one in force is a Conflict."""
    policy = loaded.policy
    before = tx.get(PolicySetRecord.key(policy.hash))
    if before is not None and before.state is PolicySetState.ACTIVE:
        raise Conflict(detail="this policy set is in force")
    if before is not None and before.state is PolicySetState.PROPOSED:
        return before
    keep_files(tx, policy.files)
    proposed = PolicyProposed(policy_sha256=policy.hash, cases=loaded.cases, note=note)
    tx.log(entry(proposed, at=now, by=officer.by))
    if before is not None:
        return tx.put(
            before,
            replace(
                before, state=PolicySetState.PROPOSED, cases=loaded.cases, proposed_by=officer.officer, proposed_at=now
            ),
        )
    record = PolicySetRecord(
        policy.hash, PolicySetState.PROPOSED, file_digests(policy.files), loaded.cases, officer.officer, now
    )
    tx.add(record)
    return record


def activate(tx: Transaction, policy_sha256: str, officer: Officer, now: datetime, note: str) -> PolicySetRecord:
    """Retire the set in force, and put this proposed one in its place."""
    record = policy_set_of(tx, policy_sha256)
    _require_activatable(record, officer)
    return _put_in_force(tx, record, officer, now, note)


def begin_policies(tx: Transaction, loaded: LoadedSet, now: datetime) -> PolicySetRecord:
    """The first set, which comes with the installation; one already in force stays."""
    before = active_set(tx)
    if before is not None:
        return before
    keep_files(tx, loaded.policy.files)
    record = PolicySetRecord(
        loaded.policy.hash, PolicySetState.PROPOSED, file_digests(loaded.policy.files), loaded.cases, SYSTEM, now
    )
    tx.add(record)
    return _put_in_force(tx, record, Officer(SYSTEM, SYSTEM), now, "installed")


async def load_policies_in_force(store: Store, folder: Mapping[str, str], own: str, now: datetime) -> PolicySet:
    """The set in force, from the files on record.

    `folder` is what the policy folder holds, and never decides by itself: it is the set in force, or one that officers
    know of (proposed, or retired by a later activation). Anything else was put there without them, and refuses the start:
    Misconfigured("policy-not-activated"), logged. IntegrityLost where the files on record are not those of then.
    """
    active, files = await store.read(_active_files)
    if folder != files and not await store.read(lambda reader: _is_known(reader, folder)):
        error = Misconfigured("policy-not-activated")
        await store.write(lambda tx: tx.log(refusal(own, folder, error, now, SYSTEM)))
        raise error
    policy = await asyncio.to_thread(load_policy_set, files, own)
    if policy.hash != active.policy_sha256:
        # The same files under a new engine: a new set, which came with the installed version.
        await store.write(lambda tx: _under_new_engine(tx, active, policy, now))
    return policy


def refusal(own: str, files: Mapping[str, str], error: AttacheError, now: datetime, by: Caller | str) -> Entry:
    """The entry that says which set was refused, and why."""
    rules = {name: text for name, text in files.items() if not name.startswith(CASES)}
    refused = PolicyRefused(policy_sha256=policy_set_hash(own, rules), code=error.code, note=str(error)[:MAX_NOTE])
    return entry(refused, at=now, by=by)


def _put_in_force(
    tx: Transaction, record: PolicySetRecord, officer: Officer, now: datetime, note: str
) -> PolicySetRecord:
    before = active_set(tx)
    if before is not None:
        tx.put(before, replace(before, state=PolicySetState.RETIRED))
    activated = PolicyActivated(
        policy_sha256=record.policy_sha256,
        previous_sha256=None if before is None else before.policy_sha256,
        cases=record.cases,
        note=note,
    )
    tx.log(entry(activated, at=now, by=officer.by))
    return tx.put(record, replace(record, state=PolicySetState.ACTIVE, activated_by=officer.officer, activated_at=now))


def _under_new_engine(tx: Transaction, active: PolicySetRecord, policy: PolicySet, now: datetime) -> None:
    record = PolicySetRecord(policy.hash, PolicySetState.PROPOSED, active.files, active.cases, SYSTEM, now)
    known = tx.get(PolicySetRecord.key(policy.hash))
    if known is None:
        tx.add(record)
    _put_in_force(tx, known or record, Officer(SYSTEM, SYSTEM), now, "another engine")


def _active_files(reader: Reader) -> tuple[PolicySetRecord, dict[str, str]]:
    active = active_set(reader)
    if active is None:
        raise Misconfigured(detail="no policy set is in force: run `attache-gateway init`")
    return active, stored_files(reader, active)


def _is_known(reader: Reader, folder: Mapping[str, str]) -> bool:
    digests = json.loads(file_digests(folder))
    return any(json.loads(record.files) == digests for record in reader.find(PolicySetRecord.every()))


def _activatable(reader: Reader, policy_sha256: str, officer: Officer) -> dict[str, str]:
    record = policy_set_of(reader, policy_sha256)
    _require_activatable(record, officer)
    return stored_files(reader, record)


def _require_activatable(record: PolicySetRecord, officer: Officer) -> None:
    if record.state is not PolicySetState.PROPOSED:
        raise IllegalTransition(detail=f"the policy set is {record.state}")
    if record.proposed_by == officer.officer:
        raise NotPermitted("own-submission", "another officer activates what one has proposed")


def _loaded_again(files: Mapping[str, str], own: str, policy_sha256: str) -> PolicySet:
    policy = load_policy_set(files, own)
    if policy.hash != policy_sha256:
        raise Misconfigured("policy-not-loaded", "another engine than the one it was proposed under: propose it again")
    return policy
