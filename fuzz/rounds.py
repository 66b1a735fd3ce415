"""Runs one random round after another until the time is up; a round that fails tells its seed, to run it again."""

import argparse
import random
import time
from collections.abc import Callable


def run(play: Callable[[random.Random], None]) -> None:
    """Play rounds for ``--seconds``, from ``--seed`` on; one round is one seed."""
    arguments = argparse.ArgumentParser(description=play.__doc__)
    arguments.add_argument("--seconds", type=float, default=20.0)
    arguments.add_argument("--seed", type=int, default=time.time_ns() % 10**9, help="of the first round")
    chosen = arguments.parse_args()
    end = time.monotonic() + chosen.seconds
    seed = chosen.seed
    while time.monotonic() < end:
        started = time.monotonic()
        try:
            play(random.Random(seed))
        except BaseException:
            print(f"failed with --seed {seed}")
            raise
        if time.monotonic() - started > 2:
            raise SystemExit(f"too slow with --seed {seed}: parsing must take linear time")
        seed += 1
    print(f"{seed - chosen.seed} rounds from seed {chosen.seed}: nothing found")


def pieces(octets: bytes, chance: random.Random) -> list[bytes]:
    """The octets cut at random places, sometimes everywhere."""
    most = chance.choice([1, 2, 7, 100, 5000])
    cut: list[bytes] = []
    at = 0
    while at < len(octets):
        size = chance.randint(1, most)
        cut.append(octets[at : at + size])
        at += size
    return cut


def mutated(octets: bytes, chance: random.Random) -> bytes:
    """The octets with a few random changes."""
    changed = bytearray(octets)
    for _ in range(chance.choice([0, 0, 0, 1, 3, 10])):
        at = chance.randint(0, len(changed))
        match chance.randrange(4):
            case 0:
                changed[at : at + chance.randint(1, 5)] = b""
            case 1:
                changed[at:at] = chance.randbytes(chance.randint(1, 4))
            case 2:
                changed[at:at] = chance.choice(
                    [b"\r", b"\n", b"\r\n", b".", b"\0", b"\r\n.", b"\r\n.\r\n", b" ", b"<", b"\xc3"]
                )
            case _:
                start = chance.randint(0, len(changed))
                changed[at:at] = changed[start : start + chance.randint(1, 200)]
    return bytes(changed)
