"""Orders take effect within a second, on every worker, on what waits as on what comes, and end as quickly."""

import json
import smtplib
import time

import pytest

from goodstanding.evidence import LadderMoved
from goodstanding.store.listing import Filter, Waiting, listing
from tests.scenarios.conftest import MakeRelay
from tests.scenarios.estate import CODES, Estate, mail, return_path
from tests.scenarios.patience import eventually
from tests.scenarios.relay import Relay
from tests.scenarios.sink import Sink

TRIGGER = {"X-Goodstanding-Trigger": "what=login; from=203.0.113.9"}
KEY = f"subscription:{CODES}"
WHY = ("--because", "the list of the fair")
WITHIN = 1.0
"""Seconds: what the issue asks of an order, and of its end."""


def started(make_relay: MakeRelay, slowed: int, mode: str = "enforce") -> tuple[Relay, Estate]:
    relay = make_relay(admission=mode)
    with relay.file.open("a") as settings:  # in the file, because commands give orders, too
        settings.write(f"\n[enforcement]\nslowed_rate = {slowed}\n")
    estate = Estate(relay)
    relay.command("tenant", "set", "acme", "--contact", "owner@acme-office.example")
    relay.start()
    return relay, estate


def send(client: smtplib.SMTP, subject: str) -> None:
    octets = mail(CODES, "ann@isp.example", subject, "Your code is 123456.", TRIGGER)
    client.sendmail(return_path(CODES), ["ann@isp.example"], octets)


def waiting(relay: Relay) -> list[Waiting]:
    with relay.database.read() as tx:
        return listing(tx, Filter(subscription=CODES), 100)


def paced(relay: Relay) -> list[Waiting]:
    return [row for row in waiting(relay) if "is slowed to 60 recipients an hour" in row.last_reply]


def test_paced_mail_says_why_it_waits_and_goes_when_the_order_is_lifted(make_relay: MakeRelay, sink: Sink) -> None:
    relay, estate = started(make_relay, 60)
    sink.manners.reply = b"451 4.2.0 not now"
    tokens = [f"code{n}" for n in range(6)]
    with estate.session(CODES) as client:
        for token in tokens:
            send(client, token)
    relay.command("standing", "slow", KEY, *WHY)
    time.sleep(WITHIN)
    sink.manners.reply = b"250 2.0.0 kept"
    # At most one goes; none, if its turn came while the sink said no.
    eventually(
        lambda: len(paced(relay)) >= 5 and paced(relay) == waiting(relay), lambda: f"they wait: {waiting(relay)}"
    )
    [row, *_] = [json.loads(line) for line in relay.command("queue", "list", "--json").splitlines()]
    assert row["last_reply"].startswith(f"450 4.7.1 {KEY} is slowed to 60 recipients an hour: the list of the fair")
    assert row["due"] > time.time() + 5
    relay.command("standing", "lift", KEY, "--because", "it was another list")
    lifted = next(one.at for one in relay.events() if isinstance(one, LadderMoved) and one.cause == "operator-lifted")
    eventually(lambda: set(tokens) <= set(sink.tokens()), lambda: f"all of it goes: {waiting(relay)}")
    arrived = max(mail.at for mail in sink.mails if mail.token() in tokens) + time.time() - time.monotonic()
    assert arrived - lifted < WITHIN, arrived - lifted


def test_one_connection_gets_the_whole_rate_however_many_workers_there_are(make_relay: MakeRelay, sink: Sink) -> None:
    relay, estate = started(make_relay, 7200)
    relay.command("standing", "slow", KEY, *WHY)
    time.sleep(WITHIN)
    with estate.session(CODES) as client, pytest.raises(smtplib.SMTPDataError) as asked:
        for n in range(100):
            send(client, f"code{n}")
    assert (asked.value.smtp_code, n >= 20) == (450, True)  # ten seconds of two a second; each worker had half of it
    assert f"4.7.1 {KEY} is slowed to 7,200 recipients an hour".encode() in asked.value.smtp_error  # type: ignore[operator]


def test_in_shadow_an_operators_hand_is_noted_and_nobody_is_told_or_slowed(make_relay: MakeRelay, sink: Sink) -> None:
    relay, estate = started(make_relay, 1, mode="shadow")
    relay.command("standing", "suspend", KEY, *WHY)
    time.sleep(WITHIN)
    with estate.session(CODES) as client:
        for token in ("one", "two"):
            send(client, token)
    eventually(lambda: {"one", "two"} <= set(sink.tokens()), "both arrive")
    [noted] = json.loads(relay.command("standing", "list", "--json"))
    assert (noted["effective"], noted["position"]["shadow"]) == ("suspended", True)
    assert not any(b"owner@acme-office.example" in one.recipients for one in sink.mails)


def test_who_is_suspended_is_still_told_what_became_of_its_mail(make_relay: MakeRelay, sink: Sink) -> None:
    relay, estate = started(make_relay, 60)
    teller = return_path(CODES).rpartition("@")[2].encode()
    sink.manners.refused = {b"isp.example": b"550 5.1.1 no such user", teller: b"451 4.2.0 not now"}
    with estate.session(CODES) as client:
        send(client, "code")
    eventually(lambda: [one.recipient for one in waiting(relay)] == [return_path(CODES)], "the notice waits")
    relay.command("standing", "suspend", KEY, *WHY)
    time.sleep(2 * WITHIN)
    sink.manners.refused = {}
    eventually(lambda: any(return_path(CODES).encode() in one.recipients for one in sink.mails), "the notice arrives")
