"""A site's policy service is asked over real HTTP; whatever it does, there is an opinion in time."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable

import pytest

from goodstanding.admission.facts import Action, SiteOpinion
from goodstanding.errors import GoodstandingError
from goodstanding.settings import AdmissionSettings
from goodstanding.submission.site_policy import SitePolicy
from tests.admission.judged import letter

Service = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
seen: list[bytes] = []


async def asked(service: Service, timeout: float = 2.0, times: int = 1) -> SiteOpinion:
    """What is made of a service's answer."""
    seen.clear()
    server = await asyncio.start_server(service, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}/policy"
    policy = SitePolicy(
        AdmissionSettings(site_policy_url=url, site_policy_timeout=timeout, site_policy_default="quarantine")
    )
    try:
        for _ in range(times):
            said = await policy.ask(letter())
        return said
    finally:
        await policy.close()
        server.close()


async def read_question(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    size = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    seen.append(head + await reader.readexactly(size))
    return seen[-1]


def answering(body: bytes, status: str = "200 OK") -> Service:
    async def service(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await read_question(reader)
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    return service


def test_its_answer_is_heard() -> None:
    said = asyncio.run(asked(answering(b'{"action": "refuse", "because": "no", "remedy": "do not"}')))
    assert said == SiteOpinion(Action.REFUSE, "no", "do not")
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /policy HTTP/1.1") and b"application/json" in head
    assert json.loads(body)["identity"]["subscription"] == "shop/app"


def test_one_connection_serves_many_questions() -> None:
    connections = 0
    inner = answering(b'{"action": "accept"}')

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await inner(reader, writer)

    asyncio.run(asked(counted, times=3))
    assert connections == 1 and len(seen) == 3


FAULTS = [
    (answering(b"", "500 Oops"), "HTTP status 500"),
    (answering(b"", "302 Found\r\nLocation: http://127.0.0.1:1/"), "HTTP status 302"),
    (answering(b"hello"), "no opinion"),
    (answering(b" " * 20_000), "more than 16 KiB"),
]


@pytest.mark.parametrize(("service", "fault"), FAULTS, ids=[fault for _, fault in FAULTS])
def test_anything_else_is_the_default_with_the_fault(service: Service, fault: str) -> None:
    said = asyncio.run(asked(service))
    assert said.action is Action.QUARANTINE and fault in said.because and "the default is quarantine" in said.because


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_question(reader)
    await asyncio.sleep(5)


async def dribbling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_question(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(100):
        writer.write(b" ")
        await asyncio.sleep(0.05)


async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


@pytest.mark.parametrize("service", [silent, dribbling])
def test_a_slow_service_does_not_keep_mail_waiting(service: Service) -> None:
    begun = time.monotonic()
    said = asyncio.run(asked(service, timeout=0.3))
    assert said.action is Action.QUARANTINE and "did not answer within 0.3 s" in said.because
    assert time.monotonic() - begun < 3


def test_a_service_that_hangs_up_or_is_not_there_is_the_default() -> None:
    assert "could not be asked" in asyncio.run(asked(closing)).because

    async def nobody() -> SiteOpinion:
        policy = SitePolicy(AdmissionSettings(site_policy_url="http://127.0.0.1:1/"))
        try:
            return await policy.ask(letter())
        finally:
            await policy.close()

    said = asyncio.run(nobody())
    assert said.action is Action.ACCEPT and "could not be asked (ConnectError)" in said.because


@pytest.mark.parametrize("url", ["ftp://x", "policy.example", "http://", "http://[::"])
def test_a_setting_that_is_no_address_is_an_error(url: str) -> None:
    with pytest.raises(GoodstandingError, match=r"admission\.site_policy_url"):
        SitePolicy(AdmissionSettings(site_policy_url=url))
