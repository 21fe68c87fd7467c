"""Parses Cedar text into rules: each with its id, line, annotations, and its clauses in words.

Cedar's own policy ids are positional (`policy0`, `policy1`) and change when a file is edited; our `@id` is used
instead.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import cedarpy
from cedarpy import pst

from attache.errors import Misconfigured

_ANY_SCOPE = {name: {"op": "All"} for name in ("principal", "action", "resource")}
_CLAUSE_WORDS = re.compile(r"c[1-9][0-9]*")


@dataclass(frozen=True)
class Clause:
    """One legal condition. `is_unless`: it is an exception. `words` describe the condition that `cedar` expresses."""

    is_unless: bool
    words: str
    cedar: str
    expression: pst.Expr
    json_form: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Rule:
    """One policy. `json_form` is Cedar's own JSON for it; `template` its syntax tree."""

    id: str
    file: str
    line: int
    is_permit: bool
    annotations: Mapping[str, str]
    clauses: tuple[Clause, ...]
    template: pst.Template = field(repr=False)
    json_form: Mapping[str, Any] = field(repr=False)

    @property
    def why(self) -> str:
        return self.annotations.get("why", "")

    @property
    def cite(self) -> str:
        return self.annotations.get("cite", "")

    @property
    def is_hidden(self) -> bool:
        """Whether the existence of the units that the rule withholds is secret."""
        return "hide" in self.annotations

    def probes(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Its scope (`ID#scope`) and each of its clauses (`ID#1` ...) as separate policies, in Cedar's JSON."""
        scope = {name: self.json_form[name] for name in ("principal", "action", "resource")}
        yield f"{self.id}#scope", {"effect": "permit", **scope, "conditions": []}
        for number, clause in enumerate(self.clauses, 1):
            conditions = [{"kind": "when", "body": clause.json_form}]
            yield f"{self.id}#{number}", {"effect": "permit", **_ANY_SCOPE, "conditions": conditions}

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}: {self.id}"


def parse_rules(text: str, file: str) -> tuple[Rule, ...]:
    """The rules of one Cedar file.

    Raises Misconfigured("policy-not-loaded"), naming file, line and rule, unless every statement is a policy (not a
    template) with an `@id` of its own.
    """
    found: dict[str, Rule] = {}
    for line, statement in _statements(text):
        rule = _parse_rule(statement, file, line)
        if rule.id in found:
            raise Misconfigured("policy-not-loaded", f"{rule.where}: the id is used twice")
        found[rule.id] = rule
    return tuple(found.values())


def _parse_rule(statement: str, file: str, line: int) -> Rule:
    named = re.search(r'@id\s*\(\s*"([^"]*)"', statement)
    where = f"{file}:{line}: {named[1] if named else 'a rule without @id'}"
    try:
        forms = json.loads(cedarpy.policies_to_json_str(statement))
        trees = cedarpy.policies_to_pst(statement)
    except ValueError as error:
        raise Misconfigured("policy-not-loaded", f"{where}: {str(error)[:300]}") from None
    if len(forms["staticPolicies"]) != 1:
        raise Misconfigured("policy-not-loaded", f"{where}: not one policy (templates are not used here)")
    (form,), (template,) = forms["staticPolicies"].values(), trees.static_policies.values()
    rule_id = template.annotations.get("id", "")
    if not rule_id:
        raise Misconfigured("policy-not-loaded", f"{where}: @id is missing")
    texts = list(_clause_texts(statement))
    if not len(texts) == len(template.clauses) == len(form["conditions"]):
        raise Misconfigured("policy-not-loaded", f"{where}: its clauses cannot be separated")
    clauses = zip(template.clauses, form["conditions"], texts, strict=True)
    return Rule(
        id=rule_id,
        file=file,
        line=line,
        is_permit=template.effect == "permit",
        annotations=dict(template.annotations),
        clauses=tuple(
            Clause(
                is_unless=isinstance(clause, pst.Unless),
                words=template.annotations.get(f"c{number}", ""),
                cedar=text,
                expression=clause.expr,
                json_form=condition["body"],
            )
            for number, (clause, condition, text) in enumerate(clauses, 1)
        ),
        template=template,
        json_form=form,
    )


def is_clause_words(annotation: str) -> bool:
    """Whether the annotation is one of @c1, @c2, ..."""
    return _CLAUSE_WORDS.fullmatch(annotation) is not None


def _clause_texts(statement: str) -> Iterator[str]:
    """The text between the braces of each clause, on one line, without namespaces."""
    depth, start = 0, 0
    for token in re.finditer(r'//[^\n]*|"(?:[^"\\]|\\.)*"|[{}]', statement):
        if token[0] == "{":
            depth += 1
            start = token.end() if depth == 1 else start
        elif token[0] == "}":
            depth -= 1
            if depth == 0:
                text = re.sub(r"//[^\n]*", "", statement[start : token.start()])
                yield (
                    re.sub(r"\s+", " ", text)
                    .strip()
                    .replace("Attache::", "")
                    .replace("context.release.", "")
                    .replace("context.terms.", "")
                )


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each statement, and the line on which it starts. Comments and strings may contain semicolons."""
    start, code_at = 0, None
    for token in re.finditer(r'//[^\n]*|"(?:[^"\\]|\\.)*"|;|[^\s;"/]+|/', text):
        if token[0].startswith("//"):
            continue
        if code_at is None:
            start = code_at = token.start()
        if token[0] == ";":
            yield text.count("\n", 0, code_at) + 1, text[start : token.end()]
            code_at = None
    if code_at is not None:
        yield text.count("\n", 0, code_at) + 1, text[start:]
