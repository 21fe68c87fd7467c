"""Every problem that the code raises is one of PROBLEMS, and raised as the family that the table says."""

import ast
from pathlib import Path

import pytest

from attache import errors
from attache.errors import PROBLEMS, AttacheError

REPOSITORY = Path(__file__).parents[2]
MODULES = sorted([*(REPOSITORY / "gateway").rglob("*.py"), *(REPOSITORY / "clients" / "python").rglob("*.py")])
FAMILIES = {
    name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, AttacheError)
}


def raised(path: Path):
    """Each call of an error's class with a literal code: line, class, code."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        code = node.args[0] if node.args else next((k.value for k in node.keywords if k.arg == "code"), None)
        if name in FAMILIES and isinstance(code, ast.Constant):
            yield node.lineno, FAMILIES[name], code.value


RAISED = [
    (f"{path.relative_to(REPOSITORY)}:{line}", family, code) for path in MODULES for line, family, code in raised(path)
]


def test_there_is_something_to_look_at():
    assert len(RAISED) > 50
    assert {code for _, _, code in RAISED} > {"unknown-partner", "package-conflict", "digest-mismatch"}


@pytest.mark.parametrize(("place", "family", "code"), RAISED, ids=[f"{place} {code}" for place, _, code in RAISED])
def test_a_code_is_raised_as_its_family(place, family, code):
    assert code in PROBLEMS
    assert issubclass(family, PROBLEMS[code].family), f"{family.__name__} cannot carry {code}"


def test_each_family_carries_its_own_default():
    for family in FAMILIES.values():
        assert family().code == family.default_code


def literals() -> set[str]:
    """Every text that stands alone in the code."""
    found = set()
    for path in MODULES:
        if path.name != "errors.py":
            nodes = ast.walk(ast.parse(path.read_text("utf-8")))
            found |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return found


def test_no_code_is_documented_and_never_used():
    defaults = {family.default_code for family in FAMILIES.values()}
    assert set(PROBLEMS) - literals() - defaults <= PLANNED


PLANNED = {"policy-denied", "unknown-problem"}
"""Said by a client only, or by a face that is yet to come."""
