"""The settings tree: frozen dataclasses with defaults, bounds and help.

Only what belongs to the machine stands here. What operators change while it runs (tenants, credentials, domains,
keys) is in the store. Secrets are named by file, never written here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from typing import Any, Literal

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
    """One address on which mail comes in."""

    address: str = setting("127.0.0.1", "IP address to listen on")
    port: int = setting(587, "TCP port; 0 takes a free one", least=0, most=65535)
    tls: Literal["starttls", "implicit", "none"] = setting("starttls", "how TLS starts (RFC 3207, RFC 8314)")


@dataclass(frozen=True, slots=True)
class ApiListener:
    """One address on which programs post mail."""

    address: str = setting("127.0.0.1", "IP address to listen on")
    port: int = setting(8443, "TCP port; 0 takes a free one", least=0, most=65535)
    tls: Literal["implicit", "none"] = setting("implicit", "none: plain HTTP, on loopback or behind a proxy only")


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


TokenAlgorithm = Literal["RS256", "PS256", "ES256", "EdDSA"]
"""Signatures that a bearer token may have: none that whoever checks it could make, too (RFC 8725 §3.1)."""


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Somebody whose bearer tokens are believed (OpenID Connect, RFC 9068); which applications may send is linked."""

    issuer: str = setting("", "what iss of its tokens says, to the letter, e.g. https://id.example/realms/shop")
    audiences: tuple[str, ...] = setting((), "values of aud that mean this installation; other tokens are not for us")
    keys_url: str = setting(
        "", "https://... of its keys (JWKS, RFC 7517); empty: found by issuer/.well-known/openid-configuration"
    )
    algorithms: tuple[TokenAlgorithm, ...] = setting(
        ("RS256", "PS256", "ES256", "EdDSA"), "signatures that are believed; fewer if it uses fewer"
    )
    application_claims: tuple[str, ...] = setting(
        ("azp", "appid", "client_id"), "claims that name the application, e.g. sub; the first that a token has counts"
    )
    tenant_claim: str = setting("tid", "claim that names the tenant of the issuer, for links that ask for one")
    scope: str = setting("", "scope that clients are told to ask for when their token is refused")
    leeway: float = setting(60.0, "seconds by which its clock and ours may differ", least=0, most=600)
    keys_hold: float = setting(HOUR, "seconds its keys are used before they are fetched again", least=MINUTE, most=DAY)

    @property
    def discovery(self) -> str:
        """Where it tells about itself (OpenID Connect Discovery 1.0 §4); empty: it is not asked."""
        return "" if self.keys_url else self.issuer.rstrip("/") + "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """Whose bearer tokens open a subscription, by SMTP (XOAUTH2, OAUTHBEARER) and HTTP."""

    issuers: tuple[TokenIssuer, ...] = setting((), "who makes tokens; none: tokens open nothing and are not offered")
    timeout: float = setting(5.0, "seconds to wait for the keys of an issuer", least=0.05, most=60)


@dataclass(frozen=True, slots=True)
class Pool:
    """Egress addresses of one stream, with what receivers hold to account."""

    name: str = setting("", "name of the pool")
    stream: Stream = setting(Stream.TRANSACTIONAL, "the one stream that sends from it")
    addresses: tuple[str, ...] = setting((), "egress IP addresses; empty: whatever the kernel chooses")
    hello: str = setting("", "name given in EHLO; empty: the hostname")
    bounce_domain: str = setting("", "domain of the return path, with a token per recipient; empty: the sender's own")
    route: str = setting("", "name of a [[routes]] entry to send everything through; empty: direct to MX")
    penalty: bool = setting(False, "apart, for mail in penalty: used for nothing else; one a stream, beside the usual")


@dataclass(frozen=True, slots=True)
class RouteSettings:
    """A smart host: mail goes there and not to the recipient's MX."""

    name: str = setting("", "name of the route")
    host: str = setting("", "host name or IP address")
    port: int = setting(25, "TCP port", least=1, most=65535)
    tls: Literal["never", "opportunistic", "required"] = setting("opportunistic", "whether TLS is used or demanded")
    trust: Literal["auto", "high", "own"] = setting(
        "auto", "high: a provider that tolerates no outreach (Azure, SES ...); own: yours; auto: known by its host name"
    )
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
class AdmissionSettings:
    """What mail must be to enter."""

    mode: Literal["enforce", "shadow", "off"] = setting(
        "enforce", "shadow: judge and journal, but apply nothing; off: a plain relay that asks nothing"
    )
    domain_recheck: float = setting(6 * HOUR, "seconds between looks at a domain's DNS records", least=MINUTE)
    domain_grace: float = setting(72 * HOUR, "seconds a domain may miss its records before it stops sending", least=0)
    quarantine_days: float = setting(3.0, "days until quarantined mail is returned", least=0.01, most=30)
    first_day: int = setting(50, "unproven recipients a new key may have outstanding on its first day", least=0)
    campaign_cap: int = setting(2000, "most unproven recipients of a campaign that nothing is known of yet", least=1)
    reasons_url: str = setting("", "page that explains refusals, put before the slug; empty: goodstanding reasons SLUG")
    site_policy_url: str = setting("", "HTTP endpoint that is asked about every message; empty: none")
    site_policy_timeout: float = setting(2.0, "seconds to wait for it", least=0.05, most=30)
    site_policy_default: Literal["accept", "quarantine", "defer", "refuse"] = setting(
        "accept", "what follows when it does not answer"
    )


@dataclass(frozen=True, slots=True)
class EnforcementSettings:
    """What follows from evidence against a sender (docs/enforcement.md)."""

    slowed_rate: float = setting(
        100.0, "recipients an hour of a slowed account; a probation begins with it, too", least=1, most=1_000_000
    )
    penalty_rate: float = setting(50.0, "recipients an hour of an account in penalty", least=1, most=1_000_000)
    warning_minutes: float = setting(
        30.0,
        "minutes an account is slowed, or in penalty, before evidence leads further; only an operator suspends at once",
        least=0,
        most=10_080,
    )
    clean_days: float = setting(2.0, "days without evidence after which one step is given back", least=0.01, most=90)
    probation_days: float = setting(14.0, "days from a reinstatement to the usual rate", least=0.01, most=90)


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """The face for programs: the REST API of Azure Communication Services Email."""

    listeners: tuple[ApiListener, ...] = setting((), "addresses on which programs post mail; none: no API")
    certificate: str = setting("", "PEM file with the chain; empty: the one of submission")
    key: str = setting("", "PEM file with its private key")
    url: str = setting("", "https://... under which programs reach it; empty: as they name it in Host")
    size_limit: int = setting(10 * MIB, "largest request, bytes (ACS: 10 MB)", least=KIB, most=200 * MIB)
    recipients_limit: int = setting(50, "most recipients of one message (ACS: 50)", least=1, most=1000)
    connections: int = setting(2000, "most connections in one worker", least=1, most=100_000)
    connections_per_address: int = setting(500, "most from one address, in one worker", least=1, most=100_000)
    key_requests: int = setting(600, "requests of a key a minute, in a process; 0: no limit", least=0, most=1_000_000)


@dataclass(frozen=True, slots=True)
class WebSettings:
    """The pages where recipients unsubscribe and senders see where they stand."""

    address: str = setting("127.0.0.1", "IP address to listen on")
    port: int = setting(0, "TCP port; 0: no page, and no one-click links", least=0, most=65535)
    url: str = setting("", "https://... under which the world reaches it; empty: made of address and port")
    certificate: str = setting("", "PEM file with the chain; empty: the one of submission")
    key: str = setting("", "PEM file with its private key")
    mail_domain: str = setting(
        "", "domain whose unsubscribe@ is piped into goodstanding suppression from-mail; empty: no mailto form"
    )

    @property
    def base(self) -> str:
        """Address of the pages; empty: there are none."""
        return (self.url or f"https://{self.address}:{self.port}") if self.port else ""


@dataclass(frozen=True, slots=True)
class FeedbackSettings:
    """What comes back: bounces, complaints and reports by mail."""

    listeners: tuple[Listener, ...] = setting(
        (), "addresses on which return paths and report mailboxes take mail (usually port 25); none: nobody listens"
    )
    domain: str = setting(
        "", "domain of the report mailboxes fbl@, dmarc@, tlsrpt@, unsubscribe@ and reply@; its MX leads to a listener"
    )
    track: tuple[Stream, ...] = setting(
        (),
        'streams whose HTML mail gets an open picture and click links, e.g. ["bulk"]; needs web.port. It watches '
        "people, and many countries want their consent first; none: nobody is watched",
    )
    size_limit: int = setting(2 * MIB, "largest report, bytes", least=16 * KIB, most=64 * MIB)
    backlog: int = setting(
        1024 * MIB,
        "bytes of reports that wait to be read; beyond it more are put off: mail with 452, hooks with 503",
        least=MIB,
    )
    connections: int = setting(500, "most connections", least=1, most=10_000)
    connections_per_address: int = setting(50, "most connections from one address", least=1, most=10_000)


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """How endpoints of tenants are told what happened (docs/webhooks.md)."""

    enabled: bool = setting(True, "false: nobody is told; what happens meanwhile is told when it is true again")
    allow_networks: tuple[str, ...] = setting(
        (), "CIDR networks that endpoints may be in although they are not public, e.g. 10.1.2.0/24"
    )
    allow_http: bool = setting(False, "endpoints in those networks may be http://, without TLS")
    ports: tuple[int, ...] = setting((443, 8443), "TCP ports that endpoints may listen on", least=1, most=65535)
    authorities: str = setting("", "PEM file of authorities that certify endpoints; empty: those of the system")
    connections: int = setting(256, "most POSTs at the same time", least=1, most=10_000)
    connections_per_endpoint: int = setting(8, "most POSTs to one endpoint at the same time", least=1, most=500)
    timeout: float = setting(15.0, "seconds for one POST, from the name to the answer", least=0.05, most=120)
    retry_first: float = setting(5.0, "seconds to the second attempt; each wait is three times the one before", least=0)
    retry_most: float = setting(4 * HOUR, "longest wait between attempts, seconds", least=0.05, most=DAY)
    give_up_after: float = setting(DAY, "seconds until an event is given up; replay brings it back", least=1)
    keep_days: float = setting(14.0, "days that events which were given up are listed", least=0.01, most=90)


@dataclass(frozen=True, slots=True)
class LineSettings:
    """Three lines for one signal, in the place of those that goodstanding comes with."""

    signal: Literal["complaints", "hard-bounces", "failures", "unsubscribes", "traps", "junk"] = setting(
        "complaints", "what is counted"
    )
    stream: Literal["every", "transactional", "bulk", "outreach"] = setting("every", "on which stream")
    target: float = setting(0.001, "share from which a sender is watched and slowed", least=1e-6, most=0.5)
    ceiling: float = setting(0.003, "share from which it is sent from the penalty pool", least=1e-6, most=0.5)
    limit: float = setting(0.01, "share from which it is suspended", least=1e-6, most=0.5)


@dataclass(frozen=True, slots=True)
class ReputationSettings:
    """What is too much."""

    lines: tuple[LineSettings, ...] = setting(
        (),
        "lines in the place of those of reputation/lines.toml, where each has its source; the last counts",
    )
    speed: float = setting(
        1.0, "how many times faster than the clock recipients live: that of the sandbox beside it, else 1", least=0.001
    )


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
    tokens: TokenSettings = setting(TokenSettings(), "whose bearer tokens are believed")
    delivery: DeliverySettings = setting(DeliverySettings(), "how mail goes out")
    admission: AdmissionSettings = setting(AdmissionSettings(), "what mail must be to enter")
    enforcement: EnforcementSettings = setting(EnforcementSettings(), "what follows from evidence against a sender")
    api: ApiSettings = setting(ApiSettings(), "the face for programs")
    web: WebSettings = setting(WebSettings(), "the pages where recipients unsubscribe and senders see where they stand")
    feedback: FeedbackSettings = setting(FeedbackSettings(), "what comes back")
    reputation: ReputationSettings = setting(ReputationSettings(), "what is too much")
    webhooks: WebhookSettings = setting(WebhookSettings(), "how endpoints of tenants are told what happened")
    dns: DnsSettings = setting(DnsSettings(), "name servers")
    store: StoreSettings = setting(StoreSettings(), "where everything is kept")
    pools: tuple[Pool, ...] = setting((), "egress addresses by stream")
    routes: tuple[RouteSettings, ...] = setting((), "smart hosts")
    log: LogSettings = setting(LogSettings(), "what is written for people")
    metrics: MetricsSettings = setting(MetricsSettings(), "Prometheus metrics")


def walk(settings: Any, path: str = "") -> list[tuple[str, object, bool, Mapping[str, Any]]]:
    """Every setting as (path, value, is the default, metadata), depth first; lists of tables one entry each."""
    rows: list[tuple[str, object, bool, Mapping[str, Any]]] = []
    for entry in fields(settings):
        value, at = getattr(settings, entry.name), join(path, entry.name)
        if is_dataclass(value):
            rows.extend(walk(value, at))
        elif isinstance(value, tuple) and value and is_dataclass(value[0]):
            for i, item in enumerate(value):
                rows.extend(walk(item, f"{at}[{i}]"))
        else:
            default = None if entry.default is MISSING else entry.default
            rows.append((at, value, value == default, entry.metadata))
    return rows


def join(path: str, key: str) -> str:
    """The path of a key below a path."""
    return f"{path}.{key}" if path else key
