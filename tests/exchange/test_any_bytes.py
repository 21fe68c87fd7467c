"""Any bytes at all, to every endpoint of the exchange API: one problem, never an error of ours, and nothing written."""

from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attache import clock
from attache.package import uuid7
from attache.receipt import RECEIPT
from attache.strict_json import canonical, parse_object
from tests.exchange.attacking import ENVELOPE, JOSE, OCTETS, REFUSED, WHOLE, Sender
from tests.exchange_place import problem

UNHURRIED = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
NO_PACKAGE = "01940000-0000-7000-8000-000000000000"

PATHS = [
    ("POST", "/packages"),
    ("POST", "/receipts"),
    ("PUT", f"/packages/{NO_PACKAGE}/parts/0"),
    ("PUT", f"/packages/{NO_PACKAGE}/parts/0/hashes"),
    ("POST", f"/packages/{NO_PACKAGE}/complete"),
    ("GET", f"/packages/{NO_PACKAGE}"),
    ("DELETE", "/packages"),
    ("PATCH", "/receipts"),
    ("POST", "/mailbox"),
    ("GET", "/nothing"),
]

media_types = st.sampled_from([WHOLE, ENVELOPE, JOSE, OCTETS, "application/json", "text/plain; charset=latin-1", "x"])
header = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40)


@UNHURRIED
@given(st.sampled_from(PATHS), st.binary(max_size=2000), media_types, header)
def test_any_bytes_and_headers_are_one_problem(target, where, content, media_type, text):
    before = target.written()
    headers = {"Content_Range": text, "Range": text, "X_Request_Id": text}
    answer = target.send("irs-ci", *where, content, media_type, **headers)
    assert 400 <= answer.status_code < 500
    problem(answer)
    assert target.written() == before


@UNHURRIED
@given(st.text(min_size=1, max_size=70).filter(lambda text: text.isprintable()), st.text(max_size=70))
def test_any_path_is_one_problem(target, one, two):
    one, two = quote(one, safe=""), quote(two, safe="", errors="replace")
    for method, path in (
        ("GET", f"/packages/{one}"),
        ("PUT", f"/packages/{NO_PACKAGE}/parts/{one}"),
        ("GET", f"/mailbox?after={one}&limit={two}"),
    ):
        answer = target.send("irs-ci", method, path, b"x")
        assert answer.status_code < 500
        if answer.status_code != 200:
            problem(answer)


edits = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=4)), min_size=1, max_size=3)


def edited(content: bytes, changes) -> bytes:
    for place, piece in changes:
        at = int(place * len(content))
        content = content[:at] + piece + content[at + max(len(piece), 1) :]
    return content


@UNHURRIED
@given(edits, st.sampled_from([WHOLE, ENVELOPE]))
def test_a_package_with_any_bytes_changed_is_one_problem(target, changes, media_type):
    package = Sender(target.gateway.place.made).package()
    original = package.whole if media_type == WHOLE else package.frame
    content = edited(original, changes)
    before = target.written()
    answer = target.offer(content, media_type=media_type)
    if content == original:
        assert answer.status_code < 300
        return
    assert 400 <= answer.status_code < 500
    problem(answer)
    after = target.written()
    assert (after.records, after.blobs) == (before.records, before.blobs)
    assert after.entries[len(before.entries) :] in {(), REFUSED}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def members_of(document, path=()):
    if isinstance(document, dict):
        for name, value in document.items():
            yield (*path, name)
            yield from members_of(value, (*path, name))
    if isinstance(document, list):
        for index, value in enumerate(document):
            yield from members_of(value, (*path, index))


def replaced(document, path, value):
    copied = parse_object(canonical(document))
    at = copied
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return copied


def spelled(document) -> bytes:
    import json

    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


@UNHURRIED
@given(st.data(), json_values)
def test_an_envelope_with_any_member_is_one_problem(target, data, value):
    package = Sender(target.gateway.place.made).package()
    document = parse_object(package.envelope.raw)
    changed = replaced(document, data.draw(st.sampled_from(sorted(members_of(document), key=str))), value)
    raw = spelled(changed)
    before = target.written()
    answer = target.offer(b"attache-package/1\n" + len(raw).to_bytes(4, "big") + raw, media_type=ENVELOPE)
    if raw == package.envelope.raw:
        return
    assert 400 <= answer.status_code < 500
    problem(answer)
    after = target.written()
    assert (after.records, after.blobs) == (before.records, before.blobs)


@UNHURRIED
@given(st.data(), json_values)
def test_a_signed_receipt_with_any_member_is_one_problem(target, data, value):
    """Signed by a partner that means harm: what is inside is anything, and the signatures are good."""
    from attache.crypto import Suite
    from attache.package import sign_statement

    stated = {
        "receipt": "delivered", "package_id": uuid7(clock.now()), "originator": "partner-frankfurt",
        "recipient": "irs-ci", "envelope_sha256": "0" * 64, "manifest_sha256": "0" * 64, "parts": ["0" * 64],
        "at": "2026-11-22T09:00:00Z", "by": None, "problem": None, "cosignature": None,
        "log": {"origin": "x", "index": 0, "leaf": "AA", "checkpoint": "x\n1\nAAAA\n\n— x AAAA\n", "proof": []},
    }  # fmt: skip
    changed = replaced(stated, data.draw(st.sampled_from(sorted(members_of(stated), key=str))), value)
    signed = sign_statement(RECEIPT, spelled(changed), target.gateway.place.made["irs-ci"].keys, Suite.HYBRID_1)
    before = target.written()
    answer = target.send("irs-ci", "POST", "/receipts", signed, JOSE)
    assert 400 <= answer.status_code < 500
    problem(answer)
    assert target.written() == before


@UNHURRIED
@given(st.data(), json_values)
def test_a_signed_manifest_with_any_member_is_one_problem(target, data, value):
    """As above, for what is inside the sealed manifest."""
    sender = Sender(target.gateway.place.made)
    package = sender.package()
    stated = package.manifest.model_dump(mode="json")
    path = data.draw(st.sampled_from(sorted(members_of(stated), key=str)))
    changed = replaced(stated, path, value)
    if spelled(changed) == spelled(stated):
        return
    forged = sender.forged(package, payload=spelled(changed))
    before = target.written()
    answer = target.offer(forged.whole)
    after = target.written()
    if answer.status_code == 200:
        return  # a member that is free to say so
    assert 400 <= answer.status_code < 500
    problem(answer)
    assert (after.records, after.blobs) == (before.records, before.blobs)
