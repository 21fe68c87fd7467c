"""Events become leaves that give nothing away and open only to whoever has the salt."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attache import strict_json
from attache.errors import AttacheError
from attache.evidence.leaf import read_leaf
from gateway.exchange_log.entry import Entry
from gateway.exchange_log.events import CATALOGUE, EntryReader, EventCode, Group, fields_of, groups_of, readers_of
from gateway.exchange_log.leaf import MAX_LEAF_BYTES, Opening, Pseudonyms, make_leaf, parse_leaf, verify_opening

AT = datetime(2026, 11, 22, 9, 0, 0, 123, tzinfo=UTC)
KEY = bytes(range(32))
SECRETS = (
    "maria.lopez",
    "irs-ci",
    "partner-bogota",
    "198.51.100.7",
    "tiea-2001",
    "0190d6a0-0000-7000-8000-000000000001",
    "123-45-6789",
)


def event(code=EventCode.PACKAGE_RELEASED, **changes):
    values = {
        "code": code,
        "at": AT,
        "actor": "maria.lopez",
        "objects": {"package": SECRETS[5], "partner": "partner-bogota"},
        "fields": {
            Group.RECORD: {"package_id": SECRETS[5], "recipient": "partner-bogota", "manifest_sha256": "ab" * 32},
            Group.PERSON: {"actor": "maria.lopez", "client": "198.51.100.7"},
            Group.REASON: {"legal_basis": "tiea-2001", "purpose": "subject 123-45-6789"},
        },
    }
    return Entry(**{**values, **changes})


def refused(call, *args):
    with pytest.raises(AttacheError) as caught:
        call(*args)
    return caught.value.code, caught.value.step


def test_a_leaf_says_what_happened_when_and_to_which_pseudonym():
    facts = parse_leaf(make_leaf(event(), Pseudonyms(KEY)).raw)
    assert (facts.code, facts.at) == (EventCode.PACKAGE_RELEASED, AT)
    assert set(facts.ids) == {"actor", "package", "partner"}
    assert set(facts.commitments) == {Group.RECORD, Group.PERSON, Group.REASON}
    assert len(facts.nonce) == 16


def test_no_personal_data_in_a_leaf():
    raw = make_leaf(event(), Pseudonyms(KEY)).raw
    for secret in SECRETS:
        assert secret.encode() not in raw
        assert secret.encode().hex().encode() not in raw


def test_every_event_of_the_catalogue_makes_a_leaf_that_fits_and_parses():
    for kind in CATALOGUE.values():
        made = event(
            kind.event_code,
            objects=dict.fromkeys(kind.id_names, "x"),
            fields={group: dict.fromkeys(fields, "x" * 40) for group, fields in fields_of(kind).items()},
        )
        leaf = make_leaf(made, Pseudonyms(KEY))
        assert len(leaf.raw) <= 800 < MAX_LEAF_BYTES
        facts = parse_leaf(leaf.raw)
        assert facts.code is kind.event_code
        assert [verify_opening(facts, opening) for opening in leaf.openings] == list(made.fields.values())


def test_the_same_event_twice_shares_nothing_that_is_hidden():
    first, second = (make_leaf(event(), Pseudonyms(KEY)) for _ in range(2))
    one, two = parse_leaf(first.raw), parse_leaf(second.raw)
    assert one.nonce != two.nonce
    assert all(one.commitments[group] != two.commitments[group] for group in one.commitments)
    assert all(
        a.payload == b.payload and a.salt != b.salt for a, b in zip(first.openings, second.openings, strict=True)
    )


def test_randomness_is_drawn_in_full():
    asked = []

    def random(count):
        asked.append(count)
        return bytes([len(asked)]) * count

    make_leaf(event(), Pseudonyms(KEY), random)
    assert sorted(asked) == [16, 32, 32, 32]


def test_pseudonyms_are_stable_in_a_log_and_strangers_across_logs_and_kinds():
    ours, theirs = Pseudonyms(KEY), Pseudonyms(KEY[::-1])
    assert ours.of("actor", "maria.lopez") == ours.of("actor", "maria.lopez")
    assert len({ours.of("actor", "a"), ours.of("partner", "a"), theirs.of("actor", "a"), ours.of("actor", "b")}) == 4
    assert ours.of("ab", "c") != ours.of("a", "bc")


def test_a_short_pseudonym_key_is_refused():
    with pytest.raises(ValueError, match="32 bytes"):
        Pseudonyms(KEY[:31])


def test_an_opening_proves_the_fields():
    made = event()
    leaf = make_leaf(made, Pseudonyms(KEY))
    facts = parse_leaf(leaf.raw)
    for opening in leaf.openings:
        assert verify_opening(facts, opening) == made.fields[opening.group]


def test_a_changed_payload_salt_or_group_does_not_open():
    leaf = make_leaf(event(), Pseudonyms(KEY))
    facts = parse_leaf(leaf.raw)
    record, person, _ = leaf.openings
    for forged in (
        Opening(record.group, record.salt, record.payload + b" "),
        Opening(record.group, record.salt, record.payload[:-1] + b"]"),
        Opening(record.group, bytes(32), record.payload),
        Opening(record.group, record.salt[:-1], record.payload),
        Opening(record.group, record.salt + record.payload[:1], record.payload[1:]),
        Opening(Group.PERSON, record.salt, record.payload),
        Opening(record.group, person.salt, person.payload),
    ):
        assert refused(verify_opening, facts, forged) == ("proof-invalid", "opening")


def test_an_opening_of_a_group_that_the_event_has_not():
    made = event(EventCode.GATEWAY_STARTED, objects={}, fields={})
    leaf = make_leaf(made, Pseudonyms(KEY))
    assert refused(verify_opening, parse_leaf(leaf.raw), Opening(Group.REASON, bytes(32), b"{}")) == (
        "proof-invalid",
        "opening",
    )


def test_an_opening_does_not_print_what_it_opens():
    assert repr(Opening(Group.PERSON, b"salt", b"maria")) == f"Opening({Group.PERSON!r})"


@pytest.mark.parametrize(
    "changes",
    [
        {"objects": {}},
        {"objects": {"package": "x", "partner": "y", "part": "z"}},
        {"fields": {Group.RECORD: {"surprise": 1}}},
        {"fields": {Group.RECORD: {"package_id": "x" * 65536}}},
        {"at": AT.replace(tzinfo=None)},
    ],
)
def test_what_the_catalogue_does_not_allow_is_a_programming_error(changes):
    with pytest.raises(ValueError, match=r"package\.released|time zone"):
        make_leaf(event(**changes), Pseudonyms(KEY))


def test_instants_are_written_in_utc():
    elsewhere = AT.astimezone(timezone(timedelta(hours=11)))
    assert parse_leaf(make_leaf(event(at=elsewhere), Pseudonyms(KEY)).raw).at == AT


LEAF = json.loads(make_leaf(event(), Pseudonyms(KEY)).raw)


def spelled(**changes):
    return strict_json.canonical({**LEAF, **changes})


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        spelled(v=2),
        spelled(v=True),
        spelled(code="package.teleported"),
        spelled(code=["package.released"]),
        spelled(code="package.submitted"),
        spelled(at="2026-11-22T09:00:00Z"),
        spelled(at="2026-13-22T09:00:00.000000Z"),
        spelled(at="2026-11-22T09:00:00.000000+00:00"),
        spelled(at=1),
        spelled(ids={"actor": LEAF["ids"]["actor"]}),
        spelled(ids={**LEAF["ids"], "more": LEAF["ids"]["actor"]}),
        spelled(ids={**LEAF["ids"], "actor": "AB" * 16}),
        spelled(ids={**LEAF["ids"], "actor": "ab" * 15}),
        spelled(ids={**LEAF["ids"], "actor": 7}),
        spelled(ids=None),
        spelled(nonce="00" * 15),
        spelled(nonce="zz" * 16),
        spelled(commitments={}),
        spelled(commitments={**LEAF["commitments"], "record": "00" * 31}),
        spelled(extra=1),
        json.dumps(LEAF).encode(),
        strict_json.canonical(LEAF) + b"\n",
        strict_json.canonical(LEAF).replace(b'"v":1', b'"v":1,"v":1'),
        strict_json.canonical(LEAF).replace(b'"v":1', b'"v":1.0'),
        strict_json.canonical(LEAF).replace(b'"v":1', b'"v":NaN'),
        strict_json.canonical(LEAF)[:-1],
        b" " * (MAX_LEAF_BYTES + 1),
    ],
)
def test_what_is_not_a_leaf(raw):
    assert refused(parse_leaf, raw) == ("malformed-log", "leaf")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_leaf_or_refused(raw):
    assert refused(parse_leaf, raw)[0] == "malformed-log"


@given(st.data())
def test_a_leaf_with_one_byte_changed_is_refused_or_says_something_else(data):
    raw = bytearray(strict_json.canonical(LEAF))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        assert parse_leaf(bytes(raw)) != parse_leaf(strict_json.canonical(LEAF))
    except AttacheError as error:
        assert error.code == "malformed-log"


def test_who_may_see_what():
    for kind in CATALOGUE.values():
        for group in groups_of(kind):
            assert EntryReader.AUDITOR in readers_of(kind.event_code, group)
        assert EntryReader.PARTNER not in readers_of(kind.event_code, Group.PERSON) | readers_of(
            kind.event_code, Group.REASON
        )
    assert EntryReader.PARTNER in readers_of(EventCode.PACKAGE_DELIVERED, Group.RECORD)
    assert EntryReader.PARTNER not in readers_of(EventCode.PACKAGE_DECIDED, Group.RECORD)


def test_the_catalogue_is_complete():
    assert set(CATALOGUE) == set(EventCode)


def test_a_leaf_of_a_newer_catalogue_can_be_read_but_is_not_ours():
    newer = spelled(code="package.teleported", ids={"actor": "ab" * 16, "portal": "cd" * 16})
    assert read_leaf(newer).code == "package.teleported"
    assert refused(parse_leaf, newer) == ("malformed-log", "leaf")


@pytest.mark.parametrize(
    "raw",
    [
        spelled(code="Package.Released"),
        spelled(code="x" * 65),
        spelled(code=7),
        spelled(ids={"actor": "ab" * 16, "Über": "ab" * 16}),
        spelled(ids={"package": "ab" * 16}),
        spelled(ids={"actor": "ab" * 16, **{f"id-{n}": "ab" * 16 for n in range(100)}}),
        spelled(commitments=[]),
    ],
)
def test_what_is_not_a_leaf_of_any_catalogue(raw):
    assert refused(read_leaf, raw) == ("malformed-log", "leaf")
