"""How our exchange log stands with its witnesses, as a value: whether anything may be released at all."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from attache.errors import AttacheError
from attache.package.ids import ParticipantId
from attache.translog.checkpoint_submission import Alarm
from gateway.exchange.kernel.records import WitnessedLogRecord, WitnessRecord

STALE = "stale"
"""The witness has not cosigned for longer than the limit. It ends by itself."""
WITNESS_ROLLED_BACK = "witness-rolled-back"
"""The witness has forgotten what it cosigned. It proves nothing against our log, so it stops nothing."""

OUR_LOG_IS_IN_DOUBT = frozenset({Alarm.ROLLED_BACK.value, Alarm.FORKED.value})


@dataclass(frozen=True)
class WitnessTerms:
    """What the operator has set. `max_age` None: release does not depend on how fresh the newest cosignature is."""

    max_age: timedelta | None = None
    alarm_stops_release: bool = True


@dataclass(frozen=True)
class CheckStanding:
    """What the gateway's check of its own records found last; nothing before the first pass."""

    findings: tuple[str, ...] = ()

    def require_sound(self) -> None:
        """Raise AttacheError("release-stopped") where our own records do not add up."""
        if self.findings:
            raise AttacheError("release-stopped", f"our own records do not add up: {len(self.findings)} findings")


@dataclass(frozen=True)
class WitnessStanding:
    """`alarms`: what each partner as a witness has raised; `suspects`: partners whose own log has shown two histories.

    `cosigned_at`: when any witness cosigned our log last.
    """

    alarms: Mapping[str, str] = field(default_factory=dict)
    suspects: frozenset[ParticipantId] = frozenset()
    cosigned_at: datetime | None = None

    @classmethod
    def of(cls, witnesses: Iterable[WitnessRecord], logs: Iterable[WitnessedLogRecord]) -> "WitnessStanding":
        known = list(witnesses)
        return cls(
            alarms={each.participant: each.alarm for each in known if each.alarm is not None},
            suspects=frozenset(each.participant for each in logs if each.alarm is not None),
            cosigned_at=max((each.cosigned_at for each in known if each.cosigned_at is not None), default=None),
        )

    def is_stale(self, terms: WitnessTerms, now: datetime) -> bool:
        """Whether the newest cosignature is older than the operator allows, or there is none."""
        return terms.max_age is not None and (self.cosigned_at is None or now - self.cosigned_at > terms.max_age)

    def require_release(self, terms: WitnessTerms, recipient: ParticipantId, now: datetime) -> None:
        """Raise AttacheError("release-stopped") where nothing may leave for this recipient."""
        if terms.alarm_stops_release:
            doubts = sorted(who for who, alarm in self.alarms.items() if alarm in OUR_LOG_IS_IN_DOUBT)
            if doubts:
                raise AttacheError("release-stopped", f"{doubts[0]} has seen another history of our exchange log")
            if recipient in self.suspects:
                raise AttacheError("release-stopped", f"the exchange log of {recipient} has shown two histories")
        if self.is_stale(terms, now):
            raise AttacheError("release-stopped", "no witness has cosigned our exchange log lately")

    def require_quiet(self, terms: WitnessTerms, now: datetime) -> None:
        """For a readiness check: raise AttacheError("release-stopped") for an alarm of any kind."""
        noisy = sorted({*self.alarms, *self.suspects})
        if noisy or self.is_stale(terms, now):
            raise AttacheError("release-stopped", f"alarms: {', '.join(noisy) or 'stale'}")
