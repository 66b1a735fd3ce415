"""A receiving server that only counts, several times faster than smtp-sink: for when that one is the bottleneck.

``python -m bench.sink PORT FD``: the count is an unsigned 64-bit number at the start of the shared memory behind FD.
"""

from __future__ import annotations

import asyncio
import mmap
import socket
import struct
import sys
from typing import cast

import uvloop

END_OF_DATA = b"\r\n.\r\n"
HELLO = b"250-bench.sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 DSN\r\n"
REPLIES = {
    b"EHLO": HELLO,
    b"HELO": b"250 bench.sink\r\n",
    b"MAIL": b"250 2.1.0 Ok\r\n",
    b"RCPT": b"250 2.1.5 Ok\r\n",
    b"RSET": b"250 2.0.0 Ok\r\n",
    b"NOOP": b"250 2.0.0 Ok\r\n",
    b"DATA": b"354 End data with <CR><LF>.<CR><LF>\r\n",
    b"QUIT": b"221 2.0.0 Bye\r\n",
}


class Receiver(asyncio.Protocol):
    """One connection: commands are answered from a table, message bytes are dropped as they come."""

    def __init__(self, counter: mmap.mmap) -> None:
        self._counter = counter
        self._pending = b""
        self._in_data = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class, related to asyncio's only by duck
        self._transport.write(b"220 bench.sink ESMTP\r\n")

    def data_received(self, octets: bytes) -> None:
        assert self._transport is not None
        octets, answers = self._pending + octets, list[bytes]()
        while octets:
            if self._in_data:
                octets, more = self._swallow(octets, answers)
            else:
                octets, more = self._obey(octets, answers)
            if not more:
                break
        self._pending = octets
        if answers:
            self._transport.write(b"".join(answers))
            if answers[-1] is REPLIES[b"QUIT"]:
                self._transport.close()

    def _swallow(self, octets: bytes, answers: list[bytes]) -> tuple[bytes, bool]:
        """Drop message bytes up to the end of data; the last few are kept, for an end that comes in two pieces."""
        end = octets.find(END_OF_DATA)
        if end < 0:
            return octets[-4:], False
        self._in_data = False
        struct.pack_into("<Q", self._counter, 0, struct.unpack_from("<Q", self._counter)[0] + 1)
        answers.append(b"250 2.0.0 Ok\r\n")
        return octets[end + 5 :], True

    def _obey(self, octets: bytes, answers: list[bytes]) -> tuple[bytes, bool]:
        """Answer one command line."""
        line, newline, rest = octets.partition(b"\n")
        if not newline:
            return octets, False
        verb = line[:4].upper()
        answers.append(REPLIES.get(verb, b"502 5.5.2 Not here\r\n"))
        if verb == b"DATA":
            self._in_data = True
            rest = b"\r\n" + rest  # an empty message ends with a dot on its first line
        return rest, True


async def serve(port: int, counter: mmap.mmap) -> None:
    """Listen on loopback until killed."""
    listener = socket.create_server(("127.0.0.1", port), backlog=1000)
    server = await asyncio.get_running_loop().create_server(lambda: Receiver(counter), sock=listener)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), mmap.mmap(int(sys.argv[2]), mmap.PAGESIZE)))
