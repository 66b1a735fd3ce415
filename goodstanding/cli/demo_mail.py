"""The mail of the demo: a small shop's one-time codes, receipts and newsletters, drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8

OTP, RECEIPTS, NEWSLETTER = "shop/otp", "shop/receipts", "shop/newsletter"
STREAMS = {OTP: "transactional", RECEIPTS: "transactional", NEWSLETTER: "bulk"}
FLOWS = {OTP: "sign-in codes", RECEIPTS: "receipts", NEWSLETTER: "newsletter"}
SHARES = {OTP: 0.40, RECEIPTS: 0.25, NEWSLETTER: 0.35}

SHOP_DOMAIN, NEWS_DOMAIN = "shop.example", "shop-letters.example"
"""Two registered domains, because subdomains of one would share its reputation."""
NOTICES_TO = {
    OTP: f"inbox-codes@{SHOP_DOMAIN}",
    RECEIPTS: f"inbox-receipts@{SHOP_DOMAIN}",
    NEWSLETTER: f"inbox-news@{NEWS_DOMAIN}",
}
"""Return path: where the shop reads what bounced."""
POSTAL_ADDRESS = "Shop, 12 Teapot Street, 1010 Vienna"

PEOPLE = (
    *("Ann Smith", "José García", "Jürgen Groß", "Zoë O’Neill", "Łukasz Żak", "Søren Ærø", "Aylin Çelik", "李娜"),
    *(
        "田中 太郎",
        "Мария Иванова",
        "Νίκος Παπαδόπουλος",
        "محمد علي",
        "Priya Rao",
        "Kwame Mensah",
        "Bob Brown",
        "Eva Novák",
    ),
)
LOCAL_PARTS = (
    "ann",
    "jose",
    "juergen",
    "zoe",
    "lukasz",
    "soren",
    "aylin",
    "li",
    "taro",
    "maria",
    "niko",
    "ali",
    "priya",
)

EVERYDAY = {
    "gmail.example": 26,
    "googlemail.example": 3,
    "startup.example": 4,
    "outlook.example": 17,
    "hotmail.example": 4,
    "yahoo.example": 12,
    "aol.example": 3,
    "corp-postfix.example": 6,
    "corp-exchange.example": 5,
    "subsidiary.example": 2,
    "corp-grey.example": 4,
    "corp-failover.example": 2,
    "corp-tlsonly.example": 2,
    "corp-oldcert.example": 2,
    "corp-badtls.example": 2,
    "corp-small.example": 2,
    "nomx.example": 1,
    "sixfirst.example": 1,
}
"""Domains of ordinary customers, with how often each occurs."""

SPECIAL = (
    *("full@gmail.example", "full@outlook.example", "full@yahoo.example", "disabled@gmail.example"),
    *("unknown@gmail.example", "unknown@outlook.example", "unknown@yahoo.example", "unknown@corp-exchange.example"),
    *("greylist@corp-postfix.example", "defer@outlook.example", "blocked@yahoo.example", "spam@corp-postfix.example"),
    *("slow@gmail.example", "anyone@corp-dead.example", "anyone@corp-silent.example"),
    *("anyone@corp-refusing.example", "anyone@corp-busy.example", "ann@corp-slow.example", "bob@corp-slow.example"),
    *("ann@corp-legacy.example", "bob@corp-ascii.example", "anyone@nullmx.example", "anyone@servfail.example"),
    *("anyone@nohost.example", "anyone@nomail.example", "ann@gmial.example", "用户@corp-postfix.example"),
    *("jürgen@gmail.example", "用户@corp-ascii.example"),
)
"""Somebody in every kind of trouble, one message each."""

ENDLESS = (
    *("full@gmail.example", "full@yahoo.example", "defer@outlook.example"),
    *(
        "anyone@corp-dead.example",
        "anyone@corp-silent.example",
        "anyone@corp-busy.example",
        "anyone@corp-refusing.example",
    ),
    *("anyone@servfail.example", "anyone@nohost.example"),
)
"""Recipients the relay goes on trying for days, so that nobody waits for them here."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to submit."""

    subscription: str
    sender: str
    """Return path."""
    recipients: tuple[str, ...]
    octets: bytes
    smtputf8: bool = False


def letters(count: int, seed: int, now: float) -> list[Letter]:
    """The mail of the demo in the order it is submitted; the same seed and second give the same mail."""
    dice = random.Random(seed)
    addresses = [*SPECIAL, *_customers(max(0, count - len(SPECIAL)), dice)]
    dice.shuffle(addresses)
    kinds = dice.choices(list(SHARES), list(SHARES.values()), k=len(addresses))
    moment = stamp(now)
    return [
        _letter(kind, address, (number, moment), dice)
        for number, (kind, address) in enumerate(zip(kinds, addresses, strict=True))
    ]


def _customers(count: int, dice: random.Random) -> Iterator[str]:
    domains = dice.choices(list(EVERYDAY), list(EVERYDAY.values()), k=count)
    for number, domain in enumerate(domains):
        yield f"{dice.choice(LOCAL_PARTS)}.{number}@{domain}"


def stamp(now: float) -> str:
    """A second as control headers and lists of permissions have it."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def readers(letters: Sequence[Letter], now: float) -> str:
    """Who subscribed to the newsletter, when, where and to what: a list for ``goodstanding trust import`` (CSV)."""
    rows = ["recipient,what,stream,at,source,text,country,class"]
    agreed = stamp(now - 90 * 86_400)
    source, text = f"{SHOP_DOMAIN}/newsletter", "Yes: new teas once a month. Confirmed by link."
    for letter in letters:
        if letter.subscription == NEWSLETTER:
            rows.append(f'"{letter.recipients[0]}",double-opt-in,bulk,{agreed},{source},"{text}",AT,individual')
    return "\r\n".join(rows) + "\r\n"


def next_newsletter(address: str) -> Letter:
    """Next month's issue for one reader."""
    message = EmailMessage(policy=SMTP)
    message["To"] = address
    _newsletter(message, "reader", "Winter at the shop: the year's last teas")
    return _sealed(message, NEWSLETTER, (address,), 0)


def one_time_code(address: str, now: float) -> Letter:
    """A code somebody has just asked for."""
    message = EmailMessage(policy=SMTP)
    message["To"] = address
    _one_time_code(message, stamp(now), random.Random(now))
    return _sealed(message, OTP, (address,), 0)


def _letter(kind: str, address: str, which: tuple[int, str], dice: random.Random) -> Letter:
    number, moment = which
    message = EmailMessage(policy=SMTP)
    name = dice.choice(PEOPLE)
    smtputf8 = not address.isascii()
    message["To"] = address if smtputf8 else f'"{name}" <{address}>' if name.isascii() else _named(name, address)
    recipients: tuple[str, ...] = (address,)
    if kind == OTP:
        _one_time_code(message, moment, dice)
    elif kind == RECEIPTS:
        _receipt(message, name, which, dice)
        if address.endswith("@corp-postfix.example") and not smtputf8:
            recipients = (address, "accounts@corp-postfix.example")  # one message, two fates
    else:
        _newsletter(message, name, "Autumn at the shop 🍂 ten new teas")
    return _sealed(message, kind, recipients, number)


def _sealed(message: EmailMessage, kind: str, recipients: tuple[str, ...], number: int) -> Letter:
    """The message as its octets and envelope."""
    if message.is_multipart():
        message.set_boundary(f"=_{number:08x}")  # instead of one drawn from the clock
    smtputf8 = not "".join(recipients).isascii()
    octets = message.as_bytes(policy=SMTPUTF8 if smtputf8 else SMTP)
    return Letter(kind, NOTICES_TO[kind], recipients, octets, smtputf8)


def _named(name: str, address: str) -> str:
    """A display name in any script; the policy encodes it (RFC 2047)."""
    return f"{name} <{address}>"


def _one_time_code(message: EmailMessage, moment: str, dice: random.Random) -> None:
    """Whoever signs in causes the message: the application says so, and from where."""
    code = f"{dice.randrange(1_000_000):06}"
    message["From"] = f"Shop <login@{SHOP_DOMAIN}>"
    message["Subject"] = f"{code} is your code"
    message["X-Goodstanding-Trigger"] = f"what=sign-in; at={moment}; from=203.0.113.{dice.randrange(1, 255)}"
    message.set_content(f"Your code is {code}.\n\nIt is good for ten minutes. We never ask for it by phone.\n")


def _receipt(message: EmailMessage, name: str, which: tuple[int, str], dice: random.Random) -> None:
    """Whoever buys expects a receipt: the permission is the purchase."""
    number, moment = which
    total = f"{dice.randrange(500, 30_000) / 100:.2f} €"
    message["From"] = f"Shop <receipts@{SHOP_DOMAIN}>"
    message["Subject"] = f"Quittung · Receipt {number:05} — {total}"
    message["X-Goodstanding-Permission"] = f"basis=transaction; at={moment}; source=order {number:05}"
    message.set_content(
        f"Dear {name},\n\nthank you for your order. The receipt over {total} is attached.\n", cte="quoted-printable"
    )
    pdf = b"%PDF-1.4\n" + dice.randbytes(dice.randrange(4_000, 24_000)) + b"\n%%EOF\n"
    message.add_attachment(pdf, maintype="application", subtype="pdf", filename=f"Quittung № {number:05}.pdf")


def _newsletter(message: EmailMessage, name: str, subject: str) -> None:
    """Without List-Unsubscribe: the relay puts in a link of its own, one for each reader."""
    message["From"] = f"Shop News <news@{NEWS_DOMAIN}>"
    message["Subject"] = subject
    message["List-Id"] = f"Shop News <monthly.{NEWS_DOMAIN}>"
    leave = "To unsubscribe, press the button of your mail program, or answer with the word unsubscribe."
    message.set_content(
        f"Hello {name},\n\nnew teas have arrived.\n\n{leave}\n{POSTAL_ADDRESS}\n", cte="quoted-printable"
    )
    teas = "".join(f"<li>Tea № {tea}: leaves of the {tea}th harvest, picked by hand</li>\n" for tea in range(1, 11))
    message.add_alternative(
        f"<h1>{subject}</h1>\n<p>Hello {name},</p>\n<ul>\n{teas}</ul>\n<p>{leave}<br>{POSTAL_ADDRESS}</p>\n",
        subtype="html",
        cte="quoted-printable",
    )
