"""A sender whose messages differ, where smtp-source sends the same octets each time: letters of one campaign, filled.

``python -m bench.source PORT MESSAGES WORKLOAD``, the workload as JSON. Its own CPU is not the system's under test.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import cast

import msgspec
import uvloop

from bench import variations
from bench.values import RECIPIENT, SENDER, Kind, Workload

FILLED = 512
"""Different fillings of one template that are made beforehand; then they begin anew."""
SEED = 7


def letters(size: int, kind: Kind) -> list[bytes]:
    """One template of about so many octets, filled for many recipients; each ends with the end of data."""
    dice = random.Random(SEED)
    prose = variations.prose(dice, (size // 2 if kind == "page" else size) - 700)
    return [_letter(prose, kind, dice) for _ in range(FILLED)]


def _letter(prose: str, kind: Kind, dice: random.Random) -> bytes:
    lines = [" ".join(variations.word(dice) for _ in range(3)) for _ in range(0 if kind == "filled" else 3)]
    order, day = dice.randrange(10**6), dice.randrange(1, 29)
    price = f"EUR {dice.randrange(1, 900)}.{dice.randrange(100):02}"
    text = (
        f"Hello {variations.somebody(dice)},\n\nyour order {order} of {day} November, {price}, "
        f"has shipped. Follow it at https://shop.example/o/{dice.getrandbits(64):x}\n\n"
        f"{chr(10).join(lines)}\n\n{prose}\n\nKind regards,\nThe team"
    )
    one = variations.Filled("Your order has shipped", text, variations.page(text) if kind == "page" else "")
    octets = variations.octets(one).replace(b"Shop <news@shop.example>", SENDER.encode(), 1)
    return octets.replace(b"\r\n.", b"\r\n..") + b".\r\n"


class Client(asyncio.Protocol):
    """One session: message after message, as long as there are any, lock-step as smtp-source does it."""

    def __init__(self, todo: Iterator[bytes], recipients: int, done: asyncio.Future[None]) -> None:
        self._todo, self._recipients, self._done = todo, recipients, done
        self._steps = self._session()
        self._transport: asyncio.Transport | None = None
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class, related to asyncio's only by duck

    def data_received(self, data: bytes) -> None:
        self._pending += data
        while (end := self._pending.find(b"\n")) >= 0 and self._transport is not None:
            line, self._pending = self._pending[: end + 1], self._pending[end + 1 :]
            if line[3:4] == b"-":
                continue
            if line[:1] not in b"23":
                self._end(RuntimeError(line.decode("ascii", "replace").strip()))
            elif step := next(self._steps, b""):
                self._transport.write(step)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc)

    def _end(self, trouble: Exception | None) -> None:
        if not self._done.done() and trouble is None:
            self._done.set_result(None)
        elif not self._done.done():
            self._done.set_exception(cast(Exception, trouble))
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def _session(self) -> Iterator[bytes]:
        """What is sent after each reply."""
        yield b"EHLO bench.example\r\n"
        for letter in self._todo:
            yield f"MAIL FROM:<{SENDER}>\r\n".encode()
            for _ in range(self._recipients):
                yield f"RCPT TO:<{RECIPIENT}>\r\n".encode()
            yield b"DATA\r\n"
            yield letter
        yield b"QUIT\r\n"


async def send(port: int, workload: Workload, messages: int) -> None:
    """Send them all, so many sessions at a time."""
    filled = letters(workload.size, workload.kind)
    todo = iter([filled[n % FILLED] for n in range(messages)])
    loop = asyncio.get_running_loop()

    async def session() -> None:
        for first in todo:
            done: asyncio.Future[None] = loop.create_future()
            mine = chain([first], todo) if workload.reuse else iter([first])
            await loop.create_connection(partial(Client, mine, workload.recipients, done), "127.0.0.1", port)
            await done

    await asyncio.gather(*(session() for _ in range(workload.sessions)))


if __name__ == "__main__":
    uvloop.run(send(int(sys.argv[1]), msgspec.json.decode(sys.argv[3], type=Workload), int(sys.argv[2])))
