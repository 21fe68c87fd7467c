"""What endpoints are given: our own side, and a caller who may do this."""

from typing import Annotated

from fastapi import Depends, Path, Query, Request

from attache.package import PARTICIPANT_PATTERN, UUID7_PATTERN, ids
from gateway.admission import requires
from gateway.exchange.kernel.agency import Agency
from gateway.identity import Action, Caller


# Dependencies are coroutines: a plain function would be handed to a thread for each request.
async def _agency_of(request: Request) -> Agency:
    agency: Agency = request.app.state.agency
    return agency


Own = Annotated[Agency, Depends(_agency_of)]

Submitter = Annotated[Caller, requires(Action.SUBMIT_PACKAGE)]
DryRunner = Annotated[Caller, requires(Action.DRY_RUN)]
Lister = Annotated[Caller, requires(Action.LIST_PACKAGES)]
Opener = Annotated[Caller, requires(Action.OPEN_CONTENT)]
Approver = Annotated[Caller, requires(Action.APPROVE_RELEASE)]
PartnerAdmin = Annotated[Caller, requires(Action.CHANGE_PARTNERS)]
Suspender = Annotated[Caller, requires(Action.SUSPEND_PARTNER)]
Withdrawer = Annotated[Caller, requires(Action.WITHDRAW_OFFICER)]
Purger = Annotated[Caller, requires(Action.PURGE_PACKAGES)]
Holder = Annotated[Caller, requires(Action.HOLD_PACKAGES)]
ReviewReader = Annotated[Caller, requires(Action.READ_REVIEWS)]
PolicyOfficer = Annotated[Caller, requires(Action.CHANGE_POLICY)]
Resolver = Annotated[Caller, requires(Action.CLEAR_ALARM)]
EvidenceReader = Annotated[Caller, requires(Action.EXPORT_EVIDENCE)]
Auditor = Annotated[Caller, requires(Action.READ_LOG)]

PackageId = Annotated[ids.PackageId, Path(pattern=UUID7_PATTERN)]
DecisionId = Annotated[str, Path(pattern=UUID7_PATTERN)]
ConsentId = DecisionId
ParticipantId = Annotated[ids.ParticipantId, Path(pattern=PARTICIPANT_PATTERN)]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str, Query(max_length=128)]
