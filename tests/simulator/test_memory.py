"""What providers remember in a simulation is what the sandbox's providers remember, whatever happens to a sender."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.sandbox import placement
from goodstanding.sandbox.behaviour import Act
from goodstanding.simulator.assumptions import Drawn
from goodstanding.simulator.campaign import PROVIDERS
from goodstanding.simulator.memory import Memory, lines_of
from tests.simulator.worlds import everything, settled

HOUR = 3600.0
counts = st.integers(0, 400)
hours = st.tuples(st.integers(1, 200), counts, counts, st.integers(0, 12), st.integers(0, 60), counts)
KEY: placement.Key = ("domain", "shop.example")


@given(st.lists(hours, min_size=1, max_size=12), st.booleans())
def test_grades_and_rations_are_those_of_the_sandbox(history: list[tuple[int, ...]], established: bool) -> None:
    memory = Memory(lines_of(Drawn(settled(), 1, 1), ("google",)), 1, 1)
    theirs = placement.Reputations(placement.Lines())
    theirs.standing(KEY, 0.0)
    if established:
        theirs.established(KEY, 100.0, 50.0, 0.0)
        memory.established(100.0, np.full((1, 1), 50.0), 0.0)
    now = 0.0
    for later, inbox, junk, complaints, unknown, opened in history:
        now += later * HOUR
        memory.pass_to(now)
        for _ in range(unknown):
            theirs.unknown_user([KEY], now)
        for place, count in (("inbox", inbox), ("junk", junk)):
            for _ in range(count):
                theirs.placed([KEY], place, now)  # type: ignore[arg-type]
        memory.unknown += unknown
        memory.tried += unknown
        memory.placed(np.full((1, 1), float(inbox + junk)), np.full((1, 1), float(inbox)))
        for act, count in ((Act.OPENED, opened), (Act.COMPLAINED, complaints)):
            record = theirs.records[KEY]
            placement.fade(record, theirs.lines, now)
            record.complaints += count if act is Act.COMPLAINED else 0
            record.engaged += count if act is Act.OPENED else 0
        memory.engaged += opened
        memory.complaints += complaints
        ours, wanted = memory.view(), theirs.standing(KEY, now)
        assert ours.grade[0, 0] == wanted.grade
        assert np.isclose(ours.ration[0, 0], wanted.ration)


def test_who_publishes_no_line_has_none_that_is_a_fact() -> None:
    """Google and Yahoo publish 0.1 and 0.3 %; where Microsoft and others draw theirs differs from run to run."""
    lines = lines_of(Drawn(everything(), 200, 1))
    for line, published in ((lines.target, 0.001), (lines.junk, 0.003)):
        spread = {name: np.ptp(line[:, place]) for place, name in enumerate(PROVIDERS)}
        assert spread["google"] == spread["yahoo"] == 0.0 < min(spread["microsoft"], spread["other"])
        assert np.all(line[:, PROVIDERS.index("google")] == published)
