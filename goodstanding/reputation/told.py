"""Evidence in words and numbers: the same sentence in replies, notices, the journal and the console."""

from __future__ import annotations

from math import floor, log10

from goodstanding.model import Signal
from goodstanding.reputation.evidence import MOST

NAMED: dict[Signal, tuple[str, str, str, str]] = {
    Signal.COMPLAINTS: ("complaint", "complaint", "complaints", "matured deliveries"),
    Signal.HARD_BOUNCES: ("bounce", "unknown recipient", "unknown recipients", "recipients written to"),
    Signal.FAILURES: ("failure", "failure", "failures", "recipients written to"),
    Signal.UNSUBSCRIBES: ("unsubscribe", "unsubscribe", "unsubscribes", "matured deliveries"),
    Signal.TRAPS: ("spam-trap", "trap hit", "trap hits", "messages measured"),
    Signal.JUNK: ("junk", "message in the junk folder", "messages in the junk folder", "messages measured"),
}
"""For each signal: whose evidence, one event, several, and what they are held against."""


def sentence(
    signal: Signal, evidence: float, line: float, counts: tuple[int, float], rates: tuple[float, float, float]
) -> str:
    """``counts``: events, exposure; ``rates``: estimate, low, high."""
    whose, one, many, against = NAMED[signal]
    events, exposure = counts
    estimate, low, high = rates
    strength = f"{whose} evidence {odds(evidence)}" if evidence >= 2.0 else f"no {whose} evidence"
    counted = f"{events:,} {one if events == 1 else many} in {exposure:,.0f} {against}"
    return f"{strength} against {percent(line)}: {counted} (estimate {percent(estimate)}, 95 % {span(low, high)})"


def odds(evidence: float) -> str:
    """``1 in 2,400``: how seldom so much evidence turns up against somebody who keeps to the line."""
    if evidence >= MOST:
        return "1 in more than a million million"
    digits = max(0, floor(log10(evidence)) - 1)
    return f"1 in {round(evidence / 10**digits) * 10**digits:,}"


def percent(rate: float) -> str:
    """A rate as people write it: two significant figures, no more than needed."""
    return f"{_figure(rate)} %"


def span(low: float, high: float) -> str:
    """Two rates: ``0.52-3.8 %``."""
    return f"{_figure(low)}-{_figure(high)} %"


def _figure(rate: float) -> str:
    hundredths = rate * 100.0
    return f"{hundredths:.2g}" if hundredths < 99.5 else "100"
