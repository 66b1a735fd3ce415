"""One thing that was looked at in DNS, with its reason and remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from goodstanding.wire.questions import Said

Weight = Literal["essential", "wanted", "advice"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    slug: str
    ok: bool | None
    """None: DNS did not answer, so nothing is known."""
    weight: Weight
    because: str
    remedy: str = ""


def answered(slug: str, said: Said, weight: Weight, because: str, remedy: str) -> Check:
    """Missing if DNS said so; unknown if it failed."""
    if said.definite:
        return Check(slug, False, weight, because, remedy)
    why = said.text or "the name servers failed"
    return Check(slug, None, weight, f"not known now: {because}? ({why})", "look again in a while")
