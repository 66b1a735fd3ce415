"""Claims next to a domain, and the stages of its DKIM keys: made, signing, retired.

A key that a rotation has made waits in a table of its own until it is seen in DNS: whatever lies in ``dkim_key`` and
is not retired signs, so nothing that reads keys to sign with can take one that receivers would not find.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from msgspec import structs

from goodstanding.admission.domain_state import Standing, step
from goodstanding.admission.onboarding import LISTED_AFTER_RETIREMENT, Key, ground
from goodstanding.admission.verification import Case, Judgement
from goodstanding.events import DomainChecked, EstateChanged
from goodstanding.model import DkimKey
from goodstanding.settings import Settings
from goodstanding.store import domains, estate, journal
from goodstanding.store.db import Tx
from goodstanding.store.domains import Claimed
from goodstanding.store.serial import touch
from goodstanding.submission.publishing import public


def claims_around(tx: Tx, name: str) -> list[tuple[str, str]]:
    """Every (domain, tenant) that is the name, above it or below it, by name."""
    labels = name.split(".")
    above = [".".join(labels[n:]) for n in range(len(labels))]
    marks = ", ".join("?" * len(above))
    below = "%." + "".join(f"!{char}" if char in "!%_" else char for char in name)
    rows = tx.rows(
        f"SELECT name, tenant FROM domain WHERE name IN ({marks}) OR name LIKE ? ESCAPE '!' ORDER BY name",
        (*above, below),
    )
    return [(found, tenant) for found, tenant in rows]


def any_due(tx: Tx, now: float, recheck: float) -> bool:
    """Whether some domain is due for a look; see `claim_due`."""
    return tx.row(f"SELECT 1 FROM domain WHERE {_DUE} LIMIT 1", _before(now, recheck)) is not None


def claim_due(tx: Tx, now: float, recheck: float, limit: int) -> list[Claimed]:
    """Domains not looked at for ``recheck`` seconds, marked as looked at now, so that no other worker takes them.

    Those that are not verified are due after `SOON`: somebody waits for them.
    """
    marked = tx.rows(
        "UPDATE domain SET checked = ? WHERE name IN "
        f"(SELECT name FROM domain WHERE {_DUE} ORDER BY checked LIMIT ?{tx.skip_locked}) RETURNING name",
        (now, *_before(now, recheck), limit),
    )
    return [claim for (name,) in sorted(marked) for claim in domains.claimed(tx, name)]


SOON = 900.0
"""Seconds between looks at a domain that is not verified."""
_DUE = "checked <= CASE state WHEN 'verified' THEN ? ELSE ? END"


def _before(now: float, recheck: float) -> tuple[float, float]:
    return now - recheck, now - min(recheck, SOON)


def waiting_keys(tx: Tx, domain: str = "") -> list[DkimKey]:
    """Keys made by a rotation and not seen in DNS yet, of one domain or of all, by domain and selector."""
    rows = tx.rows(
        "SELECT domain, selector, kind, sealed, created FROM dkim_next WHERE domain = ? OR ? = '' "
        "ORDER BY domain, selector",
        (domain, domain),
    )
    return [DkimKey(name, selector, kind, bytes(sealed), created) for name, selector, kind, sealed, created in rows]


def retired_keys(tx: Tx, since: float, domain: str = "") -> list[DkimKey]:
    """Keys that stopped signing at ``since`` or later, by domain and selector; mail they signed is still under way."""
    rows = tx.rows(
        "SELECT domain, selector, kind, sealed, created, retired FROM dkim_key "
        "WHERE retired >= ? AND (domain = ? OR ? = '') ORDER BY domain, selector",
        (since, domain, domain),
    )
    return [
        DkimKey(name, selector, kind, bytes(sealed), made, gone) for name, selector, kind, sealed, made, gone in rows
    ]


def selectors(tx: Tx, domain: str) -> set[str]:
    """Every selector a domain has ever had here; none is used twice, because caches and old mail know the first."""
    rows = tx.rows("SELECT selector FROM dkim_key WHERE domain = ?", (domain,))
    rows += tx.rows("SELECT selector FROM dkim_next WHERE domain = ?", (domain,))
    return {selector for (selector,) in rows}


def add_waiting_keys(tx: Tx, keys: Sequence[DkimKey]) -> None:
    """Store new keys that are not to sign yet; those that waited for the same domains are given up."""
    for domain in {key.domain for key in keys}:
        tx.run("DELETE FROM dkim_next WHERE domain = ?", (domain,))
    tx.insert(
        "INSERT INTO dkim_next (domain, selector, kind, sealed, created) VALUES",
        [(key.domain, key.selector, key.kind, key.sealed, key.created) for key in keys],
    )


def begin_signing(tx: Tx, key: DkimKey, now: float) -> bool:
    """Let a waiting key sign and retire those of its kind; whether it was still waiting."""
    if not tx.run("DELETE FROM dkim_next WHERE domain = ? AND selector = ?", (key.domain, key.selector)):
        return False
    tx.run(
        "UPDATE dkim_key SET retired = ? WHERE domain = ? AND kind = ? AND retired IS NULL",
        (now, key.domain, key.kind),
    )
    tx.insert(
        "INSERT INTO dkim_key (domain, selector, kind, sealed, created) VALUES",
        [(key.domain, key.selector, key.kind, key.sealed, key.created)],
    )
    touch(tx)
    return True


def forget_waiting_keys(tx: Tx, domain: str) -> None:
    """Give up keys that waited; for a domain that goes."""
    tx.run("DELETE FROM dkim_next WHERE domain = ?", (domain,))


def public_keys(tx: Tx, master: bytes, domain: str, now: float) -> tuple[Key, ...]:
    """The public side of every key that is, will be or should still be in DNS; RSA first."""
    signing, waiting = domains.dkim_keys(tx, domain), waiting_keys(tx, domain)
    retired = retired_keys(tx, now - LISTED_AFTER_RETIREMENT, domain)
    found = [*public(master, signing, "signing"), *public(master, waiting, "waiting")]
    return tuple(sorted((*found, *public(master, retired, "retired")), key=lambda key: key.kind, reverse=True))


def case_of(tx: Tx, settings: Settings, master: bytes, claim: Claimed, now: float) -> Case:
    """All that a judgement on a claimed domain takes, but the answers of DNS."""
    register, name = estate.view(tx), claim.facts.name
    keys = public_keys(tx, master, name, now)
    above = (name.split(".", n)[n] for n in range(1, name.count(".")))
    known = (register.domains[parent] for parent in above if parent in register.domains)
    proven = [one.name for one in known if one.tenant == claim.facts.tenant and one.state in ("verified", "warned")]
    return Case(claim.facts, keys, ground(settings, register, claim.facts, master), tuple(proven))


def settle(tx: Tx, looked_at: Claimed, found: Judgement, now: float, grace: float) -> Claimed | None:
    """Record a look at a domain's records, let keys sign that were seen, and journal what changed; None: it is gone.

    The domain is read again: if it changed hands or purpose while DNS was asked, the look was at something else and
    only counts as not having happened.
    """
    present = next(iter(domains.claimed(tx, looked_at.facts.name)), None)
    if present is None:
        return None
    facts = present.facts
    asked = looked_at.facts
    if (facts.tenant, facts.stream, facts.kind) != (asked.tenant, asked.stream, asked.kind):
        return present
    before = Standing(facts.state, facts.because, present.failing)
    after = step(before, found.evidence, found.because, now, grace)
    settled = replace(
        present,
        facts=structs.replace(facts, state=after.state, because=after.because),
        checked=now,
        failing=after.failing,
    )
    if after == before:
        tx.run("UPDATE domain SET checked = ? WHERE name = ?", (now, facts.name))  # workers need not hear of that
    else:
        domains.conclude(tx, settled.facts, now, after.failing)
    if after.state != before.state:
        because = after.because or "its records are in place"
        journal.append(tx, [DomainChecked(facts.tenant, now, facts.name, after.state, because)])
    for key in waiting_keys(tx, facts.name):
        if key.selector in found.seen and begin_signing(tx, key, now):
            change = f"key {key.selector} was seen in DNS and signs from now on"
            journal.append(tx, [EstateChanged(facts.tenant, now, f"domain {facts.name}", change, "verification")])
    return settled
