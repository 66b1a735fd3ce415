"""What campaigns that were really sent say of the assumptions: how often the next one's people will act.

Each campaign has a rate of its own, and the rates of campaigns spread around a mean (beta); of a campaign's messages a
binomial number is acted on. So a campaign of 5,000 messages says much of its own rate, and no more than any other of
the spread. Mean and spread are not estimated but weighed: every pair on a grid by how well it explains the counts, and
by what was assumed before (`_prior`). What is answered is the rate of a new campaign, not the mean of the old ones:
its 5th, 50th and 95th percentile over all those pairs. With little to learn from it stays near what was assumed; with
nothing, nothing changes.

The mean is a priori a Student's t on the logistic scale, around what is assumed likely and as wide as the assumed ends
are apart: little data is held against it, and much is believed however far off it lies. The spread, as a coefficient of
variation, is a priori log-normal around 0.7, which is about what the reply rates of 556 campaigns have (Clientium:
quartiles 1.05, 1.71 and 2.59 %).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from msgspec import Struct

from goodstanding.sandbox.behaviour import Expectation
from goodstanding.simulator.assumptions import Assumptions, Dice, Numbers, Range
from goodstanding.simulator.recipients_file import USUAL_SOURCE

LEAST = 50
"""Messages of which something must be known, or an assumption is left alone."""
MEANS, SPREADS, DRAWS = 81, 25, 20_000
"""Points of the grid, and rates drawn of new campaigns."""
USUAL_SPREAD, SPREAD_OF_SPREAD, WIDEST_SPREAD = 0.7, 0.4, 2.0
"""Coefficient of variation of rates between campaigns a priori, the standard deviation of its logarithm, and
where the grid ends."""
TAIL = 3.0
"""Degrees of freedom of the mean a priori: with a tail like that, much data is believed however far off it lies."""
TINY = 1e-7
_NORMAL_95 = 1.6449


class Counted(Struct, frozen=True, kw_only=True):
    """What one campaign came to, of messages old enough for everything to have happened."""

    campaign: str
    expectation: Expectation
    attempts: int
    """Recipients tried."""
    unknown: int = 0
    """Of those, addresses that do not exist."""
    delivered: int = 0
    opened: int = 0
    clicked: int = 0
    replied: int = 0
    complained: int = 0
    unsubscribed: int = 0


class Learned(Struct, frozen=True):
    """What is known of an assumption now."""

    slug: str
    campaigns: int
    events: int
    of: int
    """Messages, or recipients tried."""
    rate: float
    """All events by all of those, however unequal the campaigns are."""
    p05: float
    """The rate of a new campaign, with its percentiles."""
    p50: float
    p95: float
    range: Range
    """Ends from which `assumptions.draw` draws about these percentiles."""
    before: Range


_ACTS = ("opened", "clicked", "replied", "complained", "unsubscribed")


def calibrated(counted: Iterable[Counted], known: Assumptions) -> list[Learned]:
    """What the counts say, by assumption; those they say nothing of are not in it."""
    found = []
    for slug, pairs in sorted(_pairs(counted).items()):
        events, of = sum(k for k, _ in pairs), sum(n for _, n in pairs)
        if of >= LEAST:
            before = known[slug].range
            p05, p50, p95 = new_campaign(pairs, before)
            learned = range_of(p05, p50, p95)
            found.append(Learned(slug, len(pairs), events, of, events / of, p05, p50, p95, learned, before))
    return found


def _pairs(counted: Iterable[Counted]) -> dict[str, list[tuple[int, int]]]:
    """By assumption: events and of how many, for each campaign. What never happened anywhere may not be told at all."""
    found: dict[str, list[tuple[int, int]]] = {}
    for one in counted:
        if one.delivered > 0:
            for act in _ACTS:
                pair = min(getattr(one, act), one.delivered), one.delivered
                found.setdefault(f"{one.expectation}.{act}", []).append(pair)
        if one.attempts > 0:
            source = USUAL_SOURCE[one.expectation]
            found.setdefault(f"invalid.{source}", []).append((min(one.unknown, one.attempts), one.attempts))
    silent = ("opened", "clicked", "unsubscribed")  # without tracking or a way out these are not zero but unknown
    return {slug: pairs for slug, pairs in found.items() if not slug.endswith(silent) or any(k for k, _ in pairs)}


def new_campaign(pairs: Sequence[tuple[int, int]], before: Range) -> tuple[float, float, float]:
    """The 5th, 50th and 95th percentile of a new campaign's rate, after those of these (events, of how many)."""
    mean, spread = _grid(pairs, before)
    size = mean * (1.0 - mean) / (spread * mean) ** 2 - 1.0  # alpha + beta: variance is mean (1 - mean) / (size + 1)
    possible = size > 0.0
    alpha, beta = np.where(possible, mean * size, 1.0), np.where(possible, (1.0 - mean) * size, 1.0)
    weight = np.where(possible, _prior(mean, spread, before), -np.inf)
    alike: dict[tuple[int, int], int] = {}
    for pair in pairs:
        alike[pair] = alike.get(pair, 0) + 1
    for (k, n), times in alike.items():
        weight += times * _beta_binomial(k, n, alpha, beta)
    return _percentiles(alpha, beta, weight, np.random.default_rng(1))


def _grid(pairs: Sequence[tuple[int, int]], before: Range) -> tuple[Numbers, Numbers]:
    """Means and spreads to be weighed: from below what was seen or assumed to above it."""
    pooled = (sum(k for k, _ in pairs) + 0.5) / (sum(n for _, n in pairs) + 1.0)
    ends = [_logit(one) for one in (before.low, before.high, pooled)]
    logits = np.linspace(min(ends) - 2.5, max(ends) + 2.5, MEANS)
    spreads = np.exp(np.linspace(np.log(0.03), np.log(WIDEST_SPREAD), SPREADS))
    mean, spread = np.meshgrid(1.0 / (1.0 + np.exp(-logits)), spreads, indexing="ij")
    return mean, spread


def _prior(mean: Numbers, spread: Numbers, before: Range) -> Numbers:
    """The logarithm of what was believed before, but for a constant."""
    wide = max(0.5, (_logit(before.high) - _logit(before.low)) / (2.0 * _NORMAL_95))
    of_mean = (np.log(mean / (1.0 - mean)) - _logit(before.likely)) / wide
    of_spread = np.log(spread / USUAL_SPREAD) / SPREAD_OF_SPREAD
    found: Numbers = -0.5 * ((TAIL + 1.0) * np.log1p(of_mean**2 / TAIL) + of_spread**2)
    return found


def _logit(share: float) -> float:
    inside = min(max(share, TINY), 1.0 - TINY)
    return float(np.log(inside / (1.0 - inside)))


def _beta_binomial(k: int, n: int, alpha: Numbers, beta: Numbers) -> Numbers:
    """The logarithm of the chance of k events among n, but for what depends on neither alpha nor beta."""
    found: Numbers = (
        log_gamma(alpha + k)
        + log_gamma(beta + (n - k))
        - log_gamma(alpha + beta + n)
        - log_gamma(alpha)
        - log_gamma(beta)
        + log_gamma(alpha + beta)
    )
    return found


def log_gamma(x: Numbers) -> Numbers:
    """The logarithm of the gamma function above zero, to ten digits: Stirling's series, eight steps further up."""
    steps = np.log(x)
    for step in range(1, 8):
        steps = steps + np.log(x + step)
    z = x + 8.0
    series = 1.0 / (12.0 * z) - 1.0 / (360.0 * z**3) + 1.0 / (1260.0 * z**5)
    found: Numbers = (z - 0.5) * np.log(z) - z + 0.5 * np.log(2.0 * np.pi) + series - steps
    return found


def _percentiles(alpha: Numbers, beta: Numbers, weight: Numbers, dice: Dice) -> tuple[float, float, float]:
    """Of rates drawn from betas, each as often as its weight says."""
    chances = np.exp(weight - weight.max()).ravel()
    drawn = dice.choice(chances.size, DRAWS, p=chances / chances.sum())
    rates = dice.beta(np.maximum(alpha.ravel()[drawn], 1e-3), np.maximum(beta.ravel()[drawn], 1e-3))
    p05, p50, p95 = (float(one) for one in np.percentile(rates, (5.0, 50.0, 95.0)))
    return max(p05, TINY), max(p50, TINY), max(p95, TINY)


# --- ranges -----------------------------------------------------------------------------------------------------------


def range_of(p05: float, p50: float, p95: float) -> Range:
    """The range from which `assumptions.draw` draws numbers with about these percentiles: its ends lie further out."""
    logarithmic = p95 > 2.0 * p05
    points = np.log((p05, p50, p95)) if logarithmic else np.array((p05, p50, p95))
    low, likely, high = _triangle(points)
    if logarithmic:
        low, likely, high = np.exp((low, likely, high))
    high = min(float(high), 1.0)
    low = min(max(float(low), 0.0), high)
    return Range(low, min(max(float(likely), low), high), high)


def _triangle(points: Numbers) -> tuple[float, float, float]:
    """Ends and mode of a triangular distribution with these 5th, 50th and 95th percentiles, as nearly as one can."""
    low, mode, high = 1.5 * points[0] - 0.5 * points[1], points[1], 1.5 * points[2] - 0.5 * points[1]
    for _ in range(200):
        off = [points[place] - _point(low, mode, high, share) for place, share in enumerate((0.05, 0.5, 0.95))]
        low, mode, high = low + 0.5 * off[0], mode + 0.5 * off[1], high + 0.5 * off[2]
        low, high = min(low, points[0]), max(high, points[2])
        mode = min(max(mode, low), high)
    return float(low), float(mode), float(high)


def _point(low: float, mode: float, high: float, share: float) -> float:
    """Below which a triangular distribution has that share."""
    wide = high - low
    if wide <= 0.0:
        return mode
    if share * wide <= mode - low:
        return low + float(np.sqrt(share * wide * (mode - low)))
    return high - float(np.sqrt((1.0 - share) * wide * (high - mode)))


def as_toml(learned: Sequence[Learned], remarks: Sequence[str] = ()) -> str:
    """What was learned, as a document that a CAMPAIGN.toml names with ``assumptions``, or takes over."""
    lines = [f"# {remark}" for remark in remarks]
    lines += ["", "[assume]"]
    for one in learned:
        lines.append(
            f"# {one.events:,} of {one.of:,} in {one.campaigns} campaigns; of a new one {_percent(one.p05)} to "
            f"{_percent(one.p95)} (90 %), was {_percent(one.before.low)} to {_percent(one.before.high)}"
        )
        numbers = ", ".join(_figure(number) for number in (one.range.low, one.range.likely, one.range.high))
        lines.append(f'"{one.slug}" = [{numbers}]')
    return "\n".join(lines).lstrip("\n") + "\n"


def _figure(number: float) -> str:
    """Four digits, never as a power of ten."""
    return f"{number:.4g}" if number >= 1e-4 else f"{number:.10f}".rstrip("0").rstrip(".") or "0"


def _percent(share: float) -> str:
    return f"{100.0 * share:.3g} %"


def ranges_of(learned: Iterable[Learned]) -> Mapping[str, Range]:
    """By slug."""
    return {one.slug: one.range for one in learned}
