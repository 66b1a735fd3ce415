"""The shop of the demo: how its relay is set up, and what it publishes in DNS."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from goodstanding.cli.demo_mail import NEWS_DOMAIN, SHOP_DOMAIN
from goodstanding.model import Stream
from goodstanding.operate import Record

SOURCES = {Stream.TRANSACTIONAL: "127.0.1.1", Stream.BULK: "127.0.1.2"}
"""Egress addresses: streams share none."""
FIRST_LINE = "# Written by `goodstanding demo`, which may delete this folder."


def hello(stream: Stream) -> str:
    """The name a pool gives in EHLO."""
    return f"{stream}.{SHOP_DOMAIN}"


def bounce_domain(stream: Stream) -> str:
    """The domain of a pool's return path."""
    return f"bounces.{SHOP_DOMAIN if stream is Stream.TRANSACTIONAL else NEWS_DOMAIN}"


def relay_settings(folder: Path, dns: tuple[str, int], smtp_port: int, own_ports: tuple[int, int]) -> str:
    """The relay's settings: it asks the sandbox's name server only, and retries within seconds.

    ``own_ports``: for submission, and for metrics.
    """
    pools = "".join(
        f'\n[[pools]]\nname = "{stream}"\nstream = "{stream}"\naddresses = ["{address}"]\n'
        f'hello = "{hello(stream)}"\nbounce_domain = "{bounce_domain(stream)}"\n'
        for stream, address in SOURCES.items()
    )
    return f"""{FIRST_LINE}
hostname = "mta.{SHOP_DOMAIN}"
data_dir = "{folder / "relay"}"
drain = 3

[[submission.listeners]]
address = "127.0.0.1"
port = {own_ports[0]}

[dns]
nameservers = ["{dns[0]}"]
port = {dns[1]}

[delivery]
port = {smtp_port}
loopback_only = true
retry_first = 3
retry_most = 60
connect_timeout = 3
reply_timeout = 7

[log]
mail = "{folder / "mail.log"}"

[metrics]
port = {own_ports[1]}
{pools}"""


def zone(keys: Iterable[Record]) -> list[tuple[str, str, str]]:
    """Everything the shop publishes: who takes its mail, who may send in its name, and its DKIM keys."""
    lines = [("@", "A", "127.0.0.1")]
    for domain in (SHOP_DOMAIN, NEWS_DOMAIN):
        lines.append((f"{domain}.", "MX", "10 mx.sink.example."))
        lines.append((f"_dmarc.{domain}.", "TXT", "v=DMARC1; p=reject"))
    for stream, address in SOURCES.items():
        lines.append((f"{hello(stream)}.", "A", address))
        lines.append((f"{bounce_domain(stream)}.", "MX", "10 mx.sink.example."))
        lines.append((f"{bounce_domain(stream)}.", "TXT", f"v=spf1 ip4:{address} -all"))
    return lines + [(f"{record.name}.", "TXT", record.value) for record in keys]
