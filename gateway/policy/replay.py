"""Replay: make a recorded decision again from its facts and policy files, and compare the records byte for byte."""

from collections.abc import Mapping

from attache import strict_json
from attache.errors import AttacheError, IntegrityLost, UnsupportedVersion
from gateway.policy.decide import decide
from gateway.policy.decision import Decision
from gateway.policy.engine import ENGINE
from gateway.policy.policy_set import load_policy_set
from gateway.policy.record import FORMAT, parse_request


def replay(record: bytes, files: Mapping[str, str]) -> Decision:
    """Make a recorded decision again, with the policy files that were in force at its time.

    Raises IntegrityLost("replay-differs") if a fact, a rule or the record was changed; the detail says what differs,
    without facts. Raises UnsupportedVersion if the record has another engine or format: replay it with the release
    that made it.
    """
    try:
        recorded = strict_json.parse_object(record)
        own, answer, facts = recorded["own"], recorded["decision"], recorded["request"]
        written_by = (recorded["format"], answer["engine"])
    except (AttacheError, KeyError, TypeError):
        raise IntegrityLost("replay-differs", "not a record of a decision", step="record") from None
    if written_by != (FORMAT, ENGINE):
        raise UnsupportedVersion("unsupported-version", f"decided by {str(written_by)[:100]}, this is {ENGINE}")
    policy_set = load_policy_set(files, own)
    if policy_set.hash != answer["policy_set_hash"]:
        raise IntegrityLost(
            "replay-differs", "these are not the policy files of the recorded decision", step="policy set"
        )
    try:
        again = decide(policy_set, parse_request(facts))
    except AttacheError as error:
        raise IntegrityLost(
            "replay-differs", f"the decision cannot be made again: {error.code}", step="decision"
        ) from None
    if again.record != record:
        raise IntegrityLost("replay-differs", "the new decision differs from the recorded one", step="decision")
    return again
