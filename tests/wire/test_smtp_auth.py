"""STARTTLS and AUTH."""

from base64 import b64encode
from dataclasses import replace

import pytest

from goodstanding.model import Reply
from goodstanding.wire.smtp_server import AuthGiven, ServerPolicy, Session, StartTls
from tests.wire.conversation import ENVELOPE, OPEN, PLAIN, Conversation, greeted, in_transaction

SUBMISSION = ServerPolicy("mail.test")
LOGIN = PLAIN.decode()
GUESS = "AUTH PLAIN " + b64encode(b"\0user\0guess").decode()


def test_starttls_forgets_everything_said_before_and_discards_plaintext() -> None:
    server = greeted(replace(SUBMISSION, auth_without_tls=True))
    assert server.line(LOGIN).code == 235
    assert server.codes(b"STARTTLS\r\nEHLO thief.test\r\n" + ENVELOPE) == []
    assert server.events[-1] == StartTls()
    assert server.said.endswith(b"220 2.0.0 Begin TLS now\r\n")
    session = server.session
    assert (session.tls, session.helo, session.esmtp, session.authenticated) == (True, "", False, False)
    assert server.line("MAIL FROM:<a@x.test>").code == 503
    assert server.line("EHLO c.test").code == 250
    assert server.line("STARTTLS").code == 503


def test_plaintext_between_starttls_and_the_handshake_is_discarded() -> None:
    session = Session(SUBMISSION)
    assert session.receive(b"EHLO c.test\r\nSTARTTLS\r\n") == [StartTls()]
    assert session.receive(b"NOOP\r\n") == []
    session.output()
    session.tls_started()
    assert session.receive(b"") == []
    assert session.output() == b""


def test_starttls_has_its_time_and_place() -> None:
    assert in_transaction().line("STARTTLS").code == 503
    assert greeted(replace(OPEN, tls=False)).line("STARTTLS").code == 502


def claims(server: Conversation) -> list[AuthGiven]:
    return [event for event in server.events if isinstance(event, AuthGiven)]


def b64(octets: bytes) -> str:
    return b64encode(octets).decode()


LOGINS = [
    [LOGIN],
    ["AUTH plain", b64(b"\0user\0secret")],
    ["AUTH LOGIN", b64(b"user"), b64(b"secret")],
    ["AUTH LOGIN " + b64(b"user"), b64(b"secret")],
]


@pytest.mark.parametrize("lines", LOGINS)
def test_a_client_proves_who_it_is(lines: list[str]) -> None:
    server = greeted(SUBMISSION, tls=True)
    assert server.line("MAIL FROM:<a@x.test>").code == 530
    assert [server.line(line).code for line in lines] == [334] * (len(lines) - 1) + [235]
    assert [(claim.user, claim.password) for claim in claims(server)] == [("user", "secret")]
    assert server.session.authenticated
    assert server.codes(b"MAIL FROM:<a@x.test>\r\nRSET\r\nAUTH PLAIN\r\n") == [250, 250, 503]


def test_the_challenges_are_those_clients_expect() -> None:
    server = greeted(SUBMISSION, tls=True)
    server.send(b"AUTH PLAIN\r\n*\r\nAUTH LOGIN\r\n" + b64(b"u").encode() + b"\r\n")
    challenges = [line for line in server.said.split(b"\r\n") if line.startswith(b"334")]
    assert challenges == [b"334 ", b"334 VXNlcm5hbWU6", b"334 UGFzc3dvcmQ6"]


def test_an_authorization_identity_is_passed_on() -> None:
    server = greeted(SUBMISSION, tls=True)
    server.line("AUTH PLAIN " + b64("boss\0üser\0secret".encode()))
    assert claims(server) == [AuthGiven("PLAIN", "üser", "secret", "boss")]


def test_passwords_are_not_shown() -> None:
    assert "secret" not in repr(AuthGiven("PLAIN", "user", "secret"))


BAD_LOGINS = [
    (["AUTH"], 501),
    (["AUTH CRAM-MD5"], 504),
    (["AUTH XOAUTH2 " + b64(b"user=u\1auth=Bearer t\1\1")], 504),
    (["AUTH OAUTHBEARER"], 504),
    (["AUTH PLAIN", "*"], 501),
    (["AUTH PLAIN ="], 501),
    (["AUTH PLAIN", ""], 501),
    (["AUTH PLAIN !!!!"], 501),
    (["AUTH PLAIN dXNlcg"], 501),
    (["AUTH PLAIN", "dXNlckB0ZXN0c2VydmVyAHlalala=="], 501),
    (["AUTH PLAIN " + b64(b"user\0secret")], 501),
    (["AUTH PLAIN " + b64(b"\0\0secret")], 501),
    (["AUTH PLAIN " + b64(b"\0\xff\0secret")], 501),
    (["AUTH LOGIN", ""], 501),
    (["AUTH LOGIN", b64(b"user"), "*"], 501),
    (["AUTH LOGIN", b64(b"user"), "é"], 501),
    (["AUTH LOGIN", "x" * 20_000], 500),
    ([GUESS], 535),
]


@pytest.mark.parametrize(("lines", "code"), BAD_LOGINS)
def test_a_broken_login_is_refused_and_the_session_goes_on(lines: list[str], code: int) -> None:
    server = greeted(SUBMISSION, tls=True)
    codes = [server.line(line).code for line in lines]
    assert code in codes
    assert not server.session.authenticated
    assert server.line("NOOP").code == 250


def test_a_long_login_is_taken() -> None:
    server = greeted(SUBMISSION, tls=True)
    server.send(b"AUTH PLAIN " + b64encode(b"\0user\0" + b"x" * 6000) + b"\r\n", 1000)
    assert len(claims(server)[0].password) == 6000


def test_passwords_are_taken_over_tls_only() -> None:
    server = greeted(SUBMISSION)
    assert str(server.line(LOGIN)).startswith("538 5.7.11")
    assert "STARTTLS" in server.line("MAIL FROM:<a@x.test>").text
    assert claims(server) == []


def test_auth_has_its_time_and_place() -> None:
    assert in_transaction(replace(OPEN, auth_without_tls=True)).line(LOGIN).code == 503
    assert greeted(replace(OPEN, auth=False)).line(LOGIN).code == 502


def test_guessing_passwords_ends_the_session() -> None:
    server = greeted(SUBMISSION, tls=True)
    for _ in range(3):
        assert server.line(GUESS).code == 535
    assert server.codes(GUESS.encode() + b"\r\n") == [535, 421]


def test_a_password_that_cannot_be_checked_now_is_no_guess() -> None:
    server = greeted(SUBMISSION, tls=True, decide=lambda event: Reply(454, "4.7.0", "Later"))
    assert [server.line(LOGIN).code for _ in range(10)] == [454] * 10
