"""The actions that each role may request. An action that is not in the table is not permitted to any role."""

from collections.abc import Mapping
from enum import StrEnum

from attache.errors import NotPermitted
from gateway.identity.caller import Caller, Role

SCOPE_PREFIX = "attache:"


class Action(StrEnum):
    """An action that a caller requests from the agency API."""

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


_ALL_ROLES = frozenset(Role)
_CASE_OFFICERS = frozenset({Role.SUBMITTER, Role.ANALYST})

PERMITTED_ROLES: Mapping[Action, frozenset[Role]] = {
    Action.SUBMIT_PACKAGE: _CASE_OFFICERS,
    Action.DRY_RUN: _CASE_OFFICERS | {Role.APPROVER},
    Action.LIST_PACKAGES: _CASE_OFFICERS | {Role.APPROVER, Role.SECURITY_OFFICER, Role.AUDITOR},
    Action.OPEN_CONTENT: frozenset({Role.ANALYST}),
    Action.EXPORT_CONTENT: frozenset({Role.ANALYST}),
    Action.APPROVE_RELEASE: frozenset({Role.APPROVER}),
    Action.READ_PARTNERS: _ALL_ROLES,
    Action.CHANGE_PARTNERS: frozenset({Role.PARTNER_ADMIN}),
    Action.SUSPEND_PARTNER: frozenset({Role.PARTNER_ADMIN, Role.SECURITY_OFFICER}),
    Action.READ_POLICY: _ALL_ROLES,
    Action.CHANGE_POLICY: frozenset({Role.SECURITY_OFFICER}),
    Action.WITHDRAW_OFFICER: frozenset({Role.SECURITY_OFFICER}),
    Action.CLEAR_ALARM: frozenset({Role.SECURITY_OFFICER}),
    Action.PURGE_PACKAGES: frozenset({Role.SECURITY_OFFICER}),
    Action.HOLD_PACKAGES: frozenset({Role.SECURITY_OFFICER}),
    Action.READ_PURGES: frozenset({Role.SECURITY_OFFICER, Role.AUDITOR}),
    Action.READ_REVIEWS: frozenset({Role.APPROVER, Role.SECURITY_OFFICER, Role.AUDITOR}),
    Action.READ_LOG: frozenset({Role.AUDITOR, Role.SECURITY_OFFICER}),
    Action.EXPORT_EVIDENCE: _CASE_OFFICERS | {Role.SECURITY_OFFICER, Role.AUDITOR},
    Action.READ_HEALTH: frozenset({Role.OPERATOR, Role.SECURITY_OFFICER}),
    Action.STEER_DELIVERY: frozenset({Role.OPERATOR}),
}


_OVERSEERS = frozenset({Role.AUDITOR, Role.SECURITY_OFFICER})


def sees_all(caller: Caller) -> bool:
    """Whether the caller may see every package, release, review and piece of evidence,
    not only its own or those of its posts.

    Such a caller also sees the hidden units of decisions. Each such access to a package of another officer is logged.
    """
    return bool(caller.roles & _OVERSEERS)


def sees_all_consent_requests(caller: Caller) -> bool:
    """Whether the caller may see every request for consent. Approvers answer the requests of all submitters."""
    return bool(caller.roles & (_OVERSEERS | {Role.APPROVER}))


def is_permitted(caller: Caller, action: Action) -> bool:
    """Whether the caller may perform the action; see `verify_permitted`."""
    try:
        verify_permitted(caller, action)
    except NotPermitted:
        return False
    return True


def verify_permitted(caller: Caller, action: Action) -> Caller:
    """The caller, if one of its roles and the scopes of its token permit the action; raises NotPermitted otherwise.

    Scopes that start with `attache:` name the only actions that the token permits; without any, the token permits all
    actions of the roles. Other scopes are ignored. Not checked: ownership,
    posts and the state of objects. The use cases check these.
    """
    own_scopes = {scope for scope in caller.scopes if scope.startswith(SCOPE_PREFIX)}
    if own_scopes and f"{SCOPE_PREFIX}{action}" not in own_scopes:
        raise NotPermitted(detail=f"the token was not issued for {action}")
    # protocol A4
    if not caller.roles & PERMITTED_ROLES.get(action, frozenset()):
        raise NotPermitted(detail=f"no role of the caller permits {action}")
    return caller
