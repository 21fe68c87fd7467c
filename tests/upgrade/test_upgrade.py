"""What a landed version left opens, verifies and goes on under the code of today: one case for each promise."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from attache import AttacheError, Part, Recipient, Submission, verify
from attache.cli.app import run
from attache.cli.session import Session
from attache.client.opening import open_package
from attache.package import read_frame
from attache.translog.merkle import verify_consistency
from tests.upgrade.landed import ARCHIVES, BOGOTA, FRANKFURT, IRS, Landed, Upgraded, entered, loop_in_a_thread, until

REPOSITORY = Path(__file__).parents[2]
KIND_OF_FRAME = {"Content-Type": "application/vnd.attache.envelope"}
OCTETS = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module", params=ARCHIVES, ids=lambda archive: archive.name.partition(".")[0])
def landed(request, tmp_path_factory) -> Landed:
    return Landed.unpack(request.param, tmp_path_factory.mktemp("landed"))


@pytest.fixture(scope="module")
def upgraded(landed) -> Iterator[Upgraded]:
    """Both gateways, opened and running; what they answered before anything ran is kept for the tests that compare."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())  # standard output is the command's
    with loop_in_a_thread() as loop:
        both = Upgraded(landed, loop)
        with entered(loop, both.opened()):
            both.first_answers = [answer_of(both, saved) for saved in landed.read("answers.json")]
            both.first_commands = [printed(both, *each.values()) for each in commands(landed)]
            with both.peer(FRANKFURT, IRS) as peer:
                both.announced = peer.post("/packages", content=frame_of(landed), headers=KIND_OF_FRAME).json()
            with entered(loop, both.running()):
                yield both
    structlog.reset_defaults()


def answer_of(both: Upgraded, saved: dict[str, Any]) -> Any:
    with both.rest(saved["gateway"], saved["who"]) as rest:
        return rest.get(saved["path"]).json()


def commands(landed: Landed) -> list[dict[str, Any]]:
    return [{"who": each["who"], "words": each["words"]} for each in landed.read("commands.json")]


def printed(both: Upgraded, who: str, words: list[str]) -> Any:
    """What the command prints today."""
    token = both.landed.root / f"{who}.token"
    token.write_text(both.landed.token(IRS, who))
    options = {"transport": both.line(IRS), "now": both.landed.clock}
    output = io.StringIO()
    with redirect_stdout(output):
        code = run(
            ["--url", f"https://{IRS}", "--token-file", str(token), *words, "--json"], Session(client_options=options)
        )
    assert code == 0, words
    return json.loads(output.getvalue())


def frame_of(landed: Landed) -> bytes:
    """The frame of the package that had arrived in part."""
    with (landed.files / "arriving.attache").open("rb") as stream:
        read_frame(stream)
        length = stream.tell()
    return (landed.files / "arriving.attache").read_bytes()[:length]


def requires(saved: Any, now: Any, place: str = "") -> None:
    """Every member that was there is there, with the same value; members may have been added."""
    if isinstance(saved, dict):
        assert isinstance(now, dict), place
        for name, value in saved.items():
            assert name in now, f"{place}/{name} is gone"
            requires(value, now[name], f"{place}/{name}")
    elif isinstance(saved, list):
        assert isinstance(now, list), place
        assert len(now) == len(saved), f"{place} has {len(now)} items instead of {len(saved)}"
        for number, (one, other) in enumerate(zip(saved, now, strict=True)):
            requires(one, other, f"{place}/{number}")
    else:
        assert now == saved, place


def note(name: str, content: bytes, marking: str = "TLP:GREEN") -> Part:
    return Part(name, content, "text/plain", (marking,), ("law-enforcement-sensitive",))


def submission(part: Part, to: str, basis: str) -> Submission:
    return Submission(
        kind="intelligence",
        title="After the upgrade",
        purpose="criminal-investigation",
        crime_types=("money-laundering",),
        recipients=(Recipient(to, basis),),
        parts=(part,),
    )


# What was answered


def test_every_answer_is_still_given_with_every_member_that_it_had(landed, upgraded):
    saved = landed.read("answers.json")
    assert len(saved) > 50
    for before, now in zip(saved, upgraded.first_answers, strict=True):
        place = f"{before['gateway']} {before['who']} {before['path']}"
        if before["path"].startswith("/log/entries"):  # the log has grown: this very reading is in it
            kept = before["body"]["entries"]
            requires(kept, now["entries"][: len(kept)], place)
        else:
            requires(before["body"], now, place)


def test_every_command_prints_what_it_printed(landed, upgraded):
    for before, now in zip(landed.read("commands.json"), upgraded.first_commands, strict=True):
        requires(before["output"], now, " ".join(before["words"]))


# State and log


@pytest.mark.parametrize("name", [IRS, FRANKFURT])
def test_the_gateway_is_ready_and_its_own_check_finds_nothing(upgraded, name):
    """IRS-CI's was killed, Frankfurt's ended in order."""
    with upgraded.client(name, "auditor") as auditor:
        [started, *_] = [entry.index for entry in auditor.log.search(event="gateway.started")][::-1]
        after = str(started)
        [checked, *_] = until(lambda: list(auditor.log.search(event="log.checked", after=after)))
        assert checked.fields["record"]["findings"] == 0
        assert list(auditor.log.search(event="log.alarm")) == []
    with upgraded.rest(name, "auditor") as rest:
        ready = rest.get(f"https://{name}/readyz")
        assert (ready.status_code, ready.json()) == (200, {"status": "ready"})


@pytest.mark.parametrize("name", [IRS, FRANKFURT])
def test_the_log_verifies_with_what_was_added_and_still_begins_as_it_did(landed, upgraded, name):
    keys = (landed.files / "log" / name / "vkeys").read_text().splitlines()
    before = verify(landed.files / "log" / name, vkeys=keys).facts
    with upgraded.client(name, "auditor") as auditor, upgraded.rest(name, "auditor") as rest:
        report = auditor.log.verify(keys)
        assert report.is_sound, report.findings
        now = report.facts
        assert now["size"] > before["size"]
        asked = {"old_size": before["size"], "new_size": now["size"]}
        proof = [bytes.fromhex(each) for each in rest.get("/log/proofs/consistency", params=asked).json()["proof"]]
    roots = [bytes.fromhex(facts["root"]) for facts in (before, now)]
    verify_consistency(before["size"], now["size"], *roots, proof)


def test_the_commands_of_the_operator_work_on_a_state_that_no_gateway_has_opened_yet(landed, tmp_path):
    """As processes, with the clock of the machine: migrated by the first, verified by the second."""
    fresh = Landed.unpack(landed.archive, tmp_path / "fresh")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(REPOSITORY / p) for p in ("", "clients/python"))}
    for name in (IRS, FRANKFURT):
        config = str(fresh.root / "exchange" / name / "gateway.toml")
        for words in (["backup", str(tmp_path / f"backup-{name}")], ["log", "verify"]):
            command = [sys.executable, "-m", "gateway", *words, "--config", config]
            done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, (words, done.stdout, done.stderr)


# What was saved verifies offline


def test_evidence_that_was_saved_verifies(landed):
    files = sorted((landed.files / "evidence").iterdir())
    assert len(files) == 4
    for file in files:
        report = verify(file, descriptors=landed.home(BOGOTA).descriptors, now=landed.clock)
        assert report.is_sound, (file.name, report.findings)
        assert len(report.checks) > 10


def test_evidence_made_today_about_an_old_package_proves_all_that_the_old_evidence_proved(landed, upgraded, tmp_path):
    known = landed.home(BOGOTA).descriptors
    for name in ("three_recipients", "redacted"):
        before = verify(landed.files / "evidence" / f"{name}-auditor.attache-evidence", descriptors=known)
        with upgraded.client(IRS, "auditor") as auditor:
            file = tmp_path / f"{name}.attache-evidence"
            auditor.packages.save_evidence(landed.ids[name], file, recipient=FRANKFURT)
        now = verify(file, descriptors=known)
        assert now.is_sound, now.findings
        assert set(before.checked) <= set(now.checked)


def test_a_sealed_package_that_was_saved_opens(landed, tmp_path):
    for name in ("three_recipients", "redacted"):
        opened = open_package(
            landed.files / "sealed" / f"{name}.attache", tmp_path / name, landed.home(FRANKFURT), now=landed.clock
        )
        assert opened.manifest.package_id == landed.ids[name]
    assert b"A. Example" not in (tmp_path / "redacted" / "case.json").read_bytes()
    assert not (tmp_path / "three_recipients" / "return.txt").exists()


@pytest.mark.parametrize(("folder", "count"), [("receipts", 6), ("consents", 1)])
def test_a_signed_statement_that_was_saved_verifies(landed, folder, count):
    files = sorted((landed.files / folder).iterdir())
    assert len(files) == count
    for file in files:
        report = verify(file, descriptors=landed.home(BOGOTA).descriptors)
        assert report.is_sound, (file.name, report.findings)


def test_log_proof_log_and_log_export_that_were_saved_verify(landed):
    vkeys = (landed.files / "vkeys").read_text().splitlines()
    for path in (landed.files / "entry.proof", landed.files / "log" / IRS):
        report = verify(path, vkeys=vkeys)
        assert report.is_sound, report.findings
    exported = verify(landed.files / "entries.jsonl", descriptors=landed.home(BOGOTA).descriptors)
    assert (exported.kind, exported.findings) == ("log-export", ())


# What was waiting goes on


def test_an_approval_that_was_pending_is_given_and_the_package_is_collected(landed, upgraded, tmp_path):
    package_id = landed.ids["package_pending"]
    with upgraded.client(IRS, "attache-bogota") as officer:
        assert officer.approvals.approve(landed.ids["approval_pending"], "seen").state == "approved"
    with upgraded.mailbox(BOGOTA, IRS, tmp_path / "mailbox") as mailbox:
        assert (mailbox.collect(package_id).folder / "note.txt").read_bytes() == b"waits for an approval"
    with upgraded.client(IRS) as analyst:
        [life] = analyst.packages.get(package_id).recipients
        assert (life.state, set(life.receipts)) == ("opened", {"delivered", "opened"})


def test_an_approval_that_was_rejected_stays_so(landed, upgraded):
    with upgraded.client(IRS, "attache-bogota") as officer, pytest.raises(AttacheError) as caught:
        officer.approvals.approve(landed.ids["approval_rejected"], "after all")
    assert caught.value.code == "illegal-transition"


def test_what_waited_in_the_mailbox_is_collected(landed, upgraded, tmp_path):
    with upgraded.mailbox(BOGOTA, IRS, tmp_path / "mailbox") as mailbox:
        assert landed.ids["uncollected"] in {waiting.package_id for waiting in mailbox.list()}
        collected = mailbox.collect(landed.ids["uncollected"])
        assert (collected.folder / "note.txt").read_bytes() == b"waits in the mailbox"


def test_the_mailbox_folder_still_knows_what_it_collected_and_signed(landed, upgraded):
    with upgraded.mailbox(BOGOTA, IRS, landed.root / "mailbox") as mailbox:
        collected = mailbox.collect(landed.ids["three_recipients"])
    with upgraded.client(IRS) as analyst:
        kept = [r for r in analyst.packages.receipts(landed.ids["three_recipients"]) if r.recipient == BOGOTA]
    assert {r.receipt: r.signed for r in kept} == {kind: json.loads(raw) for kind, raw in collected.receipts.items()}


def test_what_was_in_the_outbox_is_delivered_and_read(landed, upgraded):
    with upgraded.client(IRS) as analyst, upgraded.client(FRANKFURT) as reader:
        analyst.packages.wait(landed.ids["outgoing"], "delivered")
        assert reader.inbox.open(IRS, landed.ids["outgoing"]).title == "Outgoing"
        analyst.packages.wait(landed.ids["outgoing"], "opened")


def test_a_package_that_had_arrived_in_part_wants_only_the_rest_and_is_completed(landed, upgraded):
    assert [wanted["part"] for wanted in upgraded.announced["wanted"]] == [1]
    with upgraded.client(FRANKFURT) as analyst, upgraded.client(IRS) as reader:
        analyst.packages.wait(landed.ids["arriving"], "delivered")
        arrival = reader.inbox.open(FRANKFURT, landed.ids["arriving"])
        assert {part.name for part in arrival.parts} == {"first.txt", "second.txt"}


def test_a_request_repeated_after_the_upgrade_is_done_once_and_its_draft_goes_on(landed, upgraded):
    headers = {"Content-Type": "application/json", "Idempotency-Key": landed.ids["draft_key"]}
    with upgraded.rest(IRS) as rest, upgraded.client(IRS) as analyst:
        again = rest.post("/packages", content=landed.ids["draft_body"].encode(), headers=headers)
        assert again.json()["package_id"] == landed.ids["draft"]
        path = f"/packages/{landed.ids['draft']}"
        assert rest.put(f"{path}/parts/second.txt", content=b"not yet", headers=OCTETS).status_code == 204
        assert rest.post(f"{path}/submit", headers={"Idempotency-Key": "draft-2"}).status_code == 202
        analyst.packages.wait(landed.ids["draft"], "delivered")


def test_a_review_that_was_booked_is_done(landed, upgraded):
    with upgraded.client(IRS, "attache-bogota") as officer:
        done = officer.reviews.do(landed.ids["review"], BOGOTA, "justified", "there was no time")
    assert done.state == "justified"


# Consents


def test_a_consent_that_was_given_lets_its_content_go_and_one_that_was_refused_does_not(landed, upgraded):
    for name, state in (("given", "released"), ("refused", "denied")):
        part = Part("renamed.txt", f"a lead, consent {name}".encode(), "text/plain", ("TLP:CLEAR",), ("chain-public",))
        with upgraded.client(IRS) as analyst:
            [life] = analyst.packages.submit(submission(part, BOGOTA, "BOGOTA-LEA")).recipients
        assert life.state == state, name


def test_a_request_for_consent_that_waited_is_answered_and_the_answer_arrives(landed, upgraded):
    with upgraded.client(FRANKFURT, "attache-washington") as officer, upgraded.client(IRS, "auditor") as auditor:
        ends = landed.clock() + timedelta(days=30)
        officer.consents.give(IRS, landed.ids["request_asked"], ends, "agreed")
        until(lambda: auditor.consents.request(IRS, landed.ids["request_asked"]).state == "given")


def test_what_a_mailbox_participant_asked_is_answered_and_collected(landed, upgraded):
    with upgraded.client(IRS, "attache-bogota") as officer:
        ends = landed.clock() + timedelta(days=30)
        officer.consents.give(BOGOTA, landed.ids["mailbox_request"], ends, "agreed")
    with upgraded.mailbox(BOGOTA, IRS, landed.root / "mailbox") as mailbox:
        [answer] = mailbox.consents()
    assert answer.consent is not None
    assert answer.request_id == landed.ids["mailbox_request"]


# Officers


def test_a_purge_that_was_ordered_is_confirmed_and_one_that_was_done_stays_done(landed, upgraded):
    with upgraded.client(IRS, "second-officer") as officer:
        assert officer.purges.approve(landed.ids["purge_of_purge_ordered"], "compared").state == "done"
    with upgraded.client(IRS) as analyst:
        for name in ("purge_ordered", "purged"):
            assert analyst.packages.get(landed.ids[name]).state == "purged"


def test_a_legal_hold_still_holds_until_another_officer_lifts_it(landed, upgraded):
    place = [(IRS, landed.ids["held"])]
    with upgraded.client(IRS, "first-officer") as first, upgraded.client(IRS, "second-officer") as second:
        with pytest.raises(AttacheError) as caught:
            first.purges.order(place, legal_basis="Court order 13/26", note="expunged")
        assert caught.value.code == "on-hold"
        assert second.holds.lift(landed.ids["hold"], "over").lifted_at is not None
        first.purges.order(place, legal_basis="Court order 13/26", note="expunged")


def test_a_policy_set_that_was_proposed_is_activated_by_another_officer(landed, upgraded):
    with upgraded.client(IRS, "second-officer") as officer:
        assert officer.policies.activate(landed.ids["policy_proposed"], "read with counsel").state == "active"


def test_a_decision_on_record_is_made_again_byte_for_byte(landed, upgraded):
    with upgraded.client(IRS, "auditor") as auditor, upgraded.client(IRS) as analyst:
        for name in ("three_recipients", "redacted", "denied", "package_rejected"):
            for life in analyst.packages.get(landed.ids[name]).recipients:
                replayed = auditor.policies.replay(life.decision.decision_id)
                assert (replayed.package_id, replayed.recipient) == (landed.ids[name], life.recipient)


def test_an_officer_who_was_withdrawn_and_a_participant_that_was_suspended_stay_so(landed, upgraded):
    with upgraded.client(IRS, "first-officer") as officer:
        assert [each.withdrawn_posts for each in officer.officers.list()] == [("*",)]
    exploit = Part("exploit.bin", b"an exploit", "application/octet-stream", ("TLP:GREEN",), ("exploit-or-malware",))
    given = replace(submission(exploit, FRANKFURT, "FRANKFURT-LEA"), kind="tool")
    with upgraded.client(IRS) as analyst, upgraded.client(IRS, "attache-frankfurt") as withdrawn:
        [life] = analyst.packages.submit(given).recipients
        assert life.state == "held"
        with pytest.raises(AttacheError) as caught:
            withdrawn.approvals.approve(life.approval_id, "seen")
        assert caught.value.code == "not-found"
    with upgraded.client(IRS, "partner-admin") as admin:
        states = {each.participant: each.status for each in admin.participants.list()}
        assert states["partner-singapore"] == "suspended"
        admin.participants.resume("partner-singapore")


# And new


def test_new_packages_go_both_ways(upgraded):
    for sender, receiver, basis in ((IRS, FRANKFURT, "FRANKFURT-LEA"), (FRANKFURT, IRS, "IRS-CI-LEA")):
        with upgraded.client(sender) as analyst, upgraded.client(receiver) as reader:
            sent = analyst.packages.submit(submission(note("new.txt", b"after the upgrade"), receiver, basis))
            analyst.packages.wait(sent.package_id, "delivered")
            reader.inbox.open(sender, sent.package_id)
            analyst.packages.wait(sent.package_id, "opened")
