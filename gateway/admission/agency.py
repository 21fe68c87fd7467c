"""The agency that an application serves, as a parameter of endpoints."""

from typing import Annotated

from fastapi import Depends, Request

from gateway.exchange.kernel.agency import Agency


# A coroutine: the framework would run a plain function in a thread for each request.
async def _agency_of(request: Request) -> Agency:
    agency: Agency = request.app.state.agency
    return agency


ThisAgency = Annotated[Agency, Depends(_agency_of)]
