"""Documents are fetched in time and in bounds, or there is a failure in words."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from goodstanding.model import NetworkFailure
from goodstanding.net.https import DOCUMENT_LIMIT, HttpsFetcher

Service = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def fetched(service: Service, timeout: float = 2.0, scheme: str = "http") -> bytes | NetworkFailure:
    async def exchange() -> bytes | NetworkFailure:
        server = await asyncio.start_server(service, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            return await HttpsFetcher().get(f"{scheme}://127.0.0.1:{port}/keys", timeout)
        finally:
            server.close()

    return asyncio.run(exchange())


def saying(*parts: bytes, pause: float = 0.0) -> Service:
    async def service(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    return service


OK = b"HTTP/1.1 200 OK\r\n"


def test_a_document_is_fetched() -> None:
    assert fetched(saying(OK + b"Content-Length: 2\r\n\r\n{}")) == b"{}"


FAILURES = [
    (saying(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), "404"),
    (saying(b"HTTP/1.1 302 Found\r\nLocation: https://evil.example\r\nContent-Length: 0\r\n\r\n"), "302"),
    (saying(b"nonsense\r\n\r\n"), "fetch"),
    (saying(), "fetch"),
    (saying(OK, *[b"X: y\r\n"] * 50, pause=0.05), "within 0.2 s"),
    (saying(OK + b"\r\n", *[b"x" * 65_536] * (DOCUMENT_LIMIT // 65_536 + 4)), "512 KiB"),
]


@pytest.mark.parametrize(("service", "words"), FAILURES, ids=[words for _, words in FAILURES])
def test_what_is_no_document_is_a_failure(service: Service, words: str) -> None:
    said = fetched(service, timeout=0.2)
    assert isinstance(said, NetworkFailure)
    assert words in str(said)


def test_a_server_without_tls_is_not_believed_over_https() -> None:
    assert isinstance(fetched(saying(OK + b"Content-Length: 2\r\n\r\n{}"), scheme="https"), NetworkFailure)


def test_an_address_that_is_none_is_a_failure() -> None:
    assert isinstance(asyncio.run(HttpsFetcher().get("http://[", 1.0)), NetworkFailure)
