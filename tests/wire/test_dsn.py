import email
import email.policy
import re
from dataclasses import replace
from email.message import EmailMessage, Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.model import Reply
from goodstanding.wire.dsn import Action, DsnFacts, DsnRecipient, build
from goodstanding.wire.message import date_time, parse_header

NOW = 1_795_443_507.0

REFUSED = DsnRecipient(
    address="bob@example.net",
    orcpt="rfc822;bobby+2Btag@example.net",
    action="failed",
    reply=Reply(550, "5.1.1", "<bob@example.net>: Recipient address rejected:\nUser unknown"),
    status="5.1.1",
    remote_host="mx1.example.net [203.0.113.7]",
    last_attempt=NOW - 10,
)
LATE = DsnRecipient(
    address="carol@example.org",
    orcpt="",
    action="delayed",
    reply=Reply(451, "4.4.1", "connect: timed out after 30 seconds"),
    status="4.4.1",
    last_attempt=NOW - 10,
    will_retry_until=NOW + 86_400,
)
PASSED_ON = DsnRecipient("dave@example.com", "", "relayed", Reply(250, "2.0.0", "Ok"), "2.0.0", "mx.example.com")

HEADER = b"From: alice@shop.example\r\nSubject: Your receipt\r\nMessage-ID: <1@shop.example>\r\n\r\n"
FACTS = DsnFacts(
    reporting_mta="mx.shop.example",
    envid="QQ314159",
    arrival=NOW - 3600,
    return_path="alice@shop.example",
    recipients=(REFUSED,),
    message_name="06f2k9xw3q7tz",
    original_header=HEADER,
    original_body_chunks=None,
    now=NOW,
    boundary="b0123456789abcdef",
    from_address="MAILER-DAEMON@mx.shop.example",
)


def read(octets: bytes) -> tuple[EmailMessage, EmailMessage, list[Message], EmailMessage]:
    """The notification and its three parts, as the standard library reads them."""
    whole = email.message_from_bytes(octets.replace(b"\r\n", b"\n"), policy=email.policy.default)
    assert isinstance(whole, EmailMessage)
    assert whole.get_content_type() == "multipart/report" and not whole.defects
    words, status, original = whole.iter_parts()
    assert isinstance(words, EmailMessage) and isinstance(original, EmailMessage)
    return whole, words, groups(status), original


def groups(status: Message) -> list[Message]:
    payload = status.get_payload()
    if isinstance(payload, str):  # message/global-delivery-status is text to the standard library
        text = status.get_payload(decode=True)
        assert isinstance(text, bytes)
        return [email.message_from_bytes(group) for group in text.strip().split(b"\n\n")]
    return list(payload)


def fields(group: Message) -> dict[str, str]:
    return {name: " ".join(str(value).split()) for name, value in group.items()}


def spoken(octets: bytes) -> str:
    return " ".join(str(read(octets)[1].get_content()).split())


def assert_well_formed(octets: bytes, ascii_only: bool = True) -> None:
    assert octets.endswith(b"\r\n")
    assert octets.count(b"\r") == octets.count(b"\n") == octets.count(b"\r\n")
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    assert b"\0" not in octets
    assert octets.isascii() or not ascii_only


# --- the envelope of the notice --------------------------------------------------------------------------------------


def test_its_header_says_what_it_is_and_to_what_it_answers() -> None:
    octets = build(FACTS)
    whole = read(octets)[0]
    assert_well_formed(octets)
    assert {name: str(value) for name, value in whole.items()} == {
        "From": "Mail delivery system <MAILER-DAEMON@mx.shop.example>",
        "To": "alice@shop.example",
        "Subject": "Not delivered: Your receipt",
        "Date": date_time(NOW),
        "Message-ID": "<b0123456789abcdef@mx.shop.example>",
        "Auto-Submitted": "auto-replied",
        "MIME-Version": "1.0",
        "Content-Type": 'multipart/report; report-type="delivery-status"; boundary="b0123456789abcdef"',
        "In-Reply-To": "<1@shop.example>",
        "References": "<1@shop.example>",
    }


@pytest.mark.parametrize(
    ("recipients", "subject"),
    [
        ((REFUSED,), "Not delivered: Your receipt"),
        ((LATE,), "Delivery is late: Your receipt"),
        ((PASSED_ON,), "Passed on: Your receipt"),
        ((PASSED_ON, LATE, REFUSED), "Not delivered: Your receipt"),
    ],
)
def test_the_subject_names_the_worst_that_happened(recipients: tuple[DsnRecipient, ...], subject: str) -> None:
    assert read(build(replace(FACTS, recipients=recipients)))[0]["Subject"] == subject


def test_a_subject_outside_ascii_is_told_in_full() -> None:
    header = "Subject: Ihre Bestellung ist eingegangen: Grüße aus Köln, herzlichen Dank für alles 👍\r\n".encode()
    octets = build(replace(FACTS, original_header=header))
    assert_well_formed(octets)
    told = "Ihre Bestellung ist eingegangen: Grüße aus Köln, herzlichen Dank für alles 👍"
    assert read(octets)[0]["Subject"] == f"Not delivered: {told}"
    assert f"Subject: {told}" in spoken(octets)


def test_a_message_without_name_or_subject_can_be_reported_too() -> None:
    octets = build(replace(FACTS, original_header=b"", envid=""))
    whole, _, (about, _), _ = read(octets)
    assert whole["Subject"] == "Not delivered: your message"
    assert "In-Reply-To" not in whole and "Original-Envelope-Id" not in about


# --- for people ------------------------------------------------------------------------------------------------------


def test_people_read_who_why_what_to_do_and_what_was_really_said() -> None:
    text = str(read(build(FACTS))[1].get_content())
    assert text.startswith(
        "This is the mail system at mx.shop.example.\n\nYour message was not delivered to this address"
    )
    assert "\n  bob@example.net\n    The address does not exist.\n    What to do: Correct it" in text
    assert "mx1.example.net [203.0.113.7] said:\n      550 5.1.1 <bob@example.net>: Recipient address rejected:" in text
    assert "Our name for it: 06f2k9xw3q7tz" in text
    assert max(map(len, text.splitlines())) < 78


def test_people_read_that_they_need_not_send_again_while_we_try() -> None:
    text = spoken(build(replace(FACTS, recipients=(LATE,))))
    assert "has not been delivered to this address yet" in text
    assert "there is no need to send it again" in text
    assert f"We give up after {date_time(NOW + 86_400)}." in text
    assert "What happened: 451 4.4.1 connect: timed out" in text
    assert "What to do" not in text


def test_several_recipients_are_told_apart_by_their_fate() -> None:
    other = replace(REFUSED, address="eve@example.net", status="5.2.2")
    text = spoken(build(replace(FACTS, recipients=(PASSED_ON, REFUSED, LATE, other))))
    places = [
        text.index(part) for part in ("these addresses", "bob@", "eve@", "yet. We", "carol@", "passed on", "dave@")
    ]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("status", "because", "remedy"),
    [
        ("5.1.1", "The address does not exist.", "remove it from your list"),
        ("5.1.2", "The domain (the part after the @) does not exist", "typing error"),
        ("5.1.10", "receives no mail", "Remove the address"),
        ("5.1.0", "does not accept this address", "typing error"),
        ("5.2.1", "switched off", "Remove the address"),
        ("5.2.2", "The mailbox is full.", "make room"),
        ("5.2.3", "too large for this mailbox", "smaller"),
        ("5.3.4", "too large for the receiving system", "smaller"),
        ("5.4.6", "in a circle", "routing"),
        ("5.4.7", "in the time we keep trying", "again later"),
        ("4.4.1", "could not be reached", "again later"),
        ("5.6.7", "(SMTPUTF8)", "plain ASCII"),
        ("5.6.3", "messages of this form", "plain text"),
        ("5.7.1", "as a matter of its policy", "Do not send it again unchanged."),
        ("5.7.25", "DNS name of our sending address", "PTR"),
        ("5.7.26", "no proof", "SPF, DKIM or DMARC"),
        ("5.0.0", "did not take the message", "Read its answer"),
        ("", "did not take the message", "Read its answer"),
    ],
)
def test_a_failure_is_explained_with_its_remedy(status: str, because: str, remedy: str) -> None:
    text = spoken(build(replace(FACTS, recipients=(replace(REFUSED, status=status),))))
    assert because in text
    assert remedy in text.partition("What to do: ")[2]


# --- for programs ----------------------------------------------------------------------------------------------------


def test_programs_read_the_fields_of_rfc_3464() -> None:
    _, _, (about, refused, late), _ = read(build(replace(FACTS, recipients=(REFUSED, LATE))))
    assert fields(about) == {
        "Original-Envelope-Id": "QQ314159",
        "Reporting-MTA": "dns; mx.shop.example",
        "X-Goodstanding-Message": "06f2k9xw3q7tz",
        "Arrival-Date": date_time(NOW - 3600),
    }
    assert fields(refused) == {
        "Original-Recipient": "rfc822;bobby+tag@example.net",
        "Final-Recipient": "rfc822; bob@example.net",
        "Action": "failed",
        "Status": "5.1.1",
        "Remote-MTA": "dns; mx1.example.net",
        "Diagnostic-Code": "smtp; 550 5.1.1 <bob@example.net>: Recipient address rejected: User unknown",
        "Last-Attempt-Date": date_time(NOW - 10),
    }
    assert fields(late) == {
        "Final-Recipient": "rfc822; carol@example.org",
        "Action": "delayed",
        "Status": "4.4.1",
        "Diagnostic-Code": "X-Goodstanding; 451 4.4.1 connect: timed out after 30 seconds",
        "Last-Attempt-Date": date_time(NOW - 10),
        "Will-Retry-Until": date_time(NOW + 86_400),
    }


def test_addresses_outside_ascii_are_escaped_where_only_ascii_can_stand() -> None:
    foreign = replace(REFUSED, address="jörg+x@exämple.de", orcpt="utf-8;j+C3+B6rg@example.de")
    octets = build(replace(FACTS, recipients=(foreign,)))
    assert_well_formed(octets)
    group = fields(read(octets)[2][1])
    assert group["Final-Recipient"] == r"utf-8; j\x{F6}rg\x{2B}x@ex\x{E4}mple.de"
    assert group["Original-Recipient"] == r"utf-8;j\x{F6}rg@example.de"
    assert "jörg+x@exämple.de" in spoken(octets)


def test_with_smtputf8_everything_is_told_as_it_is() -> None:
    foreign = replace(REFUSED, address="jörg@exämple.de", reply=Reply(550, "5.1.1", "völlig unbekannt"))
    header = "Subject: Grüße\r\nFrom: zoë@example.com\r\n\r\n".encode()
    octets = build(
        replace(FACTS, recipients=(foreign,), original_header=header, return_path="zoë@example.com", smtputf8=True)
    )
    assert_well_formed(octets, ascii_only=False)
    assert "To: <zoë@example.com>\r\nSubject: Not delivered: Grüße\r\n".encode() in octets
    assert b"Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n" in octets
    assert "\r\nFinal-Recipient: utf-8; jörg@exämple.de\r\n".encode() in octets
    assert "\r\nDiagnostic-Code: smtp; 550 5.1.1 völlig unbekannt\r\n".encode() in octets
    assert b"Content-Type: message/global-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: Gr\xc3" in octets


# --- what comes back of the original ---------------------------------------------------------------------------------


def test_the_header_of_the_original_comes_back() -> None:
    original = read(build(FACTS))[3]
    assert original.get_content_type() == "text/rfc822-headers"
    assert original.get_payload(decode=True) == HEADER[:-2].replace(b"\r\n", b"\n")


def test_the_whole_original_comes_back_where_it_was_asked_for() -> None:
    octets = build(replace(FACTS, original_body_chunks=[b"Dear Bob,\r\n", b"thank you.\r\n"]))
    original = read(octets)[3]
    assert original.get_content_type() == "message/rfc822"
    assert b"\r\n\r\n" + HEADER + b"Dear Bob,\r\nthank you.\r\n\r\n--" in octets


@pytest.mark.parametrize("body", ["Grüße\r\n".encode(), b"x" * 999 + b"\r\n", b"\0\r\n"])
def test_a_body_that_cannot_be_carried_as_it_is_stays_away(body: bytes) -> None:
    octets = build(replace(FACTS, original_body_chunks=[body]))
    assert_well_formed(octets)
    assert read(octets)[3].get_content_type() == "text/rfc822-headers"


def test_a_header_outside_ascii_comes_back_in_disguise() -> None:
    header = "Subject: Grüße\r\nX-Long: {}\r\n\r\n".format("x" * 1_500).encode()
    octets = build(replace(FACTS, original_header=header))
    assert_well_formed(octets)
    original = read(octets)[3]
    assert original["Content-Transfer-Encoding"] == "quoted-printable"
    assert original.get_payload(decode=True) == header[:-2].replace(b"\r\n", b"\n")


def test_with_smtputf8_a_body_outside_ascii_comes_back() -> None:
    octets = build(replace(FACTS, original_body_chunks=["Grüße\r\n".encode()], smtputf8=True))
    assert_well_formed(octets, ascii_only=False)
    assert (
        b"Content-Type: message/global\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + HEADER + "Grüße".encode() in octets
    )


# --- strangers' words ------------------------------------------------------------------------------------------------

BREAKS = ["\r\n", "\r\n\r\n", "\n", "\r", "\0", "\x85", "\u2028", " ", "\r\n--", "\ud800"]
INTRUDERS = ["Bcc: x@y", "x" * 1_200, "é" * 600, "=?utf-8?q?=0A?=", "<", ">", ";", '"', ".\r\n"]
HOSTILE = st.text(max_size=60) | st.lists(st.sampled_from(BREAKS + INTRUDERS), max_size=8).map("".join)
ACTIONS: st.SearchStrategy[Action] = st.sampled_from(["failed", "delayed", "relayed"])


@given(HOSTILE, HOSTILE, HOSTILE, ACTIONS, st.booleans())
def test_no_words_of_strangers_break_out_of_their_place(
    address: str, text: str, host: str, action: Action, smtputf8: bool
) -> None:
    recipient = replace(REFUSED, address=address, reply=Reply(550, text[:9], text), remote_host=host, action=action)
    report = replace(
        FACTS,
        recipients=(replace(recipient, orcpt=text, status=text), REFUSED),
        return_path=address,
        envid=text,
        original_header=f"Subject: {text}\r\nMessage-ID: <{host}>\r\n".encode("utf-8", "replace"),
        smtputf8=smtputf8,
    )
    octets = build(report)
    assert_well_formed(octets, ascii_only=not smtputf8)
    assert {name for name, _ in parse_header(octets).fields} <= {name.lower() for name in read(build(FACTS))[0]}
    parts = octets.split(b"\r\n--b0123456789abcdef")
    assert len(parts) == 5
    status = parts[2].partition(b"\r\n\r\n")[2]
    allowed = rb"(Original|Final)-Recipient|Original-Envelope-Id|Reporting-MTA|X-Goodstanding-Message|Arrival-Date"
    allowed += rb"|Action|Status|Remote-MTA|Diagnostic-Code|Last-Attempt-Date|Will-Retry-Until"
    assert all(re.match(rb"(%b):| |$" % allowed, line) for line in status.split(b"\r\n")), status
    assert status.rstrip().count(b"\r\n\r\n") == 2
