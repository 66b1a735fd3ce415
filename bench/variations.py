"""Campaigns to measure fingerprints with: templates filled many times, and varied as senders vary them."""

from __future__ import annotations

import base64
import html
import itertools
import json
import os
import quopri
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path


def listed(words: str) -> list[str]:
    """Words as a list."""
    return words.split()


_SHARED = os.environ.get("GOODSTANDING_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data"
CORPUS = Path(_SHARED) / "text_corpus.dev.jsonl"
"""Beside the repository, as in tests/conftest.py; what needs it says so where it is absent."""

_FIELD = re.compile(r"\{\{\{?[^{}]*\}?\}\}|\{[a-zA-Z_ .]+\}|\[[A-Za-z][^\[\]\n]{1,30}\]|%[a-z_]{3,20}%|<%[^%]*%>")
_CONSTANT = re.compile(r"product|company name|sender|brand|cta|value_prop|intro|support|body|urls?\b|street", re.I)
_NAMES = listed("Anna Ben Carla Dmitri Eva Farid Giulia Hanna Igor Jonas Klara Luis Mei Nils Olga Paul Rosa Sven Tara")
_LAST = listed("Rossi Weber Durand Novak Silva Meyer Tanaka Okafor Smith Lund Haddad Bauer Moreau Conti Ivanova")
_FIRMS = listed(
    "Acme Globex Initech Umbrella Hooli Vandelay Wonka Stark Wayne Tyrell Cyberdyne Soylent Oscorp Vehement"
)
_LINES = listed("retail logistics payroll forecasting fraud onboarding recruiting billing analytics insurance hosting")
_GREETINGS = ("Hi {n},", "Hello {n},", "Dear {n},", "Hey {n}!", "Good morning {n},", "Hi there,", "Dear Mr {l},", "")
_CLOSINGS = ("Best,\nTom", "Kind regards,\nTom Miller", "Thanks,\nTom", "Cheers,\nT. Miller", "")
_LOOKALIKES = str.maketrans("aeopcxyi", "\u0430\u0435\u043e\u0440\u0441\u0445\u0443\u0456")
_GAPS = ("\u200b", "\u200c", "\u2060", "\ufeff", "\u00ad")
_STEMS = listed("mar ten sol vic per lan dor mis cal ber fin gos hal rin pos tur")


@dataclass(frozen=True, slots=True)
class Template:
    """One campaign's text before it is filled."""

    name: str
    vendor: str
    label: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Filled:
    """What one recipient gets."""

    subject: str
    text: str
    html: str = ""
    encoding: str = "8bit"


Variation = Callable[[Template, random.Random], Filled]


def templates(corpus: Path = CORPUS) -> list[Template]:
    """Templates of the corpus, each text once."""
    found: dict[str, Template] = {}
    for number, line in enumerate(corpus.read_text().splitlines()):
        row = json.loads(line)
        text = row["text"].strip()
        subject = row["subject"] or " ".join(text.split()[:5])  # no mail goes without one
        one = Template(f"{number} {row['sublabel']}", row["repo"], row["label"], subject, text)
        found.setdefault(" ".join(one.text.split()), one)
    return list(found.values())


def value(field: str, dice: random.Random, fixed: random.Random) -> str:
    """What stands in a merge field: a few kinds, told by its name; ``fixed`` draws what all recipients share."""
    name = field.lower()
    if _CONSTANT.search(name):
        return " ".join(word(fixed) for _ in range(2 if "name" in name else 5)).capitalize()
    if "url" in name or "link" in name or "href" in name:
        return f"https://app.example.com/r/{dice.getrandbits(64):x}?u={dice.randrange(10**6)}"
    if "mail" in name:
        return f"{dice.choice(_NAMES).lower()}{dice.randrange(99)}@mail{dice.randrange(9)}.example"
    if "code" in name or "token" in name:
        return f"{dice.randrange(10**6):06}"
    if "date" in name or "time" in name or "day" in name:
        return f"{dice.randrange(1, 29)} {dice.choice(('January', 'May', 'October'))} 2026, {dice.randrange(24)}:30"
    if "compan" in name:
        return dice.choice(_FIRMS)
    if "name" in name or "user" in name:
        return f"{dice.choice(_NAMES)} {dice.choice(_LAST)}"
    if any(sign in name for sign in ("amount", "total", "price", "value", "number", "id", "count", "[x]")):
        return f"{dice.randrange(1, 2000)}.{dice.randrange(100):02}"
    return dice.choice(_LINES)


def word(dice: random.Random) -> str:
    """A word that is in no dictionary."""
    return "".join(dice.choices(_STEMS, k=dice.choice((1, 2, 2, 3))))


def somebody(dice: random.Random) -> str:
    """A name."""
    return f"{dice.choice(_NAMES)} {dice.choice(_LAST)}"


def prose(dice: random.Random, most: int) -> str:
    """At most so many characters of paragraphs, of which each fifth word is in no dictionary."""
    words = (
        (word(dice) if dice.random() < 0.2 else dice.choice(_COMMON)) + (".\n\n" if at % 60 == 59 else "")
        for at in range(most // 4)
    )
    return " ".join(words)[:most]


_COMMON = listed(
    "the of and to in is you that it for on are as with his they at be this from have or by one had not but what all "
    "were when we there can an your which their said if do will each about how up out them then she many some so these "
    "would other into has more her two like him see time could no make than first been its who now people my made over"
)


def fill(template: Template, dice: random.Random) -> Filled:
    """The template with its merge fields, as the application sends it."""
    fixed = random.Random(template.name)

    def one(match: re.Match[str]) -> str:
        return value(match[0], dice, fixed)

    return Filled(_FIELD.sub(one, template.subject), _FIELD.sub(one, template.text))


def greeted(template: Template, dice: random.Random) -> Filled:
    """Another greeting, another sign-off."""
    one = fill(template, dice)
    line = dice.choice(_GREETINGS).format(n=dice.choice(_NAMES), l=dice.choice(_LAST))
    return replace(one, text=f"{line}\n\n{one.text}\n\n{dice.choice(_CLOSINGS)}")


def reordered(template: Template, dice: random.Random) -> Filled:
    """Sentences in another order."""
    one = fill(template, dice)
    parts = re.split(r"(?<=[.!?])\s+|\n+", one.text)
    dice.shuffle(parts)
    return replace(one, text="\n".join(parts))


def noisy(template: Template, dice: random.Random) -> Filled:
    """Zero-width characters inside a fifth of the words, look-alikes in a tenth."""
    one = fill(template, dice)

    def spoil(match: re.Match[str]) -> str:
        here, chance = match[0], dice.random()
        if chance < 0.2:
            at = dice.randrange(1, len(here))
            return here[:at] + dice.choice(_GAPS) + here[at:]
        return here.translate(_LOOKALIKES) if chance < 0.3 else here

    return replace(one, text=re.sub(r"[A-Za-z]{3,}", spoil, one.text))


def rewrapped(template: Template, dice: random.Random) -> Filled:
    """Other line breaks, white space and transfer encoding."""
    one = fill(template, dice)
    spaced = re.sub(r" ", lambda _: dice.choice((" ", " ", " ", "\n", "  ")), one.text)
    return replace(one, text=spaced, encoding=dice.choice(("base64", "quoted-printable", "8bit")))


def page(text: str, dice: random.Random | None = None) -> str:
    """HTML with a vendor's layout; with dice each page has its own comments, classes and inline tags."""
    body = []
    for line in text.split("\n\n"):
        inner = html.escape(line.strip())
        if dice is not None:
            inner = " ".join(_decorated(piece, dice) for piece in inner.split(" "))
        row_class = f' class="c{dice.getrandbits(24):x}"' if dice else ' class="row"'
        body.append(f'<tr{row_class}><td style="padding:8px"><p style="margin:0;font:16px Arial">{inner}</p></td></tr>')
        if dice is not None and dice.random() < 0.4:
            body.append(f"<!-- {dice.getrandbits(64):x} {word(dice)} -->")
            body.append(f'<tr style="display:none"><td>{word(dice)} {word(dice)} {word(dice)}</td></tr>')
    return (
        "<!DOCTYPE html><html><head><style>td{font-family:Arial} .row{color:#333}</style></head><body>"
        '<table width="600"><tr><td><img src="https://img.example.com/logo.png" alt=""></td></tr>'
        + "".join(body)
        + "</table></body></html>"
    )


def tagged(dice: random.Random, size: int, tags: int) -> str:
    """A page of so many characters and tags: rows of a table, paragraphs, links, emphasis, some cells hidden."""
    rows: list[str] = []
    row = (
        '<tr><td class="c"><p>{}, <a href="https://shop.example/a/{:x}">{}</a> <b>{}</b> and <span>{}</span><br>{}</p>'
        "</td></tr>"
    )
    for number in range(tags // row.count("<")):
        hidden = '<tr style="display:none">' if number % 10 == 9 else "<tr>"
        filled = row.format(word(dice), dice.getrandbits(24), word(dice), word(dice), word(dice), word(dice))
        rows.append(filled.replace("<tr>", hidden, 1))
    length = (size - sum(map(len, rows))) // len(rows)
    words = prose(dice, 2 * size)
    body = [f"{row[:-9]}{words[n * length : (n + 1) * length]}{row[-9:]}" for n, row in enumerate(rows)]
    return f"<!DOCTYPE html><html><body><table>{''.join(body)}</table></body></html>"


def _decorated(piece: str, dice: random.Random) -> str:
    chance = dice.random()
    if chance < 0.05:
        return f"<b>{piece}</b>"
    return f'<span id="x{dice.getrandbits(20):x}">{piece}</span>' if chance < 0.1 else piece


def as_page(template: Template, dice: random.Random) -> Filled:
    """The same as HTML in one layout."""
    one = fill(template, dice)
    return replace(one, html=page(one.text))


def as_noisy_page(template: Template, dice: random.Random) -> Filled:
    """The same as HTML, each page with noise of its own."""
    one = fill(template, dice)
    return replace(one, html=page(one.text, dice))


def spun(template: Template, dice: random.Random, share: float = 0.3, forms: int = 3) -> Filled:
    """Spintax: ``share`` of the words are places with ``forms`` synonyms, drawn for each recipient; 0: never twice."""
    spot = itertools.count()

    def swap(match: re.Match[str]) -> str:
        if match[0][0] in "{[<%":
            return match[0]
        here = next(spot)
        if random.Random(f"{template.name} {here}").random() >= share:
            return match[0]
        choice = dice.randrange(forms) if forms else dice.getrandbits(32)
        return match[0] if forms and choice == 0 else word(random.Random(f"{here} {choice}"))

    words = re.compile(_FIELD.pattern + r"|[A-Za-z\u00c0-\u017f]{2,}")
    subject, text = words.sub(swap, template.subject), words.sub(swap, template.text)
    return fill(replace(template, subject=subject, text=text), dice)


def rewritten(template: Template, dice: random.Random) -> Filled:
    """Spintax at its worst: 30 % of the words are different in every message."""
    return spun(template, dice, forms=0)


VARIATIONS: dict[str, Variation] = {
    "merge fields": fill,
    "greetings, sign-offs": greeted,
    "sentences reordered": reordered,
    "zero-width, look-alikes": noisy,
    "line breaks, encodings": rewrapped,
    "HTML, one layout": as_page,
    "HTML noise, hidden text": as_noisy_page,
    "spintax 30 %, 3 forms": spun,
    "30 % of words never twice": rewritten,
}


def laid_out(template: Template, dice: random.Random) -> Filled:
    """The template inside its vendor's header and footer: what different mails of one shop have in common."""
    one = fill(template, dice)
    text = f"{_HEAD}\n\n{one.text}\n\n{_FOOT}"
    return replace(one, text=text, html=page(text))


_HEAD = "Northwind Outfitters\n\nShop  Stores  Help  My account"
_FOOT = (
    "Questions? Our support team answers around the clock.\n\nYou receive this message because you have an account "
    "with Northwind Outfitters.\n\nNorthwind Outfitters Ltd, 12 Harbour Street, Dublin\n\nPrivacy policy  Terms"
)


def newsletter(template: Template, dice: random.Random) -> Filled:
    """A letter of about 10 KiB: a masthead and a footer that all mails of the shop share, around articles of its own.

    Articles are words of the whole corpus, as often as they are there: nearer to each other than any two real ones.
    """
    one, own = fill(template, dice), random.Random(template.name)
    articles = " ".join(own.choices(_vocabulary(), k=1_300))[:8_000]
    text = f"{_MASTHEAD}\n\n{one.text}\n\n{articles}\n\n{_FOOT}\n\n{_SMALL_PRINT}"
    return replace(one, text=text)


@cache
def _vocabulary() -> list[str]:
    """Every word of every template, as often as it is there."""
    return [word for one in templates() for word in re.findall(r"[^\W\d_]{2,}", _FIELD.sub(" ", one.text))]


_MASTHEAD = (
    "Northwind Outfitters\n\nShop  Stores  Help  My account\n\nThank you for shopping with us. Members collect points "
    "with every order, send things back without a charge and hear of offers before everybody else does. The summer "
    "collection is in our stores and online, and whoever collects an order in a store saves the delivery."
)
_SMALL_PRINT = (
    "Prices include tax and may change without notice; delivery is added where it applies. Offers end when stocks do. "
    "Pictures are examples. We keep what the law makes us keep and nothing else, as our privacy policy explains."
)


def octets(one: Filled) -> bytes:
    """The whole message."""
    parts = [("plain", one.text)] + ([("html", one.html)] if one.html else [])
    written = [_part(kind, text, one.encoding) for kind, text in parts]
    subject = one.subject.encode()
    encoded = subject if subject.isascii() else b"=?utf-8?b?" + base64.b64encode(subject) + b"?="
    head = b"From: Shop <news@shop.example>\r\nTo: a@b.example\r\nSubject: " + encoded + b"\r\nMIME-Version: 1.0\r\n"
    if len(written) == 1:
        return head + written[0]
    boundary = b"----=_b0und"
    inner = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in written)
    kind = b'Content-Type: multipart/alternative; boundary="' + boundary + b'"\r\n\r\n'
    return head + kind + inner + b"--" + boundary + b"--\r\n"


def _part(kind: str, text: str, encoding: str) -> bytes:
    raw = text.replace("\n", "\r\n").encode()
    if encoding == "base64":
        raw = base64.encodebytes(raw).replace(b"\n", b"\r\n")
    elif encoding == "quoted-printable":
        raw = quopri.encodestring(raw.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    head = f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode() + raw + b"\r\n"
