"""The platforms mail can be sent over, as data (``platforms.toml``): what they take, by what they judge, whom it hits.

A platform watches rates over a window, and goes from one stage to the next: mail stops arriving without a word
(``degraded``), less is taken (``throttled``), nothing is (``suspended``). Where it draws its lines is mostly not
published, so lines and delays are ranges; each rule says where it comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Literal

import msgspec
from msgspec import Struct

from goodstanding.simulator.assumptions import Assumption, Known, Range
from goodstanding.simulator.campaign import Provider
from goodstanding.simulator.outcome import StageName

Signal = Literal["complaints", "bounces", "failures", "traps"]
"""Complaints the platform hears of, unknown recipients, whatever was not delivered, addresses that are traps."""
Scope = Literal["campaign", "subscription", "tenant"]
"""Whose mail a stage hits: only the campaign's; all of the application's account; all of the organisation's."""


class Rule(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """From where on a platform does what."""

    signal: Signal
    stage: StageName
    line: Range
    """Rate in the window, as a fraction; of traps: how many hits."""
    window_days: float
    least: Range
    """Recipients in the window below which no rate is looked at."""
    after_hours: Range
    """From crossing the line until something happens."""
    told: bool
    """The sender is told at once, with the reason."""
    scope: Scope
    known: Known
    source: str
    words: str


class Platform(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One way mail can go."""

    slug: str = ""
    title: str
    words: str
    """What it is, in a sentence."""
    source: str
    hourly: Range
    """Recipients an hour it takes of one sender; 0: as many as come."""
    daily: Range
    """The same a day; 0: no limit. Of ``tenant_limit`` platforms the smaller of both holds."""
    quota_known: Known = "assumed"
    """Where those two come from; all else besides the lines of rules is assumed."""
    tenant_limit: bool = False
    """The tenant's external recipient rate limit of Exchange Online holds, by the number of licences."""
    addresses: Literal["shared", "tenant", "own"]
    """Egress addresses: those of many customers, which one campaign hardly moves; those all mail of the tenant leaves
    from; those of the campaign's stream alone, which begin without a past."""
    attributed_at: Provider | Literal[""] = ""
    """The mailbox provider that runs it and sees whose mail it is: it holds the tenant to account."""
    domain: Literal["tenant", "own"]
    """The From domain: the tenant's organisational domain, which all its mail shares, or one for this alone."""
    one_click: bool
    """It adds a one-click unsubscribe, and stops mail to those who use it."""
    suppresses: bool
    """It never writes again to who bounced, complained or left."""
    hears: Mapping[str, Range]
    """Share of complaints it hears of, by provider."""
    forbids_cold: str = ""
    """What it says of mail to strangers, as a clause; empty: it is made for it."""
    guarded: bool = False
    """Judged by goodstanding's own cores instead of rules."""
    rules: tuple[Rule, ...] = ()
    degraded_junk: Range = Range(0.0, 0.0, 0.0)
    """In the first stage: share of accepted mail that lands in junk beyond what the provider decided."""
    degraded_lost: Range = Range(0.0, 0.0, 0.0)
    """In the first stage: share of accepted mail that nobody ever sees."""
    throttled_to: Range = Range(1.0, 1.0, 1.0)
    """In the second stage: share of the usual rate that is still taken."""
    suspended_days: Range = Range(0.0, 0.0, 0.0)
    """In the third stage: days until mail goes again, with a review."""

    def assumptions(self) -> dict[str, Assumption]:
        """Its numbers as assumptions, by slug (``azure.complaints.suspended.line``), so that they can be set."""
        found: dict[str, Assumption] = {}

        def add(name: str, numbers: Range, unit: str, words: str, known: Known = "assumed", source: str = "") -> None:
            slug = f"{self.slug}.{name}"
            found[slug] = Assumption(
                slug=slug,
                low=numbers.low,
                likely=numbers.likely,
                high=numbers.high,
                unit=unit,  # type: ignore[arg-type]
                known=known,
                source=source or self.source,
                words=f"{self.title}: {words}",
            )

        add("hourly", self.hourly, "recipients", "recipients an hour; 0: no limit", self.quota_known)
        add("daily", self.daily, "recipients", "recipients a day; 0: no limit", self.quota_known)
        for provider, numbers in self.hears.items():
            add(f"hears.{provider}", numbers, "share", f"share of complaints at {provider} it hears of")
        add(
            "degraded-junk", self.degraded_junk, "share", "share that lands in junk while it silently degrades a sender"
        )
        add("degraded-lost", self.degraded_lost, "share", "share that nobody sees while it silently degrades a sender")
        add("throttled-to", self.throttled_to, "share", "share of the usual rate it takes of a throttled sender")
        add("suspended-days", self.suspended_days, "days", "days until a suspended sender is let in again")
        for rule in self.rules:
            name = f"{rule.signal}.{rule.stage}"
            unit = "recipients" if rule.signal == "traps" else "share"
            least, after = f"recipients before {name} is looked at", f"hours from crossing the line to {rule.stage}"
            add(f"{name}.line", rule.line, unit, rule.words, rule.known, rule.source)
            add(f"{name}.least", rule.least, "recipients", least, source=rule.source)
            add(f"{name}.after-hours", rule.after_hours, "hours", after, source=rule.source)
        return found


def usual() -> dict[str, Platform]:
    """Those that come with the program, in the order they are told."""
    octets = resources.files("goodstanding.simulator").joinpath("platforms.toml").read_bytes()
    written = msgspec.toml.decode(octets, type=dict[str, Platform])
    return {slug: msgspec.structs.replace(one, slug=slug) for slug, one in written.items()}


def tenant_limit(licences: int) -> float:
    """External recipients a day of a whole tenant of Exchange Online (TERRL): 500 n^0.7 + 9500, n licences."""
    recipients: float = 500.0 * max(1, licences) ** 0.7 + 9500.0
    return recipients
