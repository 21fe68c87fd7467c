"""Whatever a server answers, only AttacheError comes of it."""

import json
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attache.client.agency import approvals, inbox, log, packages, participants
from attache.client.call import Head
from attache.client.problem import read_problem, read_retry_after
from attache.client.retry import Retry
from attache.errors import AttacheError, NotFound, TooManyRequests, Unreachable
from attache.wire.packages import PackageFilter
from tests.sdk.fake_gateway import AT_TEXT, FakeGateway

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
CALLS = [
    packages.package("1"),
    packages.packages(PackageFilter())(""),
    packages.receipts("1"),
    approvals.approvals(1),
    inbox.arrival("a", "1"),
    inbox.inbox(""),
    participants.participants(),
    log.log_text("checkpoint"),
    log.log_entries(""),
    log.log_entry(1),
    log.log_resource("tile/0/000"),
]

members = st.text(max_size=5) | st.sampled_from(
    [
        "packages",
        "next",
        "entries",
        "approvals",
        "participants",
        "receipts",
        "package_id",
        "state",
        "kind",
        "title",
        "created_at",
        "recipients",
        "parts",
        "index",
        "at",
        "event",
        "objects",
        "fields",
        "participant",
        "name",
        "serial",
        "status",
        "originator",
        "code",
        "detail",
        "step",
        "status",
        "retry_after",
    ]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20) | st.just(AT_TEXT),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(members, inner, max_size=6),
    max_leaves=12,
)
bodies = st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode())


@given(body=bodies, status=st.integers(100, 599), call=st.sampled_from(CALLS))
def test_any_bytes_are_a_value_or_an_error_of_ours(body, status, call):
    reader = call.reader(Head(status, {}, NOW))
    try:
        reader.feed(body)
        reader.finish()
    except AttacheError:
        pass
    else:
        assert 200 <= status < 300


@given(body=bodies, status=st.integers(300, 599), retry_after=st.none() | st.text(max_size=50))
def test_any_problem_is_an_error_that_prints(body, status, retry_after):
    headers = {} if retry_after is None else {"retry-after": retry_after}
    error = read_problem(status, headers, body, NOW)
    assert str(error)
    assert error.retry_after_seconds is None or error.retry_after_seconds >= 0


@given(body=bodies)
def test_a_client_fed_any_bytes(body):
    gateway = FakeGateway()
    gateway.instead = [httpx.Response(200, content=body)]
    try:
        assert gateway.client().packages.get("1").package_id is not None
    except AttacheError as error:
        assert error.code == "malformed-answer"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("17", 17),
        ("9" * 30, 10**9),
        ("Sun, 22 Nov 2026 09:01:00 GMT", 60),
        ("Sun, 22 Nov 2026 08:00:00 GMT", 0),
        ("-1", None),
        ("soon", None),
        ("", None),
        ("²", None),
        (None, None),
    ],
)
def test_retry_after(value, seconds):
    assert read_retry_after(value, NOW) == seconds


def test_pauses_grow_and_have_a_bound():
    retry = Retry(retries=9)
    unreachable = Unreachable()
    assert [retry.pause_seconds(unreachable, n, 0.0) for n in (1, 2, 3, 9)] == [0.25, 0.5, 1.0, 4.0]
    assert retry.pause_seconds(unreachable, 1, 0.5) == 0.375
    assert retry.pause_seconds(unreachable, 10, 0.0) is None
    assert retry.pause_seconds(NotFound(), 1, 0.0) is None
    assert retry.pause_seconds(TooManyRequests(retry_after_seconds=121), 1, 0.0) is None
