"""``python -m bench [compare|depth|fsyncs|profile] ...``; see ``--help`` of each."""

from __future__ import annotations

import argparse
import os
import sys
from itertools import product
from pathlib import Path
from typing import get_args

from bench import children, depth, feedback, fingerprints, fsyncs, ledger, profile, programs, report, reputation
from bench.compare import SYSTEMS, Plan, Row, compare, inspect
from bench.load import Trouble
from bench.values import Kind, Mode, Workload

SIZES = (2, 10, 100)
SESSIONS = (1, 10, 50, 100)
MODES = ("accept", "relay", "signed")


def arguments() -> argparse.ArgumentParser:
    """The command line; without a command it compares."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure goodstanding beside Postfix.")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--directory", default="/var/tmp", help="where queues go; must be on a disk (%(default)s)")
    shared.add_argument("--workers", type=int, default=0, help="worker processes of goodstanding; 0: its default")
    shared.add_argument("--sink", choices=("smtp-sink", "bench.sink"), default="smtp-sink", help="(%(default)s)")
    shared.add_argument("--concurrency", type=int, default=50, help="connections to the sink (%(default)s)")
    commands = parser.add_subparsers(dest="command", required=True)

    matrix = commands.add_parser("compare", parents=[shared], help="messages per second, CPU, memory, ratio")
    amount = matrix.add_mutually_exclusive_group()
    amount.add_argument("--quick", action="store_true", help="10 KiB, 50 sessions only (the default)")
    amount.add_argument(
        "--full",
        action="store_true",
        help="every size, every number of sessions, one short pair each: about half an hour",
    )
    matrix.add_argument("--sizes", type=int, nargs="+", help="KiB")
    matrix.add_argument("--sessions", type=int, nargs="+")
    matrix.add_argument("--modes", nargs="+", choices=MODES, default=MODES)
    matrix.add_argument("--connections", choices=("new", "reused", "both"), default="both")
    matrix.add_argument("--kind", choices=get_args(Kind), default="same", help="what is sent (%(default)s)")
    matrix.add_argument("--systems", nargs="+", choices=tuple(SYSTEMS), default=("goodstanding", "postfix"))
    matrix.add_argument("--pairs", type=int, help="runs of each system per workload (3; with --full 1)")
    matrix.add_argument("--seconds", type=float, help="rough length of a run (5; with --full 2)")
    matrix.set_defaults(run=run_compare)

    queue = commands.add_parser("depth", parents=[shared], help="memory and rate while the queue grows")
    _describe_load(queue, size=2)
    queue.add_argument("--system", choices=tuple(SYSTEMS), default="goodstanding")
    queue.add_argument("--total", type=int, default=1_000_000, help="recipients to queue (%(default)s)")
    queue.add_argument("--per-message", type=int, default=1, help="recipients of each message (%(default)s)")
    queue.add_argument("--steps", type=int, default=10, help="lines of the table (%(default)s)")
    queue.add_argument("--deliver", type=float, default=20.0, help="seconds of delivery after a restart; 0: none")
    queue.set_defaults(run=depth.run)

    proof = commands.add_parser("fsyncs", parents=[shared], help="prove that every 250 or 202 follows its fsyncs")
    proof.add_argument("--system", choices=tuple(SYSTEMS), default="goodstanding")
    proof.add_argument("--face", choices=fsyncs.FACES, default="smtp", help="how messages go in (%(default)s)")
    proof.add_argument("--clients", type=int, default=4, help="connections at once (%(default)s)")
    proof.add_argument("--each", type=int, default=3, help="messages of each client (%(default)s)")
    proof.set_defaults(run=fsyncs.run)

    book = commands.add_parser("ledger", parents=[shared], help="how long a send decision takes over many ledger rows")
    book.add_argument("--rows", type=int, default=1_000_000, help="ledger rows (%(default)s)")
    book.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite", help="(%(default)s)")
    book.add_argument("--decisions", type=int, default=20_000, help="decisions of each kind (%(default)s)")
    book.add_argument("--rounds", type=int, default=3, help="of all kinds, one after another (%(default)s)")
    book.add_argument("--folder", type=Path, help="keep the database there, and measure the one that is there")
    book.set_defaults(run=ledger.run)

    where = commands.add_parser("profile", parents=[shared], help="where the time goes (needs py-spy)")
    _describe_load(where, size=10)
    where.add_argument("--mode", choices=MODES, default="relay")
    where.add_argument("--seconds", type=float, default=15.0, help="how long to sample (%(default)s)")
    where.add_argument("--native", action="store_true", help="C frames too: where libraries spend it")
    where.add_argument("--gil", action="store_true", help="only threads that hold the interpreter lock")
    where.set_defaults(run=profile.run)

    reports = commands.add_parser("feedback", help="accuracy and speed of reading bounces and SMTP replies")
    reports.set_defaults(run=feedback.run)

    prints = commands.add_parser("fingerprints", help="precision and recall of campaigns, messages read per second")
    prints.add_argument("--each", type=int, default=fingerprints.EACH, help="pairs per template (%(default)s)")
    prints.set_defaults(run=fingerprints.run)

    known = commands.add_parser("reputation", help="events folded per second; waits, false alarms, peers' rules")
    known.add_argument("parts", nargs="*", help="speed, waits, false, peers; all of them when none is named")
    known.add_argument("--events", type=int, default=200_000, help="events to fold (%(default)s)")
    known.add_argument("--runs", type=int, default=4000, help="simulated senders (%(default)s)")
    known.set_defaults(run=reputation.run)

    posted = commands.add_parser(
        "programs", parents=[shared], help="messages a second over HTTP beside SMTP (needs wrk)"
    )
    _describe_load(posted, size=3)
    posted.add_argument("--messages", type=int, default=5000, help="of one SMTP burst (%(default)s)")
    posted.add_argument("--seconds", type=float, default=3.0, help="of one HTTP burst (%(default)s)")
    posted.add_argument("--rounds", type=int, default=3, help="(%(default)s)")
    posted.set_defaults(run=programs.run)
    return parser


def _describe_load(parser: argparse.ArgumentParser, *, size: int) -> None:
    """Options of a command that runs one workload."""
    parser.add_argument("--size", type=int, default=size, help="KiB of a message (%(default)s)")
    parser.add_argument("--sessions", type=int, default=50, help="(%(default)s)")
    parser.add_argument("--reuse", action="store_true", help="many messages per connection")


def workloads(chosen: argparse.Namespace) -> list[Workload]:
    """The rows of the table."""
    sizes = chosen.sizes or (SIZES if chosen.full else (10,))
    sessions = chosen.sessions or (SESSIONS if chosen.full else (50,))
    reuses = {"new": (False,), "reused": (True,), "both": (False, True)}[chosen.connections]
    return [
        Workload(_mode(mode), size * 1024, count, reuse, mode == "signed", kind=chosen.kind)
        for mode, size, count, reuse in product(chosen.modes, sizes, sessions, reuses)
    ]


def _mode(word: str) -> Mode:
    return "accept" if word == "accept" else "relay"


def plan_of(chosen: argparse.Namespace) -> Plan:
    """How to measure, as asked for."""
    full = getattr(chosen, "full", False)
    return Plan(
        systems=tuple(getattr(chosen, "systems", ("goodstanding",))),
        pairs=getattr(chosen, "pairs", 1) or (1 if full else 3),
        seconds=chosen.seconds or (2.0 if full else 5.0),
        sink=chosen.sink,
        concurrency=chosen.concurrency,
        workers=chosen.workers,
        directory=chosen.directory,
    )


def run_compare(chosen: argparse.Namespace) -> None:
    """Compare, print the table, keep it."""
    children.require("smtp-source", "smtp-sink", "postfix")
    if "signed" in chosen.modes:
        children.require("opendkim", "openssl")
    plan, loads = plan_of(chosen), workloads(chosen)
    around = report.environment(plan)
    inspect(plan, [(load.mode, load.signed) for load in loads])
    rows: list[Row] = []
    try:
        for row in compare(plan, loads):
            rows.append(row)
    finally:  # what an hour has measured is not lost to a Ctrl-C
        if rows:
            print(report.comparison(plan, rows, around))
    if report.problems(rows):
        sys.exit(1)


def main(words: list[str]) -> None:
    """Entry point."""
    if os.geteuid():
        sys.exit("bench: Postfix's master and smtp-sink need root; run it as root in a machine you can throw away")
    if not words or (words[0].startswith("-") and words[0] not in ("-h", "--help")):
        words = ["compare", *words]
    chosen = arguments().parse_args(words)
    children.guard()
    try:
        chosen.run(chosen)
    except Trouble as trouble:
        sys.exit(f"bench: {trouble}")


if __name__ == "__main__":
    main(sys.argv[1:])
