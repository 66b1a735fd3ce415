"""Verbs on the estate: apply a declared one, export the present one, and change single entries.

Every change goes the same way, in one transaction: the wanted estate is compared with the present one, held against
the settings, carried out, proved isolated and journalled. If anything speaks against it, nothing has happened.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from goodstanding.admission import isolation as proof
from goodstanding.admission.estate import (
    Domain,
    Entry,
    Estate,
    IsolationException,
    Pool,
    Sender,
    Subscription,
    Tenant,
    TokenCredential,
    key_of,
)
from goodstanding.admission.estate_check import objections
from goodstanding.admission.estate_file import one_form, read_estate, written
from goodstanding.admission.estate_plan import WORDS, Change, Plan, diff
from goodstanding.admission.facts import DomainFacts
from goodstanding.errors import GoodstandingError, SettingsError
from goodstanding.events import EstateChanged, Event
from goodstanding.model import Stream
from goodstanding.operate import isolation
from goodstanding.operate.domains import KINDS, Draw, ensure_domain, new_keys
from goodstanding.operate.subscriptions import add_link
from goodstanding.settings import Settings
from goodstanding.store import domains, estate, journal, pools
from goodstanding.store.db import Database, Tx
from goodstanding.store.onboarding import selectors
from goodstanding.wire.dkim import KeyKind, generate_key


@dataclass(frozen=True, slots=True)
class Place:
    """The installation that a verb works on."""

    settings: Settings
    database: Database
    master: bytes
    draw: Draw = generate_key
    """Where private keys come from."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Who asks, and how far it may go."""

    by: str
    rehearse: bool = False
    """Do everything, then undo it."""
    allow_destructive: bool = False
    told: Callable[[Sequence[Event]], None] = lambda events: None  # hears of the journal entries once committed
    expected: Callable[[Entry], None] = lambda entry: None  # sees the entry to be changed; raises to stop it


@dataclass(frozen=True, slots=True)
class Result:
    """What a verb came to."""

    plan: Plan
    refused: tuple[str, ...] = ()
    """Why nothing was changed, each with its remedy; empty: nothing speaks against it."""
    applied: bool = False


class _Undone(Exception):
    """Carries a result out of a transaction that must be rolled back; nothing else rolls one back."""

    def __init__(self, result: Result) -> None:
        self.result = result


def _nothing(tx: Tx) -> None:
    """What comes after most changes."""


Edit = Callable[[Estate], Estate]
LISTS: dict[type[Entry], str] = {
    Tenant: "tenants",
    Pool: "pools",
    Domain: "domains",
    Subscription: "subscriptions",
    Sender: "senders",
    TokenCredential: "token_credentials",
    IsolationException: "isolation_exceptions",
}
"""The list of the estate that holds each kind of entry."""


def present(database: Database) -> Estate:
    """The estate as it is."""
    with database.read() as tx:
        return estate.declared(tx)


def export(database: Database) -> str:
    """The estate as a TOML document that `apply` would accept unchanged; no secrets are in it."""
    return written(present(database))


def apply(place: Place, document: str, terms: Terms) -> Result:
    """Make the estate what a document says; every contradiction and every overlap is in the way, old ones too.

    Raises SettingsError with every problem when the document cannot be read.
    """
    wanted = read_estate(document)
    draw = _drawn(diff(present(place.database), wanted), terms)
    return _change(replace(place, draw=draw), lambda before: wanted, terms, tolerate_old=False)


def _drawn(plan: Plan, terms: Terms) -> Draw:
    """Hands out the private keys of new domains, made here: not while the store is locked, and not for a rehearsal."""
    if terms.rehearse:
        return lambda kind: b""
    new = sum(change.before is None and isinstance(change.after, Domain) for change in plan.changes)
    ready: dict[KeyKind, list[bytes]] = defaultdict(list)
    if not _too_far(plan, terms):
        ready |= {kind: [generate_key(kind) for _ in range(new)] for kind, _ in KINDS}
    return lambda kind: ready[kind].pop() if ready[kind] else generate_key(kind)


def add(place: Place, entry: Entry, terms: Terms) -> Result:
    """Add one entry, a subscription or domain with its tenant; nothing happens when it is there already and equal.

    Raises GoodstandingError when there is one of that name that differs.
    """
    one, word = _formed(entry), WORDS[type(entry)]

    def edit(before: Estate) -> Estate:
        known = _find(before, type(one), key_of(one))
        if known is not None and known != one:
            change = "remove that first" if isinstance(one, Sender) else f"change it with goodstanding {word} set"
            raise GoodstandingError(f"there is a {word} {key_of(one)} already, and it differs; {change}")
        if isinstance(one, Subscription | Domain) and _find(before, Tenant, one.tenant) is None:
            before = _with(before, Tenant(one.tenant))
        return _with(before, one)

    return _change(place, edit, terms, tolerate_old=True)


def ensure(
    place: Place, name: str, stream: Stream | None, terms: Terms, then: Callable[[Tx], object] = _nothing
) -> Result:
    """A subscription that is to have a credential: made with its tenant when absent and a stream is named.

    ``then`` gives it the credential, in the same transaction: if that fails, nothing has happened.
    """

    def edit(before: Estate) -> Estate:
        if stream is None or _find(before, Subscription, name) is not None:
            return before
        one = Subscription(name, stream)
        return _with(before if _find(before, Tenant, one.tenant) else _with(before, Tenant(one.tenant)), one)

    return _change(place, edit, terms, tolerate_old=True, then=then)


def alter(place: Place, kind: type[Entry], key: str, given: Mapping[str, Any], terms: Terms) -> Result:
    """Give fields of one entry other values. Raises GoodstandingError when there is no such entry."""

    def edit(before: Estate) -> Estate:
        known = _known(before, kind, key)
        terms.expected(known)
        return _with(before, _formed(replace(known, **given)))

    return _change(place, edit, terms, tolerate_old=True)


def remove(place: Place, kind: type[Entry], key: str, terms: Terms) -> Result:
    """Take one entry out. Raises GoodstandingError when there is no such entry."""

    def edit(before: Estate) -> Estate:
        known = _known(before, kind, key)
        terms.expected(known)
        return _without(before, known)

    return _change(place, edit, replace(terms, allow_destructive=True), tolerate_old=True)


def disallow(place: Place, first: str, second: str, terms: Terms) -> Result:
    """Take an exception back; refused while the two still share what it excuses. GoodstandingError: there is none."""
    key = isolation.pair(first, second)
    if _find(present(place.database), IsolationException, key) is None:
        raise GoodstandingError(f"{key} have no exception; goodstanding check lists them")
    return remove(place, IsolationException, key, terms)


def _formed(entry: Entry) -> Entry:
    problems: list[str] = []
    found = one_form(entry, problems.append)
    if problems:
        raise SettingsError(problems)
    return found


def _find(within: Estate, kind: type[Entry], key: str) -> Entry | None:
    entries: tuple[Entry, ...] = getattr(within, LISTS[kind])
    return next((one for one in entries if key_of(one) == key), None)


def _known(within: Estate, kind: type[Entry], key: str) -> Entry:
    found = _find(within, kind, key) or _find(within, kind, key.lower())
    if found is None:
        raise GoodstandingError(f"there is no {WORDS[kind]} {key}; goodstanding {WORDS[kind]} list shows them")
    return found


def _with(within: Estate, entry: Entry) -> Estate:
    """The estate with an entry added, or put in the place of the one of its name."""
    rest: tuple[Entry, ...] = getattr(_without(within, entry), LISTS[type(entry)])
    return _replaced(within, type(entry), (*rest, entry))


def _without(within: Estate, entry: Entry) -> Estate:
    entries: tuple[Entry, ...] = getattr(within, LISTS[type(entry)])
    rest = tuple(one for one in entries if key_of(one) != key_of(entry))
    if isinstance(entry, Subscription):  # its sender addresses and credentials go with it
        kept = tuple(one for one in within.token_credentials if one.subscription != entry.name)
        within = replace(within, token_credentials=kept)
        within = replace(within, senders=tuple(one for one in within.senders if one.subscription != entry.name))
    return _replaced(within, type(entry), rest)


def _replaced(within: Estate, kind: type[Entry], entries: tuple[Entry, ...]) -> Estate:
    changed: dict[str, Any] = {LISTS[kind]: tuple(sorted(entries, key=key_of))}
    return replace(within, **changed)


def _change(
    place: Place, change: Edit, terms: Terms, *, tolerate_old: bool, then: Callable[[Tx], object] = _nothing
) -> Result:
    """Compare, check, carry out, prove and journal, and what comes then; all or nothing."""
    told: list[Event] = []
    try:
        with place.database.tx() as tx:
            estate.alone(tx)
            before = estate.declared(tx)
            after = change(before)
            plan = diff(before, after)
            refused: list[str] = []
            if plan.changes:
                known = set(_problems(tx, place, before)) if tolerate_old else set()
                stopped = isolation.stopped(isolation.view_in(tx, place.settings)) if tolerate_old else {}
                refused += [*plan.impossible, *_too_far(plan, terms), *_still_needed(tx, plan)]
                refused += [why for why in objections(after, place.settings) if why not in known]
                if not refused:
                    carry_out(tx, place, plan, terms)
                    refused += [why for why in _overlaps(tx, place) if why not in known]
                if tolerate_old and not refused:
                    refused += _led_into(tx, place, plan, stopped)
            if refused or terms.rehearse:
                raise _Undone(Result(plan, tuple(refused)))
            then(tx)
            told.extend(tx.appended)
    except _Undone as undone:
        return undone.result
    if told:
        terms.told(told)
    return Result(plan, applied=bool(plan.changes))


def _problems(tx: Tx, place: Place, before: Estate) -> list[str]:
    """What was wrong before anything was changed."""
    return [*objections(before, place.settings), *_overlaps(tx, place)]


def _too_far(plan: Plan, terms: Terms) -> list[str]:
    """Changes that destroy something, when that was not allowed."""
    if terms.allow_destructive or terms.rehearse:
        return []
    return [
        f"{change.verb} {change.what}: {change.destroys}; if that is meant, repeat with --allow-destructive"
        for change in plan.destructive
    ]


def _still_needed(tx: Tx, plan: Plan) -> Iterator[str]:
    """Subscriptions that are to go while their mail waits: bounces and verdicts would have nobody to go to."""
    for change in plan.changes:
        match change.before, change.after:
            case Subscription(name=name), None if estate.has_mail(tx, name):
                yield (
                    f"subscription {name}: its mail still waits; let it go out first, "
                    f"or take it out: goodstanding queue drop subscription={name}"
                )


def _overlaps(tx: Tx, place: Place) -> list[str]:
    """Every overlap that would stop mail, as the estate is in this transaction."""
    found = proof.refused(proof.overlaps(isolation.view_in(tx, place.settings)))
    return [f"{one.because}; {one.remedy}" for one in found]


def _led_into(tx: Tx, place: Place, plan: Plan, stopped: Mapping[str, str]) -> Iterator[str]:
    """Subscriptions that a change leads into an overlap of before: nothing new is shared, but their mail stops."""
    moved = {one.name for change in plan.changes if (one := _moved(change)) is not None}
    for name, why in isolation.stopped(isolation.view_in(tx, place.settings)).items():
        if name in moved or name not in stopped:
            yield f"mail of {name} would be refused: {why}; choose another pool, or separate them: goodstanding check"


def _moved(change: Change) -> Subscription | None:
    """The subscription that a change gives to a pool; None: it does not."""
    before, after = change.before, change.after
    if not isinstance(after, Subscription) or (isinstance(before, Subscription) and before.pool == after.pool):
        return None
    return after


def carry_out(tx: Tx, place: Place, plan: Plan, terms: Terms) -> None:
    """Make the changes of a plan, in its order, and journal each. GoodstandingError when a domain cannot be claimed."""
    now = time.time()
    for change in plan.changes:
        _act(tx, place, change, terms, now)
    journal.append(
        tx, [EstateChanged(change.tenant, now, change.what, str(change), terms.by) for change in plan.changes]
    )


def _act(tx: Tx, place: Place, change: Change, terms: Terms, now: float) -> None:
    match change.after:
        case None:
            _remove(tx, change)
        case Tenant() as tenant:
            estate.put_tenant(tx, tenant, now)
        case Pool() as pool:
            pools.put_pool(tx, pool, now)
        case Domain() as domain:
            _claim(tx, place, change.before, domain, terms, now)
        case Subscription() as subscription:
            estate.add_subscription(tx, subscription.name, subscription.stream, now)
            estate.set_subscription(tx, subscription)
        case Sender() as sender:
            pools.put_sender(tx, sender, now)
        case TokenCredential() as credential:
            add_link(tx, credential, now)
        case IsolationException() as exception:
            pools.allow(tx, exception, terms.by, now)


def _remove(tx: Tx, change: Change) -> None:
    match change.before:
        case Tenant(name=name):
            estate.remove_tenant(tx, name)
        case Pool(name=name):
            pools.remove_pool(tx, name)
        case Domain(name=name):
            domains.remove_domain(tx, name)
        case Subscription(name=name):
            estate.remove_subscription(tx, name)
        case Sender(address=address):
            pools.remove_sender(tx, address)
        case TokenCredential(username=name):
            estate.revoke_credential(tx, name, time.time())
        case IsolationException(first=first, second=second):
            pools.disallow(tx, first, second)


def _claim(tx: Tx, place: Place, before: object, domain: Domain, terms: Terms, now: float) -> None:
    """Add a domain with its keys, or change what it is for."""
    if not isinstance(before, Domain):
        claim = DomainFacts(domain.name, domain.tenant, domain.stream, domain.kind)
        ensure_domain(tx, place.master, claim, now, place.draw)
        return
    if before.tenant != domain.tenant:
        domains.give_domain(tx, domain.name, domain.tenant)
    domains.set_domain(tx, domain.name, domain.stream, domain.kind)
    if domain.kind == "sending" and not domains.dkim_keys(tx, domain.name):
        for key in new_keys(place.master, domain.name, selectors(tx, domain.name), now, place.draw):
            domains.add_dkim_key(tx, key)
