"""One connection of the page's server: HTTP/1.1 by h11, with an end that comes whatever the client does.

uvicorn waits for a request as long as the client likes. A page and its one button need seconds, so a connection lives
`LIFETIME` seconds at most, and one address holds `PER_ADDRESS` of them: a slow reader costs nobody anything.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol

from goodstanding.api.patience import network

LIFETIME = 30.0
"""Seconds."""
PER_ADDRESS = 100
"""Open connections from one client: mailbox providers post from few addresses."""


class ShortConnection(H11Protocol):
    """A connection that ends."""

    held: ClassVar[Counter[str]] = Counter()
    """Open connections by client, in this process."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._end: asyncio.TimerHandle | None = None
        self._holder = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or close it when its client has too many."""
        peer = transport.get_extra_info("peername")
        self._holder = network(str(peer[0])) if peer else "?"
        self.held[self._holder] += 1
        super().connection_made(transport)
        self._end = self.loop.call_later(LIFETIME, transport.abort)
        if self.held[self._holder] > PER_ADDRESS:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        if self._end is not None:
            self._end.cancel()
        self.held[self._holder] -= 1
        if self.held[self._holder] <= 0:
            del self.held[self._holder]
        super().connection_lost(exc)
