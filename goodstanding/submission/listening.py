"""Opens the ports on which applications submit mail."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

from goodstanding.submission.reception import Reception
from goodstanding.submission.smtp_listener import HANDSHAKE_LIMIT, Conversation


async def listen(reception: Reception) -> list[asyncio.Server]:
    """Open every listener of the settings; several workers may share a port. Raises OSError when one is taken."""
    loop = asyncio.get_running_loop()
    servers = []
    for listener in reception.settings.listeners:
        implicit = listener.tls == "implicit"
        strict = reception.policy(listener.tls)
        trusting = replace(strict, auth_required=False)
        servers.append(
            await loop.create_server(
                partial(Conversation, reception, strict, trusting, implicit),
                listener.address,
                listener.port,
                reuse_port=True,
                backlog=1024,
                ssl=reception.tls if implicit else None,
                ssl_handshake_timeout=HANDSHAKE_LIMIT if implicit else None,
            )
        )
    return servers
