"""Reads the present state of the gateway's parts for the metrics."""

import asyncio
from pathlib import Path

from attache.crypto.certificates import certificates_of_pem
from attache.errors import AttacheError
from gateway.exchange.kernel.agency import Agency
from gateway.exchange.oversight.self_check import SelfCheck
from gateway.exchange.oversight.vitals import Vitals, vitals_of
from gateway.metrics import Metrics, Readings
from gateway.settings import Settings
from gateway.tls import LiveTrust


class Measuring:
    """Reads the gauges, and renders them together with the counters."""

    def __init__(
        self, agency: Agency, metrics: Metrics, check: SelfCheck, trust: LiveTrust, settings: Settings
    ) -> None:
        self._agency = agency
        self._metrics = metrics
        self._check = check
        self._trust = trust
        self._certificates = {
            "agency": settings.agency_certificate_file,
            "exchange": settings.exchange_certificate_file,
            "client": settings.client_certificate_file,
        }

    async def render(self) -> bytes:
        """All metrics, as of now, in Prometheus' text format."""
        readings = Readings()
        _take_vitals(readings, await vitals_of(self._agency, self._check.progress))
        lists = self._trust.trust.lists
        if lists:
            readings.set("attache_revocation_list_issued_timestamp_seconds", min(each.issued_at for each in lists))
            readings.set(
                "attache_revocation_list_expires_timestamp_seconds", min(each.next_update_at for each in lists)
            )
        await asyncio.to_thread(self._take_certificates, readings)
        return self._metrics.render(readings)

    def _take_certificates(self, readings: Readings) -> None:
        for name, path in self._certificates.items():
            readings.set("attache_certificate_expires_timestamp_seconds", _ends_at(path), name)


def _ends_at(path: Path) -> float:
    """When the certificate ends, in POSIX seconds; 0 for a file that cannot be read."""
    try:
        return certificates_of_pem(path.read_bytes())[0].not_after.timestamp()
    except (AttacheError, OSError, IndexError):
        return 0.0


def _take_vitals(readings: Readings, vitals: Vitals) -> None:
    tallies = vitals.tallies
    for partner in sorted(vitals.partners | tallies.outbox.keys()):
        waiting = tallies.outbox.get(partner)
        overdue = max(0.0, (vitals.at - waiting.due_at).total_seconds()) if waiting else 0.0
        readings.set("attache_outbox_pending", waiting.pending if waiting else 0, partner)
        readings.set("attache_outbox_oldest_due_seconds", overdue, partner)
    for post, count in tallies.approvals.items():
        readings.set("attache_approvals_waiting", count, post)
    readings.set("attache_reviews_open", tallies.reviews_open)
    readings.set("attache_reviews_overdue", tallies.reviews_overdue)
    readings.set("attache_log_entries", vitals.log_size)
    readings.set("attache_self_check_timestamp_seconds", vitals.check.checked_at)
    readings.set("attache_self_check_findings", vitals.findings)
    readings.set("attache_self_check_entries", vitals.check.entries)
    for name, witness in vitals.witnesses.items():
        readings.set("attache_cosigned_timestamp_seconds", witness.cosigned_at, name)
        if witness.alarm is not None:
            readings.set("attache_witness_alarm", 1, name, witness.alarm)
    for name in sorted(vitals.suspects):
        readings.set("attache_witness_alarm", 1, name, "its-own-log-forked")
