"""Settings read: TOML and overrides in, Settings or every problem out."""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Sequence
from dataclasses import Field, fields, is_dataclass
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

from goodstanding.errors import SettingsError
from goodstanding.model import Stream
from goodstanding.settings import Settings, SubmissionSettings, TokenIssuer, TokenSettings, join


def parse_settings(text: str, overrides: Sequence[str] = ()) -> Settings:
    """Settings from a TOML document and ``path=value`` overrides (values in TOML syntax, bare words are strings).

    Raises SettingsError with every problem at once: unknown keys, wrong types, values out of bounds, contradictions.
    """
    problems: list[str] = []
    try:
        tree: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise SettingsError([f"not TOML: {exc}"]) from exc
    for override in overrides:
        _apply(tree, override, problems)
    settings: Settings = build(Settings, tree, "", problems)
    wrong = {_entry(problem) for problem in problems}  # stand-ins are there now: what contradicts them means nothing
    problems.extend(problem for problem in contradictions(settings) if _entry(problem) not in wrong)
    if problems:
        raise SettingsError(problems)
    return settings


def _apply(tree: dict[str, Any], override: str, problems: list[str]) -> None:
    """Put one ``path=value`` into the tree."""
    path, equals, value = override.partition("=")
    if not equals or not path.strip():
        problems.append(f"--set {override}: write it as path=value, e.g. delivery.port=2525")
        return
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    *parents, last = path.strip().split(".")
    for parent in parents:
        inner = tree.setdefault(parent, {})
        if not isinstance(inner, dict):
            problems.append(f"--set {override}: {parent} is no table; lists of tables are set in the file only")
            return
        tree = inner
    tree[last] = parsed


def build(kind: type[Any], tree: object, path: str, problems: list[str]) -> Any:
    """An instance of a settings dataclass; what is wrong is added to ``problems`` and replaced by its default."""
    if not isinstance(tree, dict):
        problems.append(f"{path}: a table is needed, not {tree!r}")
        return kind()
    known = {entry.name: entry for entry in fields(kind)}
    for key in sorted(tree.keys() - known.keys()):
        near = get_close_matches(key, known, 1)
        problems.append(f"{join(path, key)}: unknown setting" + (f"; did you mean {near[0]}?" if near else ""))
    hints = get_type_hints(kind)
    values = {
        name: _value(hints[name], entry, tree[name], join(path, name), problems)
        for name, entry in known.items()
        if name in tree
    }
    return kind(**values)


def _value(hint: Any, entry: Field[Any], given: object, path: str, problems: list[str]) -> Any:
    """One checked value of the wanted type."""
    if is_dataclass(hint):
        return build(hint, given, path, problems)  # type: ignore[arg-type]
    if get_origin(hint) is tuple:
        inner = get_args(hint)[0]
        if not isinstance(given, list):
            problems.append(f"{path}: a list is needed, not {given!r}")
            return entry.default
        return tuple(_value(inner, entry, item, f"{path}[{i}]", problems) for i, item in enumerate(given))
    if get_origin(hint) is Literal or hint is Stream:
        choices = [str(choice) for choice in (Stream if hint is Stream else get_args(hint))]
        if given not in choices:
            problems.append(f"{path}: {given!r} is none of {', '.join(choices)}")
            return entry.default
        return Stream(given) if hint is Stream else given
    return _scalar(hint, entry, given, path, problems)


def _scalar(hint: type[Any], entry: Field[Any], given: object, path: str, problems: list[str]) -> object:
    """A bool, int, float or str within its bounds."""
    if hint is float and type(given) is int:
        given = float(given)
    if type(given) is not hint:
        problems.append(f"{path}: {_NEEDED[hint]} is needed, not {given!r}")
        return entry.default
    least, most = entry.metadata.get("least"), entry.metadata.get("most")
    if isinstance(given, (int, float)) and hint is not bool:
        if least is not None and given < least:
            problems.append(f"{path}: {given} is below the least allowed, {least:g}")
        if most is not None and given > most:
            problems.append(f"{path}: {given} is above the most allowed, {most:g}")
    return given


_NEEDED = {bool: "true or false", int: "a whole number", float: "a number", str: "a string"}


def _entry(problem: str) -> str:
    """The table a problem is about; pools and routes name each other, so they are as one."""
    path = problem.partition(":")[0]
    if path.startswith(("pools", "routes")):
        return "pools"
    return path[: path.rfind("]") + 1] or path.partition(".")[0]


def contradictions(settings: Settings) -> list[str]:
    """What each value allows alone but not together."""
    problems: list[str] = []
    routes = {route.name for route in settings.routes}
    for i, pool in enumerate(settings.pools):
        if pool.route and pool.route not in routes:
            problems.append(f"pools[{i}].route: no [[routes]] entry is named {pool.route!r}")
        problems.extend(
            f"pools[{i}].addresses: {address!r} is not an IP address" for address in pool.addresses if not _ip(address)
        )
    problems.extend(
        f"pools[{i}].addresses: a penalty pool without addresses of its own sets nothing apart; name them"
        for i, pool in enumerate(settings.pools)
        if pool.penalty and not (pool.addresses or pool.route)
    )
    streams = [(pool.stream, pool.penalty) for pool in settings.pools]
    problems.extend(
        f"pools: stream {stream} has more than one {'penalty ' if apart else ''}pool; one may have several addresses"
        for stream, apart in sorted({one for one in streams if streams.count(one) > 1})
    )
    for i, route in enumerate(settings.routes):
        if not route.host or not route.name:
            problems.append(f"routes[{i}]: name and host are needed")
        if route.user and route.tls != "required":
            problems.append(f"routes[{i}].user: AUTH in the clear would give the password away; set tls = 'required'")
    problems.extend(_submission_contradictions(settings.submission))
    problems.extend(_api_contradictions(settings))
    problems.extend(_token_contradictions(settings.tokens))
    problems.extend(
        f"reputation.lines[{i}]: target, ceiling and limit rise, and these do not"
        for i, lines in enumerate(settings.reputation.lines)
        if not lines.target < lines.ceiling < lines.limit
    )
    if settings.store.url and not settings.store.url.startswith(("postgresql://", "postgres://")):
        problems.append("store.url: write it as postgresql://user@host/database, or leave it empty for SQLite")
    problems.extend(
        f"webhooks.allow_networks: {network!r} is no CIDR network; write it as 10.1.2.0/24"
        for network in settings.webhooks.allow_networks
        if not _network(network)
    )
    problems.extend(
        f"dns.nameservers: {server!r} is not an IP address" for server in settings.dns.nameservers if not _ip(server)
    )
    return problems


def _submission_contradictions(submission: SubmissionSettings) -> list[str]:
    """Listeners, certificates and trusted networks that do not fit together."""
    problems: list[str] = []
    if bool(submission.certificate) != bool(submission.key):
        problems.append("submission.certificate and submission.key: give both or neither")
    for i, listener in enumerate(submission.listeners):
        address = _ip(listener.address)
        if address is None:
            problems.append(f"submission.listeners[{i}].address: {listener.address!r} is not an IP address")
        elif not address.is_loopback and listener.tls != "none" and not submission.certificate:
            problems.append(
                f"submission.listeners[{i}]: {listener.address} is not loopback, so a self-signed certificate "
                "would teach clients not to check; set submission.certificate and submission.key"
            )
    for i, trusted in enumerate(submission.trusted):
        if trusted.subscription.count("/") != 1:
            problems.append(f"submission.trusted[{i}].subscription: write it as tenant/application")
        for network in trusted.networks:
            try:
                ipaddress.ip_network(network)
            except ValueError as exc:
                problems.append(f"submission.trusted[{i}].networks: {exc}")
    return problems


def _api_contradictions(settings: Settings) -> list[str]:
    api, problems = settings.api, list[str]()
    if bool(api.certificate) != bool(api.key):
        problems.append("api.certificate and api.key: give both or neither")
    for i, listener in enumerate(api.listeners):
        address = _ip(listener.address)
        if address is None:
            problems.append(f"api.listeners[{i}].address: {listener.address!r} is not an IP address")
        elif not address.is_loopback and not (
            listener.tls == "implicit" and (api.certificate or settings.submission.certificate)
        ):
            problems.append(
                f"api.listeners[{i}]: {listener.address} is not loopback, and programs send secrets there; "
                "set tls = 'implicit' with api.certificate and api.key"
            )
    if api.url and not api.url.startswith(("https://", "http://")):
        problems.append(f"api.url: {api.url!r} does not begin with https://")
    return problems


def _token_contradictions(tokens: TokenSettings) -> list[str]:
    """Issuers that could be mistaken for others, or whose tokens could open what they are not for."""
    problems: list[str] = []
    names = [one.issuer for one in tokens.issuers]
    for i, one in enumerate(tokens.issuers):
        problems.extend(f"tokens.issuers[{i}].{problem}" for problem in _issuer_contradictions(one))
        if one.issuer in names[:i]:
            problems.append(f"tokens.issuers[{i}].issuer: {one.issuer} is there twice; name all its audiences once")
    return problems


def _issuer_contradictions(one: TokenIssuer) -> list[str]:
    problems: list[str] = []
    if not one.issuer or not (one.keys_url or fetchable(one.issuer)):
        problems.append(
            f"issuer: {one.issuer!r} is no https address (http is for loopback); correct it, or set keys_url"
        )
    if one.keys_url and not fetchable(one.keys_url):
        problems.append(f"keys_url: {one.keys_url!r} is no https address; whoever changes keys on the way could log in")
    if not all(one.audiences) or not one.audiences:
        problems.append("audiences: name what aud says in tokens for us; else those for others would open this relay")
    if not one.algorithms:
        problems.append("algorithms: name at least one; without any no token is believed")
    if not all(one.application_claims) or not one.application_claims:
        problems.append("application_claims: name the claim that tells applications apart")
    return problems


def fetchable(url: str) -> bool:
    """Whether keys may be fetched from there: nobody on the way can put others in their place."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        here = host == "localhost" or bool((ip := _ip(host)) and ip.is_loopback)
        return bool(host) and parts.port != 0 and (parts.scheme == "https" or (parts.scheme == "http" and here))
    except ValueError:
        return False


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _network(text: str) -> bool:
    try:
        return bool(ipaddress.ip_network(text))
    except ValueError:
        return False
