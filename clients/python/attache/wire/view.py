"""What every answer has in common: strict where a gateway makes it, lenient where a client reads it."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue, SkipJsonSchema
from pydantic_core import CoreSchema

Absent = SkipJsonSchema[None]
"""The type of a member that a gateway always sends and a client does not insist on: `datetime | Absent = None`."""


class Later:
    """Marks a member that the first version of the API did not have: the contract does not promise that it is sent."""


LATER = Later()


class View(BaseModel):
    """A frozen answer. Values pickle, and none of them holds a secret.

    A client reads it with `model_validate`: a member that it does not know is kept (`model_extra`), one that is absent has its
    default, and states are plain strings, so that a gateway of another version breaks no client. A gateway makes it with
    `of`, which forgets no member. The contract (JSON Schema) promises every member but those marked `LATER`.
    """

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)

    @classmethod
    def of(cls, *sources: object, **given: Any) -> Self:
        """The view with each member from `given`, or else from the first of `sources` that has an attribute, or is a mapping
        with a key, of its name.

        Raises TypeError for a member that nothing supplies, and for something given that is no member.
        """
        if unknown := given.keys() - cls.model_fields.keys():
            raise TypeError(f"{cls.__name__} has no {', '.join(sorted(unknown))}")
        supplied = {name: given[name] if name in given else cls._found(name, sources) for name in cls.model_fields}
        return cls(**supplied)

    @classmethod
    def _found(cls, name: str, sources: tuple[object, ...]) -> Any:
        for source in sources:
            if isinstance(source, Mapping):
                if name in source:
                    return source[name]
            elif hasattr(source, name):
                return getattr(source, name)
        raise TypeError(f"nothing supplies {cls.__name__}.{name}")

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        reference = handler(core_schema)
        schema = handler.resolve_ref_schema(reference)
        del schema["additionalProperties"]
        later = {name for name, member in cls.model_fields.items() if LATER in member.metadata}
        for name, member in schema["properties"].items():
            if name not in later:
                member.pop("default", None)
        schema["required"] = [name for name in schema["properties"] if name not in later]
        return reference
