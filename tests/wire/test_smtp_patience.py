"""How much nonsense, idling and greed a session endures."""

from dataclasses import replace

import pytest

from goodstanding.model import Reply
from goodstanding.wire.smtp_events import ServerPolicy
from goodstanding.wire.smtp_input import Input
from goodstanding.wire.smtp_server import Session
from tests.wire.conversation import ENVELOPE, OPEN, greeted, in_transaction


def test_too_many_errors_end_the_session() -> None:
    server = greeted()
    assert server.codes(b"BLURB\r\n" * 25) == [500] * 20 + [421]
    assert server.session.closing


def test_a_list_with_many_bad_addresses_is_no_protocol_error() -> None:
    server = in_transaction()
    assert server.codes(b"RCPT TO:<broken>\r\n" * 100 + b"DATA\r\n") == [501] * 100 + [354]


@pytest.mark.parametrize(
    "line", [b"NOOP", b"RSET", b"VRFY x", b"HELP", b"EHLO c.test", b"MAIL FROM:<>\r\nRSET", b"DATA"]
)
def test_commands_without_a_message_end_the_session_at_last(line: bytes) -> None:
    server = greeted()
    assert server.codes((line + b"\r\n") * 300)[-1] == 421


def test_a_message_restores_patience() -> None:
    server = greeted()
    for _ in range(3):
        assert 421 not in server.codes(b"NOOP\r\n" * 150 + ENVELOPE)
        server.send(b"DATA\r\n")
        assert server.codes(b"x\r\n.\r\n") == [250]


def test_many_chunks_are_no_idling() -> None:
    server = in_transaction()
    assert set(server.codes(b"BDAT 1\r\nx" * 1000)) == {250}


def test_chunks_without_octets_are_idling() -> None:
    server = in_transaction()
    assert server.codes(b"BDAT 0\r\n" * 300)[-1] == 421


def test_nobody_who_says_bdat_first_is_read_for_ever() -> None:
    assert greeted().codes(b"BDAT 99999999999999999999\r\n") == [421]


def test_logins_that_are_to_come_later_do_not_go_on_and_on() -> None:
    session = Session(ServerPolicy("mx.test"), tls=True)
    session.receive(b"EHLO c.test\r\n")
    for _ in range(20):
        session.receive(b"AUTH PLAIN AHUAcA==\r\n")
        session.answer(Reply(454, "4.7.0", "not now"))
    assert session.closing


def test_recipients_over_the_limit_are_asked_to_come_again() -> None:
    server = greeted(replace(OPEN, recipients_limit=3))
    server.line("MAIL FROM:<>")
    assert server.codes(b"RCPT TO:<a@b.c>\r\n" * 5 + b"DATA\r\n") == [250, 250, 250, 452, 452, 354]
    assert len(server.envelopes[0].envelope.recipients) == 3


def test_transactions_over_the_limit_end_the_session() -> None:
    server = greeted(replace(OPEN, transactions_limit=2))
    assert server.codes(b"MAIL FROM:<>\r\nRSET\r\n" * 3) == [250, 250, 250, 250, 421]


def test_a_line_without_an_end_is_not_kept() -> None:
    unread = Input()
    for _ in range(100):
        unread.add(b"x" * 1000)
        assert unread.next_line(2048, in_auth=False) is None
        assert len(unread) <= 2048
    unread.add(b"\r\nNOOP\r\n")
    unread.next_line(2048, in_auth=False)
    assert unread.line_is_long
    assert unread.next_line(2048, in_auth=False) == b"NOOP\r\n"
    assert not unread.line_is_long
