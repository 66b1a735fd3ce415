"""Reports on both engines: kept until read, acted on once, matched by their token, forged ones without effect."""

import asyncio
import json
import time
from typing import Any

import pytest
from msgspec import structs

from goodstanding.admission.trust import person
from goodstanding.companion import Orders
from goodstanding.errors import GoodstandingError
from goodstanding.events import Accepted, Delivered, Event, Suppressed, Unsubscribed
from goodstanding.evidence import Complained, Engaged, Returned, Unmatched
from goodstanding.feedback import hearing
from goodstanding.feedback.hearing import PORTION, Hearing, Keys, ReadReport, portions
from goodstanding.feedback.hits import Seen, encoded
from goodstanding.feedback.reading import Reading
from goodstanding.follower import Follower, attended
from goodstanding.model import MessageId, Touched
from goodstanding.sealed import derive
from goodstanding.settings import AdmissionSettings, Settings
from goodstanding.store import journal, reports, suppression
from goodstanding.store.db import Database, Tx
from goodstanding.store.reports import Report
from goodstanding.wire.return_path import EVERYBODY, FIELD, PURPOSE, encode

KEYS = Keys(bytes(range(32)), bytes(range(1, 33)), bytes(range(2, 34)))
MESSAGE = MessageId(77 << 22)
TOUCHED = Touched("shop/news", "bulk", "shop.example", 7)
ANN = "ann@isp.example"
SENT = ("shop/news", "bulk", "news@shop.example", 10)
TOKEN = encode(KEYS.report, MESSAGE, 0)
FORGED = encode(bytes(32), MESSAGE, 0)


def story(tx: Tx, *recipients: str) -> None:
    """A message that was delivered to these."""
    for n, recipient in enumerate(recipients):
        told: list[Event] = [
            Accepted("shop", MESSAGE, n, 1.0, recipient, "shop/news", "bulk", "news@shop.example", 10),
            Delivered("shop", MESSAGE, n, 2.0, recipient, "mx", "250 ok", source="203.0.113.7", touched=TOUCHED),
        ]
        journal.append(tx, told)


def complaint(token: str, *recipients: str) -> bytes:
    """A feedback report (RFC 5965) about a message with a token in its header."""
    about = "".join(f"Original-Rcpt-To: {one}\r\n" for one in recipients)
    return (
        "From: feedback@isp.example\r\nTo: fbl@reports.example\r\nSubject: complaint\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nA person reported this as spam.\r\n"
        "--b\r\nContent-Type: message/feedback-report\r\n\r\n"
        f"Feedback-Type: abuse\r\nUser-Agent: Isp/1\r\nVersion: 1\r\n{about}\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nFrom: news@shop.example\r\n{FIELD}: {token}\r\n"
        "\r\n--b--\r\n"
    ).encode()


def bounce(status: str) -> bytes:
    """A delivery status notification (RFC 3464)."""
    return (
        "From: MAILER-DAEMON@isp.example\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.isp.example\r\n\r\n"
        f"Final-Recipient: rfc822; {ANN}\r\nAction: failed\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp; 550 {status} user unknown\r\n\r\n--b--\r\n"
    ).encode()


def hear(tx: Tx, octets: bytes, recipient: str = "fbl@reports.example", sender: str = "feedback@isp.example") -> None:
    """It comes in and is heard."""
    reports.add(tx, [Report(5.0, "smtp", "192.0.2.1", sender, recipient, octets)])
    batch = [hearing.read(one) for one in reports.waiting(tx, 10, time.time())]
    Hearing(KEYS, lambda text: None).hear(tx, batch, 6.0)


def told(tx: Tx, *kinds: type[Event]) -> list[Any]:
    return [event for event in journal.after(tx, 0)[0] if isinstance(event, kinds)]


def suppressed(tx: Tx) -> list[str]:
    return [row.cause for row in suppression.of(tx, "shop", person(KEYS.person, "shop", ANN))]


def test_reports_wait_in_order_until_somebody_acts_on_them(tx: Tx) -> None:
    one = Report(1.0, "smtp", "192.0.2.1", "", "fbl@x.example", b"a\0\xff")
    reports.add(tx, [one, structs.replace(one, octets=b"b")])
    first, second = reports.waiting(tx, 10, time.time())
    assert (first.octets, second.octets, reports.count(tx)) == (b"a\0\xff", b"b", 2)
    assert reports.weight(tx) == 4
    assert reports.take(tx, [first.id, 999]) == {first.id}
    assert reports.take(tx, [first.id]) == set()
    assert [one.octets for one in reports.waiting(tx, 10, time.time())] == [b"b"]


def test_a_complaint_finds_its_message_and_stops_mail_to_who_complained(tx: Tx) -> None:
    story(tx, ANN)
    hear(tx, complaint(TOKEN))
    [event] = told(tx, Complained)
    assert isinstance(event, Complained)
    assert (event.message, event.recipient, event.touched, event.source) == (MESSAGE, ANN, TOUCHED, "203.0.113.7")
    assert event.delivered == 2.0
    assert suppressed(tx) == ["complained"]
    assert reports.count(tx) == 0


def test_a_report_that_comes_again_counts_once(tx: Tx) -> None:
    story(tx, ANN)
    hear(tx, complaint(TOKEN))
    hear(tx, complaint(TOKEN, ANN))
    hear(tx, complaint(TOKEN))
    assert len(told(tx, Complained)) == 1
    assert len(told(tx, Suppressed)) == 1


def test_a_forged_report_changes_nothing_and_is_shown(tx: Tx) -> None:
    story(tx, ANN)
    hear(tx, complaint(FORGED, ANN))
    assert told(tx, Complained, Suppressed) == []
    [event] = told(tx, Unmatched)
    assert isinstance(event, Unmatched)
    assert (event.kind, event.reporter) == ("complaint", "feedback@isp.example")


def test_a_token_of_a_message_the_journal_does_not_know_changes_nothing(tx: Tx) -> None:
    hear(tx, complaint(TOKEN))
    assert [type(event) for event in told(tx, Complained, Unmatched)] == [Unmatched]


def test_who_is_named_in_a_report_about_a_message_to_several_is_counted_but_not_suppressed(tx: Tx) -> None:
    story(tx, "ben@isp.example", ANN)
    hear(tx, complaint(encode(KEYS.report, MESSAGE, EVERYBODY), ANN))
    assert [(event.n, event.recipient) for event in told(tx, Complained)] == [(1, ANN)]
    assert suppressed(tx) == []


def test_a_message_to_several_is_complained_about_once_whatever_the_reports_say(tx: Tx) -> None:
    story(tx, "ben@isp.example", ANN)
    for words in (b"spam", b"junk", b"unwanted"):
        hear(tx, complaint(encode(KEYS.report, MESSAGE, EVERYBODY)).replace(b"spam", words))
    hear(tx, complaint(encode(KEYS.report, MESSAGE, EVERYBODY), ANN))
    assert len(told(tx, Complained)) == 1


def test_the_token_for_everybody_proves_enough_where_there_is_only_one(tx: Tx) -> None:
    story(tx, ANN)
    hear(tx, complaint(encode(KEYS.report, MESSAGE, EVERYBODY), ANN))
    assert suppressed(tx) == ["complained"]


def test_a_reply_counts_once_however_often_it_is_written(tx: Tx) -> None:
    story(tx, ANN)
    for words in (b"Thanks a lot, see you", b"Thank you, see you then", b"OK, see you"):
        octets = b"From: ann@isp.example\r\nSubject: Re: hi\r\nIn-Reply-To: <x@y>\r\n\r\n" + words + b"\r\n"
        hear(tx, octets, f"{TOKEN}@bounces.example", ANN)
    assert len(told(tx, Engaged)) == 1


def test_a_complaint_before_the_delivery_is_known_counts_against_what_the_message_touches(tx: Tx) -> None:
    journal.append(tx, [Accepted("shop", MESSAGE, 0, 1.0, ANN, *SENT, touched=TOUCHED)])
    hear(tx, complaint(TOKEN))
    assert [(event.touched, event.delivered) for event in told(tx, Complained)] == [(TOUCHED, 0.0)]


def test_a_complaint_about_mail_accepted_by_an_older_version_knows_its_subscription_and_stream(tx: Tx) -> None:
    journal.append(tx, [Accepted("shop", MESSAGE, 0, 1.0, ANN, *SENT)])
    hear(tx, complaint(TOKEN))
    assert [event.touched for event in told(tx, Complained)] == [Touched("shop/news", "bulk")]


@pytest.mark.parametrize(("charset", "host"), [("utf-7", "+2AA-"), ("utf-8", "mx\0.isp"), ("utf-7", "+AAA-")])
def test_a_report_with_characters_no_database_takes_is_heard_all_the_same(tx: Tx, charset: str, host: str) -> None:
    story(tx, ANN)
    octets = bounce("5.1.1").replace(b"message/delivery-status", f"message/delivery-status; charset={charset}".encode())
    octets = octets.replace(b"mx.isp.example", host.encode()).replace(b"user unknown", b"user unknown " + host.encode())
    hear(tx, octets, f"{TOKEN}@bounces.example", "")
    assert suppressed(tx) == ["bounced"]
    hear(tx, octets.replace(b"user", b"the user"), "fbl@reports.example", "")
    assert len(told(tx, Unmatched)) == 1


def test_no_more_than_fifty_things_of_one_mail_are_acted_on() -> None:
    part = "Final-Recipient: rfc822; {}@isp.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
    parts = "".join(part.format(n) for n in range(60)).encode()
    octets = bounce("5.1.1").replace(b"Final-Recipient", parts + b"Final-Recipient", 1)
    assert len(hearing.read(Report(5.0, "smtp", "192.0.2.1", "", "fbl@reports.example", octets)).said) == 50


def test_a_report_that_cannot_be_acted_on_is_set_aside_and_others_are_heard(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    key, broken = derive(b"m" * 32, PURPOSE), MessageId(78 << 22)
    with database.tx() as tx:
        story(tx, ANN)
        journal.append(tx, [Accepted("shop", broken, 0, 1.0, ANN, *SENT)])
        tx.run("UPDATE journal SET details = '!' || details WHERE message = ?", (broken,))
        for message in (broken, MESSAGE):
            octets = complaint(encode(key, message, 0))
            reports.add(tx, [Report(1.0, "smtp", "192.0.2.1", "feedback@isp.example", "fbl@x.example", octets)])
    settings = Settings(admission=AdmissionSettings(mode="off"))
    follower = Follower(Orders(settings, database.url, b"m" * 32, "", ""))
    follower.step()
    follower.report()
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])["figures"]
    assert figures["goodstanding_journal_events_total"] == {"complained": 1, "suppressed": 1, "unmatched": 1}
    follower.database.close()
    with database.tx() as tx:
        tx.run("UPDATE journal SET details = SUBSTR(details, 2) WHERE message = ?", (broken,))
        assert reports.count(tx) == 0
        assert [event.message for event in told(tx, Complained)] == [MESSAGE]
        assert [event.because for event in told(tx, Unmatched)] == ["it could not be acted on"]


def posted(tx: Tx, count: int) -> list[ReadReport]:
    """A body by which so many recipients of one message complain, split for transactions."""
    story(tx, *(f"r{n}@isp.example" for n in range(count)))
    reports.add(tx, [Report(5.0, "ses", "192.0.2.1", "", "", b"{}")])
    [report] = reports.waiting(tx, 10, time.time())
    tokens = [encode(KEYS.report, MESSAGE, n) for n in range(count)]
    said = [Reading("complaint", "ses", detail="abuse", tokens=(token,)) for token in tokens]
    return [one for portion in portions([ReadReport(report, said)]) for one in portion]


def complaints(tx: Tx) -> int:
    return sum(isinstance(event, Complained) for event in journal.after(tx, 0, 10_000)[0])


def test_a_body_that_says_much_is_heard_in_parts_and_goes_with_the_last(tx: Tx) -> None:
    heard = Hearing(KEYS, lambda text: None)
    parts = posted(tx, 2 * PORTION + 1)
    assert [(len(part.said), part.more) for part in parts] == [(PORTION, True), (PORTION, True), (1, False)]
    assert [(heard.hear(tx, [part], 6.0), reports.count(tx)) for part in parts] == [(PORTION, 1), (PORTION, 1), (1, 0)]
    assert complaints(tx) == 2 * PORTION + 1


def test_who_stopped_between_two_parts_hears_it_again_and_nothing_counts_twice(tx: Tx) -> None:
    first, last = posted(tx, PORTION + 10)
    Hearing(KEYS, lambda text: None).hear(tx, [first], 6.0)
    again = Hearing(KEYS, lambda text: None)
    assert [again.hear(tx, [part], 7.0) for part in (first, last)] == [0, 10]
    assert again.hear(tx, [first], 8.0) == 0
    assert complaints(tx) == PORTION + 10
    assert reports.count(tx) == 0


def test_reports_that_say_little_are_heard_together() -> None:
    little = ReadReport(Report(5.0, "smtp", "", "", "", b""), [Reading("bounce")] * 50)
    much = ReadReport(Report(5.0, "ses", "", "", "", b""), [Reading("bounce")] * 51)
    assert [[len(one.said) for one in portion] for portion in portions([little, much, little])] == [[50, 50], [51]]
    assert portions([]) == []


def test_a_chore_of_the_follower_that_ends_ends_the_process() -> None:
    async def dies() -> None:
        raise ValueError("a bug")

    async def follow() -> None:
        await attended(asyncio.Event(), [asyncio.create_task(asyncio.sleep(60)), asyncio.create_task(dies())])

    with pytest.raises(GoodstandingError, match="a bug"):
        asyncio.run(follow())


@pytest.mark.parametrize("named", [(), ("ben@isp.example", ANN), ("nobody@isp.example",)])
def test_one_that_does_not_say_which_of_several_counts_and_suppresses_nobody(tx: Tx, named: tuple[str, ...]) -> None:
    story(tx, "ben@isp.example", ANN)
    hear(tx, complaint(encode(KEYS.report, MESSAGE, EVERYBODY), *named))
    assert len(told(tx, Complained)) == 1
    assert told(tx, Suppressed) == []


def test_a_bounce_to_the_return_path_suppresses_who_does_not_exist_for_a_while(tx: Tx) -> None:
    story(tx, ANN)
    hear(tx, bounce("5.1.1"), f"{TOKEN}@bounces.example", "")
    [event] = told(tx, Returned)
    assert isinstance(event, Returned)
    assert event.hard
    [row] = suppression.of(tx, "shop", person(KEYS.person, "shop", ANN))
    assert row.cause == "bounced"
    assert row.expires > 6.0


def test_a_bounce_about_our_reputation_suppresses_nobody(tx: Tx) -> None:
    story(tx, ANN)
    hear(tx, bounce("5.7.1").replace(b"user unknown", b"blocked using zen.spamhaus.org"), f"{TOKEN}@b.example", "")
    [event] = told(tx, Returned)
    assert isinstance(event, Returned)
    assert not event.hard
    assert suppressed(tx) == []


def test_a_reply_that_asks_to_be_left_alone_is_an_unsubscribe(tx: Tx) -> None:
    story(tx, ANN)
    octets = b"From: ann@isp.example\r\nSubject: Re: hi\r\nIn-Reply-To: <x@y>\r\n\r\nUnsubscribe me please.\r\n"
    hear(tx, octets, f"{TOKEN}@bounces.example", ANN)
    [event] = told(tx, Unsubscribed)
    assert isinstance(event, Unsubscribed)
    assert (event.way, event.stream, event.touched) == ("reply", "bulk", TOUCHED)
    assert suppressed(tx) == ["unsubscribed", "unsubscribed"]


# --- opens and clicks ------------------------------------------------------------------------------------------------

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"


def hit(at: float, link: int | None = None, **more: Any) -> Report:
    """A report of our page about the picture, or a link, of the message to Ann."""
    seen = Seen(
        at, "open" if link is None else "click", MESSAGE, more.pop("n", 0), more.pop("method", "GET"),
        more.pop("agent", FIREFOX), "192.0.2.7", link or 0, **more,
    )  # fmt: skip
    return Report(at, "hit", "192.0.2.7", seen.copy, "", encoded(seen))


def engaged(tx: Tx, *kept: Report) -> list[tuple[str, str]]:
    """How and by whom, after these were kept and heard in one go."""
    reports.add(tx, kept)
    Hearing(KEYS, lambda text: None).hear(tx, [hearing.read(one) for one in reports.waiting(tx, 50, time.time())], 6.0)
    return [(event.how, event.by) for event in told(tx, Engaged) if isinstance(event, Engaged)]


def test_an_open_and_a_click_count_once_with_all_that_is_known_of_the_delivery(tx: Tx) -> None:
    story(tx, ANN)
    assert engaged(tx, hit(500.0), hit(530.0, 0)) == [("opened", "person"), ("clicked", "person")]
    assert len(engaged(tx, hit(900.0), hit(950.0, 1), hit(950.0, 1))) == 2
    event = told(tx, Engaged)[0]
    assert isinstance(event, Engaged)
    assert (event.recipient, event.touched, event.source, event.delivered) == (ANN, TOUCHED, "203.0.113.7", 2.0)
    assert (event.target, event.agent) == ("", FIREFOX)


def test_a_click_says_where_it_led(tx: Tx) -> None:
    story(tx, ANN)
    engaged(tx, hit(500.0, 0, target="https://shop.example/mugs"))
    (event,) = told(tx, Engaged)
    assert isinstance(event, Engaged)
    assert event.target == "https://shop.example/mugs"
    assert told(tx, Unmatched, Suppressed) == []


VISITORS = [
    (hit(500.0, agent="Mozilla/5.0"), ("opened", "proxy")),
    (hit(500.0, 0, method="HEAD"), ("clicked", "scanner")),
    (hit(500.0, 0, agent=""), ("clicked", "scanner")),
    (hit(3.0, 0), ("clicked", "scanner")),
    (hit(500.0, -1, hidden=True), ("clicked", "scanner")),
    (hit(500.0, 2, before=((495.0, 0), (496.0, 1))), ("clicked", "scanner")),
    (hit(500.0, 2, before=((495.0, 2),)), ("clicked", "person")),
]


@pytest.mark.parametrize(("report", "expected"), VISITORS)
def test_scanners_and_proxies_are_told_from_people(tx: Tx, report: Report, expected: tuple[str, str]) -> None:
    story(tx, ANN)
    assert engaged(tx, report) == [expected]


def test_the_first_of_a_burst_of_links_is_a_scanners_too(tx: Tx) -> None:
    story(tx, ANN)
    assert engaged(tx, hit(500.0, 0), hit(501.0, 1), hit(502.0, 2)) == [("clicked", "scanner")]


def test_hits_wait_until_the_burst_is_over_and_hold_up_no_other_report(tx: Tx) -> None:
    story(tx, ANN)
    now = time.time()
    assert engaged(tx, hit(now - 11.0, 3), hit(now - 5.0, 4), hit(now - 4.0, 5)) == [("clicked", "scanner")]
    assert reports.count(tx) == 2
    hear(tx, complaint(TOKEN))
    assert len(told(tx, Complained)) == 1


def test_a_person_after_a_scanner_counts_as_well(tx: Tx) -> None:
    story(tx, ANN)
    assert engaged(tx, hit(500.0, 0, method="HEAD"), hit(600.0, 0)) == [("clicked", "scanner"), ("clicked", "person")]


def test_who_looks_before_the_mail_was_taken_is_a_scanner(tx: Tx) -> None:
    journal.append(tx, [Accepted("shop", MESSAGE, 0, 1.0, ANN, "shop/news", "bulk", "news@shop.example", 10)])
    assert engaged(tx, hit(500.0, 0)) == [("clicked", "scanner")]


def test_a_hit_of_a_message_that_is_forgotten_is_said_once_and_counts_for_nobody(tx: Tx) -> None:
    assert engaged(tx, hit(500.0, 0), hit(600.0, 1), hit(700.0, 0)) == []
    assert len(told(tx, Unmatched)) == 1


def test_what_claims_to_be_a_hit_and_is_not_is_unreadable(tx: Tx) -> None:
    assert engaged(tx, Report(5.0, "hit", "192.0.2.7", "", "", b"{}")) == []
    [event] = told(tx, Unmatched)
    assert isinstance(event, Unmatched)
    assert event.kind == "unreadable"
