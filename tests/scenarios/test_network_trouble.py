"""Destinations in trouble: mail waits, nobody is told lies, and it goes out when they are back."""

import pytest

from goodstanding.events import Bounced, Deferred, Delivered
from tests.scenarios.client import submit, submit_many
from tests.scenarios.conftest import MakeRelay
from tests.scenarios.name_server import NameServer
from tests.scenarios.patience import eventually
from tests.scenarios.relay import Relay, free_port
from tests.scenarios.sink import Sink


def deferrals(relay: Relay) -> list[Deferred]:
    return [event for event in relay.events() if isinstance(event, Deferred)]


def test_a_dead_name_server_makes_mail_wait(make_relay: MakeRelay, sink: Sink) -> None:
    port = free_port()
    relay = make_relay(
        "pools=[]",
        'dns.nameservers=["127.0.0.1"]',
        f"dns.port={port}",
        "dns.timeout=0.2",
        f"delivery.port={sink.port}",
    )
    relay.start()
    token = submit(relay.plain, "somebody@dead-names.example")
    [deferral] = eventually(lambda: deferrals(relay)[:1], "a deferral")
    assert "4.4.3" in deferral.reply
    with NameServer(port):
        relay.wait_until_empty()
    assert sink.tokens() == [token]


def test_mail_exchangers_dead_for_long(relay: Relay, sink: Sink) -> None:
    sink.disappear()
    tokens = submit_many(relay.plain, 50, "somebody@dead.example")
    eventually(lambda: deferrals(relay) and relay.states() == {"waiting": 50}, "all wait")
    sink.appear()
    relay.wait_until_empty(100.0)  # a site that cannot be reached is left alone for a minute
    assert sorted(sink.tokens()) == sorted(tokens)


def test_a_remote_that_hangs_up_in_the_middle_of_a_message(relay: Relay, sink: Sink) -> None:
    sink.manners.hang = True
    token = submit(relay.plain)
    eventually(lambda: sink._open, "a connection")
    sink.disappear()
    eventually(lambda: deferrals(relay), "a deferral")
    sink.manners.hang = False
    sink.appear()
    relay.wait_until_empty()
    assert sink.tokens() == [token]


def test_a_refusing_remote_is_asked_again_and_then_the_sender_is_told(make_relay: MakeRelay, sink: Sink) -> None:
    relay = make_relay("delivery.give_up_after=3", "delivery.retry_jitter=0.0")
    relay.start()
    sink.manners.refused[b"full.example"] = b"452 4.2.2 mailbox full"
    token = submit(relay.plain, "somebody@full.example")
    relay.wait_until_empty()
    [bounce] = [event for event in relay.events() if isinstance(event, Bounced)]
    assert (bounce.expired, bounce.notified, "452 4.2.2 mailbox full" in bounce.reply) == (True, True, True)
    [notice] = sink.mails
    assert (notice.sender, notice.recipients) == (b"", (b"app@acme.example",))
    assert b"multipart/report" in notice.header()
    assert f"X-Token: {token}".encode() in notice.octets, "the notice returns the header of the message"


@pytest.mark.parametrize("crash", [False, True], ids=["", "and a crash in between"])
def test_refusals_of_some_recipients_concern_only_them(relay: Relay, sink: Sink, crash: bool) -> None:
    sink.manners.refused = {b"gone.example": b"550 5.1.1 no such user", b"later.example": b"451 4.2.1 mailbox busy"}
    submit(relay.plain, "a@here.example", "b@gone.example", "c@later.example")
    eventually(lambda: relay.queued() == 1 and deferrals(relay), "one recipient waits")
    if crash:
        relay.kill()
        relay.start()
    sink.manners.refused = {}
    relay.wait_until_empty()
    fates = sorted((type(e).__name__, e.recipient) for e in relay.events() if isinstance(e, Delivered | Bounced))
    assert fates == [
        ("Bounced", "b@gone.example"),
        ("Delivered", "a@here.example"),
        ("Delivered", "app@acme.example"),  # the notice
        ("Delivered", "c@later.example"),
    ]
