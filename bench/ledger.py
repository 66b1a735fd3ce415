"""How long a send decision takes over a ledger of many rows: ``python -m bench ledger --rows 50000000``.

The ledger is filled in the order in which things happen, as rows lie on disk; keys are made afterwards. A decision is
what SMTP RCPT costs: the keyed hash, one statement over ledger and suppressions, the grant. It runs before other work
of the machine (SCHED_FIFO), in rounds: medians, and the best and worst p99.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg

from goodstanding.admission.entries import Evidence
from goodstanding.admission.facts import Terms
from goodstanding.admission.trust import person
from goodstanding.model import Stream
from goodstanding.store import people
from goodstanding.store.db import Database, Row, Tx
from goodstanding.store.schema import migrate
from tests.private_postgres import PrivatePostgres, start_again, start_postgres

TENANTS = 10
NOW = 1_795_000_000.0
KEY = b"k" * 32
EVIDENCE = '{"source":"shop.example/join","text":"Yes, send me news about your products","ip":"203.0.113.9"}'
KINDS = (  # by number, ascending as in the key: interactions, permissions, consents
    ("interaction", "click", "", 1 << 61, 20 * 86400, ""),
    ("interaction", "login", "", 1 << 61 | 1 << 40, 10 * 86400, ""),
    ("permission", "transaction", "transactional", 2 << 61, 90 * 86400, '{"source":"order 4711"}'),
    ("permission", "double-opt-in", "bulk", 3 << 61, 200 * 86400, EVIDENCE),
)
SOURCES = {evidence: Evidence(**json.loads(evidence or "{}")).source for *_, evidence in KINDS}
LEDGER = "tenant, person, id, at, kind, what, stream, purpose, expires, country, class, address, evidence, source"
SUPPRESSION = "tenant, person, stream, cause, source, at, expires, strikes, address, evidence"
CONTACT = "tenant, person, first, last, messages, campaign"
Sink = Callable[[str, str, Iterator[tuple[Any, ...]]], None]


class People:
    """Who is in the ledger: evenly spread keys in ascending order, computed instead of remembered."""

    def __init__(self, rows: int) -> None:
        self.each = max(1, rows * 2 // 5 // TENANTS)  # two and a half rows a person
        self._step = (1 << 128) // self.each

    def key(self, i: int) -> bytes:
        """The person; their low bits differ as a hash's would."""
        return (i * self._step + (i * 0x9E3779B97F4A7C15 & 0xFFFFFFFF)).to_bytes(16)

    def ledger(self) -> Iterator[tuple[Any, ...]]:
        """In the order in which things happen: rows lie as they came, so a person's lie apart."""
        for later in range(len(KINDS)):
            for tenant in range(TENANTS):
                for i in range(self.each):
                    if i % 4 >= later:
                        yield self._row(tenant, i, KINDS[3 - later])

    def _row(self, tenant: int, i: int, happened: tuple[str, str, str, int, int, str]) -> tuple[Any, ...]:
        kind, what, stream, number, age, evidence = happened
        address = f"user{i}@mail{i % 977}.example"
        return (
            f"tenant{tenant}", self.key(i), number + i, NOW - age, kind, what, stream, "", 0.0, "DE",
            "individual", address, evidence, SOURCES[evidence],
        )  # fmt: skip

    def suppression(self) -> Iterator[tuple[Any, ...]]:
        for tenant in range(TENANTS):
            for i in range(0, self.each, 50):
                yield (
                    f"tenant{tenant}", self.key(i), "bulk", "unsubscribed", "one-click", NOW, 0.0, 1,
                    f"user{i}@mail{i % 977}.example", "",
                )  # fmt: skip

    def contact(self) -> Iterator[tuple[Any, ...]]:
        for tenant in range(TENANTS):
            for i in range(0, self.each, 10):
                yield f"tenant{tenant}", self.key(i), NOW - 9e5, NOW - 8e5, 2, 1

    def fill(self, sink: Sink) -> None:
        sink("ledger", LEDGER, self.ledger())
        sink("suppression", SUPPRESSION, self.suppression())
        sink("contact", CONTACT, self.contact())


class Explaining(Tx):
    """Prints the plan of every statement it runs."""

    def rows(self, sql: str, values: Any = ()) -> list[Row]:
        prefix = "EXPLAIN QUERY PLAN " if self.engine == "sqlite" else "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) "
        print("\n" + " ".join(sql.split()))
        for row in super().rows(prefix + sql, values):
            print("   ", row[-1])
        return super().rows(sql, values)


def fill_sqlite(path: Path, who: People) -> None:
    """Rows first, keys afterwards: an index is built by one sort instead of fifty million descents."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-200000")

    def sink(table: str, columns: str, rows: Iterator[tuple[Any, ...]]) -> None:
        about = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE tbl_name = ? AND sql LIKE '%INDEX%'", (table,)
        )
        indices = about.fetchall()
        connection.execute("BEGIN")
        for name, _ in indices:
            connection.execute(f"DROP INDEX {name}")
        named = columns.replace("class", '"class"')
        connection.executemany(
            f"INSERT INTO {table} ({named}) VALUES ({', '.join('?' * (columns.count(',') + 1))})", rows
        )
        for _, sql in indices:
            connection.execute(sql)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    who.fill(sink)
    connection.close()


def fill_postgresql(url: str, who: People) -> None:
    """The same."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET maintenance_work_mem = '1GB'")
        connection.execute("SET synchronous_commit = off")

        def sink(table: str, columns: str, rows: Iterator[tuple[Any, ...]]) -> None:
            named, name = columns.replace("class", '"class"'), f"{table}_pkey"
            about = connection.execute(
                "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", (name,)
            ).fetchone()
            assert about is not None
            connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
            with connection.transaction(), connection.cursor() as cursor:
                cursor.execute(f"TRUNCATE {table}")  # FREEZE asks for it: rows as VACUUM would leave them
                with cursor.copy(f"COPY {table} ({named}) FROM STDIN WITH (FREEZE)") as copy:
                    while lines := "".join(["\t".join(map(_copied, row)) + "\n" for row in islice(rows, 2000)]):
                        copy.write(lines)
            connection.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {about[0]}")

        who.fill(sink)
        connection.execute("ANALYZE ledger, suppression, contact")
        connection.execute("CHECKPOINT")


def _copied(value: Any) -> str:
    """A value in COPY's text format; none of ours needs escaping."""
    return "\\\\x" + value.hex() if isinstance(value, bytes) else str(value)


def decide(database: Database, who: People, i: int, tenant: str, count: int = 1) -> tuple[float, float]:
    """Seconds of one decision about ``count`` recipients, and how many of them this process was computing."""
    chosen = [(i + j * 7919) % who.each if i >= 0 else i for j in range(count)]
    started, computed = time.perf_counter(), time.thread_time()
    asked = []
    for each in chosen:
        address = f"user{each}@mail{each % 977}.example"
        person(KEY, tenant, address), person(KEY, "", address)  # what the real keys cost
        key = who.key(each) if each >= 0 else os.urandom(16)
        asked.append((address, key, key[::-1]))
    with database.read() as tx:
        known = people.read(tx, tenant, Stream.BULK, asked)
    facts = [one.facts(Terms(), NOW) for one in known]
    taken, computed = time.perf_counter() - started, time.thread_time() - computed
    assert all(len(one.entries) == (1 + each % 4 if i >= 0 else 0) for one, each in zip(known, chosen, strict=True))
    assert all(fact.grant.allowed == (i >= 0) for fact in facts)
    return taken, computed


Figures = tuple[float, ...]
"""Of one round: how many, p50, p99, p99.9 of what passed, p50 and p99 of what this process computed; seconds."""


def figures(times: list[tuple[float, float]]) -> Figures:
    taken, computed = sorted(each for each, _ in times), sorted(each for _, each in times)
    passed = [_at(taken, share) for share in (0.5, 0.99, 0.999)]
    return len(times), *passed, _at(computed, 0.5), _at(computed, 0.99)


def report(rounds: dict[str, list[Figures]]) -> None:
    """The table, in milliseconds: medians of the rounds, and of p99 also the best and the worst."""
    heads = ("p50", "p99", "best", "worst", "p99.9", "CPU p50", "CPU p99")
    print(f"\n{'milliseconds':40} {'runs':>7} " + " ".join(f"{head:>8}" for head in heads))
    for name, of in rounds.items():
        count, p50, p99, p999, mine50, mine99 = (statistics.median(each) for each in zip(*of, strict=True))
        p99s = [each[2] for each in of]
        row = (p50, p99, min(p99s), max(p99s), p999, mine50, mine99)
        print(f"{name:40} {count:7,.0f} " + " ".join(f"{figure * 1e3:8.3f}" for figure in row))


def _at(values: list[float], share: float) -> float:
    return values[min(int(len(values) * share), len(values) - 1)]


def drop_from_cache(folder: Path) -> None:
    """Of these files only: others on the machine keep their cache."""
    for path in folder.rglob("*"):
        if path.is_file():
            file = os.open(path, os.O_RDONLY)
            os.fsync(file)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)


def read_into_cache(database: Database, folder: Path) -> None:
    """What decisions read, as after hours of work: SQLite's file, of PostgreSQL all but the rows of the ledger."""
    names = ["*.db"]
    if database.engine == "postgresql":
        with database.read() as tx:
            found = tx.rows("SELECT pg_relation_filepath(oid) FROM pg_class WHERE relname IN (?, ?, ?, ?, ?)", READ)
        names = [f"data/{name}{segment}" for (name,) in found for segment in ("", ".*")]
    for path in (path for name in names for path in folder.glob(name)):
        with path.open("rb", buffering=0) as file:
            while file.read(1 << 20):
                pass


READ = ("ledger_pkey", "suppression_pkey", "suppression", "contact_pkey", "contact")


def nothing(database: Database) -> tuple[float, float]:
    """Seconds of asking the store for nothing, and of a fixed piece of computing: what the machine does besides."""
    started = time.perf_counter()
    with database.read() as tx:
        tx.rows("SELECT 1")
    taken, started = time.perf_counter() - started, time.perf_counter()
    for n in range(5):
        person(KEY, "tenant", f"user{n}@mail.example")
    return taken, time.perf_counter() - started


@contextmanager
def before_others(database: Database) -> Iterator[None]:
    """What is measured runs before other work of the machine (SCHED_FIFO), which is not to be measured.

    On one processor with its server, because each wakes the other: a processor that is busy in the kernel for others
    is woken a millisecond late, and would make the p99 of ``SELECT 1`` that.
    """
    with database.read() as tx:
        server = tx.rows("SELECT pg_backend_pid()")[0][0] if database.engine == "postgresql" else 0
    everywhere = os.sched_getaffinity(0)
    for process in {0, server}:
        os.sched_setaffinity(process, {max(everywhere)})
        try:
            os.sched_setscheduler(process, os.SCHED_FIFO, os.sched_param(1))
        except PermissionError:  # a container without CAP_SYS_NICE
            print("may not run before others: the figures hold what the machine does besides")
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        os.sched_setaffinity(0, everywhere)


def measure(url: str, who: People, folder: Path, forget: Callable[[], None], chosen: argparse.Namespace) -> None:
    """Round after round, so that what the machine does besides shows in the spread."""
    rounds = dict[str, list[Figures]]()
    for number in range(chosen.rounds):
        forget()
        database, rng = Database(url), random.Random(number)
        with before_others(database):
            _some(database, who, rng, chosen.decisions, DROPPED, rounds)
            rounds.setdefault("nothing (CPU: fixed computing, wall)", []).append(
                figures([nothing(database) for _ in range(chosen.decisions)])
            )
        read_into_cache(database, folder)
        with before_others(database):
            _some(database, who, rng, chosen.decisions, IN_MEMORY, rounds)
        database.close()
    report(rounds)
    with database.read() as tx:
        explaining = Explaining(tx._cursor, tx.engine)
        people.read(explaining, "tenant3", Stream.BULK, [("a@b.example", who.key(100), who.key(100)[::-1])])
    database.close()


Sample = tuple[str, float, int, int]
"""Words, share of the decisions, among how many people of each tenant (0: strangers, -1: all), recipients at once."""
DROPPED: tuple[Sample, ...] = (
    ("anybody, page cache dropped: the first", 0.25, -1, 1),
    ("anybody, page cache dropped: the next", 1.0, -1, 1),
)
IN_MEMORY: tuple[Sample, ...] = (
    ("anybody, files in memory", 1.0, -1, 1),
    ("strangers, files in memory", 1.0, 0, 1),
    ("hot: among a thousand people", 1.0, 100, 1),
    ("hot: 50 recipients of one message", 0.05, 100, 50),
)


def _some(
    database: Database,
    who: People,
    rng: random.Random,
    decisions: int,
    samples: Iterable[Sample],
    rounds: dict[str, list[Figures]],
) -> None:
    for name, share, among, recipients in samples:
        few = min(among, who.each) if among >= 0 else who.each
        whom = [
            (rng.randrange(few) if few else -1, f"tenant{rng.randrange(TENANTS)}")
            for _ in range(int(decisions * share))
        ]
        times = [decide(database, who, i, tenant, recipients) for i, tenant in whom]
        rounds.setdefault(name, []).append(figures(times))


def run(chosen: argparse.Namespace) -> None:
    """Fill, measure, remove; or, with a folder to keep, fill once and measure again and again."""
    folder = chosen.folder or Path(tempfile.mkdtemp(prefix="goodstanding-ledger-", dir=chosen.directory))
    folder.mkdir(parents=True, exist_ok=True)
    who = People(chosen.rows)
    try:
        measured = _run_sqlite if chosen.engine == "sqlite" else _run_postgresql
        measured(folder, who, chosen)
    finally:
        if not chosen.folder:
            shutil.rmtree(folder, ignore_errors=True)


def _run_sqlite(folder: Path, who: People, chosen: argparse.Namespace) -> None:
    database = Database(f"sqlite:///{folder / 'goodstanding.db'}")
    if not database.path.exists():
        migrate(database)
        database.close()
        _timed(lambda: fill_sqlite(database.path, who), who, folder)
    measure(database.url, who, folder, lambda: drop_from_cache(folder), chosen)


def _run_postgresql(folder: Path, who: People, chosen: argparse.Namespace) -> None:
    folder.chmod(0o755)  # the server runs as another user
    kept = next(folder.glob("goodstanding-pg-*"), None)
    server = _start(folder, kept)
    try:
        if kept is None:
            database = Database(server.url())
            migrate(database)
            database.close()
            _timed(lambda: fill_postgresql(server.url(), who), who, server.folder)

        def forget() -> None:
            server.stop()
            drop_from_cache(server.folder)
            server.start()

        measure(server.url(), who, server.folder, forget, chosen)
    finally:
        server.stop()


def _start(folder: Path, kept: Path | None) -> PrivatePostgres:
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        return start_postgres() if kept is None else start_again(kept)
    finally:
        tempfile.tempdir = before


def _timed(fill: Callable[[], None], who: People, folder: Path) -> None:
    rows = TENANTS * sum(1 + i % 4 for i in range(4)) * (who.each // 4)
    started = time.monotonic()
    fill()
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{rows:,} ledger rows of {who.each * TENANTS:,} people in {time.monotonic() - started:.0f} s, ", end="")
    print(f"{size / 1024**3:.2f} GiB")
