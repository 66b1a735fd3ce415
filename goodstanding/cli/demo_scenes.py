"""The same campaign twice: two senders alike at the same providers at the same time, one with its streams apart.

A scene is set up (`scene`), played (`play`: sign-in codes all the time, the campaign beside them) and told (`Outcome`).
Where the mail went is asked of the providers, what the relay heard and did about it is read from its journal.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from goodstanding.cli import demo_house, demo_twins
from goodstanding.cli.demo_house import House, Ports
from goodstanding.cli.demo_processes import free_port, running
from goodstanding.cli.demo_submission import Answer, Door, Submission
from goodstanding.cli.demo_twins import CODES, SALES, Cast
from goodstanding.events import Accepted, Bounced, Delivered, Event, Unsubscribed
from goodstanding.evidence import Complained, Engaged, LadderMoved
from goodstanding.operate import opening
from goodstanding.operate.estate import Place
from goodstanding.operate.subscriptions import NewCredential
from goodstanding.sandbox.control import SandboxClient
from goodstanding.sandbox.settings import Ready
from goodstanding.sandbox.society import Opinion, RegisterFeedback
from goodstanding.settings_file import parse_settings
from goodstanding.store import journal
from goodstanding.store.db import Database

COLD_COMPLAINTS = 0.2
"""Share of strangers who report cold mail in their inbox: far more than in life, so that 800 letters tell what
thousands would. Assumption."""
PAST_DAYS, PAST_PER_DAY = 90.0, 100.0
"""How long, and how much, each sender's home identity has sent wanted mail to each provider before."""
PATIENCE = 20.0
"""Seconds after the last submission in which stragglers are waited for."""
STILL = 2.0
"""Seconds without news after which nothing more is expected: what is left, a provider has closed its door to."""
HEARD_WITHIN = 10.0
"""Seconds in which a relay should have read the reports it was sent, and seen what follows from them."""
WARNED = frozenset({"slowed", "penalty"})
"""Rungs that somebody is on who is not suspended yet."""
NOBODY = ("5.1.1", "mailbox unavailable")
"""How providers say that there is no such mailbox, which no reputation cures."""


@dataclass(frozen=True, slots=True)
class Script:
    """How much is sent, and when; seconds on the clock."""

    folder: Path
    seed: int = 1
    codes: int = 280
    pitches: int = 800
    over: float = 13.0
    """Sign-in codes go out all this time."""
    cold_from: float = 1.0
    cold_over: float = 8.0


@dataclass(slots=True)
class Heard:
    """What a relay's journal says of one scene so far."""

    owner: dict[tuple[int, int], str] = field(default_factory=dict)
    """Recipients -> subscription."""
    under_way: set[tuple[int, int]] = field(default_factory=set)
    fates: dict[str, Counter[str]] = field(default_factory=dict)
    """By subscription: delivered, refused, unknown."""
    reports: Counter[str] = field(default_factory=Counter)
    """Complaints, answers and unsubscribes that reached the relay."""
    moves: list[LadderMoved] = field(default_factory=list)
    """What was decided about senders."""

    def take(self, events: Sequence[Event]) -> None:
        """Count what happened."""
        for event in events:
            match event:
                case Accepted() if not event.notice_for:
                    key = (event.message, event.n)
                    self.owner[key] = event.subscription
                    self.under_way.add(key)
                case Delivered() | Bounced():
                    self._ended(event)
                case Complained() | Engaged() | Unsubscribed():
                    self.reports[type(event).__name__.lower()] += 1
                case LadderMoved():
                    self.moves.append(event)
                case _:
                    pass

    @property
    def on_the_way_up(self) -> bool:
        """Whether somebody is slowed whom nobody has suspended yet."""
        rungs = {move.key: move.rung for move in self.moves}
        return "suspended" not in rungs.values() and not WARNED.isdisjoint(rungs.values())

    def _ended(self, event: Delivered | Bounced) -> None:
        key = (event.message, event.n)
        if key not in self.under_way:
            return
        self.under_way.discard(key)
        fate = "delivered" if isinstance(event, Delivered) else "unknown" if _nobody(event.reply) else "refused"
        self.fates.setdefault(self.owner[key], Counter())[fate] += 1


def _nobody(reply: str) -> bool:
    return any(words in reply for words in NOBODY)


@dataclass(slots=True)
class Scene:
    """One sender with its relay running, and what it has handed in."""

    house: House
    folder: Path
    database: Database
    credentials: dict[str, NewCredential]
    ports: Ports
    codes: Submission = field(init=False)
    sales: Submission = field(init=False)
    heard: Heard = field(default_factory=Heard)
    cursor: int = 0
    began: float = 0.0
    """Second at which the campaign began."""

    def __post_init__(self) -> None:
        door = Door(self.ports.submission, self.folder / "relay" / "self-signed.pem")
        self.codes, self.sales = Submission(door), Submission(door)

    def login(self, application: str) -> tuple[str, str]:
        """User name and password of an application."""
        known = self.credentials[f"{self.house.tenant}/{application}"]
        return known.username, known.secret

    @property
    def running(self) -> bool:
        """Whether anything is left to hand in."""
        return self.codes.running or self.sales.running

    def listen(self) -> bool:
        """Read on in the journal; whether there was anything."""
        with self.database.read() as tx:
            events, self.cursor = journal.after(tx, self.cursor, 10_000)
        self.heard.take(events)
        return bool(events)


@contextmanager
def scene(house: House, script: Script, client: SandboxClient, ready: Ready, who: Cast) -> Iterator[Scene]:
    """A sender set up with its relay running; its home identity has a good name, whatever else it has is new."""
    folder = script.folder / house.tenant
    folder.mkdir(parents=True)
    ports, config = Ports(free_port(), free_port(), free_port()), folder / "goodstanding.toml"
    dns = (ready.dns_address, ready.dns_port)
    config.write_text(demo_house.relay_settings(house, folder, dns, ready.smtp_port, ports), "utf-8")
    settings = parse_settings(config.read_text("utf-8"))
    place = Place(settings, *opening.open_estate(settings))
    credentials = demo_house.found(house, place, script.pitches, client.add_zone)
    if house.admission == "enforce":
        people = folder / "contacts.csv"
        people.write_text(demo_twins.permissions(who, time.time()), "utf-8", newline="")
        demo_house.record_people(house, place, people)
    client.add_relations(demo_twins.relations(house, who))
    home = [f"ip:{next(iter(house.sources.values()))}", f"domain:{house.home}"]
    client.establish(home, PAST_DAYS, PAST_PER_DAY)
    for identity in house.identities() if house.hears_at else ():
        client.register_feedback(RegisterFeedback("*", identity, f"fbl@{house.reports_domain}"))
    announced = folder / "relay" / "ready.json"
    with running(["serve", "--config", str(config), "--set", "workers=1"], folder / "relay.log", announced.exists):
        yield Scene(house, folder, place.database, credentials, ports)
    place.database.close()


def play(scenes: Sequence[Scene], who: Cast, script: Script, tell: Callable[[str], None]) -> None:
    """Hand the same mail in at every scene, and wait until nothing happens any more."""
    started, now = time.monotonic() + 0.5, time.time()
    for one in scenes:
        codes, pitches = demo_twins.codes(one.house, who, now), demo_twins.pitches(one.house, who)
        pace, cold = script.over / max(1, len(codes)), script.cold_over / max(1, len(pitches))
        one.codes.start(one.login(CODES), [(started + pace * n, letter) for n, letter in enumerate(codes)], 1)
        cold_start, one.began = started + script.cold_from, now + 0.5 + script.cold_from
        one.sales.start(one.login(SALES), [(cold_start + cold * n, letter) for n, letter in enumerate(pitches)], 2)
    deadline, last_news = started + script.over + PATIENCE, started
    try:
        while time.monotonic() < deadline:
            news = [one.listen() for one in scenes]
            last_news = time.monotonic() if any(news) else last_news
            tell(", ".join(f"{one.house.tenant} {len(one.heard.owner):,} accepted" for one in scenes))
            if not any(one.running for one in scenes) and time.monotonic() - last_news > STILL:
                break
            time.sleep(0.1)
    finally:
        for one in scenes:
            one.codes.stopping.set()
            one.sales.stopping.set()


# --- what became of it ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Flow:
    """One application's mail in one scene; ``sent`` is what was handed in, and everything else is a part of it."""

    what: str
    sent: int
    slowed: int
    """Asked by its own relay to come again later."""
    stopped: int
    """Refused or held by its own relay."""
    refused: int
    """By providers, for its reputation."""
    unknown: int
    """No such mailbox."""
    waiting: int
    """Put off by a provider, or kept in the queue by an order."""
    inbox: int
    junk: int
    dropped: int
    """Accepted by a provider, and never seen."""
    complaints: int
    inbox_first: float
    """Share of the first quarter of all that was to be sent that reached the inbox."""
    inbox_last: float
    """The same of the last quarter; what was stopped, refused or put off did not."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one scene."""

    house: House
    codes: Flow
    sales: Flow
    opinions: tuple[Opinion, ...]
    """Of its identities, at the providers that matter here."""
    reports: Counter[str]
    moves: tuple[LadderMoved, ...]
    """What its relay decided about senders, in its order."""
    stops: tuple[Answer, ...] = ()
    """The relay's first answer to the campaign of each kind that was not a plain yes, in their order."""
    began: float = 0.0
    """Second at which the campaign began."""

    @property
    def suspended(self) -> list[str]:
        """Keys that its relay suspended."""
        return [move.key for move in self.moves if move.rung == "suspended"]

    def document(self) -> dict[str, object]:
        """For programs."""
        return {
            "isolated": self.house.admission == "enforce",
            "codes": self.codes,
            "campaign": self.sales,
            "reputation": {f"{one.provider} {one.key}": one.grade for one in self.opinions},
            "reports": self.reports,
            "moves": [
                {"key": move.key, "from": move.came_from, "to": move.rung, "after": round(move.at - self.began, 3)}
                | {"because": move.because}
                for move in self.moves
            ],
            "stops": [str(answer) for answer in self.stops],
        }


def outcome(one: Scene, client: SandboxClient) -> Outcome:
    """What became of a scene that has been played; its relay is given time to read what it was sent."""
    deadline = time.monotonic() + HEARD_WITHIN * bool(one.house.hears_at)
    while _is_behind(one, client) and time.monotonic() < deadline:
        time.sleep(0.1)
        one.listen()
    one.listen()
    providers = {domain.partition(".")[0] for domain in demo_twins.CUSTOMERS_AT}
    opinions = (opinion for key in one.house.identities() for opinion in client.reputation(key))
    stopped = [answer for answer in sorted(one.sales.answers, key=lambda one: one.at) if answer.fate != "accepted"]
    return Outcome(
        house=one.house,
        codes=_flow(one, client, CODES, one.codes),
        sales=_flow(one, client, SALES, one.sales),
        opinions=tuple(opinion for opinion in opinions if opinion.provider in providers),
        reports=one.heard.reports,
        moves=tuple(one.heard.moves),
        stops=tuple({answer.fate: answer for answer in reversed(stopped)}.values())[::-1],
        began=one.began,
    )


def _is_behind(one: Scene, client: SandboxClient) -> bool:
    """Whether a relay has something to read yet, or a warning to see the end of."""
    return one.heard.on_the_way_up or one.heard.reports["complained"] < _reports_sent(client)


def _reports_sent(client: SandboxClient) -> int:
    """Complaints that providers have reported so far; only one of the twins has signed up for them."""
    return sum(counts.get("reports_sent", 0) for counts in client.counts().values())


def _flow(one: Scene, client: SandboxClient, application: str, submission: Submission) -> Flow:
    name = f"{one.house.tenant}/{application}"
    author = demo_twins.author(one.house, application)
    found = client.copies(author, limit=1_000_000)
    copies = [copy for copy in found if copy.from_address == author]  # and not the answers to it
    places, fates = Counter(copy.placement for copy in copies), one.heard.fates.get(name, Counter())
    arrived = {copy.message_id for copy in copies if copy.placement == "inbox"}
    reached = [demo_twins.message_id(application, number) in arrived for number in range(submission.wanted)]
    quarter = max(1, len(reached) // 4)
    answers = Counter(answer.fate for answer in submission.answers)
    held = answers["held"]  # counted as stopped, and not as waiting too
    return Flow(
        what=one.house.flows[name],
        sent=len(submission.answers),
        slowed=answers["deferred"],
        stopped=answers["refused"] + held,
        refused=fates["refused"],
        unknown=fates["unknown"],
        waiting=max(0, sum(one.heard.owner[key] == name for key in one.heard.under_way) - held),
        inbox=places["inbox"],
        junk=places["junk"],
        dropped=places["dropped"],
        complaints=sum(deed.act == "complained" for copy in copies for deed in copy.deeds),
        inbox_first=sum(reached[:quarter]) / quarter,
        inbox_last=sum(reached[-quarter:]) / quarter,
    )
