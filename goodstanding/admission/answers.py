"""Findings as SMTP replies: short, on lines within the limits of RFC 5321."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from goodstanding.admission.facts import STRICTNESS, UNLINKED, Action, Finding
from goodstanding.model import Reply

LINES_MOST = 10
"""Findings a reply carries; the rest is in the journal (`goodstanding why`)."""
LINE_MOST = 400
"""Characters of one line; with code, enhanced code and CRLF it stays below 512 octets (RFC 5321 §4.5.3.1.5)."""
NAMED_MOST = 3
"""Recipients a line names before it counts the others."""
NOT_LINKED = "The specified sender domain has not been linked."
"""ACS's words: applications written for it look for them. Ours follow."""
_CODES = {Action.REFUSE: 550, Action.DEFER: 450, Action.QUARANTINE: 250, Action.ACCEPT: 250}


def returned(findings: Sequence[Finding], why: str) -> Reply:
    """The reply under which a quarantined recipient goes back to its sender: who ended it, and why it was held."""
    held = [one for one in findings if one.action is not Action.ACCEPT][:2]
    reasons = "; ".join(f"{_plain(one.because)} [{one.slug}]" for one in held)
    text = f"{_plain(why)}; it was held because {reasons}" if reasons else _plain(why)
    return Reply(550, "5.7.1", text if len(text) <= LINE_MOST else f"{text[: LINE_MOST - 3]}...")


def answer(action: Action, findings: Sequence[Finding], reasons_url: str, words: str) -> Reply:
    """The reply that carries findings, the strictest first, a line each; ``words`` stand before them."""
    ordered = sorted(findings, key=lambda one: -STRICTNESS[one.action])
    several = len({one.recipient for one in ordered}) > 1
    groups = _grouped(ordered)
    lines = [line for same in groups[:LINES_MOST] for line in _lines(same, reasons_url, several)]
    if len(groups) > LINES_MOST:
        lines.append(f"and {len(groups) - LINES_MOST} more reasons; ask the operator for: goodstanding why")
    if lines and not reasons_url:
        lines.append(f"What this means: goodstanding reasons {ordered[0].slug}")
    code, enhanced = status(action, ordered)
    if enhanced == UNLINKED:
        return Reply(code, enhanced, "\n".join([NOT_LINKED, *lines]))
    text = "\n".join(([words] if words else []) + lines)
    return Reply(code, enhanced, text or action.value)


def status(action: Action, findings: Sequence[Finding]) -> tuple[int, str]:
    """The codes that a reply with these findings has: what clients hear, and what the journal says they heard."""
    ordered = sorted(findings, key=lambda one: -STRICTNESS[one.action])
    if action is Action.REFUSE and ordered and ordered[0].code == UNLINKED:
        return 501, UNLINKED
    return _CODES[action], _enhanced(action, ordered)


def _grouped(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Findings that say the same of several recipients, together."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.slug, finding.because, finding.remedy), []).append(finding)
    return list(groups.values())


def _lines(same: Sequence[Finding], reasons_url: str, several: bool) -> list[str]:
    """One finding, on as many lines as it needs."""
    first = same[0]
    more = f" and {len(same) - NAMED_MOST} more" if len(same) > NAMED_MOST else ""
    named = ", ".join(one.recipient for one in same[:NAMED_MOST] if one.recipient) if several or more else ""
    where = f"{reasons_url}{first.slug}" if reasons_url else first.slug
    whom = f"{_plain(named)[:120]}{more}: " if named else ""
    said = _plain(f"{first.because}; {first.remedy}" if first.remedy else first.because)
    return wrap(f"{whom}{said} [{where}]", LINE_MOST, break_on_hyphens=False)


def _plain(text: str) -> str:
    """Replies are ASCII unless the client asked for SMTPUTF8 (RFC 6531 §3.7.4.1), and one finding is one line."""
    return " ".join(text.translate(_SPELT_OUT).encode("ascii", "replace").decode().split())


_SPELT_OUT = str.maketrans({"§": "section ", "–": "-", "’": "'"})
"""What laws and people are quoted with, and ASCII lacks."""


def _enhanced(action: Action, ordered: Sequence[Finding]) -> str:
    """The code of the strictest finding, with the first digit of the reply (RFC 2034 §4)."""
    first = {Action.REFUSE: "5", Action.DEFER: "4"}.get(action, "2")
    code = ordered[0].code if ordered and action is not Action.QUARANTINE else "5.7.1"
    return f"{first}{code[1:]}" if first != "2" else "2.7.0"
