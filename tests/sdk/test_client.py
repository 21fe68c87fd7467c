"""The clients against a gateway in memory: what they send, what they make of the answers."""

import asyncio
import io
import json
import os
import pickle
from datetime import datetime

import httpx
import pytest

from attache import Part, Recipient, Submission
from attache.client.sync import Client
from attache.errors import (
    AttacheError,
    Conflict,
    MalformedInput,
    Misconfigured,
    NotAuthentic,
    NotFound,
    NotPermitted,
    TooManyRequests,
    Unreachable,
)
from attache.wire.packages import PackageView
from tests.sdk.fake_gateway import TOKEN, URL, BrokenStream, problem


def a_submission(*parts: Part) -> Submission:
    return Submission(
        kind="intelligence",
        title="Wallets",
        purpose="criminal-investigation",
        markings=("TLP:AMBER",),
        recipients=(Recipient("partner-frankfurt", "FRANKFURT-MLAT"),),
        parts=parts or (Part("note.txt", b"a note"),),
    )


# Submitting


def test_small_package_goes_in_one_request(gateway):
    package = gateway.client().packages.submit(a_submission(Part("a", b"one"), Part("b", io.BytesIO(b"two"))))
    assert package.state == "submitted"
    assert [r.method for r in gateway.requests] == ["POST"]
    assert gateway.contents == {("00000", "a"): b"one", ("00000", "b"): b"two"}


def test_one_mebibyte_is_inline_and_one_byte_more_is_streamed(gateway):
    client = gateway.client()
    client.packages.submit(a_submission(Part("a", bytes(1 << 20))))
    assert len(gateway.requests) == 1
    client.packages.submit(a_submission(Part("a", bytes(1 << 20)), Part("b", b"x")))
    assert [r.method for r in gateway.requests[1:]] == ["POST", "PUT", "PUT", "GET", "POST"]


def test_path_file_object_and_pipe_are_streamed(gateway, tmp_path):
    big = os.urandom((1 << 20) + 17)
    (tmp_path / "big.bin").write_bytes(big)
    opened = io.BytesIO(b"skipped" + big)
    opened.seek(7)
    reading, writing = os.pipe()
    os.write(writing, b"from a pipe")
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        parts = Part.of_path(tmp_path / "big.bin"), Part("opened", opened), Part("pipe", pipe)
        gateway.client().packages.submit(a_submission(*parts))
    assert gateway.contents["00000", "big.bin"] == big
    assert gateway.contents["00000", "opened"] == big
    assert gateway.contents["00000", "pipe"] == b"from a pipe"
    puts = [r for r in gateway.requests if r.method == "PUT"]
    assert [r.headers.get("content-length") for r in puts] == [str(len(big)), str(len(big)), None]


def test_bytes_changed_on_the_way_are_not_submitted(gateway):
    original = gateway._part
    gateway._part = lambda package_id, part: {**original(package_id, part), "sha256": "00" * 32}
    with pytest.raises(MalformedInput) as caught:
        gateway.client().packages.submit(a_submission(Part("a", bytes(2 << 20))))
    assert caught.value.code == "digest-mismatch"
    assert gateway.packages["00000"]["state"] == "draft"


def test_same_key_goes_on_with_the_same_package(gateway):
    client = gateway.client()
    gateway.instead = []
    first = client.packages.submit(a_submission(Part("a", bytes(2 << 20))), idempotency_key="mine")
    again = client.packages.submit(a_submission(Part("a", bytes(2 << 20))), idempotency_key="mine")
    assert (first.package_id, again.package_id, again.state) == ("00000", "00000", "submitted")
    assert {r.headers["idempotency-key"] for r in gateway.requests if r.method == "POST"} == {"mine"}


def test_part_names_are_one_path_segment(gateway):
    gateway.client().packages.submit(a_submission(Part("../submit?x=ü", bytes(2 << 20))))
    assert gateway.contents["00000", "../submit?x=ü"] == bytes(2 << 20)


def test_naive_instant_is_refused_before_anything_is_sent(gateway):
    submission = Submission("tool", "t", "p", (), (), expires_at=datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(MalformedInput):
        gateway.client().packages.submit(submission)
    assert gateway.requests == []


# Retries


def test_retry_keeps_the_idempotency_key_and_the_body(gateway):
    gateway.instead = [httpx.ConnectError("refused"), problem(503, "server-unreachable")]
    gateway.client().packages.submit(a_submission())
    assert len(gateway.requests) == 3
    assert len({r.headers["idempotency-key"] for r in gateway.requests}) == 1
    assert len({r.content for r in gateway.requests}) == 1
    assert gateway.pauses == [0.25, 0.5]


def test_two_calls_have_two_keys(gateway):
    client = gateway.client()
    client.packages.submit(a_submission())
    client.packages.submit(a_submission())
    assert len({r.headers["idempotency-key"] for r in gateway.requests}) == 2


def test_gives_up_after_two_retries(gateway):
    gateway.instead = [httpx.ReadTimeout("slow")] * 3
    with pytest.raises(Unreachable) as caught:
        gateway.client().packages.get("1")
    assert caught.value.code == "server-unreachable"
    assert len(gateway.requests) == 3


def test_retry_after_is_honoured_up_to_two_minutes(gateway):
    gateway.instead = [
        problem(429, "too-many-requests", headers={"Retry-After": "120"}),
        problem(429, "too-many-requests", headers={"Retry-After": "Sun, 22 Nov 2026 09:00:07 GMT"}),
    ]
    gateway.client().participants.list()
    assert gateway.pauses == [120.0, 7.0]
    gateway.instead = [problem(429, "too-many-requests", headers={"Retry-After": "121"})]
    with pytest.raises(TooManyRequests) as caught:
        gateway.client().participants.list()
    assert caught.value.retry_after_seconds == 121
    assert len(gateway.pauses) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 500])
def test_what_will_not_change_is_not_repeated(gateway, status):
    gateway.instead = [httpx.Response(status)]
    with pytest.raises(AttacheError):
        gateway.client().participants.list()
    assert (len(gateway.requests), gateway.pauses) == (1, [])


def test_stream_that_cannot_be_read_again_is_not_repeated(gateway):
    reading, writing = os.pipe()
    os.write(writing, b"once")
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        client = gateway.client()
        gateway_calls = gateway.__call__

        def break_the_upload(request):
            if request.method == "PUT":
                request.read()
                gateway.requests.append(request)
                raise httpx.WriteError("broken")
            return gateway_calls(request)

        client = gateway.client(transport=httpx.MockTransport(break_the_upload))
        with pytest.raises(Unreachable):
            client.packages.submit(a_submission(Part("pipe", pipe)))
    assert [r.method for r in gateway.requests] == ["POST", "PUT"]


def test_repeatable_stream_is_sent_again_from_its_start(gateway):
    content = os.urandom(2 << 20)
    answers = iter([httpx.WriteError("broken")])

    def break_once(request):
        if request.method == "PUT":
            request.read()
            for error in answers:
                raise error
        return gateway(request)

    client = gateway.client(transport=httpx.MockTransport(break_once))
    client.packages.submit(a_submission(Part("a", io.BytesIO(content))))
    assert gateway.contents["00000", "a"] == content


# Reading


def test_lists_page_by_themselves(gateway):
    client = gateway.client()
    for _ in range(5):
        client.packages.submit(a_submission())
    gateway.requests.clear()
    assert [p.package_id for p in client.packages.list()] == [f"0000{i}" for i in range(5)]
    assert [r.url.params.get("after") for r in gateway.requests] == [None, "2", "4"]
    assert [e.index for e in client.log.entries()] == [0, 1, 2, 3, 4]


def test_repeated_cursor_ends_the_walk(gateway):
    page = {"entries": gateway.entries[:1], "next": "1"}
    gateway.instead = [httpx.Response(200, json=page), httpx.Response(200, json=page)]
    with pytest.raises(AttacheError) as caught:
        list(gateway.client().log.entries())
    assert caught.value.code == "malformed-answer"


def test_empty_page_that_goes_on_ends_the_walk(gateway):
    gateway.instead = [httpx.Response(200, json={"entries": [], "next": "1"})]
    with pytest.raises(AttacheError, match="malformed-answer"):
        list(gateway.client().log.entries())


def test_wait_polls_until_reached(gateway):
    client = gateway.client()
    package = client.packages.submit(a_submission())
    gateway.states = ["delivering", "delivering", "opened"]
    assert client.packages.wait(package.package_id, "opened", timeout_seconds=75).recipients[0].state == "opened"
    polls = [r.url.params["timeout_seconds"] for r in gateway.requests[1:]]
    assert polls == ["30", "30", "15"]
    assert gateway.requests[1].extensions["timeout"]["read"] == 90.0


def test_wait_ends_and_says_where_it_stands(gateway):
    client = gateway.client()
    package = client.packages.submit(a_submission())
    gateway.states = ["held"]
    with pytest.raises(AttacheError) as caught:
        client.packages.wait(package.package_id, timeout_seconds=31)
    assert caught.value.code == "wait-timed-out"
    assert caught.value.extra["states"] == {"partner-frankfurt": "held"}
    assert len(gateway.requests) == 3


@pytest.mark.parametrize("state", ["denied", "rejected", "refused", "undeliverable"])
def test_wait_does_not_wait_for_what_never_comes(gateway, state):
    client = gateway.client()
    package = client.packages.submit(a_submission())
    gateway.states = [state]
    assert client.packages.wait(package.package_id, "opened").recipients[0].state == state


def test_unknown_members_are_kept_and_views_pickle(gateway):
    package = gateway.client().packages.submit(a_submission())
    raw = {**package.model_dump(mode="json"), "new_member": {"x": 1}, "state": "a-state-of-the-future"}
    view = PackageView.model_validate(raw)
    assert view.model_extra == {"new_member": {"x": 1}}
    assert pickle.loads(pickle.dumps(view)) == view
    with pytest.raises(ValueError, match="frozen"):
        view.state = "other"


def test_the_other_surfaces(gateway, tmp_path):
    client = gateway.client()
    client.packages.submit(a_submission())
    gateway.approvals["a1"] = {
        "approval_id": "a1",
        "package_id": "00000",
        "recipient": "x",
        "post": "frankfurt",
        "state": "pending",
    }
    assert [a.approval_id for a in client.approvals.list()] == ["a1"]
    assert client.approvals.get("a1").state == "pending"
    assert client.approvals.approve("a1", "fine").state == "approved"
    assert client.approvals.reject("a1", "not fine").model_extra == {"reason": "not fine"}
    assert client.packages.receipts("00000")[0].receipt == "delivered"
    assert (
        client.packages.save_sealed("00000", "partner-frankfurt", tmp_path / "p.attache")
        .read_bytes()
        .endswith(b"frankfurt")
    )
    assert client.decide(a_submission())[0].parts[0].outcome == "disclose"
    assert client.participants.list()[0].participant == "partner-bogota"
    client.participants.suspend("partner-bogota")
    client.participants.resume("partner-bogota")
    assert client.participants.rotate("partner-bogota", b"a descriptor").serial == 2
    changes = [("partner-bogota", "suspend"), ("partner-bogota", "resume"), ("partner-bogota", "a descriptor")]
    assert gateway.changed_participants == changes
    assert client.log.checkpoint() == "checkpoint?\n"
    assert client.log.vkeys() == "vkeys?\n"
    assert client.log.prove(3) == "proofs/inclusion?index=3\n"
    assert client.log.entry(3).index == 3


# The inbox's files


def test_parts_are_saved_whole(gateway, tmp_path):
    gateway.receive("partner-frankfurt", "p1", {"a.txt": b"alpha", "b.bin": bytes(3 << 20)})
    client = gateway.client()
    arrival = client.inbox.open("partner-frankfurt", "p1")
    assert arrival.state == "opened"
    saved = client.inbox.save(arrival, tmp_path)
    assert [p.name for p in saved] == ["a.txt", "b.bin"]
    assert saved[0].read_bytes() == b"alpha"
    assert saved[0].stat().st_mode & 0o777 == 0o600
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.txt", "b.bin"]


@pytest.mark.parametrize("wrong", [b"alphb", b"alph", b"alphaa", b""])
def test_damaged_part_is_never_published(gateway, tmp_path, wrong):
    gateway.receive("partner-frankfurt", "p1", {"a.txt": b"alpha"})
    gateway.contents["p1", "a.txt"] = wrong
    client = gateway.client()
    with pytest.raises(NotAuthentic) as caught:
        client.inbox.save(client.inbox.get("partner-frankfurt", "p1"), tmp_path)
    assert caught.value.code == "part-mismatch"
    assert list(tmp_path.iterdir()) == []


def test_broken_download_begins_again_and_leaves_nothing_behind(gateway, tmp_path):
    gateway.receive("partner-frankfurt", "p1", {"a.txt": b"alpha"})
    client = gateway.client()
    arrival = client.inbox.get("partner-frankfurt", "p1")
    gateway.instead = [httpx.Response(200, stream=BrokenStream(b"alp"))]
    assert client.inbox.save(arrival, tmp_path)[0].read_bytes() == b"alpha"
    gateway.instead = [httpx.Response(200, stream=BrokenStream(b"alp")) for _ in range(3)]
    (tmp_path / "other").mkdir()
    with pytest.raises(Unreachable):
        client.inbox.save(arrival, tmp_path / "other")
    assert list((tmp_path / "other").iterdir()) == []


def test_existing_file_is_not_replaced(gateway, tmp_path):
    gateway.receive("partner-frankfurt", "p1", {"a.txt": b"alpha"})
    (tmp_path / "a.txt").write_bytes(b"mine")
    client = gateway.client()
    with pytest.raises(Conflict):
        client.inbox.save(client.inbox.get("partner-frankfurt", "p1"), tmp_path)
    assert (tmp_path / "a.txt").read_bytes() == b"mine"


@pytest.mark.parametrize(
    "name", ["../evil", "a/b", ".hidden", "..", "", "a\nb", "a\\b", "c:d", " a", "\x1b[2J", "n" * 300]
)
def test_part_name_cannot_leave_the_folder(gateway, tmp_path, name):
    gateway.receive("partner-frankfurt", "p1", {"fine.txt": b"x", name: b"alpha"})
    folder = tmp_path / "in"
    folder.mkdir()
    client = gateway.client()
    with pytest.raises(MalformedInput) as caught:
        client.inbox.save(client.inbox.get("partner-frankfurt", "p1"), folder)
    assert caught.value.code == "malformed-package"
    assert list(tmp_path.rglob("*")) == [folder]


# Errors


def test_problem_becomes_its_error(gateway):
    gateway.instead = [problem(403, "policy-denied", detail="withheld", step="4", reasons=["base.r1"])]
    with pytest.raises(NotPermitted) as caught:
        gateway.client().packages.get("1")
    error = caught.value
    assert (error.code, error.detail, error.step) == ("policy-denied", "withheld", "4")
    assert error.extra == {"request_id": "request-0001", "reasons": ["base.r1"]}
    assert pickle.loads(pickle.dumps(error)) == error


def test_code_of_the_future_is_an_unknown_problem(gateway):
    gateway.instead = [problem(418, "of-the-future")]
    with pytest.raises(AttacheError) as caught:
        gateway.client().packages.get("1")
    assert caught.value.code == "unknown-problem"


def test_bare_404_is_not_found_and_keeps_the_request_id(gateway):
    gateway.instead = [httpx.Response(404, text="<html>", headers={"X-Request-Id": "r-17"})]
    with pytest.raises(NotFound) as caught:
        gateway.client().packages.get("1")
    assert caught.value.extra == {"request_id": "r-17"}


def test_redirect_is_not_followed(gateway):
    gateway.instead = [httpx.Response(307, headers={"Location": "https://elsewhere.example/"})]
    with pytest.raises(AttacheError, match="malformed-answer"):
        gateway.client().packages.get("1")
    assert len(gateway.requests) == 1


def test_endless_answer_is_cut_off(gateway):
    def endless():
        while True:
            yield bytes(1 << 20)

    gateway.instead = [httpx.Response(200, content=endless())]
    with pytest.raises(AttacheError, match="larger than"):
        gateway.client().packages.get("1")


# Secrets, addresses


def test_secrets_are_in_no_repr_and_no_error(gateway):
    client = gateway.client(passphrase=b"passphrase-sentinel")
    gateway.instead = [httpx.ConnectError("refused")] * 3
    with pytest.raises(Unreachable) as caught:
        client.packages.get("1")
    shown = repr(client) + repr(client._access) + repr(vars(client)) + repr(caught.value) + str(caught.value.__cause__)
    assert TOKEN not in shown
    assert "passphrase-sentinel" not in shown
    assert caught.value.__suppress_context__
    assert "a note" not in repr(a_submission())


@pytest.mark.parametrize(
    "url", ["http://gateway.example", "gateway.example", "", "ftp://x", "https://", "https://u:p@x", "https://x?y"]
)
def test_only_https_addresses(url, monkeypatch):
    monkeypatch.delenv("ATTACHE_URL", raising=False)
    with pytest.raises(Misconfigured):
        Client(url, token=TOKEN)


def test_token_file_is_read_for_each_request(gateway, tmp_path):
    file = tmp_path / "token"
    file.write_text("old\n")
    client = gateway.client(token=None, token_file=file)
    with pytest.raises(NotAuthentic):
        client.participants.list()
    file.write_text(TOKEN + "\n")
    assert client.participants.list()
    file.write_text("two\nlines")
    with pytest.raises(Misconfigured):
        client.participants.list()


def test_environment_is_used_for_what_is_not_given(gateway, monkeypatch):
    monkeypatch.setenv("ATTACHE_URL", URL + "/")
    monkeypatch.setenv("ATTACHE_TOKEN", TOKEN)
    client = Client(transport=httpx.MockTransport(gateway))
    client.participants.list()
    assert str(gateway.requests[0].url) == f"{URL}/api/v1/participants"


def test_unusable_tls_files_are_named(tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(Misconfigured):
        Client(URL, token=TOKEN, ca=tmp_path / "ca.pem")
    with pytest.raises(Misconfigured):
        Client(URL, token=TOKEN, certificate=tmp_path / "absent.pem")


# The asyncio client


def test_async_client_does_the_same(gateway, tmp_path):
    gateway.receive("partner-frankfurt", "p1", {"a.txt": b"alpha"})

    async def story():
        async with gateway.async_client() as client:
            gateway.instead = [httpx.ConnectError("refused")]
            small = await client.packages.submit(a_submission())
            large = await client.packages.submit(a_submission(Part("a", io.BytesIO(bytes(2 << 20)))))
            listed = [p.package_id async for p in client.packages.list()]
            await client.packages.wait(small.package_id, "delivered")
            arrival = await client.inbox.open("partner-frankfurt", "p1")
            saved = await client.inbox.save(arrival, tmp_path)
            with pytest.raises(NotFound):
                await client.packages.get("none")
            return [small.package_id, large.package_id], listed, saved

    submitted, listed, saved = asyncio.run(story())
    assert submitted == listed == ["00000", "00001"]
    assert saved[0].read_bytes() == b"alpha"
    assert gateway.contents["00001", "a"] == bytes(2 << 20)
    assert gateway.pauses == [0.25]


def test_async_download_that_breaks_leaves_nothing(gateway, tmp_path):
    gateway.receive("partner-frankfurt", "p1", {"a.txt": b"alpha"})
    gateway.contents["p1", "a.txt"] = b"alphb"

    async def story():
        async with gateway.async_client() as client:
            await client.inbox.save(await client.inbox.get("partner-frankfurt", "p1"), tmp_path)

    with pytest.raises(NotAuthentic):
        asyncio.run(story())
    assert list(tmp_path.iterdir()) == []


def test_both_clients_follow_the_log_and_raise_a_refusal(gateway):
    events = b"".join(b"data: " + json.dumps(entry).encode() + b"\n\n" for entry in gateway.entries[:2])
    refusal = problem(403, "not-permitted")
    gateway.instead = [httpx.Response(200, content=events), refusal, httpx.Response(200, content=events), refusal]
    client = gateway.client()
    assert [entry.index for entry in client.log.follow(after=7)] == [0, 1]
    with pytest.raises(NotPermitted):
        list(client.log.follow())

    async def story():
        async with gateway.async_client() as other:
            found = [entry.index async for entry in other.log.follow(after=7)]
            with pytest.raises(NotPermitted):
                [entry async for entry in other.log.follow()]
            return found

    assert asyncio.run(story()) == [0, 1]
    assert [r.headers.get("last-event-id") for r in gateway.requests] == ["7", None, "7", None]
