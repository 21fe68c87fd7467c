"""The agency API as one application."""

from fastapi import FastAPI

from gateway.admission import CallerDoor, health_router, install_refusals
from gateway.admission.contract import describe
from gateway.admission.health import Check
from gateway.api import (
    approvals,
    consents,
    decisions,
    evidence,
    inbox,
    log,
    officers,
    packages,
    participants,
    policies,
    reviews,
    witnesses,
)
from gateway.exchange.agency import Agency
from gateway.exchange.explain import Question
from gateway.exchange.submission import Submission
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
    witnesses,
)


def create_agency_api(agency: Agency, door: CallerDoor, settings: Settings, checks: dict[str, Check]) -> FastAPI:
    """The application; every endpoint needs a caller with a role that permits it, health checks excepted."""
    app = FastAPI(
        title="attache agency API",
        version="1",
        summary="Submit, decide, approve, read and audit exchanged packages.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.agency, app.state.door, app.state.settings = agency, door, settings
    for module in ROUTERS:
        app.include_router(module.router, prefix="/api/v1")
    app.include_router(health_router(checks))
    bodies = (
        Submission,
        Question,
        approvals.Answered,
        consents.Asked,
        consents.Granted,
        consents.Refused,
        reviews.Reviewed,
        officers.Withdrawn,
        officers.Reinstated,
        policies.Proposed,
        policies.Activated,
        witnesses.Cleared,
    )
    describe(app, bodies=bodies)
    install_problems(app)
    install_refusals(app)
    install_request_log(app)
    return app
