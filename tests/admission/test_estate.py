"""Which pool a subscription's mail leaves from, and whose domain a name is."""

from collections.abc import Sequence

from goodstanding.admission.estate import Member, Pool, Register, penalty_pools, pool_of
from goodstanding.admission.facts import DomainFacts, Terms
from goodstanding.model import Identity, Stream, SubscriptionName, TenantName
from goodstanding.settings import Pool as MachinePool

NEWS = Identity(TenantName("shop"), SubscriptionName("shop/news"), Stream.BULK)
MACHINE = (MachinePool("machine", Stream.BULK), MachinePool("codes", Stream.TRANSACTIONAL))


def chosen(pools: Sequence[Pool], shared: Sequence[MachinePool] = MACHINE, asks_for: str = "") -> str | None:
    """Name of the pool that shop/news leaves from."""
    member = Member(NEWS, Terms(), pool=asks_for)
    found = pool_of(Register(subscriptions={NEWS.subscription: member}, pools=tuple(pools)), shared, NEWS)
    return found.name if found else None


def test_the_pool_asked_for_comes_first() -> None:
    pools = [Pool("extra", Stream.BULK), Pool("own", Stream.BULK, "shop")]
    assert chosen(pools, asks_for="extra") == "extra"
    assert chosen(pools, asks_for="machine") == "machine"


def test_then_the_tenants_own_then_the_machines_then_another_shared_one() -> None:
    extra, own = Pool("extra", Stream.BULK), Pool("own", Stream.BULK, "shop")
    assert chosen([extra, own]) == "own"
    assert chosen([extra]) == "machine"
    assert chosen([extra], ()) == "extra"
    assert chosen([], ()) is None


def test_no_pool_of_another_tenant_or_stream_is_ever_used() -> None:
    foreign = [Pool("theirs", Stream.BULK, "bank"), Pool("cold", Stream.OUTREACH, "shop")]
    assert chosen(foreign, ()) is None
    assert chosen(foreign, asks_for="theirs") is None
    assert chosen(foreign, asks_for="cold") is None
    assert chosen(foreign, asks_for="codes") is None


def test_a_pool_asked_for_that_is_gone_is_not_replaced_by_another() -> None:
    assert chosen([Pool("own", Stream.BULK, "shop")], asks_for="gone") is None


def test_a_stored_pool_takes_the_place_of_one_of_the_settings() -> None:
    register = Register(pools=(Pool("machine", Stream.BULK, addresses=("203.0.113.9",), hello="out.example"),))
    found = pool_of(register, MACHINE, NEWS)
    assert found is not None
    assert (found.addresses, found.hello) == (("203.0.113.9",), "out.example")


def test_a_name_belongs_to_its_nearest_claimed_parent() -> None:
    claims = [DomainFacts("shop.example", "shop", "bulk"), DomainFacts("mail.shop.example", "shop", "transactional")]
    register = Register(domains={one.name: one for one in claims})
    assert register.domain_of("a.mail.shop.example") == claims[1]
    assert register.domain_of("www.shop.example") == claims[0]
    assert register.domain_of("notshop.example") is None


def test_a_penalty_pool_is_nobodys_usual_one() -> None:
    apart = Pool("apart", Stream.BULK, "shop", ("203.0.113.9",), penalty=True)
    assert chosen([apart]) == "machine"
    assert chosen([apart], ()) is None
    assert chosen([apart], asks_for="apart") is None


def test_penalty_pools_are_found_by_tenant_and_stream() -> None:
    stored = (
        Pool("own", Stream.BULK, "shop", ("203.0.113.9",), penalty=True),
        Pool("usual", Stream.BULK, "shop", ("203.0.113.8",)),
    )
    machine = MachinePool("apart", Stream.BULK, ("203.0.113.7",), penalty=True)
    found = penalty_pools(Register(pools=stored), (*MACHINE, machine))
    assert {owner: pool.name for owner, pool in found.items()} == {("shop", "bulk"): "own", ("", "bulk"): "apart"}
