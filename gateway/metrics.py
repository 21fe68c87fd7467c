"""What the gateway measures of itself, for Prometheus. No label names a package or a person.

Counters grow where things happen; what is a state (queues, alarms, ages) is read when somebody asks (`Readings`).
`docs/operations.md` holds one row for each.
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

STATES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "attache_outbox_pending": ("What has yet to reach a partner.", ("partner",)),
    "attache_outbox_oldest_due_seconds": (
        "How long the longest due of it has been due; 0 where nothing is.",
        ("partner",),
    ),
    "attache_approvals_waiting": ("Releases that wait for an officer of the post.", ("post",)),
    "attache_reviews_open": ("Releases that went at once and are to be reviewed.", ()),
    "attache_reviews_overdue": ("Those whose time is over.", ()),
    "attache_log_entries": ("Entries of the exchange log.", ()),
    "attache_self_check_timestamp_seconds": (
        "When the last whole pass of the self-check ended; 0 before the first.",
        (),
    ),
    "attache_self_check_findings": ("What it found.", ()),
    "attache_self_check_entries": ("How far the present pass is.", ()),
    "attache_cosigned_timestamp_seconds": ("When a witness cosigned our log last; 0 for never.", ("witness",)),
    "attache_witness_alarm": ("1 while an alarm between a witness and us stands.", ("witness", "alarm")),
    "attache_revocation_list_issued_timestamp_seconds": ("When the oldest revocation list in use was issued.", ()),
    "attache_revocation_list_expires_timestamp_seconds": ("When the first of them has to be replaced.", ()),
    "attache_certificate_expires_timestamp_seconds": ("When a certificate of ours ends.", ("certificate",)),
}
"""What is read when somebody asks: name, meaning, labels."""

COUNTED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "attache_requests_total": (
        "Requests answered; status 0 where no answer was begun.",
        ("api", "method", "route", "status"),
    ),
    "attache_request_seconds": ("How long they took.", ("api",)),
    "attache_problems_total": ("Requests refused, by problem code.", ("api", "code")),
    "attache_events_total": ("Entries of the exchange log since the start, by event.", ("event",)),
    "attache_decisions_total": ("Decisions since the start, by outcome.", ("outcome",)),
    "attache_deliveries_total": (
        "Attempts to deliver since the start: delivered, refused, postponed.",
        ("partner", "result"),
    ),
    "attache_refusals_total": ("Refused attempts that the exchange log counts, by event and code.", ("event", "code")),
    "attache_store_commit_seconds": ("From taking a group of writes to its checkpoint being locked.", ()),
    "attache_store_commit_units": ("How many units of work shared one commit.", ()),
}
"""What is counted as it happens: name, meaning, labels."""


@dataclass
class Readings:
    """States at one moment: name -> the values by labels, in the order of STATES."""

    values: dict[str, list[tuple[tuple[str, ...], float]]] = field(default_factory=dict)

    def set(self, name: str, value: float | datetime | None, *labels: str) -> None:
        """Add a value; an instant becomes POSIX seconds, None 0."""
        if name not in STATES or len(labels) != len(STATES[name][1]):
            raise ValueError(f"{name} is no metric with {len(labels)} labels")
        number = value.timestamp() if isinstance(value, datetime) else float(value or 0)
        self.values.setdefault(name, []).append((labels, number))


class Metrics:
    """The counters of one gateway. Safe from any thread."""

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
        """A request is over. `route` is the template."""
        self._requests.labels(api, method, route, str(status)).inc()
        self._request_seconds.labels(api).observe(seconds)

    def problem(self, api: str, code: str) -> None:
        """A request was answered with a problem."""
        self._problems.labels(api, code).inc()

    def committed(self, entries: Iterable[tuple[str, str | None]], units: int, seconds: float) -> None:
        """A group of units was written. `entries`: of each new entry the event, and the outcome where it has one."""
        for code, outcome in entries:
            self._events.labels(code).inc()
            if code == "package.decided":
                self._decisions.labels(outcome or "unknown").inc()
        self._commit_units.observe(units)
        self._commit_seconds.observe(seconds)

    def delivery(self, partner: ParticipantId, result: str) -> None:
        """An attempt to deliver is over."""
        self._deliveries.labels(partner, result).inc()

    def refusal(self, event: str, code: str) -> None:
        """A refused attempt that the exchange log counts."""
        self._refusals.labels(event, code).inc()

    def render(self, readings: Readings) -> bytes:
        """All of it in Prometheus' text format."""
        present = CollectorRegistry()
        present.register(_Present(readings))
        return generate_latest(self._registry) + generate_latest(present)

    def _counter(self, name: str) -> Counter:
        meaning, labels = COUNTED[name]
        return Counter(name, meaning, labels, registry=self._registry)

    def _histogram(self, name: str, buckets: Sequence[float]) -> Histogram:
        meaning, labels = COUNTED[name]
        return Histogram(name, meaning, labels, registry=self._registry, buckets=buckets)


class _Present(Collector):
    """Readings, as the library collects them."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def collect(self) -> Iterable[Metric]:
        for name, (meaning, labels) in STATES.items():
            family = GaugeMetricFamily(name, meaning, labels=labels)
            for values, number in self._readings.values.get(name, []):
                family.add_metric(values, number)
            yield family


def render_metrics_table() -> str:
    """The table of `docs/operations.md`: name, labels, meaning."""
    rows = ["| metric | labels | meaning |", "|---|---|---|"]
    for name, (meaning, labels) in {**COUNTED, **STATES}.items():
        rows.append(f"| `{name}` | {', '.join(f'`{label}`' for label in labels) or 'none'} | {meaning} |")
    return "\n".join(rows) + "\n"
