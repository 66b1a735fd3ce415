"""Suppression lists as files: CSV or JSON lines, in and out. Every bad line is reported with its number and reason.

Columns: ``address`` (or ``email``, ``recipient``), and if wanted ``tenant``, ``stream``, ``cause``, ``source``, ``at``,
``expires`` (seconds or ISO 8601) and ``evidence``. The same file twice is the same list, so an interrupted import is
simply run again.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from goodstanding.admission.suppression import Suppression
from goodstanding.errors import GoodstandingError
from goodstanding.operate.suppression import Entry, add, checked
from goodstanding.store import suppression as rows_of
from goodstanding.store.db import Database

BATCH = 500
"""Lines to a transaction."""
COLUMNS = ("address", "tenant", "stream", "cause", "source", "at", "expires", "evidence")
_ADDRESSES = ("address", "email", "recipient", "emailaddress", "email address")
Numbered = tuple[int, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Reject:
    """One line that could not be taken, and why."""

    line: int
    because: str
    text: str


@dataclass(slots=True)
class Imported:
    """What an import came to."""

    taken: int = 0
    rejects: list[Reject] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Bringer:
    """Who brings a file in, and for whom."""

    by: str
    only: str = ""
    """The one tenant whose lines are taken; empty: every tenant's."""


def bring_in(
    database: Database, master: bytes, path: Path, usual: Entry, who: Bringer, watch: Callable[[int], None]
) -> Imported:
    """Put everybody in a file on the list; ``usual`` says what a line leaves out. ``watch`` is told the line reached.

    GoodstandingError when the file cannot be read at all.
    """
    done, batch = Imported(), list[Entry]()
    with database.read() as tx:
        tenants = {who.only} if who.only else set(rows_of.tenants(tx))
    for number, words in _lines(path, done):
        try:
            entry = checked(_entry(words, usual))
            if entry.tenant not in tenants:
                raise GoodstandingError(f"there is no tenant {entry.tenant}; goodstanding tenant list shows them")
            batch.append(entry)
        except GoodstandingError as exc:
            done.rejects.append(Reject(number, str(exc), json.dumps(words, ensure_ascii=False)))
        if len(batch) >= BATCH:
            _commit(database, master, batch, who.by, done)
            watch(number)
    _commit(database, master, batch, who.by, done)
    return done


def _commit(database: Database, master: bytes, batch: list[Entry], by: str, done: Imported) -> None:
    if batch:
        add(database, master, batch, by)
        done.taken += len(batch)
        batch.clear()


def _lines(path: Path, done: Imported) -> Iterator[Numbered]:
    """Numbered lines of either format; what is no line at all goes to the rejects."""
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            if path.suffix.lower() in (".jsonl", ".ndjson", ".json"):
                yield from _json_lines(file, done)
            else:
                yield from _csv_lines(file, done)
    except OSError as exc:
        raise GoodstandingError(f"{path} cannot be read: {exc.strerror}; check its name and mode") from exc


def _json_lines(file: Iterable[str], done: Imported) -> Iterator[Numbered]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
            if not isinstance(found, dict):
                raise ValueError("not an object")
        except ValueError as exc:
            done.rejects.append(Reject(number, f"not JSON: {exc}; one object a line", _shown(line)))
        else:
            yield number, {str(key).lower(): _shown(str(word)) for key, word in found.items() if word is not None}


def _csv_lines(file: io.TextIOWrapper, done: Imported) -> Iterator[Numbered]:
    """With a heading; a file of bare addresses needs none."""
    reader = csv.reader(file)
    heading: list[str] = []
    try:
        for words in reader:
            if not any(word.strip() for word in words):
                continue
            if not heading:
                heading = [word.strip().lower() for word in words]
                if any(name in heading for name in _ADDRESSES):
                    continue
                if "@" not in words[0]:
                    wanted = ", ".join(COLUMNS)
                    raise GoodstandingError(f"the first line names no column address; the columns are {wanted}")
                heading = ["address"]
            yield reader.line_num, {name: _shown(word) for name, word in zip(heading, words, strict=False)}
    except csv.Error as exc:
        done.rejects.append(Reject(reader.line_num, f"not CSV: {exc}; the rest was not read", ""))


def _shown(text: str) -> str:
    """Bytes that are not UTF-8 made visible."""
    return text.strip().encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _entry(words: Mapping[str, str], usual: Entry) -> Entry:
    given = {name: words[name] for name in ("tenant", "stream", "cause", "source", "evidence") if words.get(name)}
    times = {name: _second(name, words[name]) for name in ("at", "expires") if words.get(name)}
    address = next((words[name] for name in _ADDRESSES if words.get(name)), "")
    if not address:
        raise GoodstandingError("no address on this line")
    return replace(usual, address=address, **given, **times)  # type: ignore[arg-type]


def _second(name: str, text: str) -> float:
    """Seconds since 1970, or ISO 8601 (UTC unless it says otherwise)."""
    try:
        moment = datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise GoodstandingError(f"{name} {text!r} is no time; write 2026-11-23T10:00:00Z or seconds") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def written(rows: Iterable[Suppression], as_json: bool) -> Iterator[str]:
    """Lines of a file that `bring_in` takes again; erased people have no address and are left out."""
    buffer = io.StringIO()
    out = csv.writer(buffer, lineterminator="\n")
    if not as_json:
        yield ",".join(COLUMNS) + "\n"
    for row in rows:
        if not row.address:
            continue
        words = (
            *(row.address, row.tenant, row.stream, row.cause, row.source),
            *(_iso(row.at), _iso(row.expires), row.evidence),
        )
        if as_json:
            yield json.dumps(dict(zip(COLUMNS, words, strict=True)), ensure_ascii=False) + "\n"
            continue
        out.writerow(words)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z") if at else ""
