"""Send, send differently, or do not: each reason has a line, and the strictest reason decides.

The lines are about chances, because what is simulated is what may happen: a sender who is suspended in one run of five
should not press the button.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct, structs

from goodstanding.sandbox.behaviour import Expectation
from goodstanding.simulator.campaign import Campaign
from goodstanding.simulator.outcome import Answer, Change, ChangeName, FlowHarm, Reason, RouteOutcome, Stage, Verdict
from goodstanding.simulator.platforms import Platform

STRICTNESS: Mapping[Answer, int] = {"send": 0, "send-differently": 1, "do-not-send": 2}
CHANGE_WORDS: Mapping[ChangeName, str] = {
    "permission": "write only to people who asked for it, or ask them first",
    "one-click": "put a one-click unsubscribe into the message (RFC 8058)",
    "ramp": "send it over ten days instead of at once",
    "clean-list": "take addresses from their owners, or have the list checked: unknown recipients and traps go",
    "isolation": "send from a domain and addresses that nothing else uses",
}


_COMPLAINTS: tuple[tuple[float, float, Answer], ...] = ((0.01, 0.5, "do-not-send"), (0.003, 0.2, "send-differently"))
"""Complaint rate, the chance of crossing it that matters, and what follows."""
FEW_COLD = 0.01
"""Share of strangers among the recipients below which they had better be left out, and the rest may go."""
_BOUNCES: tuple[tuple[float, Answer], ...] = ((0.10, "do-not-send"), (0.05, "send-differently"))
"""Share of unknown recipients that more than half of the runs exceed, and what follows."""


class Finding(Struct, frozen=True):
    """One reason with how grave it is."""

    answer: Answer
    reason: Reason


def verdict_on(route: RouteOutcome, campaign: Campaign, platform: Platform) -> Verdict:
    """The verdict on one route, all reasons told, the gravest first."""
    found = sorted(_findings(route, campaign, platform), key=lambda one: -STRICTNESS[one.answer])
    answer: Answer = found[0].answer if found else "send"
    reasons = tuple(one.reason for one in found)
    if not reasons:
        words = (
            f"complaints stay near {_percent(route.complaint_rate.p50)}, nothing is stopped, no other mail is touched"
        )
        reasons = (Reason("in-good-standing", words, "send it, and watch what comes back"),)
    return Verdict(answer, route.route, reasons)


def _findings(route: RouteOutcome, campaign: Campaign, platform: Platform) -> Iterator[Finding]:
    cold = sum(group.count for group in campaign.groups if group.expectation is Expectation.COLD)
    if cold and platform.forbids_cold:
        words = f"{cold:,} of {campaign.recipients:,} recipients do not know the sender; {platform.forbids_cold}"
        few = cold < FEW_COLD * campaign.recipients
        remedy = "leave them out" if few else "use a platform made for it, or ask first"
        yield Finding("send-differently" if few else "do-not-send", Reason("cold-on-high-trust", words, remedy))
    yield from _of_complaints(route)
    yield from _of_bounces(route)
    yield from _of_stages(route)
    yield from _of_harm(route)
    unsent = route.unsent.p50 / max(1.0, route.unsent.p50 + route.sent.p50)
    if unsent >= 0.05:
        words = f"{_percent(unsent)} of the recipients are never written to in the middle run"
        yield Finding("send-differently", Reason("unsent", words, "send less, or where it is taken"))


def _of_complaints(route: RouteOutcome) -> Iterator[Finding]:
    for line, chance, answer in _COMPLAINTS:
        crossing = next(one for one in route.crossings if one.line == line)
        if crossing.chance >= chance:
            when = f", after {crossing.mails.p50:,.0f} mails in the middle" if crossing.mails else ""
            words = f"complaints cross {_percent(line)} in {_percent(crossing.chance)} of the runs{when}"
            remedy = "write to people who expect it, and let them leave with one click"
            yield Finding(answer, Reason(f"complaints-over-{line:g}", words, remedy))
            return


def _of_bounces(route: RouteOutcome) -> Iterator[Finding]:
    for line, answer in _BOUNCES:
        crossing = next(one for one in route.bounce_crossings if one.line == line)
        if crossing.chance >= 0.5:
            words = (
                f"more than {_percent(line)} of the addresses do not exist in {_percent(crossing.chance)} of the runs"
            )
            yield Finding(
                answer, Reason(f"bounces-over-{line:g}", words, "check the list, and ask where it comes from")
            )
            return


def _of_stages(route: RouteOutcome) -> Iterator[Finding]:
    stages = {stage.name: stage for stage in route.stages}
    suspended, throttled, degraded = stages["suspended"], stages["throttled"], stages["degraded"]
    remedy = "see what would change it, below"
    if suspended.chance >= 0.05:
        answer: Answer = "do-not-send" if suspended.chance >= 0.2 else "send-differently"
        words = f"{route.title} suspends the sender in {_percent(suspended.chance)} of the runs{_when(suspended)}"
        yield Finding(answer, Reason("suspended", words, remedy))
    if throttled.chance >= 0.2:
        words = f"{route.title} takes less of the mail in {_percent(throttled.chance)} of the runs{_when(throttled)}"
        yield Finding("send-differently", Reason("throttled", words, remedy))
    if degraded.chance >= 0.2 and not degraded.told:
        words = f"mail stops arriving without a word in {_percent(degraded.chance)} of the runs{_when(degraded)}"
        yield Finding(
            "send-differently", Reason("silently-degraded", words, "measure placement yourself: SMTP says 250")
        )


def _of_harm(route: RouteOutcome) -> Iterator[Finding]:
    worst = worst_flow(route)
    if worst is None:
        return
    middle, bad = worst.junk.p50 + worst.lost.p50, worst.junk.p95 + worst.lost.p95
    if middle >= 0.05 or bad >= 0.25:
        answer: Answer = "do-not-send"
    elif bad >= 0.05:
        answer = "send-differently"
    else:
        return
    words = (
        f"{worst.flow}: {_percent(middle)} do not reach the inbox in the middle run, {_percent(min(1.0, bad))} in one "
        f"of twenty, for {worst.days.p50:.0f} to {worst.days.p95:.0f} days"
    )
    yield Finding(answer, Reason("other-mail-harmed", words, "send from a domain and addresses of its own"))


def worst_flow(route: RouteOutcome) -> FlowHarm | None:
    """The flow that fares worst; None: there are no others."""
    return max(route.harms, key=lambda one: (one.junk.p50 + one.lost.p50, one.junk.p95 + one.lost.p95), default=None)


def harm_of(route: RouteOutcome) -> float:
    """The share of the worst flow's mail that does not reach the inbox in the middle run."""
    worst = worst_flow(route)
    return worst.junk.p50 + worst.lost.p50 if worst is not None else 0.0


def with_changes(
    verdict: Verdict, variants: Mapping[ChangeName, RouteOutcome], campaign: Campaign, platform: Platform
) -> Verdict:
    """The same with what could be done differently, what helps most first; nothing needs to be where it may be sent."""
    if verdict.answer == "send":
        return verdict
    changes: list[tuple[int, Change]] = []
    for slug, route in variants.items():
        willing = slug == "permission"
        mild = verdict_on(route, _asked(campaign) if willing else campaign, platform)
        gained = STRICTNESS[verdict.answer] - STRICTNESS[mild.answer]
        rate, harm = route.complaint_rate.p50, harm_of(route)
        changes.append((gained, Change(slug, CHANGE_WORDS[slug], rate, harm, gained > 0)))
    changes.sort(key=lambda one: (-one[0], one[1].harm, one[1].complaint_rate))
    return structs.replace(verdict, changes=tuple(change for _, change in changes))


def _asked(campaign: Campaign) -> Campaign:
    known = tuple(
        structs.replace(group, expectation=Expectation.SUBSCRIBED) if group.expectation is Expectation.COLD else group
        for group in campaign.groups
    )
    return structs.replace(campaign, groups=known)


def best_of(verdicts: Sequence[Verdict], routes: Sequence[RouteOutcome]) -> Verdict:
    """The verdict on the whole question: that on the route which fares best."""

    def ease(pair: tuple[Verdict, RouteOutcome]) -> tuple[float, ...]:
        verdict, route = pair
        suspended = next(stage for stage in route.stages if stage.name == "suspended")
        return STRICTNESS[verdict.answer], harm_of(route), suspended.chance, route.complaint_rate.p50, -route.inbox.p50

    return min(zip(verdicts, routes, strict=True), key=ease)[0]


def _when(stage: Stage) -> str:
    if stage.hours is None or stage.mails is None:
        return ""
    hours = stage.hours.p50
    after = f"{hours:.0f} hours" if hours < 72 else f"{hours / 24:.0f} days"
    after = "an hour" if hours < 1.5 else after
    return f", after {after} and {stage.mails.p50:,.0f} mails in the middle"


def _percent(share: float) -> str:
    if share and share < 0.01:
        return f"{share * 100:.2g} %"
    return f"{share * 100:.3g} %" if share < 0.1 else f"{share * 100:.0f} %"
