"""The claims this program was made from, each as an experiment with numbers: ``goodstanding assess --article``.

A claim about the world is simulated; one about what the program does says where it does it. An experiment that does not
come out is told as such: the simulation is not made to agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from goodstanding.model import Stream
from goodstanding.reputation.evidence import plain
from goodstanding.sandbox.behaviour import Expectation
from goodstanding.sandbox.placement import Grade
from goodstanding.simulator.assumptions import Assumption
from goodstanding.simulator.campaign import Message, Sender
from goodstanding.simulator.laboratory import (
    COLD,
    RUNS,
    WAITED,
    Claim,
    Laboratory,
    Mail,
    complaints_of,
    crosses,
    enforced_at,
    grade_after,
    harm_to,
    in_order,
    inbox_of,
    lost_of,
    percent,
    rate_of,
    share_of,
    touched_in,
    touches,
    unseen_of,
    worst_of,
)
from goodstanding.simulator.platforms import Platform


def claims(
    platforms: Mapping[str, Platform], known: Mapping[str, Assumption], runs: int = RUNS, seed: int = 1
) -> tuple[Claim, ...]:
    """All of them, in their order."""
    laboratory = Laboratory(platforms, known, runs, seed)
    found = [claim for experiment in EXPERIMENTS for claim in experiment(laboratory)]
    return tuple(sorted([*found, *BUILT], key=lambda one: one.number))


# --- experiments ------------------------------------------------------------------------------------------------------


def _rates(it: Laboratory) -> list[Claim]:
    cold, awaited = it.runs_of("azure", COLD), it.runs_of("azure", WAITED)
    crossing, kept = crosses(cold, 0.01), crosses(awaited, 0.001)
    return [
        Claim(
            *(2, "Cold mail starts with no trust: complaints are likely, engagement is low"),
            f"complaints {percent(rate_of(cold))} of cold mail in the inbox, "
            f"{percent(rate_of(awaited))} of awaited mail",
            rate_of(cold) > 20 * rate_of(awaited),
        ),
        Claim(
            *(12, "Cold campaigns cross 1 % even when compliant; transactional mail does not come near"),
            f"cold mail crosses 1 % in {percent(crossing)} of the runs, awaited mail 0.1 % in {percent(kept)}",
            crossing > 0.5 and kept < 0.1,
        ),
    ]


def _lines(it: Laboratory) -> list[Claim]:
    cold, awaited = it.runs_of("azure", COLD), it.runs_of("azure", WAITED)
    over = np.isfinite(cold.crossed[0.01][0])
    acted = share_of(touches(cold)[over])
    lucky, evidence = 1.0 - 0.9995**100, plain(1, 100.0, 0.001)
    return [
        Claim(
            *(11, "About 1 % complaints is abuse; one complaint in a hundred mails is enough to trigger defence"),
            f"of the runs that cross 1 % the platform acts in {percent(acted)}. But a good sender (0.05 %) shows 1 in "
            f"100 with a chance of {percent(lucky)}: evidence {evidence:.1f}, where goodstanding asks for 1,000",
            acted > 0.9 and evidence < 20,
        ),
        Claim(
            *(9, "High trust assumes near-zero complaints and consistent behaviour; cold mail breaks it"),
            f"nothing happens to the sender in {percent(1 - touched_in(awaited))} of the runs with awaited mail, in "
            f"{percent(1 - touched_in(cold))} of those with cold mail",
            touched_in(cold) > 0.8 > 0.1 > touched_in(awaited),
        ),
    ]


def _silence(it: Laboratory) -> list[Claim]:
    runs = it.runs_of("azure", COLD)
    silent, told = runs.reached["degraded"][0], runs.reached["suspended"][0]
    both = np.isfinite(silent) & np.isfinite(told)
    ahead = float(np.median(told[both] - silent[both])) / 3600.0 if both.any() else 0.0
    unseen = float(np.median(unseen_of(runs)))
    return [
        Claim(
            *(10, "Enforcement starts silently, sometimes before the sender realises"),
            f"mail stops arriving {ahead:.0f} hours before a block is told; before any in "
            f"{percent(share_of(silent < told))} of the runs",
            share_of(silent < told) > 0.5,
        ),
        Claim(
            *(13, "Deliverability drops, then mail is throttled, then services are disabled"),
            f"reached in this order, or not at all, in {percent(in_order(runs))} of the runs that are suspended",
            in_order(runs) > 0.5,
        ),
        Claim(
            *(14, "SMTP says yes while mail no longer arrives"),
            f"{percent(unseen)} of what was accepted is in junk or nowhere in the middle run",
            unseen > 0.1,
        ),
    ]


def _small(it: Laboratory) -> list[Claim]:
    expectation, source, _, message, stream = COLD
    small: Mail = (expectation, source, 400, message, stream)
    touched = touched_in(it.runs_of("azure", small))
    return [
        Claim(
            *(15, "Even small test campaigns can lead there"),
            f"400 strangers: the platform does something to the sender in {percent(touched)} of the runs",
            touched > 0.1,
        )
    ]


def _scope(it: Laboratory) -> list[Claim]:
    azure, tenant = it.runs_of("azure", COLD), it.runs_of("exchange-online", COLD)
    own = it.runs_of("azure", COLD, "isolation")
    stopped = lost_of(azure, "one-time codes")
    people = harm_to(tenant, "HR mail")
    return [
        Claim(
            *(16, "A relay over the tenant: attributed to the whole tenant, every mailbox suffers"),
            f"HR mail that does not reach the inbox: {percent(people)} in the middle run over the tenant's own relay",
            people > 0.05,
        ),
        Claim(
            *(17, "Collateral: HR mail, support replies, notifications"),
            "not in the inbox: " + ", ".join(f"{name} {percent(harm_to(tenant, name))}" for name in tenant.flows),
            all(harm_to(tenant, name) > 0.05 for name in tenant.flows),
        ),
        Claim(
            *(18, "Abuse of Azure is tied to the subscription, of the tenant's relay it spreads further"),
            f"stopped or lost over Azure: one-time codes {percent(stopped)}, "
            f"HR mail {percent(lost_of(azure, 'HR mail'))}",
            stopped > lost_of(azure, "HR mail"),
        ),
        Claim(
            *(20, "Reputation isolation: a domain and addresses only for outreach"),
            f"worst flow not in the inbox: {percent(worst_of(azure))} with the tenant's domain, "
            f"{percent(worst_of(own))} with one of its own",
            worst_of(own) == 0.0 < worst_of(azure),
        ),
        Claim(
            *(21, "Platforms made for outreach absorb the risk: failures stay away from core systems"),
            f"worst flow not in the inbox: {percent(worst_of(it.runs_of('dedicated', COLD)))} over such a platform, "
            f"{percent(worst_of(it.runs_of('goodstanding', COLD)))} over goodstanding's outreach stream",
            worst_of(it.runs_of("dedicated", COLD)) == worst_of(it.runs_of("goodstanding", COLD)) == 0.0,
        ),
    ]


def _measures(it: Laboratory) -> list[Claim]:
    expectation, source, count, _, stream = COLD
    clicked: Mail = (expectation, source, count, Message(one_click=True), stream)
    plainly, with_button = it.runs_of("azure", COLD), it.runs_of("azure", clicked)
    before, after = complaints_of(plainly), complaints_of(it.runs_of("goodstanding", COLD))
    return [
        Claim(
            *(20, "Explicit unsubscribe handling lowers complaints"),
            f"{percent(rate_of(plainly))} without a one-click way out, {percent(rate_of(with_button))} with one",
            rate_of(with_button) < rate_of(plainly),
        ),
        Claim(
            *(20, "Throttling controls lower what a bad campaign does"),
            f"complaints in the middle run: {before:.0f} over Azure, {after:.0f} where evidence slows it first",
            after < before,
        ),
    ]


def _engagement(it: Laboratory) -> list[Claim]:
    drawn = it.drawn()
    read, unread = (grade_after(drawn, complaints=4.0, of=1000.0, opened=share) for share in (0.4, 0.02))
    return [
        Claim(
            *(12, "Each complaint weighs more when engagement is low"),
            f"4 complaints in 1,000: junk in {percent(share_of(unread <= Grade.LOW))} of the runs where 2 % read, in "
            f"{percent(share_of(read <= Grade.LOW))} where 40 % do",
            share_of(unread <= Grade.LOW) > share_of(read <= Grade.LOW),
        )
    ]


def _recovery(it: Laboratory) -> list[Claim]:
    runs = it.runs_of("azure", COLD)
    sending = float(np.median(runs.seconds)) / 86_400.0
    harmed = float(np.median(np.maximum.reduce([flow.days for flow in runs.flows.values()])))
    return [
        Claim(
            *(22, "Recovery takes long after the campaign has ended"),
            f"the campaign sends for {sending:.1f} days, other mail is harmed on {harmed:.0f}",
            harmed > 2 * sending,
        )
    ]


def _trust(it: Laboratory) -> list[Claim]:
    news: Mail = (Expectation.SUBSCRIBED, "asked", 8000, Message(one_click=True), Stream.BULK)
    good = it.runs_of("ses", news)
    spoiled = it.runs_of("ses", news, sender=Sender(complaint_rate=0.006))
    before, after = (float(np.median(1.0 - unseen_of(runs))) for runs in (good, spoiled))
    return [
        Claim(
            *(1, "Trust in sender, infrastructure and past behaviour decides"),
            f"the same newsletter to the same people is in the inbox with {percent(before)} after a past of 0.05 % "
            f"complaints, with {percent(after)} after one of 0.6 %",
            before > after + 0.2,
        )
    ]


def _welcome(it: Laboratory) -> list[Claim]:
    cold, awaited = it.runs_of("azure", COLD), it.runs_of("azure", WAITED)
    told = [f"{percent(inbox_of(runs, act))}" for act in ("opened", "deleted") for runs in (awaited, cold)]
    enforced = [share_of(np.isfinite(enforced_at(runs))) for runs in (awaited, cold)]
    return [
        Claim(
            *(3, "Resets, receipts and alerts are expected mail, and welcome"),
            f"opened: {told[0]} of awaited mail, {told[1]} of cold; deleted unread: {told[2]} and {told[3]}",
            inbox_of(awaited, "opened") > 2 * inbox_of(cold, "opened"),
        ),
        Claim(
            *(5, "Used outside of known sender, expected recipient, predictable behaviour: enforcement follows"),
            f"Azure cuts the rate or blocks the subscription in {percent(enforced[0])} of the runs with awaited mail, "
            f"in {percent(enforced[1])} of those with cold mail",
            enforced[1] > 0.5 > 0.1 > enforced[0],
        ),
        Claim(
            *(19, "No cold mail over Azure"),
            f"verdict over Azure: {it.answer('azure', COLD)} for cold mail, {it.answer('azure', WAITED)} for awaited",
            (it.answer("azure", COLD), it.answer("azure", WAITED)) == ("do-not-send", "send"),
        ),
    ]


def _seen(it: Laboratory) -> list[Claim]:
    both, one = it.runs_of("azure", COLD), it.runs_of("azure", COLD, azure__hears__microsoft=0.0)
    soon, late = (share_of(runs.reached["degraded"][0] <= 86_400.0) for runs in (both, one))
    free, known = (it.runs_of("exchange-online", COLD, provider__fingerprint=weight) for weight in (0.0, 1.0))
    loose, held = (float(np.median(unseen_of(runs))) for runs in (free, known))
    return [
        Claim(
            *(6, "Microsoft sees both sides and detects abuse quickly"),
            f"within a day Azure acts in {percent(soon)} of the runs, in {percent(late)} if it heard nothing of "
            "Microsoft's mailboxes",
            soon > late,
        ),
        Claim(
            *(8, "Signals are correlated over IPs, domains, subscriptions and tenants"),
            f"of the campaign in junk or nowhere: {percent(held)} where complaints count against its text, too, "
            f"{percent(loose)} where they do not",
            held > loose,
        ),
    ]


EXPERIMENTS: Sequence[Callable[[Laboratory], list[Claim]]] = (
    *(_rates, _lines, _silence, _small, _scope, _measures, _engagement, _recovery, _trust, _welcome, _seen),
)

BUILT: tuple[Claim, ...] = tuple(
    Claim(number, claim, "built", True, where)
    for number, claim, where in (
        (
            4,
            "One-time codes, confirmations and user-triggered mail by SMTP and REST",
            "the SMTP listener and /emails:send",
        ),
        (
            7,
            "Complaints, bounces, engagement, fingerprints and feedback loops are the signals",
            "feedback, fingerprints",
        ),
        (22, "Cold mail completely outside of production", "goodstanding check: isolation across tenants and routes"),
    )
)
"""Claims about what such a system is: the program does it, and tests of it show that."""
