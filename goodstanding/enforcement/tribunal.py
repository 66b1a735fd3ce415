"""Where evidence is heard and moves are made: charges in, one transaction of moves, orders, journal and notices out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import cast

from msgspec import structs

from goodstanding.delivery.plan import provider_of
from goodstanding.enforcement.act import act, expire, in_shadow
from goodstanding.enforcement.ladder import Account, Position
from goodstanding.enforcement.policy import Policy
from goodstanding.enforcement.providers import LaneReplies, provider_moves, with_delivery, with_reply
from goodstanding.enforcement.trigger import Move, account_of, decide, laid, turned, warned_until
from goodstanding.events import Bounced, Deferred, Delivered, Event
from goodstanding.model import Key, KeyKind, Reach
from goodstanding.reputation.standing import Charge
from goodstanding.store import enforcement, notices, pacing
from goodstanding.store.db import Tx

LANES = 50_000
"""Addresses and providers that are remembered at once."""


@dataclass(slots=True)
class Tribunal:
    """Sits while the follower runs. What providers have answered lately is remembered here only: it is an hour's."""

    policy: Policy
    lanes: dict[tuple[str, str], tuple[float, LaneReplies]] = field(default_factory=dict)
    """By address and provider, with the second their hour began."""
    due: float = inf
    """Second at which time alone moves somebody, as far as the last sitting knew: a warning or a term is over."""

    def hear(self, events: Sequence[Event]) -> None:
        """Count what providers answered to mail from our addresses."""
        for event in events:
            if isinstance(event, Delivered | Bounced | Deferred) and event.source and event.host:
                key = (event.source, provider_of(event.host))
                began, seen = self.lanes.get(key, (event.at, _unheard(*key)))
                if event.at - began > seen.span:
                    began, seen = event.at, _unheard(*key)
                told = with_delivery(seen) if isinstance(event, Delivered) else _answered(seen, event)
                self.lanes[key] = began, told
        if len(self.lanes) > LANES:
            self.lanes.clear()

    def sit(self, tx: Tx, charges: Iterable[Charge], now: float) -> int:
        """Move whoever is to be moved, one step each; how many moves."""
        against: dict[Account, list[Charge]] = {}
        for charge in charges:
            charge = laid(charge, self.policy)
            against.setdefault(account_of(charge), []).append(charge)
        enforcement.alone(tx)
        known = {one.account: one for one in enforcement.positions(tx)}
        moves: list[Move] = []
        for account in {**known, **against}:
            shadow, position = in_shadow(tx, account, self.policy), known.get(account)
            if position is None:
                position = structs.replace(enforcement.position(tx, account), shadow=shadow)
            turn = turned(position, now, self.policy, shadow=shadow)
            moves += [turn] if turn else decide(position, against.get(account, ()), now, self.policy)
        moves += self._of_lanes(tx, now)
        self.due = self._next(known.values(), moves, now)
        if told := act(tx, moves, now):
            notices.add(tx, told)
        expire(tx, now)
        pacing.forget(tx, now)
        return len(moves)

    def _next(self, known: Iterable[Position], moves: Iterable[Move], now: float) -> float:
        """When a warning or a term is over; of evidence there may be none any more by then."""
        standing = {one.account: one for one in known} | {move.after.account: move.after for move in moves}
        moments = [second for one in standing.values() for second in (one.term, warned_until(one, self.policy))]
        return min((second for second in moments if second > now), default=inf)

    def _of_lanes(self, tx: Tx, now: float) -> list[Move]:
        """Pauses that providers ask for."""
        moves: list[Move] = []
        for key, (began, seen) in list(self.lanes.items()):
            if now - began > seen.span or not (seen.blocked or seen.slowed):
                continue
            account = Account("", seen.key, "")
            before = enforcement.last_order(tx, account, seen.provider)
            position = structs.replace(enforcement.position(tx, account), shadow=self.policy.shadow)
            found = provider_moves(position, seen, before, now, self.policy)
            if found:
                moves += found
                self.lanes[key] = now, _unheard(*key)  # what was answered is answered for
        return moves


def _unheard(source: str, provider: str) -> LaneReplies:
    return LaneReplies(Key(KeyKind.IP, source), provider)


def _answered(seen: LaneReplies, event: Bounced | Deferred) -> LaneReplies:
    return with_reply(seen, event.klass, cast(Reach, event.reach), event.reply)
