"""The closed vocabularies of the exchange: the same words in REST, SDK, CLI, policies and manifests.

A term outside its vocabulary is refused, in a request, a fact or a policy: a typo never means "no rule applies".
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from attache.errors import MalformedInput


class Kind(StrEnum):
    """What a package is."""

    INTELLIGENCE = "intelligence"
    TOOL = "tool"
    EXPERTISE = "expertise"
    REQUEST = "request"
    REPLY = "reply"


class CrimeType(StrEnum):
    TAX_FRAUD = "tax-fraud"
    MONEY_LAUNDERING = "money-laundering"
    NARCOTICS = "narcotics"
    PUBLIC_CORRUPTION = "public-corruption"
    HEALTHCARE_FRAUD = "healthcare-fraud"
    RANSOMWARE = "ransomware"
    SANCTIONS_EVASION = "sanctions-evasion"
    TERRORIST_FINANCING = "terrorist-financing"
    CYBER_FRAUD = "cyber-fraud"
    CRYPTO_THEFT = "crypto-theft"


class Purpose(StrEnum):
    CRIMINAL_INVESTIGATION = "criminal-investigation"
    PROSECUTION = "prosecution"
    ASSET_RECOVERY = "asset-recovery"
    TAX_ENFORCEMENT = "tax-enforcement"
    THREAT_WARNING = "threat-warning"
    VICTIM_PROTECTION = "victim-protection"
    CAPACITY_BUILDING = "capacity-building"


class BasisKind(StrEnum):
    """The kind of agreement that a legal basis rests on."""

    TAX_TREATY = "income-tax-treaty"
    TIEA = "tiea"
    MAAC = "maac"
    MLAT = "mlat"
    LETTER_ROGATORY = "letter-rogatory"
    EXECUTIVE_AGREEMENT = "executive-agreement"
    LAW_ENFORCEMENT_AGREEMENT = "law-enforcement-agreement"
    EUROPOL_AGREEMENT = "europol-agreement"
    EGMONT_MOU = "egmont-mou"
    COURT_ORDER = "court-order"


class AuthorityKind(StrEnum):
    """What the recipient is."""

    LAW_ENFORCEMENT = "law-enforcement"
    TAX_COMPETENT_AUTHORITY = "tax-competent-authority"
    MLA_CENTRAL_AUTHORITY = "mla-central-authority"
    PROSECUTOR = "prosecutor"
    FIU = "fiu"
    EU_AGENCY = "eu-agency"
    INTERNATIONAL_ORGANISATION = "international-organisation"
    REGULATOR = "regulator"


class ContentClass(StrEnum):
    """What a part holds, as far as it matters to the law."""

    RETURN_INFORMATION = "return-information"
    TAXPAYER_RETURN_INFORMATION = "taxpayer-return-information"
    TREATY_INFORMATION = "treaty-information"
    SAR_DERIVED = "sar-derived"
    GRAND_JURY = "grand-jury"
    SOURCE_IDENTIFYING = "source-identifying"
    VICTIM = "victim"
    PERSONAL_DATA = "personal-data"
    EXPLOIT_OR_MALWARE = "exploit-or-malware"
    FINANCIAL = "financial"
    TECHNICAL = "technical"
    LAW_ENFORCEMENT_SENSITIVE = "law-enforcement-sensitive"
    CHAIN_PUBLIC = "chain-public"
    OPEN_SOURCE = "open-source"
    PARTNER_SUPPLIED = "partner-supplied"


class Evaluation(StrEnum):
    """Europol evaluation codes (4x4): the source from A (no doubt) to C, X unknown; the information from 1 (accurate beyond
    doubt) to 3 (hearsay, corroborated), 4 (hearsay, not corroborated).
    """

    UNEVALUATED = "unevaluated"
    A1 = "A1"
    A2 = "A2"
    A3 = "A3"
    A4 = "A4"
    B1 = "B1"
    B2 = "B2"
    B3 = "B3"
    B4 = "B4"
    C1 = "C1"
    C2 = "C2"
    C3 = "C3"
    C4 = "C4"
    X1 = "X1"
    X2 = "X2"
    X3 = "X3"
    X4 = "X4"

    @property
    def is_doubtful(self) -> bool:
        """Whether the source is unknown or the information not corroborated: it may serve only as a lead."""
        return self.value[0] == "X" or self.value[-1] == "4"

    def joined(self, other: "Evaluation") -> "Evaluation":
        """The worse of both, for source and information; an unevaluated side is ignored."""
        if Evaluation.UNEVALUATED in (self, other):
            return other if self is Evaluation.UNEVALUATED else self
        return Evaluation(max(self.value[0], other.value[0]) + max(self.value[1], other.value[1]))


class HandlingCode(StrEnum):
    """Europol handling codes."""

    H0 = "H0"
    H1 = "H1"
    H2 = "H2"
    H3 = "H3"


class Caveat(StrEnum):
    NO_ONWARD_SHARING = "no-onward-sharing"
    LEAD_PURPOSES_ONLY = "lead-purposes-only"
    NOT_EVIDENCE = "not-evidence"
    TAX_PURPOSES_ONLY = "tax-purposes-only"
    MEMBER_STATES_ONLY = "member-states-only"
    SPECIALTY = "specialty"


class Assurance(StrEnum):
    NO_DEATH_PENALTY = "no-death-penalty"
    DATA_PROTECTION = "data-protection"
    SPECIALTY = "specialty"


class Urgency(StrEnum):
    ROUTINE = "routine"
    PRIORITY = "priority"
    THREAT_TO_LIFE = "threat-to-life"


class Onward(StrEnum):
    """Whether the recipient may pass it on; strictest first."""

    NONE = "none"
    ORIGINATOR_CONSENT = "originator-consent"
    PARTIES = "parties"


class Channel(StrEnum):
    LIAISON = "liaison"
    COMPETENT_AUTHORITY = "competent-authority"
    SIENA = "siena"
    EGMONT = "egmont"


class Post(StrEnum):
    """A cyber attaché's station."""

    SYDNEY = "sydney"
    SINGAPORE = "singapore"
    BOGOTA = "bogota"
    FRANKFURT = "frankfurt"
    THE_HAGUE = "the-hague"
    WASHINGTON = "washington"  # headquarters; no partner belongs to it


class Tlp(StrEnum):
    """Traffic Light Protocol 2.0 (FIRST), least restrictive first."""

    CLEAR = "CLEAR"
    GREEN = "GREEN"
    AMBER = "AMBER"
    AMBER_STRICT = "AMBER+STRICT"
    RED = "RED"


class Pap(StrEnum):
    """Permissible Actions Protocol, least restrictive first."""

    CLEAR = "CLEAR"
    GREEN = "GREEN"
    AMBER = "AMBER"
    RED = "RED"


@dataclass(frozen=True)
class Markings:
    """A set of markings in the field's notation: `TLP:AMBER+STRICT`, `PAP:AMBER`, `ORCON`, `REL TO: a, b`.

    `tlp` is None if no marking states it: such a package or part is not released. `rel_to` is None if every recipient
    is allowed; an empty set allows none.
    """

    tlp: Tlp | None = None
    pap: Pap | None = None
    orcon: bool = False
    rel_to: frozenset[str] | None = None

    @classmethod
    def parse(cls, texts: list[str] | tuple[str, ...]) -> Self:
        """Read markings; raises MalformedInput("unknown-marking") for a marking that is unknown or occurs twice."""
        tlp, pap, orcon, rel_to = None, None, False, None
        for text in texts:
            name, _, value = text.partition(":")
            if name == "TLP" and tlp is None and value in list(Tlp):
                tlp = Tlp(value)
            elif name == "PAP" and pap is None and value in list(Pap):
                pap = Pap(value)
            elif text == "ORCON" and not orcon:
                orcon = True
            elif name == "REL TO" and rel_to is None:
                rel_to = frozenset(party.strip() for party in value.split(",") if party.strip())
            else:
                raise MalformedInput("unknown-marking", f"{text[:80]!r} is unknown or occurs twice")
        return cls(tlp, pap, orcon, rel_to)

    def texts(self) -> list[str]:
        """The markings as text, in one fixed order."""
        return [
            *([f"TLP:{self.tlp}"] if self.tlp else []),
            *([f"PAP:{self.pap}"] if self.pap else []),
            *(["ORCON"] if self.orcon else []),
            *([f"REL TO: {', '.join(sorted(self.rel_to))}"] if self.rel_to is not None else []),
        ]

    def join(self, other: "Markings") -> "Markings":
        """The most restrictive of both, dimension by dimension; REL TO is the intersection."""
        tlps = [t for t in (self.tlp, other.tlp) if t]
        paps = [p for p in (self.pap, other.pap) if p]
        rels = [r for r in (self.rel_to, other.rel_to) if r is not None]
        return Markings(
            max(tlps, key=list(Tlp).index, default=None),
            max(paps, key=list(Pap).index, default=None),
            self.orcon or other.orcon,
            frozenset.intersection(*rels) if rels else None,
        )
