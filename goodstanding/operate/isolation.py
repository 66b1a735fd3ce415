"""Verbs on isolation: the proof over the whole installation, recorded exceptions, and blast radii."""

from __future__ import annotations

import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from msgspec import structs

from goodstanding.admission.blast import Blast as Blast
from goodstanding.admission.blast import Graph, blast, campaign_key, graph_of
from goodstanding.admission.drawing import svg
from goodstanding.admission.estate import IsolationException
from goodstanding.admission.isolation import (
    Isolation,
    PoolView,
    RouteView,
    View,
    isolation_of,
    overlaps,
    refused,
    uses,
)
from goodstanding.admission.isolation import Overlap as Overlap
from goodstanding.admission.isolation import Use as Use
from goodstanding.errors import GoodstandingError, StoreError
from goodstanding.events import EstateChanged
from goodstanding.model import Stream
from goodstanding.operate.opening import database_of
from goodstanding.settings import DAY, Settings, WebSettings
from goodstanding.store import flows, journal, pools
from goodstanding.store.db import Database, Tx
from goodstanding.wire.address import domain_to_ascii

VOLUME_DAYS = 30
"""Days over which the volumes of a blast radius are counted."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Who owns what, and everything shared."""

    uses: list[Use]
    overlaps: list[Overlap]
    partial: str = ""
    """Why not everything was looked at; empty: it was."""

    @property
    def refused(self) -> list[Overlap]:
        """What stops mail."""
        return refused(self.overlaps)


def view(settings: Settings, database: Database) -> View:
    """Who sends as what, of all tenants: the store's estate and the settings' pools."""
    with database.read() as tx:
        return view_in(tx, settings)


def view_in(tx: Tx, settings: Settings) -> View:
    """The same within a transaction, so that a change can be judged before it is committed."""
    found = flows.view(tx, settings.hostname, _machine_pools(settings), _routes(settings))
    return structs.replace(found, web=_page_host(settings.web))


def _page_host(web: WebSettings) -> str:
    """Host of unsubscribe links; none where there is no page, or only an address, with which one tries things out."""
    host = urlsplit(web.url).hostname or "" if web.port else ""
    return "" if host.replace(".", "").isdigit() or ":" in host else host


def _routes(settings: Settings) -> list[RouteView]:
    return [RouteView(route.name, route.host, route.port, route.trust) for route in settings.routes]


def _machine_pools(settings: Settings) -> list[PoolView]:
    by_name = {route.name: route for route in _routes(settings)}
    return [
        PoolView(
            *(pool.name, pool.stream.value, "", pool.addresses, pool.hello, pool.bounce_domain),
            route=by_name.get(pool.route),
            origin=f"pool {pool.name} in the settings",
            penalty=pool.penalty,
        )
        for pool in settings.pools
    ]


def prove(settings: Settings, database: Database) -> Proof:
    """The ownership table and every overlap."""
    found = view(settings, database)
    return Proof(uses(found), overlaps(found))


def prove_present(settings: Settings) -> Proof:
    """The proof over what there is, making and changing nothing; without a store, over the settings' pools alone."""
    database, partial = database_of(settings), ""
    found = View(settings.hostname, tuple(_machine_pools(settings)), web=_page_host(settings.web))
    try:
        if database.engine != "sqlite" or database.path.exists():
            found = view(settings, database)
    except StoreError as exc:  # of an older form, most likely: the next start upgrades it
        partial = f"the store was not read ({exc}), so only the pools of the settings are proved"
    finally:
        database.close()
    return Proof(uses(found), overlaps(found), partial)


def isolation(settings: Settings, database: Database) -> Isolation:
    """What the send path looks up, see `admission.isolation.isolation_of`."""
    return isolation_of(view(settings, database))


def stopped(found: View) -> dict[str, str]:
    """Subscriptions whose mail is refused as a whole, each with the reason."""
    proved = isolation_of(found)
    outreach = (flow.subscription for flow in found.flows if flow.stream == Stream.OUTREACH)
    routed = {name: f"it leaves over {proved.route(name)}, which forbids outreach" for name in outreach}
    return {name: why for name, why in routed.items() if proved.route(name)} | dict(proved.subscriptions)


def allow(database: Database, first: str, second: str, because: str, by: str) -> None:
    """Record that two names may share their registrable domain; GoodstandingError when they are no domains."""
    one, other = _domain(first), _domain(second)
    if not because.strip():
        raise GoodstandingError("an exception needs a reason, which is shown ever after; give it with --because")
    now = time.time()
    with database.tx() as tx:
        pools.allow(tx, IsolationException(one, other, because.strip()), by, now)
        journal.append(tx, [EstateChanged("", now, f"isolation {one} {other}", f"allowed: {because.strip()}", by)])


def pair(first: str, second: str) -> str:
    """What names the exception of two domains; GoodstandingError when they are no domains."""
    return " and ".join(sorted((_domain(first), _domain(second))))


def _domain(name: str) -> str:
    found = domain_to_ascii(name.rstrip(".").lower())
    if found is None or "." not in found:
        raise GoodstandingError(
            f"{name!r} is not a domain: exceptions are for subdomains of one registered domain only; "
            "addresses, EHLO names and smart hosts are never shared"
        )
    return found


def blast_radius(settings: Settings, database: Database, key: str, depth: int = 2) -> Blast:
    """Which flows share what with a subscription, campaign, domain, address, pool or tenant, nearest first."""
    now = time.time()
    with database.read() as tx:
        graph = _graph(tx, view_in(tx, settings), key, now)
    return blast(graph, key, depth)


def _graph(tx: Tx, found: View, key: str, now: float) -> Graph:
    counted = flows.volumes(tx, now - VOLUME_DAYS * DAY)
    graph = graph_of(found, counted.counts, VOLUME_DAYS, counted.least)
    number = campaign_key(key)
    campaign = flows.campaign(tx, number) if number is not None else None
    if campaign is None:
        return graph
    return graph.with_campaign(key, campaign.name, campaign.subscription, flows.campaign_kin(tx, campaign.id))


def drawn(radius: Blast, day: str) -> str:
    """A blast radius as an SVG document."""
    return svg(radius, day)
