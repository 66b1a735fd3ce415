"""The answer of a site's own policy service, read without trusting it; and what counts when there is none."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from goodstanding.admission.facts import Action, Facts, SiteOpinion

Word = Literal["accept", "quarantine", "defer", "refuse"]
ANSWER_LIMIT = 16 * 1024
"""Octets of an answer; more is none."""
TEXT_LIMIT = 300
"""Characters of because and remedy that are kept."""


class _Answer(Struct, frozen=True):
    """``{"action": "refuse", "because": "...", "remedy": "..."}``; other fields are left alone."""

    action: Word
    because: str = ""
    remedy: str = ""


_decoder = msgspec.json.Decoder(_Answer)
_encode = msgspec.json.Encoder().encode


def question(facts: Facts) -> bytes:
    """Facts as JSON: bytes are base64, sets and tuples are lists, field names are those of `admission.facts`."""
    return _encode(facts)


def opinion(octets: bytes, default: Word) -> SiteOpinion:
    """What an answer says; the default, with a word about why, when it is not one."""
    if len(octets) > ANSWER_LIMIT:
        return unasked(f"answered with more than {ANSWER_LIMIT // 1024} KiB", default)
    try:
        said = _decoder.decode(octets)
    except msgspec.MsgspecError as exc:
        return unasked(f"answered with something that is no opinion ({_tidy(str(exc))[:120]})", default)
    because = _tidy(said.because)
    if said.action != "accept" and not because:
        because = "the site's policy says so, without a reason"
    return SiteOpinion(Action(said.action), because, _tidy(said.remedy))


def unasked(fault: str, default: Word) -> SiteOpinion:
    """The default, and why it was needed: ``did not answer within 2 s``."""
    because = f"the site's policy service {fault}; the default is {default}"
    remedy = (
        "" if default == "accept" else "try again later, or tell the operator that the policy service is out of order"
    )
    return SiteOpinion(Action(default), because, remedy)


def _tidy(text: str) -> str:
    """One line without what could steer a terminal or end an SMTP reply."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:TEXT_LIMIT]
