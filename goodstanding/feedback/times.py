"""Dates as reports write them, read into seconds."""

from __future__ import annotations

from calendar import timegm
from email.utils import parsedate_tz

from goodstanding.feedback.json_tree import seconds

_LONGEST = 80


def second(text: str) -> float | None:
    """A date of RFC 5322 §3.3, obsolete zones and all, or of ISO 8601; None for what is neither."""
    text = text.strip()[:_LONGEST]
    if not text:
        return None
    if (iso := seconds(text)) is not None:
        return iso
    try:
        parts = parsedate_tz(text)
        return float(timegm((*parts[:6], 0, 0, 0)) - (parts[9] or 0)) if parts else None
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
