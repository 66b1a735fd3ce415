"""What every test may ask for, and loud words about what was not tested."""

import os
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import hypothesis
import psycopg
import pytest

from tests.private_postgres import NoPostgres, PrivatePostgres, start_postgres

ROOT = Path(__file__).parent.parent

hypothesis.settings.register_profile("default", deadline=None)  # a busy machine is no failure
hypothesis.settings.register_profile("fuzz", deadline=None, max_examples=5000)
hypothesis.settings.load_profile("default")


def shared_data(*parts: str) -> Path:
    """A file or folder of the data set beside the repository; without it the test is skipped, loudly."""
    folder = Path(os.environ.get("GOODSTANDING_SHARED_DATA") or ROOT.parent / "shared" / "data")
    path = folder.joinpath(*parts)
    if not path.exists():
        missing = "/".join(parts) or "the folder"
        pytest.skip(f"no shared data ({missing}): set GOODSTANDING_SHARED_DATA to its folder", allow_module_level=True)
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PrivatePostgres]:
    """A PostgreSQL of our own, one per test process. Without one: skipped loudly, and failed in CI."""
    try:
        server = start_postgres()
    except NoPostgres as why:
        reason = f"PostgreSQL tests did not run: {why}"
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    yield server
    server.remove()


@pytest.fixture(scope="session")
def postgres(postgres_server: PrivatePostgres) -> str:
    """Its URL; the database in it is for administration, tests take theirs from `database_url`."""
    return postgres_server.url()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh empty database, in turn of both engines."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'goodstanding.db'}"
        return
    server: PrivatePostgres = request.getfixturevalue("postgres_server")
    name = f"test{next(_databases)}"
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        yield server.url(name)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


_databases = count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every property test is a fuzz target."""
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("fuzz")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Nothing is skipped quietly: every reason, with how many tests it cost."""
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        return
    terminalreporter.section("NOT TESTED", red=True, bold=True)
    for reason, times in Counter(_reason(report) for report in skipped).most_common():
        terminalreporter.line(f"{times:5} x {reason}", red=True)


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    where = report.longrepr
    return where[2].removeprefix("Skipped: ") if isinstance(where, tuple) else str(where)
