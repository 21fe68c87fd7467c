"""The leak catalogue, row by row: what is withheld leaves no trace in what is left."""

import json

import pytest
import stix2

from attache.errors import NotPermitted
from attache.vocabulary import HandlingCode, Markings, Tlp
from gateway.content import MASK, Minting, UnitFacts
from tests.rules.content.stix_making import (
    AT,
    GREEN,
    MINTING,
    RED,
    a_bundle,
    a_link,
    a_marking,
    a_report,
    a_tool,
    an_id,
    an_identity,
    an_iep,
    an_object,
    by_type,
    found,
    left,
    raw,
)

MIXER, SUSPECT, OTHER = a_tool("Mixer"), an_identity("Suspect Person"), a_tool("Tumbler")
LINK = a_link(MIXER, SUSPECT)
REPORT = a_report("Case report", MIXER, SUSPECT, LINK)
WALLET = {"type": "ipv4-addr", "spec_version": "2.1", "id": an_id("ipv4-addr", "1"), "value": "203.0.113.77"}


def test_nothing_that_is_withheld_is_pointed_at():
    """L1: the edge goes with its end, the report is made anew without both, and nothing says that it was another."""
    objects = left(MIXER, SUSPECT, LINK, REPORT, OTHER, stated=[UnitFacts(SUSPECT["id"])], withheld=[SUSPECT["id"]])
    text = json.dumps(objects)
    for gone in (SUSPECT, LINK, REPORT):
        assert gone["id"].partition("--")[2] not in text
    report = by_type(objects)["report"]
    assert report["object_refs"] == [MIXER["id"]]
    ours = by_type(objects)["identity"]
    assert (ours["name"], report["created_by_ref"]) == ("irs-ci", ours["id"])
    assert (report["created"], report["modified"]) == (AT, "2026-11-22T09:00:00.000Z")
    assert [body["id"] for body in objects if body["type"] == "tool"] == [MIXER["id"], OTHER["id"]]
    assert not any("derived" in body.get("relationship_type", "") for body in objects)
    stix2.parse(a_bundle(*objects))


def test_a_container_of_nothing_goes_too_and_what_is_said_of_it():
    inner = a_report("Inner", SUSPECT)
    note = an_object("note", "n", content="about the inner one", object_refs=[inner["id"]])
    objects = left(SUSPECT, inner, note, MIXER, withheld=[SUSPECT["id"]], stated=[UnitFacts(SUSPECT["id"])])
    assert [body["id"] for body in objects] == [MIXER["id"]]


def test_a_reference_by_value_is_no_way_back():
    """L2: an id that is made of its value is a value: neither it nor any new id can be found by guessing without our key."""
    mail = {"type": "email-message", "spec_version": "2.1", "id": an_id("email-message", "m"), "is_multipart": False}
    seen = an_object(
        "observed-data",
        "o",
        first_observed=AT,
        last_observed=AT,
        number_observed=1,
        object_refs=[WALLET["id"], mail["id"]],
    )
    objects = left(WALLET, mail, seen, withheld=[WALLET["id"]], stated=[UnitFacts(WALLET["id"])])
    text = json.dumps(objects)
    assert WALLET["id"].partition("--")[2] not in text
    assert seen["id"].partition("--")[2] not in text
    other = left(
        WALLET,
        mail,
        seen,
        withheld=[WALLET["id"]],
        stated=[UnitFacts(WALLET["id"])],
        minting=Minting(b"x" * 16, "irs-ci", MINTING.at),
    )
    new, elsewhere = (by_type(made)["observed-data"]["id"] for made in (objects, other))
    assert new != elsewhere
    assert (
        by_type(left(WALLET, mail, seen, withheld=[WALLET["id"]], stated=[UnitFacts(WALLET["id"])]))["observed-data"][
            "id"
        ]
        == new
    )


def test_an_edge_is_as_secret_as_its_ends():
    """L3."""
    red = an_identity("Red One", object_marking_refs=[RED])
    edge = a_link(MIXER, red, object_marking_refs=[GREEN])
    units = found(MIXER, red, edge)
    assert units[edge["id"]].markings.tlp is Tlp.RED
    assert units[MIXER["id"]].markings == Markings()


def test_the_parts_marking_is_the_objects():
    """L5: what nobody marked says nothing of itself, so that policy joins it with its part and package."""
    assert found(MIXER, SUSPECT) == {}
    units = found(MIXER, an_identity("Green One", object_marking_refs=[GREEN]))
    assert units[MIXER["id"]].adds_nothing


def test_who_made_an_object_does_not_show_through_its_copy():
    """L6: what was made by a creator who is not named any more does not bring the creator along."""
    author = an_identity("Author")
    secret = {**MIXER, "created_by_ref": author["id"], "description": "what only the author knows"}
    path = f"{secret['id']}/description"
    objects = left(author, secret, withheld=[path], stated=[UnitFacts(path)])
    assert "Author" not in json.dumps(objects)
    assert {body["type"] for body in objects} == {"identity", "tool"}
    kept = left(author, secret, {**OTHER, "created_by_ref": author["id"]}, withheld=[path], stated=[UnitFacts(path)])
    assert author in kept


def test_the_creator_of_what_is_only_pointed_anew_does_not_show_either():
    author = an_identity("Author")
    report = a_report("By the author", GRANULAR, created_by_ref=author["id"])
    objects = left(author, report, GRANULAR, withheld=[f"{GRANULAR['id']}/description"])
    assert by_type(objects)["report"]["created_by_ref"] == objects[0]["id"]
    assert "Author" not in json.dumps(objects)


def test_of_a_new_object_there_is_one_version():
    """Two versions of the original under one id and one time would contradict each other."""
    older, newer = GRANULAR, {**GRANULAR, "modified": "2026-02-01T00:00:00.000Z", "roles": ["boss", "courier", "cook"]}
    for order in ((older, newer), (newer, older)):
        [_, new] = left(*order, withheld=[f"{GRANULAR['id']}/description"])
        assert new["roles"] == ["boss", "courier", "cook"]
    both = left(older, newer, MIXER, withheld=[MIXER["id"]], stated=[UnitFacts(MIXER["id"])])
    assert both == [older, newer]


def test_an_extension_goes_as_it_is_or_not_at_all():
    author = an_identity("Author", description="told in secret")
    extension = an_object(
        "extension-definition",
        "e",
        created_by_ref=author["id"],
        name="wallets",
        schema="https://example.org/s",
        version="1.0",
        extension_types=["new-sco"],
    )
    wallet = {
        "type": "cryptocurrency-wallet",
        "spec_version": "2.1",
        "id": an_id("cryptocurrency-wallet", "w"),
        "value": "1Example",
        "extensions": {extension["id"]: {"extension_type": "new-sco"}},
    }
    path = f"{author['id']}/description"
    unknown = {**extension, "object_marking_refs": [an_id("marking-definition", "nowhere")]}
    assert found(author, unknown, wallet)[extension["id"]].unresolved
    without = left(author, unknown, wallet, MIXER, withheld=[extension["id"]])
    assert without == [wallet, MIXER]
    whole = left(author, extension, wallet, MIXER, withheld=[MIXER["id"]], stated=[UnitFacts(MIXER["id"])])
    assert whole == [author, wallet, extension]
    objects = left(author, extension, wallet, withheld=[path], stated=[UnitFacts(path)])
    assert wallet in objects
    assert "extension-definition" not in by_type(objects)
    assert author["id"] not in json.dumps(objects)


def test_a_marking_by_somebody_withheld_is_made_anew():
    boss = an_identity("Boss")
    marking = {**a_marking("m", markings=["TLP:GREEN"]), "created_by_ref": boss["id"]}
    tool = {**MIXER, "object_marking_refs": [marking["id"]]}
    objects = left(boss, marking, tool, withheld=[boss["id"]], stated=[UnitFacts(boss["id"])])
    new = by_type(objects)
    assert new["tool"]["object_marking_refs"] == [new["marking-definition"]["id"]] != [marking["id"]]
    assert boss["id"] not in json.dumps(objects)


GRANULAR = {
    **SUSPECT,
    "description": "an informant says so",
    "roles": ["cashier", "courier", "cashier"],
    "external_references": [{"source_name": "file", "description": "case folder"}],
    "granular_markings": [
        {"marking_ref": RED, "selectors": ["description", "roles.[1]"]},
        {"marking_ref": GREEN, "selectors": ["roles.[2]", "external_references.[0].source_name"]},
        {"lang": "en", "selectors": ["description"]},
    ],
}


def test_selectors_follow_what_is_left():
    """L7: no selector of what is gone; list items keep their own marks; the specification's own example is read."""
    units = found(GRANULAR)
    assert units[f"{GRANULAR['id']}/external_references.[0].source_name"].markings.tlp is Tlp.GREEN
    withheld = [f"{GRANULAR['id']}/description", f"{GRANULAR['id']}/roles.[1]"]
    [_, new] = left(GRANULAR, withheld=withheld)
    assert new["roles"] == ["cashier", "cashier"]
    assert "description" not in new
    assert new["granular_markings"] == [
        {"marking_ref": GREEN, "selectors": ["roles.[1]", "external_references.[0].source_name"]}
    ]
    assert new["id"] != GRANULAR["id"]


def test_equal_list_items_are_different_items():
    twin = {**GRANULAR, "granular_markings": [{"marking_ref": RED, "selectors": ["roles.[2]"]}]}
    assert set(found(twin)) == {twin["id"], f"{twin['id']}/roles.[2]"}
    [_, new] = left(twin, withheld=[f"{twin['id']}/roles.[2]"])
    assert new["roles"] == ["cashier", "courier"]
    assert "granular_markings" not in new


def test_what_is_required_is_not_missed():
    """An object without what its type requires is no object; a list without items is no list."""
    name = f"{MIXER['id']}/name"
    assert left(MIXER, OTHER, withheld=[name], stated=[UnitFacts(name)]) == [OTHER]
    roles = {**SUSPECT, "roles": ["cashier"]}
    path = f"{roles['id']}/roles.[0]"
    [_, new] = left(roles, withheld=[path], stated=[UnitFacts(path)])
    assert "roles" not in new


def test_new_ids_are_the_objects_own():
    """L7: one id for one object in every later copy, and no part of an id shared between types."""
    first = left(GRANULAR, REPORT, LINK, MIXER, withheld=[f"{GRANULAR['id']}/description"])
    later = left(
        GRANULAR,
        MIXER,
        withheld=[f"{GRANULAR['id']}/description"],
        minting=Minting(MINTING.key, "irs-ci", MINTING.at.replace(year=2027)),
    )
    [one] = [body for body in first if body["type"] == "identity" and body["name"] == "Suspect Person"]
    [two] = [body for body in later if body["type"] == "identity" and body["name"] == "Suspect Person"]
    assert (one["id"], one["created"]) == (two["id"], two["created"])
    assert one["modified"] < two["modified"]
    uuids = [body["id"].partition("--")[2] for body in first]
    assert len(set(uuids)) == len(uuids)


def test_whoever_refers_to_a_new_object_is_new_itself():
    objects = left(GRANULAR, REPORT, LINK, MIXER, withheld=[f"{GRANULAR['id']}/description"])
    new = {body["type"]: body for body in objects if body.get("name") != "irs-ci"}
    assert new["relationship"]["target_ref"] == new["identity"]["id"]
    assert new["report"]["object_refs"] == [MIXER["id"], new["identity"]["id"], new["relationship"]["id"]]
    assert {LINK["id"], REPORT["id"], GRANULAR["id"]} & {body["id"] for body in objects} == set()
    assert new["tool"] == MIXER


def test_nobody_is_not_everybody():
    """L9: an empty REL TO is nobody."""
    nobody = a_marking("nobody", markings=["REL TO:"])
    units = found(nobody, {**MIXER, "object_marking_refs": [nobody["id"]]})
    assert units[MIXER["id"]].markings.rel_to == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "met Suspect Person twice",
        "SUSPECT PERSON",
        "https://files.example/suspect person/1",
        f"see {SUSPECT['id']}",
    ],
)
def test_text_that_repeats_what_is_withheld_stops_the_copy(text):
    """L11."""
    told = {**MIXER, "description": text}
    with pytest.raises(NotPermitted) as error:
        left(told, SUSPECT, withheld=[SUSPECT["id"]], stated=[UnitFacts(SUSPECT["id"])])
    assert (error.value.code, error.value.extra) == ("redaction-blocked", {"places": [MIXER["id"]]})
    assert "Suspect" not in str(error.value)


@pytest.mark.parametrize("text", ["unsuspected persons", "a person", "2026-01-01T00:00:00.000Z"])
def test_text_that_does_not_is_left_alone(text):
    told = {**MIXER, "description": text}
    assert told in left(told, SUSPECT, withheld=[SUSPECT["id"]], stated=[UnitFacts(SUSPECT["id"])])


def test_markings_of_what_is_gone_are_gone():
    """L12: a marking's name says what there is; only those of what leaves go along."""
    programme = a_marking("Operation Zq", markings=["REL TO: irs-ci, partner-sydney"])
    public = a_marking("public", markings=["TLP:GREEN"])
    secret = {**SUSPECT, "object_marking_refs": [programme["id"]]}
    tool = {**MIXER, "object_marking_refs": [public["id"]]}
    objects = left(programme, public, secret, tool, withheld=[secret["id"]])
    assert objects == [tool, public]


def test_a_translation_of_what_is_gone_goes():
    words = an_object(
        "language-content", "l", object_ref=GRANULAR["id"], contents={"de": {"description": "ein Informant"}}
    )
    objects = left(GRANULAR, words, withheld=[f"{GRANULAR['id']}/description"])
    assert "language-content" not in by_type(objects)


def test_a_masked_object_keeps_its_place_and_nothing_else():
    objects = left(
        {**SUSPECT, "contact_information": "at home"},
        MIXER,
        LINK,
        masked=[SUSPECT["id"]],
        stated=[UnitFacts(SUSPECT["id"])],
    )
    [new] = [body for body in objects if body["type"] == "identity" and body["name"] != "irs-ci"]
    assert (new["name"], "contact_information" in new) == (MASK, False)
    assert by_type(objects)["relationship"]["target_ref"] == new["id"]
    assert left(WALLET, MIXER, masked=[WALLET["id"]], stated=[UnitFacts(WALLET["id"])]) == [MIXER]


def test_a_masked_text_is_masked_and_anything_else_withheld():
    paths = [f"{GRANULAR['id']}/description", f"{GRANULAR['id']}/roles.[1]"]
    [_, new] = left(GRANULAR, masked=paths)
    assert (new["description"], new["roles"]) == (MASK, ["cashier", "cashier"])


def test_an_unknown_type_is_not_cut():
    """Nobody here knows what it requires."""
    made = an_object(
        "x-case",
        "c",
        subject_ref=SUSPECT["id"],
        extensions={"extension-definition--" + "0" * 8 + "-0000-4000-8000-" + "0" * 12: {"extension_type": "new-sdo"}},
    )
    assert left(made, SUSPECT, MIXER, withheld=[SUSPECT["id"]], stated=[UnitFacts(SUSPECT["id"])]) == [MIXER]


def test_too_long_a_chain_is_not_followed():
    notes = [MIXER, SUSPECT]
    last = SUSPECT
    for n in range(80):
        last = an_object("note", str(n), content="of one", object_refs=[last["id"]])
        notes.append(last)
    with pytest.raises(NotPermitted):
        left(*notes, withheld=[SUSPECT["id"]], stated=[UnitFacts(SUSPECT["id"])])


def test_markings_that_cannot_be_read_are_unresolved():
    """Vector (h), and what only looks like TLP."""
    unknown = {**MIXER, "object_marking_refs": ["marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ec"]}
    assert found(unknown)[MIXER["id"]].unresolved
    look_alike = an_object("marking-definition", "tlp", definition_type="tlp", definition={"tlp": "white"})
    assert found(look_alike, {**MIXER, "object_marking_refs": [look_alike["id"]]})[MIXER["id"]].unresolved
    typo = a_marking("typo", markings=["TLP:GREN"])
    assert found(typo, {**MIXER, "object_marking_refs": [typo["id"]]})[MIXER["id"]].unresolved
    more = a_marking("more", markings=["TLP:GREEN"], audience=["everybody"])
    assert found(more, {**MIXER, "object_marking_refs": [more["id"]]})[MIXER["id"]].unresolved


def test_a_marking_that_is_marked_says_that_too():
    secret = {**a_marking("secret programme", markings=["TLP:GREEN"]), "object_marking_refs": [RED]}
    assert found(secret, {**MIXER, "object_marking_refs": [secret["id"]]})[MIXER["id"]].markings.tlp is Tlp.RED
    itself = {**a_marking("itself", markings=["TLP:GREEN"])}
    itself["object_marking_refs"] = [itself["id"]]
    assert found(itself, {**MIXER, "object_marking_refs": [itself["id"]]})[MIXER["id"]].unresolved


def test_must_and_must_not_contradict():
    """Vector (j)."""
    must, must_not = an_iep("1", provider_attribution="must"), an_iep("2", provider_attribution="must-not")
    both = {**MIXER, "object_marking_refs": [must["id"], must_not["id"]]}
    assert found(must, must_not, both)[MIXER["id"]].contradictory
    one = found(must, {**MIXER, "object_marking_refs": [must["id"]]})[MIXER["id"]]
    assert (one.contradictory, one.markings.tlp, one.handling_codes) == (False, Tlp.GREEN, frozenset())
    strict = an_iep("3", permitted_actions="internally-visible-actions")
    assert found(strict, {**MIXER, "object_marking_refs": [strict["id"]]})[MIXER["id"]].handling_codes == {
        HandlingCode.H3
    }


def test_a_statement_is_for_an_officer():
    statement = an_object(
        "marking-definition", "s", definition_type="statement", definition={"statement": "Do not copy"}
    )
    units = found(statement, {**MIXER, "object_marking_refs": [statement["id"]]})
    assert units[MIXER["id"]].handling_codes == {HandlingCode.H3}


@pytest.mark.parametrize(
    "marking",
    [
        "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9",
        "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    ],
)
def test_the_families_of_tlp_ids_mean_the_same(marking):
    assert found({**MIXER, "object_marking_refs": [marking]})[MIXER["id"]].markings.tlp is Tlp.CLEAR


def test_the_same_content_gives_the_same_copy():
    assert left(MIXER, SUSPECT, REPORT, withheld=[SUSPECT["id"]], stated=[UnitFacts(SUSPECT["id"])]) == left(
        MIXER, SUSPECT, REPORT, withheld=[SUSPECT["id"]], stated=[UnitFacts(SUSPECT["id"])]
    )
    assert raw(MIXER)
