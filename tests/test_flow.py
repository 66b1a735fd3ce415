"""docs/flow.md tells the truth: every function it names exists."""

import importlib
import re
from pathlib import Path

import pytest

FLOW = (Path(__file__).parent.parent / "docs" / "flow.md").read_text("utf-8")
NAMES = sorted(set(re.findall(r"`([a-z_]+(?:\.[A-Za-z_]+)+)`", FLOW)))


@pytest.mark.parametrize("name", NAMES)
def test_the_flow_names_what_exists(name: str) -> None:
    if name.startswith(("tests.", "docs.")):
        return
    parts = name.split(".")
    for size in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module("goodstanding." + ".".join(parts[:size]))
        except ModuleNotFoundError:
            continue
        for part in parts[size:]:
            found = getattr(found, part)
        return
    raise AssertionError(f"{name} is no module of goodstanding")
