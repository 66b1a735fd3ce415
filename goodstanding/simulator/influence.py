"""Which assumption moves the verdict: rank correlations over runs that were made anyway, so they cost nothing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from goodstanding.simulator.assumptions import Assumptions, Numbers
from goodstanding.simulator.outcome import Influence
from goodstanding.simulator.summary import Runs

LEAST = 0.1
"""Weaker correlations are not told; of 1,000 runs chance alone gives 0.06 one time in twenty."""
MOST = 12


def influences(routes: Mapping[str, Runs], known: Assumptions) -> tuple[Influence, ...]:
    """The strongest over all routes, each assumption and what it moves once."""
    strongest: dict[tuple[str, str], float] = {}
    for runs in routes.values():
        for what, numbers in _outcomes(runs).items():
            for slug, drawn in runs.drawn.items():
                rank = correlation(drawn, numbers)
                if abs(rank) > abs(strongest.get((slug, what), 0.0)):
                    strongest[slug, what] = rank
    told = sorted(strongest.items(), key=lambda one: -abs(one[1]))
    return tuple(Influence(slug, known[slug].words, what, rank) for (slug, what), rank in told if abs(rank) >= LEAST)[
        :MOST
    ]


def _outcomes(runs: Runs) -> dict[str, Numbers]:
    """What a verdict hangs on, by run."""
    rate = runs.sums["complained"] / np.maximum(1.0, runs.sums["inbox"])
    harms = [flow.junk + flow.lost for flow in runs.flows.values()]
    suspended, _ = runs.reached["suspended"]
    return {
        "complaint rate": rate,
        **({"harm": np.maximum.reduce(harms)} if harms else {}),
        "suspension": np.isfinite(suspended).astype(float),
    }


def correlation(one: Numbers, two: Numbers) -> float:
    """Spearman's rank correlation; 0 where either does not vary."""
    if one.size < 3 or np.ptp(one) == 0.0 or np.ptp(two) == 0.0:
        return 0.0
    return float(np.corrcoef(_ranks(one), _ranks(two))[0, 1])


def _ranks(numbers: Numbers) -> Numbers:
    """Ranks, those that are equal in the middle of theirs."""
    _, places, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2.0)[places]
