"""CAMPAIGN.toml: what is to be sent, to whom, by whom and by which routes, and what is known better than assumed.

A document says which files belong to it (``message``, ``recipients``, ``assumptions``); whoever may read files encloses
what stands in them, and the answer is a `Question`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan, nan
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from goodstanding.errors import SettingsError
from goodstanding.model import Stream
from goodstanding.sandbox.behaviour import Expectation
from goodstanding.simulator import assumptions, platforms
from goodstanding.simulator.assumptions import Assumption, Range
from goodstanding.simulator.campaign import (
    FLOWS,
    PROVIDERS,
    Campaign,
    Flow,
    Group,
    Message,
    Provider,
    Sender,
    Source,
    merged,
)
from goodstanding.simulator.question import Question
from goodstanding.simulator.recipients_file import SAMPLES, USUAL_SOURCE, Kind, Listed, column_of, groups_of
from goodstanding.simulator.template import Row, as_sent, composed, flaws_of, letters
from goodstanding.simulator.written import read_partly
from goodstanding.wire.list_unsubscribe import parse
from goodstanding.wire.message import facts, parse_header

ROUTES = ("azure", "exchange-online", "dedicated", "goodstanding")
"""What is compared when nobody says."""
SET_HERE = "set in the campaign's [assume]"
CALIBRATED = "calibrated from a journal"
_SAVE = "save it with its header as .eml, or write [message] with subject, text or html"

Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Amount = Annotated[float, Meta(ge=0.0)]
Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]


class WrittenMessage(Struct, frozen=True):
    """The message itself, or what of it matters, said instead of shown."""

    subject: str = ""
    text: str = ""
    html: str = ""
    one_click: bool = False
    leads_out: bool = False


class WrittenPopulation(Struct, frozen=True):
    """Recipients described: ``[[population]]``."""

    count: Count
    expectation: Expectation
    source: Source | None = None
    provider: Provider | None = None
    country: Annotated[str, Meta(pattern="^([A-Z]{2})?$")] = ""


class WrittenSender(Struct, frozen=True):
    """``[sender]``, as far as it is not read from a store."""

    tenant: str | None = None
    domain: str | None = None
    age_days: Amount | None = None
    usual_per_day: Amount | None = None
    complaint_rate: Share | None = None
    licences: Count | None = None


class WrittenFlow(Struct, frozen=True):
    """``[[flows]]``."""

    name: str
    per_day: Amount
    expectation: Expectation = Expectation.AWAITED
    over: Literal["application", "mailboxes"] = "application"


class WrittenCampaign(Struct, frozen=True):
    """The whole document."""

    name: str = "campaign"
    message: str | WrittenMessage = field(default_factory=WrittenMessage)
    """Path of an .eml file, or a table; either may have merge fields."""
    sample: dict[str, str | int | float | list[str | int | float]] = {}
    """Values of merge fields that no column of the list has: one, or several that take turns."""
    recipients: str = ""
    """Path of a CSV file."""
    population: tuple[WrittenPopulation, ...] = ()
    sender: WrittenSender = field(default_factory=WrittenSender)
    flows: tuple[WrittenFlow, ...] | None = None
    per_day: Amount = 0.0
    follow_ups: Annotated[int, Meta(ge=0, le=20)] = 0
    follow_up_after: Annotated[float, Meta(gt=0.0, le=365.0)] = 3.0
    stream: Stream = Stream.OUTREACH
    routes: tuple[str, ...] = ROUTES
    runs: Annotated[int, Meta(ge=1, le=1_000_000)] = 1000
    seed: Annotated[int, Meta(ge=0, le=2**53)] = 1
    assumptions: str = ""
    """Path of a TOML file with an ``[assume]`` table, as a calibration prints it."""
    assume: dict[str, object] = {}
    """Slug -> a number, or [low, likely, high]."""


class Enclosed(Struct, frozen=True):
    """What stands in the files that a document names, and what a store knows of the sender."""

    message: bytes | None = None
    recipients: Listed | None = None
    calibrated: Mapping[str, Range] = {}
    sender: Sender = Sender()
    """What holds where the document says nothing."""


def read_campaign(text: str) -> WrittenCampaign:
    """The document. SettingsError with every problem at once."""
    written, problems = read_as_far_as_right(text)
    if problems:
        raise SettingsError(problems)
    return written


def read_as_far_as_right(text: str) -> tuple[WrittenCampaign, list[str]]:
    """The document without what is wrong with it, and all of that. SettingsError: it is no TOML."""
    written, problems = read_partly(text, WrittenCampaign)
    told = {problem.partition(":")[0].partition("[")[0].partition(".")[0] for problem in problems}
    if not written.recipients and not written.population and not told & {"recipients", "population"}:
        problems.append(
            "recipients: nobody is written to; name a CSV file, or describe them in [[population]] (count, expectation)"
        )
    if "routes" not in told:
        problems += unknown_routes(written.routes)
    return written, problems + _strange(written.assume)


def flaws(written: WrittenCampaign, enclosed: Enclosed) -> list[str]:
    """What is wrong with the files that a document names, as far as they could be read."""
    found: list[str] = []
    octets = _octets_of(written, enclosed)
    if isinstance(written.message, str) and octets.strip():
        header = parse_header(as_sent(octets))
        if not {"from", "subject"} & dict(header.fields).keys():
            found.append(f"message: {written.message}: it has no From and no Subject, so it is no message; {_SAVE}")
    if not written.recipients or enclosed.recipients is not None:  # or all fields would be told to be missing
        place = f"message: {written.message}" if isinstance(written.message, str) else "message"
        found += [f"{place}: {one}" for one in flaws_of(octets, _rows(enclosed), _samples(written))]
    return found


def unknown_routes(routes: tuple[str, ...]) -> list[str]:
    """What is wrong with a choice of routes."""
    known = platforms.usual()
    if not routes:
        return [f"routes: name at least one of {', '.join(known)}"]
    return [f"routes: {one!r} is not known; one of: {', '.join(known)}" for one in routes if one not in known]


def known_of(over: Mapping[str, platforms.Platform]) -> dict[str, Assumption]:
    """Every assumption there is: of people, lists and providers, and of these platforms."""
    found = assumptions.usual()
    for platform in over.values():
        found |= platform.assumptions()
    return found


def question_of(written: WrittenCampaign, enclosed: Enclosed) -> Question:
    """What is asked. SettingsError where assumptions do not fit, or nobody is written to."""
    over = platforms.usual()
    known = assumptions.given(known_of(over), enclosed.calibrated, CALIBRATED)
    known = assumptions.given(known, ranges(written.assume), SET_HERE)
    shares: dict[Provider, float] = {one: known[f"mailboxes.{one}"].likely for one in PROVIDERS}
    sender, message = _sender(written, enclosed), _message(written, enclosed)
    flows = FLOWS if written.flows is None else tuple(_flow(one) for one in written.flows)
    campaign = Campaign(
        written.name, _groups(written, enclosed, shares), message, sender, flows, written.per_day, written.stream
    )
    routes = tuple(dict.fromkeys(written.routes))
    return Question(campaign, routes, over, known, written.runs, written.seed)


def _groups(written: WrittenCampaign, enclosed: Enclosed, shares: Mapping[Provider, float]) -> tuple[Group, ...]:
    counts: dict[Kind, int] = {}
    for one in written.population:
        kind = one.expectation, one.provider or "", one.source or USUAL_SOURCE[one.expectation], one.country
        counts[kind] = counts.get(kind, 0) + one.count
    listed = enclosed.recipients.counts if enclosed.recipients is not None else {}
    found = merged([*groups_of(counts, shares), *groups_of(listed, shares)])
    if not found:
        raise SettingsError(["recipients: nobody is written to; the list that is named has not been read"])
    return found


def _sender(written: WrittenCampaign, enclosed: Enclosed) -> Sender:
    told = {name: value for name, value in msgspec.structs.asdict(written.sender).items() if value is not None}
    if "domain" not in told and enclosed.message is not None:
        told["domain"] = facts(parse_header(as_sent(enclosed.message))).from_domain or enclosed.sender.domain
    return msgspec.structs.replace(enclosed.sender, **told)


def _message(written: WrittenCampaign, enclosed: Enclosed) -> Message:
    """Its traits, with the follow-ups of the campaign."""
    found = traits_of(_octets_of(written, enclosed), _rows(enclosed), _samples(written))
    if isinstance(written.message, WrittenMessage):
        one_click = written.message.one_click or found.one_click
        leads_out = written.message.leads_out or found.leads_out or one_click
        found = msgspec.structs.replace(found, one_click=one_click, leads_out=leads_out)
    return msgspec.structs.replace(found, follow_ups=written.follow_ups, follow_up_after=written.follow_up_after)


def traits_of(octets: bytes, rows: Sequence[Row] = (), samples: Mapping[str, Sequence[str]] = {}) -> Message:
    """What matters of a message, filled for some recipients if it is a template, read with the eyes of admission."""
    seen = letters(octets, rows, samples)
    offered, first = parse(parse_header(as_sent(octets))), seen.contents[0]
    leads_out = offered.any or all(one.unsubscribe_text for one in seen.contents)
    filled = len(seen.contents) if seen.fields else 0
    return Message(first.subject, offered.one_click, leads_out, fields=seen.fields, filled=filled, alike=seen.alike)


def _octets_of(written: WrittenCampaign, enclosed: Enclosed) -> bytes:
    """The message as it stands in its file, or as its table makes one."""
    if isinstance(written.message, WrittenMessage):
        return composed(written.message.subject, written.message.text, written.message.html)
    return enclosed.message or b""


def _rows(enclosed: Enclosed) -> tuple[Row, ...]:
    return enclosed.recipients.samples if enclosed.recipients is not None else ()


def _samples(written: WrittenCampaign) -> dict[str, list[str]]:
    """Values of fields that stand in for columns."""
    several = {name: one if isinstance(one, list) else [one] for name, one in written.sample.items()}
    return {column_of(name): [str(value) for value in values[:SAMPLES]] for name, values in several.items()}


def _flow(one: WrittenFlow) -> Flow:
    return Flow(one.name, one.per_day, one.expectation, one.over)


# --- assumptions ------------------------------------------------------------------------------------------------------


class _Calibrated(Struct, frozen=True):
    """A document of nothing but assumptions."""

    assume: dict[str, object] = {}


def read_assumptions(text: str) -> dict[str, Range]:
    """The ``[assume]`` table of a document of its own. SettingsError with every problem."""
    written, problems = read_partly(text, _Calibrated)
    problems += _strange(written.assume)
    if problems:
        raise SettingsError(problems)
    return ranges(written.assume)


def _strange(assume: Mapping[str, object]) -> list[str]:
    """What is wrong with an ``[assume]`` table."""
    numbers, problems = _numbers(assume)
    try:
        assumptions.given(known_of(platforms.usual()), numbers, SET_HERE)
    except SettingsError as exc:
        problems += [one.replace("assumption ", "assume.", 1) for one in exc.problems]
    return problems


def ranges(assume: Mapping[str, object]) -> dict[str, Range]:
    """The numbers of an ``[assume]`` table; slugs may be quoted, or not. SettingsError with every problem."""
    found, problems = _numbers(assume)
    if problems:
        raise SettingsError(problems)
    return found


def _numbers(assume: Mapping[str, object]) -> tuple[dict[str, Range], list[str]]:
    """Those that are numbers, and what is wrong with the others."""
    found: dict[str, Range] = {}
    problems: list[str] = []
    for slug, value in _flat(assume, "").items():
        numbers = [_number(one) for one in value] if isinstance(value, list) else [_number(value)] * 3
        if len(numbers) != 3 or any(isnan(one) for one in numbers):
            problems.append(f"assume.{slug}: {value!r} does not do; write a number, or [low, likely, high]")
        else:
            found[slug] = Range(*numbers)
    return found, problems


def _number(value: object) -> float:
    """A number; the one that is none for what is none, or no number to reckon with."""
    plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if plain and abs(value) < 1e300 else nan  # type: ignore[arg-type]


def _flat(tree: Mapping[str, object], path: str) -> dict[str, object]:
    """``cold.complained = 0.01`` is a table in a table, and means what ``"cold.complained" = 0.01`` means."""
    found: dict[str, object] = {}
    for key, value in tree.items():
        slug = f"{path}.{key}" if path else key
        found |= _flat(value, slug) if isinstance(value, dict) else {slug: value}
    return found
