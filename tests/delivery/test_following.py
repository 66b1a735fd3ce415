"""A message whose successor is known: both are said in one breath (RFC 2920 §3.1), and neither harms the other."""

import asyncio

from goodstanding.delivery.connection import OpenSession
from goodstanding.model import NetworkFailure, Recipient, Reply
from goodstanding.wire.smtp_client import Transaction, TransactionResult
from tests.delivery.test_connection import ANN, BOB, DELIVERED, HELLO, MESSAGE, opened, to
from tests.fakes import ScriptedDialer

BOTH = """
    C: MAIL FROM:<news@example.com>
    C: RCPT TO:<ann@example.org>
    C: DATA
    S: 250 2.1.0 ok
    S: 250 2.1.5 ok
    S: 354 go on
    BODY
    C: MAIL FROM:<news@example.com>
    C: RCPT TO:<bob@example.org>
    C: DATA
"""


def two(script: str) -> tuple[ScriptedDialer, OpenSession, list[TransactionResult | NetworkFailure], list[bool]]:
    """Deliver to Ann, then to Bob who follows."""

    async def scenario() -> tuple[OpenSession, list[TransactionResult | NetworkFailure], list[bool]]:
        session = await opened(dialer)
        first, second = to(ANN), to(BOB)
        results, stale = [], []
        for transaction, following in ((first, second), (second, None)):
            results.append(await session.deliver(transaction, MESSAGE, following))
            stale.append(session.stale)
        return session, results, stale

    dialer = ScriptedDialer({"192.0.2.1": script})
    return dialer, *asyncio.run(scenario())


def test_the_next_transaction_goes_out_with_the_end_of_the_message_before() -> None:
    dialer, session, results, stale = two(
        HELLO
        + BOTH
        + """
        S: 250 2.0.0 queued as 42
        S: 250 2.1.0 ok
        S: 250 2.1.5 ok
        S: 354 go on
        BODY
        S: 250 2.0.0 queued as 42
        """
    )
    assert results == [DELIVERED, DELIVERED]
    assert stale == [False, False]
    assert session.usable
    assert dialer.streams[0].sends == 4  # EHLO, the first transaction, message and second transaction, message


def test_a_refused_message_leaves_the_one_behind_it_alone() -> None:
    _, _, results, _ = two(
        HELLO
        + BOTH
        + """
        S: 554 5.7.1 we do not like this
        S: 250 2.1.0 ok
        S: 250 2.1.5 ok
        S: 354 go on
        BODY
        S: 250 2.0.0 queued as 42
        """
    )
    assert results == [
        TransactionResult((Reply(554, "5.7.1", "we do not like this"),), ("final",), accepted=False),
        DELIVERED,
    ]


def test_a_recipient_refused_behind_a_message_is_refused_alone() -> None:
    _, session, results, _ = two(
        HELLO
        + BOTH
        + """
        S: 250 2.0.0 queued as 42
        S: 250 2.1.0 ok
        S: 550 5.1.1 no such user
        S: 503 5.5.1 no recipients
        """
    )
    assert results == [DELIVERED, TransactionResult((Reply(550, "5.1.1", "no such user"),), ("rcpt",), accepted=False)]
    assert session.usable


def test_a_connection_that_ends_after_the_first_message_costs_the_second_nothing() -> None:
    _, session, results, stale = two(HELLO + BOTH + "S: 250 2.0.0 queued as 42\nCLOSE")
    assert results[0] == DELIVERED
    assert stale == [False, True]
    assert not session.usable


def test_a_goodbye_instead_of_the_final_reply_settles_the_first_and_repeats_the_second() -> None:
    _, session, results, stale = two(HELLO + BOTH + "S: 421 4.3.2 shutting down\nCLOSE")
    assert isinstance(results[0], TransactionResult)
    assert results[0].recipients == (Reply(421, "4.3.2", "shutting down"),)
    assert stale == [False, True]
    assert not session.usable


def test_a_server_without_pipelining_hears_of_the_second_after_the_first() -> None:
    _, _, results, _ = two(
        """
        S: 220 mx.example.org ESMTP
        C: EHLO out.example.com
        S: 250 mx.example.org
        C: MAIL FROM:<news@example.com>
        S: 250 ok
        C: RCPT TO:<ann@example.org>
        S: 250 ok
        C: DATA
        S: 354 go on
        BODY
        S: 250 2.0.0 queued as 42
        C: MAIL FROM:<news@example.com>
        S: 250 ok
        C: RCPT TO:<bob@example.org>
        S: 250 ok
        C: DATA
        S: 354 go on
        BODY
        S: 250 2.0.0 queued as 42
        """
    )
    assert results == [DELIVERED, DELIVERED]


def test_what_the_server_cannot_take_is_not_begun_behind_another() -> None:
    async def scenario() -> None:
        dialer = ScriptedDialer({"192.0.2.1": HELLO + BOTH.split("BODY")[0] + "BODY\nS: 250 2.0.0 queued as 42"})
        session = await opened(dialer)
        foreign = Transaction("news@example.com", (Recipient("zoë@example.org"),), 10, smtputf8=True)
        assert await session.deliver(to(ANN), MESSAGE, foreign) == DELIVERED
        refused = await session.deliver(foreign, MESSAGE)
        assert isinstance(refused, TransactionResult)
        assert isinstance(refused.recipients[0], Reply)
        assert refused.recipients[0].enhanced == "5.6.7"

    asyncio.run(scenario())
