"""What does not load: every mistake that would release something, caught before it can."""

import re

import pytest
from policy_requests import POLICIES, shipped, shipped_files, with_edit

from attache import vocabulary
from attache.errors import Misconfigured
from gateway.policy import load_policy_set
from gateway.policy.facts import PartnerStatus

BASE, BOGOTA, FACTS = "base.cedar", "partners/partner-bogota.cedar", "partners/partner-bogota.facts.yaml"
EXTRA = """
@id("%s") @why("w") @cite("c") @c1("one")
forbid (principal%s, action, resource) when { %s };
"""
IN_BOGOTA = ' in Attache::Partner::"partner-bogota"'


def bogota_with(condition: str, kind: str = "when", rule_id: str = "BOGOTA-X") -> dict[str, str]:
    """The shipped files and one more forbid in Bogotá's."""
    rule = (EXTRA % (rule_id, IN_BOGOTA, condition)).replace(" when {", f" {kind} {{")
    return {**shipped_files(), BOGOTA: shipped_files()[BOGOTA] + rule}


MISTAKES = {
    "a permit in the base file": (
        with_edit(
            BASE,
            "forbid (principal, action, resource)\nwhen { resource.tlp ==",
            'permit (principal, action == Attache::Action::"disclose", resource)\nwhen { resource.tlp ==',
        ),
        "BASE-TLP-RED-NAMED: the base file may only forbid",
    ),
    "a base rule for one partner": (
        with_edit(
            BASE,
            '@c1("the partner is active")\nforbid (principal,',
            f'@c1("the partner is active")\nforbid (principal{IN_BOGOTA},',
        ),
        "a base rule must apply to every principal",
    ),
    "a partner speaks for another": (
        with_edit(BOGOTA, '@id("BOGOTA-VICTIM")', '@id("BOGOTA-VICTIM")')
        | {BOGOTA: shipped_files()[BOGOTA].replace(IN_BOGOTA, ' in Attache::Partner::"partner-sydney"', 1)},
        "its scope must be exactly",
    ),
    "a partner speaks for all": (
        {**shipped_files(), BOGOTA: shipped_files()[BOGOTA].replace("principal" + IN_BOGOTA, "principal", 1)},
        "its scope must be exactly",
    ),
    "an id of another partner": (
        with_edit(BOGOTA, '@id("BOGOTA-CASES")', '@id("SYDNEY-CASES")'),
        "its id must start with BOGOTA-",
    ),
    "an id twice": (
        with_edit(BOGOTA, '@id("BOGOTA-VICTIM")', '@id("BOGOTA-CASES")'),
        "BOGOTA-CASES: the id is used twice",
    ),
    "no id": (with_edit(BOGOTA, '@id("BOGOTA-VICTIM")\n', ""), "@id is missing"),
    "no citation": (with_edit(BOGOTA, '@cite("BOGOTA-LEA annex C (fictional)")\n', ""), "@cite is missing"),
    "no reason": (with_edit(BOGOTA, '@why("Case information to investigators")\n', ""), "@why is missing"),
    "a clause without words": (
        with_edit(BOGOTA, '@c2("the purpose is victim protection")\n', ""),
        "must describe its 2 clauses in words",
    ),
    "words without a clause": (
        with_edit(BOGOTA, '@c2("the purpose is victim protection")\n', '@c2("a") @c3("b")\n'),
        "must describe its 2 clauses in words",
    ),
    "an unknown annotation": (
        with_edit(BOGOTA, '@c2("the purpose is victim protection")', '@c2("a") @obliges("b")'),
        "@obliges is not allowed here",
    ),
    "handling on a forbid": (
        with_edit(BOGOTA, '@c2("the purpose is victim protection")', '@c2("a") @caveats("")'),
        "@caveats is not allowed here",
    ),
    "hide on a permit": (
        with_edit(BOGOTA, '@id("BOGOTA-CASES")', '@id("BOGOTA-CASES") @hide'),
        "@hide is for a forbid only",
    ),
    "an unknown agreement": (
        with_edit(BOGOTA, 'Agreement::"BOGOTA-TIEA"', 'Agreement::"BOGOTA-TEIA"'),
        'it names Agreement "BOGOTA-TEIA"',
    ),
    "an unknown partner": (
        bogota_with('Attache::Partner::"nobody".status == Attache::PartnerStatus::"active"'),
        'it names Partner "nobody"',
    ),
    "a named participant": (
        bogota_with('resource.origin == Attache::Participant::"partner-sydny"'),
        'it names Participant "partner-sydny"',
    ),
    "arithmetic": (
        with_edit(
            BOGOTA, "context.terms.handling.retentionDays <= 180", "context.terms.handling.retentionDays * 2 <= 180"
        ),
        "`mul` can fail",
    ),
    "has where absence releases": (
        bogota_with("context.terms has approval"),
        "`has` where a missing attribute would release",
    ),
    "has not where absence releases": (
        bogota_with("!(context.terms has approval)", "unless"),
        "`has` where a missing attribute would release",
    ),
    "an assurance that withholds": (
        bogota_with('context.release.assurances.contains(Attache::Assurance::"specialty")'),
        "assurances where its presence would withhold",
    ),
    "a class that releases": (
        bogota_with('resource.classes.contains(Attache::ContentClass::"open-source")', "unless"),
        "classes where its presence would release",
    ),
    "a subset of classes": (
        bogota_with(
            '!resource.classes.isEmpty() && [Attache::ContentClass::"open-source"].containsAll(resource.classes)',
            "unless",
        ),
        "classes where its presence would release",
    ),
    "a longer retention that releases": (
        bogota_with("context.terms.handling.retentionDays <= 9"),
        "retentionDays where its presence would withhold",
    ),
    "the empty set": (
        with_edit("partners/europol.cedar", "!context.release.crimeTypes.isEmpty() &&", ""),
        "is true for an empty x",
    ),
    "free text": (bogota_with('context.release.digest like "a*"'), "`like` on free text"),
    "a constant": (bogota_with("true"), "a constant condition"),
    "a constant inside": (
        with_edit(BOGOTA, "unless { principal.vetted }", "unless { principal.vetted || true }"),
        "a constant condition",
    ),
    "if": (
        bogota_with("if principal.vetted then principal.individual else principal.vetted"),
        "`if`: write one clause",
    ),
    "is": (bogota_with("principal is Attache::Desk"), "`is`: there is one kind"),
    "in": (bogota_with("principal in principal.partner"), "`in` is for the scope only"),
    "an action in a forbid's scope": (
        with_edit(
            BOGOTA,
            '@c2("the purpose is victim protection")\nforbid (\n  principal in Attache::Partner::"partner-bogota",\n  action,\n  resource\n)',
            f'@c2("the purpose is victim protection")\nforbid (principal{IN_BOGOTA}, action == Attache::Action::"disclose", resource)',
        ),
        "a forbid must not restrict the action",
    ),
    "a permit for every action": (
        {
            **shipped_files(),
            BOGOTA: shipped_files()[BOGOTA].replace('action == Attache::Action::"disclose"', "action", 1),
        },
        "a permit must name its actions",
    ),
    "an unconditional permit": (
        {
            **shipped_files(),
            BOGOTA: shipped_files()[BOGOTA]
            + f'@id("BOGOTA-X") @why("w") @cite("c") permit (principal{IN_BOGOTA}, action == Attache::Action::"disclose", resource);',
        },
        "a permit must have a condition",
    ),
    "a template": (
        {**shipped_files(), BOGOTA: '@id("BOGOTA-X") permit (principal in ?principal, action, resource);'},
        "not one policy",
    ),
    "retention said and checked differently": (
        with_edit(BOGOTA, '@retention_days("180")', '@retention_days("365")'),
        "@retention_days is 365, and its clauses check [180]",
    ),
    "caveats said and checked differently": (
        with_edit(BOGOTA, '@caveats("lead-purposes-only,no-onward-sharing")', '@caveats("lead-purposes-only")'),
        "@caveats is 'lead-purposes-only'",
    ),
    "onward said and checked differently": (
        {**shipped_files(), BOGOTA: shipped_files()[BOGOTA].replace('@onward("none")', '@onward("parties")', 1)},
        "@onward is 'parties'",
    ),
    "no onward": (
        {**shipped_files(), BOGOTA: shipped_files()[BOGOTA].replace('@onward("none")\n', "", 1)},
        "@onward is None",
    ),
    "a clause that leans on another": (
        bogota_with(
            'context.release.kind == Attache::Kind::"tool" } unless { resource has consent } '
            'unless { resource.consent.content == "x"'
        )
        | {},
        "attribute `consent`",
    ),
    "a typo in a term": (with_edit(BOGOTA, 'ContentClass::"victim"', 'ContentClass::"victm"'), "victm"),
    "a typo in an attribute": (with_edit(BOGOTA, "resource.tlp", "resource.tpl"), "tpl"),
    "a syntax error": (
        with_edit(BOGOTA, "unless { principal.vetted };", "unles { principal.vetted };"),
        "BOGOTA-VETTED: invalid policy condition: unles",
    ),
    "an unterminated rule": (
        {**shipped_files(), BOGOTA: shipped_files()[BOGOTA] + '@id("BOGOTA-X") forbid (principal'},
        "BOGOTA-X: unexpected end of input",
    ),
    "a schema error": ({**shipped_files(), "schema.cedarschema": "namespace {"}, "schema.cedarschema:"),
    "no base": ({name: text for name, text in shipped_files().items() if name != BASE}, "base.cedar: missing"),
    "no facts": ({name: text for name, text in shipped_files().items() if name != FACTS}, f"{FACTS}: missing"),
    "no rules": ({name: text for name, text in shipped_files().items() if name != BOGOTA}, f"{BOGOTA}: missing"),
    "a stray file": ({**shipped_files(), "partners/notes.txt": ""}, "a policy set has no such file"),
    "a fact missing": (
        with_edit(FACTS, "death_penalty_crimes: []\n", ""),
        f"{FACTS}: death_penalty_crimes: Field required",
    ),
    "a fact misspelt": (with_edit(FACTS, "cleared_tlp", "clearedtlp"), f"{FACTS}: cleared_tlp: Field required"),
    "a term misspelt": (with_edit(FACTS, "AMBER]", "AMBR]"), f"{FACTS}: cleared_tlp"),
    "a clearance with a gap": (with_edit(FACTS, "[CLEAR, GREEN, AMBER]", "[CLEAR, AMBER]"), "cleared_tlp has a gap"),
    "a fact of the wrong type": (with_edit(FACTS, "vetted: false", "vetted: 0"), f"{FACTS}: desks.police.vetted"),
    "a retention of the wrong type": (
        with_edit(FACTS, "max_retention_days: 180", 'max_retention_days: "180"'),
        "max_retention_days",
    ),
    "another partner's agreement": (
        with_edit(FACTS, "BOGOTA-MLAT:", "SYDNEY-MLAT:"),
        "agreement SYDNEY-MLAT does not start with BOGOTA-",
    ),
    "never in force": (
        with_edit(FACTS, "in_force_until: 2021-01-01", "in_force_until: 1991-01-01"),
        "in_force_until is not after",
    ),
    "facts about another": (
        with_edit(FACTS, "partner: partner-bogota", "partner: partner-bogot"),
        "Value error, agreement",
    ),
    "an unknown default desk": (
        with_edit(FACTS, "default_desk: vetted-unit", "default_desk: unit"),
        "default_desk 'unit' is not one of the desks",
    ),
    "a key twice": (with_edit(FACTS, "status: active", "status: suspended\nstatus: active"), "a key occurs twice"),
    "an anchor": (
        with_edit(FACTS, "refused_classes: [exploit-or-malware]", "refused_classes: &x [exploit-or-malware]"),
        "anchors and aliases",
    ),
    "a tag": (with_edit(FACTS, "status: active", "status: !!python/name:os.system active"), "tags are not used here"),
    "not YAML": (with_edit(FACTS, "status: active", "status: ["), f"{FACTS}:"),
    "a reading rule of another name": (
        with_edit("reading.cedar", '@id("READING-RED")', '@id("RED")'),
        "its id must start with READING-",
    ),
    "a reading rule for one reader": (
        with_edit(
            "reading.cedar",
            '@c1("its retention has not ended")\nforbid (principal,',
            '@c1("its retention has not ended")\nforbid (principal == Attache::Reader::"r",',
        ),
        "a reading rule must apply to every reader",
    ),
    "a reading schema error": (
        {**shipped_files(), "reading.cedarschema": "namespace {"},
        "reading.cedarschema:",
    ),
    "facts too large": ({**shipped_files(), FACTS: "#" * 300_000}, "larger than"),
}


@pytest.mark.parametrize(("files", "complaint"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_does_not_load(files, complaint):
    with pytest.raises(Misconfigured) as caught:
        load_policy_set(files, own="irs-ci")
    assert caught.value.code == "policy-not-loaded"
    assert complaint in caught.value.detail


def test_a_complaint_names_file_line_and_rule():
    with pytest.raises(Misconfigured) as caught:
        load_policy_set(bogota_with("true") | {}, own="irs-ci")
    line = shipped_files()[BOGOTA].count("\n") + 2
    assert caught.value.detail == f"{BOGOTA}:{line}: BOGOTA-X: a constant condition"


def test_every_complaint_is_said_at_once():
    files = bogota_with("true") | {
        "partners/europol.cedar": shipped_files()["partners/europol.cedar"].replace(
            '@onward("parties")', '@onward("none")'
        )
    }
    with pytest.raises(Misconfigured) as caught:
        load_policy_set(files, own="irs-ci")
    assert {line.split(":")[0] for line in caught.value.detail.splitlines()} == {BOGOTA, "partners/europol.cedar"}


def test_a_participant_is_not_its_own_partner():
    with pytest.raises(Misconfigured, match="not a partner of its own"):
        load_policy_set(shipped_files(), own="europol")


TERMS = {
    **{
        name: getattr(vocabulary, name)
        for name in ("Kind", "CrimeType", "Purpose", "BasisKind", "AuthorityKind", "ContentClass")
    },
    **{
        name: getattr(vocabulary, name)
        for name in ("Evaluation", "HandlingCode", "Caveat", "Assurance", "Urgency", "Onward", "Channel", "Post")
    },
    **{name: getattr(vocabulary, name) for name in ("Tlp", "Pap")},
    "PartnerStatus": PartnerStatus,
}


@pytest.mark.parametrize("file", ["schema.cedarschema", "reading.cedarschema"])
def test_the_schema_speaks_the_vocabulary(file):
    """A term that only one of both knows would be refused at run time, or never decided on."""
    schema = (POLICIES / file).read_text()
    declared = {
        name: re.findall(r'"([^"]+)"', terms) for name, terms in re.findall(r"entity (\w+) enum \[([^\]]*)\]", schema)
    }
    assert declared == {name: [str(term) for term in TERMS[name]] for name in declared}
    assert len(declared) >= 6


def test_every_vocabulary_is_in_a_schema():
    schemas = "".join(path.read_text() for path in POLICIES.glob("*.cedarschema"))
    assert all(f"entity {name} enum" in schemas for name in TERMS)


def test_the_hash_covers_every_file_the_engine_and_who_decides():
    whole = shipped()
    again = load_policy_set(shipped_files(), own="irs-ci")
    assert (again.hash, {name: s.hash for name, s in again.shards.items()}) == (
        whole.hash,
        {name: s.hash for name, s in whole.shards.items()},
    )
    commented = load_policy_set(with_edit(BOGOTA, "// A fictional", "// One fictional"), own="irs-ci")
    changed = {name for name in whole.shards if commented.shards[name].hash != whole.shards[name].hash}
    assert changed == {"partner-bogota"}
    assert commented.hash != whole.hash
    assert load_policy_set(shipped_files(), own="partner-oslo").hash != whole.hash
