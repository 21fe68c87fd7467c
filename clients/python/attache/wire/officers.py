"""Officers' standing: for which posts approving is withdrawn."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from attache.vocabulary import Post
from attache.wire.body import Note, RequestBody
from attache.wire.view import Absent, View

Subject = Annotated[str, Field(min_length=1, max_length=256)]
"""The `sub` of an officer's access tokens."""


class OfficerWithdrawal(RequestBody):
    """From whom, by the `sub` of their access tokens, and for which posts; all of them where none is named."""

    officer: Subject
    posts: Annotated[tuple[Post, ...], Field(max_length=len(Post))] = ()
    note: Note


class OfficerReinstatement(RequestBody):
    """Who may approve again."""

    officer: Subject
    note: Note


class OfficerView(View):
    """An officer, by pseudonymous id, and the posts for which approving is withdrawn; `*` for all."""

    officer: str
    withdrawn_posts: tuple[str, ...] = ()
    changed_at: datetime | Absent = None


class OfficerList(View):
    """Officers whose standing was changed, the latest change first."""

    officers: tuple[OfficerView, ...]
