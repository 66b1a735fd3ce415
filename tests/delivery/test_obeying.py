"""What orders mean for mail that is claimed."""

from pathlib import Path

import pytest
from msgspec import structs

from goodstanding.delivery.obeying import Obeying
from goodstanding.enforcement.in_force import in_force, reply_for
from goodstanding.enforcement.orders import Order, What
from goodstanding.model import Key, KeyKind, MessageId, Touched
from goodstanding.store import pacing
from goodstanding.store.db import Database, Tx
from goodstanding.store.queue import IN_SHADOW, NOTICE
from tests.fakes import FakeClock
from tests.store.letters import add, claim_all, identity, letter, opened, want

NOW = 1_790_000_000.0
APP = Key(KeyKind.SUBSCRIPTION, "acme/app")
GOOGLE = "gmail-smtp-in.l.google.com"


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return opened(f"sqlite:///{tmp_path / 'gs.db'}")


def an_order(what: What, rate: float = 0.0, **fields: object) -> Order:
    made = Order(APP, "acme", "", what, rate=rate, words="subscription:acme/app is told", slug="suspended")
    return structs.replace(made, **fields)


def obeying(*orders: Order, workers: int = 1) -> Obeying:
    return Obeying(workers, FakeClock(NOW), in_force(orders))


def emptied(tx: Tx, order: Order) -> Order:
    """The order, with nothing left of its rate."""
    assert pacing.take(tx, (order.account, "out"), order.rate, 1, NOW) == 0.0
    return order


@pytest.mark.parametrize(("what", "state"), [(What.HOLD, "stopped"), (What.PACE, "waiting")])
def test_mail_that_an_order_is_about_does_not_go(database: Database, what: What, state: str) -> None:
    with database.tx() as tx:
        order = emptied(tx, an_order(what, rate=1.0))
        add(tx, letter())
        assert obeying(order).claimed(tx, claim_all(tx, want())) == []
        assert tx.rows("SELECT state, last_reply FROM recipient") == [(state, str(reply_for(order)))]


def test_workers_share_a_rate_as_it_is_asked_for(database: Database) -> None:
    """All of it to one connection, which one worker serves, if there is no other."""
    order = an_order(What.PACE, rate=3600.0)
    one, other = obeying(order, workers=2), obeying(order, workers=2)
    with database.tx() as tx:
        add(tx, *(letter() for _ in range(20)))
        claims = claim_all(tx, want())
        going = [len(worker.claimed(tx, claims[start : start + 8])) for start, worker in ((0, one), (8, other))]
    assert going == [8, 2]


@pytest.mark.parametrize(("traits", "pool"), [(0, "apart"), (IN_SHADOW, ""), (NOTICE, "")])
def test_mail_in_penalty_goes_by_its_pool_whether_it_waited_or_goes_at_once(
    database: Database, traits: int, pool: str
) -> None:
    worker = obeying(an_order(What.REROUTE, pool="apart"))
    with database.tx() as tx:
        add(tx, structs.replace(letter(), traits=traits))
        (claim,) = claim_all(tx, want())
        assert [one.pool for one in worker.claimed(tx, [claim])] == [pool]
    assert worker.offered(claim).pool == pool
    assert obeying().offered(claim) is claim


@pytest.mark.parametrize("traits", [IN_SHADOW, NOTICE], ids=["accepted in shadow", "our notice"])
@pytest.mark.parametrize("what", [What.HOLD, What.PACE])
def test_some_mail_goes_whatever_is_ordered_about_its_sender(database: Database, what: What, traits: int) -> None:
    with database.tx() as tx:
        worker = obeying(emptied(tx, an_order(what, rate=1.0)), an_order(What.HOLD, provider="google.com"))
        add(tx, structs.replace(letter(), traits=traits))
        claims = claim_all(tx, want())
        assert worker.claimed(tx, claims) == claims
        assert not worker.stops(claims[0])
        assert worker.pause(claims[0], [], GOOGLE, 1) is None


def test_what_former_orders_kept_waiting_is_told_when_others_come() -> None:
    slow, held = an_order(What.PACE, rate=1.0), an_order(What.HOLD, words="held")
    worker = obeying(slow, held, an_order(What.REFUSE, words="refused"))
    loosened = structs.replace(slow, rate=2.0, words="subscription:acme/app may send twice as much")
    assert worker.learn(in_force([loosened, held])) == [("acme", str(reply_for(slow)))]
    assert worker.learn(in_force([structs.replace(loosened, issued=9.0), held])) == []  # given anew
    assert worker.learn(in_force([])) == [("acme", str(reply_for(one))) for one in (loosened, held)]


def test_orders_about_a_domain_and_one_provider_pause_its_mail_to_that_provider(database: Database) -> None:
    domain = Key(KeyKind.DOMAIN, "acme.example")
    with database.tx() as tx:
        add(tx, structs.replace(letter(), touched=Touched("acme/app", "bulk", "acme.example")))
        (claim,) = claim_all(tx, want())
    paused = obeying(an_order(What.HOLD, key=domain, provider="google.com"))
    pause = paused.pause(claim, [], GOOGLE, 1)
    assert pause is not None and pause.because == reply_for(next(iter(paused.in_force)))
    assert paused.pause(claim, [], "mx1.mail.yahoo.com", 1) is None
    paced = obeying(an_order(What.PACE, rate=60.0, key=domain, provider="google.com"), workers=1)
    assert paced.pause(claim, [], GOOGLE, 1) is None
    assert paced.pause(claim, [], GOOGLE, 1) is not None


def test_an_address_of_one_tenant_that_waits_keeps_nobody_else_waiting(database: Database) -> None:
    own = an_order(What.HOLD, key=Key(KeyKind.IP, "203.0.113.7"))
    with database.tx() as tx:
        add(tx, letter(message=MessageId(1)), letter(message=MessageId(2), who=identity("bank")))
        acme, bank = sorted(claim_all(tx, want()), key=lambda claim: claim.message)
    worker = obeying(own)
    assert worker.held("203.0.113.7", "acme", GOOGLE) and not worker.held("203.0.113.7", "bank", GOOGLE)
    assert worker.pause(acme, ["203.0.113.7"], GOOGLE, 1) is not None
    assert worker.pause(acme, ["203.0.113.7", "203.0.113.8"], GOOGLE, 1) is None
    assert worker.pause(bank, ["203.0.113.7"], GOOGLE, 1) is None
