"""The demo: a sandbox and a relay as processes of their own, a shop's mail through them, and what became of it.

Everything lies in one folder, so that after the demo its queue, journal and logs can be looked into. Whatever was
started here ends with the demo, however it ends.
"""

from __future__ import annotations

import os
import shutil
import signal
import smtplib
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.live import Live

from goodstanding.cli import (
    demo_acts,
    demo_cold,
    demo_comparison,
    demo_hints,
    demo_house,
    demo_mail,
    demo_scenes,
    demo_screen,
    demo_shop,
    demo_twins,
    terminal,
    trace,
)
from goodstanding.cli.demo_acts import Cold, Left
from goodstanding.cli.demo_cold import Contact
from goodstanding.cli.demo_hints import Kept
from goodstanding.cli.demo_house import Ports
from goodstanding.cli.demo_mail import NEWSLETTER, OTP, Letter
from goodstanding.cli.demo_processes import free_port, running
from goodstanding.cli.demo_scenes import Outcome, Script
from goodstanding.cli.demo_screen import Ending, Progress, Seen
from goodstanding.cli.demo_shop import SHOP
from goodstanding.cli.demo_submission import Answer, Door, Submission, hand_in
from goodstanding.cli.demo_tally import Tally
from goodstanding.errors import GoodstandingError
from goodstanding.operate import opening
from goodstanding.operate.estate import Place
from goodstanding.operate.subscriptions import NewCredential
from goodstanding.sandbox.control import SandboxClient, Status, read_ready
from goodstanding.settings_file import parse_settings
from goodstanding.store import journal
from goodstanding.store.db import Database

SUBMIT_OVER = 5.0
"""Seconds over which submission is spread, so that there is something to watch."""
PATIENCE = 45.0
"""Seconds after which nobody waits for stragglers any more."""
LOGGED_IN_AFTER = 0.5
"""Seconds programs have to connect and log in before the first message is due."""
COLD_FROM, COLD_OVER = 1.5, 2.5
"""Second at which the cold campaign begins, and how long it takes to send."""
DAYS = Script(Path()).over * demo_house.SPEED / 86_400
"""How long the comparison takes in the sandbox's own time."""
COMPANIES = "companies"
"""Stands in the table for the companies on the list."""


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What the demo is asked for."""

    folder: Path = Path("demo-data")
    messages: int = 600
    seed: int = 1
    keep: bool = False
    svg: Path | None = None
    as_json: bool = False
    comparison: bool = True
    """Also send one campaign twice, with streams apart and all together."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that runs."""

    plan: DemoPlan
    letters: list[Letter]
    contacts: list[Contact]
    """The bought list."""
    status: Status
    client: SandboxClient
    database: Database
    credentials: dict[str, NewCredential]
    ports: Ports

    @property
    def config(self) -> Path:
        """The relay's settings."""
        return self.plan.folder / "goodstanding.toml"

    @property
    def door(self) -> Door:
        """Where the relay takes mail."""
        return Door(self.ports.submission, self.plan.folder / "relay" / "self-signed.pem")

    def login(self, application: str) -> tuple[str, str]:
        """User name and password of an application."""
        return self.credentials[application].username, self.credentials[application].secret


@dataclass(frozen=True, slots=True)
class Acts:
    """What happened besides the usual mail."""

    cold: Cold
    left: Left | None
    outcomes: list[Outcome]
    """Of the campaign that was sent twice; none when it was not."""


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
    options += ["--seed", str(plan.seed), "--ready-file", str(ready), "--speed", str(demo_house.SPEED)]
    options += ["--cold-complaints", str(demo_scenes.COLD_COMPLAINTS)]
    console.print("Starting the sandbox internet …", style="dim")
    with running(["sandbox", *options], folder / "sandbox.log", ready.exists), SandboxClient.of(ready) as client:
        status, ports = client.status(), Ports(free_port(), free_port(), free_port())
        config, dns = folder / "goodstanding.toml", (status.ready.dns_address, status.ready.dns_port)
        config.write_text(demo_house.relay_settings(SHOP, folder, dns, status.ready.smtp_port, ports), "utf-8")
        console.print("Setting the shop up: domains, records, keys, credentials, permissions …", style="dim")
        letters = demo_mail.letters(plan.messages, plan.seed, time.time())
        contacts = demo_cold.bought_list(plan.seed)
        for domain, records in demo_cold.zones(contacts):
            client.add_zone(domain, records)
        client.add_relations(demo_shop.acquaintances(letters))
        client.establish(SHOP.identities(), demo_scenes.PAST_DAYS, max(100.0, float(plan.messages)))
        database, credentials = _shop(plan, letters, client)
        console.print("Starting the relay …", style="dim")
        announced = folder / "relay" / "ready.json"
        with running(["serve", "--config", str(config)], folder / "relay.log", announced.exists):
            yield Stage(plan, letters, contacts, status, client, database, credentials, ports)
        database.close()


def _fresh(folder: Path) -> Path:
    """The folder, empty; one that holds anything but a demo that has ended is left alone."""
    config = folder / "goodstanding.toml"
    if folder.exists() and any(folder.iterdir()):
        if not config.exists() or not config.read_text("utf-8").startswith(demo_house.FIRST_LINE):
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


def _shop(
    plan: DemoPlan, letters: Sequence[Letter], client: SandboxClient
) -> tuple[Database, dict[str, NewCredential]]:
    """The shop set up, its records published in the sandbox's DNS, and its readers' permissions recorded."""
    settings = parse_settings((plan.folder / "goodstanding.toml").read_text("utf-8"))
    place = Place(settings, *opening.open_estate(settings))
    credentials = demo_house.found(SHOP, place, plan.messages, client.add_zone)
    readers = plan.folder / "readers.csv"
    readers.write_text(demo_mail.readers(letters, time.time()), "utf-8", newline="")
    demo_house.record_people(SHOP, place, readers)
    return place.database, credentials


# --- the performance -------------------------------------------------------------------------------------------------


def _perform(stage: Stage, console: Console) -> None:
    """Submit, watch until what can end soon has ended, let somebody unsubscribe, and show the result."""
    providers = {domain: provider.name for provider in stage.status.providers for domain in provider.domains}
    providers |= {contact.domain: COMPANIES for contact in stage.contacts}
    tally = Tally(providers, frozenset(demo_mail.ENDLESS))
    started = time.monotonic() + LOGGED_IN_AFTER
    usual, cold = Submission(stage.door), Submission(stage.door)
    for application in stage.credentials:
        dated = [
            (started + SUBMIT_OVER * number / len(stage.letters), letter)
            for number, letter in enumerate(stage.letters)
            if letter.subscription == application
        ]
        usual.start(stage.login(application), dated)
    pace = COLD_OVER / len(stage.contacts)
    pitches = [(started + COLD_FROM + pace * n, demo_cold.letter(one)) for n, one in enumerate(stage.contacts)]
    cold.start(stage.login(OTP), pitches, connections=1)
    try:
        progress = _watch(stage, (usual, cold), tally, console)
    finally:
        usual.stopping.set()
        cold.stopping.set()
    _complain(usual, cold, console)
    codes = [one for one in usual.answers if one.letter.subscription == OTP]
    acts = Acts(demo_acts.judged(cold.answers, codes), _leave(stage), _compare(stage, console))
    _conclude(stage, tally, progress, acts, console)


def _complain(usual: Submission, cold: Submission, console: Console) -> None:
    """Say what should not have happened."""
    unwelcome = [str(one) for one in usual.answers if one.fate != "accepted"]
    unwelcome += [*usual.broken, *cold.broken]
    if unwelcome:
        console.print(f"{len(unwelcome)} submissions failed, the first: {unwelcome[0]}", style="red")


def _watch(stage: Stage, under_way: tuple[Submission, Submission], tally: Tally, console: Console) -> Progress:
    """Follow the journal until nothing is worth waiting for."""
    usual, cold = under_way
    titles, cursor, printed, started = _titles(stage), 0, 0.0, time.monotonic()
    with Live(console=console, auto_refresh=False, transient=True) as screen:
        while True:
            busy = usual.running or cold.running
            with stage.database.read() as tx:
                events, cursor = journal.after(tx, cursor, 5000)
            tally.take(events)
            seconds = time.monotonic() - started
            step = "submitting" if busy else f"waiting for {tally.waited_for:,} recipients"
            progress = Progress(usual.wanted, len(usual.answers), seconds, step)
            if (not busy and not tally.waited_for and not events) or seconds > PATIENCE:
                return progress
            if console.is_terminal:
                news = demo_acts.so_far(cold.answers)
                screen.update(demo_screen.live(tally, progress, titles, console.size, news), refresh=True)
            elif seconds - printed >= 2:
                printed = seconds
                console.print(demo_screen.plain_line(tally, progress))
            if not events:
                time.sleep(0.1)


def _titles(stage: Stage) -> dict[str, str]:
    titles = {provider.name: provider.title for provider in stage.status.providers}
    return titles | {COMPANIES: "companies on the bought list"}


def _leave(stage: Stage) -> Left | None:
    """Somebody who got the newsletter unsubscribes with the link in it; None when no newsletter has arrived."""
    found = stage.client.mail("gmail", limit=1000)
    mail = next((one for one in reversed(found) if one.from_address.endswith(f"@{demo_mail.NEWS_DOMAIN}")), None)
    if mail is None:
        return None
    address, link = mail.recipients[0], demo_acts.link_in(stage.client.show(mail.id).octets)
    status = demo_acts.press(stage.door, link)
    newsletter = _one(stage, NEWSLETTER, demo_mail.next_newsletter(address))
    code = _one(stage, OTP, demo_mail.one_time_code(address, time.time()))
    return Left(address, link, status, str(newsletter), str(code))


def _one(stage: Stage, application: str, letter: Letter) -> Answer:
    """The answer to one letter over a connection of its own."""
    try:
        with stage.door.connect(*stage.login(application)) as smtp:
            return hand_in(smtp, letter)
    except (OSError, smtplib.SMTPException) as exc:
        raise GoodstandingError(f"the relay does not take mail any more: {exc}; see {stage.plan.folder}") from exc


def _compare(stage: Stage, console: Console) -> list[Outcome]:
    """The same campaign twice: with streams apart, and all together."""
    plan, client = stage.plan, stage.client
    if not plan.comparison:
        return []
    console.print("Setting up two shops alike: one keeps its streams apart, the other does not …", style="dim")
    script = Script(plan.folder, plan.seed)
    who = demo_twins.cast(script.seed, script.codes, script.pitches)
    for domain, records in demo_twins.company_zones(who, script.seed):
        client.add_zone(domain, records)
    with ExitStack() as stack:
        ready = stage.status.ready
        enter, houses = stack.enter_context, demo_twins.TWINS
        scenes = [enter(demo_scenes.scene(house, script, client, ready, who)) for house in houses]
        with console.status("Sending the same campaign from both …") as status:
            demo_scenes.play(scenes, who, script, lambda words: status.update(f"The same campaign twice: {words}"))
        return [demo_scenes.outcome(one, client) for one in scenes]


def _conclude(stage: Stage, tally: Tally, progress: Progress, acts: Acts, console: Console) -> None:
    """The result, some stories, and where to look next."""
    seen, cold, left = _seen(stage.client), acts.cold, acts.left
    told = [demo_acts.campaign(cold), *([demo_acts.unsubscribed(left)] if left else [])]
    told += [demo_comparison.comparison(acts.outcomes, DAYS)] if acts.outcomes else []
    end = Ending(tally, progress, _titles(stage), seen, told)
    if stage.plan.as_json:
        document = demo_screen.document(tally, progress, seen) | {"config": str(stage.config)}
        document |= {"cold": cold.document(), "unsubscribed": left and left.document()}
        terminal.print_json(document | {"comparison": demo_comparison.document(acts.outcomes)})
    if stage.plan.svg is not None:
        stage.plan.svg.write_text(demo_screen.picture(end), "utf-8")
    console.print(demo_screen.result(end))
    with stage.database.read() as tx:
        chosen = [message for kind, message in tally.stories.items() if kind != "held"]
        stories = [trace.draw(journal.of_message(tx, message)) for message in chosen]
    console.print("", "Some stories, as goodstanding trace tells them:\n", sep="\n", style="bold")
    for story in stories:
        console.print(story)
    rows = demo_hints.what_was_suspended(_kept(stage), acts.outcomes)
    rows += demo_hints.where_to_look(_kept(stage), tally, cold, left)
    console.print(demo_screen.commands(rows, "Where to look next"), soft_wrap=True)


def _seen(client: SandboxClient) -> Seen:
    """The verdicts on all mail of the shop that the providers kept; notices come from the relay itself."""
    kept = (mail for mail in client.mail(limit=1_000_000) if mail.authentication and mail.sender)
    own = tuple(f"@{domain}" for domain in SHOP.domains.values())
    lines = [mail.authentication for mail in kept if mail.from_address.endswith(own)]
    return Seen(
        len(lines), {method: sum(f"{method}=pass" in line for line in lines) for method in ("spf", "dkim", "dmarc")}
    )


def _kept(stage: Stage) -> Kept:
    """What hints speak of."""
    return Kept(stage.config, stage.plan.keep, stage.ports, stage.status.ready.control_port)


def _keep(stage: Stage, console: Console) -> None:
    """Stay until Ctrl-C, with commands to send with."""
    rows = demo_hints.how_to_send(_kept(stage), stage.door, stage.login(OTP))
    console.print(demo_screen.commands(rows, "Send your own mail (in another terminal)"), soft_wrap=True)
    console.print("\nRunning until Ctrl-C.", style="bold")
    signal.pause()
