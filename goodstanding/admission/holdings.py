"""Who holds which name or address: the uses of one name by one owner, and which of them clash."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from goodstanding.admission.identities import IdentityKind, Owner, Use


class Holding(Struct, frozen=True, gc=False):
    """All uses of one name by one owner."""

    name: str
    uses: tuple[Use, ...]

    @property
    def owner(self) -> Owner:
        """Whose mail it is."""
        return self.uses[0].owner

    @property
    def since(self) -> float:
        """When the first of them was made."""
        return min(use.since for use in self.uses)

    @property
    def order(self) -> tuple[int, float, str]:
        """Who keeps sending comes first."""
        return self.owner.rank, self.since, self.owner.tenant

    @property
    def pool(self) -> str:
        """The pool it comes with; empty: none."""
        return next((use.pool for use in self.uses if use.pool), "")

    @property
    def domain(self) -> str:
        """The domain it is, when it does not come with a pool alone."""
        return next((use.name for use in self.uses if not use.pool), "")

    @property
    def origin(self) -> str:
        """Where it was said first."""
        return self.uses[0].origin


def grouped(units: Sequence[Holding], key: Callable[[Holding], str]) -> Iterator[tuple[str, list[Holding]]]:
    """Units under one key, where there are several; in the order they came."""
    groups: dict[str, list[Holding]] = {}
    for unit in units:
        groups.setdefault(key(unit), []).append(unit)
    return ((name, group) for name, group in groups.items() if len(group) > 1)


def clashes(units: Sequence[Holding], clash: Callable[[Holding, Holding], bool]) -> Iterator[tuple[Holding, Holding]]:
    """Each unit with the first one of every stream that it clashes with: few pairs, however many share a thing."""
    for at, second in enumerate(units):
        seen: set[str] = set()
        for first in units[:at]:
            if first.owner.stream not in seen and clash(first, second):
                seen.add(first.owner.stream)
                yield first, second


def one_per_stream(units: Sequence[Holding]) -> list[Holding]:
    """The first unit of each stream."""
    return list({unit.owner.stream: unit for unit in reversed(units)}.values())


def apart(first: Holding, second: Holding) -> bool:
    """Whether they have different owners, both of whom send: what has no stream yet concerns other tenants only."""
    one, other = first.owner, second.owner
    both_send = "" not in (one.stream, other.stream)
    return one != other and (both_send or bool(one.tenant and other.tenant and one.tenant != other.tenant))


def common_kind(first: Holding, second: Holding) -> IdentityKind:
    """What both use it as, or else what the second does."""
    both = {use.kind for use in first.uses}
    return next((use.kind for use in second.uses if use.kind in both), second.uses[0].kind)
