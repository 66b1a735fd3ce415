"""SASL as SMTP carries it (RFC 4954).

PLAIN (RFC 4616); LOGIN, which no standard describes and everybody uses; OAUTHBEARER (RFC 7628), and XOAUTH2, what
Google and Microsoft had before it. The two for tokens say why they fail in a challenge of their own: JSON, which the
client answers with nothing of importance, before the refusal comes.
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode, b64encode

from goodstanding.model import Reply
from goodstanding.wire.smtp_events import AuthGiven, ServerPolicy

PASSWORDS = ("PLAIN", "LOGIN")
BEARER = ("XOAUTH2", "OAUTHBEARER")
"""Mechanisms that bring a token in the place of a password."""

ASK = Reply(334)
ASK_USER = Reply(334, "", "VXNlcm5hbWU6")  # "Username:"
ASK_PASSWORD = Reply(334, "", "UGFzc3dvcmQ6")  # "Password:"
CANCELLED = Reply(501, "5.7.0", "Authentication cancelled, as you asked")
NOT_BASE64 = Reply(501, "5.5.2", "Cannot decode this. Send the response in base64, with its = at the end")
NOT_PLAIN = Reply(501, "5.5.2", "Not a PLAIN response. Send base64 of authorization-id NUL user NUL password")
NO_NAME = Reply(501, "5.5.2", "The user name is empty. Send it in base64")
NOT_XOAUTH2 = Reply(501, "5.5.2", "Not an XOAUTH2 response. Send base64 of user=NAME^Aauth=Bearer TOKEN^A^A")
NOT_OAUTHBEARER = Reply(501, "5.5.2", "Not an OAUTHBEARER response. Send base64 of n,a=NAME,^Aauth=Bearer TOKEN^A^A")
NO_TOKEN = Reply(535, "5.7.8", "No token was given; the challenge says where to get one")
WHY_MOST = 280
"""Octets of an error result: in base64 it still fits on one reply line (RFC 5321 §4.5.3.1.5)."""

_PAIR = re.compile(r"([A-Za-z]+)=([\t\n\r\x20-\x7e]*)")  # RFC 7628 §3.1: key, then what kvsep does not end
_HEADER = re.compile(r"[ny],(?:a=((?:[^,=\0\x01]|=2C|=3D)+))?,")  # RFC 5801 §4; y: no binding here either
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*) *", re.IGNORECASE)  # RFC 6750 §2.1
_XOAUTH2_USER = re.compile(r"user=([^ \0\x01]*)")


def mechanisms(policy: ServerPolicy, tls: bool) -> tuple[str, ...]:
    """What is offered; tokens over TLS only, whatever else the policy allows (RFC 7628 §4, RFC 6750 §5.3)."""
    return PASSWORDS + BEARER if policy.bearer and tls else PASSWORDS


class Exchange:
    """One AUTH command: what the client says goes in, challenges and in the end a claim or a refusal come out."""

    __slots__ = ("_mechanism", "_policy", "_user", "_verdict")

    def __init__(self, mechanism: str, policy: ServerPolicy) -> None:
        self._mechanism = mechanism
        self._policy = policy
        self._user: str | None = None
        self._verdict: Reply | None = None
        """The refusal that waits behind a challenge which tells why."""

    @property
    def failed(self) -> bool:
        """Whether the claim has been refused already."""
        return self._verdict is not None

    def begin(self, initial: str) -> Reply | AuthGiven:
        """The first step, with the response that came along with the command, if one did."""
        if initial:
            return self.take("" if initial == "=" else initial)  # RFC 4954 §4: "=" is an empty response
        return ASK_USER if self._mechanism == "LOGIN" else ASK

    def take(self, line: str) -> Reply | AuthGiven:
        """The next step; anything but a 334 ends the exchange."""
        if line == "*":  # RFC 4954 §4
            return CANCELLED
        if self._verdict is not None:  # RFC 7628 §3.2.3: ^A, or nothing; whatever it is, it changes nothing
            return self._verdict
        text = _decode(line)
        if text is None:
            return NOT_BASE64
        if self._mechanism in BEARER:
            return self._read_bearer(text)
        if self._mechanism == "PLAIN":
            return _read_plain(text)
        if self._user is not None:
            return AuthGiven("LOGIN", self._user, text)
        if not text:
            return NO_NAME
        self._user = text
        return ASK_PASSWORD

    def refuse(self, reply: Reply) -> Reply:
        """What is said to a refused claim: the reply itself, or the challenge that goes before it."""
        if self._mechanism not in BEARER or not reply.permanent:
            return reply
        self._verdict = reply
        return Reply(334, "", b64encode(self._why().encode()).decode())

    def _why(self) -> str:
        """The error result: RFC 7628 §3.2.2, and as Google and Microsoft answer XOAUTH2."""
        scope, configuration = self._policy.bearer_scope, self._policy.bearer_configuration
        if self._mechanism == "XOAUTH2":
            said = {"status": "401", "schemes": "bearer", "scope": scope}
        else:
            said = {"status": "invalid_token", "scope": scope, "openid-configuration": configuration}
        told = json.dumps({name: value for name, value in said.items() if value}, separators=(",", ":"))
        return told if len(told) <= WHY_MOST else json.dumps({"status": said["status"]}, separators=(",", ":"))

    def _read_bearer(self, text: str) -> Reply | AuthGiven:
        read = _read_xoauth2(text) if self._mechanism == "XOAUTH2" else _read_oauthbearer(text)
        if read is None:
            return NOT_XOAUTH2 if self._mechanism == "XOAUTH2" else NOT_OAUTHBEARER
        user, token = read
        return AuthGiven(self._mechanism, user, token) if token else self.refuse(NO_TOKEN)


def _read_plain(text: str) -> Reply | AuthGiven:
    """``authzid NUL user NUL password`` (RFC 4616 §2)."""
    parts = text.split("\0")
    if len(parts) != 3:
        return NOT_PLAIN
    authzid, user, password = parts
    return AuthGiven("PLAIN", user, password, authzid) if user else NO_NAME


def _read_xoauth2(text: str) -> tuple[str, str] | None:
    """User and token of ``user=NAME ^A auth=Bearer TOKEN ^A ^A``."""
    first, separator, rest = text.partition("\1")
    named = _XOAUTH2_USER.fullmatch(first)
    if named is None or not named[1] or not separator:
        return None
    token = _token(rest)
    return None if token is None else (named[1], token)


def _read_oauthbearer(text: str) -> tuple[str, str] | None:
    """User and token of ``GS2 header ^A key=value ^A ... ^A`` (RFC 7628 §3.1); the user may be left out."""
    first, separator, rest = text.partition("\1")
    header = _HEADER.fullmatch(first)
    if header is None or not separator:
        return None
    token = _token(rest)
    user = (header[1] or "").replace("=2C", ",").replace("=3D", "=")
    return None if token is None else (user, token)


def _token(pairs: str) -> str | None:
    """The token among ``key=value ^A`` pairs, closed by one more ^A; empty: they bring none; None: they are none."""
    if pairs == "\1":
        return ""
    if not pairs.endswith("\1\1"):
        return None
    found: dict[str, str] = {}
    for one in pairs[:-2].split("\1"):
        pair = _PAIR.fullmatch(one)
        if pair is None or pair[1].lower() in found:
            return None
        found[pair[1].lower()] = pair[2]
    given = found.get("auth", "")
    token = _BEARER.fullmatch(given)
    if given and token is None:
        return None
    return token[1] if token else ""


def _decode(line: str) -> str | None:
    """The text behind strict base64, or None."""
    try:
        return b64decode(line, validate=True).decode()
    except (ValueError, binascii.Error):  # UnicodeDecodeError is a ValueError, as is a line that is not ASCII
        return None
