"""What providers hold to account for a campaign's mail: its domain, its addresses, the tenant, and its text.

Domain and addresses are those of the sandbox's providers. Two more are assumed, because providers are said to have
them: the tenant, where one provider runs the platform and sees whose mail it is, and the fingerprint of the text, which
follows a campaign wherever it is sent from. These two have no good name to give; they can only take one away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from goodstanding.simulator.assumptions import Drawn, Numbers
from goodstanding.simulator.campaign import PROVIDERS, Campaign
from goodstanding.simulator.memory import Lines, Memory
from goodstanding.simulator.people import Acts, Counts
from goodstanding.simulator.platforms import Platform


@dataclass(frozen=True, slots=True)
class Identity:
    """One of them, in every run."""

    name: str
    memory: Memory
    shared: bool
    """The tenant's other mail goes out under it, too."""
    weight: Numbers
    """What a complaint counts against it, by run and provider; 0: that provider does not look at it."""

    def tried(self, unknown: Counts, accepted: Counts, inboxed: Counts) -> None:
        """Recipients were written to: some do not exist, the copies of others were accepted, and some shown."""
        self.memory.unknown += unknown * (self.weight > 0.0)
        self.memory.tried += unknown
        self.memory.placed(accepted.astype(float), inboxed.astype(float))

    def acted(self, acts: Acts) -> None:
        """What people did."""
        self.memory.complaints += acts.complained * self.weight
        self.memory.engaged += acts.opened + acts.replied


def identities(campaign: Campaign, platform: Platform, drawn: Drawn, lines: Lines) -> list[Identity]:
    """Those of a campaign over a platform."""
    everywhere = np.ones((drawn.runs, len(PROVIDERS)))
    own = platform.domain == "own"
    found = [Identity("domain", _memory(lines, campaign, drawn, new=own), not own, everywhere)]
    if platform.addresses != "shared":
        new = platform.addresses == "own"
        found.append(Identity("addresses", _memory(lines, campaign, drawn, new=new), not new, everywhere))
    if platform.attributed_at and not own:
        weight = np.zeros_like(everywhere)
        weight[:, PROVIDERS.index(platform.attributed_at)] = drawn.of("provider.tenant")
        memory = _memory(lines, campaign, drawn, new=False, only_harms=True)
        found.append(Identity("tenant", memory, True, weight))
    weight = everywhere * drawn.of("provider.fingerprint")[:, None] * campaign.message.alike
    found.append(Identity("text", _memory(lines, campaign, drawn, new=True, only_harms=True), False, weight))
    return found


def _memory(lines: Lines, campaign: Campaign, drawn: Drawn, *, new: bool, only_harms: bool = False) -> Memory:
    """What providers remember: nothing, or the wanted mail the sender has sent so far."""
    found, sender = Memory(lines, drawn.runs, len(PROVIDERS), only_harms=only_harms), campaign.sender
    if not new and sender.age_days > 0.0:
        each = np.full((1, len(PROVIDERS)), sender.usual_per_day / len(PROVIDERS))
        found.established(sender.age_days, each, sender.complaint_rate)
    return found
