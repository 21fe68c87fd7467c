"""What every request body has in common, and the types of its members."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, ValidationError, model_validator

from attache.errors import MalformedInput

MAX_NOTE = 2000

Note = Annotated[str, Field(min_length=1, max_length=MAX_NOTE)]
"""A person's words for what is done; kept sealed, or in the exchange log."""


class RequestBody(BaseModel):
    """A frozen request: closed words, no conversion and no member that is not declared."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", defer_build=True)


class ListFilter(RequestBody):
    """Which items a list holds: those that fit every member that is given.

    Raises MalformedInput for a member that is unknown or does not fit; it names the member, never its value.
    """

    @model_validator(mode="wrap")
    @classmethod
    def _refuse(cls, given: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return read(given)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            names = set(cls.model_fields) & {str(step) for step in first["loc"]}
            raise MalformedInput("malformed-request", f"{', '.join(names) or 'filter'}: {first['msg']}") from None
