"""Traces of our own message in a report: sealed tokens, wherever they turn up, and the original Message-ID."""

from __future__ import annotations

import re

from goodstanding.feedback.mail import Mail, Part
from goodstanding.wire.return_path import MARK

OURS = ("x-goodstanding-token", "cfbl-feedback-id")
"""Header fields of outgoing mail whose values are tokens (RFC 9477 §3.2 for the second)."""

MOST = 20
"""Tokens taken from one report."""

_RETURN_PATH = re.compile(
    rf"(?<![\w+]){re.escape(MARK)}[0-9a-hjkmnp-tv-z]{{13}}-\d{{1,6}}-[0-9a-f]{{12}}(?![0-9a-f])", re.IGNORECASE
)
_FIELD = re.compile(
    rf"^[> \t]{{0,20}}(?:{'|'.join(OURS)}):[ \t]*((?:[^\s]|[ \t]|\n[ \t]){{1,500}})", re.IGNORECASE | re.MULTILINE
)
_MESSAGE_ID = re.compile(r"^[> \t]*Message-ID:\s*<([^<>\s]{1,300})>", re.IGNORECASE | re.MULTILINE)


def tokens(mail: Mail) -> tuple[str, ...]:
    """Everything in a report that looks like a token of ours; only who holds the key can tell."""
    return tokens_in(*mail.recipients, *_everything(mail.root))


def tokens_in(*texts: str) -> tuple[str, ...]:
    """The same of texts."""
    found: dict[str, None] = {}
    for text in texts:
        found.update(dict.fromkeys(match.lower() for match in _RETURN_PATH.findall(text)))
        if "x-goodstanding-token" in (lower := text.lower()) or "cfbl-feedback-id" in lower:
            found.update(dict.fromkeys("".join(value.split()) for value in _FIELD.findall(text)))  # RFC 9477 §3.2: CFWS
    return tuple(found)[:MOST]


def _everything(root: Part) -> list[str]:
    texts = []
    for part in root.walk():
        texts.append("\n".join([f"{name}: {value}" for name, value in part.fields]))
        if not part.parts and part.content_type.startswith(("text/", "message/")):
            texts.append(part.text)
    return texts


def original_message_id(mail: Mail) -> str:
    """The Message-ID of the message that came back, without angle brackets; empty when it did not."""
    if mail.returned is not None:
        return mail.returned.first("message-id").strip("<> ")
    found = _MESSAGE_ID.search(mail.words)
    return found[1] if found else ""
