"""What each finding's slug means to people, read from `reasons.toml`; docs/reasons.md is drawn from it."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import resources

import msgspec
from msgspec import Struct

from goodstanding.admission.facts import Action
from goodstanding.errors import GoodstandingError


class Reason(Struct, frozen=True, forbid_unknown_fields=True):
    """One reason, explained: what it means, why (with its source), and what to do."""

    title: str
    actions: tuple[Action, ...]
    """What may follow from it."""
    what: str
    why: str
    do: str


REASONS: Mapping[str, Reason] = msgspec.toml.decode(
    resources.files("goodstanding.admission").joinpath("reasons.toml").read_bytes(), type=dict[str, Reason]
)
"""By slug, in the order of the rules."""


def reason(slug: str, known: Mapping[str, Reason] = REASONS) -> Reason:
    """The reason a slug names; GoodstandingError names the nearest when there is none."""
    found = known.get(slug)
    if found is None:
        near = get_close_matches(slug, known, 1)
        hint = f"did you mean {near[0]}?" if near else "goodstanding reasons lists them all"
        raise GoodstandingError(f"there is no reason {slug}; {hint}")
    return found
