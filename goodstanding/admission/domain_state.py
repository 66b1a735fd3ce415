"""What becomes of a domain when its records are looked at.

    pending --present--> verified --gone--> warned --gone for the whole grace--> stopped
                            ^                  |                                    |
                            +-----present------+--------------present---------------+

Only definite answers move anything: while DNS fails, a domain stays what it is. A warned domain still sends, a stopped
one and a pending one do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from goodstanding.admission.facts import DomainState


class Evidence(StrEnum):
    """What the essential records of a domain say together."""

    PRESENT = "present"
    GONE = "gone"
    LONG_GONE = "long gone"
    """Gone, and for as long as the grace lasts."""
    UNKNOWN = "unknown"
    """DNS did not answer."""


NEXT: Mapping[DomainState, Mapping[Evidence, DomainState]] = {
    "pending": {Evidence.PRESENT: "verified"},
    "verified": {Evidence.GONE: "warned"},
    "warned": {Evidence.PRESENT: "verified", Evidence.LONG_GONE: "stopped"},
    "stopped": {Evidence.PRESENT: "verified"},
}
"""What is not listed changes nothing. Nobody is stopped who has not been warned."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a domain stands."""

    state: DomainState
    because: str
    failing: float = 0.0
    """Second since which essential records are missing; 0: they are not."""


def step(before: Standing, evidence: Evidence, because: str, now: float, grace: float) -> Standing:
    """Where a domain stands after a look at its records; ``grace``: seconds it may send without them."""
    if evidence is Evidence.UNKNOWN:
        return before
    if evidence is Evidence.PRESENT:
        return Standing(NEXT[before.state].get(evidence, before.state), "")
    failing = before.failing or now
    if evidence is Evidence.GONE and now - failing >= grace and before.state == "warned":
        evidence = Evidence.LONG_GONE
    state = NEXT[before.state].get(evidence, before.state)
    return Standing(state, because, 0.0 if state == "pending" else failing)
