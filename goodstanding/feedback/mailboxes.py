"""Which addresses take reports: return paths we made, and a handful of mailboxes at the report domains."""

from __future__ import annotations

from dataclasses import dataclass

from goodstanding.model import Reply
from goodstanding.wire import return_path

MAILBOXES = frozenset({"fbl", "abuse", "dmarc", "tlsrpt", "reply", "unsubscribe", "postmaster"})
"""At the report domain; what follows a plus in the local part is theirs to use."""
NO_SUCH = Reply(550, "5.1.1", "no such mailbox: reports go to the return path or the report address of the message")
NOT_OURS = Reply(550, "5.7.1", "we do not relay; this server takes bounces and reports about mail that we sent")


@dataclass(slots=True)
class Mailboxes:
    """What the listener takes mail for."""

    key: bytes
    """Of return paths."""
    domain: str
    """Of the report mailboxes; empty: none."""
    mail_domain: str = ""
    """Where requests to unsubscribe go; empty: nowhere."""
    bounce_domains: frozenset[str] = frozenset()

    def objection(self, address: str) -> Reply | None:
        """Why mail for an address is not taken; None: it is."""
        local, at, domain = address.lower().rpartition("@")
        if not at:  # RFC 5321 §4.5.1: postmaster without a domain is always taken
            return None if domain == "postmaster" else NOT_OURS
        ours = {*self.bounce_domains, self.domain.lower(), self.mail_domain.lower()} - {""}
        if domain not in ours:
            return NOT_OURS
        if local.partition("+")[0] in MAILBOXES or return_path.decode(self.key, local) is not None:
            return None
        return NO_SUCH
