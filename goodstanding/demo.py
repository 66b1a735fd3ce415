"""The demo: a sandbox and a relay as processes of their own, a shop's mail through them, and what became of it.

Everything lies in one folder, so that after the demo its queue, journal and logs can be looked into. Whatever was
started here ends with the demo, however it ends.
"""

from __future__ import annotations

import os
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue

from rich.console import Console
from rich.live import Live

from goodstanding import operate
from goodstanding.cli import demo_mail, demo_screen, demo_shop, terminal, trace
from goodstanding.cli.demo_mail import Letter
from goodstanding.cli.demo_screen import Progress, Seen
from goodstanding.cli.demo_tally import Tally
from goodstanding.errors import GoodstandingError
from goodstanding.model import Stream
from goodstanding.operate import NewCredential
from goodstanding.sandbox.control import SandboxClient, Status, read_ready
from goodstanding.settings import parse_settings
from goodstanding.store import journal
from goodstanding.store.db import Database

START_WITHIN = 30.0
"""Seconds a process may take until it is ready."""
END_WITHIN = 10.0
SUBMIT_OVER = 6.0
"""Seconds over which submission is spread, so that there is something to watch."""
PATIENCE = 45.0
"""Seconds after which nobody waits for stragglers any more."""
SENDERS = 2
"""Connections of each application."""


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What the demo is asked for."""

    folder: Path = Path("demo-data")
    messages: int = 600
    seed: int = 1
    keep: bool = False
    svg: Path | None = None
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that runs."""

    plan: DemoPlan
    status: Status
    client: SandboxClient
    database: Database
    credentials: dict[str, NewCredential]
    port: int
    """Where the relay takes mail (STARTTLS)."""
    metrics_port: int

    @property
    def config(self) -> Path:
        """The relay's settings."""
        return self.plan.folder / "goodstanding.toml"


def run(plan: DemoPlan) -> int:
    """Run the demo; its exit code."""
    previous = signal.signal(signal.SIGTERM, _interrupt)
    console = Console(quiet=True) if plan.as_json else terminal.console()
    try:
        with _stage(plan, console) as stage:
            _perform(stage, console)
            if plan.keep:
                _keep(stage, console)
    finally:
        signal.signal(signal.SIGTERM, previous)
    return 0


def _interrupt(number: int, frame: object) -> None:
    """Let SIGTERM unwind like Ctrl-C, so that nothing stays behind."""
    raise KeyboardInterrupt


# --- the stage -------------------------------------------------------------------------------------------------------


@contextmanager
def _stage(plan: DemoPlan, console: Console) -> Iterator[Stage]:
    """Sandbox and relay running; both gone afterwards."""
    folder = _fresh(plan.folder)
    ready = folder / "sandbox.json"
    options = ["--smtp-port", "0", "--dns-port", "0", "--control-port", "0", "--patience", "2"]
    options += ["--seed", str(plan.seed), "--ready-file", str(ready)]
    console.print("Starting the sandbox internet …", style="dim")
    with _running(["sandbox", *options], folder / "sandbox.log", ready.exists), SandboxClient.of(ready) as client:
        status = client.status()
        ports, dns = (_free_port(), _free_port()), (status.ready.dns_address, status.ready.dns_port)
        config = folder / "goodstanding.toml"
        config.write_text(demo_shop.relay_settings(folder, dns, status.ready.smtp_port, ports), "utf-8")
        console.print("Making domains, keys and credentials …", style="dim")
        database, credentials = _estate(config, client)
        console.print("Starting the relay …", style="dim")
        announced = folder / "relay" / "ready.json"
        with _running(["serve", "--config", str(config)], folder / "relay.log", announced.exists):
            yield Stage(plan, status, client, database, credentials, *ports)
        database.close()


def _fresh(folder: Path) -> Path:
    """The folder, empty; one that holds anything but a demo that has ended is left alone."""
    config = folder / "goodstanding.toml"
    if folder.exists() and any(folder.iterdir()):
        if not config.exists() or not config.read_text("utf-8").startswith(demo_shop.FIRST_LINE):
            raise GoodstandingError(f"{folder} holds something else; name another folder with --folder")
        if (folder / "sandbox.json").exists() and _alive(read_ready(folder / "sandbox.json").pid):
            raise GoodstandingError(f"a demo is running in {folder}; end it, or name another folder with --folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _alive(pid: int) -> bool:
    """Whether a process of ours runs under this number."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


@contextmanager
def _running(arguments: Sequence[str], log: Path, is_ready: Callable[[], bool]) -> Iterator[None]:
    """One of our own commands as a process, ready for work; stopped at the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "goodstanding", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us; we then end them in order
        )
    try:
        deadline = time.monotonic() + START_WITHIN
        while not is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                last = log.read_text("utf-8", "replace").strip().splitlines()[-3:]
                raise GoodstandingError(f"goodstanding {arguments[0]} did not start; {log} ends with: {' '.join(last)}")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(END_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _estate(config: Path, client: SandboxClient) -> tuple[Database, dict[str, NewCredential]]:
    """Credentials for three applications, and two domains with their keys published in the sandbox's DNS."""
    database, master = operate.open_estate(parse_settings(config.read_text("utf-8")))
    credentials = {
        name: operate.add_credential(database, master, name, Stream(stream))
        for name, stream in demo_mail.STREAMS.items()
    }
    keys = [
        record
        for domain in (demo_mail.SHOP_DOMAIN, demo_mail.NEWS_DOMAIN)
        for record in operate.add_domain(database, master, domain, "shop")
    ]
    client.add_zone(demo_mail.SHOP_DOMAIN, demo_shop.zone(keys))
    return database, credentials


# --- the performance -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Submission:
    """Letters on their way into the relay, from several connections at once."""

    letters: list[Letter]
    submitted: int = 0
    failures: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, stage: Stage) -> None:
        """Begin; every application logs in with its own credential."""
        for application, credential in stage.credentials.items():
            line: SimpleQueue[tuple[float, Letter]] = SimpleQueue()
            for number, letter in enumerate(self.letters):
                if letter.subscription == application:
                    line.put((self.started + SUBMIT_OVER * number / len(self.letters), letter))
            for _ in range(SENDERS):
                thread = threading.Thread(target=self._send, args=(stage, credential, line), daemon=True)
                self._threads.append(thread)
                thread.start()

    @property
    def running(self) -> bool:
        """Whether anything is left to submit."""
        return any(thread.is_alive() for thread in self._threads)

    def _send(self, stage: Stage, credential: NewCredential, line: SimpleQueue[tuple[float, Letter]]) -> None:
        """One connection of one application, as any program that uses smtplib would have it."""
        try:
            with smtplib.SMTP("localhost", stage.port, timeout=30) as smtp:
                smtp.starttls(
                    context=ssl.create_default_context(cafile=stage.plan.folder / "relay" / "self-signed.pem")
                )
                smtp.login(credential.username, credential.secret)
                while not self.stopping.is_set():
                    due, letter = line.get_nowait()
                    self.stopping.wait(max(0.0, due - time.monotonic()))
                    self._submit(smtp, letter)
        except Empty:
            return
        except (OSError, smtplib.SMTPException) as exc:
            self.failures.append(str(exc))

    def _submit(self, smtp: smtplib.SMTP, letter: Letter) -> None:
        options = ["SMTPUTF8"] if letter.smtputf8 else []
        try:
            smtp.sendmail(letter.sender, letter.recipients, letter.octets, mail_options=options)
        except smtplib.SMTPResponseException as exc:
            self.failures.append(str(exc))
        self.submitted += 1


def _perform(stage: Stage, console: Console) -> None:
    """Submit, watch until what can end soon has ended, and show the result."""
    submission = Submission(demo_mail.letters(stage.plan.messages, stage.plan.seed))
    tally = Tally(
        {domain: provider.name for provider in stage.status.providers for domain in provider.domains},
        frozenset(demo_mail.ENDLESS),
    )
    submission.started = time.monotonic()
    submission.start(stage)
    try:
        progress = _watch(stage, submission, tally, console)
    finally:
        submission.stopping.set()
    if submission.failures:
        console.print(
            f"{len(submission.failures)} submissions failed, the first: {submission.failures[0]}", style="red"
        )
    _conclude(stage, tally, progress, console)


def _watch(stage: Stage, submission: Submission, tally: Tally, console: Console) -> Progress:
    """Follow the journal until nothing is worth waiting for."""
    titles, cursor, printed = _titles(stage), 0, 0.0
    with Live(console=console, auto_refresh=False, transient=True) as screen:
        while True:
            busy = submission.running
            with stage.database.read() as tx:
                events, cursor = journal.after(tx, cursor, 5000)
            tally.take(events)
            seconds = time.monotonic() - submission.started
            step = "submitting" if busy else f"waiting for {tally.waited_for:,} recipients"
            progress = Progress(len(submission.letters), submission.submitted, seconds, step)
            if (not busy and not tally.waited_for) or seconds > PATIENCE:
                return progress
            if console.is_terminal:
                screen.update(demo_screen.live(tally, progress, titles, console.size), refresh=True)
            elif seconds - printed >= 2:
                printed = seconds
                console.print(demo_screen.plain_line(tally, progress))
            if not events:
                time.sleep(0.1)


def _titles(stage: Stage) -> dict[str, str]:
    return {provider.name: provider.title for provider in stage.status.providers}


def _conclude(stage: Stage, tally: Tally, progress: Progress, console: Console) -> None:
    """The result, some stories, and where to look next."""
    seen = _seen(stage.client)
    outcome = demo_screen.result(tally, progress, _titles(stage), seen)
    if stage.plan.as_json:
        terminal.print_json(demo_screen.document(tally, progress, seen) | {"config": str(stage.config)})
    if stage.plan.svg is not None:
        stage.plan.svg.write_text(demo_screen.picture(outcome), "utf-8")
    console.print(outcome)
    with stage.database.read() as tx:
        stories = [trace.draw(journal.of_message(tx, message)) for message in tally.stories.values()]
    console.print("", "Some stories, as goodstanding trace tells them:\n", sep="\n", style="bold")
    for told in stories:
        console.print(told)
    console.print(demo_screen.commands(_where_to_look(stage, tally), "Where to look next"))


def _seen(client: SandboxClient) -> Seen:
    """The verdicts on everything the providers kept."""
    lines = [mail.authentication for mail in client.mail(limit=1_000_000) if mail.authentication]
    return Seen(
        len(lines), {method: sum(f"{method}=pass" in line for line in lines) for method in ("spf", "dkim", "dmarc")}
    )


def _program() -> str:
    """How to call goodstanding from here."""
    if shutil.which("goodstanding"):
        return "goodstanding"
    installed = Path(sys.executable).parent / "goodstanding"
    return os.path.relpath(installed) if installed.is_relative_to(Path.cwd()) else str(installed)


def _where_to_look(stage: Stage, tally: Tally) -> list[tuple[str, str]]:
    waiting = next(iter(tally.open.values()), None)
    program, option = _program(), f"--config {stage.config}"
    rows = [
        (f"{program} queue list {option}", "what still waits, and why"),
        (f"{program} trace {waiting[2] if waiting else 'RECIPIENT'} {option}", "the story of all mail to somebody"),
        (f"{program} check {option}", "every setting in effect"),
        (f"less {stage.plan.folder / 'mail.log'}", "one line for each event"),
    ]
    if not stage.plan.keep:
        return [*rows, ("make demo ARGS=--keep", "the same, left running, to send your own mail through it")]
    port = stage.status.ready.control_port
    return [
        *rows,
        (f"{program} sandbox mail gmail --port {port}", "what a provider received; sandbox show ID prints one"),
        (f"curl http://127.0.0.1:{stage.metrics_port}/metrics", "figures for Prometheus"),
    ]


def _keep(stage: Stage, console: Console) -> None:
    """Stay until Ctrl-C, with commands to send with."""
    credential = stage.credentials[demo_mail.OTP]
    certificate = stage.plan.folder / "relay" / "self-signed.pem"
    to, sender = "inbox@gmail.example", f"login@{demo_mail.SHOP_DOMAIN}"
    swaks = (
        f"swaks --server localhost:{stage.port} --tls --auth PLAIN --auth-user {credential.username} "
        f"--auth-password {credential.secret} --from {sender} --to {to} --header 'Subject: hello'"
    )
    letter = f"From: {sender}\\r\\nTo: {to}\\r\\nSubject: hello\\r\\n\\r\\nHello.\\r\\n"
    python = (
        'python3 -c "import smtplib, ssl; '
        f"s = smtplib.SMTP('localhost', {stage.port}); "
        f"s.starttls(context=ssl.create_default_context(cafile='{certificate}')); "
        f"s.login('{credential.username}', '{credential.secret}'); "
        f"s.sendmail('{sender}', ['{to}'], '{letter}')\""
    )
    rows = [
        (swaks, "with swaks"),
        (python, "with Python"),
        (f"{_program()} trace {to} --config {stage.config}", "and then"),
    ]
    console.print(demo_screen.commands(rows, "Send your own mail (in another terminal)"), soft_wrap=True)
    console.print("\nRunning until Ctrl-C.", style="bold")
    signal.pause()
