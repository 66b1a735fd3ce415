"""Recognition: what a campaign looks like, as weights of evidence that are added up and listed.

Every cue gives a weight in nats from `recognition.toml`; with the prior of the stream their sum is the logarithm of
the odds that the campaign is cold. Weights grow with the number of observations, so one message says little. Words of
no language are needed: text is one cue of many, and its sum is limited so that it never decides alone.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from importlib import resources
from math import exp, log
from typing import Any

from goodstanding.admission.campaign import Campaign, Pattern, summary
from goodstanding.admission.facts import Assessment, Looks, Weight
from goodstanding.admission.risk import surprise

_TABLE: dict[str, Any] = tomllib.loads(
    resources.files("goodstanding.admission").joinpath("recognition.toml").read_text("utf-8")
)
CONSUMER: frozenset[str] = frozenset(_TABLE["consumer"]["domains"])
"""Domains where anybody gets a mailbox."""
TEXT_CUES: frozenset[str] = frozenset(_TABLE["text"]["cues"])
"""Text cues that have a weight."""

_LIMITS, _LINES, _PRIOR = _TABLE["limits"], _TABLE["lines"], _TABLE["prior"]
_RECIPIENTS, _ARRIVALS, _ORDER, _SPREAD = (_TABLE[name] for name in ("recipients", "arrivals", "order", "spread"))
_TEXT, _VARIATION, _HEADERS = _TABLE["text"]["cues"], _TABLE["variation"], _TABLE["headers"]
_BOUNCES, _COMPLAINTS, _ANSWERS, _KIN = (_TABLE[name] for name in ("bounces", "complaints", "answers", "kin"))
BEYOND_DOUBT: float = _LINES["beyond_doubt"]
"""P(cold) from which nothing of a campaign flows."""
SINGLES_LEAST: int = _TABLE["singles"]["least"]
"""Letters like no other from which on they are judged together."""
SMALL: int = _TABLE["singles"]["small"]
"""Messages below which a campaign counts among them."""
_NEGLIGIBLE = 0.05  # nats; less is not worth a line in a finding


def assess(campaign: Campaign, now: float) -> Assessment:
    """What the campaign looks like now, with every weight that counts, the heaviest first."""
    weights = [weight for cue in CUES for weight in cue(campaign, now) if abs(weight.value) >= _NEGLIGIBLE]
    total = _PRIOR[campaign.stream] + sum(weight.value for weight in weights)
    probability = 1.0 / (1.0 + exp(-total)) if total > -30.0 else 0.0
    looks: Looks = "unclear"
    if probability >= _LINES["list"]:
        looks = "list"
    elif probability < _LINES["triggered"]:
        looks = "triggered"
    weights.sort(key=lambda weight: -abs(weight.value))
    known = summary(campaign)
    return Assessment(
        campaign=known.campaign,
        name=known.name,
        messages=known.messages,
        recipients=known.recipients,
        unproven=known.unproven,
        probability=probability,
        looks=looks,
        weights=tuple(weights),
        kin=known.kin,
        identities=known.identities,
        state=known.state,
    )


def _grown(count: float, half_at: float) -> float:
    """How much of a weight counts after so many observations."""
    return count / (count + half_at)


def _ramp(value: float, low: float, high: float) -> float:
    """0 up to low, 1 from high."""
    return min(1.0, max(0.0, (value - low) / (high - low)))


def recipients(campaign: Campaign, now: float) -> list[Weight]:
    """Whether recipients asked, agreed or are known."""
    seen = campaign.pattern
    if not seen.recipients:
        return []
    n, kinds = seen.recipients, _RECIPIENTS
    value = (
        seen.unproven * kinds["unproven"]
        + max(n * _LIMITS["permitted"], seen.permitted * kinds["permitted"])
        + seen.acquainted * kinds["acquainted"]
        + seen.triggered * kinds["triggered"]
    ) / n
    value *= _grown(n, kinds["half_at"])
    if value > 0:
        return [Weight("recipients", value, f"nothing speaks for {seen.unproven / n:.0%} of its recipients")]
    return [Weight("recipients", value, f"{1 - seen.unproven / n:.0%} of its recipients asked, agreed or are known")]


def arrivals(campaign: Campaign, now: float) -> list[Weight]:
    """Whether messages come like people come, or like a timer."""
    gaps, table = campaign.pattern.gaps, _ARRIVALS
    spread = gaps.spread()
    grown = _grown(gaps.count, table["half_at"])
    if spread < table["people_above"]:
        value = table["fixed"] * (1.0 - _ramp(spread, table["fixed_below"], table["people_above"]))
        return [Weight("arrivals", value * grown, f"its messages come at a machine's pace, {_pace(campaign)} apart")]
    value = table["people"] * _ramp(spread, table["people_above"], 1.2)
    return [Weight("arrivals", value * grown, "its messages come irregularly, as people ask for them")]


def _pace(campaign: Campaign) -> str:
    seconds = exp(campaign.pattern.gaps.mean)
    return f"about {seconds:.0f} s" if seconds >= 1.5 else f"about {seconds * 1000:.0f} ms"


def order(campaign: Campaign, now: float) -> list[Weight]:
    """Whether recipients come sorted or in blocks of one company, as exports do."""
    seen, table, weights = campaign.pattern, _ORDER, []
    signs = max(
        (_sign_z(seen.rising, seen.falling, seen.pairs), "by address"),
        (_sign_z(seen.domain_rising, seen.domain_falling, seen.domain_pairs), "by domain"),
    )
    if signs[0] > table["doubt_from"]:
        value = table["sorted"] * _ramp(signs[0], table["doubt_from"] - 1.0, table["sure_from"])
        weights.append(Weight("order", value, f"its recipients come sorted {signs[1]}"))
    elif seen.pairs >= 20:
        weights.append(Weight("order", table["unsorted"], "its recipients come in no order"))
    distinct = max(1.0, seen.company - seen.companies.repeats())
    if seen.company >= 20 and distinct > 8:
        chance = 3.0 / distinct
        blocks = _ramp(seen.adjacent / seen.company, chance, table["grouped_share"] + chance)
        weights.append(Weight("order", table["grouped"] * blocks, "its recipients come company by company"))
    return weights


def _sign_z(rising: float, falling: float, pairs: float) -> float:
    return abs(rising - falling) / pairs**0.5 if pairs >= 6 else 0.0


def spread(campaign: Campaign, now: float) -> list[Weight]:
    """Whether recipients are a mixture of people who come back, or one per company."""
    seen, table = campaign.pattern, _SPREAD
    n = seen.recipients
    if not n:
        return []
    grown = _grown(n, table["half_at"])
    weights = []
    consumer = seen.consumer / n
    if consumer > 0.1:
        value = table["consumer"] * _ramp(consumer, 0.1, table["consumer_share"]) * grown
        weights.append(Weight("spread", value, f"{consumer:.0%} of its recipients have private mailboxes"))
    each = max(0.0, 1.0 - seen.companies.repeats() / seen.company) if seen.company else 0.0
    if consumer < 0.3 and each > 0.5:
        value = table["one_each"] * _ramp(each, 0.5, table["one_each_share"]) * (1 - consumer / 0.3) * grown
        because = f"its recipients are spread one by one over {each * seen.company:.0f} companies"
        weights.append(Weight("spread", value, because))
    repeats = seen.people.repeats() / n
    value = table["repeats"] * _ramp(repeats, 0.01, table["repeats_share"]) * _grown(n, 20)
    weights.append(Weight("spread", value, f"{repeats:.0%} of its recipients had come before"))
    value = table["roles"] * _ramp(seen.roles / n, 0.02, table["roles_share"]) * grown
    weights.append(Weight("spread", value, f"{seen.roles / n:.0%} of its recipients are role accounts"))
    value = table["disposable"] * _ramp(seen.disposable / n, 0.02, 0.2) * grown
    weights.append(Weight("spread", value, f"{seen.disposable / n:.0%} of its recipients are disposable addresses"))
    return weights


def text(campaign: Campaign, now: float) -> list[Weight]:
    """What the words say, if they are of a language we know; limited on both sides."""
    seen, limit = campaign.pattern, _LIMITS["text"]
    if not seen.messages:
        return []
    found = {cue: _TEXT.get(cue, 0.0) * min(1.0, value / seen.messages) for cue, value in seen.text.items()}
    if seen.forged:
        found["forged-thread"] = _TEXT["forged-thread"] * min(1.0, seen.forged / seen.messages)
    total = sum(found.values())
    if not total:
        return []
    speaking = sorted((cue for cue in found if found[cue] * total > 0), key=lambda cue: -abs(found[cue]))[:3]
    kind = "persuades" if total > 0 else "answers something its reader did"
    value = min(limit, max(-limit, total)) * _grown(seen.messages, _TABLE["text"]["half_at"])
    return [Weight("text", value, f"its text {kind} ({', '.join(speaking)})")]


def variation(campaign: Campaign, now: float) -> list[Weight]:
    """Whether the wording is varied by machine, or marked invisibly."""
    seen, table = campaign.pattern, _VARIATION
    if not seen.messages:
        return []
    mean = seen.variation / seen.messages
    grown = _grown(seen.messages, 4)
    value = table["spun"] * _ramp(mean, table["from"], table["sure_from"]) * grown
    marked = table["invisible"] * min(1.0, seen.invisible / seen.messages) * grown
    return [
        Weight("variation", value, f"its wording differs by {mean:.0%} from message to message"),
        Weight("variation", marked, f"{seen.invisible / seen.messages:.0%} of its messages carry invisible characters"),
    ]


def headers(campaign: Campaign, now: float) -> list[Weight]:
    """Header fields and links that belong to mailings."""
    seen, table = campaign.pattern, _HEADERS
    counts = {
        "unsubscribe": (seen.unsubscribe, "it carries List-Unsubscribe, as mailings do"),
        "foreign_links": (seen.foreign_links, "its links lead to other domains than its From"),
        "foreign_replies": (seen.foreign_replies, "replies go to another domain than its From"),
        "reply_changes": (seen.reply_changes, "its Reply-To changes"),
    }
    grown = _grown(seen.messages, 2)
    return [
        Weight("headers", table[name] * min(1.0, count / seen.messages) * grown, because)
        for name, (count, because) in counts.items()
        if count
    ]


def bounces(campaign: Campaign, now: float) -> list[Weight]:
    """Hard bounces at first contact: old and guessed addresses bounce."""
    seen, table = campaign.pattern, _BOUNCES
    tried = min(seen.first_contacts, campaign.exposed + seen.bounces)
    if tried < 1:
        return []
    value = surprise(round(seen.bounces), tried, table["expected"], table["cold"]) * _grown(tried, table["half_at"])
    because = f"{seen.bounces:.0f} of {tried:.0f} first contacts do not exist"
    return [Weight("bounces", min(table["most"], max(table["least"], value)), because)]


def complaints(campaign: Campaign, now: float) -> list[Weight]:
    """What recipients said who were written to without proof."""
    matured = campaign.matured(now)
    if not campaign.complaints and matured < 10:
        return []
    value = surprise(campaign.complaints, matured, _COMPLAINTS["expected"], _COMPLAINTS["cold"])
    because = f"{campaign.complaints} complaints in {matured:.0f} settled deliveries"
    return [Weight("complaints", min(_COMPLAINTS["most"], max(_COMPLAINTS["least"], value)), because)]


def answers(campaign: Campaign, now: float) -> list[Weight]:
    """Strangers who then used the code, the link or their login."""
    seen = campaign.pattern
    written = min(seen.unproven, campaign.exposed)
    if not seen.answers or not written:
        return []
    share = min(1.0, seen.answers / written)
    value = _ANSWERS["full"] * _ramp(share, 0.02, _ANSWERS["full_share"]) * _grown(seen.answers, 3)
    return [Weight("answers", value, f"{share:.0%} of the strangers it reached used it")]


def kin(campaign: Campaign, now: float) -> list[Weight]:
    """The same text from another subscription that looks cold there."""
    worst = campaign.kin_worst
    if worst <= 0.5:
        return []
    value = min(_KIN["most"], _KIN["share"] * log(worst / max(1e-9, 1.0 - worst)))
    return [Weight("kin", value, f"{campaign.kin} other subscriptions send the same, and it looks cold there")]


def baseline(campaign: Campaign, now: float) -> list[Weight]:
    """Whether it came while the subscription did what it never does."""
    seen: Pattern = campaign.pattern
    if not seen.novel:
        return []
    value = _TABLE["baseline"]["novel"] * min(1.0, seen.novel / seen.messages) * _grown(seen.novel, 5)
    return [Weight("baseline", value, "the subscription never sent as much, or to as many strangers, in a day")]


CUES: tuple[Callable[[Campaign, float], list[Weight]], ...] = (
    recipients,
    arrivals,
    order,
    spread,
    text,
    variation,
    headers,
    bounces,
    complaints,
    answers,
    kin,
    baseline,
)
