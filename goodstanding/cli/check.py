"""``goodstanding check``: the effective configuration, the proof of isolation, and everything wrong with either."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Group
from rich.text import Text

from goodstanding import preflight
from goodstanding.cli import isolation, terminal
from goodstanding.cli.configuration import ConfigOption, JsonOption, SetOption, find, load
from goodstanding.errors import SettingsError
from goodstanding.operate import domains, readiness
from goodstanding.operate.isolation import Proof, prove_present
from goodstanding.settings import Settings, walk


def check(config: ConfigOption = None, overrides: SetOption = None, as_json: JsonOption = False) -> int:
    """Print every setting, who owns which identity, and every problem at once; exit code 1 when there is one.

    Subscriptions whose every message would be refused are named, too: no domain of theirs is verified yet.
    """
    source = find(config)
    try:
        settings = load(config, overrides)
    except SettingsError as exc:
        _print(as_json, source, None, exc.problems)
        return 1
    proof = prove_present(settings)
    problems = [
        *preflight.problems(settings),
        *preflight.doubts(settings, time.time()),
        *domains.unreadable_keys(settings),
        *readiness.upgrade(settings),
        *(f"{one.because}; {one.remedy}" for one in proof.refused),
    ]
    _print(as_json, source, settings, problems, proof)
    return 1 if problems else 0


def _print(
    as_json: bool, source: Path | None, settings: Settings | None, problems: list[str], proof: Proof | None = None
) -> None:
    rows = walk(settings) if settings is not None else []
    mute = readiness.refusals_at_present(settings) if settings is not None else []
    if as_json:
        entries = [{"path": path, "value": value, "default": same} for path, value, same, _ in rows]
        found = {"source": source and str(source), "settings": entries, "problems": problems}
        terminal.print_json({**found, "refused": mute, "isolation": proof and isolation.document(proof)})
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
    owned = [isolation.drawing(proof)] if proof is not None else []
    notes = [Text(one, "yellow") for one in mute]
    terminal.console().print(Group(*([drawn] if rows else []), *owned, *notes, *([verdict] if not problems else [])))
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
