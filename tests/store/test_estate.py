"""Tenants, credentials, domains and keys: who was first stays, what was revoked opens nothing."""

from goodstanding.model import DkimKey, Stream
from goodstanding.store import estate
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


def test_a_domain_belongs_to_the_tenant_that_was_first(tx: Tx) -> None:
    assert estate.add_domain(tx, "example.com", "acme", 1.0) == "acme"
    assert estate.add_domain(tx, "example.com", "other", 2.0) == "acme"
    assert estate.domains(tx) == [("example.com", "acme")]


def test_a_removed_domain_takes_its_keys_along(tx: Tx) -> None:
    estate.add_domain(tx, "example.com", "acme", 1.0)
    estate.add_domain(tx, "example.net", "acme", 1.0)
    keys = [DkimKey(domain, "s1", "rsa", b"\x00sealed", 2.0) for domain in ("example.com", "example.net")]
    for key in keys:
        estate.add_dkim_key(tx, key)
    assert estate.dkim_keys(tx) == keys
    assert estate.dkim_keys(tx, "example.com") == keys[:1]
    assert estate.remove_domain(tx, "example.com")
    assert not estate.remove_domain(tx, "example.com")
    assert estate.dkim_keys(tx) == keys[1:]


def test_every_change_of_the_estate_changes_its_revision(tx: Tx) -> None:
    revisions = [estate.revision(tx)]
    estate.add_subscription(tx, "acme/app", Stream.BULK, 1.0)
    revisions.append(estate.revision(tx))
    estate.add_credential(tx, "app1", "acme/app", b"x", 1.0)
    revisions.append(estate.revision(tx))
    estate.revoke_credential(tx, "app1", 2.0)
    revisions.append(estate.revision(tx))
    estate.add_domain(tx, "example.com", "acme", 1.0)
    revisions.append(estate.revision(tx))
    estate.add_dkim_key(tx, DkimKey("example.com", "s1", "rsa", b"x", 1.0))
    revisions.append(estate.revision(tx))
    assert len(set(revisions)) == len(revisions)
