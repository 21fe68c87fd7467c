"""The rules for readers against a second telling of them, and small wrong edits of them: none may go unnoticed."""

import sys
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import combinations

import pytest
from policy_requests import NOW, shipped
from test_policy_mutants import mutated_files
from test_policy_reading import READER, RECEIVED

from attache.errors import AttacheError
from attache.vocabulary import Caveat, HandlingCode, Onward, Pap, Purpose, Tlp
from gateway.policy import ReaderFacts, Use, decide_reading, load_policy_set
from gateway.policy.policy_set import READING_FILE

FOR = Purpose.CRIMINAL_INVESTIGATION


def told_again(received, reader, purpose):
    """What the rules say, said once more."""
    if received.desk not in reader.desks or received.markings.tlp is None or received.unresolved_markings:
        return set()
    if received.delete_by <= NOW:
        return set()
    uses = set(Use) if reader.may_export else set(Use) - {Use.EXPORT}
    if received.markings.tlp is Tlp.RED:
        uses &= {Use.READ, Use.LEAD} if received.desk_is_individual else set()
    if received.caveats & {Caveat.SPECIALTY, Caveat.TAX_PURPOSES_ONLY} and purpose is not received.purpose:
        uses &= {Use.READ}
    if HandlingCode.H1 in received.handling_codes or received.caveats & {
        Caveat.LEAD_PURPOSES_ONLY,
        Caveat.NOT_EVIDENCE,
    }:
        uses -= {Use.EVIDENCE}
    if received.markings.pap not in {Pap.CLEAR, Pap.GREEN}:
        uses -= {Use.ACT}
    if received.onward is Onward.NONE or Caveat.NO_ONWARD_SHARING in received.caveats:
        uses -= {Use.PASS_ON}
    if HandlingCode.H3 in received.handling_codes:
        uses &= {Use.READ}
    return uses


def deviations():
    """Every way in which one fact can differ from an everyday one, as a change of (received, reader, purpose)."""
    yield lambda received, reader, purpose: (received, reader, purpose)
    yield lambda received, reader, purpose: (received, ReaderFacts(frozenset({"tax-desk"}), reader.may_export), purpose)
    yield lambda received, reader, purpose: (received, ReaderFacts(frozenset(), reader.may_export), purpose)
    yield lambda received, reader, purpose: (received, ReaderFacts(reader.desks, may_export=False), purpose)
    yield lambda received, reader, purpose: (received, reader, Purpose.PROSECUTION)
    facts = [
        {"desk_is_individual": True},
        {"unresolved_markings": True},
        {"delete_by": NOW},
        {"delete_by": NOW - timedelta(seconds=1)},
        *({"onward": onward} for onward in Onward),
        *({"purpose": purpose} for purpose in (Purpose.TAX_ENFORCEMENT, Purpose.PROSECUTION)),
    ]
    for fact in facts:
        yield lambda received, reader, purpose, fact=fact: (replace(received, **fact), reader, purpose)
    for name, terms in (("tlp", [*Tlp, None]), ("pap", [*Pap, None])):
        for term in terms:
            yield lambda received, reader, purpose, name=name, term=term: (
                replace(received, markings=replace(received.markings, **{name: term})), reader, purpose,
            )  # fmt: skip
    for name, terms in (("handling_codes", HandlingCode), ("caveats", Caveat)):
        for term in terms:
            yield lambda received, reader, purpose, name=name, term=term: (
                replace(received, **{name: getattr(received, name) | {term}}), reader, purpose,
            )  # fmt: skip


def readings():
    """Each deviation, and each two of them together."""
    found = list(deviations())
    for one, other in combinations(found, 2):
        yield other(*one(RECEIVED, READER, FOR))


READINGS = list(readings())


def differs(policy_set):
    """The first reading about which the set says another thing than we do."""
    for received, reader, purpose in READINGS:
        decision = decide_reading(policy_set, received, reader, purpose=purpose, now=NOW)
        if {use for use in Use if decision.permits(use)} != told_again(received, reader, purpose):
            return received, reader, purpose
    return None


def test_the_rules_and_their_second_telling_agree():
    assert len(READINGS) > 500
    assert differs(shipped()) is None


@pytest.mark.slow
def test_no_mutant_of_the_rules_for_readers_survives(record_property):
    tally, survivors = Counter(), []
    for name, what, files in mutated_files(READING_FILE):
        try:
            mutant = load_policy_set(files, own="irs-ci")
        except AttacheError:
            tally["load gate"] += 1
            continue
        if differs(mutant) is None:
            survivors.append(f"{name}: {what}")
        else:
            tally["second telling"] += 1
    record_property("mutants", dict(tally))
    sys.stdout.write(f"{READING_FILE}: {dict(tally)}\n")
    assert survivors == []
    assert sum(tally.values()) > 50
