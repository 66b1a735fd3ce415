"""A message that has fully arrived, as admission and signing look at it: its header, and where its octets are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from msgspec import Struct, structs

from goodstanding.store.spool import LargeFile
from goodstanding.submission.incoming import Incoming
from goodstanding.wire.dkim import BodyHash, Signer, sign
from goodstanding.wire.message import HeaderBlock, parse_header

CONTROL = "x-goodstanding-"
"""Fields that speak to us, and go no further."""


class Letter(Struct, frozen=True, gc=False):
    """One complete message."""

    header: bytes
    """With its blank line; empty when the message begins with its body."""
    block: HeaderBlock
    chunks: Sequence[bytes]
    """Header and body; empty when it is in a file of its own."""
    size: int
    large: LargeFile | None

    def parts(self) -> Iterator[bytes]:
        """All octets, in order."""
        return chain([self.moved], self.large.read()) if self.large is not None else iter(self.chunks)

    @property
    def moved(self) -> bytes:
        """The header of a large message that is not the one in its file, which is skipped; else nothing."""
        return self.header if self.large is not None and self.large.skip else b""

    def beginning(self, most: int) -> bytes:
        """The first octets."""
        if self.large is None:
            whole = self.chunks[0] if len(self.chunks) == 1 else b"".join(self.chunks)
            return whole[:most]
        return (self.moved + next(self.large.read(), b""))[:most]

    @property
    def starts_blank(self) -> bool:
        """Whether a header put in front needs no blank line of its own."""
        return bool(self.header) or self.beginning(2) == b"\r\n"


def letter_of(incoming: Incoming) -> Letter | None:
    """What has arrived; None when its header is too long to be looked at."""
    header = incoming.header()
    if header is None:
        return None
    return Letter(header, parse_header(header), incoming.chunks, incoming.size, incoming.large)


def without_control(letter: Letter) -> Letter:
    """The same without the fields that were meant for us. What is on disk stays there: its old header is skipped."""
    if not any(name.startswith(CONTROL) for name, _ in letter.block.fields):
        return letter
    kept = tuple(field for field in letter.block.fields if not field[0].startswith(CONTROL))
    lines = b"".join([raw for _, raw in kept])
    header = lines + letter.header[len(b"".join([raw for _, raw in letter.block.fields])) :]
    if not kept:  # nothing but control fields: a blank line alone would be taken for a body
        header = header if header.startswith(b"\r\n") else b"\r\n" + header
    size = letter.size - len(letter.header) + len(header)
    if letter.large is not None:
        letter.large.skip = len(letter.header)
        return Letter(header, HeaderBlock(kept), [], size, letter.large)
    body = b"".join(letter.chunks)[len(letter.header) :]
    return Letter(header, HeaderBlock(kept), [header, body], size, None)


def rewritten(letter: Letter, rewrite: Callable[[bytes], bytes]) -> Letter:
    """The same with its octets, in memory and with the header as it is, as ``rewrite`` leaves them."""
    octets = b"".join(letter.chunks)
    made = rewrite(octets)
    return letter if made is octets else structs.replace(letter, chunks=[made], size=len(made))


def signatures(signers: Sequence[Signer], heads: Sequence[bytes], letters: Sequence[Letter], now: float) -> list[bytes]:
    """The DKIM-Signature fields of letters, each under its head: fields put in front of it and signed too."""
    signed: list[bytes] = []
    last, digest = None, b""
    for head, letter in zip(heads, letters, strict=True):
        if letter is not last:  # most are one letter to many
            last, digest = letter, _digest(letter)
        signed.append(sign(signers, parse_header(head + letter.header), digest, now))
    return signed


def _digest(letter: Letter) -> bytes:
    body = BodyHash()
    skip = len(letter.header)
    for chunk in letter.parts():
        if skip >= len(chunk):
            skip -= len(chunk)
            continue
        body.update(chunk[skip:] if skip else chunk)
        skip = 0
    return body.digest()
