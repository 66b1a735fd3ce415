"""Verbs on the ladder: see where accounts stand, and the operator's hand: slow, suspend, close, lift, reinstate.

Each is one transaction: position, orders, journal and the notice to the tenant. Reviews are in `operate.reviews`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from msgspec import structs

from goodstanding.admission.estate import Register, penalty_pools
from goodstanding.enforcement.act import act, in_shadow
from goodstanding.enforcement.ladder import Account as Account
from goodstanding.enforcement.ladder import Cause, step
from goodstanding.enforcement.ladder import Position as Position
from goodstanding.enforcement.notices import Notice
from goodstanding.enforcement.orders import Order as Order
from goodstanding.enforcement.page import Page as Page
from goodstanding.enforcement.page import page
from goodstanding.enforcement.policy import DAY, Policy
from goodstanding.enforcement.review import State
from goodstanding.enforcement.trigger import Move, moved
from goodstanding.errors import GoodstandingError
from goodstanding.events import Event
from goodstanding.evidence import Reviewed
from goodstanding.model import Key, KeyKind, Rung, parse_key
from goodstanding.sealed import derive
from goodstanding.settings import Settings
from goodstanding.store import enforcement, journal, notices
from goodstanding.store.db import Database, Tx
from goodstanding.wire import standing_link

LINK_PURPOSE = "standing link"
"""What the key that signs links is derived from the master key for."""
Verb = Literal["slow", "suspend", "close"]
CAUSES: Mapping[Verb, Cause] = MappingProxyType(
    {"slow": Cause.OPERATOR_SLOWED, "suspend": Cause.OPERATOR_SUSPENDED, "close": Cause.OPERATOR_CLOSED}
)


_RUNGS = "goodstanding standing list shows who is on a rung"
_LISTED: Mapping[KeyKind, str] = MappingProxyType(
    {
        KeyKind.TENANT: "goodstanding tenant list shows them",
        KeyKind.SUBSCRIPTION: "goodstanding subscription list shows them",
        KeyKind.DOMAIN: "goodstanding domain list shows them",
        KeyKind.CAMPAIGN: f"{_RUNGS}, goodstanding quarantine list whose mail is held",
    }
)


def nobody_told(events: Sequence[Event]) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Who acts, on what, and who hears of it."""

    database: Database
    policy: Policy
    by: str
    post: Callable[[Tx, Sequence[Notice]], None] = notices.add
    """Queues notices within the transaction of their moves."""
    told: Callable[[Sequence[Event]], None] = nobody_told
    """Hears of the journal entries once they are committed."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One account with its page and where tenants see the same."""

    page: Page
    link: str


def policy_of(settings: Settings, master: bytes, register: Register) -> Policy:
    """How strict this installation is, and where its pages are."""
    strict = settings.enforcement
    pools = {owner: pool.name for owner, pool in penalty_pools(register, settings.pools).items()}
    return Policy(
        slowed_rate=strict.slowed_rate,
        penalty_rate=strict.penalty_rate,
        warning=strict.warning_minutes * 60,
        clean=strict.clean_days * DAY,
        probation=strict.probation_days * DAY,
        url=settings.web.base,
        link_key=link_key(master),
        shadow=settings.admission.mode == "shadow",
        shadowed=frozenset(name for name, one in register.subscriptions.items() if one.terms.shadow),
        owners={address: pool.tenant for pool in register.pools if pool.tenant for address in pool.addresses},
        penalty_pools=pools,
    )


def link_key(master: bytes) -> bytes:
    """The key links are signed with."""
    return derive(master, LINK_PURPOSE)


def account_behind(master: bytes, token: str) -> Account | None:
    """The account whose page a link shows; None: it is not one of ours."""
    found = standing_link.read(link_key(master), token)
    key = parse_key(found.key) if found is not None else None
    return Account(found.tenant, key, found.stream) if found is not None and key is not None else None


def listing(database: Database) -> list[tuple[Position, list[Order]]]:
    """Everybody who is not in good standing, with the orders in force about them, by tenant and key."""
    with database.read() as tx:
        return [(one, enforcement.orders_of(tx, one.account)) for one in enforcement.positions(tx)]


def page_of(database: Database, account: Account) -> Page:
    """The page of an account; one that nothing is known of is in good standing."""
    with database.read() as tx:
        return page_in(tx, account)


def page_in(tx: Tx, account: Account) -> Page:
    """The same within a transaction."""
    return page(
        enforcement.position(tx, account),
        enforcement.orders_of(tx, account),
        enforcement.history(tx, account),
        enforcement.latest_case(tx, account),
    )


def show(desk: Desk, text: str) -> list[Shown]:
    """The pages of a key, one for each stream it stands on. GoodstandingError when there is no such key."""
    key = key_of(text)
    with desk.database.read() as tx:
        accounts = [one.account for one in enforcement.positions(tx, key)] or [_account(tx, key)]
        return [Shown(page_in(tx, account), desk.policy.link(account)) for account in accounts]


def impose(desk: Desk, text: str, verb: Verb, because: str, *, seconds: float = 0.0, stream: str = "") -> Position:
    """Slow, suspend or close by the operator's hand, for so many seconds or, with 0, until it is lifted.

    Said again it takes the place of what was said: another term, another reason. GoodstandingError for a key that is
    not there, for no reason, and for a rung that this verb cannot lead to.
    """
    key, now = key_of(text), time.time()
    _reasoned(because)
    with desk.database.tx() as tx:
        enforcement.alone(tx)
        account = _account(tx, key)
        if stream and account.stream not in ("", stream):
            raise GoodstandingError(f"{key} sends on {account.stream}, not on {stream}")
        if stream:
            account = structs.replace(account, stream=stream)
        before = noted(tx, enforcement.position(tx, account), desk.policy)
        after = _imposed(before, verb, now)
        term = now + seconds if seconds and verb != "close" else 0.0
        after = structs.replace(after, term=term, cause=CAUSES[verb].value, because=because.strip(), by=desk.by)
        carry_out(desk, tx, [moved(before, after, now, desk.policy, desk.by)], now)
    desk.told(tx.appended)
    return after


def _imposed(before: Position, verb: Verb, now: float) -> Position:
    after = step(before, CAUSES[verb], now)
    if after is not None:
        return after
    rungs: dict[Verb, Rung] = {"slow": Rung.SLOWED, "suspend": Rung.SUSPENDED, "close": Rung.CLOSED}
    if before.operator is rungs[verb]:
        return before
    raise GoodstandingError(f"the operator's hand has it {before.operator}; goodstanding standing reinstate it first")


def reinstate(desk: Desk, text: str, because: str, stream: str = "") -> list[Position]:
    """Let a key go on, on probation, whoever had stopped or slowed it. GoodstandingError when nobody had.

    ``stream``: only where it stands on this stream; empty: wherever it stands.
    """
    key, now = key_of(text), time.time()
    _reasoned(because)
    done: list[Position] = []
    with desk.database.tx() as tx:
        enforcement.alone(tx)
        for before, after in _stepped(tx, desk.policy, (key, stream), Cause.OPERATOR_REINSTATED, now):
            after = structs.replace(after, because=because.strip(), by=desk.by)
            carry_out(desk, tx, [moved(before, after, now, desk.policy, desk.by)], now)
            _settle_case(desk, tx, after, now)
            done.append(after)
        if not done:
            raise GoodstandingError(
                f"{_where(key, stream)} is not slowed, in penalty, suspended or closed; goodstanding standing list"
            )
    desk.told(tx.appended)
    return done


def lift(desk: Desk, text: str, because: str, stream: str = "") -> list[Position]:
    """Take back what an operator imposed, as if its term were over: no probation, and evidence stands as it did.

    GoodstandingError where no operator slowed or suspended anything; what is closed is reinstated only.
    """
    key, now = key_of(text), time.time()
    _reasoned(because)
    done: list[Position] = []
    with desk.database.tx() as tx:
        enforcement.alone(tx)
        for before, after in _stepped(tx, desk.policy, (key, stream), Cause.OPERATOR_LIFTED, now):
            after = structs.replace(after, because=because.strip(), by=desk.by)
            carry_out(desk, tx, [moved(before, after, now, desk.policy, desk.by)], now)
            done.append(after)
        if not done:
            raise GoodstandingError(
                f"no operator has slowed or suspended {_where(key, stream)}; what evidence led to, or what is closed, "
                "goodstanding standing reinstate lets go on"
            )
    desk.told(tx.appended)
    return done


def _stepped(
    tx: Tx, policy: Policy, whom: tuple[Key, str], cause: Cause, now: float
) -> Iterator[tuple[Position, Position]]:
    """Where a key stands on a stream, or on any with an empty one, before and after a cause that moves it."""
    key, stream = whom
    for position in enforcement.positions(tx, key):
        if stream in ("", position.account.stream):
            before = noted(tx, position, policy)
            if (after := step(before, cause, now)) is not None:
                yield before, after


def noted(tx: Tx, position: Position, policy: Policy) -> Position:
    """The position as it is to be told, or only noted, from now on."""
    return structs.replace(position, shadow=in_shadow(tx, position.account, policy))


def _where(key: Key, stream: str) -> str:
    return f"{key} on {stream}" if stream else str(key)


def _settle_case(desk: Desk, tx: Tx, after: Position, now: float) -> None:
    """A review that waited is decided by the reinstatement."""
    case = enforcement.latest_case(tx, after.account)
    if case is None or not case.open:
        return
    settled = structs.replace(case, state=State.REINSTATED, decided=now, decided_by=desk.by, because=after.because)
    enforcement.put_case(tx, settled)
    told = f"{case.name}: {after.because}"
    account = case.account
    step = (account.tenant, now, str(account.key), "reinstated", desk.by, told)
    journal.append(tx, [Reviewed(*step, stream=account.stream)])


def carry_out(desk: Desk, tx: Tx, moves: Sequence[Move], now: float) -> None:
    """Act on moves and queue what the tenants are told."""
    if told := act(tx, moves, now):
        desk.post(tx, told)


def key_of(text: str) -> Key:
    """A key as people write it: ``campaign:17``, ``subscription:shop/news``. GoodstandingError when it is none."""
    key = parse_key(text)
    if key is None:
        raise GoodstandingError(
            f"{text!r} is no key; write it like campaign:17, subscription:shop/news, tenant:shop, "
            "domain:shop.example, link:shop.example or ip:203.0.113.7"
        )
    return key


def _account(tx: Tx, key: Key) -> Account:
    found = enforcement.account_of(tx, key)
    if found is None:
        raise GoodstandingError(f"there is no {key.kind} {key.name} here; {_LISTED.get(key.kind, _RUNGS)}")
    return found


def _reasoned(because: str) -> None:
    if not because.strip():
        raise GoodstandingError("a decision needs a reason, which the tenant is told; give it with --because")
