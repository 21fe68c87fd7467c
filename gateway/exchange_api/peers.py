"""Who is at the other end: the participant whose descriptor lists the client certificate of this connection."""

from typing import Annotated

from fastapi import Depends, Path, Request

from attache.errors import AttacheError
from attache.package import UUID7_PATTERN, ids
from gateway.exchange.kernel.agency import Agency
from gateway.partners import Partner
from gateway.tls import require_peer


# Dependencies are coroutines: a plain function would be handed to a thread for each request.
async def _agency_of(request: Request) -> Agency:
    agency: Agency = request.app.state.agency
    return agency


async def _peer_of(request: Request) -> Partner:
    certificate = require_peer(request)
    try:
        # protocol X2: also refuses a suspended participant
        partner: Partner = request.app.state.agency.directory.peer(certificate.thumbprint)
    except AttacheError as error:
        request.app.state.refused.request(request.scope, certificate, error)
        raise
    request.scope["state"]["caller"] = partner.participant
    request.app.state.rate.spend(partner.participant)
    return partner


Own = Annotated[Agency, Depends(_agency_of)]
Peer = Annotated[Partner, Depends(_peer_of)]
PackageId = Annotated[ids.PackageId, Path(pattern=UUID7_PATTERN)]
PartNumber = Annotated[int, Path(ge=0, lt=1000)]
