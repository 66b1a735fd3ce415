"""Fetches small documents over HTTPS: a `Fetcher` of the real world.

httpx, imported only when something is fetched. No proxy, no redirect, no cookies: the address is what it is. Whom to
believe says the system's trust store, as for smart hosts.
"""

from __future__ import annotations

import asyncio
from functools import cached_property
from typing import TYPE_CHECKING

from goodstanding.model import NetworkFailure
from goodstanding.net.tcp import verifying_context

if TYPE_CHECKING:
    import httpx

DOCUMENT_LIMIT = 512 * 1024
"""Bytes of one document; what is longer is none that we ask for."""
CONNECTIONS = 8


class HttpsFetcher:
    """GET with a bound on time and size."""

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        import httpx

        return httpx.AsyncClient(
            timeout=None,  # of one read; `get` bounds the whole exchange
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=0),
            trust_env=False,
            verify=verifying_context(),
            headers={"Accept": "application/json", "User-Agent": "goodstanding"},
        )

    async def get(self, url: str, timeout: float) -> bytes | NetworkFailure:
        """The body of a 200 answer."""
        import httpx

        try:
            async with asyncio.timeout(timeout):
                return await self._exchange(url)
        except TimeoutError:
            return NetworkFailure("fetch", f"{url} did not answer within {timeout:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as exc:
            return NetworkFailure("fetch", f"{url}: {exc or type(exc).__name__}")

    async def _exchange(self, url: str) -> bytes | NetworkFailure:
        async with self._client.stream("GET", url) as response:
            if response.status_code != 200:
                return NetworkFailure("fetch", f"{url} answered with HTTP status {response.status_code}")
            octets = b""
            async for part in response.aiter_bytes():
                octets += part
                if len(octets) > DOCUMENT_LIMIT:
                    return NetworkFailure("fetch", f"{url} is longer than {DOCUMENT_LIMIT // 1024} KiB")
            return octets
