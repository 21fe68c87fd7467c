"""The inbox: packages that came to us."""

from datetime import datetime
from typing import Annotated

from attache.wire.packages import PartView
from attache.wire.view import LATER, Absent, View


class ArrivalView(View):
    """A package that came to us. The facts are the originator's, verified.

    `purged_at`: when its content was destroyed. Then the state is `purged`, and the originator's facts are gone.
    """

    originator: str
    package_id: str
    state: str
    received_at: datetime | Absent = None
    kind: str = ""
    title: str = ""
    purpose: str | Absent = None
    in_reply_to: str | None = None
    thread_id: str | None = None
    markings: tuple[str, ...] = ()
    handling_codes: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    retain_until: datetime | None = None
    onward: str | Absent = None
    parts: tuple[PartView, ...] = ()
    purged_at: Annotated[datetime | None, LATER] = None


class ArrivalPage(View):
    """Arrivals, and the cursor of what follows; null at the end."""

    packages: tuple[ArrivalView, ...]
    next: str | None = None
