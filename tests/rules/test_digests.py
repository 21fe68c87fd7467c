"""What is hashed is named: a member that a class gets later changes no digest of what was there before it."""

import json
from copy import deepcopy
from dataclasses import field, fields, make_dataclass, replace
from datetime import datetime
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Annotated, NewType, get_args, get_origin

import pytest
from pydantic import TypeAdapter, create_model

from attache.crypto import sha256_hex
from attache.wire.packages import FieldFacts, PartFacts, Question, Submission
from gateway.exchange.kernel.records import ADDED, RECORDS, SettingRecord, added_defaults, marks_of, names_of
from gateway.exchange.kernel.submission import parse_as, parse_submission
from gateway.exchange.outgoing import proposal
from gateway.exchange.outgoing.proposal import LEAVES, STAYS, content_digest
from gateway.policy import record as decision_record
from gateway.policy.decision import Decision
from gateway.policy.record import BOUND, MEMBERS, digest_of, parse_request, plain, record_of
from gateway.policy.request import ReleaseRequest
from gateway.store.row_digests import mark_of

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "digests.json").read_text("utf-8"))
KINDS = {kind.TABLE: kind for kind in RECORDS}
ROWS, SUBMISSIONS, DECISIONS = VECTORS["rows"], VECTORS["submissions"], VECTORS["decisions"]
NOT_BOUND = {"requester", "post", "now", "retention_days", "wait_for_approval", "approvals"}
"""Facts of a request that an approval is not bound to; consents are bound to, in any order."""


def value_of(hint, stated):
    """A field's value, from its text in the vector."""
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if stated is None:
        return None
    plain_types = [each for each in get_args(hint) if each is not NoneType] or [hint]
    kind = plain_types[0].__supertype__ if isinstance(plain_types[0], NewType) else plain_types[0]
    if kind is datetime:
        return datetime.fromisoformat(stated)
    if kind is bytes:
        return bytes.fromhex(stated)
    return kind(stated) if issubclass(kind, Enum) else stated


def record_in(vector):
    kind = KINDS[vector["table"]]
    return kind(**{name: value_of(names_of(kind)[name], stated) for name, stated in vector["values"].items()})


@pytest.mark.parametrize("vector", ROWS, ids=lambda vector: vector["table"])
def test_rows(vector):
    mark = mark_of(record_in(vector))
    assert (mark.table, mark.key, mark.digest) == (vector["table"], vector["key"], vector["digest"])


def test_every_field_is_in_the_vectors_or_marked_as_added():
    first = {vector["table"]: vector["values"].keys() for vector in ROWS}
    for kind in RECORDS:
        if kind.TABLE in first:
            added = {each.name for each in fields(kind) if each.default is not each.default_factory}
            assert names_of(kind).keys() - first[kind.TABLE] == added_defaults(kind).keys() <= added


def with_later(**later):
    """A settings record as later versions would have it, with these fields, each an integer that is 0 by default."""
    stated = [(name, Annotated[int, ADDED], field(default=0)) for name in later]
    kind = make_dataclass("Later", stated, bases=(SettingRecord,), frozen=True)
    assert all(ADDED in marks_of(hint) for name, hint in names_of(kind).items() if name in later)
    return kind("name", "digest", **later)


def test_an_added_field_changes_no_row_digest_until_it_is_used():
    before = mark_of(SettingRecord("name", "digest"))
    assert mark_of(with_later(one=0)) == mark_of(with_later(one=0, two=0)) == before
    used = [with_later(one=1), with_later(two=1), with_later(one=2), with_later(one=1, two=1)]
    digests = [mark_of(record).digest for record in used]
    assert len({before.digest, *digests}) == len(used) + 1
    assert mark_of(with_later(one=1, two=0)) == mark_of(with_later(two=0, one=1)) == mark_of(with_later(one=1))


@pytest.mark.parametrize("vector", SUBMISSIONS, ids=["plainest", "whole"])
def test_submissions(vector):
    submission = parse_submission(json.dumps(vector["submission"]).encode())
    assert content_digest(submission, vector["digests"]) == vector["content_digest"]


@pytest.fixture
def later(monkeypatch):
    """The submission as a later version has it: with one more member in each of its classes, empty by default."""
    unit = create_model("LaterField", __base__=FieldFacts, later=(str, ""))
    part = create_model("LaterPart", __base__=PartFacts, later=(str, ""), fields=(tuple[unit, ...], ()))
    model = create_model("Later", __base__=Submission, later=(str, ""), parts=(tuple[part, ...], ...))
    leaves = {model: LEAVES[Submission], part: LEAVES[PartFacts], unit: LEAVES[FieldFacts]}
    monkeypatch.setattr(proposal, "LEAVES", leaves)
    return model


def digest_as(model, vector):
    return content_digest(parse_as(json.dumps(vector["submission"]).encode(), model), vector["digests"])


@pytest.mark.parametrize("vector", SUBMISSIONS, ids=["plainest", "whole"])
def test_a_submission_of_a_later_version(later, vector):
    assert digest_as(later, vector) == vector["content_digest"]


def test_a_member_of_a_later_version_is_in_the_digest_when_it_is_used(later):
    digests = {SUBMISSIONS[1]["content_digest"]}
    for place in (None, "parts", "fields"):
        vector = deepcopy(SUBMISSIONS[1])
        facts = vector["submission"]
        used = {None: facts, "parts": facts["parts"][1], "fields": facts["parts"][0]["fields"][1]}[place]
        used["later"] = "used"
        digests.add(digest_as(later, vector))
    assert len(digests) == 4


def test_a_question_about_a_submission_has_its_content_digest():
    vector = deepcopy(SUBMISSIONS[1])
    vector["submission"] |= {"recipient": "europol", "part": "b.txt"}
    assert digest_as(Question, vector) == vector["content_digest"]


@pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)
def test_a_member_is_always_in_the_content_digest_or_has_a_default_or_stays(kind):
    assert {*LEAVES[kind]} <= kind.model_fields.keys() - STAYS
    assert not any(kind.model_fields[name].is_required() for name in kind.model_fields.keys() - STAYS - {*LEAVES[kind]})


@pytest.mark.parametrize("vector", DECISIONS, ids=["plainest", "whole"])
def test_decisions(vector):
    facts = plain(parse_request(vector["request"]))
    assert digest_of(vector["shard_hash"], vector["desk"], facts) == vector["release_digest"]
    decision = TypeAdapter(Decision).validate_python(vector["decision"])
    assert sha256_hex(record_of("irs-ci", facts, decision)) == vector["record_sha256"]


def test_a_request_of_a_later_version(monkeypatch):
    later = make_dataclass("Later", [("later", str, field(default=""))], bases=(ReleaseRequest,), frozen=True)
    monkeypatch.setattr(decision_record, "MEMBERS", {**MEMBERS, later: MEMBERS[ReleaseRequest]})
    now = parse_request(DECISIONS[1]["request"])
    then = later(**vars(now))
    assert plain(then) == plain(now)
    assert plain(replace(then, later="used")) == {**plain(now), "later": "used"}


def test_an_approval_is_bound_to_a_later_fact_where_it_is_used(monkeypatch):
    monkeypatch.setattr(decision_record, "BOUND", (*BOUND, "later"))
    vector = DECISIONS[1]
    facts = plain(parse_request(vector["request"]))
    assert digest_of(vector["shard_hash"], vector["desk"], facts) == vector["release_digest"]
    assert digest_of(vector["shard_hash"], vector["desk"], {**facts, "later": "used"}) != vector["release_digest"]


def test_an_approval_is_bound_to_every_fact_but_these():
    assert {*BOUND, "consents"} == {each.name for each in fields(ReleaseRequest)} - NOT_BOUND
