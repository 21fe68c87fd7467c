"""Policy sets: proposed, compared, activated."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from attache.wire.body import Note, RequestBody
from attache.wire.view import Absent, View


class PolicyProposal(RequestBody):
    """A policy set: the text of each file by its path, cases below `cases/`. The note is kept in the exchange log."""

    files: dict[Annotated[str, Field(min_length=1, max_length=255)], Annotated[str, Field(max_length=1 << 20)]]
    note: Note


class PolicyActivation(RequestBody):
    """Why it is activated; kept in the exchange log."""

    note: Note


class PolicySetView(View):
    """A policy set on record: `proposed`, `active` or `retired`. Officers are pseudonymous ids."""

    policy_sha256: str
    state: str
    cases: int = 0
    proposed_by: str = ""
    proposed_at: datetime | Absent = None
    activated_by: str = ""
    activated_at: datetime | None = None


class PolicySetList(View):
    """Every policy set on record, newest first."""

    policies: tuple[PolicySetView, ...]


class PolicyFilesView(PolicySetView):
    """A policy set with the text of its files, by their paths."""

    files: dict[str, str]


class PolicyChangeView(View):
    """One partner and form in which answers change. `request` is one that shows it; without it, see `undecided`."""

    partner: str
    what: str
    widens: bool
    undecided: bool = False
    request: dict[str, Any] | None = None
    words: str = ""


class PolicyDiffView(View):
    """What would change if `policy_sha256` came into force instead of `against`. `widens`: more could be released."""

    policy_sha256: str
    against: str
    widens: bool
    reading_changed: bool = False
    changes: tuple[PolicyChangeView, ...] = ()
