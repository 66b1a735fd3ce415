"""The estate as a TOML document: read with every problem at once, and written so that it reads the same."""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from typing import Any, TypeVar

from goodstanding.admission.estate import (
    Domain,
    Entry,
    Estate,
    IsolationException,
    Pool,
    Sender,
    Tenant,
    key_of,
)
from goodstanding.errors import SettingsError
from goodstanding.settings_file import build
from goodstanding.wire.address import domain_to_ascii, parse_path

One = TypeVar("One", bound=Entry)
Complain = Callable[[str], None]
"""Takes what is wrong with one field: ``name: 'A B' is not a domain``."""


def read_estate(text: str) -> Estate:
    """The estate a document declares, every name in its one form; `admission.estate_check` tells whether it holds.

    Raises SettingsError with every problem at once: unknown keys, wrong types, values out of bounds, malformed names.
    """
    problems: list[str] = []
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise SettingsError([f"not TOML: {exc}"]) from exc
    estate: Estate = build(Estate, tree, "", problems)
    estate = in_one_form(estate, problems)
    if problems:
        raise SettingsError(problems)
    return estate


def in_one_form(estate: Estate, problems: list[str]) -> Estate:
    """The estate with names as they are stored: domains in A-labels, addresses in small letters, lists by key."""
    return Estate(
        tenants=_each(estate.tenants, "tenants", problems),
        pools=_each(estate.pools, "pools", problems),
        domains=_each(estate.domains, "domains", problems),
        subscriptions=_each(estate.subscriptions, "subscriptions", problems),
        senders=_each(estate.senders, "senders", problems),
        token_credentials=_each(estate.token_credentials, "token_credentials", problems),
        isolation_exceptions=_each(estate.isolation_exceptions, "isolation_exceptions", problems),
    )


def _each(entries: Iterable[One], path: str, problems: list[str]) -> tuple[One, ...]:
    """Every entry in its one form, sorted; what has none is a problem, and so is a key that comes twice."""
    found: dict[str, One] = {}
    for i, entry in enumerate(entries):
        wrong: list[str] = []
        one = one_form(entry, wrong.append)
        problems.extend(f"{path}[{i}].{problem}" for problem in wrong)
        if key_of(one) in found:
            problems.append(f"{path}[{i}]: {key_of(one)} is there twice; remove one of them")
        found[key_of(one)] = one
    return tuple(found[key] for key in sorted(found))


def one_form(entry: One, complain: Complain) -> One:
    """An entry with its names as they are stored, so that two spellings of one thing are equal."""
    found: Any = entry
    match entry:
        case Tenant():
            found = _tenant(entry, complain)
        case Pool():
            found = _pool(entry, complain)
        case Domain():
            found = _domain(entry, complain)
        case Sender():
            found = _sender(entry, complain)
        case IsolationException():
            found = _exception(entry, complain)
    formed: One = found
    return formed


def _tenant(one: Tenant, complain: Complain) -> Tenant:
    country = one.country.upper()
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        complain(f"country: {one.country!r} is not a country code of two letters (ISO 3166), e.g. IT")
    contact = parse_path(one.contact, smtputf8=True) if one.contact else ""
    if contact is None or "[" in contact:
        complain(f"contact: {one.contact!r} is not a mail address; write it like postmaster@example.com")
        contact = one.contact
    return replace(one, country=country, contact=contact)


def _pool(one: Pool, complain: Complain) -> Pool:
    return replace(
        one,
        addresses=tuple(dict.fromkeys(_ip(address, complain) for address in one.addresses)),
        hello=_host(one.hello, "hello", complain),
        bounce_domain=_host(one.bounce_domain, "bounce_domain", complain),
        link_domain=_host(one.link_domain, "link_domain", complain),
    )


def _domain(one: Domain, complain: Complain) -> Domain:
    name = _host(one.name, "name", complain)
    if name and "." not in name:
        complain(f"name: {one.name!r} is not a domain; write it like example.com")
    return replace(one, name=name)


def _sender(one: Sender, complain: Complain) -> Sender:
    address = parse_path(one.address, smtputf8=True)
    if not address or "[" in address:
        complain(f"address: {one.address!r} is not a mail address; write it like news@example.com")
        return one
    local, _, domain = address.rpartition("@")
    return replace(one, address=f"{local.lower()}@{domain_to_ascii(domain) or domain.lower()}")


def _exception(one: IsolationException, complain: Complain) -> IsolationException:
    first, second = sorted(_host(name, "first", complain) for name in (one.first, one.second))
    if not one.because:
        complain("because: say why this overlap is accepted; every check shows it")
    if first == second:
        complain("first: an exception is about two different domains")
    return replace(one, first=first, second=second)


def _host(name: str, field: str, complain: Complain) -> str:
    """A host name as DNS knows it, or as it was with a complaint; empty stays empty."""
    found = domain_to_ascii(name.rstrip(".")) if name else ""
    if found is None:
        complain(f"{field}: {name!r} is not a domain; write it like example.com")
    return name if found is None else found


def _ip(address: str, complain: Complain) -> str:
    try:
        return ipaddress.ip_address(address).compressed
    except ValueError:
        complain(f"addresses: {address!r} is not an IP address")
        return address


def written(estate: Estate) -> str:
    """The document that declares this estate: reading it gives the same value. Defaults are left out, keys are not."""
    tables = [
        _table(list_name.name, entry) for list_name in fields(Estate) for entry in getattr(estate, list_name.name)
    ]
    return "\n".join(tables)


_ALWAYS = frozenset({"name", "tenant", "stream", "address", "username", "subscription", "first", "second", "because"})
"""Fields that are written even where they have their default: what a reader looks for."""


def _table(list_name: str, entry: Entry) -> str:
    lines = [f"[[{list_name}]]"]
    for one in fields(entry):
        value = getattr(entry, one.name)
        if value != one.default or (one.name in _ALWAYS and value != ""):
            lines.append(f"{one.name} = {_value(value)}")
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case tuple():
            return "[" + ", ".join(_value(item) for item in value) + "]"
    return '"' + "".join(_ESCAPES.get(char) or _escaped(char) for char in str(value)) + '"'


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def _escaped(char: str) -> str:
    """TOML 1.0 basic strings hold no control characters but tab."""
    return f"\\u{ord(char):04x}" if ord(char) < 0x20 or ord(char) == 0x7F else char
