"""Figures of providers as events: of a band the least it may mean, of what anybody may mail only the words."""

import pytest

from goodstanding.evidence import Measured
from goodstanding.feedback.bodies import Report
from goodstanding.feedback.dmarc import AggregateReport, Policy, Row
from goodstanding.feedback.measured import measured
from goodstanding.feedback.measures import Block, Compliance, Measure
from goodstanding.feedback.reading import Reading
from goodstanding.feedback.tlsrpt import PolicyResult, TlsReport


def only(report: Report) -> Measured:
    [event] = measured(report, 9.0)
    return event


def test_a_rate_becomes_complaints() -> None:
    told = Measure(
        provider="google", of="domain", key="shop.example", begin=1.0, end=2.0, messages=10_000, spam_rate=0.002
    )
    event = only(told)
    assert (event.key, event.provider, event.messages, event.complaints) == (
        "domain:shop.example",
        "google",
        10_000,
        20,
    )
    assert (event.since, event.until) == (1.0, 2.0)


@pytest.mark.parametrize(("verdict", "junked"), [("green", 0), ("yellow", 100), ("red", 900), ("", 0)])
def test_of_a_colour_and_a_band_the_least_counts(verdict: str, junked: int) -> None:
    told = Measure(
        provider="microsoft", of="ip", key="203.0.113.7", begin=1.0, end=2.0, messages=1000, verdict=verdict,  # type: ignore[arg-type]
        spam_rate=0.003, spam_rate_at_least=0.001, traps=2,
    )  # fmt: skip
    event = only(told)
    assert (event.key, event.complaints, event.traps, event.junked) == ("ip:203.0.113.7", 1, 2, junked)


def test_dmarc_and_tls_reports_are_words_and_count_for_nothing() -> None:
    rows = (
        Row(source_ip="203.0.113.7", count=90, disposition="none", dkim_aligned=True, spf_aligned=False),
        Row(source_ip="198.51.100.9", count=10, disposition="reject", dkim_aligned=False, spf_aligned=False),
    )
    dmarc = AggregateReport(
        reporter="isp", email="", report_id="1", begin=1.0, end=2.0, policy=Policy("shop.example"), rows=rows
    )
    event = only(dmarc)
    assert event.because == "DMARC: 90 of 100 messages passed; neither SPF nor DKIM aligned from 198.51.100.9"
    policy = PolicyResult(kind="sts", domain="shop.example", hosts=(), succeeded=5, failed=1)
    tls = TlsReport(reporter="isp", contact="", report_id="1", begin=1.0, end=2.0, policies=(policy,))
    assert only(tls).because == "TLS (sts): 5 of 6 sessions succeeded"
    for each in (event, only(tls)):
        assert (each.key, each.messages, each.complaints, each.traps, each.junked) == (
            "domain:shop.example",
            0,
            0,
            0,
            0,
        )


def test_blocks_and_requirements_are_words() -> None:
    block = Block(provider="microsoft", first="203.0.113.0", last="203.0.113.9", blocked=True, because="spam")
    assert only(block).because == "203.0.113.0 to 203.0.113.9 are blocked: spam"
    unmet = Compliance(provider="google", domain="shop.example", requirement="dmarc", met=False)
    assert only(unmet).because == "dmarc is not met"


def test_a_reading_is_no_measure() -> None:
    assert measured(Reading("complaint"), 9.0) == []
