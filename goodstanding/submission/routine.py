"""Routine: letters like one that was judged a moment ago, to people who expect them.

Judging a message by the books takes their loading and saving, some 0.4 ms when a commit holds one message. A shop that
sends a thousand receipts a minute would pay that a thousand times for the same answer. So after a message was judged
clean, the next `MOST` of the same subscription with nearly the same text, within `LONGEST` seconds, to recipients
something speaks for, are accepted as it was, and booked together with the next one that is judged. Nobody is a routine
who is a stranger, whose subscription is near its limits, or whose campaign is doubted. What a crash forgets of it are
counts of expected mail; a worker is behind an operator's word by at most `LONGEST`.
"""

from __future__ import annotations

from msgspec import Struct

from goodstanding.admission.books import Case
from goodstanding.admission.conduct import Judgement
from goodstanding.admission.decide import Verdict
from goodstanding.admission.facts import Action
from goodstanding.admission.lines import LINES
from goodstanding.admission.recognise import SMALL

MOST = 16
"""Messages on the strength of one that was judged."""
LONGEST = 1.0
"""Seconds for which it counts."""
PENDING_MOST = 256
"""Messages accepted and not booked yet; then the next is judged, whatever it is."""
SPARE = 1000
"""Recipients a subscription must have left of its allowance beyond what it has used; below that every one counts."""


class _Leave(Struct, gc=False):
    """How much longer and how often a letter is routine."""

    until: float
    left: int


class Routine:
    """What one worker has judged lately, and what it has still to book. Changed in the writer's thread only."""

    def __init__(self) -> None:
        self._leave: dict[int, _Leave] = {}
        """By campaign."""
        self.pending: list[Case] = []

    def takes(self, case: Case, campaign: int, verdict: Verdict) -> bool:
        """Whether a message is accepted as one like it was; it is pending then. ``campaign``: it seems to be of it."""
        leave = self._leave.get(campaign)
        if leave is None or leave.left <= 0 or case.facts.now >= leave.until or len(self.pending) >= PENDING_MOST:
            return False
        if verdict.findings or verdict.shadow or not all(one.proven for one in case.facts.recipients):
            return False
        leave.left -= 1
        self.pending.append(case)
        return True

    def learn(self, case: Case, judgement: Judgement, verdict: Verdict) -> None:
        """Remember how a message was judged."""
        if len(self._leave) > PENDING_MOST * MOST:
            self._leave.clear()
        if _is_clean(judgement, verdict):
            self._leave[judgement.campaign] = _Leave(case.facts.now + LONGEST, MOST)
        else:
            self._leave.pop(judgement.campaign, None)

    def booked(self) -> list[Case]:
        """What is pending, to be booked now."""
        pending, self.pending = self.pending, []
        return pending


def _is_clean(judgement: Judgement, verdict: Verdict) -> bool:
    """Nothing was found, and what comes next is not likely to change that within a second."""
    found, rates = judgement.conduct.assessment, judgement.conduct.rates
    return (
        verdict.action is Action.ACCEPT
        and not verdict.findings
        and not judgement.incident
        and not judgement.conduct.unusual
        and found.state == ""
        and found.messages >= SMALL
        and found.probability < LINES.cold.quarantine
        and found.looks != "list"
        and 2 * rates.minute + SPARE < rates.minute_limit
        and 2 * rates.hour + SPARE < rates.hour_limit
    )
