"""Asks a site's own policy service about a message: POST of its Facts as JSON, before it is decided.

httpx, because it keeps connections open, bounds the whole exchange and comes with the web server anyway. It is
imported only where an endpoint is set: a worker without one pays nothing. No proxy, no redirect: the URL is what it is.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from goodstanding.admission.facts import Facts, SiteOpinion
from goodstanding.admission.site_opinion import ANSWER_LIMIT, opinion, question, unasked
from goodstanding.errors import GoodstandingError
from goodstanding.settings import AdmissionSettings

if TYPE_CHECKING:
    import httpx

CONNECTIONS = 64
"""Questions asked at the same time by one worker; the others wait, within their timeout."""


class SitePolicy:
    """One policy service, as one worker asks it."""

    def __init__(self, settings: AdmissionSettings) -> None:
        """Raises GoodstandingError when the setting is no HTTP address; nothing is opened yet."""
        import httpx

        try:
            url = httpx.URL(settings.site_policy_url)
        except httpx.InvalidURL as exc:
            raise GoodstandingError(f"admission.site_policy_url: {exc}; give http://... or https://...") from exc
        if url.scheme not in ("http", "https") or not url.host:
            given = settings.site_policy_url
            raise GoodstandingError(f"admission.site_policy_url: {given} is no address; give http://... or https://...")
        self._url = url
        self._settings = settings
        self._client = httpx.AsyncClient(
            timeout=None,  # of one read; `ask` bounds the whole exchange
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            trust_env=False,
            headers={"Content-Type": "application/json", "User-Agent": "goodstanding"},
        )
        self._failures: tuple[type[Exception], ...] = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError)

    def __repr__(self) -> str:
        return f"<SitePolicy {self._url}>"

    async def ask(self, facts: Facts) -> SiteOpinion:
        """What the service says, or the default and why; answers within ``site_policy_timeout``, and never raises."""
        settings = self._settings
        try:
            async with asyncio.timeout(settings.site_policy_timeout):
                return await self._exchange(question(facts))
        except TimeoutError:
            return unasked(f"did not answer within {settings.site_policy_timeout:g} s", settings.site_policy_default)
        except self._failures as exc:
            return unasked(f"could not be asked ({type(exc).__name__})", settings.site_policy_default)

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def _exchange(self, octets: bytes) -> SiteOpinion:
        default = self._settings.site_policy_default
        async with self._client.stream("POST", self._url, content=octets) as response:
            if response.status_code != 200:
                return unasked(f"answered with HTTP status {response.status_code}", default)
            return opinion(await _bounded(response), default)


async def _bounded(response: httpx.Response) -> bytes:
    """The body, no further than it may be read."""
    octets = b""
    async for part in response.aiter_bytes():
        octets += part
        if len(octets) > ANSWER_LIMIT:
            break
    return octets
