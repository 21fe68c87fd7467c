"""`/metrics`: measurements of this gateway, for callers who may read its health."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Response

from gateway.admission.callers import requires
from gateway.identity import Action
from gateway.metrics import CONTENT_TYPE

Render = Callable[[], Awaitable[bytes]]


def metrics_router(render: Render) -> APIRouter:
    """A router with the endpoint. It needs the access token of an operator or a security officer."""
    router = APIRouter(include_in_schema=False)

    @router.get("/metrics", dependencies=[requires(Action.READ_HEALTH)], response_class=Response)
    async def metrics() -> Response:
        return Response(await render(), headers={"Content-Type": CONTENT_TYPE})

    return router
