"""The books of the guard in memory, for one transaction: campaigns, keys, habits and incidents.

What the shell (`store.conduct`) loads before a commit group is judged, and saves after it
==========================================================================================
Given the cases of the group, `asked_for(cases)` names what is needed:

* ``bands``: rows of ``campaign_band`` with one of these bands, and the campaigns they lead to whose ``last`` is within
  the last 30 days (`WINDOW`). A campaign has one row for each band (LSH bucket) of its first message's
  fingerprint; a campaign and a message that share a band are candidates, and `fingerprint.similarity` decides.
  Messages without text have one band of their own per subscription, made here, so image-only mail is one campaign;
  and one campaign per subscription (`singles_of`) gathers letters that are like no other.
  Campaigns of the same subscriptions are all needed; of other subscriptions (kin) the newest 32 a band are enough.
* ``keys``: rows of ``tally``. The first word of a key says what the octets are: ``habits SUBSCRIPTION`` is a
  `SubscriptionTally`, all others (``subscription``, ``from``, ``pool``, ``tenant``, ``incident``) are a `KeyTally`.
* ``incidents``: rows of ``incident`` by name.

`Book.of(rows...)` or the constructor takes what was found; missing rows are no error: what is missing is new. A
campaign's octets are ``encode(campaign)``; name, sketch (``campaign.fingerprint.sketch``), first, last, tenant and
subscription are columns too, for operators; **``state`` is read from the column** (operators write it) and put into
`Campaign.state` on loading. For evidence and the chore (`conduct.proved`, `bounced`, `complained`, `allowance`) load
the campaign by id with the keys in its `charges` (`keys_of_campaign`).

Afterwards save ``book.campaigns[id]`` for each id in ``changed_campaigns``; those in ``new_campaigns`` (id -> bands)
are inserted instead, with their band rows; tallies and habits for each key in ``changed_tallies`` (`Book.tally_octets`
gives the octets). The id of a new campaign is the id of its first message, so nobody has to ask the database for one.
Insert with ``ON CONFLICT (id) DO UPDATE`` all the same: the id of a subscription's `singles_of` is known beforehand.
Another transaction must not have changed the same rows meanwhile: one writer at a time, or rows locked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b

import msgspec
from msgspec import Struct

from goodstanding.admission import fingerprint
from goodstanding.admission.baseline import SubscriptionTally
from goodstanding.admission.campaign import Campaign, from_domain
from goodstanding.admission.facts import Assessment, Content, Facts, Fingerprint
from goodstanding.admission.ration import KeyTally, Policy

MOST_TRIED = 64
"""Candidates a message is compared with; more than a few share a band only when wording is varied by machine."""
WINDOW = 30 * 86400.0
"""Seconds after its last message when a campaign is no longer found: the representative window."""

_encoder = msgspec.msgpack.Encoder()
_campaigns = msgspec.msgpack.Decoder(Campaign)
_tallies = msgspec.msgpack.Decoder(KeyTally)
_habits = msgspec.msgpack.Decoder(SubscriptionTally)


class Case(Struct, frozen=True, gc=False):
    """One message to be judged: its facts (``conduct`` still None), its id, and the pool it would leave from."""

    facts: Facts
    message: int
    pool: str = ""

    @property
    def letter(self) -> tuple[str, bytes]:
        """What equal letters of one subscription share."""
        return self.facts.identity.subscription, self.facts.content.fingerprint.sketch

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys that answer for it: subscription, From domain, pool, tenant."""
        identity = self.facts.identity
        keys = (f"subscription {identity.subscription}", f"from {from_domain(self.facts)}", f"tenant {identity.tenant}")
        return (*keys, f"pool {self.pool}") if self.pool else keys


class Incident(Struct, frozen=True, gc=False):
    """A recorded exception (breach notice, mass reset): strangers may be written to up to a number, until a time."""

    name: str
    tenant: str
    subscription: str
    at: float
    until: float
    recipients: int
    because: str = ""
    pool: str = ""


class AskedFor(Struct, frozen=True, gc=False):
    """What must be loaded to judge some cases."""

    bands: frozenset[int]
    keys: frozenset[str]
    incidents: frozenset[str]


def asked_for(cases: Iterable[Case]) -> AskedFor:
    """What must be loaded to judge these cases."""
    bands: set[int] = set()
    keys: set[str] = set()
    incidents: set[str] = set()
    for case in cases:
        subscription, incident = case.facts.identity.subscription, case.facts.content.incident
        bands.update(bands_of(subscription, case.facts.content))
        bands.add(singles_of(subscription))
        keys.update(case.keys)
        keys.add(f"habits {subscription}")
        if incident:
            incidents.add(incident)
            keys.add(f"incident {incident}")
    return AskedFor(frozenset(bands), frozenset(keys), frozenset(incidents))


def bands_of(subscription: str, content: Content) -> tuple[int, ...]:
    """The bands under which a message's campaign is found."""
    if content.fingerprint.bands:
        return content.fingerprint.bands
    digest = blake2b(f"no text\0{subscription}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 1,)


@lru_cache(maxsize=4096)
def singles_of(subscription: str) -> int:
    """The id, and the one band, under which letters of a subscription that are like no other are judged together."""
    digest = blake2b(f"singles\0{subscription}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def encode(entry: Campaign | KeyTally | SubscriptionTally) -> bytes:
    """An entry as it is stored (msgpack)."""
    return _encoder.encode(entry)


def campaign_from(octets: bytes, state: str = "") -> Campaign:
    """A campaign as it was stored, with the state an operator gave it."""
    campaign = _campaigns.decode(octets)
    campaign.state = state
    return campaign


def keys_of_campaign(campaign: Campaign) -> tuple[str, ...]:
    """Keys whose tallies evidence about the campaign changes."""
    return tuple(campaign.charges)


class Found(Struct, frozen=True, gc=False):
    """The campaign of a message, how alike they are, and kin of other subscriptions."""

    campaign: Campaign
    similarity: float
    kin: tuple[Campaign, ...] = ()


class Book:
    """Everything the guard remembers about the cases of one transaction, and which of it has changed."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.policy = policy or Policy()
        self.campaigns: dict[int, Campaign] = {}
        self.index: dict[int, list[int]] = {}
        """Band -> ids of campaigns."""
        self.equal: dict[tuple[str, bytes], Campaign] = {}
        """Subscription and sketch -> the campaign that began with it: nearly every message of a template."""
        self.by_heart: dict[int, Campaign] = {}
        """Message -> its campaign, where that is known to be the one (`belongs`) and its bands were not loaded."""
        self.assessed: dict[int, Assessment] = {}
        """The latest assessment of a campaign with all its weights, as long as the book lives."""
        self.tallies: dict[str, KeyTally] = {}
        self.habits: dict[str, SubscriptionTally] = {}
        self.incidents: dict[str, Incident] = {}
        self.changed_campaigns: set[int] = set()
        self.new_campaigns: dict[int, tuple[int, ...]] = {}
        self.changed_tallies: set[str] = set()

    def load(
        self,
        campaigns: Iterable[Campaign] = (),
        bands: Iterable[tuple[int, int]] = (),
        tallies: Mapping[str, bytes] | None = None,
        incidents: Iterable[Incident] = (),
    ) -> None:
        """Put in what was stored: campaigns, rows (band, campaign), tallies by key, incidents."""
        for campaign in campaigns:
            self._known(campaign)
        for band, campaign_id in bands:
            if campaign_id in self.campaigns:
                self.index.setdefault(band, []).append(campaign_id)
        for key, octets in (tallies or {}).items():
            if key.startswith("habits "):
                self.habits[key[7:]] = _habits.decode(octets)
            else:
                self.tallies[key] = _tallies.decode(octets)
        for incident in incidents:
            self.incidents[incident.name] = incident

    def _known(self, campaign: Campaign) -> None:
        self.campaigns[campaign.id] = campaign
        if campaign.id == singles_of(campaign.subscription):
            return
        known = self.equal.setdefault((campaign.subscription, campaign.fingerprint.sketch), campaign)
        if campaign.id != known.id and campaign.last > known.last:
            self.equal[(campaign.subscription, campaign.fingerprint.sketch)] = campaign

    def tally(self, key: str, now: float) -> KeyTally:
        """The tally of a key, new if nothing is known; it counts as changed."""
        self.changed_tallies.add(key)
        found = self.tallies.get(key)
        if found is None:
            found = self.tallies[key] = KeyTally(now)
        return found

    def habits_of(self, subscription: str) -> SubscriptionTally:
        """Pace and habits of a subscription, new if nothing is known."""
        found = self.habits.get(subscription)
        if found is None:
            found = self.habits[subscription] = SubscriptionTally()
        return found

    def tally_octets(self, key: str) -> bytes:
        """A tally of `changed_tallies` as it is stored."""
        if key.startswith("habits "):
            return encode(self.habits[key[7:]])
        return encode(self.tallies[key])

    def saved(self) -> None:
        """Everything changed has been stored; the book may be used on by whoever alone writes to it."""
        self.changed_campaigns.clear()
        self.new_campaigns.clear()
        self.changed_tallies.clear()

    def find(self, case: Case) -> Found | None:
        """The most similar campaign of the case's subscription, if one is similar enough."""
        content, subscription = case.facts.content, case.facts.identity.subscription
        print_ = content.fingerprint
        known = self.equal.get((subscription, print_.sketch))
        if known is not None and known.last > case.facts.now - WINDOW:
            return Found(known, 1.0)
        learnt = self.by_heart.get(case.message)
        if learnt is not None:
            return Found(learnt, _alike(print_, learnt.fingerprint))
        best, most, tried = None, -1.0, 0
        for campaign in self._candidates(bands_of(subscription, content), case.facts.now):
            if campaign.subscription != subscription:
                continue
            tried += 1
            if tried > MOST_TRIED:
                break
            alike = _alike(print_, campaign.fingerprint)
            if alike > most and alike >= fingerprint.SAME:
                best, most = campaign, alike
                if alike >= 1.0:
                    break
        return Found(best, most) if best is not None else None

    def kin(self, case: Case, campaign: Campaign) -> list[Campaign]:
        """Campaigns of other subscriptions that say the same, the newest 32: of its tenant, and older ones of others.

        Who copies another tenant's text comes later, and must not make the text look bad where it began.
        """
        content, subscription = case.facts.content, case.facts.identity.subscription
        if not content.fingerprint.bands:
            return []
        others = [
            one
            for one in self._candidates(content.fingerprint.bands, case.facts.now)
            if one.subscription != subscription
            and (one.tenant == campaign.tenant or (one.first, one.id) < (campaign.first, campaign.id))
        ]
        newest = sorted(others, key=lambda one: -one.last)[:32]
        return [one for one in newest if _alike(content.fingerprint, one.fingerprint) >= fingerprint.SAME]

    def _candidates(self, bands: Iterable[int], now: float) -> list[Campaign]:
        index, seen = self.index, dict[int, None]()
        for band in bands:
            for campaign_id in index.get(band, ()):
                seen[campaign_id] = None
        campaigns = self.campaigns
        return [one for one in (campaigns[number] for number in seen) if one.last > now - WINDOW]

    def singles(self, case: Case) -> Campaign:
        """The campaign of all letters of a subscription that are like no other."""
        number = singles_of(case.facts.identity.subscription)
        found = self.campaigns.get(number)
        if found is None or found.last <= case.facts.now - WINDOW:
            found = self._new(case, number, Fingerprint(b"", ()), (number,), "letters like no other")
        self.changed_campaigns.add(number)
        return found

    def begin(self, case: Case) -> Campaign:
        """A new campaign that begins with this message."""
        content = case.facts.content
        bands = bands_of(case.facts.identity.subscription, content)
        print_ = Fingerprint(content.fingerprint.sketch, (), content.fingerprint.links[:4])
        return self._new(case, case.message, print_, bands, (content.declared or content.subject)[:80])

    def undo(self, number: int) -> None:
        """Forget a campaign that began with a message that is turned away, if nothing else belongs to it.

        Who is refused may try as often as the line carries; letters like no other are still counted together.
        """
        campaign = self.campaigns.get(number)
        if campaign is None or number not in self.new_campaigns or campaign.messages > 1:
            return
        for band in self.new_campaigns.pop(number):
            self.index[band].remove(number)
        self.changed_campaigns.discard(number)
        del self.campaigns[number]
        key = (campaign.subscription, campaign.fingerprint.sketch)
        if self.equal.get(key) is campaign:
            del self.equal[key]

    def _new(self, case: Case, number: int, print_: Fingerprint, bands: tuple[int, ...], name: str) -> Campaign:
        facts = case.facts
        identity = facts.identity
        campaign = Campaign(
            id=number,
            tenant=identity.tenant,
            subscription=identity.subscription,
            stream=identity.stream.value,
            name=name,
            first=facts.now,
            last=facts.now,
            fingerprint=print_,
            declared=facts.content.declared[:40],
        )
        if number not in self.campaigns:
            self.new_campaigns[number] = bands
            for band in bands:
                self.index.setdefault(band, []).append(number)
        self._known(campaign)
        self.changed_campaigns.add(number)
        return campaign


def belongs(case: Case, campaign: Campaign) -> bool:
    """Whether a message is alike enough to a campaign to be of it; there may be one it is more alike to."""
    ours = campaign.subscription == case.facts.identity.subscription
    return ours and _alike(case.facts.content.fingerprint, campaign.fingerprint) >= fingerprint.SAME


def _alike(first: Fingerprint, second: Fingerprint) -> float:
    """Similarity; equal sketches, the usual case, cost nothing, and mail without text is all alike."""
    if first.sketch == second.sketch:
        return 1.0
    return fingerprint.similarity(first, second)
