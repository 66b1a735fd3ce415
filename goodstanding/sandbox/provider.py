"""How a provider decides: one pure function per moment of a session, with what it remembers between them.

A `Reception` is one provider with its memory (open connections, rates, greylist); a `Visit` is one connection to it.
Nothing here reads a clock, a socket or chance: the same seed and the same events at the same seconds give the same
replies. What senders did on other days is remembered by its `Residents`, if it has any: they are asked at MAIL and
after the message, and told of recipients who do not exist.

Certain local parts do the same at every provider, alone or followed by anything but a letter (``full@``, ``full-7@``);
`MAGIC` lists them. Every other local part has a mailbox or not by a keyed hash of the address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from goodstanding.model import Reply
from goodstanding.sandbox.authentication import Authentication
from goodstanding.sandbox.catalogue import Provider, Wording
from goodstanding.sandbox.placement import Key
from goodstanding.sandbox.residents import Residents, keys_at_the_door
from goodstanding.sandbox.zones import Lookup

MAGIC: Mapping[str, str] = {
    "postmaster": "recipient",
    "abuse": "recipient",
    "inbox": "recipient",
    "unknown": "unknown",
    "full": "full",
    "disabled": "disabled",
    "blocked": "blocked",
    "defer": "deferred",
    "greylist": "greylisted",
    "hangup": "hung_up",
    "spam": "spam",
    "slow": "slow",
    "lost": "lost",
}
"""Local part -> what happens. The last three happen after the message, the others at RCPT."""

AFTER_THE_MESSAGE = frozenset({"spam", "slow", "lost"})
SLOW = 5.0
"""Seconds ``slow@`` waits before it says 250."""
TRIPLETS_REMEMBERED = 100_000
CLIENTS_REMEMBERED = 10_000

_LETTERS = re.compile(r"[a-z]*")


@dataclass(frozen=True, slots=True)
class Response:
    """What a provider does about one event."""

    why: str
    """Name of the reply in ``providers.toml``; ``welcome``, ``silent``, ``hung_up`` and ``lost`` besides."""
    reply: Reply | None
    """None: not a word."""
    delay: float = 0.0
    """Seconds to wait before."""
    closes: bool = False
    """The connection ends with this."""


@dataclass(slots=True)
class Visit:
    """One connection, as far as the provider's decisions need it."""

    client: str
    host: str
    helo: str = ""
    tls: bool = False
    messages: int = 0
    id: str = ""
    """Queue id of the transaction in progress."""
    sender: str = ""
    domain: str = ""
    """Of the first recipient."""
    recipients: list[str] = field(default_factory=list)
    afterwards: set[str] = field(default_factory=set)
    """What magic recipients of this transaction ask for after the message."""
    late: list[str] = field(default_factory=list)
    """Recipients of this transaction who turn out later not to exist."""


@dataclass(slots=True)
class Allowance:
    """Messages a client may send now (a token bucket)."""

    left: float
    at: float


class Reception:
    """One provider, deciding."""

    def __init__(
        self,
        provider: Provider,
        wordings: Mapping[str, Wording],
        residents: Residents,
        *,
        patience: float,
        lookup: Lookup | None,
    ) -> None:
        """``patience``: seconds of greylisting; ``lookup``: None when senders are not checked."""
        self.provider = provider
        self._residents = residents
        self._wordings = wordings
        self._key = blake2b(f"{residents.seed}/{provider.name}".encode(), digest_size=16).digest()
        self._patience = patience
        self._lookup = lookup
        self._serial = 0
        self._open: dict[str, int] = {}
        self._allowances: dict[str, Allowance] = {}
        self._first_seen: dict[tuple[str, str, str], float] = {}

    def __repr__(self) -> str:
        """State in one line."""
        return f"<Reception {self.provider.name}: {self._serial} ids, {sum(self._open.values())} connections open>"

    def arrive(self, client: str, host: str) -> tuple[Visit, Response]:
        """A client connected to a host; every visit must end in `leave`."""
        visit = Visit(client, host, id=self._next_id())
        here = self._open[client] = self._open.get(client, 0) + 1
        provider = self.provider
        if provider.connections and here > provider.connections:
            return visit, self._closing(visit, "too_many_connections")
        match provider.greeting:
            case "refuse":
                return visit, self._closing(visit, "refused")
            case "busy":
                return visit, self._closing(visit, "busy")
            case "silent":
                return visit, Response("silent", None)
            case "welcome":
                banner = f"{host} {provider.banner}".replace("{id}", visit.id)
                return visit, Response("welcome", Reply(220, "", banner), provider.greeting_latency)

    def leave(self, visit: Visit) -> None:
        """The connection is gone."""
        self._open[visit.client] -= 1
        if not self._open[visit.client]:
            del self._open[visit.client]

    def sender(self, visit: Visit, address: str, now: float) -> Response:
        """The answer to MAIL."""
        provider = self.provider
        visit.id = self._next_id()
        visit.sender = address
        visit.domain = ""
        visit.recipients.clear()
        visit.afterwards.clear()
        visit.late.clear()
        if provider.tls == "required" and not visit.tls:
            return self._say(visit, "tls_required")
        if provider.messages_per_connection and visit.messages >= provider.messages_per_connection:
            return self._closing(visit, "too_many_messages")
        if provider.messages_per_minute and not self._allowed(visit.client, now):
            return self._say(visit, "too_fast")
        if provider.sender_must_resolve and self._unresolvable(address):
            return self._say(visit, "sender_unresolvable")
        return self._say(visit, self._residents.greet(visit.client, now) or "sender")

    def recipient(self, visit: Visit, address: str, now: float) -> Response:
        """The answer to RCPT."""
        provider = self.provider
        local, _, domain = address.rpartition("@")
        local, domain = (local.lower(), domain.lower()) if local else (domain.lower(), provider.domains[0])
        if not provider.serves(domain) and not self._leads_here(domain):
            return self._say(visit, "relay_denied", address)
        if len(visit.recipients) >= provider.recipients:
            return self._say(visit, "too_many_recipients", address)
        if provider.one_domain and visit.domain not in ("", domain):
            return self._say(visit, "too_many_domains", address)
        why = self.fate(local, domain)
        if why == "hung_up":
            return Response("hung_up", None, closes=True)
        if why in AFTER_THE_MESSAGE:
            visit.afterwards.add(why)
            why = "recipient"
        if (why == "greylisted" or (why == "recipient" and provider.greylists)) and not self._waited(
            visit, address, now
        ):
            return self._say(visit, "greylisted", address)
        if why == "unknown":
            self._residents.unknown_user(keys_at_the_door(visit.client, visit.sender), now)
            if provider.accepts_first:
                visit.late.append(address)
                visit.domain, why = domain, "recipient"
        elif why in ("recipient", "greylisted"):
            visit.recipients.append(address)
            visit.domain = domain
            why = "recipient"
        return self._say(visit, why, address)

    def message(
        self,
        visit: Visit,
        octets: bytes,
        authentication: Authentication | None,
        keys: Sequence[Key] = (),
        now: float = 0.0,
    ) -> Response:
        """The answer to a whole message; ``keys``: whose reputation it touches."""
        provider = self.provider
        visit.messages += 1
        if "lost" in visit.afterwards:
            return Response("lost", None, closes=True)
        if "spam" in visit.afterwards:
            return self._say(visit, "spam")
        if not provider.eight_bit and not octets.isascii():
            return self._say(visit, "eight_bit")
        if authentication is not None and (why := self._objection(authentication)):
            return self._say(visit, why, domain=authentication.from_domain)
        if objection := self._residents.admit(keys, len(visit.recipients), now):
            domain = next((name for kind, name in keys if kind == "domain"), "")
            return self._say(visit, objection, domain=domain)
        response = self._say(visit, "accepted")
        if "slow" in visit.afterwards:
            return Response("accepted", response.reply, provider.latency + SLOW)
        return response

    def idle(self, visit: Visit) -> Response:
        """The answer to silence."""
        return self._closing(visit, "idle")

    def fate(self, local: str, domain: str) -> str:
        """What becomes of a recipient (lower case): ``recipient`` when it has a mailbox."""
        word = _LETTERS.match(local)
        magic = MAGIC.get(word[0]) if word else None
        if magic is not None:
            return magic
        if not self.provider.invalid_share:
            return "recipient"
        draw = blake2b(f"{local}@{domain}".encode(), digest_size=4, key=self._key).digest()
        return "unknown" if int.from_bytes(draw) < self.provider.invalid_share * 2**32 else "recipient"

    def _objection(self, authentication: Authentication) -> str:
        """The name of the refusal that failed authentication earns here, or an empty string."""
        demand = self.provider.authentication
        if demand not in ("require", "strict"):
            return ""
        if authentication.dmarc == "fail" and authentication.policy == "reject":
            return "dmarc_failed"
        spf, dkim = authentication.spf == "pass", authentication.dkim == "pass"
        if demand == "strict":
            return "" if spf and dkim and authentication.aligned else "unauthenticated"
        return "" if spf or dkim else "unauthenticated"

    def _allowed(self, client: str, now: float) -> bool:
        """Take one message from what the client may send now."""
        limit = self.provider.messages_per_minute
        allowance = self._allowances.get(client)
        if allowance is None:
            if len(self._allowances) >= CLIENTS_REMEMBERED:
                del self._allowances[next(iter(self._allowances))]
            allowance = self._allowances[client] = Allowance(limit, now)
        allowance.left = min(limit, allowance.left + max(0.0, now - allowance.at) * limit / 60)
        allowance.at = now
        if allowance.left < 1:
            return False
        allowance.left -= 1
        return True

    def _waited(self, visit: Visit, recipient: str, now: float) -> bool:
        """Whether this client tried this pair at least ``patience`` seconds ago; a new pair is remembered."""
        first_seen = self._first_seen
        if len(first_seen) >= TRIPLETS_REMEMBERED:
            del first_seen[next(iter(first_seen))]
        return now - first_seen.setdefault((visit.client, visit.sender, recipient), now) >= self._patience

    def _leads_here(self, domain: str) -> bool:
        """Whether a company has its mail here: an MX of its domain names one of our hosts."""
        if self._lookup is None:
            return False
        hosts = {host.name for host in self.provider.hosts}
        return any(name in hosts for name in self._lookup(domain, "MX").records)

    def _unresolvable(self, sender: str) -> bool:
        domain = sender.rpartition("@")[2]
        if self._lookup is None or not domain:
            return False
        return all(self._lookup(domain, kind).status != "found" for kind in ("MX", "A", "AAAA"))

    def _next_id(self) -> str:
        self._serial += 1
        return blake2b(self._serial.to_bytes(8), digest_size=6, key=self._key).hexdigest()

    def _closing(self, visit: Visit, why: str) -> Response:
        return Response(why, self._say(visit, why).reply, closes=True)

    def _say(self, visit: Visit, why: str, recipient: str = "", *, domain: str = "") -> Response:
        """The provider's words for something."""
        words = {
            "recipient": recipient,
            "sender": visit.sender,
            "domain": domain or recipient.rpartition("@")[2],
            "client": visit.client,
            "host": visit.host,
            "helo": visit.helo,
            "id": visit.id,
        }
        reply = self._wordings[why].reply(words)
        return Response(why, reply, self.provider.latency, closes=reply.code == 421)  # RFC 5321 §3.8
