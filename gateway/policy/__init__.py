"""Policy decides which parts and fields of a package may be released to a recipient. The default is that nothing is
released.

    policy_set = load_policy_set(read_policy_folder(Path("policies")), own="irs-ci")
    decision = decide(policy_set, request)

`decide` is a pure function: the same policy set and request give the same record, byte for byte.
docs/policy.md describes the model, and how to write a policy.
"""

from gateway.policy.decide import decide
from gateway.policy.decision import (
    ApprovalsNeeded,
    Decision,
    FieldDecision,
    Handling,
    Outcome,
    PartDecision,
    UnitOutcome,
    without_hidden,
)
from gateway.policy.explain import Explanation, explain
from gateway.policy.policy_set import PolicySet, Shard, load_policy_set, read_policy_folder
from gateway.policy.proposal import release_digest
from gateway.policy.reading import ReaderFacts, ReadingDecision, ReceivedFacts, Use, UseDecision, decide_reading
from gateway.policy.replay import replay
from gateway.policy.request import ApprovalFacts, ConsentFacts, FieldFacts, PartFacts, ReleaseRequest
from gateway.policy.what_if import WhatIf, what_if

__all__ = [
    "ApprovalFacts",
    "ApprovalsNeeded",
    "ConsentFacts",
    "Decision",
    "Explanation",
    "FieldDecision",
    "FieldFacts",
    "Handling",
    "Outcome",
    "PartDecision",
    "PartFacts",
    "PolicySet",
    "ReaderFacts",
    "ReadingDecision",
    "ReceivedFacts",
    "ReleaseRequest",
    "Shard",
    "UnitOutcome",
    "Use",
    "UseDecision",
    "WhatIf",
    "decide",
    "decide_reading",
    "explain",
    "load_policy_set",
    "read_policy_folder",
    "release_digest",
    "replay",
    "what_if",
    "without_hidden",
]
