"""Commands to go on with after the demo; every one of them works as it is printed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from goodstanding.cli.demo_acts import Cold, Left
from goodstanding.cli.demo_house import Ports
from goodstanding.cli.demo_mail import OTP, SHOP_DOMAIN
from goodstanding.cli.demo_scenes import Outcome
from goodstanding.cli.demo_submission import Door
from goodstanding.cli.demo_tally import Tally
from goodstanding.model import message_name

TRIGGER = "X-Goodstanding-Trigger: what=sign-in"
"""Says with a message that its recipient caused it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the demo leaves behind."""

    config: Path
    running: bool
    ports: Ports
    sandbox_port: int


def program() -> str:
    """How to call goodstanding from here."""
    if shutil.which("goodstanding"):
        return "goodstanding"
    installed = Path(sys.executable).parent / "goodstanding"
    return os.path.relpath(installed) if installed.is_relative_to(Path.cwd()) else str(installed)


def where_to_look(kept: Kept, tally: Tally, cold: Cold, left: Left | None) -> list[tuple[str, str]]:
    """Commands about what the demo did, with what each shows."""
    call, option = program(), f"--config {kept.config}"
    rows: list[tuple[str, str]] = []
    if (held := tally.stories.get("held")) is not None:
        rows.append((f"{call} why {message_name(held)} {option}", "why a message of the cold campaign is held"))
        rows.append((f"{call} quarantine list {option}", "what the guard holds; then release, refuse or move it"))
    if cold.first is not None:
        rows.append((f"{call} why {cold.first.letter.recipients[0]} {option}", "why another was refused"))
    if left is not None:
        rows.append(
            (
                f"{call} trust show {left.address} {option}",
                "what is known of the reader who left, and which streams may write",
            )
        )
    rows += [
        (f"{call} blast-radius {OTP} {option}", "what else suffers when one-time codes get a bad name"),
        (f"{call} check {option}", "every setting, who owns which identity, and that no two streams share one"),
        (f"{call} queue list {option}", "what still waits, and why"),
        (f"{call} trace {_waiting(tally)} {option}", "the story of all mail to somebody"),
        (f"less {kept.config.parent / 'mail.log'}", "one line for each event"),
    ]
    if not kept.running:
        return [*rows, ("make demo ARGS=--keep", "the same, left running, to send your own mail through it")]
    page = (
        [(left.link, "the page behind that newsletter's link, for a browser (its certificate is the demo's own)")]
        if left
        else []
    )
    return [
        *rows,
        *page,
        (f"{call} sandbox mail gmail --port {kept.sandbox_port}", "what a provider got; sandbox show ID prints one"),
        (f"{call} sandbox mailbox gmail --port {kept.sandbox_port}", "where it was put, and what people did with it"),
        (f"{call} sandbox reputation --port {kept.sandbox_port}", "what providers think of every address and domain"),
        (f"curl http://127.0.0.1:{kept.ports.metrics}/metrics", "figures for Prometheus"),
    ]


def what_was_suspended(kept: Kept, outcomes: Sequence[Outcome]) -> list[tuple[str, str]]:
    """Commands about what the relays of the comparison suspended: of each one key, a campaign first."""
    rows: list[tuple[str, str]] = []
    for one in outcomes:
        key = min(one.suspended, key=lambda key: not key.startswith("campaign:"), default="")
        option = f"--config {kept.config.parent / one.house.tenant / 'goodstanding.toml'}"
        if key:
            rows += [
                (
                    f"{program()} standing show {key} {option}",
                    "where the suspended key stands, and what is ordered",
                ),
                (f"{program()} reputation why {key} {option}", "the evidence against it, and the messages behind it"),
            ]
    return rows


def _waiting(tally: Tally) -> str:
    """Somebody with an interesting story."""
    return next((address for _, _, address in tally.open.values() if address in tally.endless), "inbox@gmail.example")


def how_to_send(kept: Kept, door: Door, login: tuple[str, str]) -> list[tuple[str, str]]:
    """Commands that hand mail in; the trigger says why a stranger may be written to."""
    (user, secret), to, sender = login, "inbox@gmail.example", f"login@{SHOP_DOMAIN}"
    swaks = (
        f"swaks --server localhost:{door.port} --tls --auth PLAIN --auth-user {user} --auth-password {secret} "
        f"--from {sender} --to {to} --header 'Subject: hello' --header '{TRIGGER}'"
    )
    letter = f"From: {sender}\\r\\nTo: {to}\\r\\nSubject: hello\\r\\n{TRIGGER}\\r\\n\\r\\nHello.\\r\\n"
    python = (
        'python3 -c "import smtplib, ssl; '
        f"s = smtplib.SMTP('localhost', {door.port}); "
        f"s.starttls(context=ssl.create_default_context(cafile='{door.certificate}')); "
        f"s.login('{user}', '{secret}'); "
        f"s.sendmail('{sender}', ['{to}'], '{letter}')\""
    )
    call, option = program(), f"--config {kept.config}"
    return [
        (swaks, f"with swaks; {TRIGGER.partition(':')[0]} says that the recipient asked for it"),
        (python, "with Python"),
        (f"{call} why {to} {option}", "and then: why it was accepted"),
        (f"{call} trace {to} {option}", "and what became of it"),
    ]
