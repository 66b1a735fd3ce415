"""How a client is connected, in the words of a Received field (RFC 5321 §4.4, RFC 3848)."""

from __future__ import annotations

from goodstanding.wire.message import Arrival
from goodstanding.wire.smtp_server import Session


def protocol(session: Session, *, tls: bool, authenticated: bool) -> str:
    """``ESMTPSA`` and its like."""
    if not session.esmtp:
        return "SMTP"
    return "ESMTP" + ("S" if tls else "") + ("A" if authenticated else "")


def arrival(session: Session, remote: str, by: str, tls: str, authenticated: bool) -> Arrival:
    """What all messages of a session have in common; ``tls``: version and cipher, empty without."""
    return Arrival(session.helo, remote, by, protocol(session, tls=bool(tls), authenticated=authenticated), tls)
