"""STARTTLS and AUTH, by password and by token."""

import json
from base64 import b64decode, b64encode
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


# Tokens


TOKENS = replace(
    SUBMISSION,
    bearer=True,
    bearer_scope="relay",
    bearer_configuration="https://id.test/.well-known/openid-configuration",
)
TOKEN = "e30.e30.-_~+/x=="
XOAUTH2 = f"user=u@x.test\1auth=Bearer {TOKEN}\1\1"
OAUTHBEARER = f"n,a=u@x.test,\1host=mail.test\1port=587\1auth=Bearer {TOKEN}\1\1"
GIVEN = [
    ("XOAUTH2", XOAUTH2, ("u@x.test", TOKEN)),
    ("XOAUTH2", f"user=res|app|tid\1auth=bearer  {TOKEN} \1\1", ("res|app|tid", TOKEN)),
    ("OAUTHBEARER", OAUTHBEARER, ("u@x.test", TOKEN)),
    ("OAUTHBEARER", f"n,,\1auth=Bearer {TOKEN}\1\1", ("", TOKEN)),
    ("OAUTHBEARER", f"y,a=a=2Cb=3Dc,\1auth=Bearer {TOKEN}\1\1", ("a,b=c", TOKEN)),
    ("OAUTHBEARER", f"n,a=jürgen,\1auth=Bearer {TOKEN}\1qs=a=b&c\1\1", ("jürgen", TOKEN)),
]


def believe(event: object) -> Reply:
    return Reply(235, "2.7.0", "Welcome") if isinstance(event, AuthGiven) else Reply(250)


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(("mechanism", "response", "claim"), GIVEN, ids=range(len(GIVEN)))
def test_a_token_is_handed_over(mechanism: str, response: str, claim: tuple[str, str], at_once: bool) -> None:
    server = greeted(TOKENS, tls=True, decide=believe)
    if at_once:
        assert server.line(f"AUTH {mechanism} {b64(response.encode())}").code == 235
    else:
        assert server.codes(f"AUTH {mechanism}\r\n{b64(response.encode())}\r\n".encode()) == [334, 235]
    assert claims(server) == [AuthGiven(mechanism, *claim)]
    assert server.session.authenticated


MALFORMED = [
    ("XOAUTH2", ""),
    ("XOAUTH2", "\1"),
    ("XOAUTH2", "user=\1auth=Bearer t\1\1"),
    ("XOAUTH2", "auth=Bearer t\1user=u\1\1"),
    ("XOAUTH2", "user=u\1auth=Bearer t\1"),
    ("XOAUTH2", "user=u\1auth=Bearer t"),
    ("XOAUTH2", "user=u auth=Bearer t\1\1"),
    ("XOAUTH2", "user=u\1auth=Basic t\1\1"),
    ("XOAUTH2", "user=u\1auth=Bearer a b\1\1"),
    ("XOAUTH2", "user=u\1auth=Bearer t\1auth=Bearer s\1\1"),
    ("XOAUTH2", "user=u\0\1auth=Bearer t\1\1"),
    ("XOAUTH2", "user=u\1auth=Bearer t\1\1\1"),
    ("OAUTHBEARER", "\1"),
    ("OAUTHBEARER", XOAUTH2),
    ("OAUTHBEARER", "n\1auth=Bearer t\1\1"),
    ("OAUTHBEARER", "p=tls-unique,,\1auth=Bearer t\1\1"),
    ("OAUTHBEARER", "F,n,,\1auth=Bearer t\1\1"),
    ("OAUTHBEARER", "n,a=,\1auth=Bearer t\1\1"),
    ("OAUTHBEARER", "n,a=u=2D,\1auth=Bearer t\1\1"),
    ("OAUTHBEARER", "n,,\1auth=Bearer t\1"),
    ("OAUTHBEARER", "n,,\1auth=Bearer t\1host\1\1"),
    ("OAUTHBEARER", "n,,\1auth=Bearer ü\1\1"),
    ("OAUTHBEARER", "n,,\1=x\1auth=Bearer t\1\1"),
]


@pytest.mark.parametrize(("mechanism", "response"), MALFORMED, ids=range(len(MALFORMED)))
def test_a_token_in_no_known_shape_is_refused_before_it_is_looked_at(mechanism: str, response: str) -> None:
    server = greeted(TOKENS, tls=True, decide=believe)
    assert server.line(f"AUTH {mechanism} {b64(response.encode()) or '='}").code == 501
    assert claims(server) == []
    assert server.line("NOOP").code == 250


WHY = [
    ("XOAUTH2", XOAUTH2, {"status": "401", "schemes": "bearer", "scope": "relay"}),
    ("OAUTHBEARER", OAUTHBEARER, {
        "status": "invalid_token", "scope": "relay",
        "openid-configuration": "https://id.test/.well-known/openid-configuration",
    }),
]  # fmt: skip
REFUSED = Reply(535, "5.7.8", "it has expired; get a new one")


@pytest.mark.parametrize("acknowledged", ["", b64(b"\1"), "NOOP"])
@pytest.mark.parametrize(("mechanism", "response", "why"), WHY, ids=["xoauth2", "oauthbearer"])
def test_a_refused_token_is_told_why_and_then_refused(
    mechanism: str, response: str, why: dict[str, str], acknowledged: str
) -> None:
    server = greeted(TOKENS, tls=True, decide=lambda event: REFUSED)
    challenge = server.line(f"AUTH {mechanism} {b64(response.encode())}")
    assert challenge.code == 334
    assert json.loads(b64decode(challenge.text)) == why
    assert not server.session.authenticated
    assert server.line(acknowledged) == REFUSED
    assert server.line("NOOP").code == 250


def test_a_client_that_asks_without_a_token_is_told_where_to_get_one() -> None:
    server = greeted(TOKENS, tls=True, decide=believe)
    for empty in ("n,,\1auth=\1\1", "n,,\1\1", "n,,\1host=mail.test\1\1"):
        challenge = server.line(f"AUTH OAUTHBEARER {b64(empty.encode())}")
        assert "openid-configuration" in json.loads(b64decode(challenge.text))
        assert server.line(b64(b"\1")).code == 535
    assert claims(server) == []


def test_a_challenge_can_be_cancelled_and_costs_as_much() -> None:
    server = greeted(TOKENS, tls=True, decide=lambda event: REFUSED)
    for _ in range(3):
        assert server.line("AUTH XOAUTH2 " + b64(XOAUTH2.encode())).code == 334
        assert server.line("*").code == 501
    assert server.line("AUTH XOAUTH2 " + b64(XOAUTH2.encode())).code == 334
    assert server.codes(b"*\r\n") == [501, 421]


def test_trying_tokens_ends_the_session() -> None:
    server = greeted(TOKENS, tls=True, decide=lambda event: REFUSED)
    login = f"AUTH OAUTHBEARER {b64(OAUTHBEARER.encode())}\r\n\r\n".encode()
    for _ in range(3):
        assert server.codes(login) == [334, 535]
    assert server.codes(login) == [334, 535, 421]


def test_a_token_that_cannot_be_checked_now_is_put_off_without_a_challenge() -> None:
    server = greeted(TOKENS, tls=True, decide=lambda event: Reply(454, "4.7.0", "Later"))
    assert [server.line("AUTH XOAUTH2 " + b64(XOAUTH2.encode())).code for _ in range(10)] == [454] * 10


def test_tokens_are_offered_over_tls_only_and_where_an_issuer_is_set() -> None:
    everywhere = replace(TOKENS, auth_without_tls=True)
    secured, open_, without = greeted(TOKENS, tls=True), greeted(everywhere), greeted(SUBMISSION, tls=True)
    assert b"AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER\r\n" in secured.said
    assert b"AUTH PLAIN LOGIN\r\n" in open_.said
    assert b"AUTH PLAIN LOGIN\r\n" in without.said
    for server in (open_, without):
        refused = server.line("AUTH XOAUTH2 " + b64(XOAUTH2.encode()))
        assert refused.code == 504 and "PLAIN or LOGIN" in refused.text
        assert claims(server) == []


def test_what_a_refused_token_is_told_fits_on_one_line() -> None:
    wordy = replace(TOKENS, bearer_scope="s" * 300)
    server = greeted(wordy, tls=True, decide=lambda event: REFUSED)
    challenge = server.line("AUTH OAUTHBEARER " + b64(OAUTHBEARER.encode()))
    assert json.loads(b64decode(challenge.text)) == {"status": "invalid_token"}


RESPONSES = st.lists(
    st.sampled_from(["user=", "auth=", "Bearer ", TOKEN, "\1", "n,", "a=", ",", "=2C", "host=x", "u"])
    | st.text(max_size=5)
).map("".join)


@given(st.sampled_from(["PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"]), st.lists(RESPONSES | st.just("*"), max_size=4))
def test_whatever_is_answered_to_a_challenge_ends_in_a_reply(mechanism: str, responses: list[str]) -> None:
    server = greeted(TOKENS, tls=True, decide=lambda event: REFUSED)
    lines = [f"AUTH {mechanism}", *("*" if one == "*" else b64(one.encode()) for one in responses)]
    for line in lines:
        (first, *_) = server.send(line.encode() + b"\r\n") or [REFUSED]
        assert first.code in (334, 421, 500, 501, 535)
    assert not server.session.authenticated


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
