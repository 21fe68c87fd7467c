"""Authentication at the exchange API: the peer is the participant whose descriptor lists the client certificate."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Query, Request

from attache.errors import AttacheError
from attache.package import UUID7_PATTERN, ids
from gateway.admission import RateLimit
from gateway.exchange.kernel.agency import Agency
from gateway.exchange_api.refused import CertificateRefusals
from gateway.partners import Partner
from gateway.tls import require_peer


@dataclass(frozen=True)
class PeerAuthentication:
    """Authenticates the peers of an application; kept in `app.state.authentication`.

    `rate` limits the requests of one peer.
    """

    agency: Agency
    rate: RateLimit
    refusals: CertificateRefusals

    def authenticate(self, request: Request) -> Partner:
        """The peer of a request. Raises CertificateRejected, NotPermitted or TooManyRequests.

        A refused certificate is counted for the exchange log. Gives the name of the peer to the request log.
        """
        certificate = require_peer(request)
        try:
            # protocol X2: also refuses a suspended participant
            partner = self.agency.directory.peer(certificate.thumbprint)
        except AttacheError as error:
            self.refusals.request(request.scope, certificate, error)
            raise
        request.scope["state"]["caller"] = partner.participant
        self.rate.spend(partner.participant)
        return partner


# A coroutine: the framework would run a plain function in a thread for each request.
async def _peer_of(request: Request) -> Partner:
    authentication: PeerAuthentication = request.app.state.authentication
    return authentication.authenticate(request)


Peer = Annotated[Partner, Depends(_peer_of)]
PackageId = Annotated[ids.PackageId, Path(pattern=UUID7_PATTERN)]
PartNumber = Annotated[int, Path(ge=0, lt=1000)]
Cursor = Annotated[str, Query(max_length=64)]
