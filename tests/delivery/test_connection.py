"""One session after scripted dialogues: what is said, what comes back, and that nothing learned is lost."""

import asyncio
import ssl
from collections.abc import Coroutine, Iterator
from typing import TypeVar

import pytest

from goodstanding.delivery.connection import Egress, OpenSession, Refusal, Timeouts, open_session
from goodstanding.delivery.plan import Plan, Target, Tls
from goodstanding.errors import LocalProtocolError
from goodstanding.model import NetworkFailure, Recipient, Reply
from goodstanding.wire.smtp_client import Transaction, TransactionResult
from tests.fakes import ScriptedDialer

T = TypeVar("T")
MX = Target("mx.example.org", "192.0.2.1", 25)
US = Egress("out.example.com", "198.51.100.7")
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
ANN, BOB, EVE = Recipient("ann@example.org"), Recipient("bob@example.org"), Recipient("eve@example.org")
MESSAGE = (b"Subject: hello\r\n\r\n", b".dot\r\n")


def run(coroutine: Coroutine[object, object, T]) -> T:
    return asyncio.run(coroutine)


def plan(tls: Tls = "never", auth: tuple[str, str] | None = None) -> Plan:
    return Plan("mx.example.org", (MX,), tls, auth)


async def connect(dialer: ScriptedDialer, how: Plan, context: ssl.SSLContext | None = CONTEXT) -> OpenSession | Refusal:
    return await open_session(MX, how, dialer=dialer, egress=US, tls_context=context)


async def opened(dialer: ScriptedDialer, how: Plan | None = None) -> OpenSession:
    session = await connect(dialer, how or plan())
    assert isinstance(session, OpenSession), session
    return session


def to(*recipients: Recipient, size: int = sum(map(len, MESSAGE))) -> Transaction:
    return Transaction("news@example.com", recipients, size)


HELLO = """
    S: 220 mx.example.org ESMTP
    C: EHLO out.example.com
    S: 250-mx.example.org
    S: 250 PIPELINING
"""
ONE_MESSAGE = """
    C: MAIL FROM:<news@example.com>
    C: RCPT TO:<ann@example.org>
    C: DATA
    S: 250 2.1.0 ok
    S: 250 2.1.5 ok
    S: 354 go on
    BODY
    S: 250 2.0.0 queued as 42
"""
GOODBYE = """
    C: QUIT
    S: 221 2.0.0 bye
"""
DELIVERED = TransactionResult((Reply(250, "2.0.0", "queued as 42"),), ("final",), accepted=True)


# Opening


def test_a_connection_comes_from_our_address_and_carries_our_name() -> None:
    dialer = ScriptedDialer({"192.0.2.1": HELLO})
    session = run(opened(dialer))
    assert dialer.dialled == [("192.0.2.1", 25, "198.51.100.7")]
    assert (session.host, session.tls, session.usable) == ("mx.example.org [192.0.2.1]", "", True)


def test_a_connection_that_cannot_be_made_is_a_refusal() -> None:
    refusal = run(connect(ScriptedDialer({}), plan()))
    assert refusal == Refusal(
        NetworkFailure("connect", "connection to 192.0.2.1:25 failed: connection refused"), "connect"
    )


@pytest.mark.parametrize(
    ("script", "stage"),
    [
        ("S: 554 5.7.1 go away\nC: QUIT", "greeting"),
        ("S: 421 4.3.2 busy", "greeting"),
        ("S: 220 hi\nC: EHLO *\nS: 450 4.7.1 who are you?\nC: QUIT", "hello"),
    ],
)
def test_a_server_that_refuses_us_is_left_politely(script: str, stage: str) -> None:
    dialer = ScriptedDialer({"192.0.2.1": script})
    refusal = run(connect(dialer, plan()))
    assert isinstance(refusal, Refusal)
    assert isinstance(refusal.reply_or_failure, Reply)
    assert refusal.stage == stage
    assert dialer.streams[0].finished
    assert dialer.streams[0].closed


@pytest.mark.parametrize(
    ("script", "failure"),
    [
        ("SILENCE", "greeting: 192.0.2.1:25 said nothing for 300 seconds while waiting for the greeting"),
        ("CLOSE", "greeting: mx.example.org [192.0.2.1] closed the connection instead of the greeting"),
        ("S: 220 hi\nC: EHLO *\nRESET", "hello: the connection with 192.0.2.1:25 was lost: reset while waiting for"),
        ("S: nonsense", "greeting: mx.example.org [192.0.2.1] broke the protocol: not a reply: "),
        ("S: 220 hi\nS: 220 hi", "greeting: mx.example.org [192.0.2.1] answered what was not asked"),
    ],
)  # fmt: skip
def test_a_conversation_that_breaks_off_says_where(script: str, failure: str) -> None:
    dialer = ScriptedDialer({"192.0.2.1": script})
    refusal = run(connect(dialer, plan()))
    assert isinstance(refusal, Refusal)
    assert str(refusal.reply_or_failure).startswith(failure)
    assert dialer.streams[0].closed


# TLS

STARTTLS = """
    S: 220 hi
    C: EHLO *
    S: 250-hi
    S: 250 STARTTLS
    C: STARTTLS
    S: 220 go ahead
"""
AFTER_TLS = """
    TLS
    C: EHLO *
    S: 250 hi
"""
TLS_FAILS = STARTTLS + "TLS FAILS"
PLAIN = """
    S: 220 hi
    C: EHLO *
    S: 250-hi
    S: 250 STARTTLS
"""


@pytest.mark.parametrize("tls", ["opportunistic", "required"])
def test_tls_is_used_where_it_is_offered(tls: Tls) -> None:
    dialer = ScriptedDialer({"192.0.2.1": STARTTLS + AFTER_TLS})
    session = run(opened(dialer, plan(tls)))
    assert session.tls == "TLSv1.3 TLS_AES_256_GCM_SHA384"
    assert dialer.streams[0].hostname == "mx.example.org"


def test_opportunistic_tls_that_fails_is_done_without_on_a_new_connection() -> None:
    dialer = ScriptedDialer({"192.0.2.1": [TLS_FAILS, PLAIN]})
    session = run(opened(dialer, plan("opportunistic")))
    assert (session.tls, session.tls_failure) == ("", "TLS handshake with 192.0.2.1:25 failed: scripted")
    assert dialer.streams[0].closed


@pytest.mark.parametrize("how", [plan("required"), plan("opportunistic", ("relay", "s3cret"))])
def test_tls_that_protects_something_is_never_done_without(how: Plan) -> None:
    dialer = ScriptedDialer({"192.0.2.1": [TLS_FAILS, PLAIN]})
    refusal = run(connect(dialer, how))
    assert isinstance(refusal, Refusal)
    assert refusal.stage == "tls"
    assert len(dialer.dialled) == 1


def test_without_a_context_opportunistic_tls_is_no_tls() -> None:
    dialer = ScriptedDialer({"192.0.2.1": PLAIN})
    assert isinstance(run(connect(dialer, plan("opportunistic"), None)), OpenSession)


def test_required_tls_without_a_context_is_our_bug() -> None:
    with pytest.raises(LocalProtocolError):
        run(connect(ScriptedDialer({}), plan("required"), None))


# Messages


def test_one_message_takes_two_writes() -> None:
    async def scenario() -> None:
        dialer = ScriptedDialer({"192.0.2.1": HELLO + ONE_MESSAGE + ONE_MESSAGE + GOODBYE})
        session = await opened(dialer)
        stream = dialer.streams[0]
        before = stream.sends
        assert await session.deliver(to(ANN), MESSAGE) == DELIVERED
        assert await session.deliver(to(ANN), MESSAGE) == DELIVERED
        assert stream.sends - before == 4
        assert stream.bodies == [b"Subject: hello\r\n\r\n..dot\r\n"] * 2
        assert session.transactions == 2
        await session.quit()
        assert stream.finished
        assert stream.closed

    run(scenario())


def test_a_large_message_goes_in_pieces() -> None:
    async def scenario() -> None:
        dialer = ScriptedDialer({"192.0.2.1": HELLO + ONE_MESSAGE})
        session = await opened(dialer)
        message = b"Subject: large\r\n\r\n" + b"0123456789abcdef\r\n.dot\r\n" * 20_000
        assert await session.deliver(to(ANN, size=len(message)), [message]) == DELIVERED
        assert dialer.streams[0].bodies == [message.replace(b"\r\n.", b"\r\n..")]
        assert dialer.streams[0].sends > 8

    run(scenario())


ANN_ONLY = """
    C: MAIL FROM:<*>
    C: RCPT TO:<ann@example.org>
    C: DATA
    S: 250 ok
"""


@pytest.mark.parametrize(
    ("rest", "failure"),
    [
        ("S: 250 ok\nS: 354 go\nBODY\nSILENCE", "final: 192.0.2.1:25 said nothing for 600 seconds"),
        ("S: 250 ok\nS: 354 go\nBODY\nCLOSE", "final: mx.example.org [192.0.2.1] closed the connection"),
        ("S: 250 ok\nRESET", "data: the connection with 192.0.2.1:25 was lost"),
        ("S: 354 what?", "mail: mx.example.org [192.0.2.1] broke the protocol"),
    ],
)  # fmt: skip
def test_a_message_lost_on_the_way_is_a_failure_at_its_stage(rest: str, failure: str) -> None:
    async def scenario() -> None:
        session = await opened(ScriptedDialer({"192.0.2.1": HELLO + ANN_ONLY + rest}))
        result = await session.deliver(to(ANN), MESSAGE)
        assert isinstance(result, NetworkFailure)
        assert str(result).startswith(failure)
        assert (session.stale, session.usable) == (False, False)

    run(scenario())


def test_a_refusal_heard_before_the_connection_broke_is_kept() -> None:
    async def scenario() -> None:
        script = (
            HELLO
            + """
            C: MAIL FROM:<*>
            C: RCPT TO:<ann@*>
            C: RCPT TO:<bob@*>
            C: DATA
            S: 250 ok
            S: 550 5.1.1 no such user
            S: 250 ok
            S: 354 go on
            BODY
            CLOSE
        """
        )
        session = await opened(ScriptedDialer({"192.0.2.1": script}))
        result = await session.deliver(to(ANN, BOB), MESSAGE)
        assert isinstance(result, TransactionResult)
        assert result.recipients[0] == Reply(550, "5.1.1", "no such user")
        assert isinstance(result.recipients[1], NetworkFailure)
        assert result.stages == ("rcpt", "final")

    run(scenario())


@pytest.mark.parametrize("end", ["CLOSE", "S: 421 4.4.2 idle for too long", "RESET"])
def test_a_reused_connection_that_had_ended_is_stale(end: str) -> None:
    async def scenario() -> None:
        last = "\nC: MAIL FROM:<*>\nC: RCPT TO:<*>\nC: DATA\n"
        session = await opened(ScriptedDialer({"192.0.2.1": HELLO + ONE_MESSAGE + last + end}))
        assert await session.deliver(to(ANN), MESSAGE) == DELIVERED
        assert not session.stale
        await session.deliver(to(ANN), MESSAGE)
        assert session.stale
        assert not session.usable
        assert isinstance(await session.deliver(to(ANN), MESSAGE), NetworkFailure)

    run(scenario())


def test_a_server_that_cuts_a_message_off_is_heard_out() -> None:
    async def scenario() -> None:
        rest = "S: 250 ok\nS: 354 go on\nSTOPS READING"
        session = await opened(ScriptedDialer({"192.0.2.1": HELLO + ANN_ONLY + rest}))
        result = await session.deliver(to(ANN, size=200_000), [b"x" * 200_000])
        assert result == NetworkFailure("body", "192.0.2.1:25 took nothing for 180 seconds")

    run(scenario())


def test_a_message_refused_in_the_same_breath_as_it_was_wanted() -> None:
    async def scenario() -> None:
        rest = "S: 250 ok\nS: 354 go on\nS: 552 5.3.4 too big"
        session = await opened(ScriptedDialer({"192.0.2.1": HELLO + ANN_ONLY + rest}))
        result = await session.deliver(to(ANN), MESSAGE)
        assert codes(result) == [552]
        assert not session.usable

    run(scenario())


def test_a_message_that_cannot_be_read_to_its_end_never_gets_one() -> None:
    def damaged() -> Iterator[bytes]:
        yield b"x" * 100_000
        raise OSError("unreadable sector")

    async def scenario() -> None:
        rest = "S: 250 ok\nS: 354 go on\nCLOSE"
        dialer = ScriptedDialer({"192.0.2.1": HELLO + ANN_ONLY + rest})
        session = await opened(dialer)
        with pytest.raises(OSError, match="unreadable"):
            await session.deliver(to(ANN, size=200_000), damaged())
        assert not session.usable
        await session.quit()
        assert dialer.streams[0].closed
        assert dialer.streams[0].bodies == []

    run(scenario())


def test_a_message_to_nobody_is_not_sent_twice() -> None:
    async def scenario() -> None:
        script = (
            HELLO
            + """
            C: MAIL FROM:<*>
            C: RCPT TO:<ann@*>
            C: DATA
            S: 250 ok
            S: 550 5.1.1 no such user
            S: 554 5.5.1 no valid recipients
            C: RSET
            C: MAIL FROM:<*>
            C: RCPT TO:<ann@*>
            C: DATA
            S: 250 ok
            S: 250 ok
            S: 250 ok
            S: 354 go on
            BODY
            S: 250 2.0.0 queued as 42
        """
        )
        dialer = ScriptedDialer({"192.0.2.1": script})
        session = await opened(dialer)
        first = await session.deliver(to(ANN), MESSAGE)
        assert isinstance(first, TransactionResult)
        assert first.stages == ("rcpt",)
        assert await session.deliver(to(ANN), MESSAGE) == DELIVERED
        assert len(dialer.streams[0].bodies) == 1

    run(scenario())


# More recipients than the server takes at a time


def hello_with(extension: str) -> str:
    return HELLO.replace("250 PIPELINING", f"250-PIPELINING\n S: 250 {extension}")


def portion(*names: str, answers: str = "") -> str:
    said = "".join(f"C: RCPT TO:<{name}@*>\n" for name in names)
    heard = answers or "S: 250 ok\n" * len(names)
    return f"C: MAIL FROM:<*>\n{said}C: DATA\nS: 250 ok\n{heard}S: 354 go on\nBODY\nS: 250 queued\n"


def codes(result: TransactionResult | NetworkFailure) -> list[int]:
    assert isinstance(result, TransactionResult)
    return [answer.code for answer in result.recipients if isinstance(answer, Reply)]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (hello_with("LIMITS RCPTMAX=2") + portion("ann", "bob") + portion("eve"), [250, 250, 250]),
        (hello_with("LIMITS RCPTMAX=2 MAILMAX=1") + portion("ann", "bob"), [250, 250, 452]),
        (
            HELLO + portion("ann", "bob", "eve", answers="S: 250 ok\nS: 452 4.5.3 enough\nS: 452 4.5.3 enough\n")
            + portion("bob", "eve", answers="S: 250 ok\nS: 550 no\n"),
            [250, 250, 550],
        ),
        (HELLO + portion("ann", "bob", "eve", answers="S: 250 ok\nS: 452 4.2.2 full\nS: 250 ok\n"), [250, 452, 250]),
    ],
)  # fmt: skip
def test_recipients_go_in_as_many_transactions_as_it_takes(script: str, expected: list[int]) -> None:
    async def scenario() -> None:
        dialer = ScriptedDialer({"192.0.2.1": script})
        session = await opened(dialer)
        result = await session.deliver(to(ANN, BOB, EVE), MESSAGE)
        assert codes(result) == expected
        assert dialer.streams[0].finished

    run(scenario())


def test_a_connection_lost_in_the_second_portion_keeps_the_first() -> None:
    async def scenario() -> None:
        script = hello_with("LIMITS RCPTMAX=2") + portion("ann", "bob") + "C: MAIL FROM:<*>\nC: RCPT*\nC: DATA\nCLOSE"
        session = await opened(ScriptedDialer({"192.0.2.1": script}))
        result = await session.deliver(to(ANN, BOB, EVE), MESSAGE)
        assert codes(result) == [250, 250]
        assert isinstance(result, TransactionResult)
        assert isinstance(result.recipients[2], NetworkFailure)
        assert not session.stale

    run(scenario())


def test_time_outs_are_those_of_the_standard() -> None:
    timeouts = Timeouts()
    assert (timeouts.greeting, timeouts.mail, timeouts.rcpt) == (300, 300, 300)
    assert (timeouts.data, timeouts.body, timeouts.final) == (120, 180, 600)
