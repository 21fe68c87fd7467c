"""Which role may ask for what. What is not in the table nobody may."""

from collections.abc import Mapping
from enum import StrEnum

from attache.errors import NotPermitted
from gateway.identity.caller import Caller, Role

SCOPE_PREFIX = "attache:"


class Action(StrEnum):
    """What a caller may ask the agency API for."""

    SUBMIT_PACKAGE = "submit-package"
    DRY_RUN = "dry-run"
    LIST_PACKAGES = "list-packages"
    OPEN_CONTENT = "open-content"
    EXPORT_CONTENT = "export-content"
    APPROVE_RELEASE = "approve-release"
    READ_PARTNERS = "read-partners"
    CHANGE_PARTNERS = "change-partners"
    SUSPEND_PARTNER = "suspend-partner"
    READ_POLICY = "read-policy"
    CHANGE_POLICY = "change-policy"
    WITHDRAW_OFFICER = "withdraw-officer"
    CLEAR_ALARM = "clear-alarm"
    PURGE_PACKAGES = "purge-packages"
    HOLD_PACKAGES = "hold-packages"
    READ_PURGES = "read-purges"
    READ_REVIEWS = "read-reviews"
    READ_LOG = "read-log"
    EXPORT_EVIDENCE = "export-evidence"
    READ_HEALTH = "read-health"
    STEER_DELIVERY = "steer-delivery"


_ANYONE = frozenset(Role)
_AT_THE_DESK = frozenset({Role.SUBMITTER, Role.ANALYST})

PERMITTED_ROLES: Mapping[Action, frozenset[Role]] = {
    Action.SUBMIT_PACKAGE: _AT_THE_DESK,
    Action.DRY_RUN: _AT_THE_DESK | {Role.APPROVER},
    Action.LIST_PACKAGES: _AT_THE_DESK | {Role.APPROVER, Role.SECURITY_OFFICER, Role.AUDITOR},
    Action.OPEN_CONTENT: frozenset({Role.ANALYST}),
    Action.EXPORT_CONTENT: frozenset({Role.ANALYST}),
    Action.APPROVE_RELEASE: frozenset({Role.APPROVER}),
    Action.READ_PARTNERS: _ANYONE,
    Action.CHANGE_PARTNERS: frozenset({Role.PARTNER_ADMIN}),
    Action.SUSPEND_PARTNER: frozenset({Role.PARTNER_ADMIN, Role.SECURITY_OFFICER}),
    Action.READ_POLICY: _ANYONE,
    Action.CHANGE_POLICY: frozenset({Role.SECURITY_OFFICER}),
    Action.WITHDRAW_OFFICER: frozenset({Role.SECURITY_OFFICER}),
    Action.CLEAR_ALARM: frozenset({Role.SECURITY_OFFICER}),
    Action.PURGE_PACKAGES: frozenset({Role.SECURITY_OFFICER}),
    Action.HOLD_PACKAGES: frozenset({Role.SECURITY_OFFICER}),
    Action.READ_PURGES: frozenset({Role.SECURITY_OFFICER, Role.AUDITOR}),
    Action.READ_REVIEWS: frozenset({Role.APPROVER, Role.SECURITY_OFFICER, Role.AUDITOR}),
    Action.READ_LOG: frozenset({Role.AUDITOR, Role.SECURITY_OFFICER}),
    Action.EXPORT_EVIDENCE: _AT_THE_DESK | {Role.SECURITY_OFFICER, Role.AUDITOR},
    Action.READ_HEALTH: frozenset({Role.OPERATOR, Role.SECURITY_OFFICER}),
    Action.STEER_DELIVERY: frozenset({Role.OPERATOR}),
}


_OVERSEERS = frozenset({Role.AUDITOR, Role.SECURITY_OFFICER})


def sees_all(caller: Caller) -> bool:
    """Whether the caller sees every package, release, review and piece of evidence, and not its own or its posts' alone.

    Such a caller also sees in decisions what must look absent to others. Every look of theirs is an entry.
    """
    return bool(caller.roles & _OVERSEERS)


def sees_all_consent_requests(caller: Caller) -> bool:
    """Whether the caller sees every request for consent: approvers answer those of all submitters."""
    return bool(caller.roles & (_OVERSEERS | {Role.APPROVER}))


def is_permitted(caller: Caller, action: Action) -> bool:
    """Whether `verify_permitted` lets the caller pass."""
    try:
        verify_permitted(caller, action)
    except NotPermitted:
        return False
    return True


def verify_permitted(caller: Caller, action: Action) -> Caller:
    """The caller, if one of its roles permits the action and no scope of its token leaves the action out.

    Scopes that start with `attache:` name the only actions the token was issued for; a token without any is not
    narrowed. Other scopes are not ours to read. Does not check ownership, posts or the state of an object: those
    are the use case's.
    """
    narrowed = {scope for scope in caller.scopes if scope.startswith(SCOPE_PREFIX)}
    if narrowed and f"{SCOPE_PREFIX}{action}" not in narrowed:
        raise NotPermitted(detail=f"the token was not issued for {action}")
    # protocol A4
    if not caller.roles & PERMITTED_ROLES.get(action, frozenset()):
        raise NotPermitted(detail=f"no role of the caller permits {action}")
    return caller
