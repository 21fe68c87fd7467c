"""The one place that puts questions to Cedar. Anything but a clean answer is an error, and an error releases nothing.

Cedar skips a rule that errs, so that a forbid in trouble would fall silent: here it stops the release.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import cedarpy
from cedarpy import Decision as CedarDecision

from attache.errors import NotPermitted
from attache.strict_json import canonical

ENGINE = f"cedarpy-{version('cedarpy')}"
NAMESPACE = "Attache::"

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """May `principal` do `action` to `resource`? Both are references; `context` is Cedar JSON text."""

    principal: Json
    action: str
    resource: Json
    context: str


@dataclass(frozen=True, slots=True)
class Answer:
    """`rules` determined it: the permits that apply, or the forbids that do, or none where silence denies."""

    allowed: bool
    rules: tuple[str, ...]


def compile_policies(forms: Mapping[str, Json]) -> cedarpy.PolicySet:
    """The policies, by id, ready for use; raises ValueError."""
    text = canonical({"staticPolicies": dict(forms), "templates": {}, "templateLinks": []})
    return cedarpy.PolicySet.from_json_str(text.decode())


def known_facts(
    entities: Sequence[Json], schema: cedarpy.Schema, *, beside: cedarpy.Entities | None = None
) -> cedarpy.Entities:
    """Facts, checked against the schema, `beside` others that are known already.

    References are written as the schema expects them, so that they cannot be read without it. Raises
    NotPermitted("policy-engine-failed") if a fact is missing, of a wrong type, outside its vocabulary, or said twice.
    """
    text = json.dumps(entities, separators=(",", ":"))
    try:
        if beside is None:
            return cedarpy.Entities.from_json_str(text, schema)
        return beside.with_added_json_str(text, schema)
    except ValueError:
        raise NotPermitted("policy-engine-failed", "the facts do not fit the schema") from None


def ask(
    policies: cedarpy.PolicySet,
    schema: cedarpy.Schema,
    facts: cedarpy.Entities,
    questions: Sequence[Question],
) -> list[Answer]:
    """The engine's answers, in the order of the questions.

    Raises NotPermitted("policy-engine-failed") if the engine refuses, gives no decision to any question, or met an
    error in any rule. The detail names rules, and never facts.
    """
    requests = [_request(question) for question in questions]
    try:
        results = cedarpy.is_authorized_batch(requests, policies, facts, schema)
    except Exception as error:  # noqa: BLE001 -- whatever it is, nothing leaves
        raise NotPermitted("policy-engine-failed", f"the engine refused: {type(error).__name__}") from None
    answers = []
    for result in results:
        diagnostics = result.diagnostics
        if result.decision is CedarDecision.NoDecision:
            raise NotPermitted("policy-engine-failed", "the question does not fit the schema")
        # protocol A2: Cedar skips a rule that errs, a forbid among them
        if diagnostics.errors:
            raise NotPermitted("policy-engine-failed", f"rules erred: {_rules_named(diagnostics.errors)}")
        answers.append(Answer(result.decision is CedarDecision.Allow, tuple(sorted(diagnostics.reasons))))
    if len(answers) != len(questions):
        raise NotPermitted("policy-engine-failed", "an answer is missing")
    return answers


def entity(kind: str, entity_id: str, stated: Json, *, parents: Sequence[Json] = ()) -> dict[str, Any]:
    """One entity, with what is stated of it."""
    return {"uid": reference(kind, entity_id), "attrs": stated, "parents": list(parents)}


def reference(kind: str, entity_id: str) -> dict[str, Any]:
    """The name of an entity."""
    return {"type": NAMESPACE + kind, "id": entity_id}


def _request(question: Question) -> dict[str, Any]:
    return {
        "principal": question.principal,
        "action": reference("Action", question.action),
        "resource": question.resource,
        "context": question.context,
    }


def _rules_named(errors: Sequence[str]) -> str:
    named = {match[1] for error in errors if (match := re.search(r"policy `([A-Z0-9-]{1,80})`", error))}
    return ", ".join(sorted(named)) or "unknown"
