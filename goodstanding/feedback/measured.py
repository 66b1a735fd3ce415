"""Reports about many messages as events: what a provider's figures say of an address or a domain of ours.

Figures that count against a key come by hooks only, whose addresses are secret, and from files that an operator brings.
What strangers mail (DMARC, TLS-RPT) is kept in words and counts for nothing: anybody may write it.
"""

from __future__ import annotations

from goodstanding.evidence import Measured
from goodstanding.feedback.bodies import Report
from goodstanding.feedback.dmarc import AggregateReport
from goodstanding.feedback.measures import Block, Compliance, Filter, Measure
from goodstanding.feedback.tlsrpt import PolicyResult, TlsReport

JUNKED_AT_LEAST: dict[Filter, float] = {"green": 0.0, "yellow": 0.1, "red": 0.9, "": 0.0}
"""Share of mail that SNDS found to be spam, by its colour: GREEN below 10 %, RED above 90 %. The least it may mean."""


def measured(report: Report, at: float) -> list[Measured]:
    """The events of a report about many messages; none of one about a single message."""
    match report:
        case Measure():
            return [_figures(report, at)] if report.of in ("ip", "domain") else []
        case Block():
            state = "blocked" if report.blocked else "throttled or ill behaved"
            words = f"{report.first} to {report.last} are {state}: {report.because}"
            return [Measured("", at, f"ip:{report.first}", report.provider, at, at, because=words)]
        case Compliance():
            words = f"{report.requirement} is {'met' if report.met else 'not met'} {report.because}".rstrip()
            return [Measured("", at, f"domain:{report.domain}", report.provider, at, at, because=words)]
        case AggregateReport():
            return [_dmarc(report, at)]
        case TlsReport():
            return [_tls(report, policy, at) for policy in report.policies]
        case _:
            return []


def _figures(report: Measure, at: float) -> Measured:
    """Of a band the least that it may mean: nobody is charged with what was not told."""
    messages = report.messages or 0
    rate = report.spam_rate_at_least if report.spam_rate_at_least is not None else report.spam_rate or 0.0
    return Measured(
        *("", at, f"{report.of}:{report.key}", report.provider, report.begin, report.end, messages),
        complaints=int(rate * messages),
        traps=report.traps or 0,
        junked=int(JUNKED_AT_LEAST[report.verdict] * messages),
        because=report.told,
    )


def _dmarc(report: AggregateReport, at: float) -> Measured:
    words = f"DMARC: {report.messages - report.failed:,} of {report.messages:,} messages passed"
    if report.failed:
        sources = sorted({row.source_ip for row in report.rows if not row.passed})
        words += f"; neither SPF nor DKIM aligned from {', '.join(sources[:5])}{' ...' if len(sources) > 5 else ''}"
    key = f"domain:{report.policy.domain}"
    return Measured("", at, key, report.reporter, report.begin, report.end, because=words)


def _tls(report: TlsReport, policy: PolicyResult, at: float) -> Measured:
    sessions = policy.succeeded + policy.failed
    words = f"TLS ({policy.kind}): {policy.succeeded:,} of {sessions:,} sessions succeeded"
    return Measured("", at, f"domain:{policy.domain}", report.reporter, report.begin, report.end, because=words)
