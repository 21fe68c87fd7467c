"""What callers are shown of purges and legal holds."""

from collections.abc import Sequence
from datetime import datetime

from gateway.exchange.shown.views import View


class PackagePlaceView(View):
    """A package, ours or a partner's."""

    originator: str
    package_id: str


class PurgeView(View):
    """An order to purge. Officers are pseudonymous ids. `state`: `ordered`, `done`, `rejected` or `lapsed`."""

    purge_id: str
    state: str
    packages: Sequence[PackagePlaceView]
    legal_basis: str
    note: str
    ordered_by: str
    ordered_at: datetime
    expires_at: datetime
    decided_by: str
    decided_at: datetime | None
    decision: str | None


class PurgeList(View):
    purges: Sequence[PurgeView]
    next: str | None


class HoldView(View):
    """A legal hold. `lifting` is why it was lifted."""

    hold_id: str
    packages: Sequence[PackagePlaceView]
    legal_basis: str
    note: str
    placed_by: str
    placed_at: datetime
    lifted_by: str
    lifted_at: datetime | None
    lifting: str | None


class HoldList(View):
    holds: Sequence[HoldView]
    next: str | None
