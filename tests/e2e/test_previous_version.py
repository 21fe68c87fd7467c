"""Agencies upgrade on different days: a gateway, and a mailbox participant, of the previous landed version exchange with today's.

Real processes and TLS. `old` is the gateway that still runs the previous version, so every case is run in both directions.
"""

import base64
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from attache import clock
from tests.e2e.previous import BOGOTA, Mixed
from tests.e2e.processes import until

IRS, FRANKFURT = "irs-ci", "partner-frankfurt"
WAYS = [(IRS, FRANKFURT, "FRANKFURT-LEA"), (FRANKFURT, IRS, "IRS-CI-LEA")]


@pytest.fixture(scope="module", params=[IRS, FRANKFURT], ids=lambda old: f"old {old}")
def mixed(request, tmp_path_factory) -> Iterator[Mixed]:
    made = Mixed.make(tmp_path_factory.mktemp("mixed"), request.param)
    try:
        made.exchange.initialise()
        made.exchange.start()
        yield made
    finally:
        made.exchange.close()


def submission(content: bytes, to: str, basis: str) -> dict[str, Any]:
    """A request in the words of the first landed version."""
    part = {
        "name": "note.txt",
        "media_type": "text/plain",
        "content_class": ["law-enforcement-sensitive"],
        "markings": ["TLP:GREEN"],
        "content": base64.urlsafe_b64encode(content).decode().rstrip("="),
    }
    return {
        "kind": "intelligence",
        "title": "Mixer proceeds",
        "purpose": "criminal-investigation",
        "crime_types": ["money-laundering"],
        "recipients": [{"to": to, "legal_basis": basis}],
        "parts": [part],
        "submit": True,
    }


def sent(mixed: Mixed, sender: str, receiver: str, basis: str, content: bytes) -> str:
    """The id of a package that was delivered, and then opened: both receipts are back, and count."""
    package_id = mixed.post(sender, "/packages", submission(content, receiver, basis))["package_id"]
    mixed.reaches(sender, package_id, "delivered")
    mixed.post(receiver, f"/inbox/{sender}/{package_id}/open")
    mixed.reaches(sender, package_id, "opened")
    return package_id


@pytest.mark.parametrize(("sender", "receiver", "basis"), WAYS)
def test_a_package_is_delivered_and_opened_and_its_evidence_verifies_at_the_other(
    mixed, sender, receiver, basis, tmp_path
):
    package_id = sent(mixed, sender, receiver, basis, b"across versions")
    with mixed.rest(receiver) as reader:
        read = reader.get(f"/inbox/{sender}/{package_id}/parts/note.txt")
        assert read.content == b"across versions"
    receipts = mixed.get(sender, f"/packages/{package_id}/receipts")["receipts"]
    assert {each["receipt"] for each in receipts} == {"delivered", "opened"}
    evidence = tmp_path / "package.attache-evidence"
    with mixed.rest(sender) as analyst:
        evidence.write_bytes(analyst.get(f"/packages/{package_id}/evidence").raise_for_status().content)
    report = mixed.command(mixed.code_of(receiver), "verify", str(evidence))
    assert report["sound"], report["findings"]
    assert len(report["checks"]) > 10


@pytest.mark.parametrize("name", [IRS, FRANKFURT])
def test_each_cosigns_the_others_log(mixed, name):
    [other] = {IRS, FRANKFURT} - {name}
    sent(mixed, *next(way for way in WAYS if way[0] == name), b"witnessed")

    def is_cosigned() -> bool:
        with mixed.rest(name, "auditor") as auditor:
            entries = auditor.get("/log/entries", params={"event": "witness.obtained"}).json()["entries"]
        return any(other in str(entry["fields"]) for entry in entries)

    until(is_cosigned)
    gateways = mixed.exchange.gateways.values()
    assert all(each.query("select alarm from witness where alarm is not null") == [] for each in gateways)


def test_a_consent_is_asked_for_and_given_across(mixed):
    package_id = sent(mixed, FRANKFURT, IRS, "IRS-CI-LEA", b"a lead")
    asked = {
        "originator": FRANKFURT,
        "package_id": package_id,
        "part": "note.txt",
        "recipient": BOGOTA,
        "purpose": "criminal-investigation",
        "legal_basis": "FRANKFURT-LEA",
        "reason": "the same wallets",
        "crime_types": ["money-laundering"],
    }
    request_id = mixed.post(IRS, "/consents/requests", asked)["request_id"]
    mixed.reaches(IRS, request_id, "delivered")
    mixed.post(FRANKFURT, f"/inbox/{IRS}/{request_id}/open")
    ends = (clock.now() + timedelta(days=30)).isoformat()
    grant = {"holder": IRS, "request_id": request_id, "expires_at": ends, "note": "agreed"}
    mixed.post(FRANKFURT, "/consents", grant, who="washington")
    until(lambda: mixed.get(IRS, f"/consents/requests/{IRS}/{request_id}", "auditor")["state"] == "given")
    passed_on = submission(b"a lead", BOGOTA, "BOGOTA-LEA")
    [life] = mixed.post(IRS, "/packages", passed_on)["recipients"]
    assert life["state"] == "released"


def test_a_mailbox_participant_of_the_other_version_collects_asks_and_is_answered(mixed, tmp_path):
    package_id = mixed.post(IRS, "/packages", submission(b"for Bogota", BOGOTA, "BOGOTA-LEA"))["package_id"]
    code = mixed.code_of_the_other_than(IRS)
    place = ["--gateway", IRS, "--into", str(tmp_path / "in")]
    listed = mixed.command(code, "mailbox", "list", *place)
    assert package_id in {each["package_id"] for each in listed["packages"]}
    mixed.command(code, "mailbox", "collect", package_id, *place)
    assert (tmp_path / "in" / package_id / "note.txt").read_bytes() == b"for Bogota"
    assert mixed.state_of(IRS, package_id) == "opened"
    terms = [
        "--to",
        "europol",
        "--purpose",
        "criminal-investigation",
        "--legal-basis",
        "BOGOTA-LEA",
        "--reason",
        "wallets",
    ]
    request_id = mixed.command(code, "mailbox", "ask", package_id, "note.txt", *terms, *place)["request_id"]
    mixed.post(IRS, f"/inbox/{BOGOTA}/{request_id}/open")
    ends = (clock.now() + timedelta(days=30)).isoformat()
    grant = {"holder": BOGOTA, "request_id": request_id, "expires_at": ends, "note": "agreed"}
    mixed.post(IRS, "/consents", grant, who="bogota")
    [answer] = mixed.command(code, "mailbox", "consents", *place)["consents"]
    assert (answer["request_id"], answer["state"]) == (request_id, "given")
