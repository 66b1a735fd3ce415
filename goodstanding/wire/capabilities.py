"""What a server says it can do, and what that makes of our commands (RFC 1869 and the extensions below)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from goodstanding.errors import LocalProtocolError
from goodstanding.model import Recipient, Reply
from goodstanding.wire.transaction import Transaction

RECIPIENTS_LIMIT = 100
"""Recipients of one transaction where the server names no limit: every server takes as many (RFC 5321 §4.5.3.1.8)."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The answer to EHLO; the default is a server that knows only HELO."""

    extensions: Mapping[str, str] = field(default_factory=dict)
    """Keyword in upper case -> its parameters, as written."""
    mails_limit: int = 0
    """Transactions per connection (RFC 9422); 0: the server names no limit. So for the next two."""
    recipients_limit: int = 0
    domains_limit: int = 0

    @property
    def pipelining(self) -> bool:
        """Commands may be sent without waiting for replies (RFC 2920)."""
        return "PIPELINING" in self.extensions

    @property
    def size_limit(self) -> int:
        """Bytes the largest message may have (RFC 1870); 0: not said."""
        return _number(self.extensions.get("SIZE", ""))

    def objection(self, transaction: Transaction) -> Reply | None:
        """Why this server cannot take such a message, known without asking it."""
        if transaction.smtputf8 and "SMTPUTF8" not in self.extensions:  # RFC 6531 §3.2
            return Reply(553, "5.6.7", "the message needs SMTPUTF8, which the receiving server does not offer")
        if transaction.eight_bit and not self.extensions.keys() & {"8BITMIME", "SMTPUTF8"}:  # RFC 6152 §3
            return Reply(554, "5.6.3", "the message has 8-bit content, which the receiving server does not take")
        if 0 < self.size_limit < transaction.size:  # RFC 1870 §6.2
            text = f"the message has {transaction.size} bytes, the receiving server takes {self.size_limit}"
            return Reply(552, "5.3.4", text)
        return None

    def portion(self, recipients: Sequence[Recipient]) -> int:
        """How many of these recipients, from the first on, one transaction may have."""
        most = min(len(recipients), self.recipients_limit or RECIPIENTS_LIMIT, RECIPIENTS_LIMIT)
        domains = set[str]()
        for n in range(most if self.domains_limit else 0):
            domains.add(recipients[n].domain)
            if len(domains) > self.domains_limit:
                return n
        return most

    def commands(self, transaction: Transaction) -> list[tuple[str, bytes]]:
        """MAIL, RCPT and DATA, each with the stage it is; parameters only where the server knows them."""
        lines = [("mail", self._mail(transaction))]
        lines += [("rcpt", self._rcpt(recipient, transaction.smtputf8)) for recipient in transaction.recipients]
        charset = "utf-8" if transaction.smtputf8 else "ascii"
        commands = [(stage, command_line(line, charset)) for stage, line in lines]
        commands.append(("data", b"DATA\r\n"))
        return commands

    def _mail(self, transaction: Transaction) -> str:
        line = f"MAIL FROM:<{transaction.sender}>"
        if transaction.size and "SIZE" in self.extensions:
            line += f" SIZE={transaction.size}"
        if transaction.eight_bit and "8BITMIME" in self.extensions:
            line += " BODY=8BITMIME"
        if transaction.smtputf8:
            line += " SMTPUTF8"
        if "DSN" in self.extensions:
            line += f" RET={transaction.ret}" if transaction.ret else ""
            line += f" ENVID={transaction.envid}" if transaction.envid else ""
        return line

    def _rcpt(self, recipient: Recipient, smtputf8: bool) -> str:
        line = f"RCPT TO:<{recipient.address}>"
        if "DSN" in self.extensions:  # RFC 3461 §5.2.1: passed on as they came
            line += f" NOTIFY={','.join(recipient.notify)}" if recipient.notify else ""
            # RFC 6533 §3: one outside ASCII goes where SMTPUTF8 goes, and the message may not need that
            line += f" ORCPT={recipient.orcpt}" if recipient.orcpt and (smtputf8 or recipient.orcpt.isascii()) else ""
        return line

    def login_lines(self, user: str, password: str) -> list[bytes]:
        """What AUTH says, line by line, in the best way the server knows; nothing if it knows none of ours."""
        offered = self.extensions.get("AUTH", "").upper().split()
        name, secret = user.encode(), password.encode()
        if "PLAIN" in offered:  # RFC 4616 §2
            return [b"AUTH PLAIN " + b64encode(b"\0" + name + b"\0" + secret) + b"\r\n"]
        if "LOGIN" in offered:
            return [b"AUTH LOGIN\r\n", b64encode(name) + b"\r\n", b64encode(secret) + b"\r\n"]
        return []


def read_capabilities(text: str) -> Capabilities:
    """Capabilities from the text of a positive EHLO reply; its first line is the server's name."""
    extensions: dict[str, str] = {}
    for line in text.split("\n")[1:]:
        keyword, _, parameters = line.strip().replace("=", " ", line.upper().startswith("AUTH=")).partition(" ")
        if keyword:  # smtp-sink ends its list with an empty line
            extensions[keyword.upper()] = parameters.strip()
    limits = dict(word.upper().split("=", 1) for word in extensions.get("LIMITS", "").split() if "=" in word)
    return Capabilities(
        extensions,
        mails_limit=_number(limits.get("MAILMAX", "")),
        recipients_limit=_number(limits.get("RCPTMAX", "")),
        domains_limit=_number(limits.get("RCPTDOMAINMAX", "")),
    )


def command_line(text: str, charset: str = "ascii") -> bytes:
    """A command as it goes on the wire; one that would become two commands is our bug."""
    if "\r" in text or "\n" in text:
        raise LocalProtocolError(f"a command with a line end in it: {text!r}")
    try:
        return text.encode(charset) + b"\r\n"
    except UnicodeEncodeError as exc:
        raise LocalProtocolError(f"a command that needs SMTPUTF8 without asking for it: {text!r}") from exc


def _number(digits: str) -> int:
    """A number as a server writes it; 0 for anything else and for what no server means."""
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else 0
