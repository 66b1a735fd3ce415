"""What the tenant is told about a move, as a mail in plain text. Every edge of the ladder has its text.

It says what happened, the evidence in words, what it means for the mail, what to do, and where to read on: in the words
of `words.toml` and of the order, so that notice, page, reply and journal never differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import fill

from msgspec import Struct

from goodstanding.enforcement.ladder import WARNED, Cause, Impact, Position
from goodstanding.enforcement.orders import Order, What
from goodstanding.enforcement.review import Case
from goodstanding.enforcement.trigger import Move
from goodstanding.enforcement.words import WORDS, named, per_hour
from goodstanding.model import KeyKind, Rung

WIDTH = 76


class Notice(Struct, frozen=True, gc=False):
    """A mail to be sent."""

    to: str
    subject: str
    text: str


def notice_for(move: Move, contact: str) -> Notice | None:
    """The notice about a move; None: nothing changes for the mail, or the tenant has no contact."""
    if not contact or not announced(move):
        return None
    return Notice(contact, subject(move.after), text(move))


def refusal(case: Case, contact: str, link: str) -> Notice | None:
    """The notice that a review was refused, which moves nothing on the ladder; None: the tenant has no contact."""
    if not contact:
        return None
    name = named(case.account)
    said = [
        fill(f"The review {case.name} of {name} was refused. Nothing changes for its mail.", WIDTH),
        *_section("Why", f"{_capital(case.because)}."),
        *_section("What to do", "Do what the reason says, then open another review."),
        *(["", "Evidence, history and the review:", link] if link else []),
    ]
    return Notice(contact, f"Review refused: {name}", "\n".join(said))


def announced(move: Move) -> bool:
    """Whether a move changes anything for the mail: the rung in effect, or orders beside it."""
    before, after = move.before, move.after
    if after.shadow or not move.cause:
        return False
    if before.shadow:  # of which nobody was told
        return after.effective is not Rung.GOOD
    return before.effective is not after.effective or move.adds


def subject(position: Position) -> str:
    """``Slowed: campaign 17 of shop``."""
    return f"{WORDS.rung[position.effective].title}: {named(position.account)}"


def text(move: Move) -> str:
    """The body of a notice, in lines of at most 76 characters but for links."""
    after = move.after
    cause = WORDS.cause[Cause(move.cause)]
    return "\n".join(
        [
            fill(f"{named(after.account)}: {WORDS.rung[after.effective].title.lower()}.", WIDTH),
            *_section("What happened", cause.happened, f"{_capital(move.because)}." if move.because else ""),
            *_section("What it means for the mail", *meaning(after, move.orders)),
            *_section("What to do", cause.do, *_remedies(after)),
            *_section("Open findings", *findings(after)),
            *_where(move),
        ]
    )


def meaning(position: Position, orders: tuple[Order, ...]) -> Iterator[str]:
    """What a rung does to the mail, and what goes on as before."""
    of_lanes = [one for one in orders if one.provider]
    if of_lanes:
        yield from (f"{_capital(one.words)}." for one in of_lanes)
    else:
        rung, kind = WORDS.rung[position.effective], position.account.key.kind
        rate = next((one.rate for one in orders if one.what is What.PACE), 0.0)
        yield (rung.address if kind is KeyKind.IP else rung.means).format(rate=per_hour(rate))
    if position.effective in WARNED and position.effective is position.system and position.cause in WORDS.warning:
        yield WORDS.warning[position.cause]
    if position.effective not in (Rung.GOOD, Rung.WATCHED):
        yield WORDS.scope[position.account.key.kind]


def findings(position: Position) -> Iterator[str]:
    """What is open, one line each."""
    for one in position.findings:
        needs = "needs your answer" if one.impact is Impact.HIGH and not one.answered else "no answer is needed"
        yield f"- {one.impact.value} ({needs}): {one.words}"


def _remedies(position: Position) -> Iterator[str]:
    if position.effective is not Rung.GOOD:
        yield from (f"{WORDS.signal[one.signal]}" for one in position.findings)


def _where(move: Move) -> list[str]:
    link = next((one.link for one in move.orders if one.link), "")
    return ["", "Evidence, history and the review:", link] if link else []


def _section(title: str, *paragraphs: str) -> list[str]:
    said = [fill(one, WIDTH, break_long_words=False, break_on_hyphens=False) for one in paragraphs if one]
    return ["", title, "-" * len(title), *said] if said else []


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
