"""Flows, exceptions and volumes come from the store, on both engines; many entries are estimated from few."""

from msgspec import structs

from goodstanding.admission.identities import Allowed, DomainView, FlowView, PoolView, RouteView
from goodstanding.events import Accepted, Delivered
from goodstanding.model import MessageId, Stream
from goodstanding.store import domains, estate, flows, journal
from goodstanding.store.db import Tx
from goodstanding.store.flows import Sampling, Volumes

NOW = 1_790_000_000.0


def accepted(subscription: str, at: float) -> Accepted:
    return Accepted("shop", MessageId(1), 0, at, "a@b.example", subscription, "bulk", "x@shop.example", 100)


def delivered(at: float) -> Delivered:
    return Delivered("shop", MessageId(1), 0, at, "a@b.example", "mx", "250 ok")


def test_the_view_holds_the_whole_estate(tx: Tx) -> None:
    estate.add_subscription(tx, "shop/news", Stream.BULK, 1.0)
    domains.add_domain(tx, "shop.example", "shop", 2.0, "bulk")
    tx.run("UPDATE subscription SET flow = 'Offers', pool = 'own'")
    tx.run("UPDATE tenant SET shared_domains = 'exception'")
    tx.run(
        "INSERT INTO pool (name, tenant, stream, addresses, route, created) VALUES (?, ?, ?, ?, ?, ?)",
        ("own", "shop", "bulk", "192.0.2.1 2001:db8::1", "out", 3.0),
    )
    tx.run(
        'INSERT INTO isolation_exception (first, second, "by", because, at) VALUES (?, ?, ?, ?, ?)',
        ("a", "b", "ann", "why", 4.0),
    )
    tx.run("INSERT INTO sender (address, subscription, created) VALUES (?, ?, ?)", ("a@shop.example", "shop/news", 5.0))
    machine, route = PoolView("otp", "transactional"), RouteView("out", "relay.example", 587)
    found = flows.view(tx, "mta.example", [machine], [route])
    own = PoolView("own", "bulk", "shop", ("192.0.2.1", "2001:db8::1"), route=route, since=3.0)
    assert (found.hostname, found.pools) == ("mta.example", (machine, own))
    assert found.flows == (FlowView("shop/news", "shop", "bulk", "Offers", "own"),)
    assert found.domains == (DomainView("shop.example", "shop", "bulk", "sending", 2.0),)
    assert found.allowed == (Allowed("a", "b", "ann", "why", 4.0),)
    assert [one.domain for one in found.senders] == ["shop.example"]
    assert found.lenient == {"shop"}


def test_volumes_count_accepted_recipients_since_a_second(tx: Tx) -> None:
    old = [accepted("shop/news", NOW - 100 + n) for n in range(50)]
    new = [accepted("shop/news", NOW + n) for n in range(20)] + [accepted("shop/otp", NOW + 30), delivered(NOW + 31)]
    told = structs.replace(accepted("shop/otp", NOW + 32), notice_for="0sbp4naw40000")
    journal.append(tx, [*old, *new, told])
    assert flows.volumes(tx, NOW) == Volumes({"shop/news": 20, "shop/otp": 1}, 23, 23)
    assert not flows.volumes(tx, NOW).estimated


def test_an_empty_journal_and_one_that_is_too_old_count_nothing(tx: Tx) -> None:
    assert flows.volumes(tx, NOW).counts == {}
    journal.append(tx, [accepted("shop/news", NOW - 1)])
    assert flows.volumes(tx, NOW).counts == {}


def test_pruned_journals_are_counted_from_where_they_begin(tx: Tx) -> None:
    journal.append(tx, [accepted("shop/news", NOW + n) for n in range(100)])
    journal.prune(tx, NOW + 40)
    assert flows.volumes(tx, NOW).counts == {"shop/news": 60}


def test_many_entries_are_estimated_from_an_even_sample(tx: Tx) -> None:
    journal.append(tx, [accepted("shop/otp" if n % 4 == 0 else "shop/news", NOW + n) for n in range(4000)])
    found = flows.volumes(tx, NOW, Sampling(exact_up_to=100, windows=20, window=20))
    assert found.estimated and (found.seen, found.of) == (400, 4000)
    assert found.counts == {"shop/news": 3000, "shop/otp": 1000}
    assert found.least == 30  # what was never seen is below it, with 95 % confidence


def test_a_campaign_and_those_who_may_send_the_same(tx: Tx) -> None:
    for number, name in ((1, "shop/news"), (2, "bank/cold"), (3, "bank/other")):
        tx.run(
            "INSERT INTO campaign (id, tenant, subscription, name, first, last, sketch, octets) "
            "VALUES (?, ?, ?, ?, 0, 9, ?, ?)",
            (number, name.partition("/")[0], name, f"about {number}", b"", b""),
        )
    tx.many(
        "INSERT INTO campaign_band (band, campaign, subscription) VALUES (?, ?, ?)",
        [(7, 1, "shop/news"), (8, 1, "shop/news"), (8, 2, "bank/cold"), (9, 3, "bank/other")],
    )
    found = flows.campaign(tx, 1)
    assert found is not None and (found.name, found.subscription) == ("about 1", "shop/news")
    assert flows.campaign_kin(tx, 1) == ["bank/cold"]
    assert flows.campaign(tx, 99) is None
