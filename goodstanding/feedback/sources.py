"""Every shape of report we can read, and the one function that reads any of them."""

from __future__ import annotations

from goodstanding.feedback import answers, arf, bounces, dmarc, dsn, ses, tlsrpt, unsubscribes, xarf
from goodstanding.feedback.mail import Mail
from goodstanding.feedback.reading import Reading, Source

SOURCES: tuple[Source, ...] = (
    arf.SOURCE,
    tlsrpt.SOURCE,  # before DMARC: both have the same kind of subject, and this one says more of itself
    dmarc.SOURCE,
    xarf.SOURCE,
    ses.SOURCE,
    unsubscribes.SOURCE,
    dsn.SOURCE,
    bounces.SOURCE,
    answers.SOURCE,
)
"""Asked in this order, narrow shapes first: the first that matches and finds something to say has read the report."""


def read(mail: Mail) -> list[Reading]:
    """What a report says; an ``ordinary`` reading for mail that reports nothing. Never raises, never empty."""
    for source in SOURCES:
        if source.matches(mail):
            readings = source.read(mail)
            if readings:
                return readings
    return [Reading("ordinary")]
