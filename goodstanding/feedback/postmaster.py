"""Google Postmaster Tools: what Gmail measured of a domain a day, from the API (version 2) or a file of its site.

Answers of ``domainStats:query`` and ``:batchQuery`` hold one value each for a domain, a day and a metric; the metric
bears the name that whoever asked gave it, so names are read by their words. Answers of ``complianceStatus`` say which
of Google's requirements are met. There is no word in them of any one message.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from goodstanding.feedback.json_tree import Node, day_start, parse
from goodstanding.feedback.measures import Compliance, Measure

_MOST = 20_000
"""Values or rows of one document that are read."""
_LONGEST_LINE = 10_000
"""Characters; a longer one is passed over."""
_DAY = 86_400.0

Values = dict[tuple[str, str, float], dict[str, float]]
"""By kind of key, key and first second of the day: values by plain metric names."""


def read_json(octets: bytes) -> list[Measure | Compliance]:
    """What an answer of the API says; empty when it is none."""
    return read_document(parse(octets))


def read_document(document: Node) -> list[Measure | Compliance]:
    """The same of a document that has been parsed; a list of answers is as good as one."""
    values: Values = {}
    found: list[Measure | Compliance] = []
    for answer in document.each[:_MOST]:
        for one in (answer, *[result.get("response") for result in answer.get("results").each[:_MOST]]):
            for stat in one.get("domainStats").each[:_MOST]:
                _collect(values, stat)
        found += _compliance(answer)
    return [*_measures(values), *found]


def read_csv(text: str, domain: str = "") -> list[Measure | Compliance]:
    """A table with a header: a date, a domain (or the one given), and metrics in columns, or one in each row."""
    rows = csv.reader([line for line in text.splitlines()[:_MOST] if len(line) < _LONGEST_LINE])
    values: Values = {}
    try:
        names = [_plain(name) for name in next(rows, [])]
        if "date" not in names:
            return []
        for row in rows:
            _collect_row(values, dict(zip(names, row, strict=False)), domain)
    except csv.Error:
        return []
    return [*_measures(values)]


def _collect(values: Values, stat: Node) -> None:
    name = re.match(r"domains/([^/\s]{1,255})", stat.get("name").text)
    date = stat.get("date")
    begin = day_start(date.get("year").count, date.get("month").count, date.get("day").count)
    value = stat.get("value").get("doubleValue", "floatValue", "intValue")
    if begin is not None and value.value is not None:
        _put(values, (name[1].lower() if name else "", begin), stat.get("metric").text, value.number)


def _collect_row(values: Values, row: dict[str, str], domain: str) -> None:
    begin = _date(row.get("date", ""))
    domain = (row.get("domain", "") or domain).strip().lower()
    if begin is None:
        return
    if "metric" in row and "value" in row:
        row = {row["metric"]: row["value"]}
    for metric, text in row.items():
        value = _fraction(text)
        if value is not None:
            _put(values, (domain, begin), metric, value)


def _put(values: Values, where: tuple[str, float], metric: str, value: float) -> None:
    name = _metric(metric)
    if name == "feedback_loop":
        values.setdefault(("feedback-id", metric[:300], where[1]), {})["spam_rate"] = value
    elif name:
        values.setdefault(("domain", *where), {})[name] = value


def _metric(name: str) -> str:
    """The plain name of a metric, by the words in the name it was given; empty for one we do not keep."""
    words = set(_plain(name).split("_"))
    if "rate" not in words and "ratio" not in words:
        return ""
    if words & {"fbl", "loop"}:
        return "feedback_loop"
    if "spam" in words and "error" not in words:
        return "spam_rate"
    if found := words & {"spf", "dkim", "dmarc"}:
        return f"auth_{min(found)}"
    if words & {"tls", "encryption"}:
        return "tls"
    return f"error_{_plain(name)}" if words & {"error", "errors"} else ""


def _measures(values: Values) -> Iterator[Measure]:
    for (of, key, begin), found in sorted(values.items()):
        yield Measure(
            provider="google",
            of="domain" if of == "domain" else "feedback-id",
            key=key,
            begin=begin,
            end=begin + _DAY,
            spam_rate=found.get("spam_rate"),
            spam_rate_at_least=found.get("spam_rate"),
            encrypted=found.get("tls"),
            authenticated=_named(found, "auth_"),
            errors=_named(found, "error_"),
        )


def _named(found: dict[str, float], prefix: str) -> tuple[tuple[str, float], ...]:
    return tuple((name[len(prefix) :], value) for name, value in sorted(found.items()) if name.startswith(prefix))


def _compliance(answer: Node) -> list[Compliance]:
    """What stands in ``complianceStatus``: requirements met or not, and three verdicts with their reasons."""
    found: list[Compliance] = []
    for part in (answer.get("complianceData"), answer.get("subdomainComplianceData")):
        domain = part.get("domainId").text.lower()
        found += [
            _met(domain, row.get("requirement").text, row.at("status", "status").text, "")
            for row in part.get("rowData").each[:100]
        ]
        for name in ("oneClickUnsubscribeVerdict", "honorUnsubscribeVerdict", "deliverabilityStatusVerdict"):
            verdict = part.get(name)
            if verdict.is_object:
                found.append(_met(domain, name, verdict.at("status", "status").text, verdict.get("reason").text))
    return [one for one in found if one.requirement]


def _met(domain: str, requirement: str, status: str, because: str) -> Compliance:
    return Compliance(
        provider="google",
        domain=domain,
        requirement=_plain(requirement.removesuffix("Verdict")).replace("_", "-"),
        met=status == "COMPLIANT",
        because=because or ("" if status in ("COMPLIANT", "NEEDS_WORK") else status),
    )


def _plain(name: str) -> str:
    """``spamRate``, ``SPAM_RATE`` and ``Spam rate (%)`` are all ``spam_rate``."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name[:300])
    return "_".join(re.findall(r"[a-z0-9]+", spaced.lower()))


def _date(text: str) -> float | None:
    """A day as 2026-11-23, 20261123 or 11/23/2026."""
    if found := re.fullmatch(r"\s*([0-9]{4})[-/]?([0-9]{2})[-/]?([0-9]{2})(?:[T ].{0,40})?\s*", text):
        return day_start(int(found[1]), int(found[2]), int(found[3]))
    if found := re.fullmatch(r"\s*([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})\s*", text):
        return day_start(int(found[3]), int(found[1]), int(found[2]))
    return None


def _fraction(text: str) -> float | None:
    """A rate as a fraction, or in percent with its sign; None for what is no rate."""
    found = re.fullmatch(r"\s*([0-9]{1,9}(?:\.[0-9]{0,12})?(?:[eE]-?[0-9]{1,2})?)\s*(%?)\s*", text)
    if not found:
        return None
    value = float(found[1]) / (100 if found[2] else 1)
    return value if value <= 1.0 else None
