"""The settings tree: frozen dataclasses with defaults, bounds and help; TOML in, Settings or every problem out.

Only what belongs to the machine stands here. What operators change while it runs (tenants, credentials, domains,
keys) is in the store. Secrets are named by file, never written here.
"""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from typing import Any, Literal, get_args, get_origin, get_type_hints

from goodstanding.errors import SettingsError
from goodstanding.model import Stream

KIB = 1024
MIB = 1024 * KIB
MINUTE = 60
HOUR = 3600
DAY = 86400


def setting(default: Any, help: str, *, least: float | None = None, most: float | None = None) -> Any:
    """A field with its help line and inclusive bounds; lists are given as tuples."""
    return field(default=default, metadata={"help": help, "least": least, "most": most})


@dataclass(frozen=True, slots=True)
class Listener:
    """One address on which applications submit mail."""

    address: str = setting("127.0.0.1", "IP address to listen on")
    port: int = setting(587, "TCP port; 0 takes a free one", least=0, most=65535)
    tls: Literal["starttls", "implicit", "none"] = setting("starttls", "how TLS starts (RFC 3207, RFC 8314)")


@dataclass(frozen=True, slots=True)
class Trusted:
    """Networks that may submit without a password, as one subscription; for hosts that cannot authenticate."""

    networks: tuple[str, ...] = setting((), "CIDR networks, e.g. 10.1.2.0/24")
    subscription: str = setting("", "tenant/application that answers for their mail")


@dataclass(frozen=True, slots=True)
class SubmissionSettings:
    """How mail comes in."""

    listeners: tuple[Listener, ...] = setting(
        (Listener(), Listener(port=465, tls="implicit")), "addresses on which applications submit mail"
    )
    trusted: tuple[Trusted, ...] = setting((), "networks that need no password")
    certificate: str = setting("", "PEM file with the chain; empty: self-signed, on loopback only")
    key: str = setting("", "PEM file with the private key of the certificate")
    size_limit: int = setting(25 * MIB, "largest message, bytes (SIZE)", least=KIB, most=2048 * MIB)
    recipients_limit: int = setting(1000, "most recipients of one message (LIMITS RCPTMAX)", least=1, most=50_000)
    connections: int = setting(12_000, "most connections in one worker", least=1, most=200_000)
    connections_per_address: int = setting(
        1000, "most connections from one client address in one worker", least=1, most=200_000
    )
    command_timeout: float = setting(300.0, "seconds a client may be silent between commands", least=1, most=3600)
    data_timeout: float = setting(180.0, "seconds a client may be silent within a message", least=1, most=3600)
    session_limit: float = setting(
        6 * HOUR, "seconds one message may take to arrive before it is refused as slow-loris", least=10, most=DAY
    )
    error_budget: int = setting(20, "bad commands before the connection is closed", least=1, most=1000)
    failed_logins: int = setting(10, "failed AUTH attempts per client address and minute", least=1, most=10_000)
    memory_limit: int = setting(
        64 * MIB, "bytes of messages being received that one worker keeps in memory; beyond it: on disk", least=MIB
    )
    spill_size: int = setting(512 * KIB, "a message larger than this goes to its own spool file as it comes", least=KIB)


@dataclass(frozen=True, slots=True)
class Pool:
    """Egress addresses of one stream, with what receivers hold to account."""

    name: str = setting("", "name of the pool")
    stream: Stream = setting(Stream.TRANSACTIONAL, "the one stream that sends from it")
    addresses: tuple[str, ...] = setting((), "egress IP addresses; empty: whatever the kernel chooses")
    hello: str = setting("", "name given in EHLO; empty: the hostname")
    bounce_domain: str = setting("", "domain of the return path, with a token per recipient; empty: the sender's own")
    route: str = setting("", "name of a [[routes]] entry to send everything through; empty: direct to MX")


@dataclass(frozen=True, slots=True)
class RouteSettings:
    """A smart host: mail goes there and not to the recipient's MX."""

    name: str = setting("", "name of the route")
    host: str = setting("", "host name or IP address")
    port: int = setting(25, "TCP port", least=1, most=65535)
    tls: Literal["never", "opportunistic", "required"] = setting("opportunistic", "whether TLS is used or demanded")
    verify: bool = setting(False, "check the certificate against the system's trust store")
    user: str = setting("", "user name for AUTH; needs tls = required")
    password_file: str = setting("", "file that holds the password")


@dataclass(frozen=True, slots=True)
class DnsSettings:
    """Which name servers answer."""

    nameservers: tuple[str, ...] = setting((), "IP addresses; empty: those of the system")
    port: int = setting(53, "port of the name servers", least=1, most=65535)
    timeout: float = setting(5.0, "seconds to wait for one answer", least=0.05, most=60)


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """How mail goes out."""

    enabled: bool = setting(True, "false: accept and keep, deliver nothing")
    port: int = setting(25, "port of mail exchangers", least=1, most=65535)
    loopback_only: bool = setting(False, "refuse to connect to anything but loopback (sandbox mode)")
    connections: int = setting(500, "most outgoing connections in one worker", least=1, most=20_000)
    site_connections: int = setting(50, "most outgoing connections to one site, all workers together", least=1)
    site_start: int = setting(5, "connections to a site before anything is known of it", least=1, most=1000)
    messages_per_connection: int = setting(500, "messages over one connection before it is closed", least=1)
    recipients_per_message: int = setting(100, "most recipients in one transaction (RFC 5321 §4.5.3.1.8)", least=1)
    idle: float = setting(3.0, "seconds an idle connection is kept for the next message", least=0, most=300)
    ready_limit: int = setting(2000, "recipients one worker keeps in memory, claimed", least=10, most=100_000)
    ready_memory: int = setting(32 * MIB, "bytes of message content one worker keeps for the first attempt", least=0)
    retry_first: float = setting(5 * MINUTE, "seconds to the second attempt", least=1, most=DAY)
    retry_factor: float = setting(1.8, "how much longer each wait is than the one before", least=1, most=10)
    retry_most: float = setting(4 * HOUR, "longest wait between attempts, seconds", least=1, most=7 * DAY)
    retry_jitter: float = setting(0.2, "each wait is moved by up to this share, either way", least=0, most=0.9)
    give_up_after: float = setting(5 * DAY, "seconds until a message is returned (RFC 5321 §4.5.4.1)", least=1)
    warn_after: float = setting(4 * HOUR, "seconds until the sender is told of a delay; 0: never", least=0)
    connect_timeout: float = setting(30.0, "seconds to wait for a connection", least=0.05, most=600)
    reply_timeout: float = setting(300.0, "seconds to wait for a reply (RFC 5321 §4.5.3.2)", least=0.05, most=3600)
    ipv6: bool = setting(True, "deliver over IPv6 too where a pool has an IPv6 address, or none at all")


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Where everything is kept."""

    url: str = setting("", "postgresql://... ; empty: SQLite in the data directory")
    commit_limit: int = setting(400, "most units of work in one commit", least=1, most=10_000)
    segment_size: int = setting(64 * MIB, "bytes of a spool segment before the next is begun", least=MIB)
    journal_days: float = setting(90.0, "days the journal keeps", least=1)


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is written for people."""

    mail: str = setting("stderr", "where the mail log goes: stderr, off, or a file")
    level: Literal["debug", "info", "warning", "error"] = setting("info", "least level of the diagnostic log")
    json: bool = setting(False, "diagnostic log as JSON lines")


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """Prometheus metrics."""

    address: str = setting("127.0.0.1", "IP address of the metrics page")
    port: int = setting(9125, "port of the metrics page; 0: none", least=0, most=65535)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a machine needs to know before it starts."""

    hostname: str = setting("localhost", "name of this machine in greetings, Received and message ids")
    data_dir: str = setting("goodstanding-data", "folder for database, spool, keys; made if absent")
    secret_file: str = setting("", "master key; empty: secret.key in the data directory, made if absent")
    workers: int = setting(0, "worker processes; 0: one per core", least=0, most=256)
    drain: float = setting(30.0, "seconds a stopping worker lets conversations finish", least=0, most=3600)
    submission: SubmissionSettings = setting(SubmissionSettings(), "how mail comes in")
    delivery: DeliverySettings = setting(DeliverySettings(), "how mail goes out")
    dns: DnsSettings = setting(DnsSettings(), "name servers")
    store: StoreSettings = setting(StoreSettings(), "where everything is kept")
    pools: tuple[Pool, ...] = setting((), "egress addresses by stream")
    routes: tuple[RouteSettings, ...] = setting((), "smart hosts")
    log: LogSettings = setting(LogSettings(), "what is written for people")
    metrics: MetricsSettings = setting(MetricsSettings(), "Prometheus metrics")


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
    settings: Settings = _build(Settings, tree, "", problems)
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


def _build(kind: type[Any], tree: object, path: str, problems: list[str]) -> Any:
    """An instance of a settings dataclass; what is wrong is added to ``problems`` and replaced by its default."""
    if not isinstance(tree, dict):
        problems.append(f"{path}: a table is needed, not {tree!r}")
        return kind()
    known = {entry.name: entry for entry in fields(kind)}
    for key in sorted(tree.keys() - known.keys()):
        near = get_close_matches(key, known, 1)
        problems.append(f"{_join(path, key)}: unknown setting" + (f"; did you mean {near[0]}?" if near else ""))
    hints = get_type_hints(kind)
    values = {
        name: _value(hints[name], entry, tree[name], _join(path, name), problems)
        for name, entry in known.items()
        if name in tree
    }
    return kind(**values)


def _value(hint: Any, entry: Field[Any], given: object, path: str, problems: list[str]) -> Any:
    """One checked value of the wanted type."""
    if is_dataclass(hint):
        return _build(hint, given, path, problems)  # type: ignore[arg-type]
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


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


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
    streams = [pool.stream for pool in settings.pools]
    problems.extend(
        f"pools: stream {stream} has more than one pool; one pool may have several addresses"
        for stream in sorted({stream for stream in streams if streams.count(stream) > 1})
    )
    for i, route in enumerate(settings.routes):
        if not route.host or not route.name:
            problems.append(f"routes[{i}]: name and host are needed")
        if route.user and route.tls != "required":
            problems.append(f"routes[{i}].user: AUTH in the clear would give the password away; set tls = 'required'")
    problems.extend(_submission_contradictions(settings.submission))
    if settings.store.url and not settings.store.url.startswith(("postgresql://", "postgres://")):
        problems.append("store.url: write it as postgresql://user@host/database, or leave it empty for SQLite")
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


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def walk(settings: Any, path: str = "") -> list[tuple[str, object, bool, Mapping[str, Any]]]:
    """Every setting as (path, value, is the default, metadata), depth first; lists of tables one entry each."""
    rows: list[tuple[str, object, bool, Mapping[str, Any]]] = []
    for entry in fields(settings):
        value, at = getattr(settings, entry.name), _join(path, entry.name)
        if is_dataclass(value):
            rows.extend(walk(value, at))
        elif isinstance(value, tuple) and value and is_dataclass(value[0]):
            for i, item in enumerate(value):
                rows.extend(walk(item, f"{at}[{i}]"))
        else:
            default = None if entry.default is MISSING else entry.default
            rows.append((at, value, value == default, entry.metadata))
    return rows
