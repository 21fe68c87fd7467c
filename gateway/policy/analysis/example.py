"""Makes a real request from a solver's model, so that the engine can confirm the finding of the analysis."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import z3  # type: ignore[import-untyped]

from attache.package.ids import PackageId, ParticipantId
from attache.vocabulary import (
    Assurance,
    Caveat,
    Channel,
    ContentClass,
    CrimeType,
    Evaluation,
    HandlingCode,
    Kind,
    Markings,
    Onward,
    Post,
    Purpose,
    Tlp,
    Urgency,
)
from gateway.policy.analysis.symbols import OFFICERS, THIS, Formula, Struct, Symbols, Term, Terms
from gateway.policy.decision import Handling
from gateway.policy.entities import Scenario
from gateway.policy.items import NO_END_DAYS
from gateway.policy.policy_set import PolicySet
from gateway.policy.proposal import Form, propose
from gateway.policy.request import ApprovalFacts, ConsentFacts, PartFacts, ReleaseRequest

_CONTENT, _OTHER_CONTENT = "c0" * 32, "00" * 32


@dataclass(frozen=True)
class ExampleRequest:
    """One concrete request and its handling. `approvals`: each approval, and whether it is for this release."""

    request: ReleaseRequest
    handling: Handling
    form: Form
    approvals: tuple[tuple[ApprovalFacts, bool], ...]

    def is_allowed(self, policy_set: PolicySet) -> bool:
        """The engine's answer under this policy set."""
        digest = propose(policy_set, self.request)[0].digest
        approvals = tuple(
            replace(approval, digest=digest if of_this else _OTHER_CONTENT) for approval, of_this in self.approvals
        )
        proposal, _ = propose(policy_set, replace(self.request, approvals=approvals))
        item_form = (proposal.units[0].item_id, self.form)
        return proposal.ask(Scenario("given", approvals), self.handling, [item_form])[item_form].allowed

    def render(self) -> str:
        """The request in a few lines."""
        request, (part,) = self.request, self.request.parts
        desk = request.recipient_desk
        item = [*part.markings.texts(), *sorted(part.content_class), *sorted(part.handling_codes)]
        doubts = [*(["unreadable marking"] if part.unresolved_markings else [])]
        doubts += [f"evaluated {part.evaluation}"] if part.evaluation is not Evaluation.UNEVALUATED else []
        doubts += ["contradictory markings"] if part.contradictory_markings else []
        handling = self.handling
        lines = [
            (
                f"{request.kind} to {request.recipient}/{desk} under {request.legal_basis},"
                f" for {request.purpose}, by {request.channel}"
            ),
            f"{request.urgency}, on {request.now:%Y-%m-%d}, crimes: {_listed(request.crime_types)}",
            f"assurances: {_listed(request.assurances)}; named: {_listed(request.named_recipients)}",
            f"item from {part.origin}: {', '.join([*item, *doubts]) or 'no markings'}, {self.form}",
            f"handling: {handling.retention_days} days, {_listed(handling.caveats)}, onward {handling.onward}",
            f"review within {handling.review_within_hours} h",
            f"approvals: {'; '.join(_approval(*one) for one in self.approvals) or 'none'}",
        ]
        return "\n".join(lines)


def example_of(model: Any, symbols: Symbols, form: Form) -> ExampleRequest:
    """The request that a model describes, as an example."""
    read = _ModelReader(model, symbols)
    now = read.instant(symbols.release.number("now"))
    handling = symbols.proposed.struct("handling")
    return ExampleRequest(
        request=_request(read, symbols, now),
        handling=Handling(
            retention_days=read.number(handling.number("retentionDays")),
            caveats=frozenset(Caveat(name) for name in read.names(handling.terms("caveats"))),
            onward=Onward(read.name(handling.term("onward"))),
            review_within_hours=read.number(handling.number("reviewWithinHours")),
        ),
        form=form,
        approvals=tuple(
            _approval_facts(read, symbols, member)
            for member in ("approval", "secondApproval")
            if read.is_so(symbols.proposed.present[member])
        ),
    )


class _ModelReader:
    """The value of each symbol in a model."""

    def __init__(self, model: Any, symbols: Symbols) -> None:
        self.model, self.symbols = model, symbols

    def is_so(self, formula: Formula) -> bool:
        return bool(z3.is_true(self.model.eval(formula, model_completion=True)))

    def number(self, value: Any) -> int:
        return int(self.model.eval(value, model_completion=True).as_long())

    def instant(self, value: Any) -> datetime:
        return datetime.fromtimestamp(self.number(value), UTC)

    def name(self, value: Term) -> str:
        return self.symbols.ids[value.kind][self.number(value.place)]

    def names(self, value: Terms) -> list[str]:
        return [n for n, so in zip(self.symbols.ids[value.kind], value.members, strict=True) if self.is_so(so)]


def _request(read: _ModelReader, symbols: Symbols, now: datetime) -> ReleaseRequest:
    release = symbols.release
    handling = symbols.proposed.struct("handling")
    return ReleaseRequest(
        package_id=PackageId("01890000-0000-7000-8000-000000000000"),
        kind=Kind(read.name(release.term("kind"))),
        purpose=Purpose(read.name(release.term("purpose"))),
        recipient=ParticipantId(symbols.partner),
        recipient_desk=read.name(symbols.desk).partition("/")[2],
        requester=OFFICERS[0],
        post=Post.WASHINGTON,
        parts=(_part(read, symbols, now),),
        content_digest=_CONTENT,
        now=now,
        legal_basis=read.name(release.term("basis")),
        crime_types=frozenset(CrimeType(name) for name in read.names(release.terms("crimeTypes"))),
        urgency=Urgency(read.name(release.term("urgency"))),
        channel=Channel(read.name(release.term("channel"))),
        assurances=frozenset(Assurance(name) for name in read.names(release.terms("assurances"))),
        named_recipients=frozenset(read.names(release.terms("named"))),
        review_within_hours=read.number(handling.number("reviewWithinHours")),
        consents=tuple(_consents(read, symbols.item)),
    )


def _part(read: _ModelReader, symbols: Symbols, now: datetime) -> PartFacts:
    item = symbols.item
    days = read.number(item.number("retentionDaysLeft"))
    markings = Markings(
        tlp=Tlp(read.name(item.term("tlp"))) if read.is_so(item.truth("marked")) else None,
        orcon=read.is_so(item.truth("orcon")),
        rel_to=None
        if read.is_so(item.truth("releasableToAnyone"))
        else frozenset(read.names(item.terms("releasableTo"))),
    )
    return PartFacts(
        name="item",
        media_type="application/octet-stream",
        sha256=_CONTENT,
        origin=read.name(item.term("origin")),
        markings=markings,
        content_class=frozenset(ContentClass(name) for name in read.names(item.terms("classes"))),
        handling_codes=frozenset(HandlingCode(name) for name in read.names(item.terms("handlingCodes"))),
        evaluation=Evaluation(read.name(item.term("evaluation"))),
        caveats=frozenset(Caveat(name) for name in read.names(item.terms("receivedCaveats"))),
        delete_by=None if days >= NO_END_DAYS else now + timedelta(days=days),
        unresolved_markings=not read.is_so(item.truth("markingsResolved")),
        contradictory_markings=not read.is_so(item.truth("markingsAgree")),
    )


def _consents(read: _ModelReader, item: Struct) -> list[ConsentFacts]:
    consent = item.struct("consent")
    if not read.is_so(item.present["consent"]):
        return []
    return [
        ConsentFacts(
            consent_id="consent",
            originator=ParticipantId(read.name(consent.term("by"))),
            recipient=ParticipantId(read.name(consent.term("to"))),
            purpose=Purpose(read.name(consent.term("purpose"))),
            content=_CONTENT if read.name(consent.term("content")) == THIS else _OTHER_CONTENT,
            expires_at=read.instant(consent.number("expires")),
        )
    ]


def _approval_facts(read: _ModelReader, symbols: Symbols, member: str) -> tuple[ApprovalFacts, bool]:
    approval = symbols.proposed.struct(member)
    officer = read.name(approval.term("by"))
    known = symbols.officers[OFFICERS.index(officer)]
    facts = ApprovalFacts(
        officer=officer,
        posts=frozenset(Post(name) for name in read.names(known.terms("posts"))),
        may_approve=read.is_so(known.truth("mayApprove")),
        digest="",
        expires_at=read.instant(approval.number("expires")),
    )
    return facts, read.name(approval.term("digest")) == THIS


def _listed(names: frozenset[Any]) -> str:
    return ", ".join(sorted(names)) or "none"


def _approval(approval: ApprovalFacts, of_this: bool) -> str:
    able = "may approve" if approval.may_approve else "may not approve"
    return (
        f"{approval.officer} ({able}, posts: {_listed(approval.posts)}) of {'this' if of_this else 'another'} release, "
        f"until {approval.expires_at:%Y-%m-%d}"
    )
