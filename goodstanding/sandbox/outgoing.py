"""(shell) What leaves the sandbox: mail to whatever its own DNS names, and HTTPS POSTs. Loopback only, by construction.

Every connection goes through `net.tcp.LoopbackOnlyDialer`: an address that is not of this machine is never dialled,
whatever a zone or a link says.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from goodstanding.errors import RemoteProtocolError
from goodstanding.model import NetworkFailure, Recipient, Reply
from goodstanding.net.tcp import LoopbackOnlyDialer, TcpDialer, opportunistic_context
from goodstanding.outside import Stream
from goodstanding.sandbox.zones import Lookup
from goodstanding.wire.list_unsubscribe import ONE_CLICK
from goodstanding.wire.smtp_client import BodyWanted, Client, Finished, Ready, Refused, TlsWanted, Transaction
from goodstanding.wire.stuffing import stuffed

PATIENCE = 20.0
"""Seconds any single answer may take."""
ANSWER_MOST = 64 * 1024
"""Octets of an HTTP answer that are read; only its first line matters."""


@dataclass(frozen=True, slots=True)
class Post:
    """One mail to be sent."""

    hello: str
    """Who says EHLO."""
    source: str
    """Address it is sent from."""
    sender: str
    """Return path."""
    recipient: str
    octets: bytes
    host: str = ""
    """Where to; empty: the MX of the recipient's domain."""
    port: int = 0
    """0: where all mail of the sandbox goes."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of something that left, or did not."""

    words: str
    """Empty: it was taken; else why not."""
    again: bool = False
    """It may be different later."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Sends mail and presses buttons."""

    lookup: Lookup
    """The sandbox's own name space."""
    mail_port: int
    """Stands for port 25, because MX records name no port."""
    dialer: LoopbackOnlyDialer

    async def send(self, post: Post) -> Sent:
        """Deliver a mail."""
        hosts = [post.host] if post.host else self._exchangers(post.recipient.rpartition("@")[2].lower())
        why = Sent(f"nobody takes mail for {post.recipient}")
        for host in hosts:
            for address in self._addresses(host):
                found = await self.dialer.connect(address, post.port or self.mail_port, post.source, PATIENCE)
                if isinstance(found, NetworkFailure):
                    why = Sent(found.text, again=address.startswith("127."))
                    continue
                try:
                    return await _Conversation(found, host, Client(post.hello)).deliver(post)
                finally:
                    found.close()
        return why

    async def press(self, url: str) -> str:
        """POST what a mailbox provider posts for its user (RFC 8058 §3.2): the status, or why there was none."""
        try:
            where = urlsplit(url)
            port, host = where.port or 443, where.hostname or ""
        except ValueError:
            return f"{url[:80]!r} is no URL"
        if where.scheme != "https":
            return "one-click needs https"
        addresses = self._addresses(host)
        if not addresses:
            return f"{host} has no address"
        found = await self.dialer.connect(addresses[0], port, "", PATIENCE)
        if isinstance(found, NetworkFailure):
            return found.text
        try:
            return await _pressed(found, host, where)
        finally:
            found.close()

    def _exchangers(self, domain: str) -> list[str]:
        """RFC 5321 §5.1: the MX hosts, best first, else the domain itself."""
        answer = self.lookup(domain, "MX")
        return list(answer.records) if answer.status == "found" else [domain]

    def _addresses(self, host: str) -> list[str]:
        if host == "localhost" or host.startswith("127.") or host == "::1":
            return ["127.0.0.1" if host == "localhost" else host]
        return list(self.lookup(host, "A").records)


async def _pressed(stream: Stream, host: str, where: SplitResult) -> str:
    """The status of one POST; redirects are not followed (RFC 8058 §3.1)."""
    if failure := await stream.start_tls(opportunistic_context(), host, PATIENCE):
        return failure.text
    path = (where.path or "/") + (f"?{where.query}" if where.query else "")
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {where.netloc}\r\nUser-Agent: sandbox mailbox\r\nConnection: close\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(ONE_CLICK)}\r\n\r\n{ONE_CLICK}"
    )
    stream.send(head.encode("ascii", "replace"))
    answer = b""
    while b"\r\n" not in answer and len(answer) < ANSWER_MOST:
        octets = await stream.receive(PATIENCE)
        if isinstance(octets, NetworkFailure):
            return octets.text
        if not octets:
            break
        answer += octets
    words = answer.partition(b"\r\n")[0].split()
    return words[1].decode("ascii", "replace") if len(words) > 1 else "no HTTP answer"


@dataclass(slots=True)
class _Conversation:
    """One connection to a mail host, for one mail."""

    stream: Stream
    host: str
    client: Client

    async def deliver(self, post: Post) -> Sent:
        """EHLO to final reply."""
        ascii_only = (post.sender + post.recipient).isascii()
        wanted = Transaction(
            post.sender, (Recipient(post.recipient),), len(post.octets), not post.octets.isascii(), not ascii_only
        )
        while not self.client.over:
            self.stream.send(self.client.output())
            octets = await self.stream.receive(PATIENCE)
            if isinstance(octets, NetworkFailure):
                return Sent(octets.text, again=True)
            try:
                events = self.client.receive(octets)
            except RemoteProtocolError as problem:
                return Sent(str(problem))
            while events:
                event = events.pop(0)
                match event:
                    case TlsWanted():
                        if failure := await self.stream.start_tls(opportunistic_context(), self.host, PATIENCE):
                            return Sent(failure.text)
                        self.client.tls_started()
                    case Ready():
                        events += self.client.transact(wanted)
                    case BodyWanted():
                        self.stream.send(b"".join(stuffed([post.octets])))
                        self.client.body_sent()
                    case Refused():
                        return _heard(event.reply)
                    case Finished():
                        self.client.quit()
                        self.stream.send(self.client.output())
                        return Sent("") if event.result.accepted else _heard(event.result.recipients[0])
                    case _:
                        break
        return Sent(f"{self.host} ended the connection early", again=True)


def _heard(answer: Reply | NetworkFailure) -> Sent:
    """What a refusal comes to."""
    return Sent(str(answer), again=isinstance(answer, NetworkFailure) or not answer.permanent)


def loopback_dialer() -> LoopbackOnlyDialer:
    """The only dialer of the sandbox."""
    return LoopbackOnlyDialer(TcpDialer())
