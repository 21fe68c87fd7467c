"""Any text at all in a policy file is a policy file or one clear problem."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policy_requests import shipped_files

from attache.errors import Misconfigured
from gateway.policy import load_policy_set
from gateway.policy.cases import parse_cases
from gateway.policy.facts import parse_facts
from gateway.policy.rules import parse_rules

RULES = shipped_files()["partners/partner-bogota.cedar"]
FACTS = shipped_files()["partners/partner-bogota.facts.yaml"]
CASES = "cases: [{name: a, says: b, recipients: {europol: X}, request: {parts: {n: {}}}, expect: {outcome: deny}}]"
pieces = st.sampled_from(
    [
        "{",
        "}",
        '"',
        ";",
        "//",
        "\\",
        "@id",
        "(",
        "when",
        ": ",
        "- ",
        "[",
        "&a ",
        "*a",
        "!!x ",
        "\n",
        "\t",
        "\0",
        "0x",
        "9" * 5000,
        "2026-99-99",
        "é",
    ]
)


@st.composite
def damaged(draw, text):
    """The text with a piece cut out of it and another put in."""
    start = draw(st.integers(0, len(text)))
    return text[:start] + draw(pieces | st.text(max_size=8)) + text[start + draw(st.integers(0, 40)) :]


def is_clear(parse, text, name):
    try:
        parse(text, name)
    except Misconfigured as error:
        assert error.code == "policy-not-loaded"
        assert error.detail.startswith(name)


@settings(max_examples=120, deadline=None)
@given(damaged(RULES) | st.text(max_size=80))
def test_rules(text):
    is_clear(parse_rules, text, "x.cedar")


@settings(max_examples=120, deadline=None)
@given(damaged(FACTS) | st.text(max_size=80))
def test_facts(text):
    is_clear(parse_facts, text, "x.facts.yaml")


@settings(max_examples=120, deadline=None)
@given(damaged(CASES) | st.text(max_size=80))
def test_cases(text):
    is_clear(parse_cases, text, "x.yaml")


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(
        sorted(name for name in shipped_files() if "reading" in name or "schema" in name or "bogota" in name)
    ),
    st.data(),
)
def test_a_whole_set(name, data):
    kept = {one: text for one, text in shipped_files().items() if not one.startswith("partners/") or "bogota" in one}
    files = {**kept, name: data.draw(damaged(kept[name]))}
    try:
        load_policy_set(files, own="irs-ci")
    except Misconfigured as error:
        assert error.code == "policy-not-loaded"


@pytest.mark.parametrize("text", ["a: &x 1", "a: 1\na: 2", "{" * 3000, "? [a]\n: b", "2026-99-99", "9" * 5000])
def test_odd_yaml(text):
    with pytest.raises(Misconfigured):
        parse_facts(text, "x.facts.yaml")
