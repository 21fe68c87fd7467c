"""Health checks for the operator's supervisor, without authentication: the process runs, and it can serve requests."""

from collections.abc import Awaitable, Callable, Mapping

import structlog
from fastapi import APIRouter

from attache.errors import AttacheError

Check = Callable[[], Awaitable[None]]
"""Raises an error if something that requests depend on does not work."""

log = structlog.get_logger("gateway.health")


def health_router(checks: Mapping[str, Check]) -> APIRouter:
    """A router: `/healthz` answers 200 while the process runs, `/readyz` if every check passes, otherwise 503 with the
    names of the failed checks.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz")
    async def readyz() -> dict[str, str]:
        failed = [name for name, check in checks.items() if not await _passes(name, check)]
        if failed:
            raise AttacheError("not-ready", extra={"failed": failed})
        return {"status": "ready"}

    return router


async def _passes(name: str, check: Check) -> bool:
    try:
        await check()
    except Exception as error:  # noqa: BLE001 -- any error means that it is not ready
        log.warning("not-ready", check=name, error=type(error).__name__)
        return False
    return True
