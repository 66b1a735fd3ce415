"""Fuzz the SMTP client core: whatever a server says is a list of events or RemoteProtocolError, in bounded memory.

    python fuzz/fuzz_smtp_client.py [--seconds 60] [--seed 1] [FILE ...]

Without files it mutates dialogues of its own, and prints the input of a failure as Python bytes; files are inputs to be
tried again, as a coverage-guided fuzzer leaves them. `run_once` is the target for such a fuzzer.
"""

import argparse
import random
import sys
import time
from pathlib import Path

from goodstanding.errors import RemoteProtocolError
from goodstanding.model import NetworkFailure, Recipient
from goodstanding.wire.smtp_client import BodyWanted, Client, Finished, TlsWanted, Transaction

SEEDS = (
    "220 mx ESMTP | 250-mx;250-PIPELINING;250 SIZE 100 | 250 ok;250 ok;550 5.1.1 no;354 go | 250 2.0.0 queued",
    "220 mx ESMTP | 250-mx;250 STARTTLS | 220 go | 250-mx;250 AUTH PLAIN LOGIN | 235 ok | 250 ok | 250 ok | 250 ok",
    "220 mx | 502 what | 250 mx | 250 2.1.0 ok | 550 5.1.1 no | 452 4.5.3 no | 250 reset | 421 4.3.2 bye",
    "220 mx | 250-mx;250 LIMITS MAILMAX=1 RCPTMAX=2 | 250 ok | 250 ok | 250 ok | 354 go | 552 5.3.4 too big",
)
"""What servers say: ``;`` ends a line, ``|`` a line and a piece."""
WORDS = (
    b"250 ",
    b"250-",
    b"354 \r\n",
    b"421 x\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b"|",
    b"\x00",
    b"\xff",
    b"5.1.1 ",
    b"AUTH=",
    b"999 ",
)
RECIPIENTS = (Recipient("ann@example.org"), Recipient("bob@example.org"))
LOST = NetworkFailure("final", "lost")


def run_once(octets: bytes) -> None:
    """One conversation; ``|`` marks where the bytes are cut. Only RemoteProtocolError is an answer to nonsense."""
    client = Client("out.example.com", auth=("user", "password") if octets[-1:] == b"A" else None)
    try:
        for piece in octets.split(b"|"):
            _hear(client, piece)
    except RemoteProtocolError:
        pass
    result = client.broken(LOST)
    assert result is None or len(result.recipients) == len(result.stages) == len(RECIPIENTS)
    assert client.over


def _hear(client: Client, piece: bytes) -> None:
    for event in client.receive(piece):
        match event:
            case TlsWanted():
                client.tls_started()
            case BodyWanted():
                client.body_sent()
            case Finished(result):
                assert len(result.recipients) == len(RECIPIENTS)
                assert not result.accepted or "final" in result.stages
    if client.ready:
        client.transact(Transaction("news@example.com", RECIPIENTS, size=50))
    client.output()


def mutated(chance: random.Random) -> bytes:
    """A dialogue with a few things changed, doubled, cut out or put in."""
    octets = bytearray(chance.choice(SEEDS).replace(" | ", "\r\n|").replace(";", "\r\n").encode() + b"\r\n")
    for _ in range(chance.randrange(6)):
        at, to = sorted(chance.randrange(len(octets) + 1) for _ in range(2))
        match chance.randrange(4):
            case 0:
                octets[at:at] = chance.choice(WORDS)
            case 1:
                del octets[at : min(to, at + 8)]
            case 2:
                octets[at:at] = octets[at:to]
            case 3:
                octets[at : at + 1] = chance.randbytes(1)
    return bytes(octets)


def main() -> int:
    """Try the files, or mutate until the time is up; 1 when something broke."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("files", nargs="*", type=Path)
    options = parser.parse_args()
    for path in options.files:
        run_once(path.read_bytes())
    chance, tried = random.Random(options.seed), 0
    until = time.monotonic() + (0 if options.files else options.seconds)
    while time.monotonic() < until:
        octets = mutated(chance)
        try:
            run_once(octets)
        except BaseException:
            print(f"failed on {octets!r}", file=sys.stderr)
            raise
        tried += 1
    print(f"{tried + len(options.files)} conversations, none broke the client")
    return 0


if __name__ == "__main__":
    sys.exit(main())
