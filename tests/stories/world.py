"""A tiny platform in virtual time: the books, the decision, a quarantine, and recipients who answer as people do."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from math import inf, log

import msgspec

from goodstanding.admission import conduct
from goodstanding.admission.books import Book, Case, Incident
from goodstanding.admission.decide import Verdict, decide
from goodstanding.admission.facts import (
    Action,
    Content,
    DomainFacts,
    Facts,
    Fingerprint,
    Grant,
    Proof,
    RecipientFacts,
    SenderFacts,
    Terms,
)
from goodstanding.admission.fingerprint import EMPTY, fingerprint
from goodstanding.admission.ration import DAY, KeyTally, Policy
from goodstanding.model import Identity, Stream, SubscriptionName, TenantName

MONDAY = 1_799_654_400.0  # 2027-01-11 00:00 UTC
HOUR, MINUTE = 3600.0, 60.0
ROLES = ("info", "sales", "office", "contact", "admin", "support", "marketing", "hello")
CONSUMER = ("gmail.com", "outlook.com", "yahoo.com", "icloud.com", "gmx.de", "web.de", "hotmail.com", "libero.it")
WORDS = [blake2b(b"%d" % n, digest_size=4).hexdigest().encode() for n in range(4000)]


@dataclass(frozen=True)
class Sender:
    """A subscription with what is known of it."""

    name: str
    domain: str
    stream: Stream = Stream.TRANSACTIONAL
    terms: Terms = Terms(minute_limit=100_000, hour_limit=1_000_000)

    @property
    def tenant(self) -> str:
        return self.name.partition("/")[0]

    @property
    def identity(self) -> Identity:
        return Identity(TenantName(self.tenant), SubscriptionName(self.name), self.stream)


@dataclass(frozen=True)
class Template:
    """What is said: so many words drawn by a seed; ``spin`` of them are exchanged in every message."""

    subject: str
    seed: int
    length: int = 60
    spin: float = 0.0
    unique: bool = False
    image: bool = False
    cues: tuple[tuple[str, float], ...] = ()
    unsubscribe: bool = False
    forged: bool = False
    invisible: int = 0

    def print_(self, rng: random.Random) -> Fingerprint:
        if self.image:
            return EMPTY
        chosen = random.Random(rng.random() if self.unique else self.seed)
        words = chosen.sample(WORDS, self.length)
        if self.spin:
            words = [rng.choice(WORDS) if rng.random() < self.spin else word for word in words]
        return fingerprint(words, [word.encode() for word in self.subject.split()])


@dataclass
class Flow:
    """One stream of mail: who writes what to whom and when, and how people take it."""

    sender: Sender
    template: Template
    people: Sequence[str]
    times: Sequence[float]
    proof: Proof = Proof.NONE
    expected: bool = True
    complains: float = 0.0
    exists: float = 1.0
    answers: float = 0.0
    """Share who enter the code or click, if the application reports that."""
    each: int = 1
    """Recipients a message."""
    incident: str = ""
    focus: bool = True
    domain: str = ""


@dataclass
class Outcome:
    """What became of the flows in focus, and of expected mail."""

    recipients: int = 0
    went: int = 0
    held: int = 0
    refused: int = 0
    deferred: int = 0
    unwanted: int = 0
    """Unsolicited messages let through."""
    before_stop: int = 0
    """Of these, those that left before the first refusal or hold."""
    expected: int = 0
    delays: list[float] = field(default_factory=list)
    """Of expected mail, seconds; infinite when it never went."""
    probability: float = 0.0
    """The highest P(cold) that a flow in focus was judged with."""
    domain_rate: float = 0.0
    """Complaints per settled delivery of the worst From domain at the end; receivers' ceiling is 0.003."""
    slugs: dict[str, int] = field(default_factory=dict)
    because: str = ""

    @property
    def verdict(self) -> str:
        if self.refused >= 0.5 * self.recipients:
            return "refused"
        if self.refused + self.held >= 0.5 * self.recipients:
            return "held"
        return "rationed" if self.held + self.refused else "flows"

    @property
    def p99(self) -> float:
        return sorted(self.delays)[int(0.99 * (len(self.delays) - 1))] if self.delays else 0.0

    @property
    def false_holds(self) -> float:
        """Share of expected mail that waited more than a second, or never went."""
        return sum(delay > 1.0 for delay in self.delays) / len(self.delays) if self.delays else 0.0


class World:
    """Books, quarantine and recipients; `run` lets the flows happen."""

    def __init__(self, seed: int, honest: bool, policy: Policy | None = None) -> None:
        self.rng = random.Random(seed)
        self.honest = honest
        self.book = Book(policy)
        self.flows: list[Flow] = []
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.known: dict[str, Proof] = {}
        self.contacts: dict[str, int] = {}
        self.quarantine: dict[int, list[tuple[float, str, Flow]]] = {}
        self.outcome = Outcome()
        self.now = MONDAY
        self.serial = 0
        self.prints: dict[int, Fingerprint] = {}
        self.stopped = False
        self.chore_from: float | None = None
        self.every = MINUTE

    # --- what stories say ------------------------------------------------------------------------------------------

    def established(
        self, sender: Sender, daily: float, complaints: int = 0, days: int = 30, strangers: float = 0.5
    ) -> Sender:
        """The sender, its domain, pool and tenant have sent so much a day for so long."""
        today = int(MONDAY // DAY)
        for key in (f"subscription {sender.name}", f"from {sender.domain}", f"tenant {sender.tenant}", "pool shared"):
            past = {day: float(daily) for day in range(today - days, today)}
            tally = KeyTally(MONDAY - days * DAY, days=past, volume=float(daily * days), clean_since=today - days)
            if complaints:
                tally.complaints[today - 5] = complaints
            self.book.tallies[key] = tally
        habits = self.book.habits_of(sender.name)
        habits.volumes, habits.shares = [int(daily)] * min(days, 28), [strangers] * min(days, 28)
        habits.hours = [daily * days / 24] * 24
        habits.history = daily * days
        habits.day = today - 1
        return sender

    def pool(self, daily: float = 20_000) -> None:
        """The pool is shared with others who send a lot."""
        today = int(MONDAY // DAY)
        days = dict.fromkeys(range(today - 30, today), daily)
        self.book.tallies["pool shared"] = KeyTally(MONDAY - 90 * DAY, days=days, volume=daily * 30)

    def know(self, people: Iterable[str], proof: Proof = Proof.INTERACTION) -> None:
        """The ledger has an earlier interaction, or a permission, of these."""
        self.known.update(dict.fromkeys(people, proof))

    def declare(self, name: str, sender: Sender, recipients: int) -> str:
        """An operator records an incident."""
        incident = Incident(name, sender.tenant, sender.name, MONDAY, MONDAY + 3 * DAY, recipients)
        self.book.incidents[name] = incident
        return name

    def add(self, flow: Flow) -> None:
        self.flows.append(flow)
        for number, at in enumerate(flow.times):
            to = flow.people[number * flow.each : (number + 1) * flow.each]
            if to:
                self.at(at, partial(self.submit, flow, to, at))

    def at(self, when: float, what: Callable[[], None]) -> None:
        self.serial += 1
        heapq.heappush(self.events, (when, self.serial, what))

    def run(self) -> Outcome:
        """Let everything happen that is due within three days of the last submission."""
        while self.events:
            self.now, _, what = heapq.heappop(self.events)
            what()
        for waiting in self.quarantine.values():
            self.outcome.delays.extend(inf for _, _, flow in waiting if flow.expected)
        self.outcome.domain_rate = max(
            sum(one.complaints.values()) / max(1.0, one.matured(self.now))
            for key, one in self.book.tallies.items()
            if key.startswith("from ")
        )
        return self.outcome

    # --- mail comes in ---------------------------------------------------------------------------------------------

    def facts(self, flow: Flow, people: Sequence[str]) -> Facts:
        sender, template = flow.sender, flow.template
        domain = flow.domain or sender.domain
        claimed = DomainFacts(domain, sender.tenant, sender.stream.value, state="verified")
        content = Content(
            template.subject,
            2000,
            self._print(template),
            one_click=template.unsubscribe,
            unsubscribe=template.unsubscribe,
            unsubscribe_text=sender.stream is not Stream.TRANSACTIONAL,
            postal_address=sender.stream is not Stream.TRANSACTIONAL,
            forged_thread=template.forged,
            invisible=template.invisible,
            cues=template.cues if self.honest else (),
            incident=flow.incident,
        )
        return Facts(
            sender.identity,
            sender.terms,
            SenderFacts(f"app@{domain}", f"app@{domain}", 1, claimed, claimed, domain, pool="shared"),
            content,
            tuple(self._recipient(flow, address) for address in people),
            self.now,
        )

    def _print(self, template: Template) -> Fingerprint:
        if template.spin or template.unique:
            return template.print_(self.rng)
        if id(template) not in self.prints:
            self.prints[id(template)] = template.print_(self.rng)
        return self.prints[id(template)]

    def _recipient(self, flow: Flow, address: str) -> RecipientFacts:
        local, _, domain = address.partition("@")
        proof = max(flow.proof, self.known.get(address, Proof.NONE), key=list(Proof).index)
        return RecipientFacts(
            address,
            domain,
            blake2b(address.encode(), digest_size=16).digest(),
            Grant(True, proof, proof.value),
            contacts=self.contacts.get(address, 0),
            role=local in ROLES,
        )

    def submit(self, flow: Flow, people: Sequence[str], asked: float) -> None:
        outcome = self.outcome
        facts = self.facts(flow, people)
        case = Case(facts, self.serial << 8, "shared")
        self.serial += 1
        judgement = conduct.judge(self.book, case, self.now)
        verdict = decide(_with(facts, judgement))
        if asked == self.now and flow.focus:
            outcome.recipients += len(people)
        if flow.focus:
            outcome.probability = max(outcome.probability, judgement.conduct.assessment.probability)
        for finding in verdict.findings:
            outcome.slugs[finding.slug] = outcome.slugs.get(finding.slug, 0) + 1
            if finding.action is not Action.ACCEPT:
                outcome.because = outcome.because or f"{finding.because}; {finding.remedy}"
        if verdict.action is Action.DEFER:
            outcome.deferred += 1
            wait = max(1.0, judgement.conduct.rates.retry_after)
            self.at(self.now + wait, lambda: self.submit(flow, people, asked))
            return
        self._place(flow, people, case, judgement, verdict, asked)

    def _place(
        self,
        flow: Flow,
        people: Sequence[str],
        case: Case,
        judgement: conduct.Judgement,
        verdict: Verdict,
        asked: float,
    ) -> None:
        held, refused = verdict.quarantined, verdict.refused
        if verdict.action is Action.REFUSE:
            refused, held = frozenset(range(len(people))), frozenset()
        proven = admitted = quarantined = 0
        for n, address in enumerate(people):
            one = case.facts.recipients[n]
            if n in refused:
                self._refused(flow)
            elif n in held:
                quarantined += 1
                self._held(flow, address, judgement.campaign, asked)
            else:
                proven, admitted = (proven + 1, admitted) if one.proven else (proven, admitted + 1)
                self._deliver(flow, address, judgement.campaign, asked, one.proven)
        conduct.commit(self.book, case, judgement, proven, admitted, quarantined)

    def _refused(self, flow: Flow) -> None:
        self.stopped = self.stopped or flow.focus
        self.outcome.refused += flow.focus
        if flow.expected:
            self.outcome.expected += 1
            self.outcome.delays.append(inf)

    def _held(self, flow: Flow, address: str, campaign: int, asked: float) -> None:
        self.stopped = self.stopped or flow.focus
        self.outcome.held += flow.focus
        self.outcome.expected += flow.expected
        self.quarantine.setdefault(campaign, []).append((asked, address, flow))
        if self.chore_from is None:
            self.chore_from = self.now + MINUTE
            self.at(self.chore_from, self.chore)

    def chore(self) -> None:
        """Held recipients flow as far as the budget goes; after three days they are returned."""
        self.chore_from = None
        flowed = False
        for campaign, waiting in self.quarantine.items():
            while waiting and waiting[0][0] < self.now - 3 * DAY:
                _, _, flow = waiting.pop(0)
                if flow.expected:
                    self.outcome.delays.append(inf)
            if not waiting:
                continue
            may = conduct.allowance(self.book, campaign, len(waiting), self.now).allowed
            flowed = flowed or bool(may)
            if may:
                conduct.flowed(self.book, campaign, may, self.now)
            for asked, address, flow in waiting[:may]:
                self._deliver(flow, address, campaign, asked, proven=False, counted=flow.expected)
            del waiting[:may]
        if any(self.quarantine.values()):
            self.every = 30 * MINUTE if flowed else min(2 * self.every, 6 * HOUR)
            self.chore_from = self.now + self.every
            self.at(self.chore_from, self.chore)

    # --- mail arrives ----------------------------------------------------------------------------------------------

    def _deliver(
        self, flow: Flow, address: str, campaign: int, asked: float, proven: bool, counted: bool = False
    ) -> None:
        outcome, sent = self.outcome, self.now
        outcome.went += flow.focus
        if flow.expected:
            outcome.expected += not counted
            outcome.delays.append(sent - asked)
        else:
            outcome.unwanted += 1
            outcome.before_stop += not self.stopped
        if not proven:
            self.contacts[address] = self.contacts.get(address, 0) + 1
        if self.rng.random() >= flow.exists:
            if not proven:
                self.at(sent + 5, lambda: conduct.bounced(self.book, campaign, sent, self.now))
        elif self.rng.random() < flow.complains:
            self.at(sent + self._delay(), lambda: self._complain(campaign, sent, proven))
        elif self.honest and self.rng.random() < flow.answers:
            self.at(sent + 20 + self.rng.expovariate(1 / 40), lambda: self._answer(address, campaign, sent, proven))

    def _delay(self) -> float:
        mean = 2 * HOUR if self.rng.random() < 0.6 else DAY
        return -mean * log(1 - self.rng.random())

    def _complain(self, campaign: int, sent: float, proven: bool) -> None:
        conduct.complained(self.book, campaign, sent, self.now, proven=proven)

    def _answer(self, address: str, campaign: int, sent: float, proven: bool) -> None:
        self.known[address] = Proof.INTERACTION
        if not proven:
            conduct.proved(self.book, campaign, sent, self.now)

    # --- people and clocks -----------------------------------------------------------------------------------------

    def private(self, n: int, companies: float = 0.25) -> list[str]:
        """People as they sign up somewhere: mostly private mailboxes, some with their company's."""
        return [self._person(companies) for _ in range(n)]

    def _person(self, companies: float) -> str:
        name = f"{self._name()}{self.rng.randrange(10**6)}"
        if self.rng.random() < companies:
            return f"{name}@{self._name()}{int(self.rng.paretovariate(0.9))}.example"
        return f"{name}@{self.rng.choice(CONSUMER)}"

    def _name(self) -> str:
        return "".join(self.rng.choice("abcdefghijklmnoprstuvw") for _ in range(6))

    def companies(self, n: int, roles: float = 0.0) -> list[str]:
        """One person per company, as bought lists have them."""
        return [
            f"{self.rng.choice(ROLES) if self.rng.random() < roles else self._name()}@{self._name()}{i}.example"
            for i in range(n)
        ]

    def colleagues(self, firms: int, each: int) -> list[str]:
        """Several people of each of some companies."""
        names = [f"{self._name()}.example" for _ in range(firms)]
        return [f"{self._name()}@{firm}" for firm in names for _ in range(each)]

    def chance(self, n: int, hours: float, start: float = 8.0) -> list[float]:
        """Times at which people come by chance within so many hours."""
        begin = MONDAY + start * HOUR
        return sorted(begin + self.rng.random() * hours * HOUR for _ in range(n))

    def surge(self, n: int, mean: float, start: float = 8.0) -> list[float]:
        """An incident: many at once, then fewer and fewer, mean seconds after it."""
        return sorted(MONDAY + start * HOUR + self.rng.expovariate(1 / mean) for _ in range(n))

    def timer(self, n: int, gap: float, jitter: float = 0.05, start: float = 8.0) -> list[float]:
        """A script: one after the other."""
        at, times = MONDAY + start * HOUR, []
        for _ in range(n):
            times.append(at)
            at += gap * (1 + jitter * (2 * self.rng.random() - 1))
        return times


def _with(facts: Facts, judgement: conduct.Judgement) -> Facts:
    return msgspec.structs.replace(facts, conduct=judgement.conduct)
