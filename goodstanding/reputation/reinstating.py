"""What a reinstatement does to counts: whoever is reinstated has answered for what was before, and nobody else does."""

from __future__ import annotations

from collections.abc import Mapping

from goodstanding.reputation.cells import (
    NARROWEST_FIRST,
    NOBODYS,
    Account,
    Cell,
    State,
    Total,
    accuse_all,
    drop,
    join,
    total_of,
)


def restart(state: State, account: Account, at: float) -> None:
    """An account is reinstated: nothing of its that was delivered before counts against its key any more.

    Nor against wider keys, or these would be charged in the same second with what it has just been forgiven.
    """
    known = state.restarts.setdefault(account, [])
    if known and at <= known[-1]:
        return
    known.append(at)
    state.senders.clear()
    state.changed.add("restarts")
    for key, stream in [place for place in state.totals if place[0] == account.key]:
        if account.stream in ("", stream):
            _forgive(state, state.totals[key, stream], account.tenant, at)


def _forgive(state: State, total: Total, tenant: str, at: float) -> None:
    """A total, and wider ones of the same mail, without what a tenant (empty: anybody) did before."""
    gone = {
        number: cell
        for number, cell in total.cells.items()
        if cell.epoch < at and not (tenant and cell.footprint[0] not in ("", tenant))
    }
    wider: dict[int, Total] = {id(total): total}
    if total.key.kind not in NOBODYS:
        place = NARROWEST_FIRST[total.key.kind]
        others = [one for cell in gone.values() for one in cell.totals if NARROWEST_FIRST[one.key.kind] > place]
        wider |= {id(one): one for one in others}
    for cell in total.cells.values():
        state.newest.pop(cell.footprint, None)
    for one in wider.values():
        _begin_anew(state, one, gone)


def _begin_anew(state: State, total: Total, gone: Mapping[int, Cell]) -> None:
    """A total without these cells; the others stay."""
    drop(state, total)
    for cell in total.cells.values():
        cell.totals = tuple(one for one in cell.totals if one is not total)
        cell.tallies = (cell.tally, *(one for one in cell.tallies[1:] if one is not total.tally))
    for number, cell in total.cells.items():
        if number not in gone:
            join(state, total_of(state, total.key, total.stream, cell), cell)
    again = state.totals.get((total.key, total.stream))
    accuse_all(state, (again,) if again else ())
