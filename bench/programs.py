"""How many messages a second programs hand in over HTTP, durably, beside SMTP: ``python -m bench programs``.

wrk (Debian's package) posts requests that were signed beforehand, each with a body of its own; one worker, plain HTTP,
nothing is delivered. smtp-source sends messages of the same size to the same worker over kept connections.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from statistics import median

from bench import tree
from bench.children import spawn
from bench.compare import scratch
from bench.load import Trouble, free_port, send, wait_for_greeting
from bench.ours import SUBSCRIPTION, goodstanding_config
from bench.values import RECIPIENT, SENDER, Setup, System, Workload
from goodstanding.model import Stream
from goodstanding.operate.access_keys import regenerate
from goodstanding.operate.api_keys import Wish, add
from goodstanding.operate.opening import open_estate
from goodstanding.settings_file import parse_settings

PATH = "/emails:send?api-version=2025-09-01"
SIGNED = "x-ms-date;host;x-ms-content-sha256"
MARK = "#00000000#"
"""Stands for the number of a message in its body."""

SCRIPT = """\
local lines, n = {{}}, 0
for line in io.lines("{signatures}") do lines[#lines + 1] = line end
function request()
  n = n + 1
  local digest, signature, date = lines[n]:match("(%S+) (%S+) (.+)")
  local headers = {{
    ["Content-Type"] = "application/json", ["x-ms-date"] = date, ["x-ms-content-sha256"] = digest,
    ["Authorization"] = "HMAC-SHA256 SignedHeaders={signed}&Signature=" .. signature,
  }}
  return wrk.format("POST", "{path}", headers, (([==[{body}]==]):gsub("{mark}", string.format("#%08d#", n))))
end
"""


NATIVE = """\
local n = 0
local head = {{ ["Content-Type"] = "application/json", ["Authorization"] = "Bearer {token}" }}
function request()
  n = n + 1
  return wrk.format("POST", "{path}", head, (([==[{body}]==]):gsub("{mark}", string.format("#%08d#", n))))
end
"""
SMTP, ACS, ONE, BATCH = "SMTP, kept connections", "POST /emails:send", "POST /v1/messages", "POST /v1/messages:batch"
IN_A_BATCH = 100
SIGNED_A_SECOND = 5000


@dataclass(frozen=True, slots=True)
class Front:
    """Where programs post, and with what."""

    port: int
    key: bytes
    token: str


@dataclass(frozen=True, slots=True)
class Run:
    """One burst."""

    rate: float
    cpu: float
    """Milliseconds a message."""


def run(chosen: argparse.Namespace) -> int:
    """Measure and print."""
    if shutil.which("wrk") is None:
        raise Trouble("wrk is missing: apt-get install wrk")
    with scratch(chosen.directory) as directory:
        setup = Setup(directory, port=free_port(), sink_port=free_port(), mode="accept", signed=False, workers=1)
        system, front = start(setup)
        try:
            print(_table(chosen, _measured(chosen, system, front, directory)))
        finally:
            system.stop()
    return 0


def start(setup: Setup) -> tuple[System, Front]:
    """A relay with one worker that takes mail both ways."""
    api = free_port()
    file = setup.directory / "goodstanding.toml"
    file.write_text(goodstanding_config(setup, concurrency=50) + f'\n[[api.listeners]]\nport = {api}\ntls = "none"\n')
    database, master = open_estate(parse_settings(file.read_text()))
    key = base64.b64decode(regenerate(database, master, SUBSCRIPTION, "primary", Stream.TRANSACTIONAL).key)
    token = add(database, master, Wish(SUBSCRIPTION.partition("/")[0], "bench", ("messages:write",))).token
    database.close()
    child = spawn([*setup.wrapper, sys.executable, "-m", "goodstanding", "serve", "--config", file])
    wait_for_greeting(setup.port, child)
    return System("goodstanding", setup.port, (child,)), Front(api, key, token)


def _measured(chosen: argparse.Namespace, system: System, front: Front, directory: Path) -> dict[str, list[Run]]:
    workload = Workload(mode="accept", size=chosen.size * 1024, sessions=chosen.sessions, reuse=True)
    found: dict[str, list[Run]] = {SMTP: [], ACS: [], ONE: [], BATCH: []}
    send(workload, system.port, 500)
    for n in range(chosen.rounds):
        before = tree.settled(system.roots)
        took = send(workload, system.port, chosen.messages)
        cpu = (tree.settled(system.roots) - before).total * 1000 / chosen.messages
        found[SMTP].append(Run(chosen.messages / took, cpu))
        scripts = {
            ACS: _script(chosen, front, directory, n),
            ONE: _native(chosen, front, directory, 1),
            BATCH: _native(chosen, front, directory, IN_A_BATCH),
        }
        for way, script in scripts.items():
            each = IN_A_BATCH if way == BATCH else 1
            before = tree.settled(system.roots)
            count, rate = _wrk(chosen, front.port, script, chosen.sessions if each == 1 else 4)
            cpu = (tree.settled(system.roots) - before).total * 1000 / max(1, count * each)
            found[way].append(Run(rate * each, cpu))
    return found


def _native(chosen: argparse.Namespace, front: Front, directory: Path, messages: int) -> Path:
    """A script for wrk that posts messages by the native API, so many at once."""
    letter = {
        "subscription": SUBSCRIPTION,
        "sender": {"address": SENDER},
        "to": [{"address": RECIPIENT}],
        "subject": f"Order {MARK}",
        "text": _text(chosen),
    }
    body, path = json.dumps(letter if messages == 1 else {"messages": [letter] * messages}), "/v1/messages"
    script = directory / f"post{messages}.lua"
    path += ":batch" if messages > 1 else ""
    script.write_text(NATIVE.format(token=front.token, path=path, body=body, mark=MARK))
    return script


def _text(chosen: argparse.Namespace) -> str:
    return (f"{MARK} " + "Thank you for your order; it leaves our house on Monday.\n" * 90)[: chosen.size * 1024 - 250]


def _script(chosen: argparse.Namespace, front: Front, directory: Path, round_: int) -> Path:
    """A script for wrk with a signature for each of more requests than it can send."""
    message = {
        "senderAddress": SENDER,
        "content": {"subject": f"Order {MARK} {round_}", "plainText": _text(chosen)},
        "recipients": {"to": [{"address": RECIPIENT}]},
    }
    body, host, now = json.dumps(message), f"127.0.0.1:{front.port}", time.time()
    lines = []
    for n in range(1, int(chosen.seconds * 12_000)):
        date = formatdate(now + n // SIGNED_A_SECOND, usegmt=True)  # about when it is sent, as a client would
        octets = body.replace(MARK, f"#{n:08}#").encode()
        digest = base64.b64encode(hashlib.sha256(octets).digest()).decode()
        text = f"POST\n{PATH}\n{date};{host};{digest}"
        lines.append(f"{digest} {base64.b64encode(hmac.digest(front.key, text.encode(), 'sha256')).decode()} {date}\n")
    signatures, script = directory / "signatures", directory / "post.lua"
    signatures.write_text("".join(lines))
    script.write_text(SCRIPT.format(signatures=signatures, signed=SIGNED, path=PATH, body=body, mark=MARK))
    return script


def _wrk(chosen: argparse.Namespace, api: int, script: Path, connections: int) -> tuple[int, float]:
    """Requests that were answered, and how many a second."""
    words = ["wrk", "-t1", f"-c{connections}", f"-d{chosen.seconds:g}s", "-s", str(script)]
    done = subprocess.run([*words, f"http://127.0.0.1:{api}"], capture_output=True, text=True, timeout=300, check=False)
    requests = re.search(r"(\d+) requests in", done.stdout)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    if requests is None or rate is None or "Non-2xx" in done.stdout:
        raise Trouble(f"wrk: {done.stdout[-500:]}{done.stderr[-500:]}")
    return int(requests[1]), float(rate[1])


def _table(chosen: argparse.Namespace, found: dict[str, list[Run]]) -> str:
    smtp = median([one.rate for one in found[SMTP]])
    lines = [
        f"{chosen.size} KiB, {chosen.sessions} connections, one worker, {chosen.rounds} rounds in turn\n",
        "| way in | messages/s | CPU ms | by SMTP |\n|---|--:|--:|--:|",
    ]
    for name, runs in found.items():
        rates, cpu = [one.rate for one in runs], median([one.cpu for one in runs])
        spread = f"{median(rates):,.0f} ({min(rates):,.0f}-{max(rates):,.0f})"
        lines.append(f"| {name} | {spread} | {cpu:.2f} | {median(rates) / smtp:.2f} |")
    return "\n".join(lines)
