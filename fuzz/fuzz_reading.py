"""Throws broken messages at admission's reader, and stops at the first one that is not taken calmly, or quickly.

``python fuzz/fuzz_reading.py [SECONDS]`` makes its own, for a minute by default, from a seed it prints;
``python fuzz/fuzz_reading.py FILE...`` tries files, so a fuzzer of your choice can drive it: ``afl-fuzz ... @@``.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from goodstanding.admission.facts import Content
from goodstanding.admission.fingerprint import LANES, similarity
from goodstanding.admission.reading import read
from goodstanding.wire.message import parse_header

SAMPLE = (
    b'From: "a@b.example" <c@d.example>\r\nTo: Anna Rossi <a@e.example>\r\nSubject: Re: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n'
    b"List-Unsubscribe: <https://u.example/1>\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nHi Anna,\r\n"
    b"your c=6Fde is 482913 on 3 May 2026. Write to x@y.example or see https://z.example/a?b=1\r\n"
    b"Best,\r\nTom\r\n12 Harbour Street\r\n--b\r\n"
    b"Content-Type: text/html; charset=iso-8859-1\r\n\r\n<!-- x --><style>p{a:b}</style><p style='display:none'>hidden"
    b"</p><p>Your c<b>o</b>de &amp; <a href='https://z.example/unsubscribe'>more</a> \xfc</p>\r\n--b--\r\n"
)
TOKENS = [b"\r\n", b"\r\n\r\n", b"--b", b"<", b">", b"<!--", b"&#xD800;", b"&", b"none", b"<div hidden>", b"@", b"://"]
TOKENS += [sign.encode() for sign in ("\u200b", "\u0430", "\u3042\u3044", "\U000e0067", "\ufdfa", "{a|b}", "1")]
TOKENS += [
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Type: multipart/mixed; boundary=b\r\n",
    b"=?x?b?A?=",
    b"\xff",
]
SLOWEST = 0.5
"""Seconds one message may take; a usual one takes 0.0002."""


def judge(octets: bytes) -> Content:
    """Every promise made about octets from strangers; an exception when one is broken."""
    began = time.process_time()
    content = read(parse_header(octets), octets, len(octets))
    assert time.process_time() - began < SLOWEST, "too slow"
    print_ = content.fingerprint
    assert len(print_.sketch) in (0, LANES + 1)
    assert similarity(print_, print_) == (1.0 if print_.sketch else 0.0)
    assert all(0 <= band < 1 << 63 for band in print_.bands)
    assert all(0.0 < strength <= 1.0 for _, strength in content.cues)
    return content


def mutated(octets: bytes, dice: random.Random) -> bytes:
    """The octets with some pieces cut out, doubled, replaced, and now and then repeated very often."""
    for _ in range(dice.randrange(1, 8)):
        at = dice.randrange(len(octets) + 1)
        end = at + dice.choice([0, 0, 1, 2, 10, 100])
        piece = dice.choice([*TOKENS, octets[at:end] * 2, dice.randbytes(3)])
        octets = octets[:at] + piece * dice.choice([1, 1, 1, 1, 1, 1, 1, 30_000 // (len(piece) or 1)]) + octets[end:]
    return octets


def main(arguments: list[str]) -> None:
    """Run on files, or for some seconds."""
    if arguments and not arguments[0].isdecimal():
        for name in arguments:
            judge(Path(name).read_bytes())
        return
    seed, until, tried = time.time_ns(), time.monotonic() + float(arguments[0] if arguments else 60), 0
    dice = random.Random(seed)
    print(f"seed {seed}")
    while time.monotonic() < until:
        octets = mutated(SAMPLE, dice)
        try:
            judge(octets)
        except BaseException:
            print(f"not taken calmly: {octets[:20_000]!r}")
            raise
        tried += 1
    print(f"{tried} messages taken calmly")


if __name__ == "__main__":
    main(sys.argv[1:])
