"""From a recipient's domain to a site and its addresses: the look-ups around the pure `delivery.plan`."""

from __future__ import annotations

from dataclasses import dataclass

from goodstanding.delivery.plan import Family, Plan, Route, Unroutable, exchangers, site_of, targets
from goodstanding.delivery.pools import Pools
from goodstanding.model import Identity, Reply
from goodstanding.outside import Answer, Clock, Resolver
from goodstanding.settings import Pool
from goodstanding.wire.address import domain_to_ascii


@dataclass(frozen=True, slots=True)
class Way:
    """Where mail of one pool for one domain goes."""

    lane: str
    """Pool and site: mail with the same lane shares connections."""
    hosts: tuple[str, ...]
    """The exchangers the lane was named for, best first. They are not looked up again when a connection is opened: mail
    of other domains goes over it, and whoever rules over one domain could send it elsewhere.
    """
    pool: Pool
    route: Route


class Routing:
    """Knows the pools, their routes, and how to ask the DNS."""

    def __init__(
        self,
        pools: Pools,
        resolver: Resolver,
        clock: Clock,
        port: int,
        own: frozenset[str],
        ipv6: bool,
    ) -> None:
        self.pools = pools
        """Replaced when the estate changes."""
        self._resolver = resolver
        self._clock = clock
        self._port = port
        self._own = own
        self._ipv6 = ipv6

    def at_once(self, identity: Identity, domain: str, ordered: str = "") -> Way | Unroutable | None:
        """The way, if no look-up is needed; else None. ``ordered``: the pool that an order names, if one does."""
        pool, route = self.pools.of(identity, ordered)
        if route.host or domain.startswith("["):
            return self._way(pool, route, domain, None)
        ascii_domain = domain if domain.isascii() else domain_to_ascii(domain) or domain
        answer = self._resolver.cached_mx(ascii_domain, self._clock.now())
        return None if answer is None else self._way(pool, route, ascii_domain, answer)

    async def find(self, identity: Identity, domain: str, ordered: str = "") -> Way | Unroutable:
        """The way, after asking the DNS."""
        pool, route = self.pools.of(identity, ordered)
        if route.host or domain.startswith("["):
            return self._way(pool, route, domain, None)
        ascii_domain = domain_to_ascii(domain)
        if ascii_domain is None:
            return Unroutable(Reply(550, "5.1.2", f"the domain {domain} is not one the DNS could know"))
        return self._way(pool, route, ascii_domain, await self._resolver.mx(ascii_domain))

    async def plan(self, way: Way) -> Plan | Unroutable:
        """The addresses to try now for a lane."""
        route = way.route
        answers: dict[str, Answer] = {}
        for host in way.hosts:
            if not host.startswith("["):
                answers[host] = await self._resolver.addresses(host)
        port = route.port if route.host else self._port
        found = targets(way.hosts, answers, port, own=self._own, families=self._families(way.pool))
        if isinstance(found, Unroutable):
            return found
        return Plan(f"{way.pool.name}>{way.hosts[0]}", found, route.tls, route.auth, route.verify)

    def _families(self, pool: Pool) -> frozenset[Family]:
        """What the pool can reach: the families it has addresses of, or whatever the machine has."""
        found: set[Family] = {6 if ":" in address else 4 for address in pool.addresses} or {4, 6}
        return frozenset(found if self._ipv6 else found & {4}) or frozenset((4,))

    def _way(self, pool: Pool, route: Route, domain: str, mx: Answer | None) -> Way | Unroutable:
        hosts = exchangers(domain, route, mx)
        if isinstance(hosts, Unroutable):
            return hosts
        return Way(f"{pool.name}>{site_of(hosts, route, mx)}", tuple(hosts), pool, route)
