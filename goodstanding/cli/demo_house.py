"""A sender of the demo: who it is, how its relay is set up, and what it publishes in DNS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from goodstanding.admission.estate import Domain, Entry, Subscription, Tenant
from goodstanding.cli.demo_mail import POSTAL_ADDRESS
from goodstanding.errors import GoodstandingError
from goodstanding.model import Stream
from goodstanding.operate import estate, ledger_files, onboarding, subscriptions
from goodstanding.operate.estate import Place, Terms
from goodstanding.operate.ledger_files import Import
from goodstanding.operate.onboarding import Sheet
from goodstanding.operate.subscriptions import NewCredential

SLOWED = 7_200.0
"""Recipients an hour on the clock, two a second: slow beside a campaign, and quick enough to see what follows."""
WARNING = 2.0
"""Seconds on the clock that a sender is slowed before it may be suspended: long enough to be seen."""
SPEED = 24_000.0
"""Of the sandbox's time: an hour goes by in 0.15 s, a day in 3.6 s. The relays weigh what comes back by it."""

FIRST_LINE = "# Written by `goodstanding demo`, which may delete this folder."
MAIL_AT = "mx.hosted.example"
"""Where everybody reads their own mail."""
BY = Terms(by="demo")
Publish = Callable[[str, list[tuple[str, str, str]]], None]
"""Puts a zone (domain, records) into DNS."""


@dataclass(frozen=True, slots=True)
class House:
    """One sender with its applications, domains and addresses."""

    tenant: str
    streams: Mapping[str, Stream]
    """By subscription."""
    flows: Mapping[str, str]
    """What people call the mail of each."""
    domains: Mapping[Stream, str]
    """Registered domains, one for each stream it uses; their order is that of its pools."""
    sources: Mapping[Stream, str]
    """Egress addresses; all in one /24."""
    admission: str = "enforce"
    hears_at: str = ""
    """Address on which bounces and complaint reports are taken; empty: nobody listens."""

    @property
    def home(self) -> str:
        """The domain its relay stands in."""
        return next(iter(self.domains.values()))

    @property
    def reports_domain(self) -> str:
        """Where complaint reports are asked for."""
        return f"reports.{self.home}"

    def hello(self, stream: Stream) -> str:
        """The name a pool gives in EHLO."""
        return f"mail.{self.domains[stream]}"

    def bounce_domain(self, stream: Stream) -> str:
        """The domain of a pool's return path."""
        return f"bounces.{self.domains[stream]}"

    def identities(self) -> list[str]:
        """What receivers hold to account, as the sandbox writes it."""
        return [f"ip:{one}" for one in self.sources.values()] + [f"domain:{one}" for one in self.domains.values()]


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the relay is reached."""

    submission: int
    metrics: int
    web: int


def relay_settings(house: House, folder: Path, dns: tuple[str, int], smtp_port: int, ports: Ports) -> str:
    """The relay's settings: it asks the sandbox's name server only, and retries within seconds."""
    pools = "".join(
        f'\n[[pools]]\nname = "{stream}"\nstream = "{stream}"\naddresses = ["{address}"]\n'
        f'hello = "{house.hello(stream)}"\nbounce_domain = "{house.bounce_domain(stream)}"\n'
        for stream, address in house.sources.items()
    )
    return f"""{FIRST_LINE}
hostname = "mta.{house.home}"
data_dir = "{folder / "relay"}"
drain = 3

[[submission.listeners]]
address = "127.0.0.1"
port = {ports.submission}

[dns]
nameservers = ["{dns[0]}"]
port = {dns[1]}

[delivery]
port = {smtp_port}
loopback_only = true
retry_first = 3
retry_most = 60
connect_timeout = 3
reply_timeout = 6

[admission]
mode = "{house.admission}"

{_page(house, ports)}
[reputation]
speed = {SPEED}

[enforcement]
slowed_rate = {SLOWED}
penalty_rate = {SLOWED / 2}
warning_minutes = {WARNING / 60}

[log]
mail = "{folder / "mail.log"}"

[metrics]
port = {ports.metrics}
{_listener(house, smtp_port)}{pools}"""


def _page(house: House, ports: Ports) -> str:
    """Where people unsubscribe; a plain relay has no such page."""
    if house.admission == "off":
        return ""
    return f'[web]\nport = {ports.web}\nurl = "https://localhost:{ports.web}"\n'


def _listener(house: House, smtp_port: int) -> str:
    """Where bounces and reports come in: on the port that stands for 25 in the sandbox."""
    if not house.hears_at:
        return ""
    return (
        f'\n[feedback]\ndomain = "{house.reports_domain}"\n'
        f'\n[[feedback.listeners]]\naddress = "{house.hears_at}"\nport = {smtp_port}\n'
    )


# --- the estate ------------------------------------------------------------------------------------------------------


def found(house: House, place: Place, messages: int, publish: Publish) -> dict[str, NewCredential]:
    """Everything it has, as an operator would set it up: declared, published, verified; its credentials."""
    for entry in _entries(house, messages):
        _add(place, entry)
    domains = [Domain(name, house.tenant, stream.value) for stream, name in house.domains.items()]
    domains += [Domain(house.bounce_domain(stream), house.tenant, stream.value, "bounce") for stream in house.domains]
    for domain in domains:
        refused = onboarding.add(place, domain, BY).refused
        if refused:
            raise GoodstandingError("; ".join(refused))
    publish(*_pointers(house))
    for stream, name in house.domains.items():
        publish(name, zone(house, stream, (onboarding.sheet(place, domain.name) for domain in domains)))
    names = [one.name for one in domains]
    sending = onboarding.verify(place, names[: len(house.domains)], BY)
    for looked in [*sending, *onboarding.verify(place, names[len(house.domains) :], BY)]:
        if looked.domain.state != "verified":
            raise GoodstandingError(f"{looked.domain.name} is not verified: {looked.domain.because}")
    who = place.database, place.master
    return {name: subscriptions.add_credential(*who, name, None, "demo") for name in house.streams}


def _entries(house: House, messages: int) -> Iterable[Entry]:
    """The tenant, and its subscriptions with limits that somebody has reviewed."""
    yield Tenant(house.tenant, "AT", POSTAL_ADDRESS)
    minute = max(2_000, 2 * messages)
    for name, stream in house.streams.items():
        yield Subscription(name, stream, house.flows[name], minute_limit=minute, hour_limit=10 * minute)


def _add(place: Place, entry: Entry) -> None:
    refused = estate.add(place, entry, BY).refused
    if refused:
        raise GoodstandingError("; ".join(refused))


def _pointers(house: House) -> tuple[str, list[tuple[str, str, str]]]:
    """The reverse zone of its addresses."""
    backwards = {stream: address.split(".")[::-1] for stream, address in house.sources.items()}
    lines = [(f"{'.'.join(words)}.in-addr.arpa.", "PTR", f"{house.hello(one)}.") for one, words in backwards.items()]
    return f"{'.'.join(next(iter(backwards.values()))[1:])}.in-addr.arpa", lines


def record_people(house: House, place: Place, path: Path) -> int:
    """Import permissions; how many were recorded."""
    done = ledger_files.import_file(place.database, place.master, Import(path, "csv", "demo", house.tenant))
    if done.rejected:
        raise GoodstandingError(f"{path}: {done.examples[0]}")
    return done.added


def zone(house: House, stream: Stream, sheets: Iterable[Sheet]) -> list[tuple[str, str, str]]:
    """What a stream's domain publishes: the records goodstanding asks for, and who takes its mail."""
    domain, home = house.domains[stream], house.home
    lines = [("@", "A", "127.0.0.1"), (f"mta.{domain}.", "A", "127.0.0.1")]
    lines.append((f"{house.hello(stream)}.", "A", house.sources[stream]))
    lines.append((f"{domain}.", "MX", f"10 {MAIL_AT}."))
    lines.append((f"{house.bounce_domain(stream)}.", "MX", f"10 {f'in.{home}' if house.hears_at else MAIL_AT}."))
    if house.hears_at and domain == home:
        lines += [(f"in.{home}.", "A", house.hears_at), (f"{house.reports_domain}.", "MX", f"10 in.{home}.")]
    for sheet in sheets:
        for one in sheet.wanted.records:  # one domain's sheet may ask for a record in another: that of the reports
            if one.type == "TXT" and (one.name == domain or one.name.endswith(f".{domain}")):
                lines.append((f"{one.name}.", "TXT", one.value))
    strict = [(name, kind, value.replace("p=none", "p=reject")) for name, kind, value in lines]
    return list(dict.fromkeys(strict))
