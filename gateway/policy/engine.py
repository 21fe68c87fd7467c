"""The only module that calls Cedar. Any answer with an error raises, and then nothing is released.

Cedar ignores a rule whose evaluation fails, so a failing forbid would have no effect. Here it stops the release.
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
    """May `principal` do `action` to `resource`? `principal` and `resource` are references; `context` is Cedar JSON
    text.
    """

    principal: Json
    action: str
    resource: Json
    context: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The engine's answer. `rules` determined it: the permits or the forbids that apply; none where no rule applies,
    which denies.
    """

    allowed: bool
    rules: tuple[str, ...]


def compile_policies(forms: Mapping[str, Json]) -> cedarpy.PolicySet:
    """Compile policies, given by id in Cedar's JSON; raises ValueError."""
    text = canonical({"staticPolicies": dict(forms), "templates": {}, "templateLinks": []})
    return cedarpy.PolicySet.from_json_str(text.decode())


def known_facts(
    entities: Sequence[Json], schema: cedarpy.Schema, *, beside: cedarpy.Entities | None = None
) -> cedarpy.Entities:
    """The facts in the engine's form, checked against the schema and added to `beside`.

    Raises NotPermitted("policy-engine-failed") if a fact is missing, of a wrong type, outside its vocabulary, or given
    twice.
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

    Raises NotPermitted("policy-engine-failed") if the engine fails, does not decide a question, or if any rule failed.
    The detail names rules, never facts.
    """
    requests = [_request(question) for question in questions]
    try:
        results = cedarpy.is_authorized_batch(requests, policies, facts, schema)
    except Exception as error:  # noqa: BLE001 -- after any error, nothing is released
        raise NotPermitted("policy-engine-failed", f"the engine failed: {type(error).__name__}") from None
    answers = []
    for result in results:
        diagnostics = result.diagnostics
        if result.decision is CedarDecision.NoDecision:
            raise NotPermitted("policy-engine-failed", "the question does not fit the schema")
        # protocol A2: Cedar ignores a rule that fails, also a forbid
        if diagnostics.errors:
            raise NotPermitted("policy-engine-failed", f"rules failed: {_rules_named(diagnostics.errors)}")
        answers.append(Answer(result.decision is CedarDecision.Allow, tuple(sorted(diagnostics.reasons))))
    if len(answers) != len(questions):
        raise NotPermitted("policy-engine-failed", "an answer is missing")
    return answers


def entity(kind: str, entity_id: str, attributes: Json, *, parents: Sequence[Json] = ()) -> dict[str, Any]:
    """One entity with its attributes."""
    return {"uid": reference(kind, entity_id), "attrs": attributes, "parents": list(parents)}


def reference(kind: str, entity_id: str) -> dict[str, Any]:
    """The reference to an entity."""
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
