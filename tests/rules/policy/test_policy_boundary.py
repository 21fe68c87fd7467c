"""What the shipped rules mean at their boundaries is pinned. A change that is meant is pinned again, after its diff was read."""

import pytest
from policy_requests import shipped

pytest.importorskip("z3", reason="the boundary requests are made with z3-solver")

from policy_boundary import boundary_of, pinned

CASES = pinned()


def wrong(cases, policy_set):
    return [name for name, (example, allowed) in cases.items() if example.is_allowed(policy_set) is not allowed]


def test_every_tenth_boundary_request_keeps_its_answer():
    assert wrong(dict(list(CASES.items())[::10]), shipped()) == []


@pytest.mark.slow
def test_every_boundary_request_keeps_its_answer():
    assert wrong(CASES, shipped()) == []
    answers = [allowed for _, allowed in CASES.values()]
    assert min(answers.count(True), answers.count(False)) > 1_000


@pytest.mark.slow
def test_every_rule_has_its_boundary():
    made = {name for name, _ in boundary_of(shipped(), shipped().shards["partner-bogota"])}
    assert made == {name for name in CASES if name.startswith("partner-bogota ")}
