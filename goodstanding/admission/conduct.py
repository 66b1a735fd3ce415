"""Judging one message against the books, and booking what went out; then what evidence changes.

The order for each message of a transaction: `judge` (finds or opens its campaign and counts the attempt there at once,
whatever becomes of it), `decide`, then `commit` if anything of it was accepted. Rates, volumes and the trust budget
are used by `commit` alone. A message turned away by its rates is only counted, not looked at: its retries would look
like people coming back.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from goodstanding.admission import ration as budget
from goodstanding.admission.baseline import unusual
from goodstanding.admission.books import Book, Case, Found, singles_of
from goodstanding.admission.campaign import Campaign, note, summary
from goodstanding.admission.facts import Assessment, Conduct, Facts, Proof, Ration, Unusual, Weight
from goodstanding.admission.rates import rates
from goodstanding.admission.ration import Charge, charged, settled
from goodstanding.admission.recognise import BEYOND_DOUBT, CONSUMER, SINGLES_LEAST, SMALL, assess
from goodstanding.model import Stream

MOST_CHARGES = 8
"""Keys a campaign has an account with; subscription and tenant are among the first."""
SAMPLE = 10
"""Outstanding recipients of a campaign that looks like a list but may be none: set by judgement."""


class Judgement(Struct, frozen=True, gc=False):
    """What the books say about a case, and the campaign it belongs to."""

    conduct: Conduct
    campaign: int
    incident: str = ""
    """Name of the recorded incident that exempts it."""


def judge(book: Book, case: Case, now: float) -> Judgement:
    """What the books know about a message; its attempt is counted in its campaign, nothing else is."""
    facts = case.facts
    habits = book.habits_of(facts.identity.subscription)
    strangers = sum(1 for one in facts.recipients if one.grant.proof is Proof.NONE)
    pace = rates(habits.pace, facts.terms, len(facts.recipients), now)
    odd = unusual(habits, len(facts.recipients), strangers, now)
    found = book.find(case)
    if pace.retry_after and not facts.terms.shadow:  # in shadow it is accepted all the same
        return _too_fast(book, case, found, Conduct(pace, _UNKNOWN, Ration(strangers, strangers, 0, -1, "", ""), odd))
    campaign = found.campaign if found else book.begin(case)
    book.changed_campaigns.add(campaign.id)
    note(campaign, facts, found.similarity if found else 1.0, CONSUMER)
    if found is None and strangers and facts.content.fingerprint.bands:
        _with_singles(book, case, now)
    if any(one.what != "hour" for one in odd):
        campaign.pattern.novel += 1.0
    assessment = _assessed(book, case, campaign, strangers, now)
    incident = _incident(book, facts, strangers, now)
    if not strangers or incident or campaign.state == "released" or facts.stream is Stream.OUTREACH:
        share = _unrationed(campaign, strangers, now)
    else:
        share = _ration(book, campaign, case.keys, strangers, now)
    return Judgement(Conduct(pace, assessment, share, odd), campaign.id, incident)


_UNKNOWN = Assessment(campaign=0, name="", messages=0, recipients=0, unproven=0, probability=0.0, looks="unclear")


def _too_fast(book: Book, case: Case, found: Found | None, conduct: Conduct) -> Judgement:
    """Counted where its campaign is known. It begins none: who is told to wait may ask as often as the line carries."""
    if found is None:
        return Judgement(conduct, 0)
    campaign = found.campaign
    campaign.messages += 1
    book.changed_campaigns.add(campaign.id)
    share = _unrationed(campaign, conduct.ration.wanted, case.facts.now)
    return Judgement(replace(conduct, assessment=summary(campaign), ration=share), campaign.id)


def commit(book: Book, case: Case, judgement: Judgement, proven: int, admitted: int, quarantined: int) -> None:
    """Book what was accepted: recipients something speaks for, unproven ones that go out, unproven ones that are held.

    Held ones use the rates (they were accepted) but neither volume nor budget; `flowed` counts them when they go.
    """
    facts, now = case.facts, case.facts.now
    if proven + admitted + quarantined == 0:
        return
    subscription = facts.identity.subscription
    book.habits_of(subscription).sent(proven + admitted + quarantined, admitted + quarantined, now)
    book.changed_tallies.add(f"habits {subscription}")
    campaign = book.campaigns[judgement.campaign]
    campaign.held += quarantined
    _went_out(book, campaign, case.keys, proven + admitted, 0 if judgement.incident else admitted, now)
    if judgement.incident and admitted:
        book.tally(f"incident {judgement.incident}", now).sent(admitted, now)


def allowance(book: Book, campaign_id: int, waiting: int, now: float) -> Ration:
    """How many of a campaign's held recipients may flow now; of one that looks like a list, a sample."""
    campaign = book.campaigns[campaign_id]
    if campaign.state == "released":
        return _unrationed(campaign, waiting, now)
    if not campaign.assess_at:
        _believed(campaign, assess(campaign, now), campaign.looks, now)
    share = _ration(book, campaign, tuple(campaign.charges), waiting, now)
    judged = campaign.stream == Stream.TRANSACTIONAL  # elsewhere a list is what it is meant to be
    if campaign.state == "refused" or (judged and campaign.probability >= BEYOND_DOUBT):
        because = "an operator has refused it" if campaign.state == "refused" else "it is cold beyond doubt"
        return Ration(waiting, 0, share.outstanding, 0, "campaign", because)
    if judged and campaign.looks == "list":
        sample = SAMPLE if campaign.messages >= SMALL else 0  # a thousand unique letters are no thousand samples
        allowed = min(share.allowed, max(0, sample - share.outstanding))
        because = f"it looks like a list, so {SAMPLE} at a time go, that evidence can come"
        return Ration(waiting, allowed, share.outstanding, SAMPLE, "campaign", because)
    return share


def flowed(book: Book, campaign_id: int, recipients: int, now: float) -> None:
    """Held unproven recipients of a campaign go out now."""
    campaign = book.campaigns[campaign_id]
    _went_out(book, campaign, tuple(campaign.charges), recipients, recipients, now)


def proved(book: Book, campaign_id: int, sent: float, now: float) -> None:
    """An unproven recipient written to then has shown that they expected it: their evidence has come."""
    campaign = _touched(book, campaign_id)
    campaign.pattern.answers += 1.0
    _settled(book, campaign, sent, now)


def bounced(book: Book, campaign_id: int, sent: float, now: float, *, hard: bool = True) -> None:
    """An unproven recipient written to then did not get it; hard: there is no such mailbox."""
    campaign = _touched(book, campaign_id)
    if hard:
        campaign.pattern.bounces += 1.0
    _settled(book, campaign, sent, now)
    campaign.exposed = max(0.0, campaign.exposed - 1.0)  # nobody to complain: it proves nothing
    for key in campaign.charges:
        book.tally(key, now).bounced(now)


def complained(book: Book, campaign_id: int, sent: float, now: float, *, proven: bool = False) -> None:
    """Somebody written to then complained; the campaign and all its keys answer for it."""
    campaign = _touched(book, campaign_id)
    campaign.complaints += 1
    for key in campaign.charges:
        book.tally(key, now).complained(now, book.policy.ceiling)
    if not proven:
        _settled(book, campaign, sent, now)


def _touched(book: Book, campaign_id: int) -> Campaign:
    """A campaign about which there is news: it is looked at again with its next message."""
    book.changed_campaigns.add(campaign_id)
    campaign = book.campaigns[campaign_id]
    campaign.assess_at = 0
    return campaign


def _settled(book: Book, campaign: Campaign, sent: float, now: float) -> None:
    campaign.outstanding.take(1.0, sent, now)
    for key, charge in campaign.charges.items():
        settled(charge, book.tally(key, now), sent, now)


def _went_out(book: Book, campaign: Campaign, keys: tuple[str, ...], all_: int, strangers: int, now: float) -> None:
    for key in keys:
        tally = book.tally(key, now)
        tally.sent(all_, now)
        if strangers and (charge := _charge(campaign, key)) is not None:
            charged(charge, tally, strangers, now)
    book.changed_campaigns.add(campaign.id)
    if strangers:
        campaign.outstanding.add(strangers, now)
        campaign.exposed += strangers


def _charge(campaign: Campaign, key: str) -> Charge | None:
    """The campaign's account with a key; a campaign on very many domains has one with the first keys only."""
    charge = campaign.charges.get(key)
    if charge is None and len(campaign.charges) < MOST_CHARGES:
        charge = campaign.charges[key] = Charge()
    return charge


def _ration(book: Book, campaign: Campaign, keys: tuple[str, ...], wanted: int, now: float) -> Ration:
    """The trust budget over the keys of one message, or of the whole campaign."""
    charges = {key: charge for key in keys if (charge := _charge(campaign, key)) is not None}
    tallies = {key: book.tally(key, now) for key in charges}
    return budget.ration(campaign.standing(now), wanted, charges, tallies, book.policy, now)


def _unrationed(campaign: Campaign, wanted: int, now: float) -> Ration:
    outstanding = round(campaign.outstanding.left(now)) if campaign.exposed else 0
    return Ration(wanted, wanted, outstanding, -1, "", "")


def _incident(book: Book, facts: Facts, strangers: int, now: float) -> str:
    """The name of the recorded incident that exempts a message, while it has room for its strangers."""
    found = book.incidents.get(facts.content.incident) if facts.content.incident else None
    if found is None or not found.at <= now < found.until or found.subscription != facts.identity.subscription:
        return ""
    used = book.tally(f"incident {found.name}", now).volume
    return found.name if used + strangers <= found.recipients else ""


def _assessed(book: Book, case: Case, campaign: Campaign, strangers: int, now: float) -> Assessment:
    """The campaign's assessment: anew when it has grown or there is news, and in full for strangers of a suspect."""
    if _incident(book, case.facts, strangers, now):
        # exempt: judged neither by what an incident makes it look like, nor by what it looked like before
        return replace(summary(campaign), probability=0.0)
    due = campaign.messages >= campaign.assess_at
    if not due and not (strangers and campaign.probability >= 0.5):
        return summary(campaign)
    was = campaign.looks
    if due:
        kin = book.kin(case, campaign)
        campaign.kin = len({one.subscription for one in kin})
        campaign.kin_worst = max((one.probability for one in kin), default=0.0)
        assessment = _with_the_lot(book, case, assess(campaign, now))
        campaign.assess_at = campaign.messages + min(32, max(1, campaign.messages // 16))
        _believed(campaign, assessment, was, now)
        book.assessed[campaign.id] = assessment
        return assessment
    known = book.assessed.get(campaign.id)
    if known is None or known.state != campaign.state:
        known = book.assessed[campaign.id] = _with_the_lot(book, case, assess(campaign, now))
    return known


def _with_singles(book: Book, case: Case, now: float) -> None:
    """Count a letter that is like no other with its peers."""
    singles = book.singles(case)
    note(singles, case.facts, 1.0, CONSUMER)
    if singles.messages >= singles.assess_at:
        assessed = assess(singles, now)
        singles.probability, singles.looks = assessed.probability, assessed.looks
        singles.assess_at = singles.messages + max(1, singles.messages // 16)


def _with_the_lot(book: Book, case: Case, assessment: Assessment) -> Assessment:
    """A campaign of a few letters is judged like all such letters of its subscription, if these look worse."""
    singles = book.campaigns.get(singles_of(case.facts.identity.subscription))
    small = assessment.messages < SMALL and assessment.state == "" and singles is not None
    if (
        not small
        or singles is None
        or singles.messages < SINGLES_LEAST
        or singles.probability <= assessment.probability
    ):
        return assessment
    lot = assess(singles, case.facts.now)
    because = f"it is one of {singles.messages} letters to strangers that are each like no other"
    weights = (Weight("singles", 0.0, because), *lot.weights)
    return replace(assessment, probability=lot.probability, looks=lot.looks, weights=weights)


def _believed(campaign: Campaign, assessment: Assessment, was: str, now: float) -> None:
    """Remember the assessment; what came before it looked like a list proves nothing about what it does now."""
    campaign.probability, campaign.looks = assessment.probability, assessment.looks
    if campaign.looks == "list" and was != "list":
        campaign.forgotten += campaign.matured(now)


__all__ = ["Judgement", "Unusual", "allowance", "bounced", "commit", "complained", "flowed", "judge", "proved"]
