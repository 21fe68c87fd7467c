"""The documentation is true: what it links to, names, shows and counts is there."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer

from attache.cli.app import app as attache_app
from gateway.__main__ import app as gateway_app
from gateway.delivery.verdict import FINAL_CODES
from gateway.exchange_log import EventCode
from gateway.metrics import render_metrics_table
from gateway.settings import PREFIX, Settings
from gateway.store.row_digests import render_progress

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
EVERY_PAGE = pytest.mark.parametrize("name", NAMES)

PROTOCOL, THREATS, OPERATIONS = "docs/protocol.md", "docs/threat-model.md", "docs/operations.md"
COMMANDS = {"attache": typer.main.get_command(attache_app), "attache-gateway": typer.main.get_command(gateway_app)}

# Generated pages quote codes and fields; what they say is compared with the code elsewhere.
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
RULE = re.compile(r"^\* \*\*([A-Z])(\d+)\*\*", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)?::(test_\w+)`")
MODULE = re.compile(r"(?:attache|gateway|certs_example|benchmarks)(?:\.[A-Za-z_]\w*)+")
PLACE = re.compile(
    r"(?:attache|gateway|docs|policies|tests|certs_example|clients|openapi|benchmarks)/[\w./-]*|[A-Z]+\.md|pyproject\.toml"
)
ELSEWHERE = re.compile(r"/(?:work|root|home|Users)/|\bissues? #?\d|\bworktree\b|\bTODO\b|\bFIXME\b")


@cache
def text_of(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def prose_of(name: str) -> str:
    """A page without its blocks of code."""
    return FENCE.sub("", text_of(name))


def blocks_of(name: str, *languages: str) -> list[str]:
    return [body for language, body in FENCE.findall(text_of(name)) if language in languages]


@cache
def anchors_of(name: str) -> frozenset[str]:
    """The anchors of a page's headings, as code forges make them."""
    headings = re.findall(r"^#+ (.+)$", prose_of(name), re.MULTILINE)
    return frozenset(re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings)


@cache
def functions_of(name: str) -> frozenset[str]:
    tree = ast.parse((ROOT / name).read_text("utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


def named_tests(text: str) -> list[tuple[str, str]]:
    """Node ids as file and function; `::test_x` alone is of the file named before it in the same cell."""
    found, file = [], ""
    for named, function in TEST.findall(text):
        file = named or file
        found.append((file, function))
    return found


def rows_of(name: str) -> list[list[str]]:
    lines = [line for line in text_of(name).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def rules_of(name: str) -> list[str]:
    return [letter + number for letter, number in RULE.findall(text_of(name))]


@EVERY_PAGE
def test_links_lead_somewhere(name):
    for target in LINK.findall(prose_of(name)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        there = ((ROOT / name).parent / path).resolve() if path else ROOT / name
        assert there.exists(), f"{name}: {target}"
        if anchor:
            assert anchor in anchors_of(str(there.relative_to(ROOT))), f"{name}: {target}"


@EVERY_PAGE
def test_modules_and_places_that_are_named_exist(name):
    for span in SPAN.findall(prose_of(name)):
        if MODULE.fullmatch(span):
            assert is_importable(span), f"{name}: {span}"
        elif PLACE.fullmatch(span):
            beside_the_sdk = ROOT / "clients" / "python" / span
            assert (ROOT / span).exists() or beside_the_sdk.exists() or (ROOT / "docs" / span).exists(), (
                f"{name}: {span}"
            )


def is_importable(dotted: str) -> bool:
    """A module, a name in one, or an event, which is written alike."""
    if dotted in set(EventCode):
        return True
    module, _, member = dotted.rpartition(".")
    try:
        if find_spec(dotted):
            return True
    except ModuleNotFoundError:
        pass
    try:
        return hasattr(import_module(module), member)
    except ModuleNotFoundError:
        return False


def test_is_importable_can_tell():
    assert is_importable("attache.receipt.require_receipt_for")
    assert is_importable("gateway.store.writer")
    assert not is_importable("gateway.store.nothing")
    assert not is_importable("attache.receipt.nothing")


@EVERY_PAGE
def test_nothing_of_where_it_was_written(name):
    found = ELSEWHERE.search(text_of(name))
    assert not found, f"{name}: {found[0] if found else ''}"


@pytest.mark.parametrize("name", [n for n in NAMES if n in {"README.md", "docs/sdk.md", "CONTRIBUTING.md"}])
def test_python_blocks_compile(name):
    for block in blocks_of(name, "python"):
        compile(block, name, "exec")


@EVERY_PAGE
def test_commands_that_are_shown_exist(name):
    spans = [span for span in SPAN.findall(prose_of(name)) if span.split()[0] in COMMANDS]
    lines = [line for block in blocks_of(name, "sh", "bash", "console", "") for line in shell_lines(block)]
    for shown in [*spans, *lines]:
        assert not command_fault(shown), f"{name}: {shown}: {command_fault(shown)}"


def shell_lines(block: str) -> list[str]:
    """The commands of ours in a block, without prompt, variables and the folder that they are in."""
    found = []
    for line in block.replace("\\\n", " ").splitlines():
        words = line.strip().removeprefix("$ ").split()
        while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
            words.pop(0)
        if words and words[0].rpartition("/")[2] in COMMANDS:
            found.append(" ".join([words[0].rpartition("/")[2], *words[1:]]))
    return found


def command_fault(shown: str) -> str:
    """What is wrong with a command line; empty where its commands and options exist. Capitals stand for a command."""
    first, *words = shown.split()
    command = COMMANDS[first]
    options = {option for parameter in command.params for option in parameter.opts}
    for word in words:
        if word.startswith("--"):
            if word.partition("=")[0] not in {*options, "--help"}:
                return f"no option {word}"
        elif word in subcommands_of(command):
            command = subcommands_of(command)[word]
            options |= {option for parameter in command.params for option in parameter.opts}
        elif subcommands_of(command) and not word.isupper() and previous_of(words, word) not in options:
            return f"no command {word}"
    return ""


def subcommands_of(command) -> dict:
    """By name; none where it is a command itself."""
    return getattr(command, "commands", {})


def previous_of(words: list[str], word: str) -> str:
    at = words.index(word)
    return words[at - 1] if at else ""


def test_command_fault_can_tell():
    assert not command_fault("attache-gateway log export DIR --config gateway.toml")
    assert not command_fault("attache COMMAND --help")
    assert command_fault("attache-gateway frobnicate") == "no command frobnicate"
    assert command_fault("attache-gateway log erase") == "no command erase"
    assert command_fault("attache-gateway serve --loud") == "no option --loud"


def test_every_gateway_command_is_on_the_operations_page():
    shown = {row[0].strip("`") for row in rows_of(OPERATIONS)}
    assert leaves_of("attache-gateway", COMMANDS["attache-gateway"]) <= shown


def leaves_of(path: str, command) -> set[str]:
    below = subcommands_of(command)
    return {leaf for name in below for leaf in leaves_of(f"{path} {name}", below[name])} if below else {path}


@EVERY_PAGE
def test_make_targets_that_are_shown_exist(name):
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    shown = {span.split()[1] for span in SPAN.findall(prose_of(name)) if re.match(r"make [a-z-]+$", span)}
    assert shown <= targets


@EVERY_PAGE
def test_tests_that_are_named_exist(name):
    for row in text_of(name).splitlines():
        for file, function in named_tests(row):
            assert (ROOT / file).is_file(), f"{name}: {file}"
            assert function in functions_of(file), f"{name}: {file}::{function}"


def test_every_attack_has_a_check_in_a_module_and_a_test():
    attacks = [row for row in rows_of(THREATS) if len(row) == 3 and TEST.search(row[2])]
    tables = [row for row in rows_of(THREATS) if row == ["attack", "check (module)", "test"]]
    rows = text_of(THREATS).partition("## The sealed package")[2].partition("## What is not defended")[0]
    assert len(attacks) + 2 * len(tables) == sum(line.startswith("|") for line in rows.splitlines())
    assert len({row[0] for row in attacks}) == len(attacks)


@pytest.mark.parametrize("name", [PROTOCOL, "docs/exchange-log.md"])
def test_rules_are_numbered_without_gap_or_repetition(name):
    rules = rules_of(name)
    assert rules
    for letter in {rule[0] for rule in rules}:
        numbers = [int(rule[1:]) for rule in rules if rule[0] == letter]
        assert numbers == list(range(1, len(numbers) + 1)), f"{name}: {letter}"


def test_every_rule_of_the_exchange_has_a_test():
    exchange = {rule for rule in rules_of(PROTOCOL) if rule[0] in "XVCFNBAG"}
    rows = {rule: row[1] for row in rows_of(PROTOCOL) for rule in row[0].split(", ") if rule in exchange}
    assert rows.keys() == exchange
    assert all(TEST.search(tests) or "`make demo`" in tests for tests in rows.values())


def test_final_codes_are_those_of_delivery():
    [rule] = re.findall(r"^\* \*\*F1\*\*(.*?)(?=^\* )", text_of(PROTOCOL), re.MULTILINE | re.DOTALL)
    assert set(SPAN.findall(rule)) == FINAL_CODES


@pytest.mark.parametrize(
    ("page", "name", "rendered"),
    [("docs/operations.md", "metrics", render_metrics_table), ("docs/exchange-log.md", "progress", render_progress)],
)
def test_a_generated_table_is_the_codes(page, name, rendered):
    [table] = re.findall(rf"<!-- {name}: generated by \S+ -->\n(.*?)<!-- end of {name} -->", text_of(page), re.DOTALL)
    assert table == rendered()


@EVERY_PAGE
def test_settings_that_are_named_exist(name):
    named = set(re.findall(rf"`{PREFIX}(\w+)`", text_of(name)))
    assert named <= {field.upper() for field in Settings.model_fields}


def test_the_example_of_settings_is_enough_to_start(monkeypatch):
    [block] = blocks_of(OPERATIONS, "toml")
    settings = Settings(**tomllib.loads(block))
    assert settings.checkpoint_lock_file.parent != settings.state_dir


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not on this machine")
def test_the_unit_is_one(tmp_path):
    [block] = blocks_of(OPERATIONS, "ini")
    [command] = re.findall(r"^ExecStart=(\S+)", block, re.MULTILINE)
    unit = tmp_path / "attache-gateway.service"
    unit.write_text(block.replace(command, sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", [n for n in NAMES if n.startswith("docs/adr/")])
def test_a_decision_says_what_why_and_what_follows(name):
    text = text_of(name)
    assert text.startswith("# ")
    assert all(f"**{part}.**" in text for part in ("Decision", "Why"))
    assert len(text.splitlines()) <= 45
