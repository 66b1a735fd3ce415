"""The two acts of the demo besides the usual mail: a cold campaign that is stopped, and somebody who unsubscribes."""

from __future__ import annotations

import re
import urllib.request
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from goodstanding.cli import terminal
from goodstanding.cli.demo_mail import OTP
from goodstanding.cli.demo_submission import Answer, Door, delays
from goodstanding.cli.demo_tally import quantile
from goodstanding.errors import GoodstandingError

FATES = {
    "accepted": ("went through before the stop", "yellow"),
    "held": ("held", "magenta"),
    "refused": ("refused", "green"),
}
ONE_CLICK = b"List-Unsubscribe=One-Click"
"""What a mailbox provider posts when its user presses Unsubscribe (RFC 8058 §3.2)."""


# --- the cold campaign -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cold:
    """What became of the campaign, and of the one-time codes meanwhile."""

    contacts: int
    fates: Counter[str]
    first: Answer | None
    """The first refusal; none when nothing was refused."""
    position: int = 0
    """Which message of the campaign it answers, from 1."""
    during: list[float] = field(default_factory=list)
    """Seconds it took to hand in a one-time code while the campaign ran."""
    otherwise: list[float] = field(default_factory=list)
    codes_stopped: int = 0
    """One-time codes that were not accepted; there should be none."""

    def document(self) -> dict[str, object]:
        """For programs."""
        return {
            "contacts": self.contacts,
            "through": self.fates["accepted"],
            "held": self.fates["held"],
            "refused": self.fates["refused"],
            "first_refusal": str(self.first) if self.first else "",
            "first_refusal_at": self.position,
            "code_delays": {"during": _quantiles(self.during), "otherwise": _quantiles(self.otherwise)},
            "codes_stopped": self.codes_stopped,
        }


def judged(cold: Sequence[Answer], codes: Sequence[Answer]) -> Cold:
    """The campaign's answers counted, with the one-time codes' beside them."""
    in_order = sorted(cold, key=lambda one: one.at)
    first = next((n for n, one in enumerate(in_order) if one.fate == "refused"), None)
    spans = [(in_order[0].at, in_order[-1].at + in_order[-1].took)] if in_order else []
    during, otherwise = delays(codes, spans)
    return Cold(
        contacts=len(cold),
        fates=Counter(one.fate for one in cold),
        first=None if first is None else in_order[first],
        position=0 if first is None else first + 1,
        during=during,
        otherwise=otherwise,
        codes_stopped=sum(one.fate != "accepted" for one in codes),
    )


def _quantiles(seconds: list[float]) -> dict[str, float]:
    return {"count": len(seconds), "p50": round(quantile(seconds, 0.5), 4), "p99": round(quantile(seconds, 0.99), 4)}


def so_far(answers: Sequence[Answer]) -> Text:
    """One line while it runs."""
    fates = Counter(one.fate for one in list(answers))
    parts = [(f"{fates[fate]:,} {words}", style) for fate, (words, style) in FATES.items() if fates[fate]]
    text = Text("cold campaign ", "bold")
    for n, part in enumerate(parts):
        text.append(", " if n else "")
        text.append(*part)
    return text if parts else Text("")


def campaign(cold: Cold) -> RenderableType:
    """What the salesperson saw, and what everybody else did not notice."""
    title = Text.assemble(
        ("Meanwhile a salesperson sent a bought list", "bold"),
        f" over the credential of {OTP}, {cold.contacts:,} company addresses:\n",
    )
    parts: list[RenderableType] = [title.append_text(_listed(cold.fates))]
    if cold.first is not None:
        lines = cold.first.text.splitlines()
        marks = ["-"] * (len(lines) - 1) + [" "]
        said = Text("\n").join(
            terminal.foreign(f"{cold.first.code}{mark}{line}") for mark, line in zip(marks, lines, strict=True)
        )
        about = f"the answer to message {cold.position:,}, the first that was refused"
        parts.append(Panel(said, title=about, title_align="left", box=box.ROUNDED, border_style="dim"))
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 3, 0, 0))
    for words, seconds in (("while it ran", cold.during), ("before and after", cold.otherwise)):
        table.add_row(words, f"{len(seconds):,} codes", *_delay(seconds))
    stopped = "none was held or refused" if not cold.codes_stopped else f"{cold.codes_stopped:,} were not accepted"
    style = "green" if not cold.codes_stopped else "red"
    head = Text.assemble(("One-time codes", "bold"), ", from MAIL to 250: ", (stopped, style))
    return Group(*parts, head, Padding(table, (0, 2)))


def _listed(fates: Counter[str]) -> Text:
    text = Text()
    for n, (fate, (words, style)) in enumerate(FATES.items()):
        text.append(", " if n else "")
        text.append(f"{fates[fate]:,} {words}", style)
    return text.append(f", {fates['deferred']:,} put off" if fates["deferred"] else "")


def _delay(seconds: list[float]) -> tuple[str, str]:
    if not seconds:
        return "", ""
    return (
        f"half within {terminal.span(quantile(seconds, 0.5))}",
        f"99 % within {terminal.span(quantile(seconds, 0.99))}",
    )


# --- the unsubscribe -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Left:
    """Somebody unsubscribed, and what came of it."""

    address: str
    link: str
    status: int
    """Of the HTTPS POST."""
    newsletter: str
    """The answer to the next newsletter to them."""
    code: str
    """The answer to a one-time code to them."""

    def document(self) -> dict[str, object]:
        """For programs."""
        return {
            "recipient": self.address, "link": self.link, "status": self.status,
            "next_newsletter": self.newsletter, "one_time_code": self.code,
        }  # fmt: skip


def link_in(octets: bytes) -> str:
    """The https link of List-Unsubscribe; GoodstandingError when the message has none that takes one click."""
    message = message_from_bytes(octets, policy=policy.default)
    found = re.search(r"<(https://[^>\s]+)>", "".join(str(message["List-Unsubscribe"] or "").split()))
    if found is None or message["List-Unsubscribe-Post"] != ONE_CLICK.decode():
        raise GoodstandingError("a delivered newsletter has no one-click link; is web.port set?")
    return found[1]


def press(door: Door, link: str) -> int:
    """Do what a mailbox provider does when its user presses Unsubscribe; the HTTP status."""
    with urllib.request.urlopen(urllib.request.Request(link, ONE_CLICK), timeout=10, context=door.trust()) as answer:
        return int(answer.status)


def unsubscribed(left: Left) -> RenderableType:
    """The story of an unsubscribe."""
    rows = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    rows.add_column(no_wrap=True, style="dim")
    rows.add_column(overflow="fold")
    short = left.link if len(left.link) <= 48 else f"{left.link[:48]}…"
    rows.add_row("their mailbox", Text(f"POST {short} → {left.status}"))
    rows.add_row("the next newsletter", terminal.foreign(left.newsletter, "red"))
    rows.add_row("a one-time code", terminal.foreign(left.code, "green"))
    head = Text.assemble(
        ("And a reader unsubscribed", "bold"), f": {left.address} pressed the button of the newsletter"
    )
    return Group(head, Padding(rows, (0, 2)))
