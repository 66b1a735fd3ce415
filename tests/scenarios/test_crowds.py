"""Many silent, slow or greedy clients: the others hardly notice, and each is told why it is sent away."""

import contextlib
import resource
import socket
import time
from collections.abc import Iterator

import pytest

from tests.scenarios.client import submit
from tests.scenarios.conftest import MakeRelay
from tests.scenarios.patience import eventually
from tests.scenarios.relay import Relay, memory
from tests.scenarios.sink import Sink

IDLE = 10_000
ADDRESSES = 20


@pytest.fixture
def many_files() -> Iterator[None]:
    """As many open files as the scenario needs; skipped where the limit cannot be raised so far."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = IDLE + 1000
    if hard < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
        except (OSError, ValueError):
            pytest.skip(f"10,000 connections were not tested: at most {hard} open files are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(wanted, soft), max(wanted, hard)))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_10_000_idle_connections(
    many_files: None, make_relay: MakeRelay, sink: Sink, capsys: pytest.CaptureFixture[str]
) -> None:
    relay = make_relay()
    relay.start()
    before = memory(relay.workers())
    with contextlib.ExitStack() as stack:
        for i in range(IDLE):
            source = f"127.0.0.{2 + i % ADDRESSES}"
            idle = socket.create_connection(("127.0.0.1", relay.plain), 30, (source, 0))
            stack.enter_context(idle)
            if i % 500 == 499:  # all before it have been greeted: the backlog never overflows
                idle.settimeout(30)
                assert idle.recv(100).startswith(b"220")
        idle_memory = memory(relay.workers())
        started = time.monotonic()
        token = submit(relay.plain)
        took = time.monotonic() - started
        eventually(lambda: sink.tokens() == [token], "delivery")
    with capsys.disabled():
        each = (idle_memory - before) / IDLE
        print(f"\n10,000 idle connections: {each / 1024:.1f} KiB each; a message beside them took {took * 1000:.0f} ms")
    assert took < 2.0
    assert idle_memory < 300e6
    assert relay.stop() == 0


def test_too_many_connections_of_one_address_are_told_so_and_others_are_not(make_relay: MakeRelay) -> None:
    relay = make_relay("submission.connections_per_address=5", "workers=1")
    relay.start()
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", relay.plain), 30, ("127.0.0.9", 0)))
            assert client.recv(100).startswith(b"220")
        client = stack.enter_context(socket.create_connection(("127.0.0.1", relay.plain), 30, ("127.0.0.9", 0)))
        assert client.recv(100).startswith(b"421 4.7.0")
        submit(relay.plain)


def test_a_silent_client_is_sent_away(make_relay: MakeRelay) -> None:
    relay = make_relay("submission.command_timeout=1.0")
    relay.start()
    with socket.create_connection(("127.0.0.1", relay.plain), 30) as client:
        assert client.recv(100).startswith(b"220")
        assert client.recv(200).startswith(b"421 4.4.2")
        assert client.recv(100) == b""


@pytest.mark.parametrize(
    "talk",
    [
        pytest.param(b"", id="commands"),
        pytest.param(b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n", id="data"),
    ],
)
def test_slow_loris(make_relay: MakeRelay, sink: Sink, talk: bytes) -> None:
    """A byte a second is never silence; there is an end to it all the same, and others are served meanwhile."""
    relay = make_relay("submission.command_timeout=5.0", "submission.data_timeout=5.0", "submission.session_limit=10.0")
    relay.start()
    with socket.create_connection(("127.0.0.1", relay.plain), 30) as client:
        client.sendall(talk)
        client.settimeout(1.0)
        said, started = b"", time.monotonic()
        while b"421 4.4.2" not in said:
            assert time.monotonic() - started < 25.0, "it is allowed to go on for ever"
            client.sendall(b"x")
            with contextlib.suppress(TimeoutError):
                said += client.recv(1000)
        submit(relay.plain)
    relay.wait_until_empty()
    assert len(sink.mails) == 1


def test_a_client_that_never_reads_does_not_grow_the_relay(relay: Relay) -> None:
    with socket.create_connection(("127.0.0.1", relay.plain), 30) as client:
        before = memory(relay.workers())
        client.settimeout(3.0)
        with contextlib.suppress(OSError):
            for _ in range(20_000):
                client.sendall(b"NOOP\r\n" * 1000)
        assert memory(relay.workers()) - before < 30e6
    submit(relay.plain)
