"""``goodstanding check``: the whole effective configuration, and everything wrong with it."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Group
from rich.text import Text

from goodstanding import operate, preflight
from goodstanding.cli import terminal
from goodstanding.cli.configuration import ConfigOption, JsonOption, SetOption, find, load
from goodstanding.errors import SettingsError
from goodstanding.settings import Settings, walk


def check(config: ConfigOption = None, overrides: SetOption = None, as_json: JsonOption = False) -> int:
    """Print every setting in effect, and every problem at once; exit code 1 when there is one."""
    source = find(config)
    try:
        settings = load(config, overrides)
    except SettingsError as exc:
        _print(as_json, source, None, exc.problems)
        return 1
    problems = [
        *preflight.problems(settings),
        *preflight.doubts(settings, time.time()),
        *operate.unreadable_keys(settings),
    ]
    _print(as_json, source, settings, problems)
    return 1 if problems else 0


def _print(as_json: bool, source: Path | None, settings: Settings | None, problems: list[str]) -> None:
    rows = walk(settings) if settings is not None else []
    if as_json:
        entries = [{"path": path, "value": value, "default": same} for path, value, same, _ in rows]
        terminal.print_json({"source": source and str(source), "settings": entries, "problems": problems})
        return
    drawn = terminal.table(
        "setting", "value", "", "meaning", title=f"Settings from {source or 'nowhere: all defaults'}"
    )
    for path, value, same, metadata in rows:
        style = "dim" if same else "bold cyan"
        drawn.add_row(
            Text(path, style), Text(written(value), style), Text("default" if same else "set", style), metadata["help"]
        )
    verdict = Text("No problems found.", "green") if not problems else Text("")
    terminal.console().print(Group(*([drawn] if rows else []), *([verdict] if not problems else [])))
    terminal.complain(problems, as_json=False)


def written(value: object) -> str:
    """A value nearly as TOML writes it."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case tuple():
            return "[" + ", ".join(written(item) for item in value) + "]"
        case float() if value.is_integer():
            return f"{value:.0f}"
    return str(value)
