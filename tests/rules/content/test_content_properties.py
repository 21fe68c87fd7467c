"""Any bytes, any graph, any decision: no error but ours, nothing that is withheld in what is left, and never more for less."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attache.errors import AttacheError, MalformedInput, NotPermitted
from gateway.content import MASK, Shown, UnitFacts, foreseen, is_understood, redacted, units
from tests.rules.content.stix_making import (
    MINTING,
    RED,
    SHARED,
    STIX,
    a_bundle,
    a_link,
    a_report,
    a_tool,
    an_object,
    raw,
)

KINDS = ("application/json", STIX, "application/stix+json")
QUICK = settings(max_examples=150, deadline=None)

texts = st.text(st.characters(codec="utf-8"), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def asked(kind, content, stated=()):
    outcomes = dict.fromkeys([unit.path for unit in units(kind, content, stated)], Shown.CLEAR)
    return redacted(kind, content, stated, outcomes, MINTING)


@QUICK
@given(st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode()), st.sampled_from(KINDS), texts)
def test_any_bytes_and_any_path_raise_only_our_errors(content, kind, path):
    for stated in ((), (UnitFacts(path),), (UnitFacts("/" + path), UnitFacts(path))):
        for act in (lambda: asked(kind, content, stated), lambda: foreseen(kind, stated)):
            try:
                act()
            except AttacheError:
                continue


members = st.sampled_from(
    (
        "object_refs",
        "created_by_ref",
        "object_marking_refs",
        "granular_markings",
        "extensions",
        "name",
        "pattern",
        "id",
        "type",
        "created",
        "spec_version",
        "labels",
        "contents",
    )
)


@QUICK
@given(st.dictionaries(members, values, max_size=5), st.booleans())
def test_an_object_of_any_shape_raises_only_our_errors(more, is_marked):
    odd = {**a_report("odd", a_tool("tool")), **({"object_marking_refs": [RED]} if is_marked else {}), **more}
    try:
        content = json.dumps(a_bundle(odd, a_tool("tool"))).encode()
        found = units(STIX, content, (UnitFacts(a_tool("tool")["id"]),))
        redacted(
            STIX, content, (UnitFacts(a_tool("tool")["id"]),), {unit.path: Shown.CLEAR for unit in found[:1]}, MINTING
        )
    except AttacheError:
        pass


@st.composite
def graphs(draw):
    """Tools that nobody else is named like, linked and reported on at random."""
    tools = [a_tool(f"Zq{n:02}-tool-zq") for n in range(draw(st.integers(2, 6)))]
    links = [a_link(draw(st.sampled_from(tools)), draw(st.sampled_from(tools))) for _ in range(draw(st.integers(0, 6)))]
    links = list({link["id"]: link for link in links}.values())
    parts = [*tools, *links]
    reports = [
        a_report(
            f"Zq{n}-report-zq",
            *draw(st.lists(st.sampled_from(parts), min_size=1, max_size=5, unique_by=lambda b: b["id"])),
        )
        for n in range(draw(st.integers(0, 3)))
    ]
    notes = [
        an_object(
            "note", f"n{n}", content=f"Zq{n}-note-zq", object_refs=[draw(st.sampled_from([*parts, *reports]))["id"]]
        )
        for n in range(draw(st.integers(0, 2)))
    ]
    return draw(st.permutations([*parts, *reports, *notes]))


def copy_of(objects, permitted):
    """What is left where only these may go; every object is a unit of its own."""
    stated = [UnitFacts(body["id"]) for body in objects]
    outcomes = {body["id"]: Shown.CLEAR for body in objects if body["id"] in permitted}
    copy = redacted(STIX, raw(*objects), stated, outcomes, MINTING)
    return [] if copy is None else json.loads(copy)["objects"]


def stands_for(objects, copy):
    """Of which originals something is in a copy."""
    from gateway.content.stix_minting import Mint

    mint = Mint(MINTING)
    there = {body["id"] for body in copy}
    return {body["id"] for body in objects if body["id"] in there or mint.id_of(body["id"]) in there}


@QUICK
@given(graphs(), st.data())
def test_nothing_withheld_is_in_the_copy_and_more_permission_is_never_less(objects, data):
    ids = [body["id"] for body in objects]
    fewer = set(data.draw(st.lists(st.sampled_from(ids), unique=True)))
    more = fewer | set(data.draw(st.lists(st.sampled_from(ids), unique=True)))
    less, rest = copy_of(objects, fewer), copy_of(objects, more)
    for copy, permitted in ((less, fewer), (rest, more)):
        text = json.dumps(copy)
        for body in objects:
            if body["id"] not in permitted:
                assert body["id"].partition("--")[2] not in text
                assert body.get("name", "\x00") not in text
        there = {body["id"] for body in copy}
        refs = {
            ref
            for body in copy
            for name in ("source_ref", "target_ref", "created_by_ref")
            for ref in [body.get(name)]
            if ref
        }
        assert refs | {ref for body in copy for ref in body.get("object_refs", [])} <= there
    assert stands_for(objects, less) <= stands_for(objects, rest)
    assert stands_for(objects, copy_of(objects, set(ids))) == set(ids)


@QUICK
@given(values, st.data())
def test_what_is_taken_from_json_is_gone_and_the_rest_is_as_it_was(value, data):
    document = {"kept": value, "taken": "zq-secret-zq", "list": [1, "zq-other-zq", 3.50]}
    stated = [UnitFacts("/taken"), UnitFacts("/list/1")]
    shown = data.draw(st.sampled_from([Shown.WITHHELD, Shown.MASKED]))
    content = json.dumps(document).encode()
    copy = redacted("application/json", content, stated, {"": Shown.CLEAR, "/taken": shown, "/list/1": shown}, MINTING)
    mask = [MASK] if shown is Shown.MASKED else []
    assert json.loads(copy) == {"kept": value, **({"taken": MASK} if mask else {}), "list": [1, *mask, 3.50]}
    assert b"3.5" in copy


def test_numbers_keep_their_spelling():
    stated = [UnitFacts("/b")]
    content = b'{"a": [1.10, 12345678901234567890.12345678901234567890, 1e400, -0], "b": 1}'
    copy = redacted("application/json", content, stated, {"": Shown.CLEAR}, MINTING)
    assert copy == b'{"a":[1.10,12345678901234567890.12345678901234567890,1e400,-0]}'


def test_what_has_no_outcome_is_withheld():
    assert redacted("application/json", b'{"a": 1}', [], {}, MINTING) is None
    stated = [UnitFacts("/a")]
    assert redacted("application/json", b'{"a": 1, "b": 2}', stated, {"": Shown.CLEAR}, MINTING) == b'{"b":2}'


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"{}",
        b'{"type":"bundle"}',
        b'{"type":"bundle","id":"bundle--1"}',
        raw({"type": "tool"}),
        raw({"type": "tool", "id": "malware--" + a_tool("x")["id"][6:]}),
    ],
)
def test_what_is_no_bundle_is_refused(content):
    with pytest.raises(MalformedInput) as error:
        units(STIX, content, ())
    assert error.value.code == "content-malformed"


def test_stix_of_another_version_is_refused():
    old = {name: value for name, value in a_tool("old").items() if name != "spec_version"}
    with pytest.raises(MalformedInput):
        units(STIX, raw(old), ())


def test_what_is_looked_into():
    assert is_understood("application/json; charset=utf-8")
    assert is_understood("Application/STIX+json;version=2.1")
    assert not is_understood("text/plain")
    assert not is_understood("application/ld+json")


@pytest.mark.skipif(not SHARED.exists(), reason="the shared example data is not here")
@pytest.mark.parametrize("path", sorted((SHARED / "oasis-stix-examples").glob("*.json")), ids=lambda path: path.stem)
def test_real_bundles_lose_any_one_object(path):
    content = path.read_bytes()
    found = units(STIX, content, ()) or [UnitFacts(body["id"]) for body in json.loads(content)["objects"]]
    objects = [unit.path for unit in found if "/" not in unit.path]
    for gone in objects[:: max(1, len(objects) // 8)]:
        if gone.startswith(("marking-definition", "extension-definition")):
            continue
        outcomes = {unit.path: Shown.CLEAR for unit in found if not unit.path.startswith(gone)}
        try:
            copy = redacted(STIX, content, [UnitFacts(gone)], outcomes, MINTING)
        except NotPermitted as error:
            assert error.code == "redaction-blocked"
            continue
        assert copy is None or gone.encode() not in copy
