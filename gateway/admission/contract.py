"""OpenAPI for bodies that are read by hand: bounded and strict, which the framework's own reading is not."""

import re
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

_REFERENCE = "#/components/schemas/{model}"

_BODIES: dict[str, type[BaseModel]] = {}
"""Every body of an endpoint, by the name of its schema."""

PROBLEM: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "Any problem (RFC 9457).",
        "content": {"application/problem+json": {"schema": {"$ref": _REFERENCE.format(model="Problem")}}},
    }
}


class Problem(BaseModel):
    """An error as a client sees it. `code` is stable; `step` names the step of a verification that failed."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    step: str | None = None


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """The request body of an endpoint that reads `model` from application/json. `describe` finds the model by itself."""
    _BODIES[model.__name__] = model
    schema = {"$ref": _REFERENCE.format(model=model.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def raw_body(*media_types: str) -> dict[str, Any]:
    """The request body of an endpoint that takes bytes."""
    schema = {"type": "string", "format": "binary"}
    return {
        "requestBody": {"required": True, "content": {media_type: {"schema": schema} for media_type in media_types}}
    }


def describe(app: FastAPI) -> None:
    """Make `app.openapi()` hold the bodies that its operations name, and the one shape of every problem."""
    generate = app.openapi

    def with_bodies() -> dict[str, Any]:
        contract = generate()
        named = re.findall(re.escape(_REFERENCE.format(model="")) + r"(\w+)", str(contract["paths"]))
        described: list[type[BaseModel]] = [
            *(_BODIES[name] for name in dict.fromkeys(named) if name in _BODIES),
            Problem,
        ]
        models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(model, "validation") for model in described]
        _, found = models_json_schema(models, ref_template=_REFERENCE)
        contract.setdefault("components", {}).setdefault("schemas", {}).update(found["$defs"])
        return contract

    app.openapi = with_bodies  # type: ignore[method-assign]  # the framework's documented way to extend the contract
