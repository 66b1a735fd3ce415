"""Commands: each with the reply it has, and what it means to the shell."""

from dataclasses import replace

import pytest

from goodstanding.model import Envelope, Recipient
from goodstanding.wire.smtp_server import MailFrom, RcptTo, ServerPolicy
from tests.wire.conversation import ENVELOPE, OPEN, STARTED, Conversation, greeted

SUBMISSION = ServerPolicy("mail.test")

REPLIES = [
    (b"NOOP", 250), (b"noop anything", 250), (b"HELP", 214), (b"VRFY user", 252), (b"VRFY", 501), (b"EXPN list", 502),
    (b"ETRN x", 502), (b"TURN", 502), (b"RSET", 250), (b"RSET x", 501), (b"QUIT", 221), (b"BLURB", 500), (b"", 500),
    (b" NOOP", 500), (b"NOOP\0", 500), (b"NOOP \xff", 500), (b"EHLO", 501), (b"EHLO a b", 501), (b"EHLO <x>", 501),
    (b"EHLO [127.0.0.1]", 250), (b"EHLO [IPv6:::1]", 250), (b"EHLO ::1", 250), (b"EHLO my_pc", 250), (b"EHLO x.", 250),
    ("EHLO bücher".encode(), 250), (b"HELO", 501), (b"HELO x", 250), (b"DATA", 503), (b"DATA x", 501),
    (b"RCPT TO:<a@b.c>", 503), (b"STARTTLS x", 501), (b"AUTH PLAIN", 538), (b"MAIL", 500), (b"MAIL FROM", 500),
    (b"MAIL FROM:", 500), (b"MAIL TO:<a@b.c>", 500), (b"MAIL FROM:<a@b.c", 501), (b"MAIL FROM:<pepe>", 501),
    (b"mail from:<a@b.c>  ", 250), (b"MAIL FROM: <a@b.c>", 250), (b"MAIL FROM:a@b.c", 250), (b"MAIL FROM:<>", 250),
    (b"X" * 2046, 500), (b"NOOP " + b"x" * 2041, 250), (b"NOOP " + b"x" * 2042, 500), (b"NOOP " + b"x" * 99_999, 500),
]  # fmt: skip


@pytest.mark.parametrize(("line", "code"), REPLIES)
@pytest.mark.parametrize("size", [0, 1, 700])
def test_a_command_has_its_reply(line: bytes, code: int, size: int) -> None:
    server = greeted(replace(OPEN, auth=True))
    (reply,) = server.send(line + b"\r\n", size)
    assert reply.code == code
    assert reply.enhanced or line[:4] in (b"EHLO", b"HELO")


BEFORE_HELLO = [b"MAIL FROM:<a@b.c>", b"RCPT TO:<a@b.c>", b"DATA", b"STARTTLS", b"AUTH PLAIN"]


@pytest.mark.parametrize("line", BEFORE_HELLO)
def test_before_ehlo_little_is_possible(line: bytes) -> None:
    assert Conversation(replace(OPEN, auth_without_tls=True)).codes(line + b"\r\n") == [503]


def test_a_helo_client_gets_no_extensions() -> None:
    server = Conversation(replace(OPEN, auth_without_tls=True))
    lines = b"HELO c.test\r\nSTARTTLS\r\nAUTH PLAIN\r\nMAIL FROM:<a@b.c> SIZE=1\r\nMAIL FROM:<a@b.c>\r\n"
    assert server.codes(lines) == [250, 503, 503, 555, 250]
    assert server.codes(b"RCPT TO:<a@b.c> NOTIFY=NEVER\r\nRCPT TO:<a@b.c>\r\nBDAT 4 LAST\r\nQUIT") == [555, 250, 502]
    assert not server.session.esmtp


MAIL_PARAMETERS = [
    ("SIZE=9 BODY=8BITMIME SMTPUTF8 RET=hdrs ENVID=a+2Bb AUTH=<>",
     Envelope("a@x.test", (), "8BITMIME", True, "HDRS", "a+2Bb", 9)),
    ("body=7bit RET=FULL", Envelope("a@x.test", ret="FULL")),
    ("AUTH=user@example.org", STARTED),
    ("SIZE=26214400", Envelope("a@x.test", size=26_214_400)),
    ("SIZE=26214401", "552 5.3.4"),
    ("SIZE=", "501 5.5.4"),
    ("SIZE=x", "501 5.5.4"),
    ("SIZE=-1", "501 5.5.4"),
    ("SIZE=1 SIZE=1", "501 5.5.4"),
    ("BODY=BINARYMIME", "555 5.6.1"),
    ("BODY=9BIT", "501 5.5.4"),
    ("BODY", "501 5.5.4"),
    ("SMTPUTF8=yes", "501 5.5.4"),
    ("RET=SOME", "501 5.5.4"),
    ("ENVID=" + "x" * 101, "501 5.5.4"),
    ("ENVID=a=b", "501 5.5.4"),
    ("ENVID=a+2b", "501 5.5.4"),
    ("NOTIFY=NEVER", "555 5.5.4"),
    ("BLURB=1", "555 5.5.4"),
    ("(comment)", "501 5.5.4"),
    ("=1", "501 5.5.4"),
]  # fmt: skip


@pytest.mark.parametrize(("parameters", "outcome"), MAIL_PARAMETERS)
def test_parameters_of_mail(parameters: str, outcome: Envelope | str) -> None:
    server = greeted()
    reply = server.line(f"MAIL FROM:<a@x.test> {parameters}")
    if isinstance(outcome, str):
        assert str(reply).startswith(outcome)
    else:
        assert (reply.code, server.events) == (250, [MailFrom("a@x.test", outcome)])


RCPT_PARAMETERS = [
    ("NOTIFY=NEVER", Recipient("b@y.test", ("NEVER",))),
    ("NOTIFY=success,FAILURE,Delay", Recipient("b@y.test", ("SUCCESS", "FAILURE", "DELAY"))),
    ("ORCPT=rfc822;b+2Bc@y.test", Recipient("b@y.test", (), "rfc822;b+2Bc@y.test")),
    ("NOTIFY=NEVER,DELAY", "501 5.5.4"),
    ("NOTIFY=DELAY,DELAY", "501 5.5.4"),
    ("NOTIFY=", "501 5.5.4"),
    ("NOTIFY=OFTEN", "501 5.5.4"),
    ("ORCPT=b@y.test", "501 5.5.4"),
    ("ORCPT=rfc822;", "501 5.5.4"),
    ("ORCPT=rfc822;a=b", "501 5.5.4"),
    ("ORCPT=utf-8;ü@y.test", "501 5.5.4"),
    ("ORCPT=rfc822;" + "x" * 500, "501 5.5.4"),
    ("SIZE=1", "555 5.5.4"),
]


@pytest.mark.parametrize(("parameters", "outcome"), RCPT_PARAMETERS)
def test_parameters_of_rcpt(parameters: str, outcome: Recipient | str) -> None:
    server = greeted()
    server.line("MAIL FROM:<a@x.test>")
    reply = server.line(f"RCPT TO:<b@y.test> {parameters}")
    if isinstance(outcome, str):
        assert str(reply).startswith(outcome)
    else:
        assert (reply.code, server.events[1:]) == (250, [RcptTo(outcome)])


def test_international_addresses_need_smtputf8() -> None:
    server = greeted()
    assert str(server.line("MAIL FROM:<jürgen@x.test>")).startswith("553 5.6.7")
    assert server.line("MAIL FROM:<jürgen@x.test> SMTPUTF8").code == 250
    assert server.line("RCPT TO:<用户@例子.测试> ORCPT=utf-8;用户@例子.测试").code == 250
    assert server.line("RSET").code == 250
    assert server.line("MAIL FROM:<a@x.test>").code == 250
    assert str(server.line("RCPT TO:<jürgen@x.test>")).startswith("553 5.6.7")


@pytest.mark.parametrize(
    ("line", "enhanced"),
    [("MAIL FROM:<a b>", "5.1.7"), ("MAIL FROM:<a@b..c>", "5.1.8"), ("MAIL FROM:<a@xn--->", "5.1.8")],
)
def test_a_bad_sender_is_named(line: str, enhanced: str) -> None:
    assert greeted().line(line).enhanced == enhanced


@pytest.mark.parametrize(("path", "enhanced"), [("<>", "5.1.3"), ("<a>", "5.1.3"), ("<a@b..c>", "5.1.2")])
def test_a_bad_recipient_is_named(path: str, enhanced: str) -> None:
    server = greeted()
    server.line("MAIL FROM:<>")
    assert server.line(f"RCPT TO:{path}").enhanced == enhanced


def test_the_postmaster_is_ours() -> None:
    server = greeted()
    server.line("MAIL FROM:<>")
    assert server.line("RCPT TO:<postmaster>").code == 250
    assert server.events[-1] == RcptTo(Recipient("postmaster@mx.test"))


def test_the_extensions_offered_are_those_of_the_policy() -> None:
    def offered(policy: ServerPolicy, tls: bool) -> list[str]:
        return Conversation(policy, tls=tls).line("EHLO c.test").text.split("\n")

    everything = ["ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING", "LIMITS RCPTMAX=1000", "HELP"]
    assert offered(SUBMISSION, False) == ["mail.test", "PIPELINING", "SIZE 26214400", "STARTTLS", *everything]
    assert offered(SUBMISSION, True) == ["mail.test", "PIPELINING", "SIZE 26214400", "AUTH PLAIN LOGIN", *everything]
    bare = replace(SUBMISSION, tls=False, auth=False, extensions=frozenset())
    assert offered(bare, False) == ["mail.test", "HELP"]
    limits = replace(bare, transactions_limit=5, extensions=frozenset({"LIMITS"}))
    assert offered(limits, False) == ["mail.test", "LIMITS MAILMAX=5 RCPTMAX=1000", "HELP"]


def test_without_enhanced_codes_none_are_sent() -> None:
    server = greeted(replace(OPEN, extensions=frozenset()))
    assert server.line("NOOP").enhanced == ""
    assert server.line("MAIL FROM:<a@x.test> SIZE=1").code == 555


@pytest.mark.parametrize("octets", [b"EHLO c.test\n", b"\n", b"EHLO \rc.test\r\n", b"NOOP\r\r\n", b"\r\r\n"])
@pytest.mark.parametrize("size", [0, 1])
def test_a_bare_cr_or_lf_in_a_command_ends_the_session(octets: bytes, size: int) -> None:
    server = Conversation()
    (reply,) = server.send(octets + b"NOOP\r\n", size)
    assert (reply.code, server.session.closing) == (421, True)


@pytest.mark.parametrize("octets", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"post / HTTP/1.1\r\n", b"CONNECT x:25\r\n"])
def test_a_web_browser_is_sent_away(octets: bytes) -> None:
    server = Conversation()
    assert server.codes(octets + ENVELOPE) == [421]


@pytest.mark.parametrize("size", [0, 1])
def test_a_tls_handshake_on_a_plain_port_is_sent_away(size: int) -> None:
    server = Conversation()
    (reply,) = server.send(b"\x16\x03\x01\x02\x00\x01\x00\n\xff", size)
    assert (reply.code, "STARTTLS" in reply.text) == (421, True)
