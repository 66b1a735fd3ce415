"""Errors become one line with the remedy, and an exit code; never a traceback."""

import contextlib
import json
from pathlib import Path

import pytest

from goodstanding.cli.main import run
from tests.cli.conftest import Command, environment

USAGE = [
    (["frobnicate"], "No such command"),
    (["queue", "frobnicate"], "No such command"),
    (["queue", "list", "--frobnicate"], "No such option"),
    (["queue", "list", "--limit", "many"], "--limit"),
    (["queue", "show"], "Missing argument"),
    (["domain", "add", "shop.example"], "--tenant"),
    (["credential", "add", "shop/otp", "--stream", "telepathy"], "--stream"),
]


@pytest.mark.parametrize(("arguments", "words"), USAGE)
def test_a_wrong_command_line_is_explained_in_one_line(goodstanding: Command, arguments: list[str], words: str) -> None:
    said = goodstanding(*arguments)
    assert said.code == 2
    assert words in said.err
    assert said.err.count("\n") == 1
    assert "--help" in said.err


PROBLEMS = [
    (["queue", "hold"], "--all"),
    (["queue", "list", "destinaton=x"], "did you mean destination?"),
    (["queue", "list", "nonsense"], "not a message id"),
    (["queue", "show", "0000000000000"], "goodstanding trace"),
    (["queue", "show", "0000000000000", "--content"], "not in the queue"),
    (["queue", "drop", "--all"], "--yes"),
    (["trace", "nobody@nowhere.example"], "knows nothing"),
    (["trace", "0000000000000"], "knows nothing"),
    (["domain", "remove", "shop.example"], "goodstanding domain list"),
    (["credential", "revoke", "nobody"], "goodstanding credential list"),
    (["credential", "add", "shop/new"], "--stream"),
    (["sandbox", "status", "--port", "1"], "start one: goodstanding sandbox"),
    (["version", "--config", "x"], "No such option"),
]


@pytest.mark.parametrize(("arguments", "words"), PROBLEMS)
def test_a_problem_is_one_line_that_names_the_remedy(goodstanding: Command, arguments: list[str], words: str) -> None:
    said = goodstanding(*arguments)
    assert said.code in (1, 2)
    assert words in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


@pytest.mark.parametrize("arguments", [["frobnicate"], ["queue", "hold"], ["check", "--set", "workers=-1"]])
def test_with_json_problems_are_json_too(goodstanding: Command, arguments: list[str]) -> None:
    said = goodstanding(*arguments, "--json")
    assert said.code in (1, 2)
    document = json.loads(said.err or said.out)
    assert len(document["problems"]) == 1


def test_without_a_command_the_help_is_shown(goodstanding: Command) -> None:
    said = goodstanding()
    assert said.code == 2
    assert "goodstanding demo" in said.out + said.err


def test_a_settings_file_that_is_not_there_is_named(goodstanding: Command, tmp_path: Path) -> None:
    said = goodstanding("queue", "list", "--config", str(tmp_path / "missing.toml"))
    assert (said.code, said.err.count("\n")) == (1, 1)
    assert "missing.toml" in said.err and "--config" in said.err


def test_every_problem_of_the_settings_has_its_line(goodstanding: Command, tmp_path: Path) -> None:
    config = tmp_path / "broken.toml"
    config.write_text("workers = -1\nhostnam = 'x'\n[delivery]\nport = 'smtp'\n")
    said = goodstanding("queue", "list", "--config", str(config))
    assert (said.code, said.err.count("\n")) == (1, 3)


def test_the_settings_file_is_found_beside_us(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "goodstanding.toml").write_text("workers = 7\n")
    with contextlib.chdir(tmp_path), environment(GOODSTANDING_CONFIG=""):
        assert run(["check", "--json"]) == 0
    settings = json.loads(capfd.readouterr().out)["settings"]
    assert {"path": "workers", "value": 7, "default": False} in settings


def test_the_version_is_told(goodstanding: Command) -> None:
    assert goodstanding("version").out.startswith("goodstanding ")
    assert set(goodstanding("version", "--json").json) == {"version"}


def test_without_settings_and_store_the_queue_is_not_said_to_be_empty(goodstanding: Command, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with environment(GOODSTANDING_CONFIG=""), contextlib.chdir(elsewhere):
        said = goodstanding("queue", "list")
    assert said.code == 1
    assert "--config" in said.err
    assert list(elsewhere.iterdir()) == []


def test_a_spool_without_its_database_is_not_begun_anew(goodstanding: Command, data_dir: Path) -> None:
    (data_dir / "spool").mkdir(parents=True)
    (data_dir / "spool" / "0000070000000001.seg").write_bytes(b"mail")
    said = goodstanding("queue", "list")
    assert said.code == 1
    assert "restore it from your backup" in said.err
    assert not (data_dir / "goodstanding.db").exists()


def test_a_damaged_database_leads_to_the_remedies(goodstanding: Command, data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "goodstanding.db").write_bytes(b"not a database" * 1000)
    said = goodstanding("queue", "list")
    assert said.code == 1
    assert "docs/operations.md" in said.err
