"""A huge queue to a slow host is nobody else's problem."""

import time
from statistics import median, quantiles

import pytest

from goodstanding.events import Deferred
from goodstanding.model import Envelope, MessageId, Recipient, Stream, WorkerId
from goodstanding.store import estate, queue
from goodstanding.store.queue import Entry
from goodstanding.store.spool import Content, Spool
from tests.scenarios.client import submit
from tests.scenarios.conftest import MakeRelay
from tests.scenarios.patience import eventually
from tests.scenarios.relay import Relay
from tests.scenarios.sink import Sink

NEWSLETTER = 20_000
SLOW = [f"slow{i}.example" for i in range(40)]
"""Enough lanes to fill all the room there is."""
CODES = 200


@pytest.fixture
def relay(make_relay: MakeRelay, sink: Sink) -> Relay:
    """One that has the newsletter of a giant to deliver, and where that goes takes its time."""
    relay = make_relay('submission.trusted=[{networks=["127.0.0.1/32"], subscription="acme/app"}]')
    queue_newsletter(relay, NEWSLETTER)
    assert relay.queued() == NEWSLETTER
    sink.manners.delay_of = {domain.encode(): 0.5 for domain in SLOW}
    relay.start()
    eventually(lambda: "bulk" in sink.tokens(), "the newsletter being delivered")
    return relay


def queue_newsletter(relay: Relay, copies: int) -> None:
    """Put it into the store, as a worker would, while none runs."""
    relay.subscribe("giant/news", Stream.BULK)
    relay.subscribe("small/news", Stream.BULK)
    spool = Spool(relay.data / "spool", relay.database, 0, 1 << 30)
    body = b"From: news@giant.example\r\nX-Token: bulk\r\nSubject: news\r\n\r\nnews\r\n"
    with relay.database.tx() as tx:
        identity = estate.subscription(tx, "giant/news")
        assert identity is not None
        contents = [Content(number, [body], len(body), b"") for number in range(1 << 40, (1 << 40) + copies)]
        places = spool.write(contents)
        spool.book(tx, contents, places)
        entries = [
            Entry(
                *(MessageId(content.message), identity),
                Envelope("news@giant.example", (Recipient(f"{content.message}@{SLOW[content.message % len(SLOW)]}"),)),
                *(0, WorkerId(0), 0.0, []),
            )
            for content in contents
        ]
        queue.add(tx, list(zip(entries, places, strict=True)))


@pytest.mark.parametrize(
    ("domain", "codes"),
    [("quick.example", CODES), (SLOW[0], CODES // 10)],
    ids=["another host", "the same slow host"],
)
def test_one_time_codes_of_another_tenant_do_not_wait(
    relay: Relay, sink: Sink, capsys: pytest.CaptureFixture[str], domain: str, codes: int
) -> None:
    taken: list[float] = []
    for _ in range(codes):
        started = time.monotonic()
        token = submit(relay.plain, f"me@{domain}")
        eventually(lambda token=token: token in sink.tokens(), "the code")  # type: ignore[misc]
        taken.append(sink.arrivals()[token][0] - started)
    p99, slowness = quantiles(taken, n=100)[98], sink.manners.delay_of.get(domain.encode(), 0.0)
    with capsys.disabled():
        print(
            f"\n{codes} one-time codes to {domain} beside {relay.queued()} queued newsletters: "
            f"median {median(taken) * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, of which {slowness * 1000:.0f} the host's"
        )
    assert p99 < 1.0 + slowness


def test_a_small_senders_newsletter_does_not_wait_for_a_giants(make_relay: MakeRelay, relay: Relay, sink: Sink) -> None:
    relay.stop()
    small = make_relay(
        'submission.trusted=[{networks=["127.0.0.1/32"], subscription="small/news"}]', folder=relay.folder
    )
    small.start()
    before = len(sink.mails)
    tokens = [submit(small.plain, f"me@{SLOW[0]}") for _ in range(10)]
    eventually(lambda: set(tokens) <= set(sink.tokens()), "the ten of the small sender", 60.0)
    # Within a worker tenants take turns; what waits in the store first has to be claimed, a lane after the other.
    assert sink.tokens()[before:].count("bulk") < 1000


def test_a_greylisted_one_time_code_is_tried_again_in_time(relay: Relay, sink: Sink) -> None:
    sink.manners.refused = {b"grey.example": b"451 4.7.1 greylisted, come again"}
    token = submit(relay.plain, "me@grey.example")
    eventually(lambda: any(isinstance(event, Deferred) for event in relay.events()), "the refusal")
    sink.manners.refused = {}
    eventually(lambda: token in sink.tokens(), "the code", 10.0)  # it is due after a second
