"""Whose turn it is: claimed jobs by site, transactional before bulk before outreach, tenants of equal rank in turn.

A job waits here from its claim until a connection to its site takes it. Within a site the lowest rank goes first and
tenants alternate, so a tenant with a million messages and one with a single message each get every other turn. When
connections are short, `Ready.site_in_turn` passes them round the sites in the same order.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

RANKS = 3


class Turn(Protocol):
    """What choosing needs to know of a job."""

    @property
    def site(self) -> str: ...
    @property
    def rank(self) -> int: ...
    @property
    def tenant(self) -> str: ...
    @property
    def weight(self) -> int: ...


J = TypeVar("J", bound=Turn)


class _Site(Generic[J]):
    """The jobs of one site: per rank a ring of tenants, per tenant a line of jobs."""

    __slots__ = ("lines", "rings", "size")

    def __init__(self) -> None:
        self.rings: tuple[deque[str], ...] = tuple(deque() for _ in range(RANKS))
        self.lines: dict[tuple[int, str], deque[J]] = {}
        self.size = 0

    def add(self, job: J) -> None:
        line = self.lines.get((job.rank, job.tenant))
        if line is None:
            line = self.lines[job.rank, job.tenant] = deque()
            self.rings[job.rank].append(job.tenant)
        line.append(job)
        self.size += 1

    def take(self) -> J | None:
        for rank, ring in enumerate(self.rings):
            if not ring:
                continue
            tenant = ring[0]
            line = self.lines[rank, tenant]
            job = line.popleft()
            self.size -= 1
            if line:
                ring.rotate(-1)
            else:
                ring.popleft()
                del self.lines[rank, tenant]
            return job
        return None

    def first_rank(self) -> int:
        return next((rank for rank, ring in enumerate(self.rings) if ring), RANKS)


class Ready(Generic[J]):
    """Jobs that are claimed and wait for a connection. ``weight`` counts recipients."""

    def __init__(self, limit: int) -> None:
        """``limit``: recipients in all."""
        self.limit = limit
        self.weight = 0
        self._sites: dict[str, _Site[J]] = {}
        self._by_tenant: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"<Ready {self.weight} recipients at {len(self._sites)} sites>"

    def add(self, job: J) -> None:
        """Line up."""
        site = self._sites.get(job.site)
        if site is None:
            site = self._sites[job.site] = _Site()
        site.add(job)
        self.weight += job.weight
        self._by_tenant[job.tenant] += job.weight

    def take(self, site: str) -> J | None:
        """The next job of a site, or None."""
        line = self._sites.get(site)
        job = line.take() if line else None
        if line is None or job is None:
            return None
        if not line.size:
            del self._sites[site]
        self.weight -= job.weight
        self._by_tenant[job.tenant] -= job.weight
        if self._by_tenant[job.tenant] <= 0:
            del self._by_tenant[job.tenant]
        return job

    def sites(self) -> list[str]:
        """Where jobs wait."""
        return list(self._sites)

    def waiting_at(self, site: str) -> int:
        """Jobs of a site."""
        line = self._sites.get(site)
        return line.size if line else 0

    def room_for(self, tenant: str, rank: int) -> bool:
        """Whether another recipient of a tenant may be claimed: one tenant never fills more than half of the room.

        The last quarter is kept for transactional mail.
        """
        return self.room(rank) > 0 and self._by_tenant[tenant] < self.limit // 2

    def room(self, rank: int) -> int:
        """How many more recipients of a rank may be claimed in all."""
        return (self.limit if rank == 0 else self.limit * 3 // 4) - self.weight

    def site_in_turn(self, open_to: Callable[[str], bool]) -> str | None:
        """The site that gets the next free connection: lowest rank first, sites of equal rank in turn."""
        best, best_rank = None, RANKS
        for name, line in self._sites.items():
            rank = line.first_rank()
            if rank < best_rank and open_to(name):
                best, best_rank = name, rank
        if best is not None:
            self._sites[best] = self._sites.pop(best)  # dicts keep their order: to the end of the line
        return best

    def sift(self, unwanted: Callable[[J], bool]) -> list[J]:
        """Take out every job a predicate names."""
        out: list[J] = []
        for site in list(self._sites):
            jobs: list[J] = []
            while (job := self.take(site)) is not None:
                jobs.append(job)
            for job in jobs:
                if unwanted(job):
                    out.append(job)
                else:
                    self.add(job)
        return out
