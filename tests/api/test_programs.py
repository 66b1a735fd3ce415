"""A connection of a program ends when it drips, never ends its header, or says nothing; a quick one is served."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

import pytest

from goodstanding.api import programs
from goodstanding.api.asgi import body_of
from goodstanding.api.programs import Connection, end, serve
from goodstanding.settings import ApiListener, ApiSettings

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Hasty(Connection):
    header_within: ClassVar[float] = 0.3
    body_within: ClassVar[float] = 0.3


async def hello(scope: Any, receive: Any, send: Any) -> None:
    if scope["path"] == "/post" and await body_of(receive, 10) is None:
        await send({"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


def run(talk: Talk) -> None:
    async def main() -> None:
        settings = ApiSettings(listeners=(ApiListener(port=0, tls="none"),))
        servers = await serve(hello, settings, None, 1.0, connection=Hasty)
        port = servers[0][0].servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.wait_for(talk(reader, writer), 5)
        finally:
            writer.close()
            await end(servers)

    asyncio.run(main())


def test_requests_are_answered_one_after_another() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(3):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200 OK" in await reader.readuntil(b"hello")
            await asyncio.sleep(0.4)  # between two requests it may rest

    run(talk)


def test_silence_ends_it() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)

    run(talk)


def test_a_header_that_drips_ends_it() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"GET / HTTP/1.1\r\n")
        with pytest.raises((ConnectionError, AssertionError)):
            for n in range(100):
                writer.write(b"X-%d: x\r\n" % n)
                await writer.drain()
                await asyncio.sleep(0.05)
                assert not reader.at_eof()

    run(talk)


def test_a_body_that_drips_ends_it() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"POST /post HTTP/1.1\r\nContent-Length: 9\r\n\r\n")
        with pytest.raises((ConnectionError, AssertionError)):
            for _ in range(8):
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.1)
                assert not reader.at_eof()

    run(talk)


def test_a_body_that_is_refused_before_its_end_leaves_a_connection_that_ends() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"POST /post HTTP/1.1\r\nContent-Length: 12\r\n\r\nxxxxxxxxxxx")
        assert b" 413 " in await reader.readuntil(b"\r\n\r\n")
        writer.write(b"x")
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert b"200 OK" in await reader.readuntil(b"hello")
        writer.write(b"POST /post HTTP/1.1\r\nContent-Length: 12\r\n\r\nxxxxxxxxxxx")
        assert b" 413 " in await reader.readuntil(b"\r\n\r\n")
        assert await reader.read() == b""  # what was to come did not

    run(talk)


def test_a_header_without_end_ends_it() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"GET / HTTP/1.1\r\n" + b"X-A: " + b"x" * programs.Connection.header_limit + b"\r\nX-B: x\r\n\r\n")
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)

    run(talk)


FLOOD = b"x" * 16 * 1024


async def flooded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, beginning: bytes) -> None:
    writer.write(beginning)
    with pytest.raises(ConnectionError):
        for _ in range(200):
            writer.write(FLOOD)
            await writer.drain()
            await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    "beginning",
    [b"GET / HTTP/1.1\r\nX-A: ", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nX-A: x\r\n\r\nGET / HTTP/1.1\r\nX-B: "],
    ids=["value", "name", "second request"],
)
def test_a_field_without_end_is_not_kept(beginning: bytes) -> None:
    run(lambda reader, writer: flooded(reader, writer, beginning))


def test_a_trailer_without_end_is_not_kept() -> None:
    beginning = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-A: "
    run(lambda reader, writer: flooded(reader, writer, beginning))


def test_a_long_body_is_no_header() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (20 * len(FLOOD)) + 20 * FLOOD)
        assert b"200 OK" in await reader.readuntil(b"hello")
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert b"200 OK" in await reader.readuntil(b"hello")

    run(talk)


def test_one_address_does_not_take_every_connection() -> None:
    async def main() -> None:
        settings = ApiSettings(listeners=(ApiListener(port=0, tls="none"),), connections_per_address=3)
        servers = await serve(hello, settings, None, 1.0)
        place = servers[0][0].servers[0].sockets[0].getsockname()
        idle = [await asyncio.open_connection(*place) for _ in range(3)]
        reader, writer = await asyncio.open_connection(*place)
        head, _, words = (await asyncio.wait_for(reader.read(), 5)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ")
        assert b"content-length: %d" % len(words) in head
        writer.close()
        idle.pop()[1].close()
        await asyncio.sleep(0.1)
        reader, writer = await asyncio.open_connection(*place)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in await asyncio.wait_for(reader.readuntil(b"hello"), 5)
        for _, one in [*idle, (reader, writer)]:
            one.close()
        await end(servers)

    asyncio.run(main())
