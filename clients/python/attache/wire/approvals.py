"""Approvals: a release that waits for a second officer, and the officer's answer."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from attache.wire.body import Note, RequestBody
from attache.wire.decisions import FieldDecisionView
from attache.wire.packages import PartView
from attache.wire.view import LATER, Absent, View


class Answer(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"


class ApprovalAnswer(RequestBody):
    """An officer's answer. The reason is kept sealed, and its entry is in the exchange log."""

    decision: Answer
    reason: Note


class LeavingPartView(PartView):
    """A part as it would leave: `bytes` and `sha256` are those of what would leave; null in lists, and once that is no longer known.

    `fields`: what would become of those within it, what would not leave in the clear first; `more_fields` are not shown.
    """

    fields: Annotated[tuple[FieldDecisionView, ...], LATER] = ()
    more_fields: Annotated[int, LATER] = 0


class ApprovalView(View):
    """A release that waits. `parts` is exactly what would leave."""

    approval_id: str
    package_id: str
    recipient: str
    desk: str | None = None
    post: str
    state: str
    requested_at: datetime | Absent = None
    expires_at: datetime | Absent = None
    decided_at: datetime | None = None
    title: str = ""
    kind: str = ""
    purpose: str = ""
    legal_basis: str = ""
    parts: tuple[LeavingPartView, ...] = ()


class ApprovalList(View):
    """What waits, oldest first."""

    approvals: tuple[ApprovalView, ...]
