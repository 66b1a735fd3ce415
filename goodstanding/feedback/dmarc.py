"""DMARC aggregate reports (RFC 9990, RFC 7489 appendix C): what others saw that claimed to come from a domain of ours.

XML from strangers, mostly in gzip or zip. Expat reads it as it is unpacked, so memory grows with the rows and not with
the file; a document type ends the reading, so there are no entities to expand, and names are compared without their
namespace, which many senders leave out. What is missing reads as empty; a report cut short keeps the rows it had.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from xml.parsers import expat

from msgspec import Struct

from goodstanding.feedback.mail import Mail, Part
from goodstanding.feedback.packed import pieces
from goodstanding.feedback.reading import Reading, Source

NAME = "dmarc"

MOST_ROWS = 20_000
"""Rows of one report that are kept."""

MOST_ELEMENTS = 40 * MOST_ROWS
"""Elements of one report that are read; a row has some twenty."""

_DEEPEST = 16
"""Levels of elements; the schema has five (RFC 9990 appendix A)."""

_LONGEST = 300
"""Characters of a value that are kept."""

_MOST_SIGNATURES = 16
"""DKIM results of one row that are kept."""


class Signature(Struct, frozen=True, gc=False):
    """What became of one DKIM signature or of SPF."""

    domain: str
    result: str
    selector: str = ""


class Row(Struct, frozen=True, kw_only=True, gc=False):
    """Messages of one source that fared the same."""

    source_ip: str
    count: int
    disposition: str
    """``none``, ``pass``, ``quarantine`` or ``reject``; whatever the receiver wrote."""
    dkim_aligned: bool
    """A DKIM signature passed and its domain belongs to that of From."""
    spf_aligned: bool
    header_from: str = ""
    envelope_from: str = ""
    envelope_to: str = ""
    dkim: tuple[Signature, ...] = ()
    spf: tuple[Signature, ...] = ()
    reasons: tuple[str, ...] = ()
    """Why the receiver did not do as the policy says: ``local_policy``, ``trusted_forwarder``, ``mailing_list`` ..."""

    @property
    def passed(self) -> bool:
        """DMARC is met by either way (RFC 9989)."""
        return self.dkim_aligned or self.spf_aligned


class Policy(Struct, frozen=True, gc=False):
    """The record of the domain, as the receiver found it; empty tags were not told."""

    domain: str = ""
    p: str = ""
    sp: str = ""
    np: str = ""
    adkim: str = ""
    aspf: str = ""
    testing: str = ""


class AggregateReport(Struct, frozen=True, kw_only=True, gc=False):
    """One receiver's report about one domain over one span of time."""

    reporter: str
    """Name of the organisation."""
    email: str
    report_id: str
    """Unique for this reporter and domain (RFC 9990): a report that comes twice is one report."""
    begin: float
    end: float
    policy: Policy
    rows: tuple[Row, ...]
    errors: tuple[str, ...] = ()
    """What the receiver found wrong with the record."""
    cut: bool = False
    """The report was longer than we read, or broken off."""

    @property
    def messages(self) -> int:
        return sum([row.count for row in self.rows])

    @property
    def failed(self) -> int:
        """Messages that passed by neither way: forged, forwarded, or a flow of ours that signs nothing."""
        return sum([row.count for row in self.rows if not row.passed])


class _RefusedError(Exception):
    """The document is none of ours, or has grown beyond bounds; raised and caught in this file."""


def matches(mail: Mail) -> bool:
    """It has a part that is named or typed as such a report is (RFC 9990, "Email")."""
    return next(_candidates(mail), None) is not None


def read(mail: Mail) -> list[Reading]:
    """What it comes to; empty when no part of it is a report. `reports` has the rows."""
    found = [reading(report) for report in reports(mail)]
    return found or (
        [Reading("unreadable", source=NAME, detail="no report can be read in it")] if _claims(mail) else []
    )


def reports(mail: Mail) -> list[AggregateReport]:
    """Every report attached to a mail."""
    return [report for part in _candidates(mail) if (report := read_xml(part.payload)) is not None]


def reading(report: AggregateReport) -> Reading:
    """A report in one line."""
    sources = len({row.source_ip for row in report.rows})
    return Reading(
        "aggregate",
        source=NAME,
        reporter=report.reporter or report.email,
        reported_domain=report.policy.domain,
        arrived=report.end or None,
        count=report.messages,
        report_id=report.report_id,
        detail=f"{report.messages} messages from {sources} sources, {report.failed} failed DMARC",
    )


_TYPES = frozenset(
    (
        "application/gzip", "application/x-gzip", "application/gzip-compressed", "application/x-gunzip",
        "application/zip", "application/x-zip", "application/x-zip-compressed", "application/octet-stream",
        "application/xml", "text/xml", "application/dmarc+xml",
    )
)  # fmt: skip
_FILE = re.compile(r"[^!\s\"]+![^!\s\"]+![0-9]+![0-9]+(?:![^!\s\"]+)?\.(?:xml|zip|gz)", re.IGNORECASE)
"""RFC 9990, "Filename": receiver, domain, begin, end, and perhaps a unique part, parted by exclamation marks."""
_MOST_REPORTS = 8
"""Parts of one mail that are tried; there should be one."""


def _candidates(mail: Mail) -> Iterator[Part]:
    fitting = [part for part in mail.root.walk() if part.content_type in _TYPES and not part.parts]
    claimed = _claims(mail)
    for part in fitting[:_MOST_REPORTS]:
        name = part.parameters.get("name", "") + " " + part.first("content-disposition")[:500]
        if claimed or _FILE.search(name) or ".xml" in name.lower() or part.content_type.endswith("xml"):
            yield part


def _claims(mail: Mail) -> bool:
    """``Report Domain: example.com Submitter: example.net Report-ID: ...`` (RFC 9990, "Email")."""
    subject = mail.root.readable("subject")[:300].lower()
    return "report domain:" in subject or "report-id:" in subject


def read_xml(octets: bytes) -> AggregateReport | None:
    """The report in an XML document, plain or compressed; None when it is none."""
    return read_pieces(pieces(octets))


def read_pieces(source: Iterable[bytes]) -> AggregateReport | None:
    """The same, from pieces of XML as they come."""
    reading = _Reading()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reading.opened
    parser.EndElementHandler = reading.closed
    parser.CharacterDataHandler = reading.said
    parser.StartDoctypeDeclHandler = reading.doctype
    broken = False
    try:
        for piece in source:
            parser.Parse(piece, False)
        parser.Parse(b"", True)
    except (expat.ExpatError, _RefusedError, LookupError, ValueError):  # the last two: of character sets nobody knows
        broken = True
    return reading.report(broken)


class _Reading:
    """What has been read so far: texts by their path below the root, and rows as they end."""

    def __init__(self) -> None:
        self.path: list[str] = []
        self.elements = 0
        self.text = ""
        self.texts: dict[str, str] = {}
        """Of the report as a whole, by path."""
        self.row: dict[str, list[str]] = {}
        """Of the record that is being read, by path below it; repeated ones in order."""
        self.rows: list[Row] = []
        self.errors: list[str] = []

    def opened(self, name: str, _attributes: object) -> None:
        name = _local(name)
        self.elements += 1
        if not self.path and name != "feedback":
            raise _RefusedError
        if len(self.path) >= _DEEPEST or self.elements > MOST_ELEMENTS:
            raise _RefusedError
        self.path.append(name)
        self.text = ""
        if self.path[1:] == ["record"]:
            self.row = {}
        elif name in ("dkim", "spf", "reason") and self.path[1:2] == ["record"]:
            self._begin_group("/".join(self.path[2:]))

    def _begin_group(self, path: str) -> None:
        """So that the third domain belongs to the third signature, also where one before has no selector."""
        for part in _GROUPS.get(path, ()):
            values = self.row.setdefault(f"{path}/{part}", [])
            if len(values) < _MOST_SIGNATURES:
                values.append("")

    def said(self, text: str) -> None:
        if len(self.text) < _LONGEST:
            self.text += text

    def doctype(self, *_: object) -> None:
        raise _RefusedError

    def closed(self, _name: str) -> None:
        path, text = self.path[1:], " ".join(self.text[:_LONGEST].split())
        self.path.pop()
        self.text = ""
        if path == ["record"]:
            self._end_row()
        elif path[:1] == ["record"]:
            self._keep("/".join(path[1:]), text)
        elif path == ["report_metadata", "error"]:
            self.errors = [*self.errors, text][:_MOST_SIGNATURES]
        elif text and (name := "/".join(path)) in _REPORT:
            self.texts.setdefault(name, text)

    def _keep(self, path: str, text: str) -> None:
        if path in _RECORD:
            self.row.setdefault(path, [text])
        elif path.rpartition("/")[0] in _GROUPS and (values := self.row.get(path)):
            values[-1] = values[-1] or text

    def _end_row(self) -> None:
        if len(self.rows) >= MOST_ROWS:
            raise _RefusedError
        if row := _row(self.row):
            self.rows.append(row)

    def report(self, broken: bool) -> AggregateReport | None:
        texts = self.texts
        if not self.rows and not texts.get("report_metadata/report_id"):
            return None
        return AggregateReport(
            reporter=texts.get("report_metadata/org_name", ""),
            email=texts.get("report_metadata/email", ""),
            report_id=texts.get("report_metadata/report_id", ""),
            begin=float(_count(texts.get("report_metadata/date_range/begin", ""))),
            end=float(_count(texts.get("report_metadata/date_range/end", ""))),
            policy=Policy(*[texts.get(f"policy_published/{tag}", "").lower() for tag in _TAGS]),
            rows=tuple(self.rows),
            errors=tuple(self.errors),
            cut=broken,
        )


_GROUPS = {
    "auth_results/dkim": ("domain", "selector", "result"),
    "auth_results/spf": ("domain", "result"),
    "row/policy_evaluated/reason": ("type", "comment"),
}
"""Elements that may occur more than once in a record, and what stands in them."""

_RECORD = frozenset(
    (
        "row/source_ip", "row/count", "row/policy_evaluated/disposition", "row/policy_evaluated/dkim",
        "row/policy_evaluated/spf", "identifiers/header_from", "identifiers/envelope_from", "identifiers/envelope_to",
    )
)  # fmt: skip
_TAGS = ("domain", "p", "sp", "np", "adkim", "aspf", "testing")
_REPORT = frozenset(
    (
        "report_metadata/org_name", "report_metadata/email", "report_metadata/report_id",
        "report_metadata/date_range/begin", "report_metadata/date_range/end",
        *[f"policy_published/{tag}" for tag in _TAGS],
    )
)  # fmt: skip
"""What is kept of a record and of a report: a stranger's elements do not fill our memory."""


def _row(texts: dict[str, list[str]]) -> Row | None:
    """One record; None where it names no address or counts nothing."""
    source, count = _address(_first(texts, "row/source_ip")), _count(_first(texts, "row/count"))
    if not source or not count:
        return None
    return Row(
        source_ip=source,
        count=count,
        disposition=_first(texts, "row/policy_evaluated/disposition").lower(),
        dkim_aligned=_first(texts, "row/policy_evaluated/dkim").lower() == "pass",
        spf_aligned=_first(texts, "row/policy_evaluated/spf").lower() == "pass",
        header_from=_first(texts, "identifiers/header_from").lower(),
        envelope_from=_first(texts, "identifiers/envelope_from").lower(),
        envelope_to=_first(texts, "identifiers/envelope_to").lower(),
        dkim=_signatures(texts, "auth_results/dkim"),
        spf=_signatures(texts, "auth_results/spf"),
        reasons=tuple(texts.get("row/policy_evaluated/reason/type", ())),
    )


def _signatures(texts: dict[str, list[str]], path: str) -> tuple[Signature, ...]:
    domains, results = texts.get(f"{path}/domain", []), texts.get(f"{path}/result", [])
    selectors = texts.get(f"{path}/selector") or [""] * len(domains)  # SPF has none
    return tuple(
        Signature(domain.lower(), result.lower(), selector)
        for domain, result, selector in zip(domains, results, selectors, strict=False)
    )


def _first(texts: dict[str, list[str]], path: str) -> str:
    return next(iter(texts.get(path, ())), "")


def _local(name: str) -> str:
    """A name without its prefix and in lower case."""
    return name[name.rfind(":") + 1 :][:64].lower()


def _count(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,12}", text) else 0


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        return ""


SOURCE = Source(NAME, matches, read)
