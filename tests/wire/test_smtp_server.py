"""The server core: whole sessions, what clients say in, what they hear and what the shell learns out."""

from base64 import b64encode
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.errors import LocalProtocolError
from goodstanding.model import Recipient, Reply
from goodstanding.wire.reply import ReplyReader
from goodstanding.wire.smtp_server import BodyPart, BodyStart, MailFrom, MessageReceived, Quit, RcptTo, Reset, Session
from tests.wire.conversation import (
    ANSWERED,
    ENVELOPE,
    OPEN,
    PLAIN,
    SENT,
    STARTED,
    Conversation,
    accept_all,
    greeted,
    in_transaction,
)

# A message


def test_a_message_by_data() -> None:
    server = in_transaction()
    assert server.codes(b"DATA\r\n") == [354]
    assert server.codes(b"Subject: x\r\n\r\n..dot\r\n.") == []
    assert server.session.phase == "data"
    assert server.codes(b"\r\nQUIT\r\n") == [250, 221]
    body = b"Subject: x\r\n\r\n.dot\r\n"
    assert server.events == [
        MailFrom("a@x.test", STARTED),
        RcptTo(Recipient("b@y.test")),
        BodyStart(SENT),
        BodyPart(body),
        MessageReceived(len(body)),
        Quit(),
    ]
    assert server.session.closing


def test_a_message_by_bdat() -> None:
    server = in_transaction()
    assert server.codes(b"BDAT 7\r\none.\r\n.") == [250]
    assert server.codes(b"BDAT 4\r\n\r\n.\rBDAT 5 LAST\r\n\n.end") == [250, 250]
    assert server.messages == [b"one.\r\n.\r\n.\r\n.end"]
    assert server.events[2:] == [BodyStart(SENT), BodyPart(server.messages[0]), MessageReceived(16)]


def test_a_message_by_bdat_may_end_with_nothing() -> None:
    server = in_transaction()
    assert server.codes(b"BDAT 3\r\nx\r\nBDAT 0 LAST\r\n") == [250, 250]
    assert server.messages == [b"x\r\n"]


def test_a_pipelined_session_is_answered_in_order() -> None:
    server = Conversation()
    assert server.codes(b"EHLO c.test\r\n" + ENVELOPE + b"DATA\r\nx\r\n.\r\n" + ENVELOPE + b"RSET\r\nQUIT\r\n") == [
        250, 250, 250, 354, 250, 250, 250, 250, 221,
    ]  # fmt: skip
    assert server.messages == [b"x\r\n"]


def test_an_event_that_asks_stops_everything_until_it_is_answered() -> None:
    session = Session(OPEN)
    assert session.receive(b"EHLO c.test\r\n" + ENVELOPE) == [MailFrom("a@x.test", STARTED)]
    assert session.receive(b"NOOP\r\n") == []
    assert session.answer(Reply(250, "2.1.0", "OK")) == [RcptTo(Recipient("b@y.test"))]
    assert session.answer(Reply(250, "2.1.5", "OK")) == []
    assert [reply.code for reply in ReplyReader().receive(session.output())] == [250, 250, 250, 250]


def test_refused_recipients_are_not_in_the_envelope() -> None:
    def only_c(event: ANSWERED) -> Reply:
        refused = isinstance(event, RcptTo) and event.recipient.address != "c@y.test"
        return Reply(550, "5.1.1", "Unknown") if refused else accept_all(event)

    server = greeted(decide=only_c)
    assert server.codes(ENVELOPE + b"RCPT TO:<c@y.test>\r\nDATA\r\n") == [250, 550, 250, 354]
    assert server.envelopes[0].envelope.recipients == (Recipient("c@y.test"),)


def test_without_an_accepted_recipient_there_is_no_body() -> None:
    def no_recipient(event: ANSWERED) -> Reply:
        return Reply(550, "5.1.1", "Unknown") if isinstance(event, RcptTo) else accept_all(event)

    server = greeted(decide=no_recipient)
    assert server.codes(ENVELOPE + b"DATA\r\n") == [250, 550, 554]
    assert server.codes(b"BDAT 4 LAST\r\nQUITNOOP\r\n") == [554, 250]


def test_the_final_answer_is_the_shells() -> None:
    def full(event: ANSWERED) -> Reply:
        return Reply(452, "4.3.1", "Disk full") if isinstance(event, MessageReceived) else accept_all(event)

    server = greeted(decide=full)
    server.send(ENVELOPE)
    server.send(b"DATA\r\n")
    assert server.codes(b"x\r\n.\r\n") == [452]
    assert server.codes(ENVELOPE) == [250, 250]


def test_a_refused_body_ends_the_transaction() -> None:
    def no_body(event: ANSWERED) -> Reply:
        return Reply(451, "4.3.0", "Later") if isinstance(event, BodyStart) else accept_all(event)

    server = greeted(decide=no_body)
    assert server.codes(ENVELOPE + b"DATA\r\n") == [250, 250, 451]
    assert server.codes(ENVELOPE) == [250, 250]
    assert server.codes(b"BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n") == [451, 250]


def test_a_client_that_does_not_wait_for_a_refused_data_is_not_heard_any_further() -> None:
    server = greeted()
    assert server.codes(b"MAIL FROM:<a@x.test>\r\nDATA\r\nMAIL FROM:<thief@x.test>\r\n") == [250, 503, 421]
    assert server.session.closing
    assert server.events == [MailFrom("a@x.test", STARTED), Reset()]


# The end of a transaction


@pytest.mark.parametrize("line", ["RSET", "EHLO c.test", "HELO c.test"])
def test_a_transaction_can_be_given_up(line: str) -> None:
    server = in_transaction()
    assert server.line(line).code == 250
    assert server.events[-1] == Reset()
    assert server.line("DATA").code == 503


def test_without_a_transaction_there_is_nothing_to_reset() -> None:
    server = greeted()
    server.send(b"RSET\r\nEHLO c.test\r\n")
    assert server.events == []


def test_a_second_mail_within_a_transaction_is_refused() -> None:
    assert in_transaction().line("MAIL FROM:<a@x.test>").code == 503


def test_a_refused_mail_opens_no_transaction() -> None:
    server = greeted(decide=lambda event: Reply(550, "5.7.1", "Not you"))
    assert server.codes(ENVELOPE + b"DATA\r\n") == [550, 503, 503]
    assert server.events == [MailFrom("a@x.test", STARTED)]


# The shell


def test_the_shell_may_end_a_session_at_any_time() -> None:
    session = Session(OPEN)
    session.greet()
    assert session.receive(b"EHLO c.test\r\nMAIL FROM:<>\r\nNOOP\r\n") != []
    session.end(Reply(421, "4.3.2", "Shutting down"))
    session.end(Reply(421, "4.3.2", "Shutting down"))
    assert session.closing
    assert session.answer(Reply(250, "2.1.0", "OK")) == []
    assert session.receive(b"NOOP\r\n") == []
    assert session.output().count(b"\r\n421 ") == 1


def test_a_421_as_an_answer_ends_the_session() -> None:
    server = greeted(decide=lambda event: Reply(421, "4.3.2", "Shutting down"))
    assert server.codes(ENVELOPE) == [421]
    assert server.session.closing


def test_a_refusing_greeting_is_the_last_word() -> None:
    session = Session(OPEN)
    session.greet(Reply(554, "5.7.1", "Not from there"))
    assert session.closing
    assert session.output() == b"554 5.7.1 Not from there\r\n"


def test_misuse_by_the_shell_is_an_exception() -> None:
    session = Session(OPEN)
    with pytest.raises(LocalProtocolError):
        session.answer(Reply(250))
    with pytest.raises(LocalProtocolError):
        session.tls_started()
    session.receive(b"EHLO c.test\r\nSTARTTLS\r\n")
    with pytest.raises(LocalProtocolError):
        session.answer(Reply(250))


def test_a_session_tells_its_state_in_one_line() -> None:
    session = Session(OPEN)
    assert repr(session) == "<Session with a stranger, tls=False, in command phase>"
    session.receive(b"EHLO c.test\r\nMAIL FROM:<>\r\n")
    assert repr(session) == "<Session with c.test, tls=False, in command phase waiting for an answer to MailFrom>"


# Anything


XOAUTH2 = b64encode(b"user=u\1auth=Bearer e30.e30.x\1\1")
OAUTHBEARER = b64encode(b"n,,\1auth=Bearer secret\1\1")
WAITS = [
    b"EHLO c.test\r\n", b"HELO c.test\r\n", b"MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n", b"DATA\r\n",
    b"MAIL FROM:<a@x.test> SIZE=9 RET=FULL\r\n", b"RCPT TO:<b@y.test> NOTIFY=NEVER\r\n", b"RSET\r\n",
    b"NOOP\r\nVRFY x\r\n", b"BDAT 3\r\nabc", b"BDAT 4 LAST\r\na\r\n\r", b"BDAT 2 LAST\r\n\r\n", b"body\r\n..\r\n.\r\n",
    b"body\rbody\r\n.\r\n", PLAIN + b"\r\n", b"AUTH LOGIN\r\n", b"dXNlcg==\r\n", b"c2VjcmV0\r\n", b"*\r\n",
    b"STARTTLS\r\n", b"\r\n", b"AUTH XOAUTH2\r\n", XOAUTH2 + b"\r\n", b"AUTH XOAUTH2 " + XOAUTH2 + b"\r\n",
    b"AUTH OAUTHBEARER " + OAUTHBEARER + b"\r\n", b"AQ==\r\n",
    b"NOOP " + b"x" * 3000 + b"\r\n", b"\xff\r\n", b"\0\r\n", b"QUIT\r\n", b"MAIL FROM:<a@x.test>\r\n" * 3, b".\r\n",
]  # fmt: skip
"""What a client sends before it waits for replies; RFC 2920 §3.1 says where it must."""


@given(st.lists(st.sampled_from(WAITS), max_size=25), st.booleans(), st.data())
def test_every_split_of_a_session_reads_the_same(groups: list[bytes], tls: bool, data: st.DataObject) -> None:
    policy = replace(OPEN, auth_without_tls=True, bearer=True)
    whole, split = Conversation(policy, tls=tls), Conversation(policy, tls=tls)
    for group in [b"EHLO c.test\r\n", *groups]:
        whole.send(group)
        borders = sorted(data.draw(st.lists(st.integers(0, len(group)), max_size=5)))
        split.send_pieces(group[start:end] for start, end in zip([0, *borders], [*borders, len(group)], strict=True))
    assert split.said == whole.said
    assert split.events == whole.events
    assert (split.session.phase, split.session.closing) == (whole.session.phase, whole.session.closing)


FRAGMENTS = st.sampled_from(
    [*WAITS, b"\r", b"\n", b"\r\n", b".", b"MAIL FROM:", b"<", b">", b" ", b"=", b"BDAT 99999 "]
)


@given(st.lists(FRAGMENTS | st.binary(max_size=20)), st.booleans())
def test_whatever_comes_is_answered_with_proper_replies(pieces: list[bytes], tls: bool) -> None:
    server = Conversation(replace(OPEN, auth_without_tls=True, bearer=True), tls=tls)
    server.send_pieces(pieces)
    assert ReplyReader().receive(server.said)
    assert server.said.endswith(b"\r\n")
