"""Facts as Cedar entities, in the schema's words. Every entity that is named is also there: Cedar would skip the rule."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from attache.errors import MalformedInput, NotFound
from attache.strict_json import canonical
from attache.vocabulary import Caveat, Onward, Pap, Tlp
from gateway.policy.decision import Handling
from gateway.policy.engine import NAMESPACE
from gateway.policy.facts import Agreement, PartnerFacts
from gateway.policy.items import Item
from gateway.policy.request import ApprovalFacts, ReleaseRequest

Json = dict[str, Any]


@dataclass(frozen=True)
class World:
    """Which approvals there are, in one version of events; the engine is asked in more than one."""

    name: str
    approvals: tuple[ApprovalFacts, ...]

    @property
    def context(self) -> str:
        return canonical({"release": _ref("Release", self.name)}).decode()


def tightest(request: ReleaseRequest) -> Handling:
    """The handling under which a permit applies if it applies under any."""
    return Handling(1, frozenset(Caveat), Onward.NONE, request.review_within_hours)


def desk_of(facts: PartnerFacts, request: ReleaseRequest) -> str:
    """The recipient's address, `participant/desk`; raises NotFound("unknown-desk")."""
    desk = request.recipient_desk or facts.default_desk
    if desk not in facts.desks:
        raise NotFound("unknown-desk", f"{facts.partner} has no desk {desk[:80]!r}")
    return f"{facts.partner}/{desk}"


def agreement_of(facts: PartnerFacts, request: ReleaseRequest) -> Agreement:
    """The agreement relied on; raises MalformedInput("unknown-agreement") where it is not one with this partner."""
    if request.legal_basis not in facts.agreements:
        raise MalformedInput("unknown-agreement", f"{request.legal_basis[:80]!r} is none with {facts.partner}")
    return facts.agreements[request.legal_basis]


def partner_entities(facts: PartnerFacts, request: ReleaseRequest) -> list[str]:
    """The partner, the desks that the request names, and the agreement that it relies on."""
    partner = {
        "participant": _ref("Participant", facts.partner),
        "post": _ref("Post", facts.post),
        "status": _ref("PartnerStatus", facts.status),
        "clearedTlp": _refs("Tlp", facts.cleared_tlp),
        "refusedClasses": _refs("ContentClass", facts.refused_classes),
        "deathPenaltyCrimes": _refs("CrimeType", facts.death_penalty_crimes),
    }
    agreement = agreement_of(facts, request)
    basis = {
        "kind": _ref("BasisKind", agreement.kind),
        "inForceFrom": _instant(agreement.in_force_from),
        "inForceUntil": _instant(agreement.in_force_until),
        "purposes": _refs("Purpose", agreement.purposes),
        "maxRetentionDays": agreement.max_retention_days,
        "onward": _ref("Onward", agreement.onward),
    }
    return [
        _entity("Partner", facts.partner, partner),
        _entity("Agreement", request.legal_basis, basis),
        *(_desk_entity(facts, address) for address in sorted({desk_of(facts, request), *_named(facts, request)})),
    ]


def officer_entities(request: ReleaseRequest, worlds: Iterable[World]) -> list[str]:
    """The requester and every approver of these worlds, once each."""
    attributes: dict[str, Json] = {request.requester: {"mayApprove": False, "posts": []}}
    for world in worlds:
        for approval in world.approvals:
            attributes[approval.officer] = {
                "mayApprove": approval.may_approve,
                "posts": _refs("Post", approval.posts),
            }
    return [_entity("Officer", officer, stated) for officer, stated in attributes.items()]


def release_entity(
    facts: PartnerFacts, own: str, request: ReleaseRequest, digest: str, handling: Handling, world: World
) -> str:
    """The release as proposed, in one world, with this handling."""
    release = {
        "own": _ref("Participant", own),
        "now": _instant(request.now),
        "digest": digest,
        "kind": _ref("Kind", request.kind),
        "purpose": _ref("Purpose", request.purpose),
        "basis": _ref("Agreement", request.legal_basis),
        "crimeTypes": _refs("CrimeType", request.crime_types),
        "urgency": _ref("Urgency", request.urgency),
        "channel": _ref("Channel", request.channel),
        "assurances": _refs("Assurance", request.assurances),
        "named": _refs("Desk", _named(facts, request)),
        "requester": _ref("Officer", request.requester),
        "handling": {
            "retentionDays": handling.retention_days,
            "reviewWithinHours": handling.review_within_hours,
            "caveats": _refs("Caveat", handling.caveats),
            "onward": _ref("Onward", handling.onward),
        },
    }
    for member, approval in zip(("approval", "secondApproval"), world.approvals, strict=False):
        release[member] = {
            "by": _ref("Officer", approval.officer),
            "digest": approval.digest,
            "expires": _instant(approval.expires_at),
        }
    return _entity("Release", world.name, release)


def item_entity(item_id: str, item: Item) -> str:
    """A part or field. What nobody marked is as strict as can be, and says that it is not marked."""
    markings = item.markings
    stated = {
        "marked": markings.tlp is not None,
        "markingsResolved": item.markings_resolved,
        "markingsAgree": item.markings_agree,
        "tlp": _ref("Tlp", markings.tlp or Tlp.RED),
        "pap": _ref("Pap", markings.pap or Pap.RED),
        "orcon": markings.orcon,
        "releasableToAnyone": markings.rel_to is None,
        "releasableTo": _refs("Participant", markings.rel_to or ()),
        "classes": _refs("ContentClass", item.classes),
        "handlingCodes": _refs("HandlingCode", item.handling_codes),
        "origin": _ref("Participant", item.origin),
        "content": item.content,
        "retentionDaysLeft": item.retention_days_left,
    }
    if item.consent is not None:
        stated["consent"] = {
            "by": _ref("Participant", item.consent.originator),
            "to": _ref("Participant", item.consent.recipient),
            "purpose": _ref("Purpose", item.consent.purpose),
            "content": item.consent.content,
            "expires": _instant(item.consent.expires_at),
        }
    return _entity("Item", item_id, stated)


def _desk_entity(facts: PartnerFacts, address: str) -> str:
    desk = facts.desks[address.partition("/")[2]]
    stated = {
        "partner": _ref("Partner", facts.partner),
        "authority": _ref("AuthorityKind", desk.authority),
        "individual": desk.individual,
        "vetted": desk.vetted,
    }
    return _entity("Desk", address, stated, parents=[{"type": NAMESPACE + "Partner", "id": facts.partner}])


def _named(facts: PartnerFacts, request: ReleaseRequest) -> list[str]:
    """The partner's own desks among the named recipients; anybody else's are no matter of this decision."""
    return sorted({f"{facts.partner}/{desk}" for desk in facts.desks} & request.named_recipients)


def _entity(kind: str, entity_id: str, stated: Mapping[str, Any], parents: list[Json] | None = None) -> str:
    uid = {"type": NAMESPACE + kind, "id": entity_id}
    return canonical({"uid": uid, "attrs": stated, "parents": parents or []}).decode()


def _ref(kind: str, entity_id: str) -> Json:
    return {"__entity": {"type": NAMESPACE + kind, "id": entity_id}}


def _refs(kind: str, entity_ids: Iterable[str]) -> list[Json]:
    return [_ref(kind, entity_id) for entity_id in sorted(entity_ids)]


def _instant(moment: date | datetime) -> Json:
    if isinstance(moment, datetime):
        text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"
    else:
        text = moment.isoformat()
    return {"__extn": {"fn": "datetime", "arg": text}}
