"""Addresses as SMTP writes them: paths, quoted local parts, address literals, A-labels and xtext.

Strict where a mistake would misroute mail, lenient where real mailboxes exist: paths without angle brackets are read
(many applications leave them out), and dots may stand anywhere in a local part (Japanese carriers issued millions of
such addresses). Source routes are read and dropped (RFC 5321 appendix C).
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from string import ascii_letters, ascii_lowercase, digits
from typing import Literal

ATEXT = ascii_letters + digits + "!#$%&'*+-/=?^_`{|}~"  # RFC 5321 §4.1.2 (RFC 5322 atext)
DOT_STRING = ATEXT + "."
HOST = ascii_lowercase + digits + "-_."  # the underscore is no letter of RFC 5321, but DNS serves such names
LOCAL_LIMIT = 64  # octets, RFC 5321 §4.5.3.1.1
DOMAIN_LIMIT = 255  # octets, §4.5.3.1.2
ADDRESS_LIMIT = 254  # octets: a path of 256 with its two brackets, §4.5.3.1.3
LABEL_LIMIT = 63  # octets, RFC 1035 §2.3.4
JOINERS = "\u200c\u200d"  # RFC 5892 CONTEXTJ: letters of Persian and of Indian scripts need them
WORD_CATEGORIES = frozenset({"Ll", "Lo", "Lm", "Mn", "Mc", "Nd"})  # RFC 5892 §2.1, after lower-casing
_PLAIN = re.compile(
    rf"<([{re.escape(DOT_STRING)}]{{1,{LOCAL_LIMIT}}}@(?=.{{1,{LABEL_LIMIT}}}>)(?:[\w-]+\.)*[\w-]+)>", re.ASCII
)
"""How nearly every path is written: `read_any_path` would find nothing to say or to change, in three times the time."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a path cannot be used, in words that end a sentence begun with the path."""

    text: str
    where: Literal["path", "domain", "charset"] = "path"
    """Each has its own enhanced code (RFC 3463 §3.2, RFC 6531 §3.5)."""


def parse_path(text: str, *, smtputf8: bool, null: bool = False, postmaster: bool = False) -> str | None:
    """``local@domain`` of one path, ``""`` for an allowed ``<>``, or None when it cannot be used."""
    address = read_path(text, smtputf8=smtputf8, null=null, postmaster=postmaster)
    return None if isinstance(address, Flaw) else address


def read_path(text: str, *, smtputf8: bool, null: bool = False, postmaster: bool = False) -> str | Flaw:
    """As `parse_path`, with the reason when it cannot be used."""
    plain = _PLAIN.fullmatch(text)
    if plain is not None and "xn--" not in text.lower():
        return plain[1]
    return read_any_path(text, smtputf8=smtputf8, null=null, postmaster=postmaster)


def read_any_path(text: str, *, smtputf8: bool, null: bool = False, postmaster: bool = False) -> str | Flaw:
    """As `read_path`, without its short way for plain paths."""
    if text[:1] == "<":
        if text[-1] != ">":
            return Flaw("has no closing bracket")
        text = text[1:-1]
        if not text:
            return "" if null else Flaw("names nobody; only a return path may be empty")
        if text[0] == "@":
            mailbox = _without_route(text)
            if mailbox is None:
                return Flaw("has a broken source route; leave the route out")
            text = mailbox
    if postmaster and text.lower() == "postmaster":  # RFC 5321 §4.5.1: the one mailbox that needs no domain
        return text
    return _read_mailbox(text, smtputf8)


def split_path(argument: str) -> tuple[str, str]:
    """The path at the head of an argument of MAIL or RCPT, and the parameters behind it."""
    argument = argument.lstrip(" ")
    if '"' not in argument:
        path, _, parameters = argument.partition(" ")
        return path, parameters
    quoted = escaped = False  # a quoted local part may hold spaces: find the first one outside of quotes
    for at, char in enumerate(argument):
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = quoted
        elif char == '"':
            quoted = not quoted
        elif char == " " and not quoted:
            return argument[:at], argument[at + 1 :]
    return argument, ""


def as_ascii(domain: str) -> str:
    """The domain in lower case, with A-labels where it can have them: for comparing, not for looking up."""
    return domain.lower() if domain.isascii() else domain_to_ascii(domain) or domain.lower()


def domain_to_ascii(domain: str) -> str | None:
    """The domain as DNS knows it, in lower case with A-labels (RFC 5890), or None when it cannot be one."""
    if len(domain) > DOMAIN_LIMIT:
        return None
    if domain.isascii():
        domain = domain.lower()
        if domain.lstrip(HOST) or ".." in domain or not domain or "." in (domain[0], domain[-1]):
            return None
    else:
        encoded = _to_a_labels(domain)
        if encoded is None:
            return None
        domain = encoded
    if len(domain) <= LABEL_LIMIT and "xn--" not in domain:  # nearly every domain: no label can be wrong
        return domain
    fits = len(domain) <= DOMAIN_LIMIT and all(_is_label(label) for label in domain.split("."))
    return domain if fits else None


def xtext_encode(text: str) -> str:
    """Text as a parameter value may carry it (RFC 3461 §4)."""
    return "".join(
        chr(octet) if 33 <= octet <= 126 and octet not in b"+=" else f"+{octet:02X}" for octet in text.encode()
    )


def xtext_decode(xtext: str) -> str | None:
    """The text behind an xtext, or None when it is not one (RFC 3461 §4)."""
    octets = bytearray()
    plain, *escapes = xtext.split("+")
    pieces = [plain]
    for escape in escapes:
        code = escape[:2]
        if len(code) != 2 or code.lstrip("0123456789ABCDEF"):
            return None
        pieces.append(escape[2:])
    if any("=" in piece or not piece.isascii() or not piece.isprintable() or " " in piece for piece in pieces):
        return None
    octets += plain.encode()
    for escape in escapes:
        octets += bytes.fromhex(escape[:2]) + escape[2:].encode()
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return None


def _without_route(text: str) -> str | None:
    """``@one,@two:user@domain`` -> ``user@domain``; None when the route is broken (RFC 5321 §4.1.2 A-d-l)."""
    route, colon, mailbox = text.partition(":")
    hops = route.split(",")
    if not colon or not all(hop[:1] == "@" and _read_domain(hop[1:]) == hop[1:] for hop in hops):
        return None
    return mailbox


def _read_mailbox(text: str, smtputf8: bool) -> str | Flaw:
    """One ``local@domain``, its local part in the simplest form that means the same."""
    local, at, domain = text.rpartition("@")
    if not at:
        return Flaw("has no domain; write it as user@example.com")
    if not text.isascii():
        if not smtputf8:
            return Flaw("is not ASCII; say SMTPUTF8 at MAIL to use it", "charset")  # RFC 6531 §3.2
        if not text.isprintable():
            return Flaw("holds characters nobody can see")
    plain = _read_quoted(local) if local[:1] == '"' else _read_dots(local)
    if plain is None:
        return Flaw("is malformed before the @; quote unusual characters")
    if len(plain.encode()) > LOCAL_LIMIT:
        return Flaw(f"is longer than {LOCAL_LIMIT} octets before the @")
    known = _read_domain(domain)
    if isinstance(known, Flaw):
        return known
    address = f"{plain}@{known}"
    if len(address.encode()) > ADDRESS_LIMIT:
        return Flaw(f"is longer than {ADDRESS_LIMIT} octets")
    return address


def _read_dots(local: str) -> str | None:
    """A local part without quotes, as it is (RFC 5321 Dot-string, with dots anywhere; RFC 6531 §3.3)."""
    if not local:
        return None
    rest = local.lstrip(DOT_STRING)
    if not rest or all(char > "\x7f" or char in DOT_STRING for char in rest):
        return local
    return None


def _read_quoted(local: str) -> str | None:
    """A quoted local part, without quotes where it does not need them (RFC 5321 §4.1.2 Quoted-string)."""
    if len(local) < 2 or local[-1] != '"' or not local.isprintable():
        return None
    content: list[str] = []
    escaped = False
    for char in local[1:-1]:
        if not escaped and char == '"':
            return None
        escaped = not escaped and char == "\\"
        if not escaped:
            content.append(char)
    if escaped:  # the closing quote was an escaped one
        return None
    plain = "".join(content)
    if plain and not plain.startswith(".") and not plain.endswith(".") and ".." not in plain and _read_dots(plain):
        return plain
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _read_domain(domain: str) -> str | Flaw:
    """A domain or an address literal, as given."""
    if domain[:1] == "[":
        return domain if _is_literal(domain) else Flaw("has a broken address literal", "domain")
    if domain_to_ascii(domain) is None:
        return Flaw("has a domain that cannot exist; check its spelling", "domain")
    return domain


def _is_literal(literal: str) -> bool:
    """Whether this is ``[192.0.2.1]``, ``[IPv6:2001:db8::1]`` or ``[tag:content]`` (RFC 5321 §4.1.3)."""
    if literal[-1] != "]" or not literal.isascii():
        return False
    tag, colon, content = literal[1:-1].partition(":")
    try:
        if not colon:
            ipaddress.IPv4Address(tag)
        elif tag.lower() == "ipv6":
            ipaddress.IPv6Address(content if "%" not in content else "")
        else:
            return _is_general_literal(tag, content)
    except ValueError:
        return False
    return True


def _is_general_literal(tag: str, content: str) -> bool:
    """Whether a literal of a kind we do not know is at least well formed."""
    word = bool(tag) and not tag.lstrip(ascii_letters + digits + "-") and tag[-1] != "-"
    return word and bool(content) and all("!" <= char <= "~" and char not in "[\\]" for char in content)


def _to_a_labels(domain: str) -> str | None:
    """The domain with every non-ASCII label encoded (RFC 5891 §4); case folded and compatibility forms resolved."""
    labels: list[str] = []
    for label in unicodedata.normalize("NFKC", domain.lower()).replace("\u3002", ".").split("."):
        if label.isascii():
            if not label or label.lstrip(HOST):
                return None
            labels.append(label)
        elif len(label) <= LABEL_LIMIT and all(
            unicodedata.category(char) in WORD_CATEGORIES or char in "-_" + JOINERS for char in label
        ):
            if unicodedata.category(label[0]).startswith("M") or label[2:4] == "--":  # RFC 5891 §4.2.3.1-2
                return None
            labels.append("xn--" + label.encode("punycode").decode("ascii"))
        else:
            return None
    return ".".join(labels)


def _is_label(label: str) -> bool:
    """Whether a lower-case ASCII label is short enough and, where it claims to be an A-label, is one."""
    if len(label) > LABEL_LIMIT:
        return False
    if not label.startswith("xn--"):
        return True
    try:
        decoded = label[4:].encode("ascii").decode("punycode")
        return not decoded.isascii() and decoded.encode("punycode").decode("ascii") == label[4:]
    except UnicodeError:  # a number beyond Unicode, or half a surrogate pair
        return False
