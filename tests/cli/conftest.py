"""A command line with an estate of its own."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from goodstanding.cli.main import run
from goodstanding.operate.opening import open_estate
from goodstanding.settings import Settings
from tests.cli.stock import Stock


@dataclass
class Said:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


Command = Callable[..., Said]


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """Where the commands of a test find their settings, and keep their data."""
    config = tmp_path / "goodstanding.toml"
    config.write_text(f'data_dir = "{tmp_path / "data"}"\n')
    with environment(GOODSTANDING_CONFIG=str(config), COLUMNS="200"):
        yield tmp_path / "data"


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Environment variables as a user would have set them."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def goodstanding(data_dir: Path, capfd: pytest.CaptureFixture[str]) -> Command:
    """Run one command line."""

    def command(*arguments: str) -> Said:
        code = run(arguments)
        out, err = capfd.readouterr()
        return Said(code, out, err)

    return command


@pytest.fixture
def stock(data_dir: Path) -> Iterator[Stock]:
    """The queue the commands see."""
    database, _ = open_estate(Settings(data_dir=str(data_dir)))
    yield Stock(database, data_dir / "spool")
    database.close()
