"""The ledger as a file: import and export, CSV with a heading or JSON lines.

An import goes in batches, each one transaction with its journal entry. A line that cannot be used is put aside with
its number and reason, and stops nothing. The same line twice is once, so an interrupted import is simply run again.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TextIO

import msgspec
from msgspec import structs

from goodstanding.admission.entries import ALIASES, COLUMNS, Entry, read_entry, words_of
from goodstanding.admission.trust import person
from goodstanding.errors import GoodstandingError
from goodstanding.events import EstateChanged
from goodstanding.operate.trust import checked, person_key, reject_erased, tell_guard
from goodstanding.store import journal
from goodstanding.store import trust as ledger
from goodstanding.store.db import Database, Tx
from goodstanding.store.trust import FIRST_KEY, Recorded

Shape = Literal["csv", "jsonl"]
BATCH = 1000
"""Lines an import takes into one transaction: some tens of milliseconds."""
REMARKS = ("line", "reason", "raw")
"""Columns of a file of rejects that are not about the recipient, so that it can be mended and imported itself."""
_decode = msgspec.json.Decoder(dict[str, str | int | float | None]).decode
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Import:
    """What to import, and how."""

    path: Path
    shape: Shape
    by: str
    tenant: str = ""
    """Whose it is; empty: the file has a column for it."""
    defaults: Mapping[str, str] = field(default_factory=dict)
    """By column, for lines that leave it empty."""
    rejects: Path | None = None
    """Where to put bad lines; none: beside the file."""
    from_line: int = 1
    """Lines before it are skipped."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import has come to so far."""

    line: int = 0
    """The last line whose fate is durable."""
    added: int = 0
    known: int = 0
    """Recorded already, or said twice in the file."""
    rejected: int = 0
    rejects: str = ""
    """Name of the file with the bad lines; empty without any."""
    ignored: tuple[str, ...] = ()
    """Columns that mean nothing to the ledger."""
    examples: tuple[str, ...] = ()
    """The first bad lines, in words."""


Watch = Callable[[Imported], None]


def shape_of(path: Path) -> Shape:
    """By the name of the file."""
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        return "jsonl"
    if path.suffix.lower() in (".csv", ".tsv", ".txt"):
        return "csv"
    raise GoodstandingError(f"{path.name} ends in neither .csv nor .jsonl; name its format with --format")


def checked_column(name: str) -> str:
    """The column that is meant; GoodstandingError when there is none of that name."""
    column = _column(name)
    if column not in COLUMNS:
        raise GoodstandingError(f"there is no column {name}; there are {', '.join(COLUMNS)}")
    return column


def lines_of(path: Path) -> int:
    """How many lines a file has, for a progress bar."""
    with _opened(path) as file:
        return sum(1 for _ in file)


def _opened(path: Path) -> TextIO:
    """Octets that are no UTF-8 come as surrogates, so that they spoil one line and not the file."""
    try:
        return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="\n")
    except OSError as exc:
        raise GoodstandingError(f"{path}: {exc.strerror}; name a file that can be read") from exc


# --- import -----------------------------------------------------------------------------------------------------------


def import_file(database: Database, master: bytes, wanted: Import, watch: Watch = lambda sofar: None) -> Imported:
    """Record every line of a file that can be used. GoodstandingError only when the file as a whole cannot be."""
    with _opened(wanted.path) as file:
        reading = _Reading(database, person_key(master), wanted, file)
        try:
            for batch in reading.batches():
                reading.commit(batch)
                watch(reading.sofar)
        finally:
            reading.close()
        return reading.sofar


@dataclass(frozen=True, slots=True)
class _Row:
    """One line on its way in."""

    line: int
    raw: str
    tenant: str
    address: str
    entry: Entry


class _Reading:
    """One file on its way into the ledger."""

    def __init__(self, database: Database, key: bytes, wanted: Import, file: TextIO) -> None:
        self._database = database
        self._key = key
        self._wanted = wanted
        self._lines = enumerate(file, 1)
        self._now = time.time()
        self._rejects: TextIO | None = None
        self._columns: list[str] = []
        self._delimiter = ","
        self._heading = ""
        self.sofar = Imported()
        with database.read() as tx:
            self._tenants = {name for name, _ in ledger.tenants(tx)}
        if wanted.tenant and wanted.tenant not in self._tenants:
            raise GoodstandingError(f"there is no tenant {wanted.tenant}; goodstanding tenant list shows them")
        if wanted.shape == "csv":
            self._read_heading()

    def _read_heading(self) -> None:
        _, self._heading = next(self._lines, (0, ""))
        self._delimiter = max(",;\t", key=self._heading.count)
        names = next(csv.reader([self._heading], delimiter=self._delimiter), [])
        self._columns = [_column(name) for name in names]
        if "recipient" not in self._columns:
            wanted = ", ".join(COLUMNS)
            raise GoodstandingError(
                f"{self._wanted.path.name} has no column recipient; its first line must name the columns: {wanted}"
            )
        ignored = tuple(name for name in self._columns if name not in COLUMNS and name not in REMARKS)
        self.sofar = replace(self.sofar, ignored=ignored)

    def batches(self) -> Iterator[list[tuple[int, str]]]:
        """Numbered lines, some at a time; empty ones are passed over."""
        batch: list[tuple[int, str]] = []
        for line, raw in self._lines:
            if line < self._wanted.from_line or not raw.strip():
                continue
            batch.append((line, raw.rstrip("\r\n")))
            if len(batch) >= BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def commit(self, batch: Sequence[tuple[int, str]]) -> None:
        """One batch: what can be used into the ledger, durably; the rest into the file of rejects, before it counts."""
        rows, bad = list[_Row](), list[tuple[int, str, str]]()
        for line, raw in batch:
            try:
                rows.append(self._row(line, raw))
            except GoodstandingError as exc:
                bad.append((line, raw, str(exc)))
        with self._database.tx() as tx:
            new, known, erased = self._record(tx, rows, batch)
            bad = sorted(bad + erased)
            self._put_aside(bad)
        told = [f"line {line}: {reason}" for line, _, reason in bad]
        self.sofar = replace(
            self.sofar,
            line=batch[-1][0],
            added=self.sofar.added + new,
            known=self.sofar.known + known,
            rejected=self.sofar.rejected + len(bad),
            rejects=str(self._rejects_path()) if self._rejects else "",
            examples=(*self.sofar.examples, *told)[:5],
        )

    def _row(self, line: int, raw: str) -> _Row:
        """What a line says. Raises GoodstandingError with the reason when it cannot be used."""
        said = self._words_of_csv(raw) if self._wanted.shape == "csv" else _words_of_json(raw)
        words = {**self._wanted.defaults, **{name: word for name, word in said.items() if word.strip()}}
        tenant = words.get("tenant", "").strip() or self._wanted.tenant
        if not tenant:
            raise GoodstandingError("tenant is missing; fill the column, or name it with --tenant")
        if self._wanted.tenant not in ("", tenant):
            raise GoodstandingError(f"it is of tenant {tenant}, and this import is for {self._wanted.tenant}")
        if tenant not in self._tenants:
            raise GoodstandingError(f"there is no tenant {tenant}; make it first (goodstanding tenant add)")
        address = checked(words.get("recipient", ""))
        if not words.get("at", "").strip():
            raise GoodstandingError("at is missing; say when it happened, e.g. 2026-11-23T10:00:00Z")
        return _Row(line, raw, tenant, address, structs.replace(read_entry(words, self._now), address=address))

    def _words_of_csv(self, raw: str) -> dict[str, str]:
        try:
            cells = next(csv.reader([raw], delimiter=self._delimiter, strict=True), [])
        except csv.Error as exc:
            raise GoodstandingError(f"it is no line of CSV ({exc}); keep every row on one line") from None
        if len(cells) > len(self._columns):
            raise GoodstandingError(f"{len(cells)} cells under {len(self._columns)} columns; quote cells with commas")
        return dict(zip(self._columns, cells, strict=False))

    def _record(
        self, tx: Tx, rows: Sequence[_Row], batch: Sequence[tuple[int, str]]
    ) -> tuple[int, int, list[tuple[int, str, str]]]:
        """New entries, known ones, and lines about people whose data was erased since."""
        keyed = [(row, person(self._key, row.tenant, row.address)) for row in rows]
        wanted, refused = list[Recorded](), list[tuple[int, str, str]]()
        for tenant in dict.fromkeys(row.tenant for row in rows):
            theirs = [(row, who) for row, who in keyed if row.tenant == tenant]
            erased = ledger.erased(tx, tenant, [who for _, who in theirs])
            for row, who in theirs:
                try:
                    reject_erased(erased, who, row.entry)
                    wanted.append(Recorded(tenant, who, row.entry))
                except GoodstandingError as exc:
                    refused.append((row.line, row.raw, str(exc)))
        new = ledger.add(tx, wanted)
        tell_guard(tx, new, self._now)
        self._tell(tx, new, batch)
        return len(new), len(wanted) - len(new), refused

    def _tell(self, tx: Tx, new: Sequence[Recorded], batch: Sequence[tuple[int, str]]) -> None:
        where = f"{self._wanted.path.name}, lines {batch[0][0]} to {batch[-1][0]}"
        counts: dict[str, int] = {}
        for each in new:
            counts[each.tenant] = counts.get(each.tenant, 0) + 1
        journal.append(
            tx,
            [
                EstateChanged(tenant, self._now, "ledger", f"{count} imported from {where}", self._wanted.by)
                for tenant, count in counts.items()
            ],
        )

    def _rejects_path(self) -> Path:
        suffix = ".csv" if self._wanted.shape == "csv" else ".jsonl"
        return self._wanted.rejects or self._wanted.path.with_suffix(f".rejects{suffix}")

    def _put_aside(self, bad: Sequence[tuple[int, str, str]]) -> None:
        """Bad lines in the shape of the file, with number and reason in front."""
        if not bad:
            return
        if self._rejects is None:
            self._rejects = self._new_rejects()
        for line, raw, reason in bad:
            if self._wanted.shape == "csv":
                self._rejects.write(_csv_line([str(line), reason], self._delimiter) + self._delimiter + raw + "\n")
            else:
                self._rejects.write(_json_reject(line, reason, raw) + "\n")
        self._rejects.flush()

    def _new_rejects(self) -> TextIO:
        path, resumed = self._rejects_path(), self._wanted.from_line > 1
        if path.resolve() == self._wanted.path.resolve():
            raise GoodstandingError(f"{path} is the file being imported; name another with --rejects")
        try:
            file = path.open("a" if resumed else "w", encoding="utf-8", errors="surrogateescape", newline="\n")
        except OSError as exc:
            raise GoodstandingError(f"{path}: {exc.strerror}; name a file for bad lines with --rejects") from exc
        if self._wanted.shape == "csv" and file.tell() == 0:
            file.write(f"line{self._delimiter}reason{self._delimiter}{self._heading.rstrip()}\n")
        return file

    def close(self) -> None:
        """Close the rejects; a file of them from an earlier run would be taken for this one's."""
        if self._rejects is not None:
            self._rejects.close()
        elif self._wanted.rejects is None and self._wanted.from_line == 1 and self.sofar.line:
            self._rejects_path().unlink(missing_ok=True)


def _column(name: str) -> str:
    plain = name.strip().lower().replace(" ", "_").replace("-", "_")
    return ALIASES.get(plain, plain)


def _words_of_json(raw: str) -> dict[str, str]:
    try:
        said = _decode(raw)
    except (msgspec.DecodeError, UnicodeEncodeError) as exc:
        raise GoodstandingError(f"it is no JSON object of words and numbers ({exc}); write one to a line") from None
    return {_column(name): "" if word is None else str(word) for name, word in said.items()}


def _csv_line(cells: Sequence[str], delimiter: str) -> str:
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter, lineterminator="").writerow(cells)
    return written.getvalue()


def _json_reject(line: int, reason: str, raw: str) -> str:
    try:
        said: Mapping[str, object] = {key: word for key, word in _decode(raw).items() if key not in REMARKS}
    except (msgspec.DecodeError, UnicodeEncodeError):
        said = {"raw": raw.encode("utf-8", "replace").decode()}
    return _encode({"line": line, "reason": reason, **said}).decode()


# --- export -----------------------------------------------------------------------------------------------------------


def size(database: Database, tenant: str) -> int:
    """How many entries an export has to read."""
    with database.read() as tx:
        return ledger.count(tx, tenant)


def export(database: Database, tenant: str, shape: Shape, out: TextIO, watch: Callable[[int], None]) -> tuple[int, int]:
    """Write the ledger of a tenant (empty: of all); how many entries, and how many nameless ones were left out.

    What is written can be imported: the same entries come of it.
    """
    with database.read() as tx:
        names = [name for name, _ in ledger.tenants(tx) if tenant in ("", name)]
    if tenant and not names:
        raise GoodstandingError(f"there is no tenant {tenant}; goodstanding tenant list shows them")
    if shape == "csv":
        out.write(",".join(COLUMNS) + "\r\n")
    written = nameless = 0
    for name in names:
        for each in _pages(database, name):
            if not each.entry.address:
                nameless += 1
                continue
            words = words_of(each.entry, each.tenant)
            if shape == "csv":
                out.write(_csv_line([words[column] for column in COLUMNS], ",") + "\r\n")
            else:
                out.write(_encode({key: word for key, word in words.items() if word}).decode() + "\n")
            written += 1
            if written % BATCH == 0:
                watch(written)
    return written, nameless


def _pages(database: Database, tenant: str) -> Iterator[Recorded]:
    """Every row of a tenant, in short reads: an hour-long one would keep the database from cleaning up."""
    last = (tenant, *FIRST_KEY[1:])
    while True:
        with database.read() as tx:
            rows, last = ledger.page(tx, tenant, last)
        if not rows:
            return
        yield from rows
