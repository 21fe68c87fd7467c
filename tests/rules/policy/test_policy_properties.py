"""What holds for any request at all, stated again in Python, independently of the rules' own words."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from policy_requests import NOW, consent, outcomes, part, request, shipped, shipped_files, with_edit

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
from gateway.policy import (
    ApprovalFacts,
    FieldFacts,
    Outcome,
    UnitOutcome,
    decide,
    explain,
    load_policy_set,
    release_digest,
    without_hidden,
)

RETURNS = {ContentClass.RETURN_INFORMATION, ContentClass.TAXPAYER_RETURN_INFORMATION}
NEVER = {ContentClass.SOURCE_IDENTIFYING, ContentClass.GRAND_JURY}
GOES = {UnitOutcome.DISCLOSE, UnitOutcome.MASK}
RANK = {"withhold": 0, "mask": 1, "disclose": 2}
PARTNERS = sorted(shipped().shards)


def sets_of(terms, max_size=2):
    return st.frozensets(st.sampled_from(list(terms)), max_size=max_size)


markings = st.builds(
    Markings,
    tlp=st.sampled_from([*Tlp, Tlp.AMBER, Tlp.GREEN, None]),
    orcon=st.booleans(),
    rel_to=st.none() | sets_of(PARTNERS, 3),
)
field_facts = st.builds(
    FieldFacts,
    path=st.sampled_from("abc"),
    markings=markings | st.just(Markings()),
    content_class=sets_of(ContentClass),
    handling_codes=sets_of(HandlingCode, 1),
)


@st.composite
def parts(draw, name):
    facts = {
        "markings": tuple(draw(markings).texts()),
        "origin": draw(st.sampled_from(["irs-ci", "irs-ci", *PARTNERS])),
        "handling_codes": draw(sets_of(HandlingCode, 1)),
        "evaluation": draw(st.sampled_from([Evaluation.UNEVALUATED, *Evaluation])),
        "delete_by": draw(st.none() | st.integers(-2, 900).map(lambda days: NOW + timedelta(days=days))),
        "fields": tuple(draw(st.lists(field_facts, max_size=2, unique_by=lambda field: field.path))),
    }
    return part(name, *draw(sets_of(ContentClass)), **facts)


@st.composite
def requests(draw):
    """Requests that are released, held and denied: half of them on the partner's everyday terms."""
    partner = draw(st.sampled_from(PARTNERS))
    facts = shipped().shards[partner].facts
    asked = request(
        partner,
        *(draw(parts(name)) for name in ("one", "two")[: draw(st.integers(1, 2))]),
        kind=draw(st.sampled_from([Kind.INTELLIGENCE, *Kind])),
        purpose=draw(st.sampled_from([Purpose.CRIMINAL_INVESTIGATION, *Purpose])),
        crime_types=draw(sets_of(CrimeType)) or frozenset({CrimeType.MONEY_LAUNDERING}),
        legal_basis=draw(st.sampled_from(sorted(facts.agreements))),
        recipient_desk=draw(st.sampled_from([None, *sorted(facts.desks)])),
        channel=draw(st.sampled_from([Channel.LIAISON, *Channel])),
        urgency=draw(st.sampled_from([Urgency.ROUTINE, *Urgency])),
        assurances=draw(sets_of(Assurance)),
        named_recipients=draw(sets_of([f"{partner}/{desk}" for desk in facts.desks])),
        review_within_hours=draw(st.sampled_from([0, 0, 12, 25])),
        retention_days=draw(st.none() | st.integers(0, 2000)),
        caveats=draw(sets_of(Caveat, 1)),
    )
    if draw(st.booleans()):
        third = next((one for one in asked.parts if one.origin != "irs-ci"), None)
        if third:
            asked = replace(asked, consents=(consent(third.origin, asked, content=third.sha256),))
    return asked


@st.composite
def approved_requests(draw):
    asked = draw(requests())
    officers = draw(st.lists(st.sampled_from(["officer-1", "officer-2", "officer-3"]), max_size=2))
    digest = release_digest(shipped(), asked) if draw(st.integers(0, 4)) else "00" * 32
    approvals = tuple(
        ApprovalFacts(
            officer,
            draw(st.sampled_from([frozenset(Post), frozenset({Post.WASHINGTON})])),
            draw(st.sampled_from([True, True, False])),
            digest,
            NOW + timedelta(hours=draw(st.integers(0, 3))),
        )
        for officer in officers
    )
    return replace(asked, approvals=approvals)


def going(asked, decision):
    """Every unit that leaves now: with its effective markings, classes, codes, part, and how it goes."""
    for stated, decided in zip(asked.parts, decision.parts, strict=True):
        if decided.outcome in GOES:
            codes = stated.handling_codes | asked.handling_codes
            yield stated, stated.markings, stated.content_class, codes, decided.outcome
            for field, unit in zip(stated.fields, decided.fields, strict=True):
                if unit.outcome in GOES:
                    yield (
                        stated,
                        stated.markings.join(field.markings),
                        stated.content_class | field.content_class,
                        codes | field.handling_codes,
                        unit.outcome,
                    )


def valid_approvers(asked, post):
    good = [
        a
        for a in asked.approvals
        if a.may_approve
        and a.officer != asked.requester
        and a.expires_at > NOW
        and a.digest == release_digest(shipped(), asked)
    ]
    officers = {a.officer for a in good}
    return officers, any(post in a.posts for a in good)


@settings(max_examples=150, deadline=None)
@given(approved_requests())
def test_what_leaves_is_lawful(asked):
    decision = decide(shipped(), replace(asked, wait_for_approval=False))
    facts = shipped().shards[asked.recipient].facts
    desk = facts.desks[asked.recipient_desk or facts.default_desk]
    address = f"{asked.recipient}/{asked.recipient_desk or facts.default_desk}"
    basis = facts.agreements[asked.legal_basis]
    officers, at_post = valid_approvers(asked, facts.post)
    threat = (
        asked.urgency is Urgency.THREAT_TO_LIFE
        and asked.purpose is Purpose.THREAT_WARNING
        and 0 < asked.review_within_hours <= 24
    )
    for stated, marked, classes, codes, how in going(asked, decision):
        assert marked.tlp in facts.cleared_tlp
        assert marked.tlp is not Tlp.RED or (desk.individual and address in asked.named_recipients)
        assert marked.rel_to is None or asked.recipient in marked.rel_to
        assert not classes & (NEVER | facts.refused_classes)
        assert basis.in_force_from <= NOW.date() < basis.in_force_until
        assert asked.purpose in basis.purposes
        if classes & RETURNS:
            assert (basis.kind, desk.authority, asked.channel) in {
                (kind, "tax-competent-authority", "competent-authority")
                for kind in ("income-tax-treaty", "tiea", "maac")
            }
            assert asked.purpose is Purpose.TAX_ENFORCEMENT or (
                len(officers) >= 2 and at_post and ContentClass.TAXPAYER_RETURN_INFORMATION not in classes
            )
        if ContentClass.SAR_DERIVED in classes:
            assert (desk.authority, asked.channel) == ("fiu", "egmont")
        if ContentClass.TREATY_INFORMATION in classes:
            assert stated.origin == asked.recipient
        if stated.origin not in {"irs-ci", asked.recipient}:
            assert any(c.originator == stated.origin and c.content == stated.sha256 for c in asked.consents)
            assert decision.handling.onward is not Onward.PARTIES
        if marked.tlp in {Tlp.AMBER_STRICT, Tlp.RED} or HandlingCode.H3 in codes:
            assert threat or (officers and at_post)
        if classes & {ContentClass.SAR_DERIVED, ContentClass.EXPLOIT_OR_MALWARE}:
            assert len(officers) >= 2
        if classes & {ContentClass.PERSONAL_DATA, ContentClass.VICTIM} and how is UnitOutcome.DISCLOSE:
            assert threat or (officers and at_post)
        if asked.crime_types & facts.death_penalty_crimes:
            assert Assurance.NO_DEATH_PENALTY in asked.assurances
        if asked.purpose is Purpose.PROSECUTION:
            assert desk.authority in {"mla-central-authority", "prosecutor"}
            assert HandlingCode.H1 not in codes
        if stated.evaluation.value[0] == "X" or stated.evaluation.value[1] == "4":
            assert Caveat.LEAD_PURPOSES_ONLY in decision.handling.caveats
            assert asked.purpose is not Purpose.PROSECUTION
        if HandlingCode.H1 in codes:
            assert Caveat.NOT_EVIDENCE in decision.handling.caveats
        if marked.orcon or HandlingCode.H2 in codes:
            assert decision.handling.onward is not Onward.PARTIES
        assert (
            0
            < decision.handling.retention_days
            <= min(1825, basis.max_retention_days, asked.retention_days if asked.retention_days is not None else 1825)
        )
        assert stated.delete_by is None or NOW + timedelta(days=decision.handling.retention_days) <= stated.delete_by
        assert asked.caveats <= decision.handling.caveats


@settings(max_examples=50, deadline=None)
@given(requests(), st.sampled_from(list(ContentClass)), st.booleans())
def test_adding_a_class_never_releases_more(asked, more, masked_and_now):
    asked = replace(asked, wait_for_approval=False)
    graver = replace(asked, parts=tuple(replace(one, content_class=one.content_class | {more}) for one in asked.parts))
    before, after = outcomes(decide(shipped(), asked)), outcomes(decide(shipped(), graver))
    assert all(RANK[after[unit]] <= RANK[before[unit]] for unit in before)
    if not masked_and_now:
        held = [
            {
                name: how != "withhold"
                for name, how in outcomes(decide(shipped(), replace(one, wait_for_approval=True))).items()
            }
            for one in (asked, graver)
        ]
        assert all(held[1][unit] <= held[0][unit] for unit in held[0])


@settings(max_examples=60, deadline=None)
@given(requests(), st.sampled_from(["tlp", "orcon", "rel_to", "unresolved", "origin"]))
def test_marking_it_up_never_releases_more(asked, how):
    asked = replace(asked, wait_for_approval=False, consents=())

    def graver(one):
        match how:
            case "tlp":
                return replace(one, markings=replace(one.markings, tlp=Tlp.RED if one.markings.tlp else None))
            case "orcon":
                return replace(one, markings=replace(one.markings, orcon=True))
            case "rel_to":
                return replace(one, markings=one.markings.join(Markings(rel_to=frozenset())))
            case "unresolved":
                return replace(one, unresolved_markings=True)
            case _:
                return replace(one, origin="partner-oslo")

    assume(asked.parts)
    after = outcomes(decide(shipped(), replace(asked, parts=tuple(graver(one) for one in asked.parts))))
    before = outcomes(decide(shipped(), asked))
    treaty = {one.name for one in asked.parts}
    assert all(RANK[after[unit]] <= RANK[before[unit]] for unit in before if unit.split("#")[0] in treaty)


@settings(max_examples=50, deadline=None)
@given(approved_requests())
def test_more_papers_never_release_less(asked):
    """Approvals, assurances and consents only ever help."""
    asked = replace(asked, wait_for_approval=False)
    bare = replace(asked, approvals=(), consents=(), assurances=frozenset())
    with_more, without = outcomes(decide(shipped(), asked)), outcomes(decide(shipped(), bare))
    assert all(RANK[without[unit]] <= RANK[with_more[unit]] for unit in without)


@settings(max_examples=50, deadline=None)
@given(approved_requests())
def test_waiting_releases_nothing_that_not_waiting_would_keep(asked):
    now, later = (decide(shipped(), replace(asked, wait_for_approval=waiting)) for waiting in (False, True))
    assert now.outcome is not Outcome.AWAIT_APPROVAL
    if later.outcome is not Outcome.AWAIT_APPROVAL:
        assert outcomes(now) == outcomes(later)


@settings(max_examples=30, deadline=None)
@given(approved_requests())
def test_every_explanation_agrees_with_the_decision(asked):
    for one in asked.parts:
        for unit in (one.name, *(f"{one.name}#{field.path}" for field in one.fields)):
            explain(shipped(), asked, unit)
            explain(shipped(), asked, unit, masked=True)


SYDNEY = "partners/partner-sydney.cedar"
EDITED = load_policy_set(
    with_edit(SYDNEY, "principal in", "principal   in")
    | {
        "partners/partner-sydney.facts.yaml": shipped_files()["partners/partner-sydney.facts.yaml"].replace(
            "status: active", "status: suspended"
        )
    },
    own="irs-ci",
)
FEWER = load_policy_set(
    {name: text for name, text in shipped_files().items() if "partner-sydney" not in name}, own="irs-ci"
)


@settings(max_examples=60, deadline=None)
@given(requests())
def test_editing_or_removing_one_partner_changes_nothing_for_another(asked):
    assume(asked.recipient != "partner-sydney")
    answers = [
        replace(decide(policy_set, asked), record=b"", policy_set_hash="") for policy_set in (shipped(), EDITED, FEWER)
    ]
    assert answers[0] == answers[1] == answers[2]


def test_a_suspended_partner_gets_nothing():
    public = request("partner-sydney", part("x", markings=("TLP:CLEAR",)))
    assert decide(shipped(), public).outcome is Outcome.RELEASE
    assert decide(EDITED, public).part("x").rules == ("BASE-SUSPENDED",)


@settings(max_examples=50, deadline=None)
@given(requests())
def test_what_is_hidden_leaves_no_trace(asked):
    hidden = part("hidden", ContentClass.SAR_DERIVED, markings=("TLP:GREEN",))
    assume(asked.channel is not Channel.EGMONT)
    with_it, without = decide(shipped(), replace(asked, parts=(*asked.parts, hidden))), decide(shipped(), asked)
    seen, plain = without_hidden(with_it), without_hidden(without)
    assert (seen.outcome, seen.parts, seen.handling, seen.approvals_needed) == (
        plain.outcome,
        plain.parts,
        plain.handling,
        plain.approvals_needed,
    )
