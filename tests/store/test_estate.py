"""Tenants, credentials, domains and keys: who was first stays, what was revoked opens nothing."""

from goodstanding.admission.estate import (
    Domain,
    Estate,
    IsolationException,
    Pool,
    Sender,
    Subscription,
    Tenant,
    TokenCredential,
)
from goodstanding.admission.facts import DomainFacts, Terms
from goodstanding.model import DkimKey, Stream
from goodstanding.store import domains, estate, pools
from goodstanding.store.db import Tx


def test_the_stream_of_a_subscription_never_changes(tx: Tx) -> None:
    made = estate.add_subscription(tx, "acme/app", Stream.TRANSACTIONAL, 1.0)
    assert (made.tenant, made.subscription, made.stream) == ("acme", "acme/app", Stream.TRANSACTIONAL)
    assert estate.add_subscription(tx, "acme/app", Stream.OUTREACH, 2.0) == made
    assert estate.subscription(tx, "acme/app") == made
    assert estate.subscription(tx, "acme/other") is None


def test_subscriptions_come_by_name(tx: Tx) -> None:
    made = [estate.add_subscription(tx, name, Stream.BULK, 1.0) for name in ("b/x", "a/y", "a/x")]
    assert estate.subscriptions(tx) == sorted(made, key=lambda one: one.subscription)


def test_a_live_credential_opens_its_subscription_and_a_revoked_one_nothing(tx: Tx) -> None:
    who = estate.add_subscription(tx, "acme/app", Stream.BULK, 1.0)
    estate.add_credential(tx, "app1", "acme/app", b"\x00\xff digest", 5.0)
    found = estate.live_credential(tx, "app1")
    assert found is not None
    assert (found.identity.subscription, found.identity.credential) == (who.subscription, "app1")
    assert (found.digest, found.created, found.revoked) == (b"\x00\xff digest", 5.0, None)
    assert estate.revoke_credential(tx, "app1", 9.0)
    assert estate.live_credential(tx, "app1") is None
    assert [one.revoked for one in estate.credentials(tx)] == [9.0]


def test_a_credential_is_revoked_once(tx: Tx) -> None:
    estate.add_subscription(tx, "acme/app", Stream.BULK, 1.0)
    estate.add_credential(tx, "app1", "acme/app", b"x", 5.0)
    assert estate.revoke_credential(tx, "app1", 9.0)
    assert not estate.revoke_credential(tx, "app1", 10.0)
    assert not estate.revoke_credential(tx, "nobody", 10.0)


def test_a_credential_may_be_one_that_tokens_open(tx: Tx) -> None:
    estate.add_subscription(tx, "acme/app", Stream.BULK, 1.0)
    link = TokenCredential("acme-app|robot|tid", "acme/app", "https://id.example", "robot", "tid")
    before = estate.revision(tx)
    estate.link_credential(tx, link, 5.0)
    estate.add_credential(tx, "app1", "acme/app", b"x", 5.0)
    assert estate.revision(tx) != before
    assert [one.link for one in estate.credentials(tx)] == [link, None]
    assert estate.declared(tx).token_credentials == (link,)
    found = estate.live_credential(tx, "acme-app.robot.tid")
    assert found is not None and (found.digest, found.identity.credential) == (b"", link.username)
    assert estate.revoke_credential(tx, link.username, 9.0)
    assert estate.declared(tx).token_credentials == ()
    assert estate.live_credential(tx, link.username) is None
    assert estate.credential_named(tx, "acme-app|robot.tid") is not None


def test_a_domain_belongs_to_the_tenant_that_was_first(tx: Tx) -> None:
    assert domains.add_domain(tx, "example.com", "acme", 1.0) == "acme"
    assert domains.add_domain(tx, "example.com", "other", 2.0) == "acme"
    assert domains.domains(tx) == [("example.com", "acme")]


def test_a_removed_domain_takes_its_keys_along(tx: Tx) -> None:
    domains.add_domain(tx, "example.com", "acme", 1.0)
    domains.add_domain(tx, "example.net", "acme", 1.0)
    keys = [DkimKey(domain, "s1", "rsa", b"\x00sealed", 2.0) for domain in ("example.com", "example.net")]
    for key in keys:
        domains.add_dkim_key(tx, key)
    assert domains.dkim_keys(tx) == keys
    assert domains.dkim_keys(tx, "example.com") == keys[:1]
    assert domains.remove_domain(tx, "example.com")
    assert not domains.remove_domain(tx, "example.com")
    assert domains.dkim_keys(tx) == keys[1:]


def test_every_change_of_the_estate_changes_its_revision(tx: Tx) -> None:
    revisions = [estate.revision(tx)]
    estate.add_subscription(tx, "acme/app", Stream.BULK, 1.0)
    revisions.append(estate.revision(tx))
    estate.add_credential(tx, "app1", "acme/app", b"x", 1.0)
    revisions.append(estate.revision(tx))
    estate.revoke_credential(tx, "app1", 2.0)
    revisions.append(estate.revision(tx))
    domains.add_domain(tx, "example.com", "acme", 1.0)
    revisions.append(estate.revision(tx))
    domains.add_dkim_key(tx, DkimKey("example.com", "s1", "rsa", b"x", 1.0))
    revisions.append(estate.revision(tx))
    assert len(set(revisions)) == len(revisions)


def furnish(tx: Tx) -> None:
    """One of everything."""
    estate.put_tenant(tx, Tenant("acme", "IT", "Via Roma 1"), 1.0)
    estate.add_subscription(tx, "acme/app", Stream.BULK, 1.0)
    estate.set_subscription(tx, Subscription("acme/app", Stream.BULK, "news", "own", 60, 600, 10, True))
    domains.add_domain(tx, "example.com", "acme", 1.0, "bulk")
    pools.put_pool(tx, Pool("own", Stream.BULK, "acme", ("203.0.113.7", "2001:db8::1"), "out.example"), 1.0)
    pools.put_sender(tx, Sender("a@example.com", "acme/app", "Acme"), 1.0)
    pools.allow(tx, IsolationException("b.example.com", "a.example.com", "old"), "eve", 1.0)


def test_everything_declared_is_read_back(tx: Tx) -> None:
    furnish(tx)
    assert estate.declared(tx) == Estate(
        tenants=(Tenant("acme", "IT", "Via Roma 1"),),
        pools=(Pool("own", Stream.BULK, "acme", ("203.0.113.7", "2001:db8::1"), "out.example"),),
        domains=(Domain("example.com", "acme", "bulk"),),
        subscriptions=(Subscription("acme/app", Stream.BULK, "news", "own", 60, 600, 10, True),),
        senders=(Sender("a@example.com", "acme/app", "Acme"),),
        isolation_exceptions=(IsolationException("a.example.com", "b.example.com", "old"),),
    )


def test_a_new_subscription_has_the_limits_of_a_new_one(tx: Tx) -> None:
    estate.add_subscription(tx, "acme/app", Stream.BULK, 1.0)
    assert estate.declared_subscriptions(tx) == [Subscription("acme/app", Stream.BULK)]


def test_workers_see_terms_domains_senders_and_pools_at_once(tx: Tx) -> None:
    furnish(tx)
    seen = estate.view(tx)
    member = seen.subscriptions["acme/app"]
    assert member.identity == estate.subscription(tx, "acme/app")
    assert member.terms == Terms(
        recipients_limit=10, minute_limit=60, hour_limit=600, shadow=True, country="IT", postal_address="Via Roma 1"
    )
    assert seen.domains == {"example.com": DomainFacts("example.com", "acme", "bulk")}
    assert seen.senders == {"acme/app": frozenset({"a@example.com"})}
    assert [pool.name for pool in seen.pools] == ["own"]
    assert seen.revision == estate.revision(tx)


def test_a_removed_subscription_takes_credentials_and_senders_along(tx: Tx) -> None:
    furnish(tx)
    estate.add_credential(tx, "app1", "acme/app", b"x", 5.0)
    assert estate.remove_subscription(tx, "acme/app")
    assert not estate.remove_subscription(tx, "acme/app")
    assert (estate.credentials(tx), pools.senders(tx), estate.subscriptions(tx)) == ([], [], [])


def test_a_domain_given_away_has_to_be_verified_anew(tx: Tx) -> None:
    furnish(tx)
    estate.put_tenant(tx, Tenant("bank"), 1.0)
    domains.conclude(tx, DomainFacts("example.com", "acme", "bulk", state="verified"), 9.0, 0.0)
    assert domains.give_domain(tx, "example.com", "bank")
    (claim,) = domains.claimed(tx)
    assert (claim.facts.tenant, claim.facts.state, claim.checked) == ("bank", "pending", 0.0)
    assert not domains.give_domain(tx, "example.net", "bank")


def test_a_domain_is_due_for_one_worker_only(tx: Tx) -> None:
    furnish(tx)
    assert [claim.facts.name for claim in domains.claim_due(tx, 50.0, 100.0)] == ["example.com"]
    assert domains.claim_due(tx, 50.0, 101.0) == []


def test_every_change_of_pools_senders_and_terms_changes_the_revision(tx: Tx) -> None:
    furnish(tx)
    revisions = [estate.revision(tx)]
    for change in (
        lambda: pools.remove_sender(tx, "a@example.com"),
        lambda: pools.remove_pool(tx, "own"),
        lambda: pools.disallow(tx, "b.example.com", "a.example.com"),
        lambda: domains.set_domain(tx, "example.com", "outreach", "link"),
        lambda: domains.conclude(tx, DomainFacts("example.com", "acme", "", state="stopped"), 1.0, 1.0),
        lambda: domains.remove_domain(tx, "example.com"),
        lambda: estate.remove_subscription(tx, "acme/app"),
        lambda: estate.remove_tenant(tx, "acme"),
    ):
        change()
        revisions.append(estate.revision(tx))
    assert len(set(revisions)) == len(revisions)


def test_what_is_not_there_changes_nothing(tx: Tx) -> None:
    before = estate.revision(tx)
    assert not pools.remove_sender(tx, "a@example.com")
    assert not pools.remove_pool(tx, "own")
    assert not pools.disallow(tx, "a", "b")
    assert not domains.set_domain(tx, "example.com", "bulk", "link")
    assert not estate.set_subscription(tx, Subscription("acme/app"))
    assert not estate.remove_tenant(tx, "acme")
    assert estate.revision(tx) == before
