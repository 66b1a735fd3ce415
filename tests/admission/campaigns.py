"""Small templates of our own, and how senders vary them."""

from __future__ import annotations

import random
import re

from bench.variations import Filled, Template, octets
from goodstanding.admission.facts import Content
from goodstanding.admission.reading import read
from goodstanding.wire.message import parse_header

_ORDER = """Hello {name},

your order {number} of {date} has left our warehouse today. The parcel service delivers it within two working days;
you can follow it here: {url}

We charged {amount} to your card. If anything is missing or damaged, answer this message and we shall put it right.

Thank you for shopping with us."""
_COLD = """Hi {name},

I noticed that {company} is growing its support team. We help companies answer customers in half the time, without
hiring: our assistant drafts replies and your people only check them. Would you be open to a short call next week?
I can show you what it would do for a team of your size.

Best,
Tom"""
_GERMAN = """Guten Tag {name},

vielen Dank für Ihre Bestellung vom {date}. Wir haben die Zahlung über {amount} Euro erhalten und verschicken die Ware
noch heute. Die Rechnung finden Sie im Anhang dieser Nachricht."""
_RESET = """Hi {name},

Use this link to choose a new password:

{url}

If you did not ask for it, do nothing."""


def _own(name: str, subject: str, text: str) -> Template:
    return Template(name, "ours", "outreach" if name == "cold" else "transactional", subject, text)


OWN = [
    _own("code", "Your sign-in code", "Your code is {code}. It is valid for ten minutes."),
    _own("reset", "Reset your password", _RESET),
    _own("changed", "Password changed", "Your password has been changed."),
    _own("device", "New device", "Your account was used from a new device on {date}."),
    _own("order", "Your order {number} has shipped", _ORDER),
    _own("cold", "Quick question about {company}", _COLD),
    _own("bestellung", "Ihre Bestellung {number}", _GERMAN),
]


def content(one: Filled | bytes) -> Content:
    """A message as admission reads it."""
    raw = one if isinstance(one, bytes) else octets(one)
    return read(parse_header(raw), raw, len(raw))


def letter(text: str, *fields: str) -> bytes:
    """A plain message with some header fields of its own."""
    head = "".join(f"{field}\r\n" for field in ("From: Shop <news@shop.example>", *fields))
    body = re.sub(r"\r?\n", "\r\n", text)
    return f"{head}Content-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n".encode()


def dice() -> random.Random:
    return random.Random(3)
