"""An assessment made by hand: a bought list over five routes, with figures that every table and chart has to show."""

from __future__ import annotations

from math import exp

import msgspec

from goodstanding.sandbox.behaviour import Expectation
from goodstanding.simulator.assumptions import Assumption
from goodstanding.simulator.campaign import FLOWS, Campaign, Group, Message, Sender
from goodstanding.simulator.outcome import (
    Assessment,
    Change,
    Crossing,
    FlowHarm,
    Influence,
    Reason,
    RouteOutcome,
    Series,
    Spread,
    Stage,
    Verdict,
)

HOSTILE = "</script><script>alert('mail')</script><b>&amp;</b>\u2028{{ 7 * 7 }}"
"""A name that would like to be more than a name."""
HOURS = tuple(float(hour) for hour in range(0, 24 * 14 + 1, 6))


def around(middle: float, factor: float = 2.0, most: float = 1e12) -> Spread:
    """A number with its band."""
    half = 1.0 + (factor - 1.0) / 2.0
    low, high = middle / factor, min(middle * factor, most)
    return Spread(low, middle / half, min(middle, most), min(middle * half, most), high, min(middle, most))


NOTHING = around(0.0)


def campaign(name: str = "Autumn outreach", flow: str = "") -> Campaign:
    return Campaign(
        name=name,
        groups=(
            Group(Expectation.COLD, "google", "bought", 4000),
            Group(Expectation.COLD, "microsoft", "bought", 4500),
            Group(Expectation.COLD, "other", "bought", 1500),
        ),
        message=Message(subject="A quick question about your invoices", leads_out=True, follow_ups=2),
        sender=Sender(tenant="Example S.p.A.", domain="example.com"),
        flows=FLOWS if not flow else (*FLOWS[:4], msgspec.structs.replace(FLOWS[4], name=flow)),
    )


def rate_over_time(rate: float) -> Series:
    middle = tuple(rate * (1.0 - exp(-hour / 30.0)) for hour in HOURS)
    return Series("complaint rate", HOURS, tuple(x / 2.2 for x in middle), middle, tuple(x * 1.9 for x in middle))


def inbox_over_time(flow: str, dip: float, back: float) -> Series:
    """Falls to ``1 - dip``, and comes back in about ``back`` days."""
    middle = tuple(
        1.0 - dip * min(1.0, hour / 30.0) * (1.0 if hour < 120 else exp(-(hour - 120) / (24.0 * back)))
        for hour in HOURS
    )
    return Series(f"inbox: {flow}", HOURS, tuple(max(0.0, x - 0.1 * dip) for x in middle), middle, middle)


def crossed(rate: float, line: float) -> Crossing:
    certain = 1.0 / (1.0 + (line / rate) ** 4) if rate else 0.0
    if certain < 0.0005:
        return Crossing(line, 0.0)
    return Crossing(line, round(certain, 3), around(6.0 + 40.0 * line / rate), around(120.0 + 2500.0 * line))


def harms(of: Campaign, junk: float, lost: float, days: float, recovered: float = 1.0) -> tuple[FlowHarm, ...]:
    return tuple(
        FlowHarm(
            flow.name,
            around(junk * (1.0 - at * 0.12), most=1.0),
            around(lost * (1.0 if flow.over == "application" else 0.2), most=1.0),
            around(days),
            recovered,
        )
        for at, flow in enumerate(of.flows)
    )


def route(
    of: Campaign, slug: str, title: str, rate: float, harm: tuple[float, float, float], stages: tuple[Stage, ...] = ()
) -> RouteOutcome:
    junk, lost, days = harm
    stopped = any(one.name == "suspended" and one.chance > 0.5 for one in stages)
    dips = [series for flow in of.flows for series in (inbox_over_time(flow.name, junk + lost, days / 3.0 + 0.1),)]
    return RouteOutcome(
        route=slug,
        title=title,
        isolated=not days,
        sent=around(4200.0 if stopped else 10000.0, 1.5, 10000.0),
        unsent=around(5800.0 if stopped else 0.0, 1.4),
        inbox=around(0.62, 1.15, 1.0),
        junk=around(0.27, 1.3, 1.0),
        unseen=around(0.06 if stages else 0.0, most=1.0),
        refused=around(0.012, most=1.0),
        bounced=around(0.071, 1.4, 1.0),
        complaint_rate=around(rate, 2.1),
        complaints=around(rate * 6200.0),
        crossings=tuple(crossed(rate, line) for line in (0.001, 0.003, 0.01)),
        bounce_crossings=(
            Crossing(0.02, 1.0, around(3.0), around(100.0)),
            Crossing(0.05, 0.91, around(9.0), around(130.0)),
            Crossing(0.1, 0.08, around(20.0), around(900.0)),
        ),
        opened=around(0.24, 1.5, 1.0),
        deleted=around(0.53, 1.2, 1.0),
        ignored=around(0.23, 1.4, 1.0),
        replies=around(106.0, 1.6),
        unsubscribes=around(54.0, 1.5),
        traps=around(2.4, 2.5),
        stages=stages,
        harms=harms(of, junk, lost, days, 0.4 if days > 20 else 1.0),
        days=around(4.5, 1.2),
        series=(rate_over_time(rate), *dips),
    )


def routes(of: Campaign) -> tuple[RouteOutcome, ...]:
    def stage(name: str, chance: float, hours: float, told: bool) -> Stage:
        return Stage(
            name, chance, around(hours, 2.4) if chance else None, around(hours * 40.0) if chance else None, told
        )  # type: ignore[arg-type]

    azure = (
        stage("degraded", 0.72, 26.0, False),
        stage("throttled", 0.64, 40.0, False),
        stage("suspended", 0.58, 70.0, True),
    )
    tenant = (
        stage("degraded", 0.35, 40.0, False),
        stage("throttled", 0.97, 12.0, True),
        stage("suspended", 0.41, 60.0, True),
    )
    ses = (
        stage("degraded", 0.0, 0.0, False),
        stage("throttled", 0.44, 60.0, True),
        stage("suspended", 0.88, 44.0, True),
    )
    ours = (stage("throttled", 0.999, 3.0, True), stage("suspended", 0.93, 30.0, True))
    return (
        route(of, "azure", "Azure Communication Services", 0.021, (0.19, 0.08, 12.0), azure),
        route(of, "tenant", "Exchange Online tenant", 0.019, (0.34, 0.12, 27.0), tenant),
        route(of, "ses", "Amazon SES", 0.02, (0.12, 0.3, 9.0), ses),
        route(of, "dedicated", "Dedicated outreach platform", 0.016, (0.0, 0.0, 0.0)),
        route(of, "goodstanding", "goodstanding", 0.009, (0.0, 0.0, 0.0), ours),
    )


VERDICTS = {"do-not-send": "", "send-differently": "dedicated", "send": "goodstanding"}


def assessment(name: str = "Autumn outreach", answer: str = "do-not-send", flow: str = "") -> Assessment:
    """The whole; a flow of one's own replaces the last of the usual ones."""
    asked = campaign(name, flow)
    found = routes(asked)
    bad = Reason(
        "complaints-over-limit",
        "Complaints cross 1 % in more than 80 % of runs over every route that shares your domain, "
        "after a median of 145 mails.",
        "Write only to people who asked for it, or who bought something and expect to hear from you.",
    )
    harm = Reason(
        "blast-radius",
        "One-time codes, invoices and HR mail lose their place in the inbox for 9 to 27 days "
        "over Azure, the tenant and SES.",
        "Send it over a platform that shares no address and no domain with them.",
    )
    verdict = Verdict(
        answer,  # type: ignore[arg-type]
        VERDICTS[answer],
        (bad, harm),
        (
            Change("permission", "only to those who gave permission", 0.0006, 0.0, True),
            Change("one-click", "with a one-click unsubscribe", 0.014, 0.24, False),
            Change("ramp", "at 200 recipients a day", 0.018, 0.19, False),
            Change("clean-list", "after the list is verified", 0.019, 0.22, False),
            Change("isolation", "from a domain and addresses of its own", 0.019, 0.0, False),
        ),
    )
    mild = Verdict("send-differently", "dedicated", (bad,))
    return Assessment(
        campaign=asked,
        runs=1000,
        seed=1,
        routes=found,
        verdicts=tuple(mild if one.isolated else verdict for one in found),
        verdict=verdict,
        influences=influences(),
        assumptions=assumptions(),
    )


def influences() -> tuple[Influence, ...]:
    return (
        Influence(
            "cold.complained", "Share of strangers who report a message in the inbox as spam", "complaint rate", 0.91
        ),
        Influence("azure.hears.google", "Share of complaints at Google that Azure hears of", "suspension", 0.63),
        Influence("azure.complaints.suspended.line", "Complaint rate at which Azure suspends", "suspension", -0.52),
        Influence("provider.memory-days", "Days until a provider has forgotten half of what it knew", "harm", 0.71),
        Influence("provider.domain-weight", "How much of a reputation goes with the domain", "harm", 0.44),
        Influence("leaves-instead", "Share who leave by one click instead of reporting", "complaint rate", -0.28),
        Influence("noise", "Something that does not matter", "harm", 0.01),
    )


def assumptions() -> tuple[Assumption, ...]:
    return (
        Assumption(
            slug="cold.complained",
            low=0.008,
            likely=0.02,
            high=0.04,
            unit="share",
            known="assumed",
            source="Nobody publishes a figure; cold campaigns are commonly said to cross 1 %.",
            words="Share of strangers who report a message in the inbox as spam",
        ),
        Assumption(
            slug="google.ceiling",
            low=0.003,
            likely=0.003,
            high=0.003,
            unit="share",
            known="published",
            source="Google, Email sender guidelines, https://support.google.com/a/answer/81126 (read 2026-11-20).",
            words="Complaint rate from which Google treats a sender as one of spam",
        ),
        Assumption(
            slug="cold.replied",
            low=0.0105,
            likely=0.0171,
            high=0.0259,
            unit="share",
            known="measured",
            source="Clientium, Osservatorio Outbound Italia 2026 (CC BY 4.0), 556 campaigns.",
            words="Share of strangers who answer",
        ),
        Assumption(
            slug="azure.suspended-days",
            low=3.0,
            likely=10.0,
            high=45.0,
            unit="days",
            known="given",
            source="set with --set",
            words="Azure: days until a suspended sender is let in again",
        ),
        Assumption(
            slug="hearing",
            low=0.1,
            likely=0.3,
            high=0.6,
            unit="factor",
            known="assumed",
            source="",
            words="How often complaints are heard",
        ),
    )
