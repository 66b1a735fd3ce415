"""Where experiments on claims are made: campaigns simulated, each once, and what is read off them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from msgspec import Struct

from goodstanding.model import Stream
from goodstanding.sandbox.behaviour import Expectation
from goodstanding.simulator.assess import perform
from goodstanding.simulator.assumptions import Assumption, Drawn, Numbers, Range, given
from goodstanding.simulator.campaign import FLOWS, Campaign, Group, Message, Provider, Sender, Source
from goodstanding.simulator.memory import Memory, lines_of
from goodstanding.simulator.outcome import Answer
from goodstanding.simulator.platforms import Platform
from goodstanding.simulator.question import Question, Task
from goodstanding.simulator.summary import Runs, outcome_of
from goodstanding.simulator.verdict import verdict_on
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


def campaign_of(mail: Mail, sender: Sender = Sender()) -> Campaign:
    """As an experiment asks for it."""
    expectation, source, count, message, stream = mail
    groups = tuple(Group(expectation, name, source, round(count * s)) for name, s in MAILBOXES.items())
    return Campaign("experiment", groups, message, sender, FLOWS, stream=stream)


class Laboratory:
    """Simulates what an experiment asks for, each thing once."""

    def __init__(
        self, platforms: Mapping[str, Platform], known: Mapping[str, Assumption], runs: int, seed: int
    ) -> None:
        self.platforms, self.known = dict(platforms), dict(known)
        self.runs, self.seed = runs, seed
        self._done: dict[tuple[str, Mail, str, Sender, tuple[tuple[str, float], ...]], Runs] = {}

    def runs_of(self, route: str, mail: Mail, change: str = "", *, sender: Sender = Sender(), **assumed: float) -> Runs:
        """One campaign over one route; ``assumed``: assumptions settled otherwise, ``azure__hears__google=0.0``."""
        settled = tuple((slug.replace("__", ".").replace("_", "-"), number) for slug, number in assumed.items())
        known = given(self.known, {slug: Range(number, number, number) for slug, number in settled}, "experiment")
        found = self._done.get((route, mail, change, sender, settled))
        if found is None:
            question = Question(campaign_of(mail, sender), (route,), self.platforms, known, self.runs, self.seed)
            found = perform(question, Task(route, change, 0, self.runs))
            self._done[route, mail, change, sender, settled] = found
        return found

    def answer(self, route: str, mail: Mail) -> Answer:
        """The verdict on it."""
        platform = self.platforms[route]
        return verdict_on(outcome_of(self.runs_of(route, mail), platform), campaign_of(mail), platform).answer

    def drawn(self) -> Drawn:
        """The assumptions as the runs draw them."""
        return Drawn(self.known, self.runs, self.seed)


# --- what is read off -------------------------------------------------------------------------------------------------


def rate_of(runs: Runs) -> float:
    """The complaint rate in the middle run."""
    return float(np.median(runs.sums["complained"] / np.maximum(1.0, runs.sums["inbox"])))


def crosses(runs: Runs, line: float) -> float:
    """Share of runs that cross a line."""
    return float(np.isfinite(runs.crossed[line][0]).mean())


def touches(runs: Runs) -> Flags:
    """Runs in which the platform does anything to the sender."""
    found: Flags = np.isfinite(np.minimum.reduce([when for when, _ in runs.reached.values()]))
    return found


def enforced_at(runs: Runs) -> Numbers:
    """Second from which less is taken, or nothing, by run; infinity: never."""
    found: Numbers = np.minimum(runs.reached["throttled"][0], runs.reached["suspended"][0])
    return found


def touched_in(runs: Runs) -> float:
    """Share of runs in which the platform does anything."""
    return share_of(touches(runs))


def in_order(runs: Runs) -> float:
    """Share of the suspended runs that came there by all stages before, or past them."""
    first, second, third = (runs.reached[stage][0] for stage in ("degraded", "throttled", "suspended"))
    came = np.isfinite(third)
    return share_of((first <= second)[came] | ~np.isfinite(second)[came]) if came.any() else 0.0


def unseen_of(runs: Runs) -> Numbers:
    """Share of what was accepted that is in junk or nowhere, by run."""
    accepted = runs.sums["inbox"] + runs.sums["junk"] + runs.sums["unseen"]
    return (runs.sums["junk"] + runs.sums["unseen"]) / np.maximum(1.0, accepted)


def inbox_of(runs: Runs, act: str) -> float:
    """Share of messages in the inbox that something is done with, in the middle run."""
    return float(np.median(runs.sums[act] / np.maximum(1.0, runs.sums["inbox"])))


def complaints_of(runs: Runs) -> float:
    """Complaints in the middle run."""
    return float(np.median(runs.sums["complained"]))


def harm_to(runs: Runs, flow: str) -> float:
    """Share of a flow that does not reach the inbox in the middle run."""
    return float(np.median(runs.flows[flow].junk + runs.flows[flow].lost))


def lost_of(runs: Runs, flow: str) -> float:
    """Share of a flow that is stopped or lost in the middle run."""
    return float(np.median(runs.flows[flow].lost))


def worst_of(runs: Runs) -> float:
    """The same of the flow that suffers most."""
    return max(harm_to(runs, flow) for flow in runs.flows)


def grade_after(drawn: Drawn, *, complaints: float, of: float, opened: float) -> Numbers:
    """What providers think of somebody after so many messages, read by such a share."""
    memory = Memory(lines_of(drawn, ("google",)), drawn.runs, 1)
    shape = (drawn.runs, 1)
    memory.placed(np.full(shape, of), np.full(shape, of))
    memory.complaints += complaints
    memory.engaged += of * opened
    return memory.view().grade[:, 0].astype(float)


def share_of(flags: Flags) -> float:
    """Share of runs."""
    return float(np.mean(flags)) if flags.size else 0.0


def percent(share: float) -> str:
    """``0.29 %``."""
    return f"{share * 100:.2g} %" if share < 0.1 else f"{share * 100:.0f} %"
