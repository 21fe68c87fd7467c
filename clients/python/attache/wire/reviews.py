"""Reviews of releases that went at once because of a threat to life."""

from datetime import datetime
from typing import Literal

from attache.wire.body import Note, RequestBody
from attache.wire.view import Absent, View


class ReviewFinding(RequestBody):
    """What the second officer found. The note is kept sealed, and its entry is in the exchange log."""

    finding: Literal["justified", "not-justified"]
    note: Note


class ReviewView(View):
    """A release that went at once and is to be reviewed."""

    package_id: str
    recipient: str
    post: str
    state: str
    booked_at: datetime | Absent = None
    due_at: datetime | Absent = None
    reviewed_at: datetime | None = None


class ReviewList(View):
    """Reviews still to be done, the one due first being first."""

    reviews: tuple[ReviewView, ...]
