"""The mail of the demo: a small shop's one-time codes, receipts and newsletters, drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8

OTP, RECEIPTS, NEWSLETTER = "shop/otp", "shop/receipts", "shop/newsletter"
STREAMS = {OTP: "transactional", RECEIPTS: "transactional", NEWSLETTER: "bulk"}
SHARES = {OTP: 0.40, RECEIPTS: 0.25, NEWSLETTER: 0.35}

SHOP_DOMAIN, NEWS_DOMAIN = "shop.example", "news.shop.example"
NOTICES_TO = "{application}@shop.sink.example"
"""Return path: where the shop reads what bounced. The sandbox's sink takes everything below it."""

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


def letters(count: int, seed: int) -> list[Letter]:
    """The mail of the demo in the order it is submitted; the same seed gives the same mail."""
    dice = random.Random(seed)
    addresses = [*SPECIAL, *_customers(max(0, count - len(SPECIAL)), dice)]
    dice.shuffle(addresses)
    kinds = dice.choices(list(SHARES), list(SHARES.values()), k=len(addresses))
    return [
        _letter(kind, address, number, dice)
        for number, (kind, address) in enumerate(zip(kinds, addresses, strict=True))
    ]


def _customers(count: int, dice: random.Random) -> Iterator[str]:
    domains = dice.choices(list(EVERYDAY), list(EVERYDAY.values()), k=count)
    for number, domain in enumerate(domains):
        yield f"{dice.choice(LOCAL_PARTS)}.{number}@{domain}"


def _letter(kind: str, address: str, number: int, dice: random.Random) -> Letter:
    message = EmailMessage(policy=SMTP)
    name = dice.choice(PEOPLE)
    smtputf8 = not address.isascii()
    message["To"] = address if smtputf8 else f'"{name}" <{address}>' if name.isascii() else _named(name, address)
    recipients: tuple[str, ...] = (address,)
    if kind == OTP:
        _one_time_code(message, dice)
    elif kind == RECEIPTS:
        _receipt(message, name, number, dice)
        if address.endswith("@corp-postfix.example") and not smtputf8:
            recipients = (address, "accounts@corp-postfix.example")  # one message, two fates
    else:
        _newsletter(message, name, number)
    if message.is_multipart():
        message.set_boundary(f"=_{number:08x}")  # instead of one drawn from the clock
    sender = NOTICES_TO.format(application=kind.partition("/")[2])
    octets = message.as_bytes(policy=SMTPUTF8 if smtputf8 else SMTP)
    return Letter(kind, sender, recipients, octets, smtputf8)


def _named(name: str, address: str) -> str:
    """A display name in any script; the policy encodes it (RFC 2047)."""
    return f"{name} <{address}>"


def _one_time_code(message: EmailMessage, dice: random.Random) -> None:
    code = f"{dice.randrange(1_000_000):06}"
    message["From"] = f"Shop <login@{SHOP_DOMAIN}>"
    message["Subject"] = f"{code} is your code"
    message.set_content(f"Your code is {code}.\n\nIt is good for ten minutes. We never ask for it by phone.\n")


def _receipt(message: EmailMessage, name: str, number: int, dice: random.Random) -> None:
    total = f"{dice.randrange(500, 30_000) / 100:.2f} €"
    message["From"] = f"Shop <receipts@{SHOP_DOMAIN}>"
    message["Subject"] = f"Quittung · Receipt {number:05} — {total}"
    message.set_content(
        f"Dear {name},\n\nthank you for your order. The receipt over {total} is attached.\n", cte="quoted-printable"
    )
    pdf = b"%PDF-1.4\n" + dice.randbytes(dice.randrange(4_000, 24_000)) + b"\n%%EOF\n"
    message.add_attachment(pdf, maintype="application", subtype="pdf", filename=f"Quittung № {number:05}.pdf")


def _newsletter(message: EmailMessage, name: str, number: int) -> None:
    message["From"] = f"Shop News <news@{NEWS_DOMAIN}>"
    message["Subject"] = "Autumn at the shop 🍂 ten new teas"
    link = f"https://{NEWS_DOMAIN}/unsubscribe/{number:08x}"
    message["List-Unsubscribe"] = f"<{link}>"  # RFC 8058: one click, and the header is covered by DKIM
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["List-Id"] = f"Shop News <autumn.{NEWS_DOMAIN}>"
    message.set_content(
        f"Hello {name},\n\nten new teas have arrived.\n\nNo more of this: {link}\n", cte="quoted-printable"
    )
    teas = "".join(f"<li>Tea № {tea}: leaves of the {tea}th harvest, picked by hand</li>\n" for tea in range(1, 11))
    message.add_alternative(
        f"<h1>Autumn at the shop</h1>\n<p>Hello {name},</p>\n<ul>\n{teas}</ul>\n"
        f"<p><a href='{link}'>Unsubscribe</a></p>\n",
        subtype="html",
        cte="quoted-printable",
    )
