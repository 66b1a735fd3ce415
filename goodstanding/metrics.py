"""What is counted, with its help text. Workers and the follower count in plain integers and report once a second; the
supervisor adds the reports up and serves them to Prometheus. docs/metrics.md is drawn from `METRICS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    label: str = ""


METRICS = (
    Measure("goodstanding_journal_events_total", "counter", "Journal events committed, by kind", "kind"),
    Measure("goodstanding_api_requests_total", "counter", "answers to programs", "status"),
    Measure("goodstanding_submission_sessions_total", "counter", "SMTP sessions begun by clients"),
    Measure("goodstanding_submission_refusals_total", "counter", "Messages refused, by enhanced status code", "code"),
    Measure(
        "goodstanding_admission_findings_total",
        "counter",
        "Reasons of admission in the journal: of what was refused (a recipient each), held or remarked on, shadow too",
        "reason",
    ),
    Measure("goodstanding_submission_connections", "gauge", "SMTP sessions open with clients"),
    Measure("goodstanding_submission_memory_bytes", "gauge", "Bytes of arriving messages kept in memory"),
    Measure("goodstanding_delivery_connections", "gauge", "SMTP sessions open with other servers"),
    Measure("goodstanding_delivery_ready", "gauge", "Recipients claimed and waiting for a connection"),
    Measure("goodstanding_delivery_unsettled", "gauge", "Attempts whose outcome is not yet on disk"),
    Measure("goodstanding_delivery_closed_lanes", "gauge", "Lanes left alone for a while after trouble"),
    Measure("goodstanding_store_commits_total", "counter", "Transactions committed by the writers"),
    Measure("goodstanding_store_units_total", "counter", "Units of work in those transactions"),
    Measure("goodstanding_store_failures_total", "counter", "Transactions the store could not commit"),
    Measure("goodstanding_store_waiting", "gauge", "Units of work waiting for the next commit"),
    Measure("goodstanding_queue_recipients", "gauge", "Recipients in the queue, by state", "state"),
    Measure(
        "goodstanding_reputation_unread_total",
        "counter",
        "Journal events that could not be read and count for nothing: `goodstanding reputation rebuild` tells which",
    ),
    Measure("goodstanding_feedback_waiting", "gauge", "Reports that came in and are not read yet"),
    Measure("goodstanding_enforcement_accounts", "gauge", "Accounts that are not in good standing, by rung", "rung"),
    Measure("goodstanding_webhook_endpoints", "gauge", "Webhook endpoints, by state", "state"),
    Measure("goodstanding_webhook_events", "gauge", "Webhook events that wait to be posted, or were given up", "state"),
    Measure("goodstanding_webhook_posts_total", "counter", "Webhook events posted, by outcome", "outcome"),
    Measure("goodstanding_webhook_overdue_seconds", "gauge", "How long a webhook event has been due at most"),
    Measure("goodstanding_workers", "gauge", "Worker processes running"),
    Measure("goodstanding_worker_restarts_total", "counter", "Workers that died and were started again"),
)

Report = Mapping[str, float | Mapping[str, float]]
"""Metric -> value, or label -> value."""


@dataclass(slots=True, eq=False)
class Reports(Collector):
    """The newest report of every process, and what dead ones had counted."""

    by_process: dict[int | str, Report] = field(default_factory=dict)
    past: dict[tuple[str, str], float] = field(default_factory=dict)
    own: dict[str, float | Mapping[str, float]] = field(default_factory=dict)
    """The supervisor's own figures."""

    def bury(self, process: int | str) -> None:
        """Keep what a dead process had counted; its gauges are gone with it."""
        counters = {measure.name for measure in METRICS if measure.kind == "counter"}
        for name, label, value in _flat(self.by_process.pop(process, {})):
            if name in counters:
                self.past[name, label] = self.past.get((name, label), 0.0) + value

    def totals(self) -> dict[tuple[str, str], float]:
        """(metric, label value) -> sum over everybody."""
        sums = dict(self.past)
        for report in (*list(self.by_process.values()), self.own):
            for name, label, value in _flat(report):
                sums[name, label] = sums.get((name, label), 0.0) + value
        return sums

    def collect(self) -> Iterable[Metric]:
        """For prometheus_client."""
        sums = self.totals()
        for measure in METRICS:
            family = CounterMetricFamily if measure.kind == "counter" else GaugeMetricFamily
            metric = family(measure.name, measure.help, labels=[measure.label] if measure.label else [])
            found = {label: value for (name, label), value in sums.items() if name == measure.name}
            for label, value in sorted(found.items() or ([] if measure.label else [("", 0.0)])):
                metric.add_metric([label] if measure.label else [], value)
            yield metric


def _flat(report: Report) -> Iterator[tuple[str, str, float]]:
    for name, value in report.items():
        if isinstance(value, Mapping):
            for label, part in value.items():
                yield name, label, part
        else:
            yield name, "", value
