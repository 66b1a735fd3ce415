"""The fingerprint of a campaign: what its messages have in common, whatever differs from recipient to recipient.

Shingles are single words (`admission.wording` has masked what is personal), those of the subject three times over, and
a few pairs of HTML tags. Single words beat pairs of words on every corpus tried: reordering costs nothing, and a
synonym costs one shingle, not two. MinHash keeps 256 of them, of each its lowest octet: the share of equal octets
estimates the Jaccard similarity with a standard error of 3 %, and comparing takes one XOR.

`similarity` is that share, stretched so that one threshold fits texts of every length: ten words need more in common
than a page does. Sketches are stored: a change of anything here that moves
them makes every running campaign look new, once.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from zlib import crc32

from rensa import RMinHash

from goodstanding.admission.facts import Fingerprint

LANES = 256
"""MinHash values of a sketch."""

SAME = 0.5
"""Similarity from which on two messages are of one campaign; see docs/fingerprint.md for how it was measured."""

ROWS, BANDS = 3, 42
"""Values in a bucket, buckets of a fingerprint."""

EMPTY = Fingerprint(sketch=b"", bands=())
"""Of a message without words; similar to nothing, not even to itself."""

SUBJECT_WEIGHT = 3

_SEED = 20_261_123
_PACK = struct.Struct(f"<{LANES}I")
_ROWS = struct.Struct(f"<{BANDS}Q")
_TAKEN = (0, 1, 2, 4, 5, 6, 8, 9)
"""Octets of three values of four that make a bucket."""
_SEVEN_BITS = bytes(octet & 127 for octet in range(256))
STRICT, LENIENT = 0.50, 0.44
"""Share of equal shingles that makes one campaign of two texts of `_SHORT` words, and of `_LONG` ones."""
_SHORT, _LONG = 10, 30


def fingerprint(
    words: list[bytes],
    subject: list[bytes],
    skeleton: Iterable[str] = (),
    links: tuple[str, ...] = (),
) -> Fingerprint:
    """The fingerprint of masked words; `EMPTY` when there are none."""
    if not words and not subject:
        return EMPTY
    shingles = set(words)  # the least of some values does not care how often each is there
    shingles.update([b"%d %b" % (copy, word) for word in subject for copy in range(SUBJECT_WEIGHT)])
    count = len(words) + SUBJECT_WEIGHT * len(subject)
    if skeleton and (few := min(16, count // 16)):
        shingles.update(sorted([b"<%b" % pair.encode("utf-8", "replace") for pair in skeleton], key=crc32)[:few])
    minhash = RMinHash(LANES, _SEED)  # not digests_from_token_sets: that one wakes a pool of threads
    minhash.update([*shingles])
    values = _PACK.pack(*minhash.digest())
    return Fingerprint(sketch=bytes((min(count, 255),)) + values[::4], bands=_bands(values), links=links)


def _bands(values: bytes) -> tuple[int, ...]:
    """63 bits of three values at a time. They are hashes already, so taking the lowest octets mixes them enough."""
    rows = bytearray(BANDS * 8)
    for place, octet in enumerate(_TAKEN):
        rows[place::8] = values[octet : BANDS * 12 : 12]
    rows[7::8] = rows[7::8].translate(_SEVEN_BITS)
    return _ROWS.unpack(rows)


def overlap(first: Fingerprint, second: Fingerprint) -> float:
    """The estimated share of common shingles (Jaccard similarity), 0 to 1."""
    if not first.sketch or not second.sketch:
        return 0.0
    apart = int.from_bytes(first.sketch[1:], "little") ^ int.from_bytes(second.sketch[1:], "little")
    equal = apart.to_bytes(LANES, "little").count(0)
    return max(0.0, (equal / LANES - 1 / 256) / (1 - 1 / 256))  # a 256th of different values end in the same octet


def similarity(first: Fingerprint, second: Fingerprint) -> float:
    """How much two messages are alike, 0 to 1: at least `SAME` for those of one campaign; takes about a microsecond."""
    share = overlap(first, second)
    if share == 0.0:
        return 0.0
    line = needed(min(first.sketch[0], second.sketch[0]))
    if share < line:
        return share / line * SAME
    return SAME + (share - line) / (1 - line) * (1 - SAME)


def needed(words: int, strict: float = STRICT, lenient: float = LENIENT) -> float:
    """The overlap that makes one campaign of texts of so many words."""
    if words >= _LONG:
        return lenient
    if words <= _SHORT:
        return strict
    return strict - (strict - lenient) * (words - _SHORT) / (_LONG - _SHORT)
