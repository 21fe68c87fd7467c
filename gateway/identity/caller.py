"""A caller of the agency API, as a verified access token describes it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from attache.vocabulary import Post


class Role(StrEnum):
    """What somebody is employed to do here."""

    SUBMITTER = "submitter"
    ANALYST = "analyst"
    APPROVER = "approver"
    PARTNER_ADMIN = "partner-admin"
    SECURITY_OFFICER = "security-officer"
    AUDITOR = "auditor"
    OPERATOR = "operator"


@dataclass(frozen=True)
class Caller:
    """Somebody, or some system, of our own agency.

    `subject` names a person and goes only where evidence needs it; `pseudonym` stands for it in operators' logs.
    `posts` are those that an approver approves for, `desks` the desks of our own at which a reader sits. `thumbprint` is that of the certificate that the token is bound to
    (RFC 8705), None for a plain bearer token. `scopes` narrow what the roles allow.
    """

    subject: str
    client_id: str
    pseudonym: str
    roles: frozenset[Role]
    expires_at: datetime
    scopes: frozenset[str] = frozenset()
    posts: frozenset[Post] = frozenset()
    thumbprint: str | None = None
    desks: frozenset[str] = frozenset()
    session: str = ""
    """SHA-256, as hex, of the token's issuer and id: the sign-in that the token came of."""
