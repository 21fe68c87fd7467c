"""Facts as Cedar entities of the schema. Every referenced entity is also defined: otherwise Cedar would ignore the
rule that reads it.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from attache.errors import MalformedInput, NotFound
from attache.vocabulary import Caveat, Onward, Tlp
from gateway.policy.decision import Handling
from gateway.policy.engine import Json, entity, reference
from gateway.policy.facts import Agreement, PartnerFacts
from gateway.policy.items import Item
from gateway.policy.request import ApprovalFacts, ReleaseRequest

RELEASE = "release"


@dataclass(frozen=True)
class Scenario:
    """A set of approvals to ask the engine with: the existing ones, or hypothetical ones."""

    name: str
    approvals: tuple[ApprovalFacts, ...]

    @property
    def context(self) -> str:
        return json.dumps({"release": reference("Release", RELEASE), "terms": reference("Terms", self.name)})


def tightest(request: ReleaseRequest) -> Handling:
    """The strictest handling: a permit that applies under any handling applies under this one."""
    return Handling(1, frozenset(Caveat), Onward.NONE, request.review_within_hours)


def desk_of(facts: PartnerFacts, request: ReleaseRequest) -> str:
    """The recipient's address, `participant/desk`; raises NotFound("unknown-desk")."""
    desk = request.recipient_desk or facts.default_desk
    if desk not in facts.desks:
        raise NotFound("unknown-desk", f"{facts.partner} has no desk {desk[:80]!r}")
    return f"{facts.partner}/{desk}"


def agreement_of(facts: PartnerFacts, request: ReleaseRequest) -> Agreement:
    """The agreement that the request relies on; raises MalformedInput("unknown-agreement") where this partner has no
    such agreement.
    """
    if request.legal_basis not in facts.agreements:
        raise MalformedInput(
            "unknown-agreement", f"{request.legal_basis[:80]!r} is not an agreement with {facts.partner}"
        )
    return facts.agreements[request.legal_basis]


def partner_entities(facts: PartnerFacts) -> list[Json]:
    """The partner, its desks, and the agreements with it."""
    partner = {
        "participant": reference("Participant", facts.partner),
        "post": reference("Post", facts.post),
        "status": reference("PartnerStatus", facts.status),
        "clearedTlp": references("Tlp", facts.cleared_tlp),
        "refusedClasses": references("ContentClass", facts.refused_classes),
        "deathPenaltyCrimes": references("CrimeType", facts.death_penalty_crimes),
    }
    desks = {
        f"{facts.partner}/{name}": {
            "partner": reference("Partner", facts.partner),
            "authority": reference("AuthorityKind", desk.authority),
            "individual": desk.individual,
            "vetted": desk.vetted,
        }
        for name, desk in facts.desks.items()
    }
    member_of = [reference("Partner", facts.partner)]
    return [
        entity("Partner", facts.partner, partner),
        *(entity("Desk", address, stated, parents=member_of) for address, stated in desks.items()),
        *(entity("Agreement", name, _agreement(agreement)) for name, agreement in facts.agreements.items()),
    ]


def release_entities(
    facts: PartnerFacts, own: str, request: ReleaseRequest, digest: str, approvals: Iterable[ApprovalFacts]
) -> list[Json]:
    """The proposed release, and its requester and approvers, once each."""
    officers: dict[str, Json] = {request.requester: {"mayApprove": False, "posts": []}}
    for approval in approvals:
        officers[approval.officer] = {"mayApprove": approval.may_approve, "posts": references("Post", approval.posts)}
    own_desks = {f"{facts.partner}/{desk}" for desk in facts.desks}
    release = {
        "own": reference("Participant", own),
        "now": instant(request.now),
        "digest": digest,
        "kind": reference("Kind", request.kind),
        "purpose": reference("Purpose", request.purpose),
        "basis": reference("Agreement", request.legal_basis),
        "crimeTypes": references("CrimeType", request.crime_types),
        "urgency": reference("Urgency", request.urgency),
        "channel": reference("Channel", request.channel),
        "assurances": references("Assurance", request.assurances),
        "named": references("Desk", own_desks & request.named_recipients),
        "requester": reference("Officer", request.requester),
    }
    return [
        entity("Release", RELEASE, release),
        *(entity("Officer", name, stated) for name, stated in officers.items()),
    ]


def terms_entity(handling: Handling, scenario: Scenario) -> Json:
    """The proposed handling, and the approvals of the scenario."""
    terms: dict[str, Any] = {
        "handling": {
            "retentionDays": handling.retention_days,
            "reviewWithinHours": handling.review_within_hours,
            "caveats": references("Caveat", handling.caveats),
            "onward": reference("Onward", handling.onward),
        }
    }
    for member, approval in zip(("approval", "secondApproval"), scenario.approvals, strict=False):
        terms[member] = {
            "by": reference("Officer", approval.officer),
            "digest": approval.digest,
            "expires": instant(approval.expires_at),
        }
    return entity("Terms", scenario.name, terms)


def item_entity(item_id: str, item: Item) -> Json:
    """A part or field. An unmarked item has the strictest marking, and `marked` is false."""
    markings = item.markings
    stated = {
        "marked": markings.tlp is not None,
        "markingsResolved": item.markings_resolved,
        "markingsAgree": item.markings_agree,
        "tlp": reference("Tlp", markings.tlp or Tlp.RED),
        "orcon": markings.orcon,
        "releasableToAnyone": markings.rel_to is None,
        "releasableTo": references("Participant", markings.rel_to or ()),
        "classes": references("ContentClass", item.classes),
        "handlingCodes": references("HandlingCode", item.handling_codes),
        "evaluation": reference("Evaluation", item.evaluation),
        "receivedCaveats": references("Caveat", item.caveats),
        "origin": reference("Participant", item.origin),
        "content": item.content,
        "retentionDaysLeft": item.retention_days_left,
    }
    # protocol G8: the rules compare each of these with the content, the recipient and the purpose of the release
    if item.consent is not None:
        stated["consent"] = {
            "by": reference("Participant", item.consent.originator),
            "to": reference("Participant", item.consent.recipient),
            "purpose": reference("Purpose", item.consent.purpose),
            "content": item.consent.content,
            "expires": instant(item.consent.expires_at),
        }
    return entity("Item", item_id, stated)


def _agreement(agreement: Agreement) -> Json:
    return {
        "kind": reference("BasisKind", agreement.kind),
        "inForceFrom": instant(agreement.in_force_from),
        "inForceUntil": instant(agreement.in_force_until),
        "purposes": references("Purpose", agreement.purposes),
        "maxRetentionDays": agreement.max_retention_days,
        "onward": reference("Onward", agreement.onward),
    }


def references(kind: str, entity_ids: Iterable[str]) -> list[Json]:
    """References to entities, sorted by id."""
    return [reference(kind, entity_id) for entity_id in sorted(entity_ids)]


def instant(moment: date | datetime) -> str:
    """An instant as text for Cedar: in UTC, to the millisecond."""
    if not isinstance(moment, datetime):
        return moment.isoformat()
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"
