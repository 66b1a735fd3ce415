"""TLS reports (RFC 8460): how well others could send to a domain of ours over TLS.

They are about mail that comes in: bounces and feedback to our return-path and report domains among it.
"""

from __future__ import annotations

from msgspec import Struct

from goodstanding.feedback.json_tree import Node, parse
from goodstanding.feedback.mail import Mail, Part
from goodstanding.feedback.packed import unpacked
from goodstanding.feedback.reading import Reading, Source
from goodstanding.feedback.times import second

NAME = "tlsrpt"

_MOST = 1_000
"""Policies of a report, and failures of a policy, that are kept."""


class Failure(Struct, frozen=True, kw_only=True, gc=False):
    """Sessions that failed alike (RFC 8460 §4.3)."""

    kind: str
    """``starttls-not-supported``, ``certificate-expired``, ``validation-failure`` ..."""
    sessions: int
    sending_ip: str = ""
    receiving_host: str = ""
    receiving_ip: str = ""
    because: str = ""


class PolicyResult(Struct, frozen=True, kw_only=True, gc=False):
    """How sessions under one policy went."""

    kind: str
    """``sts``, ``tlsa`` or ``no-policy-found``."""
    domain: str
    hosts: tuple[str, ...]
    succeeded: int
    failed: int
    failures: tuple[Failure, ...] = ()


class TlsReport(Struct, frozen=True, kw_only=True, gc=False):
    """One sender's report over one span of time."""

    reporter: str
    contact: str
    report_id: str
    begin: float
    end: float
    policies: tuple[PolicyResult, ...]

    @property
    def failed(self) -> int:
        return sum([policy.failed for policy in self.policies])


def matches(mail: Mail) -> bool:
    """It says that it is one, or holds one (RFC 8460 §5.3)."""
    return _claims(mail) or bool(_candidates(mail))


def read(mail: Mail) -> list[Reading]:
    """What it comes to; empty when no part of it is a report. `reports` has the details."""
    found = [reading(report) for report in reports(mail)]
    return found or (
        [Reading("unreadable", source=NAME, detail="no report can be read in it")] if _claims(mail) else []
    )


def reports(mail: Mail) -> list[TlsReport]:
    """Every report attached to a mail."""
    return [report for part in _candidates(mail) if (report := read_json(part.payload)) is not None]


def reading(report: TlsReport) -> Reading:
    """A report in one line."""
    sessions = report.failed + sum([policy.succeeded for policy in report.policies])
    return Reading(
        "tls-report",
        source=NAME,
        reporter=report.reporter or report.contact,
        reported_domain=report.policies[0].domain if report.policies else "",
        arrived=report.end or None,
        count=sessions,
        report_id=report.report_id,
        detail=f"{sessions} sessions, {report.failed} failed",
    )


def _claims(mail: Mail) -> bool:
    return mail.root.parameters.get("report-type", "").lower() == "tlsrpt" or bool(mail.root.first("tls-report-domain"))


def _candidates(mail: Mail) -> list[Part]:
    """Parts of the registered types, and in mail that claims to be a report also those that senders use instead."""
    others = _OTHER_TYPES if _claims(mail) else frozenset[str]()
    fitting = [part for part in mail.root.walk() if part.content_type in _TYPES | others and not part.parts]
    return fitting[:4]


_TYPES = frozenset(("application/tlsrpt+gzip", "application/tlsrpt+json"))
_OTHER_TYPES = frozenset(
    ("application/gzip", "application/x-gzip", "application/json", "application/octet-stream", "text/json")
)


def read_json(octets: bytes) -> TlsReport | None:
    """The report in a JSON document, plain or compressed; None when it is none."""
    return read_document(parse(unpacked(octets)))


def read_document(document: Node) -> TlsReport | None:
    """The same of a document that has been parsed."""
    policies = document.get("policies")
    if "policies" not in document or not ("report-id" in document or "date-range" in document):
        return None
    return TlsReport(
        reporter=document.get("organization-name").text,
        contact=document.get("contact-info").text,
        report_id=document.get("report-id").text,
        begin=second(document.at("date-range", "start-datetime").text) or 0.0,
        end=second(document.at("date-range", "end-datetime").text) or 0.0,
        policies=tuple([_policy(policy) for policy in policies.each[:_MOST] if policy.is_object]),
    )


def _policy(node: Node) -> PolicyResult:
    policy, summary = node.get("policy"), node.get("summary")
    return PolicyResult(
        kind=policy.get("policy-type").text,
        domain=policy.get("policy-domain").text.lower(),
        hosts=tuple([host.text for host in policy.get("mx-host").each[:_MOST]]),
        succeeded=summary.get("total-successful-session-count").count,
        failed=summary.get("total-failure-session-count").count,
        failures=tuple([_failure(one) for one in node.get("failure-details").each[:_MOST] if one.is_object]),
    )


def _failure(node: Node) -> Failure:
    return Failure(
        kind=node.get("result-type").text,
        sessions=node.get("failed-session-count").count,
        sending_ip=node.get("sending-mta-ip").text,
        receiving_host=node.get("receiving-mx-hostname").text,
        receiving_ip=node.get("receiving-ip").text,
        because=node.get("failure-reason-code").text or node.get("additional-information").text,
    )


SOURCE = Source(NAME, matches, read)
