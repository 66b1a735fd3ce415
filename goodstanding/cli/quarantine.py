"""``goodstanding quarantine``: what the guard holds, and the verbs that end it."""

from __future__ import annotations

import getpass
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from difflib import get_close_matches
from typing import Annotated

import msgspec
import typer
from msgspec import structs
from rich.console import Group
from rich.text import Text

from goodstanding.admission.facts import Finding
from goodstanding.cli import terminal
from goodstanding.cli.configuration import ConfigOption, Estate, JsonOption, opened
from goodstanding.errors import GoodstandingError
from goodstanding.maillog import MailLog
from goodstanding.model import message_name, parse_message_name
from goodstanding.operate import opening
from goodstanding.operate import quarantine as verbs
from goodstanding.operate.quarantine import Decision, Outcome, Watch
from goodstanding.store import quarantine
from goodstanding.store.listing import FIRST_KEY
from goodstanding.store.quarantine import Heap, Kept, Which

app = typer.Typer(help="Look at mail the guard holds, and decide about it.", no_args_is_help=True)

FIELDS = structs.fields(Which)
NAMES = [field.name for field in FIELDS]
Terms = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FIELD=TEXT]...",
        help=f"Which recipients: FIELD=TEXT with a FIELD among {', '.join(NAMES)}. All terms must agree; * stands for "
        "any characters (quote it). campaign=ID alone means the campaign as a whole: later messages follow.",
        show_default=False,
    ),
]
BecauseOption = Annotated[str, typer.Option("--because", metavar="TEXT", help="Why; goes into the journal.")]
EverythingOption = Annotated[bool, typer.Option("--all", help="Mean all of quarantine; needed when no term is given.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command("list")
def list_(
    terms: Terms = None,
    limit: Annotated[int, typer.Option(help="Most campaigns to print.", min=1)] = 50,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what is held, by campaign: how much, since when, why, and when it ends. JSON: one object a line."""
    which = parse_which(terms or [])
    with opened(config, present=True) as estate, estate.database.read() as tx:
        found = quarantine.heaps(tx, which, limit)
        total = quarantine.count(tx, which)
    if as_json:
        for heap in found:
            said = structs.asdict(heap) | {"campaign": str(heap.campaign)}  # larger than numbers of jq are exact
            terminal.print_json(said | {"findings": _decoded(heap.findings)})
        return
    drawn = terminal.table(
        "campaign", "subscription", "held", "subject and reason", "oldest", "ends", numbers=("held",)
    )
    now = time.time()
    for heap in found:
        drawn.add_row(*_cells(heap, now))
    shown = sum(heap.recipients for heap in found)
    rest = f"{shown:,} of {total:,} recipients; --limit shows more." if shown < total else ""
    hint = "Look closer: goodstanding quarantine show campaign=ID; then release, refuse or move."
    terminal.console().print(Group(drawn, rest or hint) if found else "Nothing is held.")


def _cells(heap: Heap, now: float) -> tuple[str | Text, ...]:
    name = f"{heap.campaign}{f' ({heap.state})' if heap.state else ''}"
    told = terminal.foreign(f"“{heap.name}”" if heap.name else "")
    for finding in _holding(_decoded(heap.findings))[:2]:
        told.append("\n")
        told.append(terminal.foreign(finding.because, "dim"))
    ends = terminal.until(heap.expires, now)
    if heap.rationed:
        ends += f"\n{heap.rationed:,} go as evidence comes"
    return name, heap.subscription, f"{heap.recipients:,}", told, terminal.span(now - heap.oldest), ends


@app.command()
def show(
    terms: Terms = None,
    limit: Annotated[int, typer.Option(help="Most recipients to print.", min=1)] = 50,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show recipients that are held, with every finding and what to do. JSON: one object a line."""
    which = parse_which(terms or [])
    with opened(config, present=True) as estate, estate.database.read() as tx:
        found = quarantine.listing(tx, which, FIRST_KEY, limit)
        total = quarantine.count(tx, which)
    if as_json:
        for row in found:
            terminal.print_json(_document(row))
        return
    now = time.time()
    drawn = terminal.table("message", "recipient", "subscription", "campaign", "since", "ends", "findings")
    for row in found:
        slugs = ", ".join(dict.fromkeys(finding.slug for finding in _strictest(_decoded(row.findings))))
        times = terminal.span(now - row.at), terminal.until(row.expires, now)
        names = message_name(row.message), terminal.foreign(row.recipient), row.subscription, str(row.campaign)
        drawn.add_row(*names, *times, slugs)
    rest = f"{len(found):,} of {total:,} recipients; --limit shows more.\n" if len(found) < total else ""
    terminal.console().print(Group(drawn, rest, *_reasons(found)) if found else "Nothing of that is held.")


def _reasons(found: Sequence[Kept]) -> list[Text]:
    """Every finding in full, those that say the same of several recipients once."""
    said = dict.fromkeys(
        (finding.slug, finding.because, finding.remedy)
        for row in found
        for finding in _strictest(_decoded(row.findings))
    )
    return [
        Text.assemble((slug, "bold"), "  ", terminal.foreign(because), "\n    ", terminal.foreign(remedy, "dim"))
        for slug, because, remedy in said
    ]


def _document(row: Kept) -> dict[str, object]:
    document = structs.asdict(row) | {"message": message_name(row.message), "findings": _decoded(row.findings)}
    return document | {"person": row.person.hex(), "campaign": str(row.campaign)}


@app.command()
def release(
    terms: Terms = None,
    everything: EverythingOption = False,
    because: BecauseOption = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let held recipients go on at once; campaign=ID alone clears the campaign: what follows is not held any more."""
    decision = _decision(terms, everything, because)
    with opened(config, present=True) as estate:
        decision = _logged(decision, estate)
        _carry_out(estate, "released", decision, as_json, lambda watch: verbs.release(estate.database, decision, watch))


@app.command()
def refuse(
    terms: Terms = None,
    everything: EverythingOption = False,
    because: BecauseOption = "",
    yes: YesOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give held recipients back to their senders, with the reason.

    campaign=ID alone refuses the campaign: what comes later is refused when it is submitted.
    """
    decision = _decision(terms, everything, because)
    with opened(config, present=True) as estate:
        decision = _logged(decision, estate)
        if not yes:
            _confirm(estate, decision.which)
        _carry_out(estate, "refused", decision, as_json, lambda watch: verbs.refuse(estate.database, decision, watch))


@app.command()
def move(
    terms: Terms = None,
    to: Annotated[
        str, typer.Option("--to", metavar="SUBSCRIPTION", help="tenant/application that shall send it.")
    ] = "",
    everything: EverythingOption = False,
    because: BecauseOption = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give held messages to another subscription of their tenant, and release them there.

    Only if the From domain belongs to that subscription's stream; what cannot go stays, and the reason is printed.
    """
    if not to:
        raise GoodstandingError("say where to: --to TENANT/APPLICATION")
    decision = _decision(terms, everything, because)
    with opened(config, present=True) as estate:
        decision = _logged(decision, estate)
        spool = opening.open_spool(estate.settings, estate.database)
        left = _carry_out(
            estate, "moved", decision, as_json, lambda watch: verbs.move(estate.database, spool, decision, to, watch)
        ).left
    if left:
        more = f"; and {len(left) - 5:,} more" if len(left) > 5 else ""
        stay = "1 message stays" if len(left) == 1 else f"{len(left):,} messages stay"
        raise GoodstandingError(f"{stay}: {'; '.join(left[:5])}{more}")


@app.command()
def undecide(
    terms: Terms = None, because: BecauseOption = "", config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Take back what was decided about a campaign: the guard judges it again."""
    decision = _decision(terms, False, because)
    with opened(config, present=True) as estate:
        decision = _logged(decision, estate)
        number = verbs.undecide(estate.database, decision).campaign
    terminal.show(as_json, {"campaign": str(number), "state": ""}, f"Campaign {number} is left to the guard again.")


def _confirm(estate: Estate, which: Which) -> None:
    """Ask before mail is returned; without anybody to ask, --yes must have been given."""
    if not sys.stdin.isatty():
        raise GoodstandingError("refuse returns mail to its senders for good; add --yes where nobody can be asked")
    with estate.database.read() as tx:
        total = quarantine.count(tx, which)
    typer.confirm(f"Return {total:,} recipients to their senders?", abort=True, err=True)


def _decision(terms: list[str] | None, everything: bool, because: str) -> Decision:
    if not terms and not everything:
        raise GoodstandingError("say which: campaign=ID, another FIELD=TEXT, or --all for everything that is held")
    return Decision(parse_which(terms or []), getpass.getuser(), because)


def _logged(decision: Decision, estate: Estate) -> Decision:
    """The decision, with a line in the relay's mail log for everything it does, where that log is a file."""
    where = estate.settings.log.mail
    if where in ("off", "stderr"):
        return decision
    return Decision(decision.which, decision.by, decision.because, MailLog(where).tell)


def _carry_out(
    estate: Estate, verb: str, decision: Decision, as_json: bool, act: Callable[[Watch], Outcome]
) -> Outcome:
    """Do it under a progress bar, and say what came of it."""
    with estate.database.read() as tx:
        total = quarantine.count(tx, decision.which)
    bar, move_bar = terminal.progress(verb, total)
    with bar:
        outcome = act(move_bar)
    words = f"{outcome.changed:,} {verb}"
    if outcome.campaign:
        words += f"; campaign {outcome.campaign} is {verb}, and what comes later follows"
    said = {"verb": verb} | asdict(outcome) | {"campaign": str(outcome.campaign) if outcome.campaign else None}
    terminal.show(as_json, said, f"{words}.")
    return outcome


def parse_which(terms: list[str]) -> Which:
    """The recipients that terms describe; GoodstandingError names the first that does not fit."""
    texts: dict[str, str] = {}
    for term in terms:
        name, equals, text = term.partition("=")
        if not equals:
            name, text = _usual_field(term), term
        if name not in NAMES:
            near = get_close_matches(name, NAMES, 1) or NAMES
            raise GoodstandingError(f"{term}: there is no field {name}; did you mean {' or '.join(near)}?")
        texts[name] = text
    campaign, message = texts.pop("campaign", None), texts.pop("message", None)
    number = None if campaign is None else _number(campaign)
    found = None if message is None else parse_message_name(message)
    if message is not None and found is None:
        raise GoodstandingError(f"{message} is not a message id: those have 13 letters and digits, e.g. 00q8jzkh5g000")
    return Which(number, found, texts.get("tenant"), texts.get("subscription"), texts.get("recipient"))


def _usual_field(term: str) -> str:
    """What a word without a field means."""
    if "@" in term:
        return "recipient"
    if "/" in term:
        return "subscription"
    return "campaign" if term.isdecimal() and len(term) != 13 else "message"


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise GoodstandingError(f"{text} is not the number of a campaign; goodstanding quarantine list shows them")
    return int(text)


def _decoded(findings: str) -> list[Finding]:
    return msgspec.json.decode(findings or "[]", type=list[Finding])


def _strictest(findings: Sequence[Finding]) -> list[Finding]:
    """Those that hold it; remarks last."""
    return sorted(findings, key=lambda finding: finding.action == "accept")


def _holding(findings: Sequence[Finding]) -> list[Finding]:
    """Those that hold it, without remarks; everything, where only remarks are known."""
    return [finding for finding in findings if finding.action != "accept"] or list(findings)
