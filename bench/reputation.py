"""``python -m bench reputation``: events folded per second, waits beside Wald's bound, peers on the same senders."""

from __future__ import annotations

import argparse
import gc
import math
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import senders
from bench.senders import RULES, Sender, after_change, ever_reached, mails_before, ours, per_year, wait, wald
from goodstanding.events import Bounced, Deferred, Delivered, Event, Unsubscribed
from goodstanding.evidence import Complained, Engaged
from goodstanding.follower import COLLECT
from goodstanding.model import MessageId, Touched
from goodstanding.reputation import blame, evidence
from goodstanding.reputation.cells import State
from goodstanding.reputation.fold import fold
from goodstanding.store import journal, standing
from goodstanding.store.db import Database
from goodstanding.store.schema import migrate

VOLUMES = (100, 1000, 10_000)
FIRST = 1_780_000_000.0
EXCHANGERS = {
    "gmail.com": "gmail-smtp-in.l.google.com",
    "yahoo.com": "mta5.am0.yahoodns.net",
    "outlook.com": "outlook-com.olc.protection.outlook.com",
}


def traffic(count: int, campaigns: int = 500, tenants: int = 40, seed: int = 7) -> Iterator[Event]:
    """Events of many senders over a day: mostly deliveries, 2 % bounces, 3 % deferrals, some news of recipients."""
    dice = random.Random(seed)
    prints = []
    for number in range(campaigns):
        tenant = f"tenant{number % tenants}"
        links = f"links{number % 97}.example {tenant}.example"
        touched = Touched(f"{tenant}/app{number % 3}", "bulk", f"{tenant}.example", number + 1, links)
        prints.append((tenant, f"203.0.113.{number % 8}", touched))
    domains = ["gmail.com", "yahoo.com", "outlook.com", *(f"company{number}.example" for number in range(200))]
    for place in range(count):
        tenant, source, touched = prints[min(int(dice.expovariate(8 / campaigns)), campaigns - 1)]
        at = FIRST + 86_400 * place / count
        domain = dice.choice(domains)
        who = (tenant, MessageId(place + 1), 0, at, f"person{place}@{domain}")
        host = f"{EXCHANGERS.get(domain, f'mx.{domain}')} [192.0.2.1]"
        kind, sent = dice.random(), at - 3600
        if kind < 0.94:
            yield Delivered(*who, host, "250 2.0.0 ok", source=source, touched=touched)
        elif kind < 0.96:
            reply = "550 5.1.1 unknown"
            yield Bounced(*who, host, reply, "recipient", 1, source=source, touched=touched, hard=True)
        elif kind < 0.99:
            yield Deferred(*who, host, "451 4.7.1 later", "recipient", 1, at + 300, source=source, touched=touched)
        elif kind < 0.993:
            yield Unsubscribed(*who, "bulk", "one-click", touched=touched, source=source, delivered=sent)
        elif kind < 0.999:
            yield Engaged(*who, "clicked", touched=touched, source=source, delivered=sent)
        else:
            yield Complained(
                *who, "abuse", "fbl@example.net", touched=touched, source=source, delivered=sent, host=host
            )


def folded(events: list[Event]) -> tuple[State, float]:
    """The state after them, and the CPU seconds it took; the best of three, because the machine does more."""
    least = math.inf
    for _ in range(3):
        state, began = State(), time.process_time()
        for event in events:
            fold(state, event)
        least = min(least, time.process_time() - began)
    return state, least


@dataclass(frozen=True)
class Following:
    """How a journal was followed to its end."""

    seconds: float
    """Of CPU."""
    held: str
    """How long, by the clock, the store was held for each step."""
    loaded: float
    """CPU seconds to read all of it again."""


def followed(events: list[Event]) -> Following:
    """A journal of these events in SQLite is followed as the follower does it."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'bench.db'}")
        migrate(database)
        for start in range(0, len(events), 10_000):
            with database.tx() as tx:
                journal.append(tx, events[start : start + 10_000])
        with database.view() as tx:
            known = standing.load(tx)
        began, held = time.process_time(), list[float]()
        while not held or known.more or standing.lags(known):
            database.ease()
            with database.read() as tx:
                standing.read_on(tx, known)
            asked = time.perf_counter()
            with database.tx() as tx:
                standing.save(tx, known)
            held.append(time.perf_counter() - asked)
        stored = time.process_time() - began
        began = time.process_time()
        with database.view() as tx:
            standing.load(tx)
        loaded = time.process_time() - began
        database.close()
    held.sort()
    told = ", ".join(f"{held[int(share * (len(held) - 1))] * 1000:.1f}" for share in (0.5, 0.99, 1.0))
    return Following(stored, f"{told} ms of {len(held)}", loaded)


def fold_speed(count: int) -> None:
    """CPU seconds of one core, without and with journal and store."""
    gc.set_threshold(*COLLECT)  # as the follower has it
    events = list(traffic(count))
    state, pure = folded(events)
    wide, spread = folded(list(traffic(count, campaigns=20_000, tenants=500)))
    new, strange = folded(list(traffic(count, campaigns=1_000_000, tenants=500)))
    kept, kept_new = followed(events), followed(list(traffic(count, campaigns=1_000_000, tenants=500)))
    began = time.process_time()
    found = blame.charges(state, FIRST + 86_400)
    asked = time.process_time() - began
    print(
        f"| what ({count:,} events, {len(state.cells):,} cells, {len(state.totals):,} keys) | figure |\n| --- | --- |"
    )
    print(f"| folded, events in memory | {count / pure:,.0f}/s |")
    print(f"| the same over {len(wide.cells):,} cells | {count / spread:,.0f}/s |")
    print(f"| the same over {len(new.cells):,} cells: most events begin one | {count / strange:,.0f}/s |")
    for name, one in (("", kept), ("; most events begin a cell", kept_new)):
        print(f"| followed: read from SQLite, decoded, folded, saved{name} | {count / one.seconds:,.0f}/s |")
        print(f"| held SQLite's lock, steps of {standing.LIMIT:,}: median, 99 %, longest | {one.held} |")
        print(f"| load after a restart | {one.loaded * 1000:.0f} ms |")
    asked_again = time.process_time()
    blame.charges(state, FIRST + 86_401)
    again = time.process_time() - asked_again
    suspects = sum(len(places) for places in state.suspects.values())
    print(f"| all charges ({len(found)} found, {suspects:,} asked) | {asked * 1000:.0f} ms |")
    print(f"| the same a second later, with nothing new | {again * 1000:.1f} ms |")


def waits(runs: int) -> None:
    """How long it takes to be sure, beside the least that any test needs."""
    print("| rate | line | median mails | complaints | mean mails | Wald's bound | median / bound | mean / bound |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for rate, line, threshold in (
        (0.01, 0.001, 1000.0),
        (0.02, 0.001, 1000.0),
        (0.05, 0.001, 1000.0),
        (0.05, 0.01, 100.0),
    ):
        found, least = wait(rate, line, threshold, runs), wald(rate, line, threshold)
        print(
            f"| {rate:.0%} | {line:.1%}, 1 in {threshold:,.0f} | {found.median:,.0f} | {found.complaints:.0f} | "
            f"{found.mean:,.0f} | {least:,.0f} | {found.median / least:.2f} | {found.mean / least:.2f} |"
        )
    for rate in (0.0005, 0.001):
        slowed = wait(rate, 0.001, 1000.0, runs).reached
        print(f"\nAt {rate:.2%}, {slowed:.2%} of {runs:,} are slowed within 40,000 mails.")


def false_alarms(runs: int) -> None:
    """How often the plain e-value is ever wrong at the target, and how often the restarted one in a year."""
    for threshold in (20.0, 1000.0):
        share = ever_reached(0.001, 0.001, threshold, runs, 40_000)
        print(f"At the target the plain e-value ever reaches {threshold:,.0f}: {share:.3%} of {runs:,} senders.")
    print("\n| mails a day | rate | restarted >= 20 | Shiryaev-Roberts >= 20 | restarted >= 1000 | S.-R. >= 1000 |")
    print("| --- | --- | --- | --- | --- | --- |")
    measures = evidence.restarted, evidence.shiryaev_roberts
    for per_day in (3, 30, 300, 3000):
        for rate in (0.0005, 0.001):
            rules = [ours(0.001, threshold, measure) for threshold in (20.0, 1000.0) for measure in measures]
            found = [per_year(Sender(per_day, rate), rule, max(5, runs // 200)) for rule in rules]
            print(f"| {per_day:,} | {rate:.2%} | " + " | ".join(f"{one:.2f} a year" for one in found) + " |")
    print("\n| mails a day | turns to | restarted: mails until slowed | Shiryaev-Roberts |\n| --- | --- | --- | --- |")
    for per_day in (30, 300, 3000):
        rules = [ours(0.001, 1000.0, measure) for measure in measures]
        found = [after_change(Sender(per_day, 0.0003), 0.02, rule, 201) for rule in rules]
        print(f"| {per_day:,} | 2 % | " + " | ".join(f"{one:,.0f}" for one in found) + " |")


def peers(years: int, runs: int) -> None:
    """Every rule on the same senders: how often it acts against good ones, how late against bad ones."""
    good, bad = (0.0005, 0.001), (0.005, 0.02, 0.05)
    heads = [f"{rate:.2%}" for rate in good] + [f"{rate:.1%}" for rate in bad]
    for per_day in VOLUMES:
        print(f"\n{per_day:,} mails a day. Good: actions a sender-year. Bad: mails sent before the first action.\n")
        print(f"| rule | {' | '.join(heads)} |\n| --- |{' --- |' * len(heads)}")
        for name, rule in RULES.items():
            alarms = [f"{per_year(Sender(per_day, rate), rule, years):.2f}" for rate in good]
            mails = [mails_before(Sender(per_day, rate), rule, runs, 40_000.0) for rate in bad]
            told = [f"{one:,.0f}" if one < math.inf else "not in 40,000" for one in mails]
            print(f"| {name} | {' | '.join(alarms + told)} |")


def run(chosen: argparse.Namespace) -> None:
    """Print everything asked for."""
    parts = {
        "speed": lambda: fold_speed(chosen.events),
        "waits": lambda: waits(chosen.runs),
        "false": lambda: false_alarms(chosen.runs),
        "peers": lambda: peers(max(1, chosen.runs // 400), max(11, chosen.runs // 20)),
    }
    print(f"Delays: {senders.START}, seconds.")
    for name, part in parts.items():
        if name in (chosen.parts or parts):
            print(f"\n## {name}\n")
            part()
