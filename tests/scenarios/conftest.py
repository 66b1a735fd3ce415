"""A sink and a relay for each scenario; both are gone afterwards, whatever happened."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.scenarios.relay import Relay, free_port
from tests.scenarios.sink import Sink

MakeRelay = Callable[..., Relay]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.scenario)


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink(free_port())
    yield sink
    sink.close()


@pytest.fixture
def make_relay(tmp_path: Path, sink: Sink) -> Iterator[MakeRelay]:
    """Makes relays that deliver to the sink; arguments are settings as ``path=value``. Not started yet."""
    made: list[Relay] = []

    def make(*overrides: str, folder: Path = tmp_path / "relay", admission: str = "off") -> Relay:
        made.append(Relay(folder, sink.port, *overrides, admission=admission))
        return made[-1]

    yield make
    for relay in made:
        relay.end()


@pytest.fixture
def relay(make_relay: MakeRelay) -> Relay:
    """One that runs, with everything as it comes."""
    relay = make_relay()
    relay.start()
    return relay
