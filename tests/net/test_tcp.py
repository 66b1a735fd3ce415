"""Real connections on loopback: what `outside.Stream` promises, kept on asyncio and on uvloop."""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import uvloop

from goodstanding.model import NetworkFailure
from goodstanding.net.tcp import LoopbackOnlyDialer, TcpDialer, TcpStream, opportunistic_context, verifying_context
from goodstanding.net.tls import self_signed
from tests.fakes import ScriptedDialer

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SOON, LONG = 0.05, 5.0


@pytest.fixture(params=["asyncio", "uvloop"])
def runner(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as made:
        yield made
        made.run(asyncio.sleep(0.01))  # connections that were closed hear of it


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(b"".join(self_signed(["mx.example.org"], time.time())))
    return path


async def connected(serve: Serve, **options: object) -> tuple[TcpStream, asyncio.Server]:
    """A stream to a server that serves one connection in this way."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0, **options)  # type: ignore[arg-type]
    port = server.sockets[0].getsockname()[1]
    stream = await TcpDialer().connect("127.0.0.1", port, "", LONG)
    assert isinstance(stream, TcpStream)
    return stream, server


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while octets := await reader.read(65_536):
        writer.write(octets.upper())
    writer.close()


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await asyncio.sleep(LONG)
    finally:
        writer.transport.abort()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"421 bye\r\n")
    writer.close()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    linger_zero = b"\x01\x00\x00\x00\x00\x00\x00\x00"
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_zero)
    writer.close()


def test_bytes_go_there_and_back(runner: asyncio.Runner) -> None:
    async def scenario() -> None:
        stream, server = await connected(echo)
        async with server:
            for word in (b"one", b"two"):
                stream.send(word)
                assert await stream.receive(LONG) == word.upper()
            assert stream.peer.startswith("127.0.0.1:")
            stream.close()
            stream.close()

    runner.run(scenario())


def test_silence_is_a_failure_after_the_time_out_and_not_before(runner: asyncio.Runner) -> None:
    async def scenario() -> None:
        stream, server = await connected(echo)
        async with server:
            stream.send(b"hello")
            assert await stream.receive(60.0) == b"HELLO"
            started = time.monotonic()
            failure = await stream.receive(SOON)
            assert isinstance(failure, NetworkFailure)
            assert "said nothing for 0.05 seconds" in failure.text
            assert SOON * 0.9 <= time.monotonic() - started < LONG
            stream.send(b"still there")
            assert await stream.receive(LONG) == b"STILL THERE"
            stream.close()

    runner.run(scenario())


def test_a_timer_set_for_an_earlier_wait_does_not_end_a_later_one(runner: asyncio.Runner) -> None:
    async def scenario() -> None:
        stream, server = await connected(echo)
        async with server:
            stream.send(b"x")
            assert await stream.receive(SOON) == b"X"
            asyncio.get_running_loop().call_later(3 * SOON, stream.send, b"y")
            assert await stream.receive(LONG) == b"Y"
            stream.close()

    runner.run(scenario())


def test_what_the_peer_said_before_it_closed_is_read_first(runner: asyncio.Runner) -> None:
    async def scenario() -> None:
        stream, server = await connected(hang_up)
        async with server:
            await asyncio.sleep(SOON)
            assert await stream.receive(LONG) == b"421 bye\r\n"
            assert await stream.receive(LONG) == b""
            stream.send(b"goes nowhere")
            failure = await stream.drain(LONG)
            assert isinstance(failure, NetworkFailure)
            assert "closed the connection" in failure.text

    runner.run(scenario())


def test_a_reset_is_a_failure(runner: asyncio.Runner) -> None:
    async def scenario() -> None:
        stream, server = await connected(reset)
        async with server:
            stream.send(b"x")
            failure = await stream.receive(LONG)
            assert isinstance(failure, NetworkFailure)
            assert "was lost: connection reset" in failure.text

    runner.run(scenario())


def test_a_peer_that_takes_nothing_is_not_waited_for_for_ever(runner: asyncio.Runner) -> None:
    async def scenario() -> None:
        stream, server = await connected(silence)
        async with server:
            stream.send(b"x" * 20_000_000)
            failure = await stream.drain(SOON)
            assert isinstance(failure, NetworkFailure)
            assert "took nothing" in failure.text
            stream.close()

    runner.run(scenario())


def test_a_large_message_is_drained_as_the_peer_takes_it(runner: asyncio.Runner) -> None:
    async def scenario() -> None:
        stream, server = await connected(echo)
        async with server:
            stream.send(b"x" * 5_000_000)
            received = 0
            while received < 5_000_000:
                octets = await stream.receive(LONG)
                assert isinstance(octets, bytes)
                received += len(octets)
            assert await stream.drain(LONG) is None
            stream.close()

    runner.run(scenario())


def test_nobody_listening_is_a_failure(runner: asyncio.Runner) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        failure = runner.run(TcpDialer().connect("127.0.0.1", port, "", LONG))
    assert failure == NetworkFailure("connect", f"connection to 127.0.0.1:{port} failed: connection refused")


@pytest.mark.parametrize(("address", "source"), [("::1", "127.0.0.1"), ("127.0.0.1", "192.0.2.1"), ("no address", "")])
def test_an_address_that_cannot_be_used_is_a_failure(runner: asyncio.Runner, address: str, source: str) -> None:
    failure = runner.run(TcpDialer().connect(address, 25, source, LONG))
    assert isinstance(failure, NetworkFailure)
    assert failure.stage == "connect"


def test_a_connection_comes_from_the_address_it_should(runner: asyncio.Runner) -> None:
    async def scenario() -> None:
        seen = asyncio.get_running_loop().create_future()

        async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.set_result(writer.get_extra_info("peername")[0])
            writer.close()

        async with await asyncio.start_server(note, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            stream = await TcpDialer().connect("127.0.0.1", port, "127.0.0.77", LONG)
            assert isinstance(stream, TcpStream)
            assert await seen == "127.0.0.77"
            stream.close()

    runner.run(scenario())


async def upgrade(context: ssl.SSLContext, hostname: str, certificate: Path) -> tuple[NetworkFailure | None, TcpStream]:
    """A handshake after some words in the clear, with an echo behind it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(5) + b"in the clear")
        server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server_side.load_cert_chain(certificate)
        try:
            await writer.start_tls(server_side)
            await echo(reader, writer)
        except OSError:
            writer.close()

    stream, server = await connected(serve)
    async with server:
        stream.send(b"HELLO")
        assert isinstance(await stream.receive(LONG), bytes)
        failure = await stream.start_tls(context, hostname, LONG)
        if failure is None:
            stream.send(b"secret")
            assert await stream.receive(LONG) == b"SECRET"
        stream.close()
        await asyncio.sleep(SOON)
    return failure, stream


@pytest.mark.parametrize("hostname", ["mx.example.org", "other.example.org.", "127.0.0.1"])
def test_opportunistic_tls_asks_for_no_proof(runner: asyncio.Runner, certificate: Path, hostname: str) -> None:
    failure, stream = runner.run(upgrade(opportunistic_context(), hostname, certificate))
    assert failure is None
    assert stream.tls.startswith("TLSv1.3 TLS_")


def test_verified_tls_demands_the_name(runner: asyncio.Runner, certificate: Path) -> None:
    context = verifying_context(str(certificate))
    good, _ = runner.run(upgrade(context, "mx.example.org", certificate))
    wrong, _ = runner.run(upgrade(context, "other.example.org", certificate))
    assert good is None
    assert isinstance(wrong, NetworkFailure)
    assert wrong.stage == "tls"
    assert "Hostname mismatch" in wrong.text


@pytest.mark.parametrize("hostname", ["", ".bad", "a" * 70])
def test_a_name_tls_cannot_ask_for_is_a_failure(runner: asyncio.Runner, certificate: Path, hostname: str) -> None:
    failure, _ = runner.run(upgrade(verifying_context(), hostname, certificate))
    assert isinstance(failure, NetworkFailure)


@pytest.mark.parametrize("serve", [hang_up, silence])
def test_a_handshake_nobody_answers_is_a_failure(runner: asyncio.Runner, serve: Serve) -> None:
    async def scenario() -> None:
        stream, server = await connected(serve)
        async with server:
            failure = await stream.start_tls(opportunistic_context(), "mx.example.org", SOON)
            assert isinstance(failure, NetworkFailure)
            assert failure.stage == "tls"
            stream.send(b"nothing happens")

    runner.run(scenario())


@pytest.mark.parametrize(
    "address", ["192.0.2.1", "2001:db8::1", "10.0.0.1", "0.0.0.0", "localhost", "::ffff:192.0.2.1"]
)
def test_the_sandbox_connects_to_this_machine_only(address: str) -> None:
    inner = ScriptedDialer({address: "S: 220 the real world"})
    failure = asyncio.run(LoopbackOnlyDialer(inner).connect(address, 25, "", LONG))
    assert isinstance(failure, NetworkFailure)
    assert "sandbox" in failure.text
    assert inner.dialled == []


@pytest.mark.parametrize("address", ["127.0.0.1", "127.3.2.1", "::1"])
def test_the_sandbox_is_on_this_machine(address: str) -> None:
    inner = ScriptedDialer({address: "S: 220 sandbox"})
    asyncio.run(LoopbackOnlyDialer(inner).connect(address, 25, "", LONG))
    assert inner.dialled == [(address, 25, "")]
