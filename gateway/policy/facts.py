"""The facts about a partner: typed data, kept beside the rules. A missing or misspelt fact is an error at loading."""

from collections.abc import Hashable
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from attache.errors import Misconfigured
from attache.vocabulary import AuthorityKind, BasisKind, ContentClass, CrimeType, Onward, Post, Purpose, Tlp

MAX_FACTS_BYTES = 256 * 1024
MAX_DESKS = 256
MAX_AGREEMENTS = 256

ParticipantId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
AgreementId = Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9-]{0,62}$")]
Days = Annotated[int, Field(strict=True, ge=1, le=36_500)]


class PartnerStatus(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Desk(_Facts):
    """A unit of the partner, or one person there. The agreement with the partner defines what `vetted` means."""

    authority: AuthorityKind
    individual: Annotated[bool, Field(strict=True)]
    vetted: Annotated[bool, Field(strict=True)]


class Agreement(_Facts):
    """In force from the start of the first day until the start of the last, in UTC."""

    kind: BasisKind
    in_force_from: date
    in_force_until: date
    purposes: frozenset[Purpose] = Field(min_length=1)
    max_retention_days: Days
    onward: Onward

    @model_validator(mode="after")
    def _is_ever_in_force(self) -> Self:
        if self.in_force_from >= self.in_force_until:
            raise ValueError("in_force_until is not after in_force_from")
        return self


class PartnerFacts(_Facts):
    """All facts that policy uses about a partner. Every member must be given, even if it is empty."""

    partner: ParticipantId
    post: Post
    status: PartnerStatus
    cleared_tlp: frozenset[Tlp]
    refused_classes: frozenset[ContentClass]
    death_penalty_crimes: frozenset[CrimeType]
    default_desk: ParticipantId
    desks: dict[ParticipantId, Desk] = Field(min_length=1, max_length=MAX_DESKS)
    agreements: dict[AgreementId, Agreement] = Field(max_length=MAX_AGREEMENTS)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.default_desk not in self.desks:
            raise ValueError(f"default_desk {self.default_desk!r} is not one of the desks")
        order = list(Tlp)
        if self.cleared_tlp != set(order[: len(self.cleared_tlp)]):
            raise ValueError("cleared_tlp has a gap: it must hold every level below its highest one")
        foreign = [name for name in self.agreements if not name.startswith(id_prefix(self.partner))]
        if foreign:
            raise ValueError(f"agreement {foreign[0]} does not start with {id_prefix(self.partner)}")
        return self


def id_prefix(partner: str) -> str:
    """The prefix of the ids of a partner's rules and agreements: `BOGOTA-` for `partner-bogota`."""
    return partner.removeprefix("partner-").upper() + "-"


def parse_facts(text: str, file: str) -> PartnerFacts:
    """The facts in one YAML file.

    Plain YAML only: no anchors, aliases, tags or repeated keys. Raises Misconfigured("policy-not-loaded"), naming the
    file and the fault.
    """
    if len(text) > MAX_FACTS_BYTES:
        raise Misconfigured("policy-not-loaded", f"{file}: larger than {MAX_FACTS_BYTES} bytes")
    try:
        return PartnerFacts.model_validate(parse_plain_yaml(text))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise Misconfigured("policy-not-loaded", f"{file}: {where}: {first['msg'][:200]}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        why = getattr(error, "problem", None) or "not YAML"
        raise Misconfigured("policy-not-loaded", f"{file}{line}: {why}") from None


def parse_plain_yaml(text: str) -> Any:
    """The value of a YAML text without anchors, aliases, tags or repeated keys; raises yaml.YAMLError."""
    return yaml.load(text, Loader=_PlainLoader)  # noqa: S506 -- _PlainLoader is a narrower SafeLoader


class _PlainLoader(yaml.SafeLoader):
    """A SafeLoader that refuses YAML features that a human reader of the file could overlook."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise yaml.MarkedYAMLError(problem="anchors and aliases are not used here", problem_mark=event.start_mark)
        if getattr(event, "tag", None) is not None:
            raise yaml.MarkedYAMLError(problem="tags are not used here", problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        mapping = super().construct_mapping(node, deep)
        if len(mapping) != len(node.value):
            raise yaml.MarkedYAMLError(problem="a key occurs twice", problem_mark=node.start_mark)
        return mapping
