"""SASL as SMTP carries it (RFC 4954): PLAIN (RFC 4616), and LOGIN, which no standard describes and everybody uses."""

from __future__ import annotations

import binascii
from base64 import b64decode

from goodstanding.model import Reply
from goodstanding.wire.smtp_events import AuthGiven

MECHANISMS = ("PLAIN", "LOGIN")

ASK_PLAIN = Reply(334)
ASK_USER = Reply(334, "", "VXNlcm5hbWU6")  # "Username:"
ASK_PASSWORD = Reply(334, "", "UGFzc3dvcmQ6")  # "Password:"
CANCELLED = Reply(501, "5.7.0", "Authentication cancelled, as you asked")
NOT_BASE64 = Reply(501, "5.5.2", "Cannot decode this. Send the response in base64, with its = at the end")
NOT_PLAIN = Reply(501, "5.5.2", "Not a PLAIN response. Send base64 of authorization-id NUL user NUL password")
NO_NAME = Reply(501, "5.5.2", "The user name is empty. Send it in base64")


class Exchange:
    """One AUTH command: what the client says goes in, challenges and in the end a claim or a refusal come out."""

    __slots__ = ("_mechanism", "_user")

    def __init__(self, mechanism: str) -> None:
        self._mechanism = mechanism
        self._user: str | None = None

    def begin(self, initial: str) -> Reply | AuthGiven:
        """The first step, with the response that came along with the command, if one did."""
        if initial:
            return self.take("" if initial == "=" else initial)  # RFC 4954 §4: "=" is an empty response
        return ASK_PLAIN if self._mechanism == "PLAIN" else ASK_USER

    def take(self, line: str) -> Reply | AuthGiven:
        """The next step; anything but a 334 ends the exchange."""
        if line == "*":  # RFC 4954 §4
            return CANCELLED
        text = _decode(line)
        if text is None:
            return NOT_BASE64
        if self._mechanism == "PLAIN":
            return _read_plain(text)
        if self._user is not None:
            return AuthGiven("LOGIN", self._user, text)
        if not text:
            return NO_NAME
        self._user = text
        return ASK_PASSWORD


def _read_plain(text: str) -> Reply | AuthGiven:
    """``authzid NUL user NUL password`` (RFC 4616 §2)."""
    parts = text.split("\0")
    if len(parts) != 3:
        return NOT_PLAIN
    authzid, user, password = parts
    return AuthGiven("PLAIN", user, password, authzid) if user else NO_NAME


def _decode(line: str) -> str | None:
    """The text behind strict base64, or None."""
    try:
        return b64decode(line, validate=True).decode()
    except (ValueError, binascii.Error):  # UnicodeDecodeError is a ValueError, as is a line that is not ASCII
        return None
