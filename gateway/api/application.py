"""The agency API as one application."""

from fastapi import FastAPI

from gateway.admission import CallerAuthentication, describe, health_router, install_refusals
from gateway.admission.health import Check
from gateway.admission.measured import Render, metrics_router
from gateway.api import (
    approvals,
    consents,
    decisions,
    evidence,
    holds,
    inbox,
    log,
    officers,
    packages,
    participants,
    policies,
    purges,
    reviews,
    witnesses,
)
from gateway.exchange.kernel.agency import Agency
from gateway.problems import install_problems
from gateway.request_log import install_request_log
from gateway.settings import Settings

ROUTERS = (
    packages,
    evidence,
    decisions,
    approvals,
    reviews,
    consents,
    inbox,
    participants,
    officers,
    policies,
    log,
    purges,
    holds,
    witnesses,
)


def create_agency_api(
    agency: Agency,
    authentication: CallerAuthentication,
    settings: Settings,
    checks: dict[str, Check],
    metrics: Render,
) -> FastAPI:
    """The application.

    Every endpoint except the health checks and the descriptions of problems needs a caller with a permitted role.
    """
    app = FastAPI(
        title="attache agency API",
        version="1",
        summary="Submit, decide, approve, read and audit exchanged packages.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.agency, app.state.authentication, app.state.settings = agency, authentication, settings
    for module in ROUTERS:
        app.include_router(module.router, prefix="/api/v1")
    app.include_router(health_router(checks))
    app.include_router(metrics_router(metrics))
    describe(app)
    install_problems(app)
    install_refusals(app)
    install_request_log(app)
    return app
