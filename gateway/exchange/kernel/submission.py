"""Submissions as they come in: parsed, and refused with what a caller can act on."""

import re
from collections.abc import Sequence
from typing import TypeVar

from pydantic import ValidationError

from attache import strict_json
from attache.errors import MalformedInput
from attache.vocabulary import Markings
from attache.wire.packages import Submission
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.records import PackageRecord
from gateway.exchange.kernel.sealed import PACKAGE_FACTS

S = TypeVar("S", bound=Submission)

_MEMBER = re.compile(r"[a-z0-9_]{1,63}")


def parse_submission(raw: bytes) -> Submission:
    """Read and check a submission.

    Raises MalformedInput with `malformed-json`, `missing-legal-basis`, `unknown-term`, `unknown-marking` or
    `malformed-request`; the detail names the member and never repeats its value.
    """
    return parse_as(raw, Submission)


def parse_as(raw: bytes, model: type[S]) -> S:
    """The same for what holds a submission and more."""
    strict_json.parse_object(raw)
    try:
        submission = model.model_validate_json(raw)
    except ValidationError as error:
        raise _refusal(error) from None
    _require_known(submission.markings, "markings")
    for number, part in enumerate(submission.parts):
        _require_known(part.markings, f"parts.{number}.markings")
        for place, unit in enumerate(part.fields):
            _require_known(unit.markings, f"parts.{number}.fields.{place}.markings")
    return submission


def submission_of(agency: Agency, record: PackageRecord) -> Submission:
    """The facts of a stored package."""
    return Submission.model_validate(agency.open(PACKAGE_FACTS, record), strict=False)


def _require_known(markings: Sequence[str], where: str) -> None:
    try:
        Markings.parse(tuple(markings))
    except MalformedInput:
        raise MalformedInput("unknown-marking", f"{where}: a marking that is unknown or said twice") from None


def _refusal(error: ValidationError) -> MalformedInput:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    # A member that a client made up is not repeated either.
    where = ".".join(str(step) if _MEMBER.fullmatch(str(step)) else "?" for step in first["loc"])
    if first["loc"] and first["loc"][-1] == "legal_basis":
        return MalformedInput("missing-legal-basis", f"{where}: name the agreement relied on")
    if first["type"] in {"enum", "literal_error"}:
        return MalformedInput("unknown-term", f"{where}: not a term of its vocabulary")
    return MalformedInput("malformed-request", f"{where}: {first['msg']}")
