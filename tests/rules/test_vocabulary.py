"""Evaluation codes: what is doubtful, and the worse of two."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attache.vocabulary import Evaluation

CODES = st.sampled_from(list(Evaluation))


@pytest.mark.parametrize("code", Evaluation)
def test_doubtful_is_an_unknown_source_or_what_nobody_corroborated(code):
    assert code.is_doubtful is (code in {"X1", "X2", "X3", "X4", "A4", "B4", "C4"})


@given(CODES, CODES, CODES)
def test_the_worse_of_two_is_no_better_than_either_in_any_order(one, other, third):
    both = one.joined(other)
    assert both is other.joined(one)
    assert both.joined(third) is one.joined(other.joined(third))
    assert one.joined(one) is one
    assert one.joined(Evaluation.UNEVALUATED) is one
    evaluated = [code for code in (one, other) if code is not Evaluation.UNEVALUATED]
    assert all(both.value[0] >= code.value[0] and both.value[1] >= code.value[1] for code in evaluated)
    assert both.is_doubtful >= any(code.is_doubtful for code in evaluated)
