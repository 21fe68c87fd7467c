"""The number of items on a page of a list, as a parameter of endpoints."""

from typing import Annotated

from fastapi import Query

from gateway.exchange.kernel.lists import MAX_LISTED

PageSize = Annotated[int, Query(ge=1, le=MAX_LISTED)]
