"""Midnight (UTC): curves are learned anew, what is too old to matter is forgotten, room is made for what is to come."""

from __future__ import annotations

from goodstanding.reputation.cells import (
    Cell,
    State,
    Subscriber,
    add,
    cell_of,
    count_apart,
    drop,
    is_apart,
    rest_of,
    subscriber,
)
from goodstanding.reputation.delay import learned
from goodstanding.reputation.exposure import KEPT, WINDOW, Tally


def begin_day(state: State, day: int) -> None:
    """A new day: curves are learned anew, and what is too old to matter is forgotten."""
    state.day = day
    state.changed.update(("day", "delays", "curves"))
    state.delays.forget(day)
    _forget_singly(state, (day - KEPT) * 16)
    if any(state.delays.seen.values()):
        state.curves.learn(day, learned(state.delays, day))
    for cell in [cell for cell in state.cells.values() if cell.last < day - KEPT]:
        _forget(state, cell)
    _make_room(state)
    state.asking.everybody()


def _make_room(state: State) -> None:
    """Put cells that nothing counts against into the rest, where more than half of what can be told apart is used."""
    most = state.most_apart // 2
    crowded = {whose for whose, number in state.apart.items() if number > most}
    first = state.day - WINDOW + 1
    clean = dict[Subscriber, list[Cell]]()
    for cell in state.cells.values() if crowded else ():
        whose = subscriber(cell.footprint)
        if whose in crowded and is_apart(cell.footprint) and not cell.tally.harm_since(first):
            clean.setdefault(whose, []).append(cell)
    for whose, cells in clean.items():
        cells.sort(key=lambda cell: (cell.tally.attempts_since(first), cell.last, cell.id))
        for cell in cells[: state.apart[whose] - most]:
            _put_into_rest(state, cell)


def _put_into_rest(state: State, cell: Cell) -> None:
    """What a cell has counted goes on in the rest; only its campaign and its links have less than before."""
    rest = cell_of(state, rest_of(cell.footprint), cell.epoch)
    add(state, rest.tally, cell.tally)
    rest.last = max(rest.last, cell.last)
    state.touched.add(rest)
    for total in cell.totals:
        if rest.id not in total.cells and len(total.cells) > 1:
            _take(state, total.tally, cell.tally)
    _forget(state, cell)


def _forget_singly(state: State, oldest: int) -> None:
    for key, counts in list(state.singly.items()):
        if any(code < oldest for code in counts):
            state.changed.add("singly")
            state.singly[key] = {code: number for code, number in counts.items() if code >= oldest}
            if not state.singly[key]:
                del state.singly[key]


def _forget(state: State, cell: Cell) -> None:
    del state.cells[cell.footprint, cell.epoch]
    count_apart(state, cell.footprint, -1)
    if state.newest.get(cell.footprint) is cell:
        del state.newest[cell.footprint]
    for total in cell.totals:
        del total.cells[cell.id]
        if not total.cells:
            drop(state, total)
    state.touched.discard(cell)
    state.gone.append(cell.id)


def _take(state: State, whole: Tally, part: Tally) -> None:
    """Take a cell out of a total."""
    whole.settle(state.day, state.curves)
    part.settle(state.day, state.curves)
    for code, number in part.slots.items():
        whole.slots[code] -= number
        whole.credited[code] = whole.credited.get(code, 0.0) - part.credited.get(code, 0.0)
        if not whole.slots[code]:
            del whole.slots[code], whole.credited[code]
    for day, columns in part.days.items():
        held = whole.on(day)
        held[:] = [mine - theirs for mine, theirs in zip(held, columns, strict=True)]
