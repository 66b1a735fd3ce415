"""The guard over real connections: what is refused says why, what is held can be released, and codes flow."""

import json
import re
import smtplib
import time
from typing import TypeVar

import pytest

from goodstanding.events import Bounced, Judged, Quarantined, QuarantineEnded, Refused
from goodstanding.model import Stream
from tests.scenarios.conftest import MakeRelay
from tests.scenarios.estate import CODES, DOMAINS, NEWS, SALES, Estate, mail, return_path
from tests.scenarios.patience import eventually
from tests.scenarios.relay import Relay
from tests.scenarios.sink import Sink

Kind = TypeVar("Kind")
TRIGGER = {"X-Goodstanding-Trigger": "what=login; from=203.0.113.9"}
CODE = "Your code is {}. It is good for ten minutes."
PITCH = (
    "Hi {name},\r\n\r\nI came across {company} and was impressed by what you do. We help companies like yours win more "
    "customers. Do you have 15 minutes for a quick call next week? I would love to show you how it works.\r\n\r\n"
    "Best regards,\r\nMax Power\r\n\r\nIf you do not want to hear from me again, just reply stop.\r\n"
)
FOOT = "\r\n\r\nAcme Ltd, 1 Main Street, 20121 Milano, Italy\r\nUnsubscribe: https://acme-letters.example/leave\r\n"


@pytest.fixture
def relay(make_relay: MakeRelay) -> Relay:
    return make_relay(admission="enforce")


@pytest.fixture
def estate(relay: Relay) -> Estate:
    found = Estate(relay)
    relay.start()
    return found


def refused(estate: Estate, name: str, to: str, octets: bytes, sender: str = "") -> tuple[int, str]:
    """The reply to a message that is turned away."""
    with estate.session(name) as client, pytest.raises(smtplib.SMTPException) as caught:
        client.sendmail(sender or return_path(name), [to], octets)
    fault = caught.value
    if isinstance(fault, smtplib.SMTPRecipientsRefused):
        code, text = fault.recipients[to]
    else:
        assert isinstance(fault, smtplib.SMTPResponseException)
        code, text = fault.smtp_code, fault.smtp_error  # type: ignore[assignment]
    return code, text.decode() if isinstance(text, bytes) else text


def send(estate: Estate, name: str, to: str, octets: bytes) -> str:
    """The reply to a message that is taken."""
    with estate.session(name) as client:
        client.mail(return_path(name))
        code, text = client.rcpt(to)
        assert code == 250, text
        code, text = client.data(octets)
    assert code == 250, text
    return text.decode()


def test_a_code_with_its_trigger_arrives_and_the_control_header_does_not(estate: Estate, sink: Sink) -> None:
    send(estate, CODES, "ann@example.net", mail(CODES, "ann@example.net", "c1 code", CODE.format(4711), TRIGGER))
    eventually(lambda: len(sink.mails) == 1, "it arrives")
    assert b"X-Goodstanding-Trigger" not in sink.mails[0].octets
    assert b"DKIM-Signature: " in sink.mails[0].header()


IDENTITIES = [
    ("hello@nobody.example", "", "unclaimed-sender", 501),
    (f"hello@{DOMAINS[NEWS]}", "", "wrong-stream", 550),
    ("hello@other.example", "", "foreign-sender", 501),
    ("hello@fresh.example", "", "unverified-sender", 501),
    (f"hello@{DOMAINS[CODES]}", "app@nobody.example", "foreign-return-path", 501),
    (f"hello@{DOMAINS[CODES]}", "app@fresh.example", "misaligned-return-path", 501),
]


@pytest.mark.parametrize(
    ("author", "sender", "slug", "refusal"), IDENTITIES, ids=[slug for _, _, slug, _ in IDENTITIES]
)
def test_mail_that_is_not_the_tenants_own_is_refused(
    estate: Estate, author: str, sender: str, slug: str, refusal: int
) -> None:
    estate.own("other.example", Stream.TRANSACTIONAL, tenant="other")
    estate.own("fresh.example", Stream.TRANSACTIONAL, state="pending")
    time.sleep(1.5)  # workers look at the estate every second
    octets = mail(CODES, "ann@example.net", "x code", CODE.format(1), TRIGGER, sender=author)
    code, text = refused(estate, CODES, "ann@example.net", octets, sender)
    assert code == refusal
    assert f"[{slug}]" in text
    assert ("5.1.7 The specified sender domain has not been linked." in text) is (refusal == 501)


def test_a_return_path_that_is_not_linked_is_refused_at_mail_and_journalled(estate: Estate) -> None:
    with estate.session(CODES) as client:
        code, text = client.mail("app@nobody.example")
        assert (code, text.splitlines()[0]) == (501, b"5.1.7 The specified sender domain has not been linked.")
        assert client.mail(return_path(CODES))[0] == 250
        client.rset()
        assert client.mail("")[0] == 250
    (event,) = eventually(lambda: of_kind(estate.relay, Refused), "it is journalled")
    assert (event.sender, event.recipient, event.reply[:9]) == ("app@nobody.example", "", "501 5.1.7")


def test_who_unsubscribed_is_refused_at_rcpt_and_the_others_are_not(estate: Estate, sink: Sink) -> None:
    estate.permitted(["ann@example.net", "bob@example.net"])
    estate.suppress("bob@example.net", "bulk")
    octets = mail(NEWS, "readers@example.net", "n1 news", "News." + FOOT, ONE_CLICK)
    with estate.session(NEWS) as client:
        turned = client.sendmail(return_path(NEWS), ["ann@example.net", "Bob@Example.net"], octets)
    (code, text) = turned["Bob@Example.net"]
    assert (code, b"[suppressed]" in text) == (550, True)
    eventually(lambda: len(sink.mails) == 1, "the other one arrives")
    send(estate, CODES, "bob@example.net", mail(CODES, "bob@example.net", "c2 code", CODE.format(2), TRIGGER))


ONE_CLICK = {
    "List-Unsubscribe": "<https://acme-letters.example/leave/1>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
}


def test_bulk_goes_to_those_who_gave_permission_and_to_nobody_else(estate: Estate, sink: Sink) -> None:
    estate.permitted(["ann@example.net"])
    send(estate, NEWS, "ann@example.net", mail(NEWS, "ann@example.net", "n1 news", "News." + FOOT, ONE_CLICK))
    code, text = refused(
        estate, NEWS, "eve@example.net", mail(NEWS, "eve@example.net", "n2 news", "News." + FOOT, ONE_CLICK)
    )
    assert (code, "[no-permission]" in text) == (550, True)
    said = dict(ONE_CLICK) | {
        "X-Goodstanding-Permission": "basis=opt-in; at=2026-11-01T10:00:00Z; source=acme.example/join"
    }
    send(estate, NEWS, "eve@example.net", mail(NEWS, "eve@example.net", "n3 news", "News." + FOOT, said))
    send(estate, NEWS, "eve@example.net", mail(NEWS, "eve@example.net", "n4 news", "News." + FOOT, ONE_CLICK))
    eventually(lambda: len(sink.mails) == 3, "three arrive")


def test_bulk_without_a_way_out_is_refused(estate: Estate) -> None:
    estate.permitted(["ann@example.net"])
    code, text = refused(estate, NEWS, "ann@example.net", mail(NEWS, "ann@example.net", "n1 news", "News." + FOOT))
    assert (code, "[no-one-click]" in text) == (550, True)


def test_a_cold_campaign_over_the_transactional_stream_is_stopped_while_codes_flow(estate: Estate, sink: Sink) -> None:
    replies: list[str] = []
    delays: list[float] = []
    with estate.session(CODES) as sales, estate.session(CODES) as codes:
        for n in range(150):
            to = f"info@company{n:03}.example"
            pitch = PITCH.format(name=f"Name{n}", company=f"Company {n}")
            sales.mail(return_path(CODES))
            sales.rcpt(to)
            code, text = sales.data(mail(CODES, to, f"p{n} quick question", pitch))
            replies.append(f"{code} {text.decode()}")
            if n % 5 == 0:
                person = f"user{n}@example.net"
                began = time.monotonic()
                codes.sendmail(return_path(CODES), [person], mail(CODES, person, f"c{n} code", CODE.format(n), TRIGGER))
                delays.append(time.monotonic() - began)
    through = sum("accepted as" in reply and "held" not in reply for reply in replies)
    stopped = [reply for reply in replies if reply.startswith("550")]
    print(f"\n{through} of 150 cold mails went out, {len(stopped)} refused, slowest code {max(delays):.3f} s")
    print(stopped[0] if stopped else replies[-1])
    assert through <= 50
    assert stopped
    assert "[cold-on-transactional]" in stopped[-1]
    assert max(delays) < 1.0
    eventually(lambda: sum(mail.token().startswith("c") for mail in sink.mails) == 30, "all codes arrive")


def of_kind(relay: Relay, kind: type[Kind]) -> list[Kind]:
    return [event for event in relay.events() if isinstance(event, kind)]


NOTHING_ON_CREDIT = "admission.first_day=0"


@pytest.fixture
def strict(make_relay: MakeRelay) -> Estate:
    """Strangers get no mail on credit at all."""
    relay = make_relay(NOTHING_ON_CREDIT, admission="enforce")
    found = Estate(relay)
    relay.start()
    return found


def welcome(n: int) -> bytes:
    """A first mail to a stranger."""
    return mail(CODES, f"guest{n}@example.net", f"h{n} welcome", f"Welcome aboard, your room is number {n + 7}.")


def hold(estate: Estate, count: int) -> list[Quarantined]:
    """First mails to strangers, of which nothing is known."""
    for n in range(count):
        to = f"guest{n}@example.net"
        text = send(
            estate, CODES, to, mail(CODES, to, f"h{n} welcome", f"Welcome aboard, your room is number {n + 7}.")
        )
        assert "held" in text and "[trust-budget]" in text
    return of_kind(estate.relay, Quarantined)


def test_what_exceeds_the_trust_budget_is_held_and_an_operator_releases_it(strict: Estate, sink: Sink) -> None:
    held = hold(strict, 3)
    assert (strict.relay.states(), sink.mails) == ({"held": 3}, [])
    why = strict.relay.command("why", "guest1@example.net")
    assert "trust-budget" in why
    strict.relay.command("quarantine", "release", f"campaign={held[0].campaign}")
    eventually(lambda: len(sink.mails) == 3, "they go out")
    assert {event.how for event in of_kind(strict.relay, QuarantineEnded)} == {"released"}
    send(
        strict,
        CODES,
        "guest9@example.net",
        mail(CODES, "guest9@example.net", "h9 welcome", "Welcome aboard, your room is number 16."),
    )
    eventually(lambda: len(sink.mails) == 4, "the rest of the campaign follows the decision")


def test_what_an_operator_refuses_comes_back_to_its_sender(strict: Estate, sink: Sink) -> None:
    hold(strict, 1)
    strict.relay.command("quarantine", "refuse", "recipient=guest0@example.net", "--yes")
    eventually(lambda: any(b"multipart/report" in mail.octets for mail in sink.mails), "a notice arrives")
    assert [event.notified for event in of_kind(strict.relay, Bounced)] == [True]
    assert strict.relay.wait_until_empty() is None


def test_a_reported_interaction_lets_the_next_mail_through(strict: Estate, sink: Sink) -> None:
    strict.relay.command("trust", "record", "guest0@example.net", "login", "--tenant", "acme")
    assert "held" not in send(strict, CODES, "guest0@example.net", welcome(0))
    eventually(lambda: len(sink.mails) == 1, "it goes out")


def test_shadow_judges_and_lets_everything_but_suppressed_go(relay: Relay, sink: Sink) -> None:
    estate = Estate(relay, shadow=True)
    relay.start()
    estate.suppress("gone@example.net")
    foreign = mail(CODES, "ann@example.net", "s1 code", CODE.format(1), sender="x@nobody.example")
    with estate.session(CODES) as client:
        client.sendmail("x@nobody.example", ["ann@example.net"], foreign)
    eventually(lambda: len(sink.mails) == 1, "it goes out")
    (judged,) = of_kind(relay, Judged)
    assert judged.shadow
    assert judged.action == "refuse"
    assert "unclaimed-sender" in judged.findings
    code, _ = refused(estate, CODES, "gone@example.net", mail(CODES, "gone@example.net", "s2 code", CODE.format(2)))
    assert code == 550


def test_the_agreed_pace_is_kept_and_the_reply_says_when_to_come_again(relay: Relay) -> None:
    estate = Estate(relay)
    estate.agree(CODES, minute_limit=3)
    relay.start()
    for n in range(3):
        send(
            estate, CODES, f"u{n}@example.net", mail(CODES, f"u{n}@example.net", f"r{n} code", CODE.format(n), TRIGGER)
        )
    code, text = refused(
        estate, CODES, "u9@example.net", mail(CODES, "u9@example.net", "r9 code", CODE.format(9), TRIGGER)
    )
    assert (code, "[rate-limit]" in text, "try again in" in text) == (450, True, True)


def test_too_many_recipients_are_asked_to_come_in_another_transaction(relay: Relay, sink: Sink) -> None:
    estate = Estate(relay, recipients_limit=2)
    relay.start()
    with estate.session(CODES) as client:
        client.mail(return_path(CODES))
        assert [client.rcpt(f"u{n}@example.net")[0] for n in range(3)] == [250, 250, 452]


def test_in_shadow_a_message_may_have_more_recipients_than_agreed(relay: Relay, sink: Sink) -> None:
    estate = Estate(relay, recipients_limit=2, shadow=True)
    relay.start()
    with estate.session(CODES) as client:
        client.mail(return_path(CODES))
        assert [client.rcpt(f"u{n}@example.net")[0] for n in range(3)] == [250, 250, 250]
        client.data(mail(CODES, "u0@example.net", "r0 code", CODE.format(0), TRIGGER))
    (judged,) = of_kind(relay, Judged)
    assert judged.shadow and "too-many-recipients" in judged.findings


def test_somebody_who_leaves_while_mail_waits_gets_none_of_it(estate: Estate, sink: Sink) -> None:
    estate.permitted(["ann@example.net"])
    sink.manners.refused[b"example.net"] = b"450 4.2.0 later"
    send(estate, NEWS, "ann@example.net", mail(NEWS, "ann@example.net", "n1 news", "News." + FOOT, ONE_CLICK))
    eventually(lambda: any(event.__class__.__name__ == "Deferred" for event in estate.relay.events()), "it is put off")
    estate.suppress("ann@example.net", "bulk")
    sink.manners.refused.clear()
    eventually(lambda: len(of_kind(estate.relay, Bounced)) == 1, "it is returned")
    assert "suppressed" in of_kind(estate.relay, Bounced)[0].reply


def test_each_reader_of_a_newsletter_gets_a_way_out_of_their_own(make_relay: MakeRelay, sink: Sink) -> None:
    relay = make_relay("web.port=0", 'web.mail_domain="leave.acme-letters.example"', admission="enforce")
    estate = Estate(relay)
    relay.start()
    readers = ["ann@example.net", "bob@example.net"]
    estate.permitted(readers)
    octets = mail(NEWS, "readers@acme.example", "n1 news", "News." + FOOT)
    estate.agree(NEWS, shadow=True)  # without a page there is no one click: here only the fields matter
    time.sleep(1.5)
    with estate.session(NEWS) as client:
        assert client.sendmail(return_path(NEWS), readers, octets) == {}
    eventually(lambda: len(sink.mails) == 2, "both arrive")
    fields = {re.search(rb"List-Unsubscribe:\s+(<mailto:unsubscribe@[^>]+>)", one.header()) for one in sink.mails}
    assert len({found[1] for found in fields if found}) == 2


def test_what_was_decided_outlives_a_crash(strict: Estate, sink: Sink) -> None:
    held = hold(strict, 2)
    strict.relay.kill()
    strict.relay.start()
    assert strict.relay.states() == {"held": 2}
    said = json.loads(strict.relay.command("quarantine", "list", "--json"))
    assert str(held[0].campaign) in json.dumps(said)


def test_two_streams_that_share_an_identity_are_both_checked(estate: Estate) -> None:
    estate.own("mail.acme.example", Stream.OUTREACH)
    time.sleep(1.5)
    octets = mail(SALES, "ann@company.example", "o1 hello", PITCH, ONE_CLICK, sender="max@mail.acme.example")
    code, text = refused(estate, SALES, "ann@company.example", octets, "max@mail.acme.example")
    assert (code, "[shared-identity]" in text) == (550, True)
