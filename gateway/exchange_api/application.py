"""The exchange API as one application."""

from fastapi import FastAPI

from gateway.admission import RateLimit, describe
from gateway.exchange.kernel.agency import Agency
from gateway.exchange_api import consents, mailbox, packages, participant, receipts, witness
from gateway.exchange_api.peers import PeerAuthentication
from gateway.exchange_api.refused import CertificateRefusals
from gateway.problems import install_problems
from gateway.request_log import install_request_log
from gateway.settings import Settings
from gateway.tls import RequireCurrentCertificate
from gateway.tls.current_certificate import VerifyCurrent

ROUTERS = (packages, receipts, consents, mailbox, participant, witness)


def create_exchange_api(
    agency: Agency, settings: Settings, rate: RateLimit, verify_current: VerifyCurrent, refused: CertificateRefusals
) -> FastAPI:
    """The application.

    Every request needs a current certificate of an active participant, and is within its rate limit.
    """
    app = FastAPI(
        title="attache exchange API",
        version="1",
        summary="Sealed packages and receipts between participants.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.agency, app.state.settings = agency, settings
    app.state.authentication = PeerAuthentication(agency, rate, refused)
    for module in ROUTERS:
        app.include_router(module.router, prefix="/exchange/v1")
    describe(app)
    app.add_middleware(
        RequireCurrentCertificate,
        verify_current=verify_current,
        refusals=refused,
    )
    install_problems(app)
    install_request_log(app)
    return app
