"""Asks an endpoint whether it wants to hear: Event Grid's handshake, or an event that tells of nothing."""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid

from msgspec import Struct

from goodstanding.errors import SettingsError
from goodstanding.net.clock import RealClock, SystemEntropy
from goodstanding.net.dns import DnsResolver, ResolverSettings
from goodstanding.net.tcp import TcpDialer, verifying_context
from goodstanding.settings import Settings, WebhookSettings
from goodstanding.webhooks.answers import Answer, meaning
from goodstanding.webhooks.endpoint import Endpoint
from goodstanding.webhooks.guard import Rules, networks_of
from goodstanding.webhooks.posting import Means, Poster
from goodstanding.webhooks.samples import sample_test
from goodstanding.webhooks.shapes import Named, Posting, confirms, handshake, posting, source
from goodstanding.webhooks.signature import Locked, signed


class Trial(Struct, frozen=True):
    """What came of asking."""

    passed: bool
    words: str
    took: float
    """Seconds."""


def rules_of(its: WebhookSettings) -> Rules:
    """What the settings allow."""
    return Rules(networks_of(its.allow_networks), its.allow_http, its.ports)


def means_of(settings: Settings, clock: RealClock) -> Means:
    """What posting needs, as the settings have it. Within an event loop."""
    its, dns = settings.webhooks, settings.dns
    resolver = DnsResolver(
        ResolverSettings(dns.nameservers, dns.port, dns.timeout), clock=clock, entropy=SystemEntropy()
    )
    try:
        tls = verifying_context(its.authorities or None)
    except OSError as exc:
        raise SettingsError([f"webhooks.authorities: {its.authorities} cannot be read: {exc.strerror or exc}"]) from exc
    return Means(rules_of(its), resolver, TcpDialer(), tls, its.timeout, its.connections_per_endpoint)


def try_out(settings: Settings, endpoint: Endpoint, locked: Locked) -> Trial:
    """Ask, and wait for the answer."""
    return asyncio.run(tried(settings, endpoint, locked))


async def tried(settings: Settings, endpoint: Endpoint, locked: Locked) -> Trial:
    """Ask from within an event loop."""
    clock, poster = RealClock(), Poster(means_of(settings, RealClock()))
    began, code = time.monotonic(), str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
    asked = _question(endpoint, clock.now(), code)
    marks = signed(locked.live(clock.now()), asked.id, int(clock.now()), asked.body)
    try:
        answer = await poster.post(endpoint.url, {**asked.headers, **locked.headers, **marks}, asked.body)
    finally:
        poster.close()
    passed, words = _judged(endpoint, answer, code)
    return Trial(passed, words, time.monotonic() - began)


def _question(endpoint: Endpoint, now: float, code: str) -> Posting:
    told, name = sample_test(endpoint.tenant, endpoint.subscription, now), code
    if endpoint.shape == "eventgrid":
        return handshake(name, source(told), now, code)
    return posting([Named(name, told)], endpoint.shape, 0, alone=endpoint.batch == 1)


def _judged(endpoint: Endpoint, answer: Answer, code: str) -> tuple[bool, str]:
    if meaning(answer) != "delivered":
        return False, answer.words
    if endpoint.shape == "eventgrid" and not confirms(answer.body, code):
        return False, f'{answer.status}, but the body is not {{"validationResponse": "{code}"}}'
    return True, answer.words
