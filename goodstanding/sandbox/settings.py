"""What can be chosen about a sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from goodstanding.sandbox.behaviour import BehaviourSettings


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """A port of 0 is chosen free; `Ready` tells which it became."""

    seed: str = "goodstanding"
    """Decides which mailboxes exist; the same seed and the same traffic give the same replies."""
    host_prefix: str = "127.0.10"
    """First three numbers of the addresses of all mail hosts; sandboxes beside each other want different ones."""
    smtp_port: int = 2525
    """The same on every host, because MX records name no port."""
    dns_port: int = 2553
    """On 127.0.0.1, UDP and TCP."""
    control_port: int = 2580
    """On 127.0.0.1."""
    data_dir: Path | None = None
    """Keep every accepted message in a file, too; a folder for each provider."""
    ready_file: Path | None = None
    """Written when everything listens, removed at the end; holds `Ready` as JSON."""
    check_authentication: bool = True
    """SPF, DKIM and DMARC; costs a third of a millisecond a message."""
    limits: bool = True
    """Limits on rates and connections; without them providers take mail as fast as it comes."""
    patience: float = 60.0
    """Seconds a greylisted sender has to wait."""
    speed: float = 1.0
    """How many seconds go by for people and reputations in one second on the clock: 18,000 is an hour in 0.2 s."""
    reputation: bool = True
    """Providers remember senders; without it everything they accept goes to the inbox."""
    mail_port: int = 0
    """Where the sandbox delivers its own reports, bounces and answers, on whatever host DNS names; 0: ``smtp_port``."""
    behaviour: BehaviourSettings = BehaviourSettings()
    """How people act on mail."""


class Ready(msgspec.Struct, frozen=True):
    """Where a running sandbox is to be found."""

    pid: int
    host_prefix: str
    smtp_port: int
    dns_address: str
    dns_port: int
    control_address: str
    control_port: int
