"""Campaigns: near-identical messages of one subscription, and how they have behaved lately.

A campaign is about 1.5 KiB whatever its volume. `Pattern` counts what recognition looks at over a sliding window: when
256 messages are in it, everything is halved, so the present always weighs at least half. Distinct domains and people
are estimated with one bit each in a small field (linear counting); no address is kept but the first letters of the
latest one, for telling sorted lists.
"""

from __future__ import annotations

from math import log
from zlib import crc32

from msgspec import Struct, field

from goodstanding.admission.facts import Assessment, Facts, Fingerprint, Looks, Proof, RecipientFacts
from goodstanding.admission.ration import Charge, Standing
from goodstanding.admission.risk import Unmatured

WINDOW = 256
"""Messages after which the pattern is halved."""
PEOPLE_OCTETS, DOMAIN_OCTETS = 256, 128
MOST_DOMAINS, MOST_CUES = 8, 16
"""Most From domains and text cues remembered by name."""
SMALLEST_GAP = 0.001
"""Seconds; arrivals closer than the clock tells apart."""
WILD = 3.0
"""Deviation of a logarithmic gap beyond which it counts as a pause, not as pace."""


class Seen(Struct, gc=False, array_like=True):
    """How many of those that came by had come by before, estimated without keeping them."""

    bits: bytearray
    set: int = 0
    again: float = 0.0
    by_chance: float = 0.0
    """How many would have met a set bit had they all been new."""

    def note(self, mark: int) -> None:
        """One more came by."""
        size = len(self.bits) * 8
        place = mark % size
        index, bit = place >> 3, 1 << (place & 7)
        self.by_chance += self.set / size
        if self.bits[index] & bit:
            self.again += 1.0
        else:
            self.bits[index] |= bit
            self.set += 1

    def repeats(self) -> float:
        """How many had been there before, less what chance explains."""
        return max(0.0, self.again - self.by_chance)

    def halve(self) -> None:
        """Begin a new field and remember half of the counts."""
        self.bits, self.set = bytearray(len(self.bits)), 0
        self.again, self.by_chance = self.again / 2, self.by_chance / 2


class Gaps(Struct, gc=False, array_like=True):
    """Spread of the logarithms of the gaps between messages: 1.28 for people coming by chance, near 0 for a clock."""

    count: float = 0.0
    mean: float = 0.0
    squares: float = 0.0

    def note(self, seconds: float) -> None:
        """One more gap; pauses only shift the mean."""
        value = log(max(SMALLEST_GAP, seconds))
        away = value - self.mean
        self.count += 1.0
        if self.count >= 5.0 and away > WILD:  # a pause says nothing of the pace, unless all gaps become as long
            self.mean += WILD / self.count
            return
        if self.count >= 5.0:
            away = max(-WILD, away)
        self.mean += away / self.count
        self.squares += away * away * (self.count - 1.0) / self.count

    def spread(self) -> float:
        """Standard deviation of the logarithm."""
        return float((self.squares / (self.count - 1.0)) ** 0.5) if self.count > 1.5 else 1.28

    def halve(self) -> None:
        """Remember half."""
        self.count, self.squares = self.count / 2, self.squares / 2


class Pattern(Struct, gc=False, array_like=True):
    """What recognition looks at, counted over the window; new fields go at the end."""

    people: Seen = field(default_factory=lambda: Seen(bytearray(PEOPLE_OCTETS)))
    companies: Seen = field(default_factory=lambda: Seen(bytearray(DOMAIN_OCTETS)))
    gaps: Gaps = field(default_factory=Gaps)
    text: dict[str, float] = field(default_factory=dict)
    """Cue -> sum of strengths."""
    messages: float = 0.0
    recipients: float = 0.0
    triggered: float = 0.0
    permitted: float = 0.0
    acquainted: float = 0.0
    consumer: float = 0.0
    company: float = 0.0
    adjacent: float = 0.0
    """Company recipients in the same domain as the one before."""
    roles: float = 0.0
    disposable: float = 0.0
    pairs: float = 0.0
    rising: float = 0.0
    falling: float = 0.0
    domain_pairs: float = 0.0
    domain_rising: float = 0.0
    domain_falling: float = 0.0
    variation: float = 0.0
    """Sum of 1 - similarity with the first message."""
    invisible: float = 0.0
    forged: float = 0.0
    unsubscribe: float = 0.0
    foreign_links: float = 0.0
    foreign_replies: float = 0.0
    reply_changes: float = 0.0
    novel: float = 0.0
    """Messages that came while the subscription did what it never does."""
    first_contacts: float = 0.0
    bounces: float = 0.0
    """Hard bounces at first contact."""
    answers: float = 0.0
    """Unproven recipients who then showed that they had expected it."""

    @property
    def unproven(self) -> float:
        """Recipients nothing spoke for."""
        return max(0.0, self.recipients - self.triggered - self.permitted - self.acquainted)

    def halve(self) -> None:
        """Let the past weigh half."""
        for part in (self.people, self.companies, self.gaps):
            part.halve()
        self.text = {cue: value / 2 for cue, value in self.text.items() if value > 0.01}
        for name in _COUNTED:
            setattr(self, name, getattr(self, name) / 2)


_COUNTED = tuple(name for name in Pattern.__struct_fields__ if name not in ("people", "companies", "gaps", "text"))


class Campaign(Struct, gc=False, array_like=True):
    """One campaign of one subscription; new fields go at the end."""

    id: int
    """The id of its first message."""
    tenant: str
    subscription: str
    stream: str
    name: str
    first: float
    last: float
    fingerprint: Fingerprint
    """Of its first message, without bands: those are rows of their own."""
    pattern: Pattern = field(default_factory=Pattern)
    messages: int = 0
    recipients: int = 0
    unproven: int = 0
    """Unproven recipients asked for, all in all."""
    charges: dict[str, Charge] = field(default_factory=dict)
    """Key -> what it has outstanding there."""
    domains: list[str] = field(default_factory=list)
    outstanding: Unmatured = field(default_factory=Unmatured)
    exposed: float = 0.0
    """Unproven recipients written to."""
    forgotten: float = 0.0
    """Matured deliveries from before it looked like a list; they prove nothing about it now."""
    complaints: int = 0
    held: int = 0
    """Unproven recipients put into quarantine, all in all."""
    latest: tuple[int, int] = (0, 0)
    """The latest recipient as two numbers that sort like address and like domain."""
    reply: int = 0
    """Checksum of the latest Reply-To."""
    probability: float = 0.0
    looks: Looks = "unclear"
    assess_at: int = 0
    """Messages at which it is looked at again."""
    kin: int = 0
    kin_worst: float = 0.0
    """The highest probability among kin."""
    declared: str = ""
    state: str = ""
    """``released`` or ``refused`` by an operator; kept in the column of that name."""

    def matured(self, now: float) -> float:
        """Unproven deliveries whose evidence has come, since it last began to look like a list."""
        return max(0.0, self.exposed - self.outstanding.left(now) - self.forgotten)

    def standing(self, now: float) -> Standing:
        """What the ration asks of it."""
        outstanding = self.outstanding.left(now)
        exposure = max(0.0, self.exposed - outstanding - self.forgotten)
        return Standing(self.name, self.looks, self.complaints, exposure, outstanding)


def note(campaign: Campaign, facts: Facts, similarity: float, consumer: frozenset[str]) -> None:
    """Count one message that was asked for, whatever becomes of it."""
    pattern = campaign.pattern
    if pattern.messages >= WINDOW:
        pattern.halve()
    if campaign.messages:
        pattern.gaps.note(facts.now - campaign.last)
        pattern.variation += 1.0 - similarity
    pattern.messages += 1.0
    for one in facts.recipients:
        _recipient(campaign, pattern, one, consumer)
    _text(pattern, facts)
    _headers(campaign, pattern, facts)
    campaign.messages += 1
    campaign.recipients += len(facts.recipients)
    campaign.last = max(campaign.last, facts.now)


def _recipient(campaign: Campaign, pattern: Pattern, one: RecipientFacts, consumer: frozenset[str]) -> None:
    pattern.recipients += 1.0
    proof = one.grant.proof
    if proof is Proof.NONE:
        campaign.unproven += 1
        if not one.contacts:
            pattern.first_contacts += 1.0
    elif proof is Proof.TRIGGER:
        pattern.triggered += 1.0
    elif proof is Proof.PERMISSION:
        pattern.permitted += 1.0
    else:
        pattern.acquainted += 1.0
    if campaign.probability < 0.5:  # a suspect's retries are not people coming back
        pattern.people.note(int.from_bytes(one.person[:4], "big"))
    _order(campaign, pattern, one)
    if one.domain in consumer:
        pattern.consumer += 1.0
    else:
        pattern.company += 1.0
        pattern.companies.note(crc32(one.domain.encode()))
    if one.role:
        pattern.roles += 1.0
    if one.disposable:
        pattern.disposable += 1.0


def _order(campaign: Campaign, pattern: Pattern, one: RecipientFacts) -> None:
    """Compare with the recipient before, by the first eight letters of address and of domain."""
    address = int.from_bytes(one.address[:8].lower().encode("utf-8", "replace")[:8].ljust(8, b"\0"), "big") >> 1
    domain = int.from_bytes(one.domain[:8].encode("utf-8", "replace")[:8].ljust(8, b"\0"), "big") >> 1
    before, domain_before = campaign.latest
    campaign.latest = (address, domain)
    if before and address != before:
        pattern.pairs += 1.0
        if address > before:
            pattern.rising += 1.0
        else:
            pattern.falling += 1.0
    if domain != domain_before:
        if domain_before:
            pattern.domain_pairs += 1.0
            if domain > domain_before:
                pattern.domain_rising += 1.0
            else:
                pattern.domain_falling += 1.0
    elif address != before:
        pattern.adjacent += 1.0


def _text(pattern: Pattern, facts: Facts) -> None:
    content, text = facts.content, pattern.text
    for cue, strength in content.cues:
        if cue in text or len(text) < MOST_CUES:
            text[cue] = text.get(cue, 0.0) + strength
    if content.invisible:
        pattern.invisible += 1.0
    if content.forged_thread:
        pattern.forged += 1.0


def _headers(campaign: Campaign, pattern: Pattern, facts: Facts) -> None:
    content, sender = facts.content, facts.sender
    if content.unsubscribe:
        pattern.unsubscribe += 1.0
    domain = from_domain(facts)
    if domain not in campaign.domains and len(campaign.domains) < MOST_DOMAINS:
        campaign.domains.append(domain)
    if content.fingerprint.links and not any(domain.endswith(link) for link in content.fingerprint.links):
        pattern.foreign_links += 1.0
    if sender.reply_to:
        reply = crc32(" ".join(sender.reply_to).encode())
        if campaign.reply and reply != campaign.reply:
            pattern.reply_changes += 1.0
        campaign.reply = reply
        if not any(domain.endswith(one) or one.endswith(domain) for one in sender.reply_to):
            pattern.foreign_replies += 1.0


def from_domain(facts: Facts) -> str:
    """The domain people see: the claimed one of From, else whatever stands behind its @."""
    claimed = facts.sender.from_domain
    return claimed.name if claimed else facts.sender.from_address.rpartition("@")[2].lower()


def summary(campaign: Campaign) -> Assessment:
    """The campaign as it was last judged, without the weights."""
    state = campaign.state if campaign.state in ("released", "refused") else ""
    return Assessment(
        campaign=campaign.id,
        name=campaign.name,
        messages=campaign.messages,
        recipients=campaign.recipients,
        unproven=campaign.unproven,
        probability=campaign.probability,
        looks=campaign.looks,
        kin=campaign.kin,
        identities=max(1, len(campaign.domains)),
        state=state,  # type: ignore[arg-type]
    )
