"""Settings and estate as the rooms of a worker want them: pools with their routes, timeouts, what is judged by."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from goodstanding.admission.estate import Register, for_machine, pool_of
from goodstanding.admission.isolation import Isolation
from goodstanding.admission.senders import Premises, WayOut
from goodstanding.api.acs.face import Face
from goodstanding.api.asgi import Faces
from goodstanding.api.native.sending import PATHS, Sending
from goodstanding.delivery.connection import Timeouts
from goodstanding.delivery.notices import Seal, unsealed
from goodstanding.delivery.plan import Route
from goodstanding.delivery.pools import Pools
from goodstanding.model import Identity, Stream, SubscriptionName
from goodstanding.net.tls import server_context
from goodstanding.outside import Clock
from goodstanding.sealed import derive
from goodstanding.settings import ApiSettings, DeliverySettings, Pool, Settings, TokenSettings, WebSettings
from goodstanding.store import estate
from goodstanding.store.db import Tx
from goodstanding.submission.authentication import CREDENTIAL_PURPOSE, Claimant, Credentials, Link
from goodstanding.submission.signing import Signers, fields_for

if TYPE_CHECKING:
    from goodstanding.submission.bearer import Bearer

log = structlog.get_logger("worker")


def pools(settings: Settings, register: Register) -> Pools:
    """The pool and route of every stream and subscription; a stream without a pool leaves as the machine itself.

    A stored pool that names a route this machine does not have is not used: its mail must not leave another way.
    """
    routes = {"": Route("direct")}
    for route in settings.routes:
        auth = (route.user, Path(route.password_file).read_text("utf-8").strip()) if route.user else None
        routes[route.name] = Route(route.name, route.host, route.port, route.tls, auth, route.verify)
    by_stream = {stream: (Pool(name=stream.value, stream=stream), routes[""]) for stream in Stream}
    for pool in settings.pools:
        if not pool.penalty:
            by_stream[pool.stream] = (pool, routes[pool.route])
    chosen = {
        name: pool_of(register, settings.pools, member.identity) for name, member in register.subscriptions.items()
    }
    stored = [for_machine(pool) for pool in register.pools]  # a name in both is the store's
    return Pools(
        by_stream,
        {SubscriptionName(name): (pool, routes.get(pool.route, UNKNOWN)) for name, pool in chosen.items() if pool},
        {pool.name: (pool, routes.get(pool.route, UNKNOWN)) for pool in [*settings.pools, *stored]},
    )


UNKNOWN = Route("unknown", host="route.invalid")
"""Stands for a route that is not in the settings: RFC 6761 keeps the name from ever being found, so mail waits."""


def trusted_networks(settings: Settings, known: Mapping[str, Identity]) -> list[tuple[str, Identity]]:
    """Networks that need no password, and as whom they send; one that names nobody is told of and left out."""
    found: list[tuple[str, Identity]] = []
    for entry in settings.submission.trusted:
        identity = known.get(entry.subscription)
        if identity is None:
            log.error("trusted network without subscription", subscription=entry.subscription)
            continue
        found.extend((network, identity) for network in entry.networks)
    return found


def seal(hostname: str, register: Register, signers: Signers) -> Seal:
    """Signs mail of our own with the keys of the claimed domain that our host name lies in, for DMARC to pass.

    Only where that mail leaves on this domain's stream: no address of another must be seen with it.
    """
    owner = register.domain_of(hostname)
    keys = signers.for_sender(owner.tenant, hostname) if owner is not None else ()
    signing = (
        register.domains.get(keys[0].domain) if keys else None
    )  # the owner, or above it: a link domain has no keys
    if signing is None:
        return unsealed

    def sealed(octets: bytes, stream: Stream, now: float) -> bytes:
        return fields_for(keys, octets, now) if stream == signing.stream else b""

    return sealed


def certificate_of(api: ApiSettings, usual: ssl.SSLContext | None) -> ssl.SSLContext | None:
    """TLS as the API speaks it: with its own certificate, or with that of submission."""
    return server_context(Path(api.certificate), Path(api.key)) if api.certificate else usual


def faces(face: Face, sending: Sending) -> Faces:
    """Who answers programs: everything but what is sent below /v1 is asked for as on Azure."""
    return Faces(dict.fromkeys(PATHS, sending), face)


def premises(settings: Settings, register: Register, isolation: Isolation) -> Premises:
    """What a worker judges by."""
    names: dict[SubscriptionName, str] = {}
    ways: dict[SubscriptionName, WayOut] = {}
    tracked: dict[SubscriptionName, str] = {}
    link_domains = {pool.name: pool.link_domain for pool in register.pools}
    for member in register.subscriptions.values():
        pool = pool_of(register, settings.pools, member.identity)
        name = member.identity.subscription
        names[name] = pool.name if pool is not None else member.identity.stream.value
        way = WayOut(page_url(settings.web, link_domains.get(names[name], "")), settings.web.mail_domain)
        if member.identity.stream is not Stream.TRANSACTIONAL and (way.url or way.mail_domain):
            ways[name] = way
        if way.url and member.identity.stream in settings.feedback.track:
            tracked[name] = way.url
    return Premises(register, isolation, names, ways, tracked, settings.admission.mode == "shadow")


def page_url(web: WebSettings, link_domain: str) -> str:
    """Under which address a pool's recipients reach the page; empty: there is none."""
    url = web.base
    if not url or not link_domain:
        return url
    port = url.partition("://")[2].rpartition("]")[2].partition("/")[0].partition(":")[2]
    return f"https://{link_domain}{':' if port else ''}{port}"


def credentials(tx: Tx, master: bytes) -> Credentials:
    """Everything that opens a subscription at this moment."""
    live = [one for one in estate.credentials(tx) if one.revoked is None]
    return Credentials(
        derive(master, CREDENTIAL_PURPOSE),
        {one.username: (one.digest, one.identity) for one in live if not one.link},
        [
            Link(Claimant(one.link.issuer, one.link.application, one.link.issuer_tenant), one.identity)
            for one in live
            if one.link
        ],
    )


def bearer(settings: TokenSettings, clock: Clock) -> Bearer | None:
    """The door for tokens; None where no issuer is set, and then nothing of it is loaded."""
    if not settings.issuers:
        return None
    from goodstanding.net.https import HttpsFetcher
    from goodstanding.submission.bearer import Bearer

    return Bearer(settings, HttpsFetcher(), clock)


def place_of_work(settings: Settings) -> str:
    """Names this machine and data folder: two relays of one machine may share a database."""
    return f"{socket.gethostname()}:{Path(settings.data_dir).resolve()}"


def timeouts(settings: DeliverySettings) -> Timeouts:
    """RFC 5321's, as far as the settings do not shorten them."""
    standard = Timeouts()
    patience = settings.reply_timeout
    return Timeouts(
        connect=settings.connect_timeout,
        greeting=min(standard.greeting, patience),
        hello=min(standard.hello, patience),
        tls=min(standard.tls, patience),
        auth=min(standard.auth, patience),
        mail=min(standard.mail, patience),
        rcpt=min(standard.rcpt, patience),
        data=min(standard.data, patience),
        body=min(standard.body, patience),
        final=min(standard.final, 2 * patience),
        quit=min(standard.quit, patience),
    )
