"""Throws broken messages at everything that reads them, and stops at the first one that is not taken calmly.

``python fuzz/fuzz_message.py [SECONDS]`` makes its own, for a minute by default, from a seed it prints;
``python fuzz/fuzz_message.py FILE...`` tries files, so a fuzzer of your choice can drive it: ``afl-fuzz ... @@``.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from goodstanding.model import Reply
from goodstanding.wire.dkim import BodyHash, Signer, generate_key, load_key, sign
from goodstanding.wire.dsn import DsnFacts, DsnRecipient, build
from goodstanding.wire.message import additions, facts, header_end, parse_header

SIGNERS = [Signer("example.com", "fuzz", load_key(generate_key("ed25519-sha256")))]
SAMPLE = (
    b"Received: from a ([192.0.2.1])\r\n by b; Mon, 23 Nov 2026 14:18:27 +0000\r\nDate: Mon, 23 Nov 2026 14:18:27 +0000"
    b'\r\nFrom: "A, B" (c (d)) <e@f.example>, G: h@i.example;\r\nSubject: =?utf-8?q?=C3=A9?=\r\n =?utf-8?b?w6k=?= x'
    b"\r\nMessage-ID: <1@a>\r\nContent-Type: text/plain\r\n\r\nDear \t Bob,  \r\n\r\n \t\r\nthank you.\r\n\r\n \r\n"
)
TOKENS = [b"\r\n", b"\r\n\r\n", b"\r", b"\n", b"\0", b" ", b"\t", b":", b"<", b">", b'"', b"(", b"\\", b"[", b",", b";"]
TOKENS += [b"=?utf-8?q?=C3?=", b"=?x?b?A?=", b"\xff", b"@", b"x" * 1_000, b" " * 1_000, b"From:", b"=?" * 500]


def judge(octets: bytes) -> None:
    """Every promise made about octets from strangers; AssertionError or another exception when one is broken."""
    block = parse_header(octets)
    header = b"".join(raw for _, raw in block.fields)
    assert octets.startswith(header)
    assert header_end(octets) <= len(octets)
    assert min(facts(block).subject, default=" ") >= " "
    additions(block, message_id="<1@b>", now=0.0)
    whole, pieces = BodyHash(), BodyHash()
    body = b"\r\n".join(octets[len(header) :].splitlines())  # bodies reach the hash without bare CR or LF
    whole.update(body)
    for at in range(0, len(body), 7):
        pieces.update(body[at : at + 7])
    assert whole.digest() == pieces.digest()
    ((name, _),) = parse_header(sign(SIGNERS, block, whole.digest(), 0.0)).fields
    assert name == "dkim-signature"
    notice = build(notice_about(octets))
    assert notice.isascii() and max(map(len, notice.split(b"\r\n"))) <= 998


def notice_about(octets: bytes) -> DsnFacts:
    """A notification in which every word of a stranger is taken from the octets."""
    text = octets.decode("utf-8", "replace")
    recipient = DsnRecipient(text[:300], text[:100], "failed", Reply(550, "5.1.1", text), "5.1.1", text[:50])
    return DsnFacts(
        reporting_mta="mx.example",
        envid=text[:100],
        arrival=0.0,
        return_path=text[:100],
        recipients=(recipient,),
        message_name="0000000000000",
        original_header=octets[: header_end(octets)],
        original_body_chunks=[octets[header_end(octets) :]],
        now=0.0,
        boundary="b0123456789abcdef",
        from_address="MAILER-DAEMON@mx.example",
    )


def mutated(octets: bytes, dice: random.Random) -> bytes:
    """The octets with some pieces cut out, doubled or replaced."""
    for _ in range(dice.randrange(1, 8)):
        at = dice.randrange(len(octets) + 1)
        end = at + dice.choice([0, 0, 1, 2, 10, 100])
        piece = dice.choice([*TOKENS, octets[at:end] * 2, dice.randbytes(3)])
        octets = octets[:at] + piece + octets[end:]
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
            print(f"not taken calmly: {octets!r}")
            raise
        tried += 1
    print(f"{tried} messages taken calmly")


if __name__ == "__main__":
    main(sys.argv[1:])
