"""A tenant in good order: subscriptions with credentials, verified domains, people who gave permission."""

import smtplib
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from goodstanding.admission.entries import Entry
from goodstanding.admission.estate import Subscription
from goodstanding.admission.facts import DomainFacts
from goodstanding.admission.suppression import Suppression
from goodstanding.admission.trust import PERSON_PURPOSE, person
from goodstanding.model import Stream
from goodstanding.operate.domains import ensure_domain
from goodstanding.operate.subscriptions import NewCredential, add_credential
from goodstanding.sealed import derive
from goodstanding.store import domains, estate, suppression, trust
from goodstanding.store.trust import Recorded
from tests.scenarios.relay import Relay

CODES, NEWS, SALES = "acme/codes", "acme/news", "acme/sales"
DOMAINS = {CODES: "acme.example", NEWS: "acme-letters.example", SALES: "meet-acme.example"}
STREAMS = {CODES: Stream.TRANSACTIONAL, NEWS: Stream.BULK, SALES: Stream.OUTREACH}
PLENTY = 1_000_000


class Estate:
    """What an operator and the DNS have brought about, put straight into the store."""

    def __init__(self, relay: Relay, **terms: object) -> None:
        """``terms``: of every subscription, besides plenty of allowance."""
        self.relay = relay
        self.credentials: dict[str, NewCredential] = {}
        for name, stream in STREAMS.items():
            self.credentials[name] = add_credential(relay.database, relay.master, name, stream)
            self.agree(name, **terms)
            self.own(DOMAINS[name], stream)

    def agree(self, name: str, **terms: object) -> None:
        """Set the terms of a subscription."""
        agreed = {"minute_limit": PLENTY, "hour_limit": PLENTY} | terms
        with self.relay.database.tx() as tx:
            estate.set_subscription(tx, Subscription(name, STREAMS[name], **agreed))  # type: ignore[arg-type]

    def own(self, domain: str, stream: Stream, tenant: str = "acme", state: str = "verified") -> None:
        """A domain of a tenant, as if its records had been seen."""
        now = time.time()
        claim = DomainFacts(domain, tenant, stream.value, state=state)  # type: ignore[arg-type]
        with self.relay.database.tx() as tx:
            ensure_domain(tx, self.relay.master, claim, now)
            domains.conclude(tx, claim, now, 0.0)

    def who(self, address: str, tenant: str = "acme") -> bytes:
        """How the store knows somebody."""
        return person(derive(self.relay.master, PERSON_PURPOSE), tenant, address)

    def permitted(self, addresses: Sequence[str], basis: str = "double-opt-in") -> None:
        """People who said yes."""
        said = Entry(at=time.time() - 86400, kind="permission", what=basis)
        with self.relay.database.tx() as tx:
            trust.add(tx, [Recorded("acme", self.who(address), said) for address in addresses])

    def suppress(self, address: str, stream: str = "") -> None:
        """Somebody who must not be written to."""
        row = Suppression(
            "acme", self.who(address), stream, "unsubscribed", "one-click", time.time(), 0.0, 1, address, ""
        )
        with self.relay.database.tx() as tx:
            suppression.put(tx, [row])

    @contextmanager
    def session(self, name: str) -> Iterator[smtplib.SMTP]:
        """A session of a subscription, over TLS."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with smtplib.SMTP("127.0.0.1", self.relay.starttls, "client.example", 30) as client:
            client.starttls(context=context)
            client.login(self.credentials[name].username, self.credentials[name].secret)
            yield client


def mail(
    name: str, to: str, subject: str, body: str, fields: Mapping[str, str] | None = None, sender: str = ""
) -> bytes:
    """A message of a subscription."""
    author = sender or f"hello@{DOMAINS[name]}"
    lines = {"From": author, "To": to, "Subject": subject, "X-Token": subject.split()[0]} | dict(fields or {})
    head = "".join(f"{field}: {value}\r\n" for field, value in lines.items())
    return f"{head}\r\n{body}\r\n".encode()


def return_path(name: str) -> str:
    """The envelope sender of a subscription."""
    return f"app@{DOMAINS[name]}"
