"""Connections and transactions on SQLite or PostgreSQL: the only file that knows there are two engines.

SQL is written once, in the dialect both understand, with ``?`` for values. A commit is durable when it returns:
SQLite runs WAL with synchronous=FULL, PostgreSQL with its default synchronous_commit. Writers of several processes
hand the SQLite file over by a file lock: waiting in the kernel wakes at once, SQLite's own busy handler sleeps.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol

import psycopg

from goodstanding.errors import StoreError
from goodstanding.events import Event

Engine = Literal["sqlite", "postgresql"]
Value = str | int | float | bytes | None
Row = tuple[Any, ...]

CACHE_KIB = 16 * 1024
CHECKPOINT_PAGES = 8000
"""WAL pages (4 KiB) before a committing writer copies them back: fewer, larger checkpoints cost less per message."""
EASE_PAGES = 6000
"""WAL pages that `Database.ease` copies back before a committing writer has to."""
_GROWN = struct.Struct("=16xI76xI")
"""Of the WAL index (SQLite's "WAL-mode File Format", 2.1): frames in the WAL, and how many of them are copied back."""
WAL_OCTETS = CHECKPOINT_PAGES * (4096 + 24)
"""What the WAL grows to before it begins anew: its frames, each with its header."""
SPARE_DISKS = 4
"""`Database.lay_out` wants so many times its size free; a small disk is for mail."""
NOT_THE_STORE = (sqlite3.IntegrityError, sqlite3.DataError, psycopg.IntegrityError, psycopg.DataError)


class _Cursor(Protocol):
    """What sqlite3 and psycopg cursors have in common."""

    rowcount: int

    def execute(self, sql: Any, parameters: Any = ..., /) -> Any: ...
    def executemany(self, sql: Any, rows: Any, /) -> Any: ...
    def fetchall(self) -> list[Any]: ...


class Tx:
    """One open transaction; functions of this room take it first and never commit it."""

    __slots__ = ("_cursor", "appended", "engine")

    def __init__(self, cursor: _Cursor, engine: Engine) -> None:
        self._cursor = cursor
        self.engine: Engine = engine
        self.appended: list[Event] = []
        """What was put into the journal: for those who tell about it once it is committed."""

    def rows(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        """All rows a statement answers with."""
        self._cursor.execute(self._dialect(sql), values)
        return self._cursor.fetchall()

    def row(self, sql: str, values: Sequence[Value] = ()) -> Row | None:
        """The first row, or None."""
        found = self.rows(sql, values)
        return found[0] if found else None

    def run(self, sql: str, values: Sequence[Value] = ()) -> int:
        """Run a statement that answers nothing; how many rows it changed."""
        self._cursor.execute(self._dialect(sql), values)
        return self._cursor.rowcount

    def many(self, sql: str, rows: Sequence[Sequence[Value]]) -> None:
        """Run one statement for each row, as one batch."""
        if rows:
            self._cursor.executemany(self._dialect(sql), rows)

    def insert(self, sql: str, rows: Sequence[Sequence[Value]], ending: str = "") -> None:
        """Run a statement that ends with VALUES, and with ``ending``, for all rows: placeholders follow by themselves.

        Many rows to a statement: the interpreter lock is let go and fought for anew at each one (docs/performance.md).
        """
        for statement, values in _by_rows(sql, rows, ending):
            self.run(statement, values)

    def inserted(self, sql: str, rows: Sequence[Sequence[Value]], returning: str) -> list[Row]:
        """The same, with what it answers: ``returning`` ends the statement."""
        return [row for statement in _by_rows(sql, rows, returning) for row in self.rows(*statement)]

    def among(self, sql: str, keys: Sequence[int], returning: str = "") -> list[Row]:
        """Run a statement that ends with IN for all keys; the rows it answers with, if it is to answer."""
        answers: list[Row] = []
        for start in range(0, len(keys), BATCH):
            part = keys[start : start + BATCH]
            self._cursor.execute(self._dialect(f"{sql} ({', '.join('?' * len(part))}) {returning}"), part)
            answers.extend(self._cursor.fetchall() if returning else ())
        return answers

    def alone(self, lock: int) -> None:
        """Wait until no other transaction holds this lock, and hold it to the end. SQLite has one writer anyway."""
        if self.engine == "postgresql":
            self._cursor.execute("SELECT pg_advisory_xact_lock(%s)", (lock,))

    def among_rows(self, sql: str, keys: Sequence[Value]) -> list[Row]:
        """The rows of a query that ends with IN, for all keys."""
        found: list[Row] = []
        for start in range(0, len(keys), BATCH):
            part = keys[start : start + BATCH]
            found.extend(self.rows(f"{sql} ({', '.join('?' * len(part))})", part))
        return found

    @property
    def skip_locked(self) -> str:
        """What a claiming subselect ends with: rows another machine is claiming are passed over, not waited for."""
        return " FOR UPDATE SKIP LOCKED" if self.engine == "postgresql" else ""

    @property
    def keep_row(self) -> str:
        """What a select ends with whose row must not be deleted by others before this transaction ends."""
        return " FOR KEY SHARE" if self.engine == "postgresql" else ""

    @property
    def last_written_by(self) -> str:
        """The condition that a row's present version was written by a transaction, see `Database.doubts`."""
        return "xmin = CAST(CAST(? AS xid8) AS xid)"

    def writers_of(self, table: str) -> frozenset[str]:
        """Other transactions that have written to a table, or are about to, and have not ended. SQLite: none."""
        if self.engine == "sqlite":
            return frozenset()
        rows = self.rows(
            "SELECT virtualtransaction FROM pg_locks WHERE relation = CAST(CAST(? AS text) AS regclass) "
            "AND mode = 'RowExclusiveLock' AND pid <> pg_backend_pid()",
            (table,),
        )
        return frozenset(row[0] for row in rows)

    def fate(self, transaction: str) -> str:
        """What became of a transaction: ``committed``, ``aborted`` or ``in progress``; empty when it is long ago."""
        row = self.row("SELECT pg_xact_status(CAST(? AS xid8))", (transaction,))
        return str(row[0] or "") if row else ""

    def _dialect(self, sql: str) -> str:
        return sql if self.engine == "sqlite" else _to_postgresql(sql)


BATCH = 64
"""Rows to a statement at most; the engines keep the statement of every size prepared."""
STATEMENTS = 1024
"""Prepared statements a connection keeps."""


@lru_cache(maxsize=512)
def _marks(rows: int, columns: int) -> str:
    return ", ".join([f"({', '.join('?' * columns)})"] * rows)


def _by_rows(sql: str, rows: Sequence[Sequence[Value]], ending: str) -> Iterator[tuple[str, list[Value]]]:
    """Statements that take all rows, with their values."""
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        yield f"{sql} {_marks(len(part), len(part[0]))} {ending}", [value for row in part for value in row]


@lru_cache(maxsize=2048)
def _to_postgresql(sql: str) -> str:
    return sql.replace("%", "%%").replace("?b", "%b").replace("?", "%s")


class Database:
    """One connection for writing and one for reading, opened when first needed; safe to use from several threads."""

    def __init__(self, url: str) -> None:
        """``sqlite:///path/to/file`` or ``postgresql://...``. Nothing is opened yet."""
        self.url = url
        self.engine: Engine = "postgresql" if url.startswith(("postgresql:", "postgres:")) else "sqlite"
        self._writer: Any = None
        self._reader: Any = None
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()
        self._hand_over = -1
        self._inode = 0
        self.doubts: list[str] = []
        """Transactions whose commit was asked for and never answered, because the connection to PostgreSQL broke.

        They may be durable all the same; whoever claims rows asks `goodstanding.store.queue.disown` to free theirs.
        """

    def __repr__(self) -> str:
        return f"<Database {self.engine} {'open' if self._writer else 'idle'}>"

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return Path(self.url.removeprefix("sqlite:///"))

    @contextmanager
    def tx(self) -> Iterator[Tx]:
        """A writing transaction: committed durably when the block ends, undone when it raises.

        Raises StoreError when the store cannot: disk full, read-only, locked for 10 s, server gone. A row that breaks
        a constraint is our bug and no fault of the store: it comes as the driver's own exception.
        """
        asked_to_commit = ""
        with self._write_lock:
            try:
                if self._writer is None:
                    self._writer = self._connect()
                with self._sole_writer():
                    self._same_file()
                    cursor = self._writer.cursor()
                    cursor.execute("BEGIN IMMEDIATE" if self.engine == "sqlite" else "BEGIN")
                    yield Tx(cursor, self.engine)
                    asked_to_commit = self._name_of(cursor)
                    cursor.execute("COMMIT")
            except NOT_THE_STORE:
                self._writer = self._undo(self._writer)
                raise
            except (sqlite3.Error, psycopg.Error, OSError) as exc:
                if asked_to_commit:
                    self.doubts.append(asked_to_commit)
                self._writer = self._undo(self._writer)
                raise StoreError(f"{self.engine}: {str(exc).strip() or type(exc).__name__}") from exc
            except BaseException:
                self._writer = self._undo(self._writer)
                raise

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """For reading; writers are not held up by it, nor it by them.

        On SQLite one consistent view. On PostgreSQL each statement sees what is committed when it begins, as in any
        transaction at its default isolation; so there is none, and a read is one round trip instead of three.
        """
        with self._reading("BEGIN" if self.engine == "sqlite" else "") as tx:
            yield tx

    @contextmanager
    def view(self) -> Iterator[Tx]:
        """For reading what several statements must see at one moment, on either engine."""
        with self._reading("BEGIN" if self.engine == "sqlite" else "BEGIN ISOLATION LEVEL REPEATABLE READ") as tx:
            yield tx

    @contextmanager
    def _reading(self, begin: str) -> Iterator[Tx]:
        with self._read_lock:
            try:
                if self._reader is None:
                    self._reader = self._connect()
                cursor = self._reader.cursor()
                if begin:
                    cursor.execute(begin)
                yield Tx(cursor, self.engine)
                if begin:
                    cursor.execute("COMMIT")
            except (sqlite3.Error, psycopg.Error) as exc:
                self._reader = self._undo(self._reader)
                raise StoreError(f"{self.engine}: {str(exc).strip() or type(exc).__name__}") from exc
            except BaseException:
                self._reader = self._undo(self._reader)
                raise

    @contextmanager
    def ask(self) -> Iterator[Tx]:
        """For a query or two about one thing: each sees what is committed when it begins. Spares two statements."""
        with self._read_lock:
            try:
                if self._reader is None:
                    self._reader = self._connect()
                yield Tx(self._reader.cursor(), self.engine)
            except (sqlite3.Error, psycopg.Error) as exc:
                self._reader = self._undo(self._reader)
                raise StoreError(f"{self.engine}: {str(exc).strip() or type(exc).__name__}") from exc

    def ease(self, pages: int = EASE_PAGES) -> bool:
        """Copy the WAL back while others go on writing, if it has grown so far; whether it had (SQLite only).

        Whoever commits the last page before `CHECKPOINT_PAGES` copies all of them, and everybody waits: 0.05 to 0.13 s.
        Here writers wait only while what they have added meanwhile is copied, so that the WAL can begin anew.
        """
        if self.engine == "postgresql" or self._grown() < pages:
            return False
        self._copy_back()
        with self._write_lock, self._sole_writer():
            self._copy_back()
        return True

    def lay_out(self) -> None:
        """Write the blocks the WAL will need, so that a commit only overwrites, and needs no journal of the disk's.

        An ext4 that aborts (a disk that breaks) answers a few ms long that an fdatasync has succeeded when the journal
        with the new blocks of an *appended* file was thrown away; what overwrites is there (docs/decisions/0016). It
        halves the price of an fdatasync as well. What SQLite finds behind its last frame it does not read. SQLite
        only; other processes may be writing. A disk without room to spare is left alone.
        """
        if self.engine == "postgresql":
            return
        with self.tx():  # nobody else adds a frame meanwhile
            wal = os.open(f"{self.path}-wal", os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                self._fill(wal)
            except OSError as exc:
                if exc.errno != errno.ENOSPC:
                    raise
            finally:
                os.close(wal)

    def _fill(self, wal: int) -> None:
        disk, end = os.fstatvfs(wal), os.fstat(wal).st_size
        if disk.f_bavail * disk.f_frsize < SPARE_DISKS * WAL_OCTETS:
            return
        while end < WAL_OCTETS:
            end += os.pwrite(wal, bytes(min(1 << 20, WAL_OCTETS - end)), end)
        os.fdatasync(wal)

    def _copy_back(self) -> None:
        with self.ask() as tx:
            tx.rows("PRAGMA wal_checkpoint(PASSIVE)")

    def _grown(self) -> int:
        try:
            with open(f"{self.path}-shm", "rb") as index:
                frames, copied = _GROWN.unpack(index.read(_GROWN.size))
        except (OSError, struct.error):
            return 0  # nobody has written yet
        return int(frames - copied)

    def close(self) -> None:
        """Close what is open; the next use opens again."""
        for connection in (self._writer, self._reader):
            if connection is not None:
                connection.close()
        self._writer = self._reader = None
        if self._hand_over >= 0:
            os.close(self._hand_over)
            self._hand_over = -1

    def _connect(self) -> Any:
        if self.engine == "postgresql":
            return psycopg.connect(self.url, autocommit=True, connect_timeout=10, application_name="goodstanding")
        connection = sqlite3.connect(
            self.path, timeout=10, isolation_level=None, check_same_thread=False, cached_statements=STATEMENTS
        )
        connection.execute("PRAGMA journal_mode=WAL")
        self._inode = self._inode or os.stat(self.path).st_ino
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        connection.execute("PRAGMA temp_store=MEMORY")
        return connection

    @contextmanager
    def _sole_writer(self) -> Iterator[None]:
        """Wait for other processes' write transactions to end (SQLite only)."""
        if self.engine == "postgresql":
            yield
            return
        if self._hand_over < 0:
            self._hand_over = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._hand_over, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._hand_over, fcntl.LOCK_UN)

    def _name_of(self, cursor: _Cursor) -> str:
        """PostgreSQL's number of the open transaction. SQLite, in this process, leaves nobody in doubt: empty."""
        if self.engine == "sqlite":
            return ""
        cursor.execute("SELECT CAST(pg_current_xact_id() AS text)")
        return str(cursor.fetchall()[0][0])

    def _same_file(self) -> None:
        """A database file that was deleted or replaced would still take commits, and nobody would ever read them."""
        if self.engine == "sqlite" and os.stat(self.path).st_ino != self._inode:
            raise OSError(f"{self.path} is not the file that was opened; stop, restore it, start again")

    def _undo(self, connection: Any) -> Any:
        """Roll back; a connection that cannot even do that is dropped and opened anew next time."""
        if connection is None:
            return None
        try:
            if self.engine == "postgresql":
                if connection.closed or connection.broken:
                    return None
                connection.rollback()
            elif connection.in_transaction:
                connection.execute("ROLLBACK")
        except (sqlite3.Error, psycopg.Error):
            connection.close()
            return None
        return connection
