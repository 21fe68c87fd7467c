"""A caller of the agency API, as a verified access token describes it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from attache.vocabulary import Post


class Role(StrEnum):
    """A role of a caller in the agency."""

    SUBMITTER = "submitter"
    ANALYST = "analyst"
    APPROVER = "approver"
    PARTNER_ADMIN = "partner-admin"
    SECURITY_OFFICER = "security-officer"
    AUDITOR = "auditor"
    OPERATOR = "operator"


@dataclass(frozen=True)
class Caller:
    """A person or system of our own agency.

    `subject` identifies a person and is written only where evidence needs it; operators' logs contain `pseudonym`
    instead. `posts` are the posts for which an approver approves; `desks` are our own desks to which a reader belongs.
    `thumbprint` is that of the certificate that the token is bound to (RFC 8705), None for an unbound token. `scopes`
    restrict what the roles permit.
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
    """The id of the sign-in: SHA-256, as hex, of the token's issuer and id."""
