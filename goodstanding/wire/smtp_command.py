"""The arguments of MAIL, RCPT, BDAT and EHLO as values, or the reply that says what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from goodstanding.model import Body, Envelope, Notify, Recipient, Reply, Ret
from goodstanding.wire.address import DOMAIN_LIMIT, Flaw, domain_to_ascii, read_path, split_path, xtext_decode

KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")  # RFC 5321 §4.1.2 esmtp-keyword
LITERAL_NAME = re.compile(r"\[[A-Za-z0-9:.-]+\]|[0-9A-Fa-f:.]+")  # an address, with brackets or without
ENVID_LIMIT = 100  # characters, RFC 3461 §4.4
ORCPT_LIMIT = 500  # characters, RFC 3461 §4.2
NOTIFY_WORDS = frozenset({"SUCCESS", "FAILURE", "DELAY"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """One keyword behind a path: which extension brings it, and what its value must be."""

    extension: str
    """Empty: always accepted."""
    accepts: Callable[[str], bool]
    remedy: str


MAIL_PARAMETERS = {
    "SIZE": Parameter("SIZE", lambda value: value.isascii() and value.isdigit() and len(value) <= 20, "SIZE=octets"),
    "BODY": Parameter("8BITMIME", lambda value: value.upper() in ("7BIT", "8BITMIME"), "BODY=7BIT or BODY=8BITMIME"),
    "SMTPUTF8": Parameter("SMTPUTF8", lambda value: not value, "SMTPUTF8 without a value"),
    "RET": Parameter("DSN", lambda value: value.upper() in ("FULL", "HDRS"), "RET=FULL or RET=HDRS"),
    "ENVID": Parameter("DSN", lambda value: _is_xtext(value, ENVID_LIMIT), "ENVID=xtext of at most 100 characters"),
    "AUTH": Parameter("", bool, "AUTH=<>"),  # RFC 4954 §5: accepted from anybody, believed of nobody
}
RCPT_PARAMETERS = {
    "NOTIFY": Parameter("DSN", lambda value: _is_notify(value), "NOTIFY=NEVER, or any of SUCCESS,FAILURE,DELAY"),
    "ORCPT": Parameter("DSN", lambda value: _is_orcpt(value), "ORCPT=rfc822;address in xtext"),
}

BINARY = Reply(555, "5.6.1", "BINARYMIME is not offered here. Encode the parts in base64 and say BODY=8BITMIME")


def read_mail(argument: str, offered: frozenset[str], size_limit: int, size_advice: str) -> Envelope | Reply:
    """What stands behind ``MAIL``: an envelope without recipients, or the refusal."""
    if argument[:5].upper() != "FROM:":
        return _unreadable("MAIL FROM:<user@example.com>")
    text, rest = split_path(argument[5:])
    if not text:
        return _unreadable("MAIL FROM:<user@example.com>, or MAIL FROM:<> for a notice")
    sender = read_path(text, smtputf8=bool(rest) and "SMTPUTF8" in rest.upper().split(), null=True)
    if isinstance(sender, Flaw):
        return _refused(text, sender, {"path": "5.1.7", "domain": "5.1.8", "charset": "5.6.7"})
    if not rest:
        return Envelope(sender)
    given = _read_parameters(rest, MAIL_PARAMETERS, offered)
    if isinstance(given, Reply):
        return given
    size = int(given.get("SIZE", "0"))
    if size > size_limit:  # RFC 1870 §6.1
        return Reply(552, "5.3.4", f"A message of {size} octets is over the limit of {size_limit}. {size_advice}")
    return Envelope(
        sender,
        (),
        cast(Body, given.get("BODY", "7BIT").upper()),
        "SMTPUTF8" in given,
        cast(Ret, given["RET"].upper()) if "RET" in given else None,
        given.get("ENVID", ""),
        size,
    )


def read_rcpt(argument: str, offered: frozenset[str], smtputf8: bool, hostname: str) -> Recipient | Reply:
    """What stands behind ``RCPT``: a recipient, or the refusal."""
    if argument[:3].upper() != "TO:":
        return _unreadable("RCPT TO:<user@example.com>")
    text, rest = split_path(argument[3:])
    if not text:
        return _unreadable("RCPT TO:<user@example.com>")
    address = read_path(text, smtputf8=smtputf8, postmaster=True)
    if isinstance(address, Flaw):
        return _refused(text, address, {"path": "5.1.3", "domain": "5.1.2", "charset": "5.6.7"})
    if "@" not in address:
        address = f"{address}@{hostname}"
    if not rest:
        return Recipient(address)
    given = _read_parameters(rest, RCPT_PARAMETERS, offered)
    if isinstance(given, Reply):
        return given
    notify = given["NOTIFY"].upper().split(",") if "NOTIFY" in given else []
    orcpt = given.get("ORCPT", "")
    if not orcpt.isascii() and not smtputf8:  # RFC 6533 §3
        return Reply(501, "5.5.4", "ORCPT is not ASCII; say SMTPUTF8 at MAIL to use it")
    return Recipient(address, cast(tuple[Notify, ...], tuple(notify)), orcpt)


def read_bdat(argument: str) -> tuple[int, bool] | None:
    """Octets of the chunk and whether it is the last (RFC 3030 §2), or None when it cannot be told."""
    size, _, mark = argument.partition(" ")
    if not (size.isascii() and size.isdigit() and len(size) <= 20) or mark.strip(" ").upper() not in ("", "LAST"):
        return None
    return int(size), bool(mark)


def is_greeting_name(name: str) -> bool:
    """Whether a client may call itself so at EHLO: any host name or literal, for many cannot know their own."""
    if domain_to_ascii(name.removesuffix(".")) is not None:
        return True
    return len(name) <= DOMAIN_LIMIT and LITERAL_NAME.fullmatch(name) is not None


def _read_parameters(text: str, known: dict[str, Parameter], offered: frozenset[str]) -> dict[str, str] | Reply:
    """Parameters by keyword in upper case, each with a value it may have."""
    given: dict[str, str] = {}
    for word in text.split():
        keyword, equals, value = word.partition("=")
        if not KEYWORD.fullmatch(keyword) or (equals and not value):
            return Reply(501, "5.5.4", f"{_shown(word)} is no parameter. Write KEYWORD=value behind the address")
        keyword = keyword.upper()
        if keyword in given:
            return Reply(501, "5.5.4", f"{keyword} is given twice. Leave one out")
        parameter = known.get(keyword)
        if parameter is None or (parameter.extension and parameter.extension not in offered):
            remedy = "Leave it out" if offered else "Say EHLO instead of HELO to use it"
            return Reply(555, "5.5.4", f"Parameter {_shown(keyword)} is not offered here. {remedy}")
        if not parameter.accepts(value):
            if keyword == "BODY" and value.upper() == "BINARYMIME":
                return BINARY
            return Reply(501, "5.5.4", f"{_shown(word)} cannot be used. Write {parameter.remedy}")
        given[keyword] = value
    return given


def _is_xtext(value: str, limit: int) -> bool:
    return bool(value) and len(value) <= limit and xtext_decode(value) is not None


def _is_notify(value: str) -> bool:
    """NEVER alone, or any of the others, each once (RFC 3461 §4.1)."""
    words = value.upper().split(",")
    return words == ["NEVER"] or (len(set(words)) == len(words) and NOTIFY_WORDS.issuperset(words))


def _is_orcpt(value: str) -> bool:
    """``type;address`` (RFC 3461 §4.2), the address of type utf-8 as RFC 6533 §3 writes it."""
    kind, _, address = value.partition(";")
    if not KEYWORD.fullmatch(kind) or len(value) > ORCPT_LIMIT:
        return False
    if kind.lower() == "utf-8":
        return bool(address) and address.isprintable() and "=" not in address
    return _is_xtext(address, ORCPT_LIMIT)


def _unreadable(remedy: str) -> Reply:
    """Not even the shape of the command is there."""
    return Reply(500, "5.5.2", f"Cannot read this. Write {remedy}")


def _refused(text: str, flaw: Flaw, enhanced: dict[str, str]) -> Reply:
    """The refusal of a path, naming it."""
    code = 553 if flaw.where == "charset" else 501  # RFC 6531 §3.5
    return Reply(code, enhanced[flaw.where], f"{_shown(text)} {flaw.text}")


def _shown(text: str) -> str:
    """What the peer wrote, short enough for one reply line."""
    return text if len(text) <= 100 else text[:100] + "..."
