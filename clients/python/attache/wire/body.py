"""What every request body has in common, and the types of its members."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MAX_NOTE = 2000

Note = Annotated[str, Field(min_length=1, max_length=MAX_NOTE)]
"""A person's words for what is done; kept sealed, or in the exchange log."""


class RequestBody(BaseModel):
    """A frozen request: closed words, no conversion and no member that is not declared."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", defer_build=True)
