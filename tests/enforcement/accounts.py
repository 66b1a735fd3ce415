"""Accounts, charges and a policy as tests of enforcement use them."""

from goodstanding.enforcement.ladder import Account, Cause, Position, step
from goodstanding.enforcement.policy import DAY, Policy
from goodstanding.enforcement.trigger import Move, decide
from goodstanding.model import Key, KeyKind, Rung, Signal
from goodstanding.reputation.standing import Charge, Level, Line

NOW = 1_790_000_000.0
POLICY = Policy(url="https://relay.example", link_key=b"k" * 32)
WORDS = "complaint evidence 1 in 2,400 against 0.1 %: 5 complaints in 310 matured deliveries"
CAMPAIGN = Account("shop", Key(KeyKind.CAMPAIGN, "17"), "outreach")
NEWS = Account("shop", Key(KeyKind.SUBSCRIPTION, "shop/news"), "bulk")
SHOP = Account("shop", Key(KeyKind.TENANT, "shop"))
IP = Account("", Key(KeyKind.IP, "203.0.113.7"))
DOMAIN = Account("shop", Key(KeyKind.DOMAIN, "shop-news.example"), "bulk")
LINES: dict[Level, Line] = {"watched": "target", "slowed": "target", "penalty": "ceiling", "suspended": "limit"}


def charge(level: Level, account: Account = CAMPAIGN, signal: Signal = Signal.COMPLAINTS) -> Charge:
    return Charge(
        account.key, account.tenant, account.stream, signal, LINES[level], level, 2400.0, 5, 310.0, 0.016, 0.006, 0.034,
        WORDS,
    )  # fmt: skip


def at(rung: Rung, account: Account = CAMPAIGN, **fields: object) -> Position:
    """A system's hand on a rung, as of NOW."""
    return Position(account, system=rung, since=NOW, provoked=NOW, because=WORDS, **fields)  # type: ignore[arg-type]


def after(position: Position, cause: Cause, now: float = NOW) -> Position:
    found = step(position, cause, now)
    assert found is not None
    return found


def run(position: Position, level: Level | None, days: float, hours: float = 1.0) -> list[Move]:
    """Ask every so many hours, with the same evidence throughout; every move there was."""
    moves: list[Move] = []
    for tick in range(round(days * 24 / hours) + 1):
        charges = [charge(level, position.account)] if level else []
        for move in decide(position, charges, NOW + tick * hours * 3600, POLICY):
            moves.append(move)
            position = move.after
    return moves


def rungs(moves: list[Move]) -> list[str]:
    """Where the moves that are told led to."""
    return [move.after.effective.value for move in moves if move.told]


__all__ = ["CAMPAIGN", "DAY", "DOMAIN", "IP", "NEWS", "NOW", "POLICY", "SHOP", "WORDS", "after", "at", "charge", "run"]
