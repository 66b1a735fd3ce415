"""Records by which DMARC reports about a domain find their way to our report mailboxes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from goodstanding.admission.identities import registrable


@dataclass(frozen=True, slots=True)
class Record:
    """One DNS record to publish."""

    name: str
    """In full, without the final dot."""
    type: str
    """TXT, MX, CNAME ..."""
    value: str
    """As DNS holds it; a TXT value is plain text, unquoted."""
    why: str = ""
    optional: bool = False
    """Mail is believed without it, too."""


def dmarc_text(name: str, reports: str) -> str:
    """The DMARC record to begin with; without a report domain of ours its reports go to the domain itself."""
    reader = f"dmarc@{reports}" if reports else f"dmarc-reports@{name}"
    return f"v=DMARC1; p=none; rua=mailto:{reader}"


def report_place(name: str, reports: str, hostname: str) -> Iterable[Record]:
    """What the report domain itself publishes, once for all domains and once for this one."""
    if not reports:
        return
    why = "reports and complaints come back to the report domain (feedback.domain), and are read there"
    yield Record(reports, "MX", f"10 {hostname}.", why, optional=True)
    if (allowed := authorization(name, reports)) is not None:
        yield allowed


def authorization(name: str, reports: str) -> Record | None:
    """Leave to send reports about a domain to another organization's (RFC 9990; RFC 7489 §7.1); None: needs none."""
    if registrable(name) == registrable(reports):
        return None
    why = f"without it reporters send nothing about {name} to a domain of another organization"
    return Record(f"{name}._report._dmarc.{reports}", "TXT", "v=DMARC1", why, optional=True)
