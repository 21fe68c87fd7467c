"""The command `attache`: what it prints where, how it ends, and what it never prints."""

import json
import re
from pathlib import Path

import httpx
import pytest

from attache.cli.app import app, run
from attache.cli.exits import EXITS, exit_code_of
from attache.cli.output import plain
from attache.cli.session import Session
from attache.errors import PROBLEMS, error_of
from tests.sdk.fake_gateway import AT, TOKEN, URL, problem
from tests.sdk.sealing import sealed_package
from tests.sdk.test_mailbox import FakeExchange

DOCS = Path(__file__).parents[2] / "docs"
FACTS = ["--title", "Wallets", "--kind", "intelligence", "--purpose", "prosecution"]


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("TOKEN_FILE", "CA", "CERT", "KEY", "HOME", "DESCRIPTORS", "PASSPHRASE_FILE"):
        monkeypatch.delenv(f"ATTACHE_{name}", raising=False)
    monkeypatch.setenv("ATTACHE_URL", URL)
    monkeypatch.setenv("ATTACHE_TOKEN", TOKEN)


@pytest.fixture
def attache(gateway, capsys):
    """Run the command; returns exit code, standard output and standard error."""

    def command(*arguments, transport=None):
        transport = transport or httpx.MockTransport(gateway)
        options = {"transport": transport, "pause": gateway.pauses.append, "chance": lambda: 0.0, "now": lambda: AT}
        code = run([str(each) for each in arguments], Session(client_options=options))
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return command


@pytest.fixture
def note(tmp_path):
    path = tmp_path / "note.txt"
    path.write_text("a note")
    return path


def test_submit_show_wait_list_receipts(attache, gateway, note):
    code, out, err = attache(
        "submit", note, "--to", "partner-frankfurt=FRANKFURT-LEA", *FACTS, "--marking", "TLP:AMBER", "--json"
    )
    assert (code, err) == (0, "")
    package = json.loads(out)
    assert gateway.contents["00000", "note.txt"] == b"a note"
    sent = json.loads(gateway.requests[0].content)
    assert sent["recipients"] == [{"to": "partner-frankfurt", "legal_basis": "FRANKFURT-LEA"}]
    assert sent["parts"][0]["markings"] == ["TLP:AMBER"]
    assert attache("show", package["package_id"], "--json")[1] == out
    assert attache("wait", "00000", "--until", "delivered")[0] == 0
    assert attache("list")[1].split("\t")[0] == "00000"
    assert json.loads(attache("receipts", "00000", "--json")[1])["receipts"][0]["receipt"] == "delivered"
    assert "title:" in attache("show", "00000")[1]


def test_explain_prints_conditions_and_ways(attache, note):
    rule = {"rule": "BASE-X", "permits": False, "applies": True, "why": "A reason", "cite": "A law"}
    condition = {"words": "it is so", "is_so": True}
    lever = {"kind": "approval", "value": "1", "words": "an approver approves"}
    unit = {"part": "note.txt", "field": None, "outcome": "hold", "blocking": [rule | {"conditions": [condition]}]}
    units = [unit | {"ways": [[lever]]}, unit | {"part": "b\x1b.txt", "ways": []}]
    answer = {"recipient": "partner-bogota", "outcome": "hold", "units": units, "more_units": 2, "caution": "Beware"}
    asked = []

    def gateway(request):
        asked.append((request.url.path, json.loads(request.read())["recipient"]))
        return httpx.Response(200, stream=httpx.ByteStream(json.dumps(answer).encode()))

    arguments = ("explain", note, "--to", "partner-bogota/cases=BOGOTA-LEA", *FACTS)
    code, out, _ = attache(*arguments, transport=httpx.MockTransport(gateway))
    assert code == 0
    assert asked == [("/api/v1/decisions/explanation", "partner-bogota")]
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[:5] == [
        "partner-bogota: hold",
        "note.txt: hold",
        "BASE-X: A reason (A law)",
        "so: it is so",
        "would release it: an approver approves",
    ]
    assert "b\\u001b.txt: hold" in lines
    assert "would release it: nothing that an officer can obtain or choose" in lines
    assert lines[-2:] == ["2 more stay", "Beware"]
    code, out, _ = attache(*arguments, "--json", transport=httpx.MockTransport(gateway))
    assert json.loads(out)["recipients"][0]["units"][0]["blocking"][0]["rule"] == "BASE-X"


def test_decide_prints_the_rules(attache, note):
    code, out, _ = attache("decide", note, "--to", "partner-bogota=BOGOTA-LEA", *FACTS)
    assert code == 0
    assert "partner-bogota: release" in out
    assert "note.txt (base.open)" in out


def test_denied_to_everybody_ends_with_3_and_still_prints(attache, gateway, note):
    gateway.states = ["denied"]
    code, out, err = attache("submit", note, "--to", "partner-bogota=BOGOTA-LEA", *FACTS, "--json")
    assert code == 3
    assert json.loads(out)["recipients"][0]["state"] == "denied"
    assert json.loads(err)["code"] == "policy-denied"


def test_idempotency_key_makes_one_package(attache, gateway, note):
    for _ in range(2):
        assert attache("submit", note, "--to", "a=B", *FACTS, "--idempotency-key", "mine")[0] == 0
    assert len(gateway.packages) == 1


def test_inbox(attache, gateway, tmp_path):
    gateway.receive("partner-frankfurt", "p1", {"a.txt": b"alpha"})
    assert "p1" in attache("inbox", "list")[1]
    assert "From a partner" in attache("inbox", "show", "partner-frankfurt", "p1")[1]
    code, out, _ = attache("inbox", "open", "partner-frankfurt", "p1", "--into", tmp_path / "case", "--json")
    assert code == 0
    assert json.loads(out)["saved"] == [str(tmp_path / "case" / "a.txt")]
    assert (tmp_path / "case" / "a.txt").read_bytes() == b"alpha"
    assert attache("inbox", "open", "partner-frankfurt", "p1", "--into", tmp_path / "case")[0] == 7


def test_fields_are_stated_on_the_command_line(attache, gateway, tmp_path):
    case = tmp_path / "case.json"
    case.write_text('{"suspect": {"name": "Ivan"}}')
    given = ("TLP:RED", "REL TO: irs-ci, partner-sydney", "class:personal-data", "code:H1", "from:partner-bogota")
    options = [option for what in given for option in ("--field", f"case.json#/suspect/name={what}")]
    assert attache("submit", case, "--to", "a=B", *FACTS, *options, "--field", "case.json#/suspect=TLP:AMBER")[0] == 0
    [part] = json.loads(gateway.requests[0].content)["parts"]
    assert part["fields"] == [
        {
            "path": "/suspect/name",
            "markings": ["TLP:RED", "REL TO: irs-ci, partner-sydney"],
            "content_class": ["personal-data"],
            "handling_codes": ["H1"],
            "originator": "partner-bogota",
        },
        {"path": "/suspect", "markings": ["TLP:AMBER"], "content_class": [], "handling_codes": [], "originator": None},
    ]
    for wrong in ("case.json#/suspect", "other.json#/a=TLP:RED", "case.json=TLP:RED", "case.json#/a="):
        assert attache("submit", case, "--to", "a=B", *FACTS, "--field", wrong)[0] == 2


def test_a_question_carries_what_has_to_be_looked_into(attache, gateway, note, tmp_path):
    bundle = tmp_path / "case.stix21.json"
    bundle.write_text("{}")
    attache("decide", bundle, note, "--to", "partner-bogota=BOGOTA-LEA", *FACTS)
    stix, text = json.loads(gateway.requests[0].content)["parts"]
    assert (stix["media_type"], stix["content"]) == ("application/stix+json;version=2.1", "e30")
    assert text["content"] is None


def test_approvals(attache, gateway, tmp_path):
    gateway.approvals["a1"] = {
        "approval_id": "a1",
        "package_id": "p",
        "recipient": "x",
        "post": "bogota",
        "state": "pending",
    }
    assert "a1" in attache("approvals", "list")[1]
    assert "a1 pending" in attache("approvals", "show", "a1")[1]
    fields = [
        {"path": "/suspect", "outcome": "withhold", "rules": ["BASE-REL-TO"]},
        {"path": "", "outcome": "disclose"},
    ]
    gateway.approvals["a1"]["parts"] = [{"name": "case.json", "media_type": "application/json", "fields": fields}]
    shown = attache("approvals", "show", "a1")[1]
    assert "withhold:/suspect (BASE-REL-TO)\ndisclose:the rest\n" in shown.replace("  ", "")
    code, out, _ = attache("approvals", "save", "a1", "--into", tmp_path / "to-approve", "--json")
    assert (code, json.loads(out)["saved"]) == (0, [str(tmp_path / "to-approve" / "case.json")])
    assert (tmp_path / "to-approve" / "case.json").read_bytes() == b"case.json of a1"
    assert attache("approvals", "save", "a1", "--into", tmp_path / "to-approve")[0] == 7
    assert attache("approvals", "approve", "a1")[0] == 2
    assert "a1 approved" in attache("approvals", "approve", "a1", "--reason", "fine")[1]
    assert json.loads(attache("approvals", "reject", "a1", "--reason", "no", "--json")[1])["state"] == "rejected"


def test_participants(attache, gateway, tmp_path):
    assert "partner-bogota" in attache("participants", "list")[1]
    assert attache("participants", "suspend", "partner-bogota")[0] == 0
    assert json.loads(attache("participants", "resume", "partner-bogota", "--json")[1])["status"] == "active"
    successor = tmp_path / "successor.jws"
    successor.write_text("a descriptor")
    assert "serial 2" in attache("participants", "rotate", "partner-bogota", str(successor))[2]
    changes = [("partner-bogota", "suspend"), ("partner-bogota", "resume"), ("partner-bogota", "a descriptor")]
    assert gateway.changed_participants == changes


def test_log(attache):
    assert attache("log", "checkpoint")[1] == "checkpoint?\n"
    assert attache("log", "prove", 3)[1] == "proofs/inclusion?index=3\n"
    assert len(json.loads(attache("log", "entries", "--limit", 4, "--json")[1])["entries"]) == 4
    assert attache("log", "entries", "--limit", 1)[1].split("\t")[0] == "0"
    assert attache("log", "verify")[0] == 6


def test_mailbox_open_and_verify(attache, exchange, tmp_path):
    partner, folder = FakeExchange(), exchange["partner-bogota"].folder
    package_id, raw = sealed_package(exchange, {"a.txt": b"alpha"})
    partner.packages[package_id] = raw
    own = ["--home", folder, "--descriptors", folder.parent / "descriptors"]
    at = ["--gateway", "irs-ci", "--into", tmp_path / "in"]
    line = httpx.MockTransport(partner)
    assert (
        json.loads(attache(*own, "mailbox", "list", *at, "--json", transport=line)[1])["packages"][0]["package_id"]
        == package_id
    )
    code, out, err = attache(*own, "mailbox", "collect", *at, "--json", transport=line)
    assert code == 0, err
    assert json.loads(out)["packages"][0]["receipts"] == ["delivered", "opened"]
    assert (tmp_path / "in" / package_id / "a.txt").read_bytes() == b"alpha"
    assert "Wallets of a mixer" in attache(*own, "mailbox", "collect", package_id, *at, transport=line)[1]

    file = tmp_path / "p.attache"
    file.write_bytes(raw)
    code, out, err = attache(*own, "open", file, "--into", tmp_path / "case", "--json")
    assert (code, json.loads(out)["manifest"]["title"]) == (0, "Wallets of a mixer"), err
    assert "key" not in json.loads(out)["manifest"]["parts"][0]
    assert attache("verify", file)[0] == 0
    receipt = tmp_path / "receipt.json"
    receipt.write_bytes(partner.receipts[0])
    assert attache("--descriptors", folder.parent / "descriptors", "verify", receipt)[0] == 0
    file.write_bytes(raw[:-1])
    code, out, _ = attache("verify", file, "--json")
    assert (code, json.loads(out)["findings"][0]["code"]) == (6, "malformed-package")
    assert attache(*own, "open", file, "--into", tmp_path / "other")[0] == 6
    assert not (tmp_path / "other").exists()


# How it ends


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (problem(422, "missing-legal-basis"), 1),
        (problem(403, "not-permitted"), 3),
        (problem(403, "policy-denied"), 3),
        (problem(401, "token-expired"), 4),
        (problem(401, "certificate-required"), 4),
        (problem(404, "not-found"), 5),
        (problem(401, "signature-invalid"), 6),
        (problem(500, "integrity-lost"), 6),
        (problem(409, "conflict"), 7),
        (problem(500, "internal-error"), 1),
        (httpx.Response(200, content=b"<html>"), 1),
    ],
)
def test_exit_codes(attache, gateway, answer, code):
    gateway.instead = [answer]
    ended, out, err = attache("show", "00000", "--json")
    assert (ended, out) == (code, "")
    assert json.loads(err)["code"] in PROBLEMS


def test_unreachable_ends_with_9_after_retries(attache, gateway):
    gateway.instead = [httpx.ConnectError("refused")] * 3
    code, _, err = attache("list")
    assert code == 9
    assert err.startswith("attache: server-unreachable")
    assert len(gateway.pauses) == 2


def test_wait_that_ends_too_early_ends_with_8(attache, gateway, note):
    attache("submit", note, "--to", "a=B", *FACTS)
    gateway.states = ["held"]
    code, _, err = attache("wait", "00000", "--timeout", 0, "--json")
    assert (code, json.loads(err)["states"]) == (8, {"a": "held"})


def test_interruption_ends_with_130(attache):
    def interrupt(_):
        raise KeyboardInterrupt

    assert attache("list", transport=httpx.MockTransport(interrupt))[0] == 130


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["show"],
        ["submit", "absent.txt"],
        ["wait", "x", "--until", "never"],
        ["--url", "http://x", "list"],
        ["open", __file__, "--into", "x"],
    ],
)
def test_usage_ends_with_2(attache, arguments):
    code, out, err = attache(*arguments)
    assert (code, out) == (2, "")
    assert err


def test_submit_needs_recipient_and_basis(attache, gateway, note):
    assert attache("submit", note, "--to", "partner-bogota", *FACTS)[0] == 2
    assert gateway.requests == []


def test_every_problem_has_an_exit_code():
    assert {exit_code_of(error_of(code)) for code in PROBLEMS} <= set(EXITS)


def test_file_that_cannot_be_read_is_one_line(attache, tmp_path):
    (tmp_path / "token").mkdir()
    code, _, err = attache("--token-file", tmp_path / "token", "list")
    assert code == 2
    assert "Traceback" not in err


# What it never prints


def test_no_traceback_without_debug(attache, gateway):
    gateway.instead = [httpx.ConnectError("refused")] * 3
    assert "Traceback" not in attache("list")[2]
    gateway.instead = [problem(404, "not-found")]
    with pytest.raises(Exception, match="not-found"):
        attache("--debug", "show", "1")


def test_token_is_never_printed(attache, gateway):
    gateway.instead = [problem(401, "token-invalid", detail="no")]
    _, out, err = attache("show", "1")
    assert TOKEN not in out + err
    gateway.instead = [httpx.ConnectError("refused")] * 3
    _, out, err = attache("--token-file", "/nonexistent", "list")
    assert TOKEN not in out + err


HOSTILE = "\x1b[2J\x1b]0;owned\x07[bold red]x[/bold red]\u202etxt\r\n\x9b31m"


def test_terminal_obeys_nothing_that_came_from_outside(attache, gateway, note):
    gateway.receive(HOSTILE, "p1", {HOSTILE: b"x"})
    gateway.arrivals[HOSTILE, "p1"]["title"] = HOSTILE
    for arguments in (["inbox", "list"], ["inbox", "list", "--json"]):
        _, out, _ = attache(*arguments)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", out)
    assert "[bold red]x[/bold red]" in attache("inbox", "list")[1]
    gateway.instead = [problem(404, "not-found", detail=HOSTILE, request_id=HOSTILE)]
    _, _, err = attache("show", "x")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", err)


def test_plain_is_one_line():
    assert plain("a\nb\tc") == "a\\u000ab\\u0009c"
    assert plain(("a", "b")) == "a, b"
    assert plain(None) == "-"


# The documentation


def commands_of(group, prefix=""):
    import typer

    command = typer.main.get_command(group)
    for name, each in sorted(command.commands.items()):
        if hasattr(each, "commands"):
            yield from (f"{name} {inner}" for inner in sorted(each.commands))
        else:
            yield name


def test_cli_page_lists_every_command_and_exit_code():
    page = (DOCS / "cli.md").read_text()
    assert set(re.findall(r"^\| `attache ([a-z ]+)` \|", page, re.MULTILINE)) == set(commands_of(app))
    assert dict(re.findall(r"^\| (\d+) \| (.+) \|$", page, re.MULTILINE)) == {str(k): v for k, v in EXITS.items()}


def test_every_command_has_an_example(attache):
    for command in commands_of(app):
        code, out, _ = attache(*command.split(), "--help")
        assert code == 0
        assert "Example: attache" in out, command


def test_table_on_a_terminal_shows_brackets_as_brackets(monkeypatch, capsys):
    from attache.cli.output import print_table

    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    print_table(("name", "title"), [("a", "[red]b[/red]")])
    out = capsys.readouterr().out
    assert "[red]b[/red]" in out
    assert "name" in out


def test_a_file_number_is_submitted_shown_and_searched(attache, gateway, note):
    to = ("--to", "partner-frankfurt=FRANKFURT-LEA")
    assert attache("submit", note, *to, *FACTS)[0] == 0
    assert "case reference" not in attache("show", "00000")[1]
    assert len(attache("list")[1].splitlines()[0].split("\t")) == 5
    assert attache("submit", note, *to, *FACTS, "--case-reference", "2026-CI-0042")[0] == 0
    assert "case_reference" not in json.loads(gateway.requests[0].content)
    assert "case reference:    2026-CI-0042" in attache("show", "00001")[1]
    assert [line.split("\t")[5] for line in attache("list")[1].splitlines()] == ["-", "2026-CI-0042"]
    assert attache("list", "--case-reference", "2026-CI-0042")[0] == 0
    assert gateway.requests[-1].url.params["case_reference"] == "2026-CI-0042"
    sent = len(gateway.requests)
    code, _, err = attache("list", "--case-reference", "x" * 101)
    assert (code, len(gateway.requests)) == (1, sent)
    assert "case_reference" in err
