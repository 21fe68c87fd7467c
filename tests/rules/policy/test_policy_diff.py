"""A change of policy says whom it gives what, with a request that the engine confirms under both sets."""

import pytest
from policy_requests import shipped, shipped_files, with_edit

from attache.errors import IntegrityLost
from gateway.policy import load_policy_set

pytest.importorskip("z3", reason="the semantic diff needs z3-solver")

from gateway.policy.analysis.diff import _confirm, diff

BOGOTA, FACTS, BASE = "partners/partner-bogota.cedar", "partners/partner-bogota.facts.yaml", "base.cedar"


def changed(files):
    return diff(shipped(), load_policy_set(files, own="irs-ci"))


def test_a_comment_changes_nothing():
    result = changed(with_edit(BOGOTA, "// A fictional", "// One fictional"))
    assert (result.changes, result.widens, result.render()) == ((), False, "no request changes its answer")


def test_another_order_changes_nothing():
    result = changed(
        with_edit(
            BOGOTA,
            'Agreement::"BOGOTA-LEA", Attache::Agreement::"BOGOTA-MLAT"',
            'Agreement::"BOGOTA-MLAT", Attache::Agreement::"BOGOTA-LEA"',
        )
    )
    assert result.changes == ()


WIDENING = {
    "a clearance": with_edit(FACTS, "[CLEAR, GREEN, AMBER]", "[CLEAR, GREEN, AMBER, AMBER+STRICT]"),
    "a refusal dropped": with_edit(FACTS, "refused_classes: [exploit-or-malware]", "refused_classes: []"),
    "an agreement prolonged": with_edit(FACTS, "in_force_until: 2021-01-01", "in_force_until: 2099-01-01"),
    "a purpose": with_edit(FACTS, "purposes: [tax-enforcement]", "purposes: [tax-enforcement, asset-recovery]") | {},
    "a desk vetted": with_edit(FACTS, "vetted: false", "vetted: true"),
    "a rule dropped": {**shipped_files(), BOGOTA: shipped_files()[BOGOTA].partition('@id("BOGOTA-VICTIM")')[0]},
    "a condition loosened": with_edit(BOGOTA, 'Tlp::"GREEN"]', 'Tlp::"GREEN", Attache::Tlp::"AMBER"]'),
    "one clause dropped": with_edit(
        BOGOTA,
        '@c2("the recipient is a vetted unit")',
        '@c2("the recipient is vetted, or it is nothing that names anybody")',
    )
    | {
        BOGOTA: shipped_files()[BOGOTA].replace(
            "unless { principal.vetted };", "unless { principal.vetted || !resource.orcon };"
        )
    },
}


@pytest.mark.parametrize("files", WIDENING.values(), ids=WIDENING)
def test_a_widening_comes_with_a_request(files):
    result = changed(files)
    if not result.changes:  # purposes without a permit for them
        assert "asset-recovery" in files[FACTS]
        return
    assert result.widens
    assert {change.partner for change in result.changes} == {"partner-bogota"}
    new = load_policy_set(files, own="irs-ci")
    for change in result.changes:
        assert change.example.is_allowed(new) is change.widens
        assert change.example.is_allowed(shipped()) is not change.widens
    assert "WIDENS" in result.render()
    assert "approvals:" in result.render()


def test_a_narrowing_is_none():
    result = changed(with_edit(FACTS, "status: active", "status: suspended"))
    assert [change.widens for change in result.changes] == [False, False]
    assert not result.widens
    assert "narrows" in result.render()


def test_the_base_touches_every_partner():
    result = changed(with_edit(BASE, "  context.terms.approval.by != context.release.requester &&\n", ""))
    assert {change.partner for change in result.changes if change.widens} == set(shipped().shards)
    own = result.changes[0].example
    assert any(approval.officer == own.request.requester for approval, _ in own.approvals)


def test_partners_come_and_go():
    fewer = {name: text for name, text in shipped_files().items() if "sydney" not in name}
    gone = changed(fewer)
    assert [(change.partner, change.what, change.widens) for change in gone.changes] == [
        ("partner-sydney", "no longer a partner", False)
    ]
    come = diff(load_policy_set(fewer, own="irs-ci"), shipped())
    assert [(change.what, change.widens) for change in come.changes] == [("a new partner", True)]


def test_reading_is_read_by_people():
    result = changed(with_edit("reading.cedar", "// What a received", "// All that a received"))
    assert result.widens
    assert "reading.cedar changed" in result.render()


def test_an_analysis_that_the_engine_contradicts_is_worth_nothing():
    example = changed(WIDENING["a clearance"]).changes[0].example
    with pytest.raises(IntegrityLost):
        _confirm(example, allowed_by=shipped(), refused_by=shipped())
