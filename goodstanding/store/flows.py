"""Mail flows for the proof of isolation and for blast radii: who sends as what, and how much each has sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from goodstanding.admission.identities import (
    Allowed,
    DomainView,
    FlowView,
    PoolView,
    RouteView,
    SenderView,
    View,
)
from goodstanding.store.db import Tx

CHUNK = 10_000
"""Journal entries read at once."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How many journal entries are looked at, whatever the journal holds."""

    exact_up_to: int = 400_000
    """As many are counted one by one; of more, a sample is."""
    windows: int = 400
    """The sample: evenly spaced runs of entries ..."""
    window: int = 1000
    """... of this length."""


def view(tx: Tx, hostname: str, machine: Sequence[PoolView], routes: Sequence[RouteView]) -> View:
    """Everything that decides which mail bears which identity; ``machine``: the pools of the settings."""
    by_name = {route.name: route for route in routes}
    return View(
        hostname,
        (*machine, *_pools(tx, by_name)),
        tuple(
            FlowView(*row) for row in tx.rows("SELECT name, tenant, stream, flow, pool FROM subscription ORDER BY name")
        ),
        tuple(
            DomainView(*row)
            for row in tx.rows("SELECT name, tenant, stream, kind, created FROM domain ORDER BY created, name")
        ),
        tuple(
            SenderView(*row) for row in tx.rows("SELECT address, subscription, created FROM sender ORDER BY address")
        ),
        tuple(
            Allowed(*row)
            for row in tx.rows(
                'SELECT first, second, "by", because, at FROM isolation_exception ORDER BY first, second'
            )
        ),
        frozenset(name for (name,) in tx.rows("SELECT name FROM tenant WHERE shared_domains = 'exception'")),
    )


def _pools(tx: Tx, routes: dict[str, RouteView]) -> list[PoolView]:
    rows = tx.rows(
        "SELECT name, stream, tenant, addresses, hello, bounce_domain, link_domain, route, created, penalty FROM pool "
        "ORDER BY name"  # of several that fit, the first by name is used, see admission.estate.pool_of
    )
    return [
        PoolView(
            *(name, stream, tenant, tuple(addresses.split()), hello, bounce, link),
            route=routes.get(route, RouteView(route, route)) if route else None,
            since=created,
            penalty=bool(penalty),
        )
        for name, stream, tenant, addresses, hello, bounce, link, route, created, penalty in rows
    ]


@dataclass(frozen=True, slots=True)
class Volumes:
    """Recipients accepted by subscription over a time."""

    counts: dict[str, int]
    seen: int
    """Journal entries that were looked at."""
    of: int
    """Journal entries there are; more than ``seen``: the counts are estimates from an even sample."""

    @property
    def estimated(self) -> bool:
        """Whether a sample was taken."""
        return self.seen < self.of

    @property
    def least(self) -> int:
        """What a subscription that is not in the counts has stayed below, with 95 % confidence; 0: it sent nothing."""
        return round(3 * self.of / self.seen) if self.estimated else 0  # the rule of three: -ln 0.05


def volumes(tx: Tx, since: float, sampling: Sampling | None = None) -> Volumes:
    """Recipients accepted since a second, by subscription, from the journal.

    Its entries are in the order of time, so the first one is found by halving, and no index on time is needed. Of very
    many entries an even sample is counted: a second of work, however long the journal is.
    """
    rule = sampling or Sampling()
    newest = tx.row("SELECT COALESCE(MAX(seq), 0) FROM journal")
    last = int(newest[0]) if newest else 0
    first = _first_at(tx, since, last)
    of = last - first + 1
    if of <= 0:
        return Volumes({}, 0, 0)
    if of <= rule.exact_up_to:
        return Volumes(dict(_count(tx, first, last, since)), of, of)
    counts: Counter[str] = Counter()
    step = of // rule.windows
    for start in range(first, first + step * rule.windows, step):
        counts.update(_count(tx, start, start + rule.window - 1, since))
    seen = rule.windows * rule.window
    return Volumes({name: round(count * of / seen) for name, count in counts.items()}, seen, of)


def _first_at(tx: Tx, since: float, last: int) -> int:
    """The least number of an entry at or after a second; one past the newest when there is none."""
    low = tx.row("SELECT COALESCE(MIN(seq), 1) FROM journal")
    first, beyond = (int(low[0]) if low else 1), last + 1
    while first < beyond:
        middle = (first + beyond) // 2
        row = tx.row("SELECT at FROM journal WHERE seq >= ? ORDER BY seq LIMIT 1", (middle,))
        if row is not None and row[0] < since:
            first = middle + 1
        else:
            beyond = middle
    return first


class _Sender(msgspec.Struct, gc=False):
    subscription: str
    notice_for: str = ""


_sender = msgspec.json.Decoder(_Sender).decode  # half the time of the engines' own JSON functions, and one dialect


def _count(tx: Tx, first: int, last: int, since: float) -> Counter[str]:
    counts: Counter[str] = Counter()
    for start in range(first, last + 1, CHUNK):
        rows = tx.rows(
            "SELECT details FROM journal WHERE seq BETWEEN ? AND ? AND kind = 'accepted' AND at >= ?",
            (start, min(last, start + CHUNK - 1), since),
        )
        found = (_sender(details) for (details,) in rows)
        counts.update(one.subscription for one in found if not one.notice_for)  # what we wrote nobody sent
    return counts


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """A campaign as far as a blast radius asks."""

    id: int
    name: str
    subscription: str
    last: float


def campaign(tx: Tx, number: int) -> CampaignRow | None:
    """The campaign of that number."""
    row = tx.row("SELECT id, name, subscription, last FROM campaign WHERE id = ?", (number,))
    return CampaignRow(*row) if row else None


def campaign_kin(tx: Tx, number: int) -> list[str]:
    """Other subscriptions with a campaign that shares a fingerprint band: they may send the same text."""
    rows = tx.rows(
        "SELECT DISTINCT theirs.subscription FROM campaign_band mine JOIN campaign_band theirs "
        "ON theirs.band = mine.band AND theirs.subscription <> mine.subscription WHERE mine.campaign = ? ORDER BY 1",
        (number,),
    )
    return [str(name) for (name,) in rows]
