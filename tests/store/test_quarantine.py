"""Quarantine rows go with held queue rows, end once, and are journalled when they do."""

import pytest

from goodstanding.events import EstateChanged, QuarantineEnded
from goodstanding.model import MessageId
from goodstanding.store import journal, listing, quarantine, queue
from goodstanding.store.db import Tx
from goodstanding.store.listing import FIRST_KEY
from goodstanding.store.quarantine import Ending, Kept, Which
from tests.store.letters import add, addresses, claim_all, identity, letter, want

NOW = 100.0
BY_ANN = Ending("released", "ann", NOW, "looked fine")
FINDINGS = (
    '[{"slug":"site-policy","action":"accept","because":"a remark","remedy":""},'
    '{"slug":"trust-budget","action":"quarantine","because":"50 of 50 are outstanding","remedy":"wait"}]'
)


def hold(tx: Tx, *recipients: str, campaign: int = 7, expires: float = 1000.0, findings: str = FINDINGS) -> MessageId:
    """A message of the queue with all its recipients in quarantine."""
    entry = letter(*recipients)
    add(tx, entry)
    tx.run("UPDATE recipient SET state = 'held' WHERE message = ?", (entry.message,))
    who = identity()
    rows = [
        Kept(
            entry.message,
            n,
            who.tenant,
            who.subscription,
            campaign,
            b"p" * 16,
            address,
            50.0 + n,
            expires,
            True,
            findings,
        )
        for n, address in enumerate(recipients)
    ]
    quarantine.add(tx, rows)
    return entry.message


def make_campaign(tx: Tx, number: int, name: str = "Hello") -> None:
    tx.insert(
        "INSERT INTO campaign (id, tenant, subscription, name, first, last, sketch, octets) VALUES",
        [(number, "acme", "acme/app", name, 1.0, 2.0, b"", b"")],
    )


def held(tx: Tx, which: Which | None = None) -> list[str]:
    return [row.recipient for row in quarantine.listing(tx, which or Which(), FIRST_KEY, 100)]


def claimed(tx: Tx) -> list[str]:
    return addresses(claim_all(tx, want(now=NOW + 1)))


def endings(tx: Tx, message: MessageId) -> list[QuarantineEnded]:
    return [event for event in journal.of_message(tx, message) if isinstance(event, QuarantineEnded)]


def test_what_is_held_is_listed_and_found_by_every_field(tx: Tx) -> None:
    message = hold(tx, "ann@x.example", "Bob@y.example")
    hold(tx, "eve@z.example", campaign=8)
    assert len(held(tx)) == 3
    assert held(tx, Which(campaign=8)) == ["eve@z.example"]
    assert held(tx, Which(message=message)) == ["ann@x.example", "Bob@y.example"]
    assert held(tx, Which(recipient="bob@*")) == ["Bob@y.example"]
    assert held(tx, Which(recipient="b_b@y.example")) == []
    assert held(tx, Which(subscription="acme/app", tenant="acme", campaign=7)) == ["ann@x.example", "Bob@y.example"]
    assert quarantine.count(tx, Which(tenant="other")) == 0
    (row,) = quarantine.listing(tx, Which(), (message, 0), 1)
    assert (row.recipient, row.rationed, row.person, row.findings) == ("Bob@y.example", True, b"p" * 16, FINDINGS)


def test_heaps_count_by_campaign(tx: Tx) -> None:
    make_campaign(tx, 7)
    hold(tx, "ann@x.example", "bob@y.example")
    hold(tx, "cat@x.example", expires=500.0, findings="[]")
    hold(tx, "eve@z.example", campaign=8)
    big, small = quarantine.heaps(tx, Which(), 10)
    assert (big.campaign, big.name, big.recipients, big.messages, big.rationed) == (7, "Hello", 3, 2, 3)
    assert (big.oldest, big.expires, small.campaign, small.name) == (50.0, 500.0, 8, "")
    assert big.findings == FINDINGS


def test_what_is_released_is_claimed_at_once(tx: Tx) -> None:
    message = hold(tx, "ann@x.example", "bob@y.example")
    assert claimed(tx) == []
    ended = quarantine.release(tx, [(message, 0), (message, 0), (message, 9)], BY_ANN)
    assert [row.recipient for row in ended] == ["ann@x.example"]
    assert claimed(tx) == ["ann@x.example"] and held(tx) == ["bob@y.example"]
    (event,) = endings(tx, message)
    assert (event.n, event.how, event.by, event.because) == (0, "released", "ann", "looked fine")


def test_nothing_ends_twice(tx: Tx) -> None:
    message = hold(tx, "ann@x.example")
    assert quarantine.release(tx, [(message, 0)], BY_ANN)
    assert quarantine.release(tx, [(message, 0)], BY_ANN) == []
    assert quarantine.refuse(tx, [(message, 0)], BY_ANN, "no") == []
    assert len(endings(tx, message)) == 1


def test_what_is_refused_goes_back_with_the_reason(tx: Tx) -> None:
    message = hold(tx, "ann@x.example")
    quarantine.refuse(tx, [(message, 0)], Ending("refused", "ann", NOW), "refused by the operator")
    (row,) = tx.rows("SELECT state, due, wish, last_reply FROM recipient")
    assert row[:3] == ("waiting", NOW, "bounce")
    assert row[3] == ("550 5.7.1 refused by the operator; it was held because 50 of 50 are outstanding [trust-budget]")


def test_findings_nobody_can_read_do_not_keep_anything(tx: Tx) -> None:
    message = hold(tx, "ann@x.example", findings="not JSON")
    quarantine.refuse(tx, [(message, 0)], Ending("refused", "ann", NOW), "refused by the operator")
    assert tx.row("SELECT last_reply FROM recipient") == ("550 5.7.1 refused by the operator",)


def test_what_nobody_released_expires(tx: Tx) -> None:
    old = hold(tx, "ann@x.example", expires=NOW - 1)
    hold(tx, "bob@y.example", expires=NOW + 1)
    assert [row.recipient for row in quarantine.expire(tx, NOW, 10)] == ["ann@x.example"]
    assert quarantine.expire(tx, NOW, 10) == []
    assert [event.how for event in endings(tx, old)] == ["expired"]


def test_a_recipient_that_left_the_queue_leaves_no_row(tx: Tx) -> None:
    message = hold(tx, "ann@x.example")
    tx.run("DELETE FROM recipient")
    assert quarantine.release(tx, [(message, 0)], BY_ANN) == []
    assert held(tx) == [] and endings(tx, message) == []


def test_the_oldest_flow_first(tx: Tx) -> None:
    hold(tx, "ann@x.example", "bob@y.example", "cat@z.example")
    assert [row.recipient for row in quarantine.rationed(tx, 7, 2)] == ["ann@x.example", "bob@y.example"]
    assert quarantine.waiting_campaigns(tx) == [(7, "acme/app", 3)]


def test_a_decision_about_a_campaign_is_kept_and_journalled(tx: Tx) -> None:
    make_campaign(tx, 7)
    assert quarantine.decide_campaign(tx, 7, "refused", Ending("refused", "ann", NOW, "a bought list"))
    assert quarantine.campaign(tx, 7) == ("acme", "Hello", "refused")
    assert not quarantine.decide_campaign(tx, 8, "refused", BY_ANN)
    assert [event for event in tx.appended if isinstance(event, EstateChanged)] == [
        EstateChanged("acme", NOW, "campaign 7", "refused, because a bought list", "ann")
    ]


def test_a_message_is_reassigned_with_its_rank(tx: Tx) -> None:
    message = hold(tx, "ann@x.example", "bob@y.example")
    quarantine.reassign(tx, message, "acme/shop", "transactional", 0)
    assert tx.rows("SELECT DISTINCT rank FROM recipient") == [(0,)]
    assert tx.rows("SELECT subscription, stream FROM message") == [("acme/shop", "transactional")]
    assert held(tx, Which(subscription="acme/shop")) == ["ann@x.example", "bob@y.example"]


def test_recipients_that_are_not_held_are_counted(tx: Tx) -> None:
    message = hold(tx, "ann@x.example", "bob@y.example")
    assert quarantine.others_of(tx, message) == 0
    quarantine.release(tx, [(message, 1)], BY_ANN)
    assert quarantine.others_of(tx, message) == 1


@pytest.mark.parametrize("verb", ["release", "drop"])
def test_verbs_of_the_queue_take_rows_out_of_quarantine(tx: Tx, verb: str) -> None:
    message = hold(tx, "ann@x.example", "bob@y.example")
    if verb == "release":
        listing.release(tx, [(message, 0)], NOW)
    else:
        listing.drop(tx, [(message, 0)])
    assert held(tx) == ["bob@y.example"]


def test_what_is_on_its_way_back_is_neither_held_nor_called_off(tx: Tx) -> None:
    message = hold(tx, "ann@x.example")
    quarantine.refuse(tx, [(message, 0)], Ending("refused", "ann", NOW), "no")
    assert listing.hold(tx, [(message, 0)]) == ([], [])
    listing.release(tx, [(message, 0)], NOW)
    assert tx.row("SELECT state, wish FROM recipient") == ("waiting", "bounce")
    assert queue.states(tx) == {"waiting": 1}
