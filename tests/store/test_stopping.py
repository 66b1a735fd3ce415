"""Mail that orders stop comes back by itself, what they are about and nothing else."""

from msgspec import structs

from goodstanding.enforcement.in_force import reply_for
from goodstanding.enforcement.orders import Order, What
from goodstanding.model import Key, KeyKind, MessageId, Stream
from goodstanding.store import listing, queue, stopping
from goodstanding.store.db import Database
from goodstanding.store.listing import Filter
from goodstanding.store.queue import Settlement
from tests.store.letters import add, claim_all, identity, letter, want

APP = Key(KeyKind.SUBSCRIPTION, "acme/app")
HOLD = Order(APP, "acme", "bulk", What.HOLD, words="subscription:acme/app is suspended: 5 complaints", slug="suspended")
PACE = Order(APP, "acme", "bulk", What.PACE, rate=1.0, words="subscription:acme/app is slowed: 3", slug="slowed")


def test_what_is_stopped_on_one_stream_stays_when_the_other_goes_on(database: Database) -> None:
    """A subscription that was taken away and made anew, on another stream, has mail of both."""
    with database.tx() as tx:
        streams = {
            MessageId(1): identity(stream=Stream.BULK),
            MessageId(2): identity(stream=Stream.OUTREACH),
        }
        add(tx, *(letter(message=number, who=who) for number, who in streams.items()))
        stopping.stop(tx, [(claim, HOLD) for claim in claim_all(tx, want())], 100.0)
        bulk = next(one for one in stopping.groups(tx) if one.touched.stream == "bulk")
        assert stopping.resume(tx, bulk, 101.0, 100) == 1
        assert [one.touched.stream for one in stopping.groups(tx)] == ["outreach"]
        assert [claim.message for claim in claim_all(tx, want(now=102.0))] == [1]


def test_the_queue_says_of_what_is_stopped_or_paced_what_everybody_is_told(database: Database) -> None:
    with database.tx() as tx:
        add(tx, letter(message=MessageId(1)), letter(message=MessageId(2)))
        first, second = claim_all(tx, want())
        stopping.stop(tx, [(first, HOLD)], 100.0)
        stopping.postpone(tx, [(second, PACE, 3700.0)])
        shown = {row.message: (row.state, row.due, row.last_reply) for row in listing.listing(tx, Filter(), 10)}
    assert shown[first.message] == ("stopped", 0.0, str(reply_for(HOLD)))
    assert shown[second.message] == ("waiting", 3700.0, str(reply_for(PACE)))
    assert str(reply_for(PACE)) == "450 4.7.1 subscription:acme/app is slowed: 3 [slowed]"


def test_what_an_order_kept_waiting_goes_when_it_ends_and_nothing_else_does(database: Database) -> None:
    with database.tx() as tx:
        add(tx, *(letter(message=MessageId(n)) for n in (1, 2, 3)), letter(message=MessageId(4), who=identity("bank")))
        paced, other, deferred, banks = sorted(claim_all(tx, want()), key=lambda claim: claim.message)
        stopping.postpone(tx, [(paced, PACE, 3700.0), (banks, PACE, 3700.0)])
        stopping.postpone(tx, [(other, structs.replace(PACE, words="another"), 3700.0)])
        queue.settle(tx, [Settlement(deferred.message, 0, True, False, None, 3700.0, "450 4.2.0 greylisted")])
        assert stopping.quicken(tx, "acme", stopping.said(PACE), 101.0) == 1
        assert [claim.message for claim in claim_all(tx, want(now=102.0))] == [paced.message]
        assert stopping.quicken(tx, "", stopping.said(PACE), 101.0) == 1
        assert [claim.message for claim in claim_all(tx, want(now=102.0))] == [banks.message]


def test_what_goes_back_to_its_sender_keeps_the_reply_it_goes_back_with(database: Database) -> None:
    with database.tx() as tx:
        add(tx, letter("a@example.net", "b@example.net", message=MessageId(1)))
        tx.run("UPDATE recipient SET wish = 'bounce', last_reply = '550 5.1.1 gone' WHERE n = 0")
        (claim,) = claim_all(tx, want())
        stopping.postpone(tx, [(claim, PACE, 3700.0)])
        rows = tx.rows("SELECT last_reply FROM recipient ORDER BY n")
    assert rows == [("550 5.1.1 gone",), (stopping.said(PACE),)]
