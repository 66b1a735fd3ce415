"""Microsoft SNDS: what Outlook.com measured of our addresses a day, and which of them it blocks.

Two files, both CSV without a header, fetched from an address with a key in it. Data: address, first and last second of
activity, RCPT and DATA commands, recipients, filter result, complaint rate, first and last second of trap hits, their
number, sample HELO, sample MAIL FROM, comments. Status: first and last address, whether it is blocked, and why.
"""

from __future__ import annotations

import csv
import re
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address

from goodstanding.feedback.measures import Block, Filter, Measure

_MOST = 100_000
"""Lines of one file that are read."""

_LONGEST_LINE = 10_000
"""Characters; a longer one is passed over."""

_PACIFIC = timezone(timedelta(hours=-8))
"""SNDS counts days in Pacific time; an hour off in summer does not matter to a day."""

_FILTERS: dict[str, Filter] = {"green": "green", "yellow": "yellow", "red": "red"}


def read_csv(text: str) -> list[Measure | Block]:
    """Either file; lines that are none of theirs (a header, say) are passed over."""
    found: list[Measure | Block] = []
    try:
        for row in csv.reader([line for line in text.splitlines()[:_MOST] if len(line) < _LONGEST_LINE]):
            read = _data(row) if len(row) >= 8 else _status(row)
            found += [read] if read else []
    except csv.Error:
        pass  # a quote that nothing closes: what came before is good
    return found


def _data(row: list[str]) -> Measure | None:
    cells = [cell.strip() for cell in row] + [""] * 14
    key, begin, end = _ip(cells[0]), _moment(cells[1]), _moment(cells[2])
    verdict = _FILTERS.get(cells[6].lower())
    if not key or begin is None or end is None or verdict is None:
        return None
    lowest, highest = _band(cells[7])
    return Measure(
        provider="microsoft",
        of="ip",
        key=key,
        begin=begin,
        end=end,
        messages=_number(cells[5]),
        spam_rate=highest,
        spam_rate_at_least=lowest,
        traps=_number(cells[10]) or 0,
        verdict=verdict,
        notes=tuple([note[:500] for note in cells[13:] if note]),
    )


def _status(row: list[str]) -> Block | None:
    cells = [cell.strip() for cell in row] + [""] * 4
    first, last = _ip(cells[0]), _ip(cells[1])
    if not first or not last:
        return None
    return Block(
        provider="microsoft",
        first=first,
        last=last,
        blocked=cells[2].lower() in ("yes", "true"),
        because=cells[3][:500],
    )


def _band(text: str) -> tuple[float | None, float | None]:
    """``< 0.1%`` is a band, ``0.3%`` a rate; empty where too little was sent to tell."""
    found = re.fullmatch(r"([<>]?)\s*([0-9]{1,3}(?:\.[0-9]{1,6})?)\s*%", text)
    if not found:
        return None, None
    rate = float(found[2]) / 100
    return (0.0 if found[1] == "<" else rate), (1.0 if found[1] == ">" else rate)


def _moment(text: str) -> float | None:
    """``11/23/2026 4:00 PM``, with or without seconds."""
    for form in ("%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M", "%m/%d/%Y"):
        try:
            return datetime.strptime(text[:40], form).replace(tzinfo=_PACIFIC).timestamp()
        except (ValueError, OverflowError):
            continue
    return None


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,12}", text) else None


def _ip(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        return ""
