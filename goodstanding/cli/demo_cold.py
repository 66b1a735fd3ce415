"""The cold campaign of the demo: a salesperson, a bought list, and the credential of the one-time codes."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP

from goodstanding.cli.demo_mail import NOTICES_TO, OTP, SHOP_DOMAIN, Letter

CONTACTS = 240
"""Lines of the list."""
HOSTED_AT = "mx.hosted.example"
"""Who takes mail for the companies on it."""

FIRST_NAMES = (
    *("Alice", "Bruno", "Carla", "David", "Elena", "Frank", "Grace", "Henrik", "Ines", "Jonas", "Karin", "Louis"),
    *("Marta", "Nils", "Olga", "Paul", "Rosa", "Stefan", "Teresa", "Ulla", "Victor", "Wanda", "Yusuf", "Zita"),
)
LAST_NAMES = (
    *("Adler", "Berg", "Costa", "Dupont", "Evans", "Fischer", "Greco", "Holm", "Ivers", "Jensen", "Keller", "Lang"),
    *("Moreau", "Novak", "Olsen", "Petrov", "Quinn", "Rossi", "Silva", "Tanner", "Urban", "Vega", "Weber", "Young"),
)
PLACES = ("alpine", "baltic", "castle", "delta", "eastern", "forest", "golden", "harbour", "island", "lake", "north")
TRADES = ("bakeries", "concrete", "furniture", "hotels", "logistics", "optics", "paper", "pumps", "software", "tools")


@dataclass(frozen=True, slots=True)
class Contact:
    """One line of the list."""

    first: str
    company: str
    address: str

    @property
    def domain(self) -> str:
        """Of the company."""
        return self.address.rpartition("@")[2]


def bought_list(seed: int, count: int = CONTACTS) -> list[Contact]:
    """People at companies, sorted as such files come: by company, two or three people each."""
    dice = random.Random(seed)
    companies = [(place, trade) for place in PLACES for trade in TRADES]
    contacts: list[Contact] = []
    for place, trade in companies:
        for first, last in zip(dice.sample(FIRST_NAMES, 3), dice.sample(LAST_NAMES, 3), strict=True):
            address = f"{first}.{last}@{place}-{trade}.example".lower()
            contacts.append(Contact(first, f"{place} {trade}".title(), address))
    return sorted(sorted(dice.sample(contacts, count), key=_by_name), key=lambda one: one.domain)


def _by_name(contact: Contact) -> str:
    return contact.address


def zones(contacts: Iterable[Contact]) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """The companies' domains, and who takes their mail."""
    return [(name, [("@", "MX", f"10 {HOSTED_AT}.")]) for name in dict.fromkeys(one.domain for one in contacts)]


def letter(contact: Contact) -> Letter:
    """The pitch, filled in. Nothing says that the recipient did anything to cause it, because nobody did."""
    message = EmailMessage(policy=SMTP)
    message["From"] = f"Dana Fox <dana@{SHOP_DOMAIN}>"
    message["To"] = f"{contact.first} <{contact.address}>"
    message["Subject"] = f"Quick question about {contact.company}"
    message.set_content(
        f"Hi {contact.first},\n\n"
        f"I came across {contact.company} and love what you are building. We help companies like yours turn the tea\n"
        "break into the best fifteen minutes of the day: one box a month, no contract, and teams that stay longer.\n\n"
        f"Would you be open to a quick call next week to see what it could do for {contact.company}?\n"
        "The first box is a special offer and free, for a limited time.\n\n"
        "Best,\nDana\n\nNot interested? Just reply stop and I will not write again.\n"
    )
    return Letter(OTP, NOTICES_TO[OTP], (contact.address,), message.as_bytes())
