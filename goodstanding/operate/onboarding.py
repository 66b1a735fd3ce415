"""Verbs that bring a domain into use: claim it, say what to publish, look whether it is there, give it new keys."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from goodstanding.admission.checks import Check
from goodstanding.admission.domain_state import Evidence
from goodstanding.admission.estate import Domain
from goodstanding.admission.facts import DomainFacts
from goodstanding.admission.onboarding import Wanted, ground, wanted
from goodstanding.errors import GoodstandingError
from goodstanding.events import EstateChanged
from goodstanding.operate import estate as verbs
from goodstanding.operate.domains import checked_domain, new_keys, no_such
from goodstanding.operate.estate import Place, Result, Terms
from goodstanding.operate.opening import look_up
from goodstanding.store import domains, estate, journal
from goodstanding.store import onboarding as stages
from goodstanding.store.db import Tx
from goodstanding.store.domains import Claimed


@dataclass(frozen=True, slots=True)
class Sheet:
    """A domain and everything to publish for it."""

    domain: DomainFacts
    wanted: Wanted
    rotating: bool = False
    """New keys wait to be seen in DNS."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at a domain's records came to."""

    domain: DomainFacts
    """As it stands now."""
    was: str
    """State before."""
    checks: tuple[Check, ...]
    evidence: Evidence
    failing: float = 0.0
    signing_now: tuple[str, ...] = ()
    """Selectors of new keys that were seen and sign from now on."""


def add(place: Place, domain: Domain, terms: Terms) -> Result:
    """Claim a domain for a tenant, which is made if absent; ``refused`` says what is in the way, such as an overlap.

    A domain that has no stream yet gets the given one; whatever else differs from a known claim is a GoodstandingError.
    """
    present = verbs.present(place.database)
    claim = replace(domain, name=checked_domain(domain.name))
    known = next((one for one in present.domains if one.name == claim.name), None)
    if known is not None and known.tenant == claim.tenant and not (known.stream and claim.stream):
        stream = known.stream or claim.stream
        return verbs.alter(place, Domain, known.name, {"stream": stream}, terms)
    if known is not None and known.tenant != claim.tenant:
        raise GoodstandingError(f"{known.name} belongs to tenant {known.tenant}; remove it there first")
    return verbs.add(place, claim, terms)


def sheet(place: Place, name: str, *, tls_reports: bool = False) -> Sheet:
    """Everything to publish for a claimed domain; with MTA-STS and TLS-RPT when asked."""
    domain, now = checked_domain(name), time.time()
    with place.database.read() as tx:
        facts = _known(tx, domain).facts
        keys = stages.public_keys(tx, place.master, domain, now)
        brings = ground(place.settings, estate.view(tx), facts, place.master)
    rotating = any(key.stage == "waiting" for key in keys)
    return Sheet(facts, wanted(facts, keys, brings, now if tls_reports else 0.0), rotating)


def verify(
    place: Place,
    names: Sequence[str],
    terms: Terms,
    lists: Sequence[str] = (),
    done: Callable[[int], None] = lambda count: None,
) -> list[Looked]:
    """Look at the DNS records of claimed domains, all of them when none is named, and record what that comes to.

    ``lists``: DNS block lists to ask about egress addresses. ``done`` hears how many domains have been looked at.
    """
    now = time.time()
    with place.database.read() as tx:
        claimed = [_known(tx, checked_domain(name)) for name in names] or domains.claimed(tx)
        cases = [stages.case_of(tx, place.settings, place.master, claim, now) for claim in claimed]
    cases = [replace(case, lists=tuple(lists)) for case in cases]
    found = look_up(place.settings, cases, done)
    looked = []
    for claim, judgement in zip(claimed, found, strict=True):
        with place.database.tx() as tx:
            settled = stages.settle(tx, claim, judgement, now, place.settings.admission.domain_grace)
            events = list(tx.appended)
        terms.told(events)
        after, was = settled or claim, claim.facts.state
        looked.append(Looked(after.facts, was, judgement.checks, judgement.evidence, after.failing, judgement.seen))
    return looked


def rotate(place: Place, name: str, terms: Terms, *, anew: bool = False) -> Sheet:
    """Make the next DKIM keys of a domain, which sign once they are seen in DNS; until then the present ones do.

    While a rotation is under way nothing is made, unless ``anew`` gives its keys up.
    """
    domain, now = checked_domain(name), time.time()
    with place.database.tx() as tx:
        facts = _known(tx, domain).facts
        if facts.kind != "sending":
            raise GoodstandingError(f"{domain} is a {facts.kind} domain and signs nothing; rotate a sending domain")
        if anew or not stages.waiting_keys(tx, domain):
            keys = new_keys(place.master, domain, stages.selectors(tx, domain), now, place.draw)
            stages.add_waiting_keys(tx, keys)
            change = f"new keys {', '.join(key.selector for key in keys)}, to sign once they are seen in DNS"
            journal.append(tx, [EstateChanged(facts.tenant, now, f"domain {domain}", change, terms.by)])
        events = list(tx.appended)
    terms.told(events)
    return sheet(place, domain)


def _known(tx: Tx, domain: str) -> Claimed:
    found = domains.claimed(tx, domain)
    if not found:
        raise no_such(domain)
    return found[0]
