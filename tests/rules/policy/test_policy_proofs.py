"""What no request at all can do, proved of each partner's rules with z3; and that the formulas are the engine's rules."""

import random
from dataclasses import replace

import pytest
from policy_requests import load_frankfurt, shipped

z3 = pytest.importorskip("z3", reason="the proofs need z3-solver")
# ruff: noqa: E402 -- what needs z3 comes after the question whether it is there

from gateway.policy.analysis.example import example_of
from gateway.policy.analysis.formulas import Formulas, solve
from gateway.policy.analysis.symbols import Symbols
from gateway.policy.proposal import Form

pytestmark = pytest.mark.slow

RETURNS = ("return-information", "taxpayer-return-information")
TREATIES = ("income-tax-treaty", "tiea", "maac")
SHARDS = {
    **{name: (shipped(), shard) for name, shard in shipped().shards.items()},
    **{name: (load_frankfurt(), shard) for name, shard in load_frankfurt().shards.items()},
}


class Facts:
    """Short names for what invariants speak about."""

    def __init__(self, formulas):
        self.f, self.s = formulas, formulas.symbols
        self.item, self.release, self.proposed = self.s.item, self.s.release, self.s.proposed
        self.handling = self.proposed.struct("handling")
        self.basis = formulas._attribute(self.release.term("basis"), "kind")
        self.authority = formulas._attribute(self.s.desk, "authority")

    def has(self, *classes):
        return self.s.has_any(self.item.terms("classes"), *classes)

    def code(self, *codes):
        return self.s.has_any(self.item.terms("handlingCodes"), *codes)

    def is_(self, group, member, *names):
        return self.s.is_term(group.term(member), *names)

    def approval_holds(self, member, *, at_post):
        approval = self.proposed.struct(member)
        officer = self.f._attribute(approval.term("by"), "mayApprove").is_so
        holds = [
            self.proposed.present[member],
            z3.Not(self.is_(approval, "by", "officer-1")),
            officer,
            self.is_(approval, "digest", "this"),
            self.release.number("now") < approval.number("expires"),
        ]
        if at_post:
            posts = self.f._attribute(approval.term("by"), "posts")
            holds.append(self.s.has_any(posts, self.f.shard.facts.post))
        return z3.And(holds)

    @property
    def second_officer(self):
        return self.approval_holds("approval", at_post=True)

    @property
    def two_officers(self):
        first, second = (self.proposed.struct(member).term("by").place for member in ("approval", "secondApproval"))
        return z3.And(
            self.approval_holds("approval", at_post=False),
            self.approval_holds("secondApproval", at_post=False),
            first != second,
        )

    @property
    def life_at_risk(self):
        hours = self.handling.number("reviewWithinHours")
        return z3.And(
            self.is_(self.release, "urgency", "threat-to-life"),
            self.is_(self.release, "purpose", "threat-warning"),
            hours > 0,
            hours <= 24,
        )

    @property
    def third_party(self):
        return z3.Not(self.is_(self.item, "origin", self.s.own, self.s.partner))


def cleared(x):
    return x.is_(x.item, "tlp", *x.f.shard.facts.cleared_tlp)


def red_to_the_named(x):
    individuals = [f"{x.s.partner}/{name}" for name, desk in x.f.shard.facts.desks.items() if desk.individual]
    named = x.release.terms("named")
    to = [z3.And(x.s.is_term(x.s.desk, address), x.s.has_any(named, address)) for address in individuals]
    return z3.Implies(x.is_(x.item, "tlp", "RED"), z3.Or(to))


def tax_only_to_the_competent_authority(x):
    lawful = [
        x.s.is_term(x.basis, *TREATIES),
        x.s.is_term(x.authority, "tax-competent-authority"),
        x.is_(x.release, "channel", "competent-authority"),
    ]
    return z3.Implies(x.has(*RETURNS), z3.And(lawful))


def consent_of_the_originator(x):
    consent = x.item.struct("consent")
    given = [
        x.item.present["consent"],
        consent.term("by").place == x.item.term("origin").place,
        x.is_(consent, "to", x.s.partner),
        consent.term("purpose").place == x.release.term("purpose").place,
        x.is_(consent, "content", "this"),
        x.release.number("now") < consent.number("expires"),
    ]
    return z3.Implies(x.third_party, z3.And(given))


def no_death_penalty(x):
    crimes = sorted(x.f.shard.facts.death_penalty_crimes)
    return z3.Implies(
        x.s.has_any(x.release.terms("crimeTypes"), *crimes),
        x.s.has_any(x.release.terms("assurances"), "no-death-penalty"),
    )


INVARIANTS = {
    "a suspended or uncleared partner gets nothing": cleared,
    "nothing unmarked": lambda x: x.item.truth("marked"),
    "nothing with a marking that nobody can read": lambda x: x.item.truth("markingsResolved"),
    "TLP:RED to the named individual only": red_to_the_named,
    "REL TO is kept": lambda x: z3.Or(
        x.item.truth("releasableToAnyone"), x.s.has_any(x.item.terms("releasableTo"), x.s.partner)
    ),
    "no source, no grand jury": lambda x: z3.Not(x.has("source-identifying", "grand-jury")),
    "nothing that the partner refuses": lambda x: z3.Not(x.has(*sorted(x.f.shard.facts.refused_classes))),
    "return information to the competent authority only": tax_only_to_the_competent_authority,
    "what a taxpayer filed, for tax only": lambda x: z3.Implies(
        x.has(RETURNS[1]), x.is_(x.release, "purpose", "tax-enforcement")
    ),
    "other return information, for tax or with two approvals": lambda x: z3.Implies(
        x.has(RETURNS[0]),
        z3.Or(x.is_(x.release, "purpose", "tax-enforcement"), z3.And(x.second_officer, x.two_officers)),
    ),
    "treaty information back to its supplier only": lambda x: z3.Implies(
        x.has("treaty-information"), x.is_(x.item, "origin", x.s.partner)
    ),
    "SAR from FIU to FIU only": lambda x: z3.Implies(
        x.has("sar-derived"), z3.And(x.s.is_term(x.authority, "fiu"), x.is_(x.release, "channel", "egmont"))
    ),
    "a third party's with its consent only": consent_of_the_originator,
    "a second officer for what is grave": lambda x: z3.Implies(
        z3.Or(x.is_(x.item, "tlp", "AMBER+STRICT", "RED"), x.code("H3"), x.has("sar-derived", "exploit-or-malware")),
        z3.Or(x.second_officer, x.life_at_risk),
    ),
    "a second officer for who it is about, unless masked": lambda x: z3.Implies(
        x.has("personal-data", "victim"), z3.Or(x.f.form is Form.MASKED, x.second_officer, x.life_at_risk)
    ),
    "two officers for SAR and exploits": lambda x: z3.Implies(
        x.has("sar-derived", "exploit-or-malware"), x.two_officers
    ),
    "a second officer for contradictory markings": lambda x: z3.Or(x.item.truth("markingsAgree"), x.second_officer),
    "the death penalty": no_death_penalty,
    "evidence between central authorities only": lambda x: z3.Implies(
        x.is_(x.release, "purpose", "prosecution"),
        z3.And(x.s.is_term(x.authority, "mla-central-authority", "prosecutor"), z3.Not(x.code("H1"))),
    ),
    "retention of 1 to 1825 days, and no longer than our own": lambda x: z3.And(
        x.handling.number("retentionDays") > 0,
        x.handling.number("retentionDays") <= 1825,
        x.handling.number("retentionDays") <= x.item.number("retentionDaysLeft"),
    ),
    "H1 is no evidence": lambda x: z3.Implies(x.code("H1"), x.s.has_any(x.handling.terms("caveats"), "not-evidence")),
    "ORCON and H2 are passed on with consent only": lambda x: z3.Implies(
        z3.Or(x.item.truth("orcon"), x.code("H2")), z3.Not(x.is_(x.handling, "onward", "parties"))
    ),
    "caveats go along": lambda x: z3.And(
        [
            z3.Implies(had, has)
            for had, has in zip(
                x.item.terms("receivedCaveats").members, x.handling.terms("caveats").members, strict=True
            )
        ]
    ),
    "given for tax, kept to tax": lambda x: z3.Implies(
        x.s.has_any(x.item.terms("receivedCaveats"), "tax-purposes-only"),
        x.is_(x.release, "purpose", "tax-enforcement"),
    ),
}


@pytest.mark.parametrize("partner", SHARDS)
@pytest.mark.parametrize("invariant", INVARIANTS.values(), ids=INVARIANTS)
def test_no_request_at_all(invariant, partner):
    policy_set, shard = SHARDS[partner]
    for form in Form:
        formulas = Formulas(shard, Symbols(policy_set.own, [shard.facts]), form)
        model, undecided = solve(formulas.symbols, z3.And(formulas.allowed, z3.Not(invariant(Facts(formulas)))))
        assert not undecided
        assert model is None, example_of(model, formulas.symbols, form).render()


@pytest.mark.parametrize("partner", SHARDS)
def test_every_rule_matters(partner):
    """A permit that can never release, or a forbid that can never apply, is a mistake somewhere."""
    policy_set, shard = SHARDS[partner]
    silent = set()
    for rule in shard.rules.values():
        answers = []
        for form in Form:
            formulas = Formulas(shard, Symbols(policy_set.own, [shard.facts]), form)
            wanted = z3.And(formulas.applies(rule), formulas.allowed) if rule.is_permit else formulas.applies(rule)
            answers.append(solve(formulas.symbols, wanted)[0] is not None)
        if not any(answers):
            silent.add(rule.id)
    nothing_to_refuse = {"BASE-PARTNER-REFUSES"} if not shard.facts.refused_classes else set()
    no_death_penalty = {"BASE-DEATH-PENALTY"} if not shard.facts.death_penalty_crimes else set()
    cleared_for_all = {"BASE-TLP-CEILING"} if "RED" in shard.facts.cleared_tlp else set()
    onward = {agreement.onward for agreement in shard.facts.agreements.values()}
    every_onward = {"BASE-BASIS-ONWARD"} if onward == {"parties"} else set()
    assert silent == {"BASE-SUSPENDED"} | nothing_to_refuse | no_death_penalty | cleared_for_all | every_onward


@pytest.mark.parametrize("partner", SHARDS)
def test_the_formulas_are_the_engines_rules(partner):
    """Random requests, half of them steered to be allowed: the engine answers as the formulas say."""
    policy_set, shard = SHARDS[partner]
    picks = random.Random(partner)
    allowed = 0
    for n in range(40):
        form = picks.choice(list(Form))
        symbols = Symbols(policy_set.own, [shard.facts])
        formula = Formulas(shard, symbols, form).allowed
        solver = z3.Solver()
        solver.set("random_seed", picks.randrange(10**6))
        solver.add(*symbols.constraints)
        if n % 2:
            solver.add(formula)
        assert solver.check() == z3.sat
        for guess in _guesses(symbols, picks):
            solver.push()
            solver.add(guess)
            if solver.check() != z3.sat:
                solver.pop()
        assert solver.check() == z3.sat
        model = solver.model()
        said = z3.is_true(model.eval(formula, model_completion=True))
        allowed += said
        assert example_of(model, symbols, form).is_allowed(replace(policy_set)) is said
    assert allowed >= 20


def _guesses(symbols, picks):
    for group, member in (
        (symbols.item, "tlp"),
        (symbols.release, "kind"),
        (symbols.release, "purpose"),
        (symbols.release, "basis"),
        (symbols.release, "channel"),
    ):
        term = group.term(member)
        yield symbols.is_term(term, picks.choice(symbols.ids[term.kind]))
    for member in ("classes", "handlingCodes", "receivedCaveats"):
        for one in symbols.item.terms(member).members:
            yield one if picks.random() < 0.1 else z3.Not(one)
    for one in symbols.release.terms("crimeTypes").members:
        yield one if picks.random() < 0.2 else z3.Not(one)
