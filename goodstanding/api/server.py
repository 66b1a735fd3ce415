"""The web process: one socket, TLS, the page. Started by the supervisor, which hands the settings in on standard input
and keeps that pipe open: when it closes, the supervisor is gone and so are we.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys
from pathlib import Path

import structlog
import uvicorn

from goodstanding.api.connection import ShortConnection
from goodstanding.api.site import application
from goodstanding.companion import Orders, handed_over
from goodstanding.diagnostics import configure_log
from goodstanding.errors import GoodstandingError
from goodstanding.net.https import HttpsFetcher
from goodstanding.net.tls import server_context
from goodstanding.settings import WebSettings
from goodstanding.store.db import Database

log = structlog.get_logger("web")

HEADER_LIMIT = 16 * 1024
"""Octets of a request line with its header."""
CONNECTIONS = 1000


class Page(uvicorn.Server):
    """The server, which says when it listens and ends with the supervisor."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so: a line on standard output."""
        await super().startup(sockets)
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._supervisor_gone)
        print("ready", flush=True)

    def _supervisor_gone(self) -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            self.should_exit = True


def configuration(orders: Orders, database: Database) -> uvicorn.Config:
    """Everything uvicorn is told. The client's address is the one of its connection: no field can claim another."""
    certificate, key = Path(orders.certificate), Path(orders.key)

    def context(_: uvicorn.Config, __: object) -> ssl.SSLContext:
        return server_context(certificate, key)

    return uvicorn.Config(
        application(database, orders.master, orders.settings, HttpsFetcher()),
        http=ShortConnection,
        ws="none",
        lifespan="off",
        loop="uvloop",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        log_level="error",
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=max(1, int(orders.settings.drain)),
        h11_max_incomplete_event_size=HEADER_LIMIT,
        ssl_context_factory=context,
    )


def listening(web: WebSettings) -> socket.socket:
    """The socket; a successor may listen beside us while we end (SO_REUSEPORT). OSError when it cannot be had."""
    found = socket.socket(socket.AF_INET6 if ":" in web.address else socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    found.bind((web.address, web.port))
    found.listen(1024)
    found.setblocking(False)
    return found


def main() -> None:
    """Entry of the process: orders come pickled on standard input from the supervisor, and from nobody else."""
    orders = handed_over(Orders)
    configure_log(orders.settings)
    database = Database(orders.database_url)
    web = orders.settings.web
    try:
        place = listening(web)
        Page(configuration(orders, database)).run([place])
    except (GoodstandingError, OSError) as exc:
        log.error("page cannot be served", address=web.address, port=web.port, error=str(exc))
        sys.exit(1)
    finally:
        database.close()


if __name__ == "__main__":
    main()
