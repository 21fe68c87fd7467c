"""One meaning in: what is not strict JSON is refused, with the reason, and nothing else is raised for any bytes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attache.errors import MalformedInput
from attache.strict_json import MAX_DEPTH, MAX_INTEGER, canonical, parse

REFUSED = {
    b'{"a":1,"a":2}': "occurs twice",
    b'[{"a":{"b":1,"b":1}}]': "occurs twice",
    b"1.0": "not an integer",
    b"[1e3]": "not an integer",
    b"NaN": "not finite",
    b"[-Infinity]": "not finite",
    str(MAX_INTEGER + 1).encode(): "outside",
    str(-MAX_INTEGER - 1).encode(): "outside",
    b"9" * 5000: "outside",
    b'"\\ud800"': "surrogate",
    b'"\xff"': "UTF-8",
    b"": "not JSON",
    b"{} {}": "not JSON",
    b"\xef\xbb\xbf{}": "not JSON",
    b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1): "deeper",
    b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1): "deeper",
    b"[" * 100_000: "deeper",
}


@pytest.mark.parametrize(("raw", "why"), REFUSED.items(), ids=range(len(REFUSED)))
def test_what_is_not_strict_is_refused_with_its_reason(raw, why):
    with pytest.raises(MalformedInput) as refused:
        parse(raw, code="malformed-log", step="leaf")
    assert (refused.value.code, refused.value.step) == ("malformed-log", "leaf")
    assert why in refused.value.detail


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * MAX_DEPTH + b"]" * MAX_DEPTH,
        canonical(["[" * 1000, '{\\"' * 1000]),
        b"[" + b"[]," * 1000 + b"[]]",
        str(-MAX_INTEGER).encode(),
    ],
)
def test_what_only_looks_deep_or_large_is_read(raw):
    assert parse(raw) == json.loads(raw)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_malformed(raw):
    try:
        value = parse(raw)
    except MalformedInput:
        return
    assert parse(canonical(value)) == value
