"""A lane belongs to the hosts it was named for: nobody's DNS leads the mail of others elsewhere."""

import asyncio

from goodstanding.delivery.plan import Plan, Route
from goodstanding.delivery.pools import Pools
from goodstanding.delivery.routing import Routing, Way
from goodstanding.model import Identity, Stream, SubscriptionName, TenantName
from goodstanding.settings import Pool
from tests.fakes import FakeClock, FakeResolver

NEWS = Identity(TenantName("shop"), SubscriptionName("shop/news"), Stream.BULK)
HERS = {
    "bank.example": {"MX": ["10 mx.bank.example"]},
    "mx.bank.example": {"A": ["192.0.2.1"]},
    "mx.thief.example": {"A": ["192.0.2.66"]},
}


def routing(zones: dict[str, dict[str, list[str]]]) -> tuple[Routing, FakeResolver]:
    resolver = FakeResolver(zones)
    pools = {Stream.BULK: (Pool(name="bulk", stream=Stream.BULK), Route("direct"))}
    return Routing(Pools(pools), resolver, FakeClock(), 25, frozenset(), True), resolver


def way(found: object) -> Way:
    assert isinstance(found, Way)
    return found


def test_a_domain_with_a_strangers_host_first_does_not_share_its_lane() -> None:
    thief = {"MX": ["10 mx.bank.example", "20 mx.thief.example"]}
    here, _ = routing(HERS | {"thief.example": thief})
    hers = way(asyncio.run(here.find(NEWS, "bank.example")))
    his = way(asyncio.run(here.find(NEWS, "thief.example")))
    assert hers.lane != his.lane


def test_a_domain_that_changes_its_exchangers_takes_no_lane_with_it() -> None:
    zones = HERS | {"thief.example": {"MX": ["10 mx.bank.example"]}}
    here, resolver = routing(zones)
    hers = way(asyncio.run(here.find(NEWS, "bank.example")))
    his = way(asyncio.run(here.find(NEWS, "thief.example")))
    assert hers.lane == his.lane
    resolver.zones = zones | {"thief.example": {"MX": ["10 mx.thief.example"]}}
    plan = asyncio.run(here.plan(his))
    assert isinstance(plan, Plan)
    assert [target.address for target in plan.targets] == ["192.0.2.1"]
