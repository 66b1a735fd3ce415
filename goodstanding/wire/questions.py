"""How a pure check asks DNS: of a book of answers; what is missing is noted, looked up by a shell, and asked again.

A check runs over and over until nothing is missing. A result that came about while something was missing is worth
nothing, so checks need not be careful with it: they only have to end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["txt", "mx", "addresses", "pointer"]
"""``addresses``: A and AAAA together. ``pointer``: the name is an IP address."""

Question = tuple[Kind, str]
"""What is asked for, of which name (A-labels, lower case, without a final dot)."""

Status = Literal["found", "nodata", "nxdomain", "failed", "unasked"]


@dataclass(frozen=True, slots=True)
class Said:
    """What DNS said to one question."""

    status: Status
    records: tuple[str, ...] = ()
    """MX: host names, best first, ``.`` for a null MX (RFC 7505); addresses; TXT: joined strings; PTR names."""
    text: str = ""
    """Why it failed, in words."""

    @property
    def definite(self) -> bool:
        """Whether an empty answer means that there is nothing."""
        return self.status in ("found", "nodata", "nxdomain")


UNASKED = Said("unasked")


@dataclass(slots=True)
class Book:
    """Answers known so far, and questions that came up and are not among them."""

    answers: Mapping[Question, Said]
    otherwise: Said = UNASKED
    """What is answered to everything else."""
    missing: dict[Question, None] = field(default_factory=dict)

    def ask(self, kind: Kind, name: str) -> Said:
        """The answer; where there is none yet, the question is noted."""
        question = (kind, name.rstrip(".").lower())
        said = self.answers.get(question)
        if said is None:
            self.missing[question] = None
            return self.otherwise
        return said
