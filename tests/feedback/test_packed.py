"""What comes compressed, and what is made to burst."""

import gzip
import io
import tracemalloc
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.feedback.packed import PIECE, pieces, unpacked


def zipped(octets: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("report.xml", octets)
        archive.writestr("second.xml", b"never read")
    return file.getvalue()


def streamed(octets: bytes) -> bytes:
    """A zip that was written to a pipe: its header does not know the sizes."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.written = b""

        def writable(self) -> bool:
            return True

        def write(self, octets: object) -> int:
            self.written += bytes(octets)  # type: ignore[call-overload]
            return len(bytes(octets))  # type: ignore[call-overload]

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[arg-type]
        archive.writestr("report.xml", octets)
    return pipe.written


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, zipped, lambda octets: zipped(octets, zipfile.ZIP_STORED), streamed],
    ids=["plain", "gzip", "zip", "stored", "streamed"],
)  # fmt: skip
@pytest.mark.parametrize("size", [0, 1, PIECE, 3 * PIECE + 7])
def test_every_packing_unpacks(pack, size: int) -> None:  # type: ignore[no-untyped-def]
    octets = bytes(range(251)) * (size // 251 + 1)
    assert unpacked(pack(octets[:size])) == octets[:size]


def test_all_members_of_a_gzip_file_are_read() -> None:
    assert unpacked(gzip.compress(b"one ") + gzip.compress(b"two")) == b"one two"


@pytest.mark.parametrize("pack", [gzip.compress, zipped])
def test_a_bomb_costs_neither_memory_nor_time(pack) -> None:  # type: ignore[no-untyped-def]
    bomb = pack(b"\0" * 50_000_000)
    tracemalloc.start()
    assert sum(len(piece) for piece in pieces(bomb, 1_000_000)) == 1_000_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


def test_a_bomb_within_a_bomb_is_unpacked_once() -> None:
    assert unpacked(gzip.compress(gzip.compress(b"x"))) == gzip.compress(b"x")


def test_a_broken_file_ends_where_it_breaks() -> None:
    whole = gzip.compress(zlib.compress(bytes(range(256)) * 1000), 0)
    assert unpacked(whole[: len(whole) // 2])


@pytest.mark.fuzz
@given(st.binary(max_size=500), st.sampled_from([b"", b"\x1f\x8b\x08\x00", b"PK\x03\x04"]))
def test_garbage_unpacks_to_something(garbage: bytes, start: bytes) -> None:
    assert len(unpacked(start + garbage, 10_000)) <= 10_000
