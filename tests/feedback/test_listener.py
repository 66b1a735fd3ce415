"""Reports by SMTP: kept once, put off when too much waits, and no pushy or silent client takes our memory."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any

from goodstanding.feedback.listener import IDLE, Conversation, Mailroom
from goodstanding.feedback.mailboxes import Mailboxes
from goodstanding.model import MessageId
from goodstanding.settings import FeedbackSettings
from goodstanding.store.reports import Report
from goodstanding.submission.authentication import household
from goodstanding.wire.return_path import encode
from tests.fakes import FakeClock

KEY = bytes(range(32))
TOKEN = encode(KEY, MessageId(5), 0)
DATA = b"DATA\r\nFrom: a@x.example\r\n\r\nhello\r\n.\r\n"
TWO = b"MAIL FROM:<>\r\nRCPT TO:<fbl@r.example>\r\nRCPT TO:<" + TOKEN.encode() + b"@r.example>\r\n"


class Store:
    """Keeps reports when it is told to."""

    def __init__(self, at_once: bool = True) -> None:
        self.at_once = at_once
        self.kept: list[Report] = []
        self.waiting: list[asyncio.Future[None]] = []

    def keep(self, report: Report) -> asyncio.Future[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.kept.append(report)
        if self.at_once:
            done.set_result(None)
        self.waiting.append(done)
        return done


Talk = Callable[[Mailroom, socket.socket], Coroutine[Any, Any, None]]


def talk(store: Store, conversation: Talk) -> None:
    """One client of a listener on loopback, with small buffers in the kernel."""

    async def run() -> None:
        settings = replace(FeedbackSettings(), domain="r.example")
        objection = Mailboxes(KEY, "r.example").objection
        room = Mailroom(settings, "r.example", FakeClock(), store.keep, objection, None)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Conversation(room, room.policy("none"), False), "127.0.0.1", 0)
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        await loop.sock_connect(client, server.sockets[0].getsockname())
        await asyncio.wait_for(conversation(room, client), 20)
        client.close()
        server.close()

    asyncio.run(run())


async def said(client: socket.socket, until: bytes) -> bytes:
    """What the listener says, up to these octets."""
    heard = b""
    while until not in heard:
        octets = await asyncio.get_running_loop().sock_recv(client, 4096)
        assert octets, heard
        heard += octets
    return heard


async def say(client: socket.socket, octets: bytes) -> None:
    with suppress(ConnectionError):
        await asyncio.get_running_loop().sock_sendall(client, octets)


def test_a_report_to_several_mailboxes_is_one_and_read_for_the_return_path() -> None:
    store = Store()

    async def conversation(room: Mailroom, client: socket.socket) -> None:
        await say(client, b"EHLO x\r\n" + TWO + DATA)
        await said(client, b"kept")

    talk(store, conversation)
    assert [one.recipient for one in store.kept] == [f"{TOKEN}@r.example"]


def test_reports_are_put_off_while_too_many_wait() -> None:
    async def conversation(room: Mailroom, client: socket.socket) -> None:
        room.full = True
        await say(client, b"EHLO x\r\nMAIL FROM:<>\r\n")
        await said(client, b"452 4.3.1")
        room.full = False
        await say(client, TWO + DATA)
        await said(client, b"kept")

    talk(Store(), conversation)


def test_what_is_sent_while_a_report_is_being_stored_piles_up_with_the_client() -> None:
    store = Store(at_once=False)

    async def conversation(room: Mailroom, client: socket.socket) -> None:
        unit = b"MAIL FROM:<>\r\nRCPT TO:<fbl@r.example>\r\nBDAT 1 LAST\r\nx"
        pushing = asyncio.create_task(say(client, b"EHLO x\r\n" + unit * 400_000))
        hearing = asyncio.create_task(said(client, b"never"))
        for _ in range(200):
            while not store.waiting:
                await asyncio.sleep(0)
            store.waiting.pop().set_result(None)
            await asyncio.sleep(0.002)
        [one] = room.open
        assert isinstance(one, Conversation)
        assert len(one._session._dialogue.input) < 1_000_000
        for task in (pushing, hearing):
            task.cancel()

    talk(store, conversation)


def test_who_reads_nothing_is_not_read_and_is_cut_off_when_ended() -> None:
    async def conversation(room: Mailroom, client: socket.socket) -> None:
        room.linger = 0.1
        await said(client, b"220")
        [one] = room.open
        assert isinstance(one, Conversation) and one._transport is not None
        one._transport.write(b"2" * 20_000_000)  # stands for answers that nobody reads
        assert one._unheard
        assert not one._transport.is_reading()
        one.end(IDLE)
        while room.open:
            await asyncio.sleep(0.01)
        assert not room.by_address

    talk(Store(), conversation)


def test_a_command_that_drips_in_gets_no_more_time_and_a_message_has_a_limit() -> None:
    async def conversation(room: Mailroom, client: socket.socket) -> None:
        await said(client, b"220")
        [one] = room.open
        before = one.deadline
        await say(client, b"EH")
        await asyncio.sleep(0.05)
        assert one.deadline == before
        assert one.message_deadline == float("inf")
        await say(client, b"LO x\r\n" + TWO + b"DATA\r\n")
        await said(client, b"354")
        assert one.message_deadline < float("inf")

    talk(Store(), conversation)


def test_one_ipv6_network_is_one_household() -> None:
    assert household("2001:db8::1") == household("2001:db8::ffff") != household("2001:db8:0:1::1")
    assert household("192.0.2.1") == "192.0.2.1"
