"""goodstanding as the system under test: its settings, what must be in its store, and its start."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from bench.children import spawn
from bench.load import Trouble, wait_for_greeting
from bench.values import DOMAIN, RECIPIENT, Setup, System
from goodstanding.admission.entries import Entry
from goodstanding.admission.estate import Subscription
from goodstanding.admission.facts import DomainFacts
from goodstanding.admission.trust import PERSON_PURPOSE, person
from goodstanding.model import Stream
from goodstanding.operate.domains import ensure_domain
from goodstanding.operate.opening import open_estate
from goodstanding.sealed import derive
from goodstanding.settings_file import parse_settings
from goodstanding.store import domains, estate, trust
from goodstanding.store.trust import Recorded

SUBSCRIPTION = "bench/load"

SETTINGS = """\
hostname = "goodstanding.bench.example"
data_dir = "{directory}/data"
workers = {workers}

[[submission.listeners]]
address = "127.0.0.1"
port = {port}
tls = "none"

[[submission.trusted]]
networks = ["127.0.0.0/8"]
subscription = "{subscription}"

[[routes]]
name = "sink"
host = "127.0.0.1"
port = {sink_port}
tls = "never"

[[pools]]
name = "bench"
stream = "transactional"
route = "sink"

[admission]
mode = "{admission}"

[delivery]
enabled = {enabled}
loopback_only = true
site_connections = {concurrency}
site_start = {concurrency}

[log]
mail = "off"
level = "warning"

[metrics]
port = 0
"""


def goodstanding_config(setup: Setup, *, concurrency: int) -> str:
    """The settings, as TOML: as many connections to the sink as Postfix gets, no mail log, the rest as shipped."""
    return SETTINGS.format(
        directory=setup.directory,
        workers=setup.workers,
        admission=setup.admission,
        port=setup.port,
        subscription=SUBSCRIPTION,
        sink_port=setup.sink_port,
        enabled="true" if setup.mode == "relay" else "false",
        concurrency=concurrency,
    )


def prepare_commands(setup: Setup) -> list[list[str]]:
    """What an operator types once before the first start, without ``goodstanding`` and ``--config``."""
    commands = [["credential", "add", SUBSCRIPTION, "--stream", "transactional"]]
    if (
        setup.signed and setup.admission == "off"
    ):  # with an RSA and an Ed25519 key: it signs twice where OpenDKIM signs once
        commands.append(
            ["domain", "add", DOMAIN, "--tenant", SUBSCRIPTION.partition("/")[0], "--stream", "transactional"]
        )
    return commands


def start_goodstanding(setup: Setup, *, concurrency: int = 50) -> System:
    """goodstanding, up and listening. A directory used before keeps what is in it: the depth test starts twice."""
    program = [sys.executable, "-m", "goodstanding"]
    file = setup.directory / "goodstanding.toml"
    fresh = not file.exists()
    file.write_text(goodstanding_config(setup, concurrency=concurrency))
    for words in prepare_commands(setup) if fresh else []:
        _run([*program, *words, "--config", str(file)])
    child = spawn([*setup.wrapper, *program, "serve", "--config", file])
    wait_for_greeting(setup.port, child)
    return System("goodstanding", setup.port, (child,))


def start_judged(setup: Setup, *, concurrency: int = 50) -> System:
    """The same with admission on: a verified domain, an agreed pace, and a recipient who has a contract."""
    judged = replace(setup, admission="enforce")
    if not (setup.directory / "goodstanding.toml").exists():
        _make_known(judged, concurrency)
    return start_goodstanding(judged, concurrency=concurrency)


def _make_known(setup: Setup, concurrency: int) -> None:
    """Everything an operator and DNS would have brought about."""
    settings = parse_settings(goodstanding_config(setup, concurrency=concurrency))
    database, master = open_estate(settings)
    tenant = SUBSCRIPTION.partition("/")[0]
    now = time.time()
    with database.tx() as tx:
        estate.add_subscription(tx, SUBSCRIPTION, Stream.TRANSACTIONAL, now)
        pace = 100_000_000
        estate.set_subscription(tx, Subscription(SUBSCRIPTION, minute_limit=pace // 10, hour_limit=pace))
        claim = DomainFacts(DOMAIN, tenant, "transactional", state="verified")
        ensure_domain(tx, master, claim, now)
        domains.conclude(tx, claim, now, 0.0)
        who = person(derive(master, PERSON_PURPOSE), tenant, RECIPIENT)
        signed = Entry(at=now - 86400, kind="permission", what="contract", address=RECIPIENT)
        trust.add(tx, [Recorded(tenant, who, signed)])
    database.close()


def _run(command: list[str]) -> None:
    """One command of an operator; it has to succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Trouble(f"{' '.join(command[2:])}: {(done.stderr or done.stdout).strip()[-500:]}")


def data_size(directory: Path) -> int:
    """Bytes below a directory."""
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
