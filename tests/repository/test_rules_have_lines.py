"""From a rule to its line: each numbered rule of the two specifications is named in a comment at the code that keeps it.

The form is the page's name, then the rules, then, where it helps, a colon and why: `# protocol V5, V7`, `# exchange-log W6: ...`.
"""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
CODE = [REPOSITORY / "gateway", REPOSITORY / "clients" / "python" / "attache", Path(__file__).parent]
PAGES = ("protocol", "exchange-log")
RULE = re.compile(r"^\* \*\*([A-Z][0-9]+)\*\*", re.MULTILINE)
NAMED = re.compile(r"# (protocol|exchange-log) ([A-Z][0-9]+(?:, [A-Z][0-9]+)*)(?:: \S.*)?")
ALMOST = re.compile(
    r"#\s*(?:see |rule )?(?:protocol|exchange-log)(?:\.md)?[\s,:]+[A-Z][0-9]|#\s*[A-Z][0-9]{1,2}\s*(?:$|:)",
    re.IGNORECASE,
)


def rules_of(page: str) -> set[str]:
    """The page's numbered rules, as comments name them."""
    return {f"{page} {rule}" for rule in RULE.findall((REPOSITORY / "docs" / f"{page}.md").read_text("utf-8"))}


def comments() -> Iterator[tuple[str, str]]:
    """Every comment of the code, with the file and line where it stands."""
    for path in sorted(path for folder in CODE for path in folder.rglob("*.py")):
        text = path.read_text("utf-8")
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield f"{path.relative_to(REPOSITORY)}:{token.start[0]}", token.string


def named() -> dict[str, list[str]]:
    """The lines that name each rule."""
    found: dict[str, list[str]] = {}
    for place, comment in comments():
        if match := NAMED.fullmatch(comment):
            for rule in match[2].split(", "):
                found.setdefault(f"{match[1]} {rule}", []).append(place)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_every_rule_has_a_line(page):
    assert not sorted(rules_of(page) - named().keys())


def test_every_line_names_a_rule_that_exists():
    known = set().union(*(rules_of(page) for page in PAGES))
    assert not {rule: places for rule, places in named().items() if rule not in known}


def test_rules_are_named_in_one_form():
    assert not [
        (place, comment) for place, comment in comments() if ALMOST.match(comment) and not NAMED.fullmatch(comment)
    ]


@pytest.mark.parametrize("page", PAGES)
def test_every_must_is_in_a_numbered_rule(page):
    """A bullet or paragraph that says MUST is part of a numbered rule, of its continuation, or of a table below one."""
    text = (REPOSITORY / "docs" / f"{page}.md").read_text("utf-8")
    loose = []
    for block in re.split(r"\n\n|\n(?=\* )", text):
        is_rule, is_table = RULE.match(block), block.startswith("|")
        if "MUST" in block and not (is_rule or is_table or block.startswith("The words MUST")):
            loose.append(block[:80])
    assert not loose


def test_the_comments_are_read():
    assert NAMED.fullmatch("# protocol V5, V7: as it came") and NAMED.fullmatch("# exchange-log W10")
    for other in ("# protocol", "# protocol V5 V7", "# protocol.md V5", "# V5: as it came", "#protocol V5"):
        assert not NAMED.fullmatch(other)
    assert all(
        ALMOST.match(other) for other in ("# protocol.md V5", "# V5: as it came", "#protocol V5", "# see protocol V5")
    )
