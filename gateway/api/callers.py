"""Parameters of the endpoints: callers who may perform an action, ids in paths, and the query of lists."""

from typing import Annotated

from fastapi import Depends, Header, Path, Query

from attache.errors import MalformedInput
from attache.package import PARTICIPANT_PATTERN, UUID7_PATTERN, ids
from gateway.admission import requires
from gateway.identity import Action, Caller

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
Cursor = Annotated[str, Query(max_length=128)]


# A coroutine: the framework would run a plain function in a thread for each request.
async def _idempotency_key(idempotency_key: Annotated[str | None, Header(max_length=255)] = None) -> str:
    # protocol N5
    if not idempotency_key:
        raise MalformedInput("idempotency-key-required")
    return idempotency_key


IdempotencyKey = Annotated[str, Depends(_idempotency_key)]
