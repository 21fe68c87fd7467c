"""The gateway's metrics, for Prometheus. No label names a package or a person.

Counters and histograms are updated when the event happens. Gauges (queues, alarms, ages) are read at each scrape
(`Readings`). `docs/operations.md` has one row for each metric.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from attache.package.ids import ParticipantId

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_UNITS = (1, 2, 4, 8, 16, 32, 64)

GAUGES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "attache_outbox_pending": ("Packages and statements that wait to be delivered to a partner.", ("partner",)),
    "attache_outbox_oldest_due_seconds": (
        "For how long the oldest of them has been due; 0 where none is due.",
        ("partner",),
    ),
    "attache_approvals_waiting": ("Releases that wait for the approval of an officer of the post.", ("post",)),
    "attache_reviews_open": ("Releases that left without an approval and wait for their review.", ()),
    "attache_reviews_overdue": ("Reviews that were not done in time.", ()),
    "attache_log_entries": ("Number of entries in the exchange log.", ()),
    "attache_self_check_timestamp_seconds": (
        "When the last complete pass of the self-check ended; 0 before the first.",
        (),
    ),
    "attache_self_check_findings": ("Number of findings of that pass.", ()),
    "attache_self_check_entries": ("Number of entries that the present pass has checked.", ()),
    "attache_cosigned_timestamp_seconds": ("When the witness last cosigned our log; 0 for never.", ("witness",)),
    "attache_witness_alarm": ("1 while there is an alarm between this witness and us.", ("witness", "alarm")),
    "attache_revocation_list_issued_timestamp_seconds": ("When the oldest revocation list in use was issued.", ()),
    "attache_revocation_list_expires_timestamp_seconds": ("When the first revocation list in use ends.", ()),
    "attache_certificate_expires_timestamp_seconds": (
        "When a certificate of ours ends; 0 where its file cannot be read.",
        ("certificate",),
    ),
}
"""The gauges, read at each scrape: name, meaning, labels."""

COUNTERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "attache_requests_total": (
        "Requests; the status is 0 where no answer was sent.",
        ("api", "method", "route", "status"),
    ),
    "attache_request_seconds": ("Duration of requests, in seconds.", ("api",)),
    "attache_problems_total": ("Requests that were answered with a problem, by its code.", ("api", "code")),
    "attache_events_total": ("Entries of the exchange log since the start, by event.", ("event",)),
    "attache_decisions_total": ("Decisions since the start, by outcome.", ("outcome",)),
    "attache_deliveries_total": (
        "Attempts to deliver since the start, by result: delivered, refused, postponed.",
        ("partner", "result"),
    ),
    "attache_refusals_total": (
        "Refused requests that the exchange log counts, by event and problem code.",
        ("event", "code"),
    ),
    "attache_store_commit_seconds": (
        "Duration of a commit, in seconds: from taking a group of units of work until the checkpoint lock is written.",
        (),
    ),
    "attache_store_commit_units": ("Number of units of work in one commit.", ()),
}
"""The counters and histograms: name, meaning, labels."""


@dataclass
class Readings:
    """The gauges at one moment: for each name, label values and number."""

    values: dict[str, list[tuple[tuple[str, ...], float]]] = field(default_factory=dict)

    def set(self, name: str, value: float | datetime | None, *labels: str) -> None:
        """Add a value; an instant becomes POSIX seconds, None becomes 0.
        Raises ValueError for a name or labels that GAUGES does not have.
        """
        if name not in GAUGES or len(labels) != len(GAUGES[name][1]):
            raise ValueError(f"{name} is no metric with {len(labels)} labels")
        number = value.timestamp() if isinstance(value, datetime) else float(value or 0)
        self.values.setdefault(name, []).append((labels, number))


class Metrics:
    """The counters and histograms of one gateway. Safe to use from any thread."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = self._counter("attache_requests_total")
        self._problems = self._counter("attache_problems_total")
        self._events = self._counter("attache_events_total")
        self._decisions = self._counter("attache_decisions_total")
        self._deliveries = self._counter("attache_deliveries_total")
        self._refusals = self._counter("attache_refusals_total")
        self._request_seconds = self._histogram("attache_request_seconds", _SECONDS)
        self._commit_seconds = self._histogram("attache_store_commit_seconds", _SECONDS)
        self._commit_units = self._histogram("attache_store_commit_units", _UNITS)

    def request(self, api: str, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that has ended. `route` is the route's template."""
        self._requests.labels(api, method, route, str(status)).inc()
        self._request_seconds.labels(api).observe(seconds)

    def problem(self, api: str, code: str) -> None:
        """Count a request that was answered with a problem."""
        self._problems.labels(api, code).inc()

    def committed(self, entries: Iterable[tuple[str, str | None]], units: int, seconds: float) -> None:
        """Count a committed group of units of work. `entries`: the event of each new entry,
        and its outcome where it has one.
        """
        for code, outcome in entries:
            self._events.labels(code).inc()
            if code == "package.decided":
                self._decisions.labels(outcome or "unknown").inc()
        self._commit_units.observe(units)
        self._commit_seconds.observe(seconds)

    def delivery(self, partner: ParticipantId, result: str) -> None:
        """Count an attempt to deliver."""
        self._deliveries.labels(partner, result).inc()

    def refusal(self, event: str, code: str) -> None:
        """Count a refused request that the exchange log counts."""
        self._refusals.labels(event, code).inc()

    def render(self, readings: Readings) -> bytes:
        """All metrics, with these gauges, in Prometheus' text format."""
        gauges = CollectorRegistry()
        gauges.register(_Gauges(readings))
        return generate_latest(self._registry) + generate_latest(gauges)

    def _counter(self, name: str) -> Counter:
        meaning, labels = COUNTERS[name]
        return Counter(name, meaning, labels, registry=self._registry)

    def _histogram(self, name: str, buckets: Sequence[float]) -> Histogram:
        meaning, labels = COUNTERS[name]
        return Histogram(name, meaning, labels, registry=self._registry, buckets=buckets)


class _Gauges(Collector):
    """Readings, in the form that the library collects."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def collect(self) -> Iterable[Metric]:
        for name, (meaning, labels) in GAUGES.items():
            family = GaugeMetricFamily(name, meaning, labels=labels)
            for values, number in self._readings.values.get(name, []):
                family.add_metric(values, number)
            yield family


def render_metrics_table() -> str:
    """The table of `docs/operations.md`: name, labels, meaning."""
    rows = ["| metric | labels | meaning |", "|---|---|---|"]
    for name, (meaning, labels) in {**COUNTERS, **GAUGES}.items():
        rows.append(f"| `{name}` | {', '.join(f'`{label}`' for label in labels) or 'none'} | {meaning} |")
    return "\n".join(rows) + "\n"
