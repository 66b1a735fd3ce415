"""The docs do not lie: what exists is documented, what is generated is current, and links lead somewhere."""

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import typer

from goodstanding.events import KINDS
from goodstanding.settings import Settings
from tests import floor_plan

ROOT = Path(__file__).parent.parent
GENERATED = (
    *("settings", "events", "metrics", "cli", "reasons", "ladder", "classes", "rates", "payloads", "api"),
    "assumptions",
)
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def page(name: str) -> str:
    return (ROOT / name).read_text()


@pytest.mark.parametrize("command", ["make demo", "make test"])
def test_the_readme_shows(command: str) -> None:
    assert command in page("README.md")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", path.read_text())
    assert not [link for link in links if "://" not in link and not (path.parent / link).exists()]


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_page_is_current(name: str) -> None:
    from goodstanding.cli import reference

    written = ROOT / "docs" / f"{name}.md"
    current = written.exists() and written.read_text() == getattr(reference, f"render_{name}")()
    assert current, f"docs/{name}.md is stale: run make docs"


def test_every_setting_is_documented() -> None:
    text = page("docs/settings.md")
    assert not [name for name in setting_names(Settings) if not re.search(rf"\b{name}\b", text)]


def setting_names(kind: type[Any]) -> Iterator[str]:
    """Every field of the settings tree, those of tables in lists among them."""
    hints = get_type_hints(kind)
    for field in fields(kind):
        yield field.name
        for inner in (hints[field.name], *get_args(hints[field.name])):
            if is_dataclass(inner) and isinstance(inner, type):
                yield from setting_names(inner)


def test_every_event_is_documented() -> None:
    text = page("docs/events.md")
    assert not [word for word in KINDS if f"`{word}`" not in text and f"## {word}" not in text]


def test_every_reason_is_documented() -> None:
    from goodstanding.operate.explaining import reasons

    text = page("docs/reasons.md")
    assert not [slug for slug in reasons() if f"\n## {slug}\n" not in text]


def test_every_rung_and_cause_is_documented() -> None:
    from goodstanding.enforcement.ladder import Cause
    from goodstanding.model import Rung

    text = page("docs/ladder.md")
    assert not [word for word in (*Rung, *Cause) if f"| `{word}` |" not in text]


def test_every_rate_of_the_sandbox_names_its_source_or_says_that_it_is_an_assumption() -> None:
    rows = [
        line
        for line in page("docs/rates.md").splitlines()
        if re.match(r"\| `\w+` \| (see above|[\d.e-]+) \| [A-Z]", line)
    ]
    sourced = re.compile(r"assumption|Google|Yahoo|Microsoft|Amazon|SendGrid|Clientium|postalserver", re.IGNORECASE)
    assert len(rows) > 30
    assert not [row for row in rows if not sourced.search(row)]


def test_every_assumption_is_documented() -> None:
    from goodstanding.simulator import assumptions, platforms

    text = page("docs/assumptions.md")
    slugs = [*assumptions.usual(), *(slug for one in platforms.usual().values() for slug in one.assumptions())]
    assert not [slug for slug in slugs if f"| `{slug}` |" not in text]


def test_every_metric_is_documented() -> None:
    text = page("docs/metrics.md")
    assert not [name for name in metric_names() if name not in text]


def metric_names() -> set[str]:
    """Every word in the program that looks like a metric of ours."""
    return {
        node.value
        for module in floor_plan.modules(floor_plan.sources_of(ROOT))
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if re.fullmatch(r"goodstanding_[a-z_]+", node.value)
    }


def test_every_command_is_documented() -> None:
    from goodstanding.cli.main import app

    text = page("docs/cli.md")
    assert not [verb for verb in verbs(typer.main.get_command(app), "goodstanding") if verb not in text]


def verbs(command: Any, name: str) -> Iterator[str]:
    """``goodstanding queue show`` and every other command, groups first."""
    yield name
    for word, inner in getattr(command, "commands", {}).items():
        yield from verbs(inner, f"{name} {word}")


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads(page("pyproject.toml"))
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    names = [re.split(r"[^\w.-]", entry, maxsplit=1)[0] for entry in wanted if isinstance(entry, str)]
    assert not [name for name in names if f"\n| {name} |" not in page("docs/dependencies.md")]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_locked_requirements_are_hashed_and_name_no_registry(name: str) -> None:
    text = page(name)
    assert "--hash=sha256:" in text
    assert "://" not in text
    assert not re.search(r"^--", text, re.MULTILINE)


def test_the_changelog_is_kept() -> None:
    version = tomllib.loads(page("pyproject.toml"))["project"]["version"]
    assert "## Unreleased" in page("CHANGELOG.md") or f"## {version}" in page("CHANGELOG.md")
