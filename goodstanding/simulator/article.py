"""The claims this program was made from, each as an experiment with numbers: ``goodstanding assess --article``.

A claim about the world is simulated; one about what the program does says where it does it. An experiment that does not
come out is told as such: the simulation is not made to agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from msgspec import Struct

from goodstanding.model import Stream
from goodstanding.reputation.evidence import plain
from goodstanding.sandbox.behaviour import Expectation
from goodstanding.sandbox.placement import Grade
from goodstanding.simulator.assess import perform
from goodstanding.simulator.assumptions import Assumption, Drawn, Numbers
from goodstanding.simulator.campaign import FLOWS, Campaign, Group, Message, Provider, Source
from goodstanding.simulator.memory import Memory, lines_of
from goodstanding.simulator.platforms import Platform
from goodstanding.simulator.question import Question, Task
from goodstanding.simulator.summary import Runs
from goodstanding.simulator.watch import Flags

RUNS = 200
MAILBOXES: Mapping[Provider, float] = {"google": 0.3, "microsoft": 0.45, "yahoo": 0.05, "other": 0.2}
"""Where the recipients of the experiments are."""


class Claim(Struct, frozen=True):
    """One claim and what was found."""

    number: int
    """As in the list of claims; several experiments may share one."""
    claim: str
    measured: str
    holds: bool
    where: str = "simulated"
    """Where the program does it, for claims about the program."""


Mail = tuple[Expectation, Source, int, Message, Stream]
COLD: Mail = (Expectation.COLD, "collected", 8000, Message(), Stream.OUTREACH)
WAITED: Mail = (Expectation.AWAITED, "asked", 8000, Message(), Stream.TRANSACTIONAL)


class Laboratory:
    """Simulates what an experiment asks for, each thing once."""

    def __init__(
        self, platforms: Mapping[str, Platform], known: Mapping[str, Assumption], runs: int, seed: int
    ) -> None:
        self.platforms, self.known = dict(platforms), dict(known)
        self.runs, self.seed = runs, seed
        self._done: dict[tuple[str, Mail, str], Runs] = {}

    def runs_of(self, route: str, mail: Mail, change: str = "") -> Runs:
        """One campaign over one route."""
        found = self._done.get((route, mail, change))
        if found is None:
            expectation, source, count, message, stream = mail
            groups = tuple(Group(expectation, name, source, round(count * s)) for name, s in MAILBOXES.items())
            asked = Campaign("experiment", groups, message, flows=FLOWS, stream=stream)
            question = Question(asked, (route,), self.platforms, self.known, self.runs, self.seed)
            found = self._done[route, mail, change] = perform(question, Task(route, change, 0, self.runs))
        return found

    def drawn(self) -> Drawn:
        """The assumptions as the runs draw them."""
        return Drawn(self.known, self.runs, self.seed)


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
    crossing, kept = _crosses(cold, 0.01), _crosses(awaited, 0.001)
    return [
        Claim(
            *(2, "Cold mail starts with no trust: complaints are likely, engagement is low"),
            f"complaints {_percent(_rate(cold))} of cold mail in the inbox, {_percent(_rate(awaited))} of awaited mail",
            _rate(cold) > 20 * _rate(awaited),
        ),
        Claim(
            *(12, "Cold campaigns cross 1 % even when compliant; transactional mail does not come near"),
            f"cold mail crosses 1 % in {_percent(crossing)} of the runs, awaited mail 0.1 % in {_percent(kept)}",
            crossing > 0.5 and kept < 0.1,
        ),
    ]


def _lines(it: Laboratory) -> list[Claim]:
    cold, awaited = it.runs_of("azure", COLD), it.runs_of("azure", WAITED)
    over = np.isfinite(cold.crossed[0.01][0])
    acted = _share(_touches(cold)[over])
    lucky, evidence = 1.0 - 0.9995**100, plain(1, 100.0, 0.001)
    return [
        Claim(
            *(11, "About 1 % complaints is abuse; one complaint in a hundred mails is enough to trigger defence"),
            f"of the runs that cross 1 % the platform acts in {_percent(acted)}. But a good sender (0.05 %) shows 1 in "
            f"100 with a chance of {_percent(lucky)}: evidence {evidence:.1f}, where goodstanding asks for 1,000",
            acted > 0.9 and evidence < 20,
        ),
        Claim(
            *(9, "High trust assumes near-zero complaints and consistent behaviour; cold mail breaks it"),
            f"nothing happens to the sender in {_percent(1 - _touched(awaited))} of the runs with awaited mail, in "
            f"{_percent(1 - _touched(cold))} of those with cold mail",
            _touched(cold) > 0.8 > 0.1 > _touched(awaited),
        ),
    ]


def _silence(it: Laboratory) -> list[Claim]:
    runs = it.runs_of("azure", COLD)
    silent, told = runs.reached["degraded"][0], runs.reached["suspended"][0]
    both = np.isfinite(silent) & np.isfinite(told)
    ahead = float(np.median(told[both] - silent[both])) / 3600.0 if both.any() else 0.0
    unseen = float(np.median(_unseen(runs)))
    return [
        Claim(
            *(10, "Enforcement starts silently, sometimes before the sender realises"),
            f"mail stops arriving {ahead:.0f} hours before a block is told; before any in "
            f"{_percent(_share(silent < told))} of the runs",
            _share(silent < told) > 0.5,
        ),
        Claim(
            *(13, "Deliverability drops, then mail is throttled, then services are disabled"),
            f"reached in this order, or not at all, in {_percent(_in_order(runs))} of the runs that are suspended",
            _in_order(runs) > 0.5,
        ),
        Claim(
            *(14, "SMTP says yes while mail no longer arrives"),
            f"{_percent(unseen)} of what was accepted is in junk or nowhere in the middle run",
            unseen > 0.1,
        ),
    ]


def _small(it: Laboratory) -> list[Claim]:
    expectation, source, _, message, stream = COLD
    small: Mail = (expectation, source, 400, message, stream)
    touched = _touched(it.runs_of("azure", small))
    return [
        Claim(
            *(15, "Even small test campaigns can lead there"),
            f"400 strangers: the platform does something to the sender in {_percent(touched)} of the runs",
            touched > 0.1,
        )
    ]


def _scope(it: Laboratory) -> list[Claim]:
    azure, tenant = it.runs_of("azure", COLD), it.runs_of("exchange-online", COLD)
    own = it.runs_of("azure", COLD, "isolation")
    stopped = _lost(azure, "one-time codes")
    people = _harm(tenant, "HR mail")
    return [
        Claim(
            *(16, "A relay over the tenant: attributed to the whole tenant, every mailbox suffers"),
            f"HR mail that does not reach the inbox: {_percent(people)} in the middle run over the tenant's own relay",
            people > 0.05,
        ),
        Claim(
            *(17, "Collateral: HR mail, support replies, notifications"),
            "not in the inbox: " + ", ".join(f"{name} {_percent(_harm(tenant, name))}" for name in tenant.flows),
            all(_harm(tenant, name) > 0.05 for name in tenant.flows),
        ),
        Claim(
            *(18, "Abuse of Azure is tied to the subscription, of the tenant's relay it spreads further"),
            f"stopped or lost over Azure: one-time codes {_percent(stopped)}, "
            f"HR mail {_percent(_lost(azure, 'HR mail'))}",
            stopped > _lost(azure, "HR mail"),
        ),
        Claim(
            *(20, "Reputation isolation: a domain and addresses only for outreach"),
            f"worst flow not in the inbox: {_percent(_worst(azure))} with the tenant's domain, {_percent(_worst(own))} "
            "with one of its own",
            _worst(own) == 0.0 < _worst(azure),
        ),
        Claim(
            *(21, "Platforms made for outreach absorb the risk: failures stay away from core systems"),
            f"worst flow not in the inbox: {_percent(_worst(it.runs_of('dedicated', COLD)))} over such a platform, "
            f"{_percent(_worst(it.runs_of('goodstanding', COLD)))} over goodstanding's outreach stream",
            _worst(it.runs_of("dedicated", COLD)) == _worst(it.runs_of("goodstanding", COLD)) == 0.0,
        ),
    ]


def _measures(it: Laboratory) -> list[Claim]:
    expectation, source, count, _, stream = COLD
    clicked: Mail = (expectation, source, count, Message(one_click=True), stream)
    plainly, with_button = it.runs_of("azure", COLD), it.runs_of("azure", clicked)
    before, after = _complaints_until_stopped(plainly), _complaints_until_stopped(it.runs_of("goodstanding", COLD))
    return [
        Claim(
            *(20, "Explicit unsubscribe handling lowers complaints"),
            f"{_percent(_rate(plainly))} without a one-click way out, {_percent(_rate(with_button))} with one",
            _rate(with_button) < _rate(plainly),
        ),
        Claim(
            *(20, "Throttling controls lower what a bad campaign does"),
            f"complaints in the middle run: {before:.0f} over Azure, {after:.0f} where evidence slows it first",
            after < before,
        ),
    ]


def _engagement(it: Laboratory) -> list[Claim]:
    drawn = it.drawn()
    read, unread = (_grade_after(drawn, complaints=4.0, of=1000.0, opened=share) for share in (0.4, 0.02))
    return [
        Claim(
            *(12, "Each complaint weighs more when engagement is low"),
            f"4 complaints in 1,000: junk in {_percent(_share(unread <= Grade.LOW))} of the runs where 2 % read, in "
            f"{_percent(_share(read <= Grade.LOW))} where 40 % do",
            _share(unread <= Grade.LOW) > _share(read <= Grade.LOW),
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


EXPERIMENTS: Sequence[Callable[[Laboratory], list[Claim]]] = (
    *(_rates, _lines, _silence, _small, _scope, _measures, _engagement, _recovery),
)

BUILT: tuple[Claim, ...] = tuple(
    Claim(number, claim, "built", True, where)
    for number, claim, where in (
        (1, "Trust in sender, infrastructure and past behaviour decides", "admission and reputation; goodstanding why"),
        (3, "Resets, receipts and alerts are expected mail: intent is judged", "streams, trust ledger, guard"),
        (
            4,
            "One-time codes, confirmations and user-triggered mail by SMTP and REST",
            "the SMTP listener and /emails:send",
        ),
        (5, "Known sender -> expected recipient -> predictable behaviour", "admission's rules; goodstanding reasons"),
        (6, "Microsoft sees both sides and detects abuse quickly", "platforms.toml: azure.hears.microsoft"),
        (
            7,
            "Complaints, bounces, engagement, fingerprints and feedback loops are the signals",
            "feedback, fingerprints",
        ),
        (8, "Signals are correlated over IPs, domains, subscriptions and tenants", "reputation: keys, narrowest blame"),
        (19, "No cold mail over Azure", "route policy: outreach over a high-trust route is refused, with the reason"),
        (22, "Cold mail completely outside of production", "goodstanding check: isolation across tenants and routes"),
    )
)
"""Claims about what such a system is: the program does it, and tests of it show that."""


# --- what is read off -------------------------------------------------------------------------------------------------


def _rate(runs: Runs) -> float:
    return float(np.median(runs.sums["complained"] / np.maximum(1.0, runs.sums["inbox"])))


def _crosses(runs: Runs, line: float) -> float:
    return float(np.isfinite(runs.crossed[line][0]).mean())


def _touches(runs: Runs) -> Flags:
    """Runs in which the platform does anything to the sender."""
    found: Flags = np.isfinite(np.minimum.reduce([when for when, _ in runs.reached.values()]))
    return found


def _touched(runs: Runs) -> float:
    return _share(_touches(runs))


def _in_order(runs: Runs) -> float:
    first, second, third = (runs.reached[stage][0] for stage in ("degraded", "throttled", "suspended"))
    came = np.isfinite(third)
    return _share((first <= second)[came] | ~np.isfinite(second)[came]) if came.any() else 0.0


def _unseen(runs: Runs) -> Numbers:
    accepted = runs.sums["inbox"] + runs.sums["junk"] + runs.sums["unseen"]
    return (runs.sums["junk"] + runs.sums["unseen"]) / np.maximum(1.0, accepted)


def _complaints_until_stopped(runs: Runs) -> float:
    return float(np.median(runs.sums["complained"]))


def _harm(runs: Runs, flow: str) -> float:
    return float(np.median(runs.flows[flow].junk + runs.flows[flow].lost))


def _lost(runs: Runs, flow: str) -> float:
    return float(np.median(runs.flows[flow].lost))


def _worst(runs: Runs) -> float:
    return max(_harm(runs, flow) for flow in runs.flows)


def _grade_after(drawn: Drawn, *, complaints: float, of: float, opened: float) -> Numbers:
    """What providers think of somebody after so many messages, read by such a share."""
    memory = Memory(lines_of(drawn), drawn.runs, 1)
    shape = (drawn.runs, 1)
    memory.placed(np.full(shape, of), np.full(shape, of))
    memory.complaints += complaints
    memory.engaged += of * opened
    return memory.view().grade[:, 0].astype(float)


def _share(flags: Flags) -> float:
    return float(np.mean(flags)) if flags.size else 0.0


def _percent(share: float) -> str:
    return f"{share * 100:.2g} %" if share < 0.1 else f"{share * 100:.0f} %"
