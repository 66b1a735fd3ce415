"""Rules about behaviour: rates, campaigns, strangers and the trust budget; what only the installation's books know."""

from __future__ import annotations

from collections.abc import Sequence

from goodstanding.admission.facts import Action, Assessment, Conduct, Facts, Finding, Proof, RecipientFacts
from goodstanding.admission.lines import LINES
from goodstanding.model import Stream, joined


def rates_are_kept(facts: Facts) -> Finding | None:
    """Recipients a minute and an hour; new subscriptions begin with 30 and 100, like Azure's."""
    if facts.conduct is None:
        return None
    rates, count = facts.conduct.rates, len(facts.recipients)
    for word, used, limit in (("minute", rates.minute, rates.minute_limit), ("hour", rates.hour, rates.hour_limit)):
        # A message larger than the whole allowance goes when nothing else went: it could never go otherwise.
        if used and used + count > limit:
            wait = f", try again in {max(1, round(rates.retry_after))} s" if rates.retry_after else ""
            because = f"{used:,} of {limit:,} recipients of this {word} are used, and this message has {count:,}{wait}"
            remedy = f"wait, or ask the operator to review the limit of {facts.identity.subscription}"
            return Finding("rate-limit", Action.DEFER, because, remedy, wait=rates.retry_after)
    return None


def campaign_is_not_refused(facts: Facts) -> Finding | None:
    """An operator has decided about this campaign."""
    if facts.conduct is None or facts.conduct.assessment.state != "refused":
        return None
    because = f"an operator has refused the campaign {_named(facts.conduct.assessment)}"
    return Finding("campaign-refused", Action.REFUSE, because, "talk to the operator")


def wording_is_not_spun(facts: Facts) -> Finding | None:
    """Wording varied by machine hides that a letter is one of many."""
    if facts.conduct is None or facts.stream is Stream.TRANSACTIONAL or _released(facts.conduct):
        return None
    spun = LINES.spun
    found = [one for one in facts.conduct.assessment.weights if one.cue in spun.cues and one.value >= spun.weight]
    if not found:
        return None
    # Digests and recommendations differ for good reasons, and their readers asked for them.
    action = Action.REFUSE if facts.stream is Stream.OUTREACH else Action.ACCEPT
    because = f"the wording is varied by machine: {joined([one.because for one in found])}"
    return Finding("spun-text", action, because, "send everybody the same words")


def hour_is_usual(facts: Facts) -> Finding | None:
    """A remark for whoever reads the journal later: machines that were broken into send at night."""
    if facts.conduct is None:
        return None
    found = [one.because for one in facts.conduct.unusual if one.what == "hour"]
    if not found:
        return None
    return Finding("unusual-hour", Action.ACCEPT, joined(found), "nothing, if this was meant")


def site_agrees(facts: Facts) -> Finding | None:
    """The site's own policy service (setting admission.site_policy_url) was asked."""
    site = facts.site
    if site is None or (site.action is Action.ACCEPT and not site.because):
        return None
    return Finding("site-policy", site.action, site.because, site.remedy or "ask whoever runs this site's policy")


# --- strangers: recipients that nothing speaks for --------------------------------------------------------------------


def strangers_expect_it(facts: Facts) -> Sequence[Finding]:
    """Transactional mail goes to people who expect it; a cold campaign does not, whatever stream it takes."""
    if facts.conduct is None or facts.stream is not Stream.TRANSACTIONAL or _decided(facts.conduct):
        return ()
    found, cold = facts.conduct.assessment, LINES.cold
    if found.probability < cold.quarantine:
        return ()
    vouched = _vouched_for(facts) if found.probability >= cold.refuse else ()
    if not (strangers := facts.unproven) and not vouched:
        return ()
    action = Action.REFUSE if found.probability >= cold.refuse else Action.QUARANTINE
    share = f"{found.unproven:,} of {found.recipients:,} recipients have no recorded relationship"
    because = f"the campaign {_named(found)} looks unsolicited (probability {_percent(found.probability)}): {share}"
    speaking = sorted((one for one in found.weights if one.value > 0), key=lambda one: -one.value)[:3]
    because += "".join(f", {one.because}" for one in speaking)
    remedy = "send it on an outreach stream, or report with each message what the recipient did to cause it"
    finding = Finding("cold-on-transactional", action, because, remedy)
    return [*_about(strangers, finding), *_about(vouched, finding, Action.QUARANTINE)]


def _vouched_for(facts: Facts) -> tuple[RecipientFacts, ...]:
    """Recipients of whom only the sender's own word speaks: a permission is a line in a list, and lists alone cannot
    clear what behaves like a list beyond doubt. What they did themselves can.
    """
    return tuple(one for one in facts.recipients if one.grant.proof is Proof.PERMISSION)


def strangers_fit_the_budget(facts: Facts) -> Sequence[Finding]:
    """What cannot be told apart yet is rationed: the harm it could do stays below the ceiling, whatever it is."""
    if facts.conduct is None or _released(facts.conduct):
        return ()
    ration = facts.conduct.ration
    waiting = facts.unproven[ration.allowed :] if ration.allowed < ration.wanted else ()
    remedy = "nothing: it flows as evidence comes; faster when triggers, permissions or interactions are reported"
    return _about(waiting, Finding("trust-budget", Action.QUARANTINE, ration.because, remedy))


def strangers_are_usual(facts: Facts) -> Sequence[Finding]:
    """More mail, or more strangers, than a subscription ever had: held when it looks like a list, else a remark."""
    if facts.conduct is None or _decided(facts.conduct):
        return ()
    found = [one for one in facts.conduct.unusual if one.what != "hour"]
    if not found:
        return ()
    remedy = "nothing, if this was meant: it flows once the operator has looked, or when it has become usual"
    finding = Finding("unusual-volume", Action.ACCEPT, joined([one.because for one in found]), remedy)
    if facts.conduct.assessment.looks != "list":
        return (finding,)
    return _about(facts.unproven, finding, Action.QUARANTINE) or (finding,)


def campaign_keeps_to_few_identities(facts: Facts) -> Sequence[Finding]:
    """One text over many domains and subscriptions is rotation: it spreads blame so that nobody reaches a limit."""
    if facts.conduct is None or _decided(facts.conduct):
        return ()
    found, most = facts.conduct.assessment, LINES.spread[facts.stream]
    if found.identities <= most.identities and found.kin <= most.kin:
        return ()
    spread = f"{found.identities:,} From domains and {found.kin:,} other subscriptions"
    because = f"the text of {_named(found)} comes from {spread}"
    finding = Finding(
        "spread-campaign", Action.QUARANTINE, because, "send one campaign from one domain, and by one subscription"
    )
    if facts.stream is Stream.TRANSACTIONAL:  # stock texts come from everywhere
        return _about(facts.unproven, finding) if found.looks == "list" else ()
    return _about((), finding, Action.REFUSE if facts.stream is Stream.OUTREACH else Action.QUARANTINE, whole=True)


def _about(
    recipients: Sequence[RecipientFacts], finding: Finding, action: Action | None = None, *, whole: bool = False
) -> list[Finding]:
    """The same finding about each of some recipients, or about the whole message."""
    does = action or finding.action
    addresses = [""] if whole else [one.address for one in recipients]
    return [
        Finding(finding.slug, does, finding.because, finding.remedy, address, finding.code) for address in addresses
    ]


def _released(conduct: Conduct) -> bool:
    return conduct.assessment.state == "released"


def _decided(conduct: Conduct) -> bool:
    """An operator's word beats any estimate."""
    return conduct.assessment.state != ""


def _named(found: Assessment) -> str:
    return repr(found.name[:60])


def _percent(share: float) -> str:
    return f"{share:.0%}" if share < 0.995 else "over 99%"
