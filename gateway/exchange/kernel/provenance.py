"""Provenance: content that came from partners is known again by its digest, whatever its submitter says of it.

What its originator stated when it gave it to us (markings, handling codes, caveats, retention) goes along as facts, and
so do the originator's consents, each signature verified anew.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from attache.consent import Consent, verify_consent
from attache.errors import AttacheError, IntegrityLost
from attache.package import parse_instant
from attache.vocabulary import Caveat, ContentClass, Evaluation, HandlingCode, Markings
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.kernel.ports import Reader
from gateway.exchange.kernel.records import ArrivalPartRecord, ArrivalRecord, ConsentRecord
from gateway.exchange.kernel.sealed import ARRIVAL_FACTS, CONSENT
from gateway.policy import ConsentFacts, PartFacts

MAX_CONSENTS = 64


@dataclass(frozen=True)
class Supplied:
    """One content as partners gave it to us; where several did, everything that any of them stated of it."""

    originators: tuple[str, ...]
    markings: Markings
    handling_codes: frozenset[HandlingCode]
    caveats: frozenset[Caveat]
    delete_by: datetime | None
    evaluation: Evaluation = Evaluation.UNEVALUATED

    def joined(self, other: "Supplied") -> "Supplied":
        ends = [end for end in (self.delete_by, other.delete_by) if end is not None]
        return Supplied(
            (*self.originators, *(name for name in other.originators if name not in self.originators)),
            self.markings.join(other.markings),
            self.handling_codes | other.handling_codes,
            self.caveats | other.caveats,
            min(ends, default=None),
            self.evaluation.joined(other.evaluation),
        )

    def part(self, stated: PartFacts, own: str) -> PartFacts:
        """The part as policy is to see it: partner-supplied, with everything that came along.

        Its origin is the partner that its submitter names, if that one did supply it, else the first that did.
        """
        named = stated.origin if stated.origin != own and stated.origin in self.originators else self.originators[0]
        ends = [end for end in (stated.delete_by, self.delete_by) if end is not None]
        return replace(
            stated,
            origin=named,
            markings=stated.markings.join(self.markings),
            content_class=stated.content_class | {ContentClass.PARTNER_SUPPLIED},
            handling_codes=stated.handling_codes | self.handling_codes,
            caveats=stated.caveats | self.caveats,
            evaluation=stated.evaluation.joined(self.evaluation),
            delete_by=min(ends, default=None),
        )


@dataclass(frozen=True)
class Provenance:
    """What is known of a package's contents, by their SHA-256, and the consents that cover them."""

    supplied: Mapping[str, Supplied] = field(default_factory=dict)
    consents: tuple[ConsentFacts, ...] = ()


NOTHING_KNOWN = Provenance()


def content_id(agency: Agency, sha256: str) -> str:
    """What stands for a content in records: no digest of content is kept in the clear."""
    return agency.pseudonyms.of("content", sha256)


def provenance_of(agency: Agency, reader: Reader, digests: Iterable[str]) -> Provenance:
    """What our records say of these contents (SHA-256 in hex). Raises IntegrityLost where a record does not open."""
    supplied: dict[str, Supplied] = {}
    consents: list[ConsentFacts] = []
    for digest in sorted(set(digests)):
        content = content_id(agency, digest)
        for part in reader.find(ArrivalPartRecord.with_content(content)):
            known = _supplied(agency, reader, part)
            supplied[digest] = supplied[digest].joined(known) if digest in supplied else known
        if digest in supplied:
            consents += _consents(agency, reader.find(ConsentRecord.covering(content, agency.participant)))
    return Provenance(supplied, tuple(sorted(consents, key=lambda one: one.expires_at)[-MAX_CONSENTS:]))


def _supplied(agency: Agency, reader: Reader, part: ArrivalPartRecord) -> Supplied:
    arrival = reader.get(ArrivalRecord.key(part.originator, part.package_id))
    if arrival is None:
        raise IntegrityLost(detail="a part whose package is not on record", step="provenance")
    facts = facts_of(agency, arrival)
    return Supplied(
        (part.originator,),
        part_markings(facts, part.number),
        frozenset(map(HandlingCode, facts["handling_codes"])),
        frozenset(map(Caveat, facts["caveats"])),
        parse_instant(facts["retain_until"]) if facts["retain_until"] else None,
        Evaluation(facts["parts"][part.number]["evaluation"]),
    )


def facts_of(agency: Agency, arrival: ArrivalRecord) -> Mapping[str, Any]:
    """The verified manifest of a received package as JSON, without keys; raises Gone once it is purged."""
    return agency.open(ARRIVAL_FACTS, arrival)


def part_markings(facts: Mapping[str, Any], number: int) -> Markings:
    """A received part's markings, joined with its package's."""
    return Markings.parse(tuple(facts["parts"][number]["markings"])).join(Markings.parse(tuple(facts["markings"])))


def _consents(agency: Agency, records: Iterable[ConsentRecord]) -> list[ConsentFacts]:
    """Those that still verify: a key that was revoked since, or a changed record, is no consent."""
    found = []
    for record in records:
        signed = agency.open(CONSENT, record)
        try:
            # protocol G8
            consent = verify_consent(
                signed,
                agency.directory.partner(record.originator).descriptor,
                revoked=agency.revoked,
            )
        except AttacheError:
            continue
        found.append(consent_facts(consent))
    return found


def consent_facts(consent: Consent) -> ConsentFacts:
    """A verified consent as a fact for policy."""
    return ConsentFacts(
        consent_id=consent.consent_id,
        originator=consent.originator,
        recipient=consent.recipient,
        purpose=consent.purpose,
        content=consent.content_sha256,
        expires_at=consent.expires_at,
    )
