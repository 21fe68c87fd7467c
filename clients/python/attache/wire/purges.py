"""Purges by order, and legal holds, which forbid them."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from attache.package.values import PackageId, ParticipantId
from attache.wire.body import Note, RequestBody
from attache.wire.view import Absent, View

MAX_PACKAGES = 100


class PackagePlace(RequestBody):
    """A package, by its originator and id."""

    originator: ParticipantId
    package_id: PackageId


class PurgeOrder(RequestBody):
    """Packages to purge, ours or partners', and why. These words outlast the packages: name no person in them."""

    packages: Annotated[tuple[PackagePlace, ...], Field(min_length=1, max_length=MAX_PACKAGES)]
    legal_basis: Annotated[str, Field(min_length=1, max_length=200)]
    note: Note


class PurgeApproval(RequestBody):
    """Why a second officer confirms the order."""

    note: Note


class PurgeRejection(RequestBody):
    """Why a second officer rejects the order."""

    reason: Note


class HoldOrder(RequestBody):
    """Packages to keep from being purged, ours or partners', and why. These words outlast the packages: name no person in them."""

    packages: Annotated[tuple[PackagePlace, ...], Field(min_length=1, max_length=MAX_PACKAGES)]
    legal_basis: Annotated[str, Field(min_length=1, max_length=200)]
    note: Note


class HoldLift(RequestBody):
    """Why the legal hold ends."""

    note: Note


class PackagePlaceView(View):
    """A package, ours or a partner's."""

    originator: str
    package_id: str


class PurgeView(View):
    """An order to purge. Officers are pseudonymous ids. `state`: `ordered`, `done`, `rejected` or `lapsed`."""

    purge_id: str
    state: str
    packages: tuple[PackagePlaceView, ...] = ()
    legal_basis: str = ""
    note: str = ""
    ordered_by: str = ""
    ordered_at: datetime | Absent = None
    expires_at: datetime | Absent = None
    decided_by: str = ""
    decided_at: datetime | None = None
    decision: str | None = None


class PurgeList(View):
    """Orders, and the cursor of what follows; null at the end."""

    purges: tuple[PurgeView, ...]
    next: str | None = None


class HoldView(View):
    """A legal hold; it keeps its packages from being purged until `lifted_at`. `lifting` is why it was lifted."""

    hold_id: str
    packages: tuple[PackagePlaceView, ...] = ()
    legal_basis: str = ""
    note: str = ""
    placed_by: str = ""
    placed_at: datetime | Absent = None
    lifted_by: str = ""
    lifted_at: datetime | None = None
    lifting: str | None = None


class HoldList(View):
    """Legal holds, and the cursor of what follows; null at the end."""

    holds: tuple[HoldView, ...]
    next: str | None = None
