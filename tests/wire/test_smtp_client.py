"""The client core: what it says, when, and what it makes of the answers. No socket, no clock."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.errors import LocalProtocolError, RemoteProtocolError
from goodstanding.model import NetworkFailure, Recipient, Reply
from goodstanding.wire.capabilities import Capabilities
from goodstanding.wire.smtp_client import (
    BodyWanted,
    Client,
    ClientEvent,
    Closed,
    Finished,
    Ready,
    Refused,
    TlsWanted,
    Transaction,
    TransactionResult,
)
from goodstanding.wire.smtp_server import (
    BodyPart,
    BodyStart,
    Event,
    MailFrom,
    MessageReceived,
    RcptTo,
    ServerPolicy,
    Session,
)
from goodstanding.wire.stuffing import stuffed

ANN, BOB, EVE = Recipient("ann@example.org"), Recipient("bob@example.org"), Recipient("eve@example.org")
OK, QUEUED = Reply(250, "2.1.0", "ok"), Reply(250, "2.0.0", "queued as 42")
GO_ON = b"354 go on\r\n"
GONE = NetworkFailure("rcpt", "the connection was lost")


def opened(*extensions: str) -> Client:
    """A client after EHLO with these extensions, its words so far forgotten."""
    client = Client("out.example.com", tls="never")
    lines = ["mx.example.org", *extensions]
    ehlo = "".join(f"250-{line}\r\n" for line in lines[:-1]) + f"250 {lines[-1]}\r\n"
    assert hear(client, b"220 mx.example.org ESMTP\r\n" + ehlo.encode())[0] == [Ready()]
    return client


def hear(client: Client, said: bytes) -> tuple[list[ClientEvent], bytes]:
    """Let the client hear line by line: the events, and what it said in between."""
    events: list[ClientEvent] = []
    output = client.output()
    for line in said.splitlines(keepends=True):
        events += client.receive(line)
        output += client.output()
    return events, output


def to(*recipients: Recipient, sender: str = "news@example.com") -> Transaction:
    return Transaction(sender, recipients)


def result_of(events: list[ClientEvent]) -> TransactionResult:
    (finished,) = [event for event in events if isinstance(event, Finished)]
    return finished.result


# The opening


def test_the_first_word_is_the_servers() -> None:
    client = Client("out.example.com")
    assert (client.output(), client.waiting) == (b"", "greeting")
    assert client.receive(b"220 mx.example.org ESMTP\r\n") == []
    assert (client.output(), client.waiting) == (b"EHLO out.example.com\r\n", "hello")
    assert client.receive(b"250-mx.example.org\r\n250-PIPELINING\r\n250 SIZE 1000\r\n") == [Ready()]
    assert client.capabilities.extensions == {"PIPELINING": "", "SIZE": "1000"}
    assert client.ready


@pytest.mark.parametrize(
    ("said", "stage"),
    [
        (b"554 5.7.1 no service for you\r\n", "greeting"),
        (b"421 4.3.2 busy\r\n", "greeting"),
        (b"220 hi\r\n450 4.7.1 no reverse DNS\r\n", "hello"),
        (b"220 hi\r\n421 too many connections\r\n", "hello"),
        (b"220 hi\r\n550 unknown command\r\n554 go away\r\n", "hello"),
    ],
)
def test_a_refused_opening_names_its_stage(said: bytes, stage: str) -> None:
    (refused, *_), _ = hear(Client("out.example.com"), said)
    assert isinstance(refused, Refused)
    assert refused.stage == stage


def test_a_server_without_ehlo_is_greeted_the_old_way() -> None:
    client = Client("out.example.com")
    assert hear(client, b"220 ancient\r\n502 what?\r\n")[1] == b"EHLO out.example.com\r\nHELO out.example.com\r\n"
    assert client.waiting == "hello"
    assert client.receive(b"250 hello\r\n") == [Ready()]
    assert client.capabilities == Capabilities()


def test_tls_is_taken_where_it_is_offered_and_starts_all_over() -> None:
    client = Client("out.example.com")
    assert hear(client, b"220 hi\r\n250-hi\r\n250-STARTTLS\r\n250 DSN\r\n")[1].endswith(b"STARTTLS\r\n")
    assert client.receive(b"220 go ahead\r\n") == [TlsWanted()]
    client.tls_started()
    assert client.output() == b"EHLO out.example.com\r\n"
    assert client.receive(b"250-hi\r\n250 STARTTLS\r\n") == [Ready()]
    assert client.secured
    assert "DSN" not in client.capabilities.extensions


def test_what_was_said_in_the_clear_behind_starttls_counts_for_nothing() -> None:
    client = Client("out.example.com")
    hear(client, b"220 hi\r\n250-hi\r\n250 STARTTLS\r\n")
    assert client.receive(b"220 go ahead\r\n250-hi\r\n250 INJECTED\r\n") == [TlsWanted()]
    assert client.receive(b"250 MORE\r\n") == []
    client.tls_started()
    client.output()
    assert client.receive(b"250 hi\r\n") == [Ready()]
    assert client.capabilities.extensions == {}


def test_opportunistic_tls_goes_without_when_it_is_refused() -> None:
    client = Client("out.example.com")
    assert hear(client, b"220 hi\r\n250-hi\r\n250 STARTTLS\r\n454 4.7.0 no TLS today\r\n")[0] == [Ready()]
    assert not client.secured


@pytest.mark.parametrize(
    ("after_greeting", "enhanced"),
    [
        (b"250 hi\r\n", "4.7.4"),
        (b"502 no\r\n250 hi\r\n", "4.7.4"),
        (b"250-hi\r\n250 STARTTLS\r\n454 4.7.0 no TLS today\r\n", "4.7.0"),
    ],
)
def test_required_tls_is_not_done_without(after_greeting: bytes, enhanced: str) -> None:
    (refused,), _ = hear(Client("out.example.com", tls="required"), b"220 hi\r\n" + after_greeting)
    assert isinstance(refused, Refused)
    assert (refused.stage, refused.reply.enhanced) == ("tls", enhanced)


LOGIN = ("relay", "s3cret")


def test_login_by_plain_in_one_line() -> None:
    client = Client("out.example.com", tls="never", auth=LOGIN)
    assert hear(client, b"220 hi\r\n250-hi\r\n250 AUTH LOGIN PLAIN\r\n")[1].endswith(
        b"AUTH PLAIN AHJlbGF5AHMzY3JldA==\r\n"
    )
    assert client.waiting == "auth"
    assert client.receive(b"235 2.7.0 welcome\r\n") == [Ready()]


def test_login_by_login_in_three_lines() -> None:
    client = Client("out.example.com", tls="never", auth=LOGIN)
    said = hear(client, b"220 hi\r\n250-hi\r\n250 AUTH=LOGIN\r\n334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n")[1]
    assert said.endswith(b"AUTH LOGIN\r\ncmVsYXk=\r\nczNjcmV0\r\n")
    assert client.receive(b"235 2.7.0 welcome\r\n") == [Ready()]


@pytest.mark.parametrize(
    ("ehlo", "enhanced"),
    [
        (b"250-hi\r\n250 AUTH PLAIN\r\n535 5.7.8 wrong\r\n", "5.7.8"),
        (b"250-hi\r\n250 AUTH CRAM-MD5\r\n", "4.7.4"),
        (b"250 hi\r\n", "4.7.4"),
    ],
)
def test_a_login_that_fails_ends_the_opening(ehlo: bytes, enhanced: str) -> None:
    (refused,), _ = hear(Client("out.example.com", tls="never", auth=LOGIN), b"220 hi\r\n" + ehlo)
    assert isinstance(refused, Refused)
    assert (refused.stage, refused.reply.enhanced) == ("auth", enhanced)


def test_a_password_is_not_sent_in_the_clear_by_accident() -> None:
    client = Client("out.example.com", auth=LOGIN)
    (refused,), said = hear(client, b"220 hi\r\n250-hi\r\n250 AUTH PLAIN\r\n")
    assert isinstance(refused, Refused)
    assert refused.stage == "auth"
    assert b"AUTH" not in said


def test_the_password_is_in_no_repr() -> None:
    assert "s3cret" not in repr(Client("out.example.com", auth=LOGIN))


# Transactions


def test_a_pipelined_transaction_is_one_write() -> None:
    client = opened("PIPELINING")
    assert client.transact(to(ANN, BOB)) == []
    assert client.output() == (
        b"MAIL FROM:<news@example.com>\r\nRCPT TO:<ann@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n"
    )
    assert client.receive(b"250 2.1.0 ok\r\n250 ok\r\n250 ok\r\n" + GO_ON) == [BodyWanted()]
    assert client.waiting == "body"
    client.body_sent()
    assert client.waiting == "final"
    (finished,) = client.receive(b"250 2.0.0 queued as 42\r\n")
    assert finished == Finished(TransactionResult((QUEUED, QUEUED), ("final", "final"), accepted=True))
    assert client.ready


def test_without_pipelining_each_command_waits() -> None:
    client = opened()
    client.transact(to(ANN, BOB))
    said = [client.output()]
    for reply in (b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n"):
        assert client.receive(reply) == []
        said.append(client.output())
    assert said == [
        b"MAIL FROM:<news@example.com>\r\n",
        b"RCPT TO:<ann@example.org>\r\n",
        b"RCPT TO:<bob@example.org>\r\n",
        b"DATA\r\n",
    ]
    assert client.receive(GO_ON) == [BodyWanted()]


@pytest.mark.parametrize("extensions", [("PIPELINING",), ()])
@pytest.mark.parametrize(
    ("replies", "codes", "stages"),
    [
        ("250 | 250 550 452 | 354 | 250", [250, 550, 452], ["final", "rcpt", "rcpt"]),
        ("250 | 251 252 250 | 354 | 554", [554, 554, 554], ["final", "final", "final"]),
        ("250 | 550 250 550 | 451", [550, 451, 550], ["rcpt", "data", "rcpt"]),
        ("250 | 250 250 421", [421, 421, 421], ["rcpt", "rcpt", "rcpt"]),
        ("250 | 550 421", [550, 421, 421], ["rcpt", "rcpt", "rcpt"]),
        ("421", [421, 421, 421], ["mail", "mail", "mail"]),
        ("250 | 250 250 250 | 421", [421, 421, 421], ["data", "data", "data"]),
    ],
)
def test_every_recipient_gets_its_own_answer(
    extensions: tuple[str, ...], replies: str, codes: list[int], stages: list[str]
) -> None:
    client = opened(*extensions)
    events = client.transact(to(ANN, BOB, EVE))
    for code in replies.replace("|", " ").split():
        events += hear(client, f"{code} so\r\n".encode())[0]
        if BodyWanted() in events and client.waiting == "body":
            client.body_sent()
    result = result_of(events)
    assert [answer.code for answer in result.recipients if isinstance(answer, Reply)] == codes
    assert list(result.stages) == stages
    assert result.accepted == ("final" in stages and 250 in codes)


def test_a_refused_sender_ends_the_transaction_without_pipelining() -> None:
    client = opened()
    client.transact(to(ANN, BOB))
    client.output()
    result = result_of(client.receive(b"550 5.1.8 bad sender\r\n"))
    assert result.stages == ("mail", "mail")
    assert client.output() == b""
    assert client.ready


def test_a_refused_sender_with_pipelining_waits_for_the_replies_that_are_due() -> None:
    client = opened("PIPELINING")
    client.transact(to(ANN))
    client.output()
    assert client.receive(b"550 5.1.8 bad sender\r\n503 no MAIL\r\n") == []
    result = result_of(client.receive(b"503 no RCPT\r\n"))
    assert (result.recipients, result.stages) == ((Reply(550, "5.1.8", "bad sender"),), ("mail",))
    assert client.ready


def test_nobody_accepted_but_the_server_waits_for_the_message() -> None:
    client = opened("PIPELINING")
    client.transact(to(ANN))
    client.output()
    assert client.receive(b"250 ok\r\n550 5.1.1 no such user\r\n" + GO_ON) == []
    assert client.output() == b".\r\n"
    assert client.waiting == "final"
    result = result_of(client.receive(b"250 an empty message for nobody\r\n"))
    assert result.stages == ("rcpt",)
    assert not result.accepted
    client.transact(to(BOB))
    assert b"RSET" not in client.output()


@pytest.mark.parametrize("extensions", [("PIPELINING",), ()])
def test_a_transaction_left_open_is_reset_before_the_next(extensions: tuple[str, ...]) -> None:
    client = opened(*extensions)
    client.transact(to(ANN))
    said = hear(client, b"250 ok\r\n550 5.1.1 no such user\r\n" + b"503 nobody\r\n" * len(extensions))[1]
    assert b"RSET" not in said
    client.transact(to(BOB))
    assert client.output().startswith(b"RSET\r\n")
    assert client.waiting == "mail"
    assert hear(client, b"250 reset\r\n250 ok\r\n250 ok\r\n" + GO_ON)[0] == [BodyWanted()]


def test_a_message_refused_before_its_end_ends_the_connection() -> None:
    client = opened("PIPELINING")
    client.transact(to(ANN))
    hear(client, b"250 ok\r\n250 ok\r\n" + GO_ON)
    events = client.receive(b"552 5.3.4 too big\r\n")
    assert result_of(events).recipients == (Reply(552, "5.3.4", "too big"),)
    assert events[-1] == Closed()
    assert client.over


def test_a_message_confirmed_twice_is_delivered_and_the_connection_dropped() -> None:
    client = opened("PIPELINING")
    client.transact(to(ANN))
    hear(client, b"250 ok\r\n250 ok\r\n" + GO_ON)
    client.body_sent()
    events = client.receive(b"250 2.0.0 queued as 42\r\n250 2.0.0 queued as 42\r\n")
    assert result_of(events).accepted
    assert events[-1] == Closed()


def test_a_connection_lost_keeps_what_was_learned() -> None:
    client = opened("PIPELINING")
    client.transact(to(ANN, BOB, EVE))
    hear(client, b"250 ok\r\n550 5.1.1 no such user\r\n")
    result = client.broken(GONE)
    assert result == TransactionResult(
        (Reply(550, "5.1.1", "no such user"), GONE, GONE), ("rcpt", "rcpt", "rcpt"), accepted=False
    )
    assert not client.ready


def test_a_connection_lost_between_transactions_concerns_nobody() -> None:
    client = opened()
    assert client.broken(GONE) is None
    assert client.over


def test_a_server_may_hang_up_between_transactions() -> None:
    assert opened().receive(b"421 4.4.2 idle for too long\r\n") == [Closed()]
    assert opened().receive(b"") == [Closed()]


@pytest.mark.parametrize("early", [b"220 hi\r\n220 hi\r\n", b"220 hi\r\n250-hi\r\n250 PIPELINING\r\n"])
def test_an_answer_before_the_question_is_not_taken_for_one(early: bytes) -> None:
    client = Client("out.example.com")
    assert client.receive(early) == [Closed()]
    assert client.over


def test_quit_waits_for_its_answer() -> None:
    client = opened()
    client.quit()
    assert (client.output(), client.waiting, client.ready) == (b"QUIT\r\n", "quit", False)
    assert client.receive(b"221 2.0.0 bye\r\n") == [Closed()]


@pytest.mark.parametrize(
    "said",
    [
        b"250 ok\r\n354 what?\r\n",
        b"354 what?\r\n",
        b"250 ok\r\n250 ok\r\n250 no need for a body\r\n",
        b"250 ok\r\n250 ok\r\n354 go on\r\n250 taken before it was sent\r\n",
        b"hello\r\n",
    ],
)
def test_a_yes_of_the_wrong_kind_is_nonsense(said: bytes) -> None:
    client = opened("PIPELINING")
    client.transact(to(ANN))
    with pytest.raises(RemoteProtocolError):
        hear(client, said)


@pytest.mark.parametrize("transaction", [to(), to(Recipient("a@b\r\nDATA"))])
def test_a_transaction_that_cannot_be_said_leaves_no_trace(transaction: Transaction) -> None:
    client = opened("PIPELINING")
    with pytest.raises(LocalProtocolError):
        client.transact(transaction)
    assert (client.output(), client.broken(GONE)) == (b"", None)


def test_a_message_the_server_cannot_take_is_not_sent() -> None:
    client = opened("SIZE 1000")
    result = result_of(client.transact(Transaction("", (ANN, BOB), size=1001)))
    assert result.stages == ("mail", "mail")
    assert (client.output(), client.ready, client.transactions) == (b"", True, 0)


def test_a_connection_is_exhausted_after_as_many_transactions_as_the_server_allows() -> None:
    client = opened("LIMITS MAILMAX=1")
    assert not client.exhausted
    client.transact(to(ANN))
    assert client.exhausted


def test_one_transaction_at_a_time() -> None:
    client = opened()
    client.transact(to(ANN))
    with pytest.raises(LocalProtocolError):
        client.transact(to(BOB))


# Every split reads the same; garbage does no harm

DIALOGUE = (
    b"220 hi\r\n",
    b"250-hi\r\n250-PIPELINING\r\n250 SIZE 0\r\n",
    b"250 2.1.0 ok\r\n250-2.1.5 ok\r\n250 2.1.5 ok\r\n550 5.1.1 who?\r\n354 go on\r\n",
    b"250 2.0.0 queued as 42\r\n",
    b"221 2.0.0 bye\r\n",
)


def replay(cuts: list[int]) -> tuple[list[ClientEvent], bytes]:
    """The whole dialogue with each part cut at these places: all events and all output."""
    client = Client("out.example.com")
    events: list[ClientEvent] = []
    output = b""
    acts: list[Callable[[], object]] = [
        list,
        lambda: client.transact(to(ANN, BOB)),
        client.body_sent,
        client.quit,
        list,
    ]
    for said, act in zip(DIALOGUE, acts, strict=True):
        places = sorted({0, len(said), *(cut % len(said) for cut in cuts)})
        for start, end in pairwise(places):
            events += client.receive(said[start:end])
        act()
        output += client.output()
    return events, output


WHOLE = replay([])


@given(st.lists(st.integers(0, 200)))
def test_every_split_reads_the_same(cuts: list[int]) -> None:
    assert replay(cuts) == WHOLE


def test_every_byte_alone_reads_the_same() -> None:
    assert replay(list(range(200))) == WHOLE


REPLIES = st.sampled_from((
    b"220 hi\r\n", b"250 ok\r\n", b"250-PIPELINING\r\n", b"250-STARTTLS\r\n", b"354 go\r\n", b"334 \r\n",
    b"421 bye\r\n", b"550 5.1.1 no\r\n", b"450 4.2.0 later\r\n", b"", b"250", b"\r\n", b"\xff\x00\r\n", b"999 x\r\n",
))  # fmt: skip


@given(st.lists(REPLIES | st.binary(max_size=20)))
def test_whatever_a_server_says_is_a_value_or_its_nonsense(said: list[bytes]) -> None:
    client = Client("out.example.com")
    try:
        for octets in said:
            for event in client.receive(octets):
                if event == TlsWanted():
                    client.tls_started()
                if event == BodyWanted():
                    client.body_sent()
            if client.ready:
                client.transact(to(ANN, BOB))
            client.output()
    except RemoteProtocolError:
        client.broken(GONE)


def test_an_endless_reply_costs_the_server_not_us() -> None:
    client = Client("out.example.com")
    with pytest.raises(RemoteProtocolError):
        for _ in range(1000):
            client.receive(b"220-still greeting you\r\n")


# Against the server core


def answer_to(event: Event) -> Reply:
    match event:
        case RcptTo(recipient) if recipient.address.startswith("no"):
            return Reply(550, "5.1.1", "no such user")
        case MessageReceived():
            return QUEUED
        case MailFrom() | RcptTo() | BodyStart():
            return OK
    raise AssertionError(event)


def served(session: Session, octets: bytes) -> bytes:
    """What the server reads of a body in these bytes, while it answers everything else."""
    body = b""
    todo = session.receive(octets)
    while todo:
        event = todo.pop(0)
        if isinstance(event, BodyPart):
            body += event.octets
        else:
            todo += session.answer(answer_to(event))
    return body


def pair(client: Client, session: Session, message: bytes) -> tuple[TransactionResult, bytes]:
    """Both cores talk until the transaction is finished: its result, and the message as the server read it."""
    received = b""
    while True:
        served(session, client.output())
        for heard in client.receive(session.output()):
            match heard:
                case Ready():
                    client.transact(to(ANN, Recipient("nobody@example.org"), BOB))
                case BodyWanted():
                    received = served(session, b"".join(stuffed([message])))
                    client.body_sent()
                case Finished(result):
                    return result, received


@pytest.mark.parametrize("extensions", [frozenset({"PIPELINING"}), frozenset[str]()])
def test_client_and_server_understand_each_other(extensions: frozenset[str]) -> None:
    session = Session(ServerPolicy("mx.example.org", auth_required=False, tls=False, extensions=extensions))
    session.greet()
    message = b"Subject: dots\r\n\r\n.\r\n..two\r\nlast line without end"
    result, received = pair(Client("out.example.com"), session, message)
    assert result.stages == ("final", "rcpt", "final")
    assert received == message + b"\r\n"
