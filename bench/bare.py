"""The least a server must do, stage by stage: what no program on the same foundations can beat on this machine.

``python -m bench.bare PORT DIRECTORY STAGE``. ``answers``: replies from a table, bytes are dropped. ``bytes``: the 250
follows one write and one fdatasync for all messages that came meanwhile. ``rows``: and one SQLite transaction with one
row a message, as durable as ours. Nothing is parsed, checked, journalled or limited: it is a yardstick, no mail server.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import cast

import uvloop

from bench.sink import END_OF_DATA, REPLIES

STAGES = ("answers", "bytes", "rows")


class Storage:
    """A thread that makes groups of messages durable; one group is under way, the next gathers."""

    def __init__(self, directory: Path, stage: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._file = os.open(directory / "bodies", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._rows = self._database(directory) if stage == "rows" else None
        self._waiting: list[tuple[Server, list[bytes]]] = []
        self._busy = False
        self._groups: SimpleQueue[list[tuple[Server, list[bytes]]]] = SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    @staticmethod
    def _database(directory: Path) -> sqlite3.Connection:
        found = sqlite3.connect(directory / "rows", isolation_level=None, check_same_thread=False)
        found.execute("PRAGMA journal_mode=WAL")
        found.execute("PRAGMA synchronous=FULL")
        found.execute("CREATE TABLE message (id INTEGER PRIMARY KEY, sender, recipient, size)")
        return found

    def store(self, server: Server, message: list[bytes]) -> None:
        """Answer a server's client once its message is durable."""
        self._waiting.append((server, message))
        if not self._busy:
            self._busy = True
            self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        group, self._waiting = self._waiting, []
        self._groups.put(group)

    def _run(self) -> None:
        while True:
            group = self._groups.get()
            os.write(self._file, b"".join([chunk for _, message in group for chunk in message]))
            os.fdatasync(self._file)
            if self._rows is not None:
                self._rows.execute("BEGIN IMMEDIATE")
                values = [("bench@bench.example", "reader@sink.example", len(message)) for _, message in group]
                self._rows.executemany("INSERT INTO message (sender, recipient, size) VALUES (?, ?, ?)", values)
                self._rows.execute("COMMIT")
            self._loop.call_soon_threadsafe(self._handed_back, group)

    def _handed_back(self, group: list[tuple[Server, list[bytes]]]) -> None:
        for server, _ in group:
            server.say(b"250 2.0.0 Ok\r\n")
        self._busy = bool(self._waiting)
        if self._busy:
            self._loop.call_soon(self._hand_over)


class Server(asyncio.Protocol):
    """One connection: every read is one command or the message, as smtp-source sends them."""

    def __init__(self, storage: Storage | None) -> None:
        self._storage = storage
        self._message: list[bytes] | None = None
        self._tail = b""
        """How it ends so far: the end of data may come in two pieces."""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class, related to asyncio's only by duck
        self.say(b"220 bench.bare ESMTP\r\n")

    def say(self, reply: bytes) -> None:
        """Send a reply."""
        assert self._transport is not None
        self._transport.write(reply)

    def data_received(self, octets: bytes) -> None:
        assert self._transport is not None
        if self._message is not None:
            self._message.append(octets)
            self._tail = self._tail[-4:] + octets[-5:]
            if self._tail.endswith(END_OF_DATA):
                message, self._message = self._message, None
                if self._storage is None:
                    self.say(b"250 2.0.0 Ok\r\n")
                else:
                    self._storage.store(self, message)
            return
        verb = octets[:4]
        self.say(REPLIES[verb])
        if verb == b"DATA":
            self._message = []
        elif verb == b"QUIT":
            self._transport.close()


async def serve(port: int, directory: Path, stage: str) -> None:
    """Listen on loopback until killed."""
    storage = None if stage == "answers" else Storage(directory, stage)
    server = await asyncio.get_running_loop().create_server(lambda: Server(storage), "127.0.0.1", port, backlog=1000)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
