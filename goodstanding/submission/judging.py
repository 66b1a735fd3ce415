"""The last word on a message: judged against the books of the guard inside the transaction that would accept it.

So two workers never spend the same allowance, a crash forgets acceptance and booking together, and what was refused was
never in the queue. One call judges all messages of a commit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from msgspec import Struct, structs

from goodstanding.admission.answers import status
from goodstanding.admission.books import Book, Case
from goodstanding.admission.conduct import Judgement, commit, judge
from goodstanding.admission.decide import Verdict, decide
from goodstanding.admission.facts import Action, Facts, Finding
from goodstanding.admission.ration import Policy
from goodstanding.events import Event, Judged, Quarantined
from goodstanding.events import Refused as RefusedEvent
from goodstanding.model import WorkerId
from goodstanding.store import conduct, journal, operations, quarantine, queue, trust
from goodstanding.store.conduct import Contact, Recent
from goodstanding.store.db import Tx
from goodstanding.store.quarantine import Kept
from goodstanding.store.queue import IN_SHADOW, Entry
from goodstanding.store.spool import Spool
from goodstanding.store.trust import Recorded
from goodstanding.store.writer import Places
from goodstanding.submission.doorkeeper import Examined
from goodstanding.submission.operation import Asked, Sent, document
from goodstanding.submission.ordered import Orders, ordered, touched_by
from goodstanding.submission.routine import Routine

FLOWING = frozenset({"trust-budget", "cold-on-transactional"})
"""Findings whose quarantine ends by itself when evidence has come; others wait for an operator."""
REFUSALS_KEPT = 50
"""Recipients of one refused message that the journal names."""
DAY = 86_400.0
_ACCEPTED = Verdict(Action.ACCEPT)
_encode = msgspec.json.Encoder().encode


class Bundle(Struct, frozen=True, gc=False):
    """One submission on its way into the store."""

    examined: Examined
    entries: tuple[Entry, ...]
    """One message, or one for each recipient."""
    remote: str
    asked: Asked | None = None
    """The operation it answers, where a program asked by HTTP."""


class Outcome(Struct, frozen=True, gc=False):
    """What became of it; without entries it was turned away."""

    verdict: Verdict
    entries: tuple[Entry, ...] = ()
    places: Places = ()
    campaign: int = 0
    known: bool = False
    """It was asked for before: nothing was done again."""


class Judge:
    """Judges for one worker, in its writer's thread."""

    def __init__(self, policy: Policy, quarantine_days: float, spool: Spool) -> None:
        self.policy = policy
        self._patience = quarantine_days * DAY
        self._spool = spool
        self._recent = Recent()
        self._routine = Routine()
        self.orders = Orders()
        """Of enforcement; replaced by the worker."""

    def admit(self, tx: Tx, batch: list[tuple[Bundle, Places]]) -> list[Outcome]:
        """Unit of work: verdicts, and whatever follows from them, for every submission of a commit."""
        fresh = new_operations(tx, [bundle.asked for bundle, _ in batch])
        if not all(fresh):
            return self._but_for_known(tx, batch, fresh)
        cases = [case_of(bundle) for bundle, _ in batch]
        outcomes = self._outcomes(tx, cases, batch)
        kept, turned = list[tuple[Bundle, Outcome]](), list[tuple[Bundle, Outcome, Places]]()
        for (bundle, places), (out, _) in zip(batch, outcomes, strict=True):
            if out.entries:
                kept.append((bundle, out))
            else:
                turned.append((bundle, out, places))
        queue.add(tx, [pair for _, out in kept for pair in zip(out.entries, out.places, strict=True)])
        quarantine.add(tx, [row for _, rows in outcomes for row in rows])
        conduct.met(tx, [one for bundle, out in kept for one in _contacts(bundle, out)])
        trust.add(tx, [one for bundle, out in kept for one in _claims(bundle, out)])
        self._spool.forget(tx, [gone for bundle, _, places in turned for gone in _spooled(bundle, places)])
        journal.append(
            tx,
            [
                each
                for bundle, out, _ in turned
                for each in refused_events(bundle.examined.facts, out.verdict, bundle.remote)
            ],
        )
        conclude(
            tx,
            [(bundle.asked, out.entries, out.verdict) for (bundle, _), (out, _) in zip(batch, outcomes, strict=True)],
        )
        return [out for out, _ in outcomes]

    def _but_for_known(self, tx: Tx, batch: list[tuple[Bundle, Places]], fresh: Sequence[bool]) -> list[Outcome]:
        """The same for those that were not asked for before."""
        known = [one for one, is_new in zip(batch, fresh, strict=True) if not is_new]
        self._spool.forget(tx, [gone for bundle, places in known for gone in _spooled(bundle, places)])
        rest = [(structs.replace(b, asked=None), p) for (b, p), is_new in zip(batch, fresh, strict=True) if is_new]
        outcomes = iter(self.admit(tx, rest) if rest else ())
        found = [next(outcomes) if is_new else Outcome(_ACCEPTED, known=True) for is_new in fresh]
        conclude(
            tx, [(b.asked, out.entries, out.verdict) for (b, _), out in zip(batch, found, strict=True) if not out.known]
        )
        return found

    def _outcomes(
        self, tx: Tx, cases: Sequence[Case], batch: Sequence[tuple[Bundle, Places]]
    ) -> list[tuple[Outcome, list[Kept]]]:
        """A verdict for each: routine is as it was a moment ago, the rest is judged, and what is pending is booked."""
        guessed = [self._recent.of(case) for case in cases]
        routine = list(map(self._is_routine, cases, guessed, batch))
        if all(routine):
            return [(out, []) for out in map(_routinely, cases, guessed, batch)]
        pending = self._routine.booked()
        doubted = [case for case, is_routine in zip(cases, routine, strict=True) if not is_routine]
        book = conduct.load(tx, [*pending, *doubted], self.policy, self._recent)
        for case in pending:
            judgement = judge(book, case, case.facts.now)
            if judgement.campaign:
                commit(book, case, judgement, len(case.facts.recipients), 0, 0)
        outcomes: list[tuple[Outcome, list[Kept]]] = []
        for case, is_routine, campaign, one in zip(cases, routine, guessed, batch, strict=True):
            outcomes.append((_routinely(case, campaign, one), []) if is_routine else self._judged(tx, book, case, *one))
        conduct.save(tx, book, cases[-1].facts.now)
        return outcomes

    def _is_routine(self, case: Case, campaign: int, one: tuple[Bundle, Places]) -> bool:
        """Whether it may be accepted as one like it was; nothing that an order is about is routine."""
        if self.orders.about(case.facts, campaign):
            return False
        return self._routine.takes(case, campaign, one[0].examined.verdict)

    def _judged(self, tx: Tx, book: Book, case: Case, bundle: Bundle, places: Places) -> tuple[Outcome, list[Kept]]:
        facts = case.facts
        judgement = judge(book, case, facts.now)
        self._recent.note(case, judgement.campaign)
        facts = structs.replace(facts, conduct=judgement.conduct)
        verdict = decide(facts)
        if bundle.examined.claims.findings:
            verdict = structs.replace(verdict, findings=(*verdict.findings, *bundle.examined.claims.findings))
        self._routine.learn(case, judgement, verdict)
        orders = self.orders.about(facts, judgement.campaign)
        if orders and verdict.action not in (Action.REFUSE, Action.DEFER):
            verdict = ordered(verdict, self.orders.finding(tx, orders, facts))
        if verdict.action in (Action.REFUSE, Action.DEFER):
            book.undo(judgement.campaign)
            return Outcome(verdict), []
        _commit(book, case, judgement, facts, verdict)
        named = _of_campaign(bundle.entries, facts, judgement.campaign)
        if orders:  # it waits to be claimed, where orders are obeyed
            named = tuple([structs.replace(entry, owner=WorkerId(0)) for entry in named])
        if verdict.shadow:
            named = tuple([structs.replace(entry, traits=entry.traits | IN_SHADOW) for entry in named])
        entries = tuple(_settled(entry, ns, facts, verdict, judgement) for entry, ns in _shares(named))
        return Outcome(verdict, entries, places, judgement.campaign), self._held(bundle, facts, verdict, judgement)

    def _held(self, bundle: Bundle, facts: Facts, verdict: Verdict, judgement: Judgement) -> list[Kept]:
        """Quarantine rows of a message."""
        rows: list[Kept] = []
        identity, now = facts.identity, facts.now
        for entry, ns in _shares(bundle.entries) if verdict.quarantined else ():
            for place, n in enumerate(ns):
                if n in verdict.quarantined:
                    one, reasons = facts.recipients[n], _reasons(verdict, facts.recipients[n].address)
                    flows = {each.slug for each in reasons if each.action is Action.QUARANTINE} <= FLOWING
                    whose = (identity.tenant, identity.subscription, judgement.campaign, one.person, one.address)
                    until = now + self._patience
                    rows.append(Kept(entry.message, place, *whose, now, until, flows, _encode(reasons).decode()))
        return rows


def new_operations(tx: Tx, asked: Sequence[Asked | None]) -> list[bool]:
    """Which submissions are not the second of one operation; those that answer none never are."""
    begun = [one.begun for one in asked if one is not None]
    fresh = iter(operations.claim(tx, begun) if begun else ())
    return [one is None or next(fresh) for one in asked]


def conclude(tx: Tx, answered: Sequence[tuple[Asked | None, Sequence[Entry], Verdict]]) -> None:
    """Write down what became of operations; of those that were turned away as a whole nothing is kept."""
    ended = [(asked, entries, verdict) for asked, entries, verdict in answered if asked is not None]
    if not ended:
        return
    operations.forget(tx, [asked.begun for asked, entries, _ in ended if not entries])
    rows = []
    for asked, entries, verdict in ended:
        if entries:
            rows.append((asked.begun, document(asked, messages_of(entries), verdict)))
    operations.conclude(tx, rows)


def messages_of(entries: Sequence[Entry]) -> Sent:
    """What was sent."""
    recipients = tuple([one for entry in entries for one in entry.envelope.recipients])
    return tuple([entry.message for entry in entries]), recipients


def _routinely(case: Case, campaign: int, one: tuple[Bundle, Places]) -> Outcome:
    bundle, places = one
    return Outcome(bundle.examined.verdict, _of_campaign(bundle.entries, case.facts, campaign), places, campaign)


def case_of(bundle: Bundle) -> Case:
    """What the books are asked about."""
    facts = bundle.examined.facts
    # An account for each tenant: one tenant's strangers must not use up what another may send over a shared pool.
    return Case(facts, bundle.entries[0].message, f"{facts.sender.pool} of {facts.identity.tenant}")


def _shares(entries: Sequence[Entry]) -> Iterator[tuple[Entry, Sequence[int]]]:
    """Each message with the ordinals of its recipients in the facts."""
    start = 0
    for entry in entries:
        count = len(entry.envelope.recipients)
        yield entry, range(start, start + count)
        start += count


def _of_campaign(entries: Sequence[Entry], facts: Facts, campaign: int) -> tuple[Entry, ...]:
    """The entries with the campaign and the link domains they will be held to account by."""
    touched = touched_by(facts, campaign)
    return tuple([structs.replace(entry, touched=touched) for entry in entries])


def _spooled(bundle: Bundle, places: Places) -> Iterator[tuple[int, int]]:
    for entry, place in zip(bundle.entries, places, strict=True):
        yield entry.message, place.segment


def _commit(book: Book, case: Case, judgement: Judgement, facts: Facts, verdict: Verdict) -> None:
    """Book those who were accepted; those who are returned at once use nothing."""
    proven = admitted = held = 0
    for n, one in enumerate(facts.recipients):
        if n in verdict.refused:
            continue
        if one.proven:
            proven += 1
        elif n in verdict.quarantined:
            held += 1
        else:
            admitted += 1
    commit(book, case, judgement, proven, admitted, held)


def _settled(entry: Entry, ns: Sequence[int], facts: Facts, verdict: Verdict, judgement: Judgement) -> Entry:
    """The entry as it is queued: who is held, who is returned, and the journal of both."""
    if not verdict.findings:
        return entry
    identity, now = facts.identity, facts.now
    events: list[Event] = [*entry.events, _judged(entry, ns, facts, verdict)]
    held: list[int] = []
    returned: list[tuple[int, str]] = []
    for place, n in enumerate(ns):
        address = facts.recipients[n].address
        if n in verdict.quarantined:
            held.append(place)
            reasons = _encode(_reasons(verdict, address)).decode()
            names = (address, identity.subscription, judgement.campaign, reasons)
            events.append(Quarantined(identity.tenant, entry.message, place, now, *names))
        elif n in verdict.refused:
            returned.append((place, _returned_with(_reasons(verdict, address))))
    return structs.replace(entry, events=events, held=frozenset(held), returned=tuple(returned))


def _judged(entry: Entry, ns: Sequence[int], facts: Facts, verdict: Verdict) -> Judged:
    here = {"", *(facts.recipients[n].address for n in ns)}
    return Judged(
        *(facts.identity.tenant, entry.message, facts.now, facts.identity.subscription, verdict.would_be.value),
        findings=_encode([one for one in verdict.findings if one.recipient in here]).decode(),
        shadow=verdict.shadow,
    )


def _reasons(verdict: Verdict, address: str) -> list[Finding]:
    """What concerns one recipient."""
    return [one for one in verdict.findings if one.recipient in ("", address)]


def _returned_with(reasons: Sequence[Finding]) -> str:
    first = next(one for one in reasons if one.action is Action.REFUSE)
    return f"550 5{first.code[1:]} {first.because}; {first.remedy} [{first.slug}]"


def _contacts(bundle: Bundle, out: Outcome) -> Iterator[Contact]:
    """Unproven recipients that go out."""
    facts, verdict = bundle.examined.facts, out.verdict
    stopped = verdict.quarantined | verdict.refused
    for n, one in enumerate(facts.recipients):
        if not one.proven and n not in stopped:
            yield Contact(facts.identity.tenant, one.person, out.campaign, facts.now)


def _claims(bundle: Bundle, out: Outcome) -> Iterator[Recorded]:
    """What the message said of its recipients, for the ledger."""
    facts = bundle.examined.facts
    for claim in bundle.examined.claims.entries:
        for n, one in enumerate(facts.recipients):
            if n not in out.verdict.refused:
                entry = structs.replace(claim, address=one.address)
                yield Recorded(facts.identity.tenant, one.person, entry)


def refused_events(facts: Facts, verdict: Verdict, remote: str) -> list[RefusedEvent]:
    """The journal of a message that was turned away, an entry a recipient with what concerns them; of "later" just one.

    Every finding in every entry would be a journal that grows with the square of the recipients.
    """
    if verdict.action is Action.DEFER:
        return [_refused(facts, facts.recipients[0].address, verdict, verdict.findings, remote)]
    return [
        _refused(facts, one.address, verdict, _reasons(verdict, one.address), remote)
        for one in facts.recipients[:REFUSALS_KEPT]
    ]


def _refused(facts: Facts, address: str, verdict: Verdict, found: Sequence[Finding], remote: str) -> RefusedEvent:
    identity = facts.identity
    said = "; ".join(f"{one.because} [{one.slug}]" for one in found if one.action is verdict.action)
    code, enhanced = status(verdict.action, verdict.findings)
    reply = f"{code} {enhanced} {said}"[:500]
    names = (identity.tenant, facts.now, identity.subscription, remote, facts.sender.sender, address, reply)
    return RefusedEvent(*names, findings=_encode(found).decode())
