"""Verbs of `goodstanding assess` that need files or the store: a campaign with what it encloses, a sender as the
evidence has them, and assumptions learned from the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from msgspec import structs

from goodstanding.errors import GoodstandingError, SettingsError
from goodstanding.events import Bounced, Delivered, Event, Unsubscribed
from goodstanding.evidence import Complained, Engaged, Returned
from goodstanding.model import Key, KeyKind, Signal, Stream, Touched
from goodstanding.reputation.blame import standings
from goodstanding.reputation.delay import HORIZON
from goodstanding.reputation.exposure import WINDOW
from goodstanding.reputation.lines import USUAL, Policy
from goodstanding.sandbox.behaviour import Expectation
from goodstanding.simulator.assumptions import Range, given
from goodstanding.simulator.calibrate import Counted, Learned, as_toml, calibrated
from goodstanding.simulator.campaign import Sender
from goodstanding.simulator.campaign_file import (
    Enclosed,
    WrittenCampaign,
    flaws,
    known_of,
    question_of,
    read_as_far_as_right,
    read_assumptions,
    unknown_routes,
)
from goodstanding.simulator.platforms import usual as usual_platforms
from goodstanding.simulator.question import Question
from goodstanding.simulator.recipients_file import Listed, read_recipients
from goodstanding.store import journal, standing
from goodstanding.store.db import Database

SET_HERE = "set on the command line"
STEP = 5000
"""Journal entries read at a time."""
NEUTRAL, NEUTRAL_RATE = 1000.0, Sender().complaint_rate
"""Messages, and their complaint rate, that a sender's own are added to: none of ten is no rate of zero."""


@dataclass(frozen=True, slots=True)
class Posed:
    """A question as a document asks it."""

    question: Question
    listed: Listed | None
    """What the list of recipients came to, with the lines that could not be used."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is asked otherwise than the document says."""

    routes: tuple[str, ...] = ()
    """Instead of its own; none: its own."""
    runs: int | None = None
    seed: int | None = None
    assume: Mapping[str, Range] = field(default_factory=dict)
    """Assumptions of one's own, before those of the document."""


def pose(path: Path, sender: Sender | None = None, wishes: Wishes = Wishes()) -> Posed:
    """The question that a CAMPAIGN.toml asks; files it names lie beside it. SettingsError with every problem."""
    text, problems = _text(path, "the campaign"), _strange(wishes)
    try:
        written, wrong = read_as_far_as_right(text)
        enclosed, unread = _enclosed(written, path.parent, sender or Sender())
        found = [*wrong, *unread, *flaws(written, enclosed)]
    except SettingsError as exc:
        found = exc.problems
    problems += [f"{path}: {one}" for one in found]
    if problems:
        raise SettingsError(problems)
    question = question_of(_as_wished(written, wishes), enclosed)
    known = given(question.assumptions, wishes.assume, SET_HERE)
    return Posed(structs.replace(question, assumptions=known), enclosed.recipients)


def _strange(wishes: Wishes) -> list[str]:
    """What is wrong with what is asked on the command line."""
    strange = unknown_routes(wishes.routes) if wishes.routes else []
    found = [one.replace("routes:", "--route:", 1) for one in strange]
    try:
        given(known_of(usual_platforms()), wishes.assume, SET_HERE)
    except SettingsError as exc:
        found += [f"--set: {one}" for one in exc.problems]
    return found


def _as_wished(written: WrittenCampaign, wishes: Wishes) -> WrittenCampaign:
    """The document as it would be if it said so itself."""
    wished = {slug: [one.low, one.likely, one.high] for slug, one in wishes.assume.items()}
    return structs.replace(
        written,
        routes=wishes.routes or written.routes,
        runs=written.runs if wishes.runs is None else wishes.runs,
        seed=written.seed if wishes.seed is None else wishes.seed,
        assume={**written.assume, **wished},
    )


def _enclosed(written: WrittenCampaign, folder: Path, sender: Sender) -> tuple[Enclosed, list[str]]:
    """What stands in the files that a document names, and all that cannot be read of them."""
    problems: list[str] = []
    message, listed, learned = None, None, {}
    try:
        if isinstance(written.message, str):
            message = _octets(folder / written.message, "message")
            if not message.strip():
                problems.append(f"message: {written.message}: it is empty; name the file of the message")
    except SettingsError as exc:
        problems += exc.problems
    try:
        if written.recipients:
            listed = _listed(folder / written.recipients)
    except SettingsError as exc:
        problems += exc.problems
    try:
        if written.assumptions:
            learned = _learned(folder / written.assumptions)
    except SettingsError as exc:
        problems += exc.problems
    return Enclosed(message, listed, learned, sender), problems


def _learned(path: Path) -> dict[str, Range]:
    """What a calibration printed."""
    text = _text(path, "assumptions")
    try:
        return read_assumptions(text)
    except SettingsError as exc:
        raise SettingsError([f"assumptions: {path}: {one}" for one in exc.problems]) from exc


def _octets(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as exc:  # ValueError: a path with a zero in it
        raise SettingsError([f"{what}: {path}: {_reason(exc)}; name a file that can be read"]) from exc


def _text(path: Path, what: str) -> str:
    try:
        return _octets(path, what).decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise SettingsError([f"{what}: {path}: octet {exc.start} is no UTF-8; save it as UTF-8"]) from exc


def _listed(path: Path) -> Listed:
    """Line by line, so that a list may be larger than memory; octets that are no UTF-8 spoil one line."""
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="\n") as file:
            return read_recipients(file)
    except SettingsError as exc:
        raise SettingsError([one.replace("recipients:", f"recipients: {path}:", 1) for one in exc.problems]) from exc
    except (OSError, ValueError) as exc:
        raise SettingsError([f"recipients: {path}: {_reason(exc)}; name a file that can be read"]) from exc


def _reason(exc: Exception) -> str:
    return exc.strerror or str(exc) if isinstance(exc, OSError) else str(exc)


# --- the sender, from the store ---------------------------------------------------------------------------------------


def sender_of(database: Database, name: str, now: float, policy: Policy = USUAL) -> Sender:
    """How a tenant, or a subscription (``tenant/application``), stands: volume and complaints of the last month.

    Outreach is left out: what is asked is how the mail stands that a campaign might drag down. GoodstandingError where
    no other mail of theirs is known.
    """
    key = Key(KeyKind.SUBSCRIPTION if "/" in name else KeyKind.TENANT, name)
    with database.view() as tx:
        state = standing.load(tx).state
    found = [one for one in standings(state, key, now, policy) if one.stream != Stream.OUTREACH]
    attempts = sum(one.exposure for one in found if one.signal is Signal.HARD_BOUNCES)
    heard = [one for one in found if one.signal is Signal.COMPLAINTS]
    if not attempts:
        raise GoodstandingError(f"nothing is known of {key}: no transactional or bulk mail of the last month is theirs")
    complaints, exposure = sum(one.events for one in heard), sum(one.exposure for one in heard)
    rate = (complaints + NEUTRAL * NEUTRAL_RATE) / (exposure + NEUTRAL)
    return Sender(tenant=name.partition("/")[0], usual_per_day=attempts / WINDOW, complaint_rate=rate)


# --- assumptions, from the journal ------------------------------------------------------------------------------------

EXPECTED: dict[str, Expectation] = {
    Stream.TRANSACTIONAL: Expectation.AWAITED,
    Stream.BULK: Expectation.SUBSCRIBED,
    Stream.OUTREACH: Expectation.COLD,
}
"""What mail of a stream is to those who get it. Nobody is merely `known`: a journal does not tell them apart."""
_ACTS = {"opened": "opened", "clicked": "clicked", "replied": "replied", "interested": "replied"}
_KINDS = frozenset(("delivered", "bounced", "returned", "complained", "engaged", "unsubscribed"))
_Campaign = tuple[str, str, str]
"""Tenant, stream, and the number of a campaign or, where none is known, the subscription."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What a journal says of the assumptions."""

    learned: list[Learned]
    campaigns: int
    toml: str
    """A document for the ``assumptions`` of a CAMPAIGN.toml."""


def calibrate(
    database: Database,
    now: float,
    tenant: str = "",
    watch: Callable[[int], None] = lambda read: None,
    pace: float = 1.0,
) -> Calibration:
    """Assumptions as one's own mail has them. ``tenant``: whose; empty: everybody's. GoodstandingError: nothing yet.

    ``pace``: how much faster than elsewhere people live there (`reputation.speed`), in a demo and in trials.
    """
    counted = count_campaigns(database, now, tenant, watch, pace)
    learned = calibrated(counted, known_of(usual_platforms()))
    if not learned:
        raise GoodstandingError("the journal tells too little: mail counts a week after it was delivered, from 50 on")
    remarks = [f"Learned from {len(counted)} campaigns of {tenant or 'every tenant'} by `goodstanding assess`."]
    return Calibration(learned, len(counted), as_toml(learned, remarks))


def count_campaigns(
    database: Database,
    now: float,
    tenant: str = "",
    watch: Callable[[int], None] = lambda read: None,
    pace: float = 1.0,
) -> list[Counted]:
    """What became of mail that is at least a week old, by campaign. ``watch`` is told how many entries were read."""
    counting, gap, cursor, read = _Counting(now - HORIZON / pace), journal.Gap(), 0, 0
    while True:
        with database.read() as tx:
            lines, past = journal.lines_after(tx, cursor, STEP, gap)
        if past == cursor:
            return counting.told()
        for kind, details, _, whose in lines:
            event = journal.event_of(kind, details) if kind in _KINDS and tenant in ("", whose) else None
            if event is not None:
                counting.note(event)
        cursor, read = past, read + len(lines)
        watch(read)


@dataclass(slots=True)
class _Counting:
    """Counts by campaign while the journal is read."""

    until: float
    """Mail delivered later is too young: not everything has happened to it."""
    counts: dict[_Campaign, dict[str, int]] = field(default_factory=dict)
    acted: set[int] = field(default_factory=set)
    """Who did what already: twice is once."""

    def note(self, event: Event) -> None:
        match event:
            case Delivered():
                self._count(event.tenant, event.touched, event.at, attempts=1, delivered=1)
            case Bounced():
                self._count(event.tenant, event.touched, event.at, attempts=1, unknown=int(event.hard))
            case Returned():
                sent = event.delivered or event.at
                self._count(event.tenant, event.touched, sent, delivered=-1, unknown=int(event.hard))
            case Complained() if event.kind != "reply":
                self._act(event, "complained")
            case Unsubscribed() if event.way != "operator":
                self._act(event, "unsubscribed")
            case Engaged() if event.by == "person" and event.how in _ACTS:
                self._act(event, _ACTS[event.how])
            case _:
                pass

    def _act(self, event: Complained | Unsubscribed | Engaged, act: str) -> None:
        who = hash((event.message, event.n, event.recipient, act))
        if who not in self.acted:
            self.acted.add(who)
            self._count(event.tenant, event.touched, event.delivered or event.at, **{act: 1})

    def _count(self, tenant: str, touched: Touched, sent: float, **counts: int) -> None:
        if sent > self.until or touched.stream not in EXPECTED:
            return
        campaign = tenant, touched.stream, str(touched.campaign or touched.subscription)
        totals = self.counts.setdefault(campaign, {})
        for name, number in counts.items():
            totals[name] = totals.get(name, 0) + number

    def told(self) -> list[Counted]:
        """By campaign; those of which only what people did is left, their deliveries forgotten, are not in it."""
        return [
            msgspec.convert({**totals, "campaign": " ".join(campaign), "expectation": EXPECTED[campaign[1]]}, Counted)
            for campaign, totals in sorted(self.counts.items())
            if totals.get("attempts", 0) > 0
        ]
