"""Policy sets, and the replay of decisions."""

import os
from pathlib import Path

from attache.client.agency import policies as calls
from attache.client.retry import new_idempotency_key
from attache.client.sync.driver import Driver
from attache.wire.decisions import ReplayView
from attache.wire.policies import PolicyDiffView, PolicyFilesView, PolicySetView


class Policies:
    """Policy sets: one security officer proposes a set, another activates it, while the gateway runs."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def list(self) -> tuple[PolicySetView, ...]:
        """Every set that was ever proposed, the newest first; one is active."""
        return self._driver.exchange(calls.policies())

    def get(self, policy_sha256: str) -> PolicyFilesView:
        """One set with the text of its files."""
        return self._driver.exchange(calls.policy(policy_sha256))

    def propose(self, folder: str | os.PathLike[str], note: str) -> PolicySetView:
        """Propose the set in a folder, with its cases. The running set stays until another officer activates this one.

        Raises Misconfigured("policy-not-loaded") with file, line and rule of each mistake, MalformedInput("policy-case-fails").
        """
        files = calls.policy_files(Path(folder))
        return self._driver.exchange(calls.propose_policy(files, note, new_idempotency_key()))

    def activate(self, policy_sha256: str, note: str) -> PolicySetView:
        """Activate a set that another officer proposed; it applies from the next decision on."""
        return self._driver.exchange(calls.activate_policy(policy_sha256, note, new_idempotency_key()))

    def diff(self, policy_sha256: str, *, against: str | None = None) -> PolicyDiffView:
        """The changes of this set compared with `against`, or with the active set; each change with an example of a request.

        Raises AttacheError("analysis-unavailable") if the gateway has no solver.
        """
        return self._driver.exchange(calls.compare_policy(policy_sha256, against))

    def replay(self, decision_id: str) -> ReplayView:
        """Evaluate a recorded decision again. Raises IntegrityLost("replay-differs") if the result differs."""
        return self._driver.exchange(calls.replay_decision(decision_id))
