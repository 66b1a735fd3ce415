"""Settings of a command: ``--config``, else $GOODSTANDING_CONFIG, else ./goodstanding.toml, else defaults."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from goodstanding.errors import GoodstandingError
from goodstanding.operate import opening
from goodstanding.settings import Settings
from goodstanding.settings_file import parse_settings
from goodstanding.store.db import Database

VARIABLE = "GOODSTANDING_CONFIG"
USUAL = Path("goodstanding.toml")

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help=f"Settings file; else ${VARIABLE}, else ./{USUAL}, else defaults.",
        show_default=False,
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Override one setting; may be repeated.", show_default=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def find(given: Path | None) -> Path | None:
    """The settings file that counts; None when there is none and the defaults do."""
    if given is not None:
        return given
    if named := os.environ.get(VARIABLE):
        return Path(named)
    return USUAL if USUAL.exists() else None


def load(given: Path | None, overrides: Sequence[str] | None = None) -> Settings:
    """The settings. Raises SettingsError with every problem, GoodstandingError when there is no such file."""
    path = find(given)
    if path is None:
        return parse_settings("", overrides or ())
    try:
        return parse_settings(path.read_text("utf-8"), overrides or ())
    except OSError as exc:
        raise GoodstandingError(f"settings file {path}: {exc.strerror}; name another with --config") from exc
    except UnicodeDecodeError as exc:
        raise GoodstandingError(f"settings file {path} is not UTF-8 text: {exc}") from exc


@dataclass(frozen=True, slots=True)
class Estate:
    """What most commands work on."""

    settings: Settings
    database: Database
    master: bytes


@contextmanager
def opened(given: Path | None, present: bool = False) -> Iterator[Estate]:
    """The estate the settings describe, closed afterwards.

    ``present``: there is something to see only where a relay has been. Without settings, far from its folder, nothing
    is found and made; "nothing waits" would be a wrong answer there.
    """
    settings = load(given)
    if present and find(given) is None and not opening.database_of(settings).path.exists():
        raise GoodstandingError(f"there is no ./{USUAL} here, and no store; name the relay's with --config FILE")
    database, master = opening.open_estate(settings)
    try:
        yield Estate(settings, database, master)
    finally:
        database.close()
