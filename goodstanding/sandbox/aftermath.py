"""(shell) What happens after the 250: people act when their time comes, and some of what they do leaves the sandbox.

Plans come from `residents`; here they wait for their second on the clock, and then a complaint becomes a report by
SMTP, an unsubscribe a POST, an answer a mail, and a recipient who does not exist a late bounce.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from goodstanding.sandbox import reports
from goodstanding.sandbox.behaviour import Act, BehaviourSettings, draws, tone
from goodstanding.sandbox.catalogue import Provider
from goodstanding.sandbox.control import SandboxError
from goodstanding.sandbox.outgoing import Outgoing, Post
from goodstanding.sandbox.pace import Pace
from goodstanding.sandbox.placement import Key, Kind, Record, Reputations
from goodstanding.sandbox.relations import AddressBook, Traits
from goodstanding.sandbox.reports import About
from goodstanding.sandbox.residents import Accepted, Copy, Residents
from goodstanding.sandbox.shelf import Mail
from goodstanding.sandbox.society import (
    AddRelations,
    CopyStatus,
    Deed,
    Establish,
    GetReputation,
    ListCopies,
    Opinion,
    RegisterFeedback,
    SocietyRequest,
)

PLANNED_MOST = 200_000
"""Acts that wait for their time; beyond it nobody does anything about a message."""
COPIES_KEPT = 100_000
AT_ONCE = 16
"""Connections out of the sandbox at a time."""
AGAIN = (1.0, 5.0, 20.0)
"""Seconds on the clock until a report that could not be delivered is tried again."""
LATE = 600.0
"""Seconds of the sandbox's time until a server that took everything says that somebody does not exist."""


Sending = Callable[[], Awaitable[str]]
"""Something that leaves the sandbox: empty or an HTTP status when it went, else why not."""


@dataclass(slots=True)
class Household:
    """One provider with its people."""

    provider: Provider
    residents: Residents
    counts: Counter[str]
    """Those of its office."""
    address: str
    """Where its own mail comes from."""

    def domain(self, recipient: str) -> str:
        """The domain it writes from: the recipient's if it is its own, and not a customer's."""
        domains, theirs = self.provider.domains, recipient.rpartition("@")[2].lower()
        return theirs if theirs in domains else domains[0].removeprefix("*.")


@dataclass(slots=True)
class Aftermath:
    """Everything that waits to happen."""

    pace: Pace
    now: Callable[[], float]
    outgoing: Outgoing
    book: AddressBook = field(default_factory=AddressBook)
    settings: BehaviourSettings = field(default_factory=BehaviourSettings)
    households: dict[str, Household] = field(default_factory=dict)
    own_addresses: set[str] = field(default_factory=set)
    """Where the sandbox's own mail comes from."""
    _copies: deque[CopyStatus] = field(default_factory=lambda: deque(maxlen=COPIES_KEPT))
    _loops: list[RegisterFeedback] = field(default_factory=list)
    _waiting: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _serial: int = 0
    _timer: asyncio.TimerHandle | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    def __repr__(self) -> str:
        """State in one line."""
        return (
            f"<Aftermath: {len(self._waiting)} acts planned, {len(self._tasks)} under way, {len(self._copies)} copies>"
        )

    @property
    def planned(self) -> int:
        """Acts that wait for their time, and those under way."""
        return len(self._waiting) + len(self._tasks)

    def accepted(self, provider: str, mail: Mail, message: Accepted, late: Iterable[str]) -> None:
        """A provider has said 250: put the copies somewhere, and let time take its course."""
        household = self.households[provider]
        for copy in household.residents.take(message, mail.at):
            status = CopyStatus(
                mail=mail.id,
                provider=provider,
                recipient=copy.recipient,
                client=copy.client,
                from_address=copy.traits.from_address,
                subject=copy.traits.subject,
                message_id=copy.traits.message_id,
                expectation=copy.expectation,
                placement=copy.placement,
                at=mail.at,
            )
            self._copies.append(status)
            household.counts[f"to_{copy.placement}"] += 1
            for reaction in copy.plan:
                self._plan(mail.at, reaction.after, _Doing(self, household, mail, copy, status, reaction.act))
        for recipient in late:
            self._plan(mail.at, LATE, _Bouncing(self, household, mail, message, recipient))

    async def stop(self) -> None:
        """Nothing happens any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._waiting.clear()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def perform(self, request: SocietyRequest) -> list[Opinion] | list[CopyStatus] | None:
        """Carry out a request of the control port."""
        match request:
            case AddRelations():
                self.book.add(request.relations)
            case RegisterFeedback():
                self._known(request.provider)
                key_of(request.key)
                self._loops.append(request)
            case Establish():
                self._establish(request)
            case GetReputation():
                return self._opinions(request.where.lower())
            case ListCopies():
                found = (copy for copy in reversed(self._copies) if copy.concerns(request.where.lower()))
                return list(islice(found, request.limit))
        return None

    def _known(self, name: str) -> list[Household]:
        """The households a name stands for."""
        if name == "*":
            return list(self.households.values())
        if name not in self.households:
            raise SandboxError(f"there is no provider {name!r}; choose one of {', '.join(self.households)}")
        return [self.households[name]]

    def _establish(self, request: Establish) -> None:
        moment = self.pace.sandbox_time(self.now())
        for household in self._known(request.provider):
            for key in request.keys:
                if household.residents.reputations is not None:
                    household.residents.reputations.established(key_of(key), request.days, request.per_day, moment)

    def _opinions(self, where: str) -> list[Opinion]:
        moment, found = self.pace.sandbox_time(self.now()), []
        for name, household in self.households.items():
            reputations = household.residents.reputations
            for key, record in list(reputations.records.items()) if reputations else []:
                if reputations and where in ("", name, key[1], f"{key[0]}:{key[1]}"):
                    found.append(_opinion(name, key, record, reputations, moment))
        return found

    # Time

    def _plan(self, now: float, after: float, act: Callable[[], None]) -> None:
        if len(self._waiting) >= PLANNED_MOST:
            return
        self._serial += 1
        heapq.heappush(self._waiting, (self.pace.due(now, after), self._serial, act))
        if self._waiting[0][1] == self._serial:
            self._wind()

    def _wind(self) -> None:
        """Wake when the next act is due."""
        if self._timer is not None:
            self._timer.cancel()
        wait = max(0.0, self._waiting[0][0] - self.now())
        self._timer = asyncio.get_running_loop().call_later(wait, self._ring)

    def _ring(self) -> None:
        """Everything whose time has come."""
        self._timer = None
        while self._waiting and self._waiting[0][0] <= self.now():
            heapq.heappop(self._waiting)[2]()
        if self._waiting:
            self._wind()

    # Doing

    def loop_for(self, household: Household, copy: Copy) -> RegisterFeedback | None:
        """Who gets the report of a complaint; None: nobody."""
        manner = household.provider.reported_by
        if manner == "cfbl" and copy.traits.report_to:
            return RegisterFeedback(household.provider.name, "", copy.traits.report_to)
        keys = {f"{kind}:{name}" for kind, name in copy.keys if manner in (kind, "cfbl")}
        matching = (one for one in self._loops if one.provider in ("*", household.provider.name) and one.key in keys)
        return next(matching, None)

    def start(self, sending: Sending, household: Household, kind: str, told: Callable[[str], None]) -> None:
        """Let something leave the sandbox, a few at a time; ``told`` hears how it went."""
        task = asyncio.ensure_future(self._carry(sending, household, kind, told))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, sending: Sending, household: Household, kind: str, told: Callable[[str], None]) -> None:
        async with self._gate:
            outcome = await sending()
        household.counts[f"{kind}_{'sent' if outcome in ('', '200') else 'failed'}"] += 1
        told(outcome or "sent")

    async def send(self, post: Post) -> str:
        """Deliver a mail, with patience."""
        sent = await self.outgoing.send(post)
        for wait in AGAIN:
            if not sent.again:
                break
            await asyncio.sleep(wait)
            sent = await self.outgoing.send(post)
        return sent.words


@dataclass(frozen=True, slots=True)
class _Doing:
    """One act, when its time has come."""

    aftermath: Aftermath
    household: Household
    mail: Mail
    copy: Copy
    status: CopyStatus
    act: Act

    def __call__(self) -> None:
        aftermath, household, copy = self.aftermath, self.household, self.copy
        now = aftermath.now()
        household.residents.acted(copy, self.act, now)
        household.counts[self.act] += 1
        self.status.deeds = [*self.status.deeds, Deed(self.act, self._after(now))]
        match self.act:
            case Act.COMPLAINED if household.provider.complaints != "none":
                loop = aftermath.loop_for(household, copy)
                if loop is not None:
                    written = reports.complaint(household.provider.complaints, self._about(), loop.address)
                    self._post("reports", written, loop.address, (loop.host, loop.port))
            case Act.UNSUBSCRIBED:
                url = copy.traits.way_out.https
                aftermath.start(partial(aftermath.outgoing.press, url), household, "unsubscribes", self._told)
            case Act.REPLIED if copy.traits.reply_to:
                drawn = draws(household.residents.seed, copy.recipient, copy.traits.message_id)
                words = tone(copy.expectation, drawn, aftermath.settings)
                to = copy.traits.reply_to
                self._post("answers", reports.answer(self._about(), to, words), to, ("", 0))
            case _:
                pass

    def _after(self, now: float) -> float:
        return self.aftermath.pace.sandbox_time(now) - self.copy.at

    def _about(self) -> About:
        return _about(self.household, self.mail, self.copy.traits, self.copy.recipient, self.aftermath.now())

    def _post(self, kind: str, written: tuple[str, bytes], to: str, where: tuple[str, int]) -> None:
        post = Post(self.mail.host, self.household.address, written[0], to, written[1], *where)
        self.aftermath.start(partial(self.aftermath.send, post), self.household, kind, self._told)

    def _told(self, outcome: str) -> None:
        """How the latest deed of this kind went."""
        deeds = self.status.deeds
        self.status.deeds = [Deed(one.act, one.after, outcome) if one.act == self.act else one for one in deeds]


@dataclass(frozen=True, slots=True)
class _Bouncing:
    """A recipient who does not exist after all."""

    aftermath: Aftermath
    household: Household
    mail: Mail
    message: Accepted
    recipient: str

    def __call__(self) -> None:
        if not self.mail.sender:  # RFC 5321 §4.5.5: nobody is told about a notice
            return
        now, household = self.aftermath.now(), self.household
        written = reports.late_bounce(_about(household, self.mail, self.message.traits, self.recipient, now))
        post = Post(self.mail.host, household.address, written[0], self.mail.sender, written[1])
        self.aftermath.start(partial(self.aftermath.send, post), household, "late_bounces", lambda outcome: None)


def _about(household: Household, mail: Mail, traits: Traits, recipient: str, now: float) -> About:
    return About(
        provider=household.provider.name,
        domain=household.domain(recipient),
        host=mail.host,
        recipient=recipient,
        sender=mail.sender,
        client=mail.client,
        organisation=traits.organisation,
        subject=traits.subject,
        message_id=traits.message_id,
        octets=mail.octets,
        arrived=mail.at,
        now=now,
    )


def key_of(text: str) -> Key:
    """``ip:127.0.1.1`` or ``domain:shop.example`` apart; SandboxError for anything else."""
    kind, colon, name = text.partition(":")
    kinds: Mapping[str, Kind] = {"ip": "ip", "domain": "domain"}
    if kind not in kinds or not colon or not name:
        raise SandboxError(f"{text!r} is no identity; write ip:ADDRESS or domain:DOMAIN")
    return kinds[kind], name.lower()


def _opinion(provider: str, key: Key, record: Record, reputations: Reputations, now: float) -> Opinion:
    found = reputations.standing(key, now)
    return Opinion(
        provider=provider,
        key=f"{key[0]}:{key[1]}",
        grade=found.grade.name.lower(),  # type: ignore[arg-type]
        complaint_rate=found.complaint_rate,
        unknown_rate=found.unknown_rate,
        engaged=found.engaged,
        filtered=found.filtered,
        colour=found.colour(reputations.lines),
        messages=record.inboxed,
        complaints=record.complaints,
        ration=None if found.ration == float("inf") else found.ration,
        totals=dict(record.totals),
    )
