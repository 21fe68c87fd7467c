"""OpenAPI for what the framework does not know: request bodies that the gateway reads itself, and problems."""

from collections.abc import Collection, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

_REFERENCE = "#/components/schemas/{model}"

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


def request_body(media_types: Collection[str], model: type[BaseModel] | None) -> dict[str, Any]:
    """The part of an operation that describes its body: a value of `model`, or bytes. `with_schemas` adds the model."""
    bytes_of_any_content = {"type": "string", "format": "binary"}
    schema = {"$ref": _REFERENCE.format(model=model.__name__)} if model else bytes_of_any_content
    return {
        "requestBody": {"required": True, "content": {media_type: {"schema": schema} for media_type in media_types}}
    }


def with_schemas(contract: dict[str, Any], models: Sequence[type[BaseModel]]) -> dict[str, Any]:
    """`contract` with the schemas of `models` and of the models that they contain."""
    inputs: list[tuple[type[BaseModel], JsonSchemaMode]] = [(model, "validation") for model in models]
    _, found = models_json_schema(inputs, ref_template=_REFERENCE)
    contract.setdefault("components", {}).setdefault("schemas", {}).update(found["$defs"])
    return contract
