"""Two senders alike: the same customers, the same bought list, the same texts. One keeps its streams apart.

``apart`` sends its campaign on an outreach stream, with a domain and an address of its own, and with everything this
program does about such mail. ``together`` sends it as most people would: with the domain and the address of its sign-in
codes, over a relay that asks nothing. The n-th letter of both has the same Message-ID, so the same person, for whom the
same dice are cast, gets both: what differs is what the mailbox providers make of it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP

from goodstanding.cli.demo_cold import FIRST_NAMES, LAST_NAMES, PLACES, TRADES, Contact
from goodstanding.cli.demo_house import House
from goodstanding.cli.demo_mail import POSTAL_ADDRESS, Letter, stamp
from goodstanding.model import Stream
from goodstanding.sandbox.relations import Relation

CODES, SALES = "codes", "sales"
"""The applications of both."""

APART = House(
    tenant="apart",
    streams={"apart/codes": Stream.TRANSACTIONAL, "apart/sales": Stream.OUTREACH},
    flows={"apart/codes": "sign-in codes", "apart/sales": "cold campaign"},
    domains={Stream.TRANSACTIONAL: "apart.example", Stream.OUTREACH: "meet-apart.example"},
    sources={Stream.TRANSACTIONAL: "127.0.3.1", Stream.OUTREACH: "127.0.3.2"},
    hears_at="127.0.3.9",
)
TOGETHER = House(
    tenant="together",
    streams={"together/codes": Stream.TRANSACTIONAL, "together/sales": Stream.TRANSACTIONAL},
    flows={"together/codes": "sign-in codes", "together/sales": "cold campaign"},
    domains={Stream.TRANSACTIONAL: "together.example"},
    sources={Stream.TRANSACTIONAL: "127.0.4.1"},
    admission="off",
)
TWINS = (APART, TOGETHER)

CUSTOMERS_AT = {"gmail.example": 55, "outlook.example": 35, "hosted.example": 10}
"""Where customers have their mailboxes."""
COMPANIES_AT = {"outlook.example": 70, "gmail.example": 10, "hosted.example": 20}
"""Where companies have theirs; the Gmail-like one reports no complaint, as in life."""
EXCHANGERS = {
    "gmail.example": "gmail-smtp-in.l.gmail.example",
    "outlook.example": "outlook-example.olc.protection.outlook.example",
    "hosted.example": "mx.hosted.example",
}
PEOPLE_A_COMPANY = 8


@dataclass(frozen=True, slots=True)
class Cast:
    """Who appears in both scenes."""

    customers: tuple[str, ...]
    """Whom sign-in codes go to; the same one may sign in again."""
    contacts: tuple[Contact, ...]
    """The bought list."""


def cast(seed: int, codes: int, pitches: int) -> Cast:
    """So many sign-ins of customers, and so many lines of the list."""
    dice = random.Random(f"twins {seed}")
    domains = dice.choices(list(CUSTOMERS_AT), list(CUSTOMERS_AT.values()), k=codes)
    customers = tuple(f"inbox-{number}@{domain}" for number, domain in enumerate(domains))
    companies = [(place, trade) for place in PLACES for trade in TRADES]
    contacts: list[Contact] = []
    for place, trade in companies:
        names = zip(dice.sample(FIRST_NAMES, PEOPLE_A_COMPANY), dice.sample(LAST_NAMES, PEOPLE_A_COMPANY), strict=True)
        company, domain = f"{place} {trade}".title(), f"{place}-{trade}-ltd.example"
        contacts += [Contact(first, company, f"{first}.{last}@{domain}".lower()) for first, last in names]
    dice.shuffle(contacts)  # so that providers see a campaign, and not one company after the other
    return Cast(customers, tuple(contacts[:pitches]))


def company_zones(who: Cast, seed: int) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """The companies' domains, and which provider takes their mail."""
    dice = random.Random(f"exchangers {seed}")
    names = sorted({one.domain for one in who.contacts})
    providers = dice.choices(list(COMPANIES_AT), list(COMPANIES_AT.values()), k=len(names))
    return [(name, [("@", "MX", f"10 {EXCHANGERS[at]}.")]) for name, at in zip(names, providers, strict=True)]


def relations(house: House, who: Cast) -> list[Relation]:
    """Customers know the sender by its home domain; nobody on the list does."""
    return [Relation(one, house.home, "customer") for one in who.customers]


def permissions(who: Cast, now: float) -> str:
    """On what ground outreach may write to companies, where law allows it: a list for ``goodstanding trust import``."""
    rows = ["recipient,what,stream,at,source,text,country,class"]
    bought = stamp(now - 86_400)
    told = "Buys office supplies; balancing test of this month"
    rows += [
        f"{one.address},legitimate-interest,outreach,{bought},list of a broker,{told},GB,corporate"
        for one in who.contacts
    ]
    return "\r\n".join(rows) + "\r\n"


def codes(house: House, who: Cast, now: float) -> list[Letter]:
    """A sign-in code for every customer."""
    return [_code(house, number, address, now) for number, address in enumerate(who.customers)]


def pitches(house: House, who: Cast) -> list[Letter]:
    """The pitch for everybody on the list."""
    return [_pitch(house, number, contact) for number, contact in enumerate(who.contacts)]


def author(house: House, application: str) -> str:
    """The address in From of an application."""
    stream = house.streams[f"{house.tenant}/{application}"]
    return f"{'login' if application == CODES else 'dana'}@{house.domains[stream]}"


def message_id(application: str, number: int) -> str:
    """Of the n-th letter of an application, whoever of the twins sends it."""
    return f"<{application}-{number}@twins.example>"


def _code(house: House, number: int, address: str, now: float) -> Letter:
    message = EmailMessage(policy=SMTP)
    message["From"] = f"Sign-in <{author(house, CODES)}>"
    message["To"] = address
    message["Subject"] = f"{(number * 7919 + 104_729) % 1_000_000:06} is your code"
    message["Message-ID"] = message_id(CODES, number)
    if house.admission != "off":
        message["X-Goodstanding-Trigger"] = f"what=sign-in; at={stamp(now)}; from=203.0.113.7"
    message.set_content("Here is the code you asked for. It is good for ten minutes.\n")
    return _letter(house, CODES, message, address)


def _pitch(house: House, number: int, contact: Contact) -> Letter:
    message = EmailMessage(policy=SMTP)
    message["From"] = f"Dana Fox <{author(house, SALES)}>"
    message["To"] = f"{contact.first} <{contact.address}>"
    message["Subject"] = f"Tea breaks at {contact.company}"
    message["Message-ID"] = message_id(SALES, number)
    message.set_content(
        f"Hi {contact.first},\n\n"
        f"we help companies like {contact.company} turn the tea break into the best fifteen minutes of the day:\n"
        "one box a month, no contract. Would you be open to a quick call next week?\n\n"
        f"Best,\nDana\n\nTo hear no more of this, answer with the word unsubscribe.\n{POSTAL_ADDRESS}\n"
    )
    return _letter(house, SALES, message, contact.address)


def _letter(house: House, application: str, message: EmailMessage, to: str) -> Letter:
    name = f"{house.tenant}/{application}"
    return Letter(name, f"inbox-{application}@{house.domains[house.streams[name]]}", (to,), message.as_bytes())


def identity_names(houses: Sequence[House] = TWINS) -> dict[str, str]:
    """Every domain of the twins -> what is sent from it, in words."""
    return {
        domain: " and ".join(house.flows[name] for name, used in house.streams.items() if used == stream)
        for house in houses
        for stream, domain in house.domains.items()
    }
