"""The shipped policies decide every hand-written case as written."""

from pathlib import Path

import pytest
from policy_requests import POLICIES, shipped

from attache.errors import Misconfigured
from gateway.policy import load_policy_set, read_policy_folder
from gateway.policy.cases import parse_cases, read_case_folder, run_cases

CASES = read_case_folder(POLICIES / "cases")
FRANKFURT = POLICIES / "examples" / "frankfurt"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case):
    assert run_cases(shipped(), [case]).failures == ()


def test_the_frankfurt_example_may_reply_to_irs_ci():
    frankfurt = load_policy_set(read_policy_folder(FRANKFURT), own="partner-frankfurt")
    assert list(frankfurt.shards) == ["irs-ci"]
    result = run_cases(frankfurt, read_case_folder(FRANKFURT / "cases"))
    assert result.count >= 2, result.render()
    assert result.failures == (), result.render()


WRONG = """
cases:
  - name: wrong-in-every-way
    says: it is not so
    recipients: {partner-frankfurt: FRANKFURT-LEA}
    request: {parts: {note: {}}}
    expect:
      outcome: deny
      units: {note: withhold, other: disclose}
      rules: {note: [BASE-6103]}
      hidden: [note]
      approvals: 1
      handling: {retention_days: 1, caveats: [], onward: parties}
  - name: no-error
    says: there is none
    recipients: {partner-frankfurt: FRANKFURT-LEA}
    request: {parts: {note: {}}}
    expect: {error: unknown-agreement}
  - name: an-error
    says: there is one
    recipients: {partner-frankfurt: BOGOTA-LEA}
    request: {parts: {note: {}}}
    expect: {outcome: release}
"""


def test_a_case_that_does_not_hold_says_every_difference():
    result = run_cases(shipped(), parse_cases(WRONG, "wrong.yaml"))
    first, second, third = result.failures
    assert [difference.split(":")[0] for difference in first.differences] == [
        "outcome",
        "note",
        "other",
        "note by",
        "hidden",
        "approvals",
        "retention_days",
        "caveats",
        "onward",
    ]
    assert "expected the error unknown-agreement" in second.differences[0]
    assert "unknown-agreement" in third.differences[0]
    assert result.render().endswith("3 cases, 3 do not hold")


@pytest.mark.parametrize(
    "text",
    [
        "cases: [{name: x}]",
        "cases: &a [*a]",
        "cases: [",
        WRONG.replace("outcome: deny", "outcom: deny"),
        WRONG.replace("approvals: 1", "approvals: 3"),
        WRONG.replace("withhold", "withheld"),
    ],
)
def test_a_case_file_with_a_typo_is_refused(text):
    with pytest.raises(Misconfigured) as caught:
        parse_cases(text, "typo.yaml")
    assert caught.value.code == "policy-not-loaded"
    assert caught.value.detail.startswith("typo.yaml")


def test_two_cases_of_one_name_are_refused(tmp_path: Path):
    (tmp_path / "a.yaml").write_text(WRONG)
    (tmp_path / "b.yaml").write_text(WRONG)
    with pytest.raises(Misconfigured, match="two cases are named"):
        read_case_folder(tmp_path)
