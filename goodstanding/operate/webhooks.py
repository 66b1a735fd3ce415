"""Verbs on webhooks: who hears, under which secret, and what is told again."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from goodstanding.errors import GoodstandingError
from goodstanding.events import EstateChanged
from goodstanding.operate.webhook_trial import Trial as Trial
from goodstanding.operate.webhook_trial import rules_of, try_out
from goodstanding.sealed import NONCE_SIZE, derive, seal, unseal
from goodstanding.settings import Settings
from goodstanding.store import estate, journal, outbox, webhooks
from goodstanding.store.db import Database, Tx
from goodstanding.store.outbox import Row
from goodstanding.webhooks.endpoint import SHAPES as SHAPES
from goodstanding.webhooks.endpoint import TOLD as TOLD
from goodstanding.webhooks.endpoint import Endpoint, Figures
from goodstanding.webhooks.endpoint import Kind as Kind
from goodstanding.webhooks.endpoint import Shape as Shape
from goodstanding.webhooks.guard import target_of
from goodstanding.webhooks.signature import SIZE, Locked, Secret, context, packed, rotated, unpacked, written
from goodstanding.webhooks.telling import IDS, name_of, read_name, tag_of

BATCH_MOST = 100
"""Events of one POST: Event Grid allows 5,000, within 1 MiB."""
OUT_OF_ORDER = 300.0
"""Seconds by which entries of the journal may be behind each other."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_RESERVED = re.compile(
    r"(host|user-agent|content-.*|connection|transfer-encoding|te|upgrade|expect|trailer|keep-alive|proxy-.*|webhook-.*|aeg-.*)"
)


@dataclass(frozen=True, slots=True)
class Site:
    """Where the verbs act, and for whom."""

    database: Database
    master: bytes
    settings: Settings
    by: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """An endpoint to be."""

    tenant: str
    url: str
    shape: Shape = "cloudevents"
    subscription: str = ""
    kinds: tuple[Kind, ...] = ()
    batch: int = 1
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """An endpoint with its secret, which nobody can show again."""

    endpoint: Endpoint
    secret: str

    def __repr__(self) -> str:
        """Without the secret: what is printed ends up in logs."""
        return f"Made({self.endpoint.number})"


@dataclass(frozen=True, slots=True)
class Listed:
    """An endpoint and how it has answered."""

    endpoint: Endpoint
    figures: Figures


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event of an endpoint's outbox, with the id under which it is posted."""

    id: str
    row: Row


def add(site: Site, wanted: Wanted) -> Made:
    """A new endpoint. It is told nothing until it has passed `test`; its secret is shown once."""
    headers = _checked_headers(wanted.headers or {})
    problem = target_of(wanted.url, rules_of(site.settings.webhooks))
    if isinstance(problem, str):
        raise GoodstandingError(problem)
    if not 1 <= wanted.batch <= BATCH_MOST:
        raise GoodstandingError(f"a POST carries 1 to {BATCH_MOST} events, not {wanted.batch}")
    if Kind.TEST in wanted.kinds:
        raise GoodstandingError(f"choose kinds among {', '.join(TOLD)}")
    secret, now = written(secrets.token_bytes(SIZE)), time.time()
    locked = Locked((Secret(secret),), dict(headers))
    with site.database.tx() as tx:
        _check_owner(tx, wanted)
        kinds = tuple(kind for kind in TOLD if kind in wanted.kinds)
        said = (wanted.tenant, wanted.url, wanted.shape, wanted.subscription, kinds, wanted.batch)
        made = webhooks.add(tx, Endpoint(0, *said, because="not tested yet", created=now))
        _lock(tx, site, made.number, locked)
        what = ", ".join(kinds) or "everything"
        _told(tx, site, made, f"added: {what} of {wanted.subscription or wanted.tenant} to {_shown(wanted.url)}")
    return Made(made, secret)


def _check_owner(tx: Tx, wanted: Wanted) -> None:
    if wanted.tenant not in {one.name for one in estate.tenants(tx)}:
        raise GoodstandingError(f"there is no tenant {wanted.tenant}; goodstanding tenant list shows them")
    found = estate.subscription(tx, wanted.subscription) if wanted.subscription else None
    if wanted.subscription and (found is None or found.tenant != wanted.tenant):
        raise GoodstandingError(f"{wanted.tenant} has no subscription {wanted.subscription}")


def _checked_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name) or _RESERVED.fullmatch(name.lower()):
            raise GoodstandingError(f"header {name} cannot be chosen")
        if not re.fullmatch(r"[!-~]([ -~]{0,998}[!-~])?", value):
            raise GoodstandingError(f"the value of header {name} is to be printable ASCII, without spaces around it")
    return headers


def test(site: Site, number: int) -> Trial:
    """Ask the endpoint whether it wants to hear; one that was not tested yet is told from then on, if it does."""
    with site.database.read() as tx:
        endpoint = _known(tx, number)
    trial = try_out(site.settings, endpoint, _locked(site, endpoint))
    if endpoint.state == "unproven":
        with site.database.tx() as tx:
            webhooks.put_state(
                tx, number, "active" if trial.passed else "unproven", "" if trial.passed else trial.words
            )
            if trial.passed:
                _told(tx, site, endpoint, "passed its test: told from now on")
    return trial


def listed(site: Site, tenant: str = "") -> list[Listed]:
    """All endpoints, or those of a tenant."""
    with site.database.read() as tx:
        known = webhooks.figures(tx)
        return [Listed(one, known.get(one.number, Figures())) for one in webhooks.every(tx, tenant)]


def known(site: Site, number: int) -> Endpoint:
    """The endpoint of this number."""
    with site.database.read() as tx:
        return _known(tx, number)


def remove(site: Site, number: int) -> Endpoint:
    """Forget an endpoint, with what waits for it."""
    with site.database.tx() as tx:
        endpoint = _known(tx, number)
        webhooks.remove(tx, number)
        _told(tx, site, endpoint, f"removed: {_shown(endpoint.url)}")
    return endpoint


def switch(site: Site, number: int, on: bool) -> Endpoint:
    """Tell an endpoint nothing for now, or tell it again; what waited meanwhile and is not too old goes on."""
    with site.database.tx() as tx:
        endpoint = _known(tx, number)
        if on and endpoint.state == "unproven":
            raise GoodstandingError(f"webhook {number} has not passed a test yet: goodstanding webhook test {number}")
        state = "active" if on else "disabled"
        if endpoint.state != state:
            webhooks.put_state(tx, number, state, "" if on else f"disabled by {site.by}")
            _told(tx, site, endpoint, "told again" if on else "told nothing for now")
        return _known(tx, number)


def rotate(site: Site, number: int, overlap: float) -> Made:
    """A new secret; the present one signs beside it for so many seconds."""
    fresh = written(secrets.token_bytes(SIZE))
    with site.database.tx() as tx:
        endpoint = _known(tx, number)
        _lock(tx, site, number, rotated(_locked(site, endpoint), fresh, time.time() + overlap))
        _told(tx, site, endpoint, "new secret")
        return Made(_known(tx, number), fresh)


def deliveries(site: Site, number: int, state: str = "", limit: int = 100) -> list[Delivery]:
    """What waits, what was given up, and the newest that were delivered; the newest first."""
    tag = tag_of(derive(site.master, IDS))
    with site.database.read() as tx:
        _known(tx, number)
        rows = outbox.rows(tx, number, state, limit)
    return [
        Delivery(name_of(row.seq, row.kind, row.event.at if row.event is not None else row.created, tag), row)
        for row in rows
    ]


def replay_id(site: Site, number: int, name: str) -> None:
    """Tell one event again, under the same id."""
    found, tag = read_name(name), tag_of(derive(site.master, IDS))
    with site.database.tx() as tx:
        endpoint = _known(tx, number)
        event = outbox.replay_one(tx, endpoint, found.seq, found.kind, time.time()) if found is not None else None
        if found is None or event is None or name_of(found.seq, found.kind, event.at, tag) != name.lower():
            raise GoodstandingError(f"the journal has no event {name} for webhook {number}")
        webhooks.touch(tx)


def replay_dead(site: Site, number: int) -> int:
    """Tell again what was given up; how many events."""
    told = 0
    while True:
        with site.database.tx() as tx:
            _known(tx, number)
            piece = outbox.replay_dead(tx, number, time.time())
            webhooks.touch(tx)
        told += piece
        if not piece:
            return told


def replay_between(
    site: Site, number: int, since: float, until: float, done: Callable[[int, int], None] = lambda done, all_: None
) -> int:
    """Tell again everything that happened between two moments; how many events. ``done`` hears how far it is."""
    with site.database.read() as tx:
        endpoint = _known(tx, number)
        begin = outbox.place_of(tx, since - OUT_OF_ORDER)
        end = min(outbox.place_of(tx, until + OUT_OF_ORDER) + 1, webhooks.place(tx).cursor)
    told, at = 0, begin
    while at < end:
        with site.database.tx() as tx:
            piece, at = outbox.replay_stretch(tx, endpoint, (at, end), (since, until), time.time())
            webhooks.touch(tx)
        told += piece
        done(at - begin, end - begin)
    return told


def _known(tx: Tx, number: int) -> Endpoint:
    found = webhooks.one(tx, number)
    if found is None:
        raise GoodstandingError(f"there is no webhook {number}; goodstanding webhook list shows them")
    return found


def _locked(site: Site, endpoint: Endpoint) -> Locked:
    octets = unseal(site.master, endpoint.sealed, context(endpoint.number))
    if octets is None:
        raise GoodstandingError(
            f"the secrets of webhook {endpoint.number} cannot be opened: is it the right master key?"
        )
    return unpacked(octets)


def _lock(tx: Tx, site: Site, number: int, locked: Locked) -> None:
    octets = seal(site.master, packed(locked), context(number), secrets.token_bytes(NONCE_SIZE))
    webhooks.put_sealed(tx, number, octets)


def _told(tx: Tx, site: Site, endpoint: Endpoint, change: str) -> None:
    what = f"webhook {endpoint.number}"
    journal.append(tx, [EstateChanged(endpoint.tenant, time.time(), what, change, site.by)])


def _shown(url: str) -> str:
    """Without the query: tokens stand there."""
    return url.partition("?")[0]
