"""Memory of arriving messages: bounded whatever size their pieces have, and never short of a header."""

from pathlib import Path

import pytest

from goodstanding.errors import StoreError
from goodstanding.store.db import Database
from goodstanding.store.spool import Spool
from goodstanding.submission.incoming import CROWDED_WRITE_SIZE, HEADER_LIMIT, Incoming, Memory

HEADER = b"Subject: x\r\n" + b"X-Filler: " + b"f" * 900 + b"\r\n\r\n"


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    folder = tmp_path / "spool"
    folder.mkdir()
    return Spool(folder, Database(f"sqlite:///{tmp_path}/goodstanding.db"), 1, 1 << 20)


def test_tiny_pieces_are_counted_at_what_they_cost(spool: Spool) -> None:
    memory = Memory(1 << 20)
    incoming = Incoming(spool, memory, 64 * 1024)
    for _ in range(2000):
        incoming.add(b"ab")
    assert incoming.large is not None
    assert len(incoming.chunks) < 1100
    incoming.discard()
    assert memory.used == 0


def test_nobody_holds_much_where_memory_has_run_out(spool: Spool) -> None:
    memory = Memory(0)
    incoming = Incoming(spool, memory, 512 * 1024)
    incoming.add(HEADER)
    for _ in range(100):
        incoming.add(b"b" * 1024)
    assert memory.used < len(HEADER) + CROWDED_WRITE_SIZE
    incoming.complete()
    assert incoming.header() == HEADER
    incoming.discard()
    assert memory.used == 0


@pytest.mark.parametrize("size", [1, 7, 400, 5000])
@pytest.mark.parametrize("header", [HEADER, b"\r\n", b"", HEADER[:-2]])
def test_a_header_is_whole_however_early_it_went_to_disk(spool: Spool, header: bytes, size: int) -> None:
    message = header + (b"no field\r\n" * 300 if header != HEADER[:-2] else b"")
    incoming = Incoming(spool, Memory(1 << 20), 512)
    for start in range(0, len(message), size):
        incoming.add(message[start : start + size])
    incoming.complete()
    assert incoming.header() == (b"" if header == b"\r\n" else header)
    assert incoming.head.startswith(message[:2])


def test_long_headers_wait_where_memory_has_run_out(spool: Spool) -> None:
    incoming = Incoming(spool, Memory(0), 512 * 1024)
    with pytest.raises(StoreError):
        for _ in range(HEADER_LIMIT // 1024):
            incoming.add(b"X-Filler: " + b"f" * 1012 + b"\r\n")


def test_octets_over_127_are_noticed_on_their_way_to_disk(spool: Spool) -> None:
    incoming = Incoming(spool, Memory(1 << 20), 512)
    incoming.add(HEADER)
    assert not incoming.eight_bit
    incoming.add(b"\xff" * 600)
    assert incoming.eight_bit
