"""The decision: every rule runs, every finding is kept, the strictest counts; and the reply that says so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from goodstanding.admission.answers import answer
from goodstanding.admission.facts import (
    STRICTNESS,
    UNLINKED,
    Action,
    DomainFacts,
    Facts,
    Finding,
    RecipientFacts,
    Terms,
)
from goodstanding.admission.rules import RECIPIENT_RULES, RULES, SHARE_RULES
from goodstanding.admission.rules_identity import misaligned_return_path, return_path_of_others
from goodstanding.model import Identity, Reply

ALWAYS = frozenset({"suppressed"})
"""Slugs that count even in shadow: somebody who asked to be left alone is left alone."""


class Verdict(Struct, frozen=True, gc=False):
    """What becomes of a message, and every reason."""

    action: Action
    """What is to be done. ``quarantine``: accepted, but the recipients in `quarantined` are held."""
    findings: tuple[Finding, ...] = ()
    """All of them, in the order of the rules; remarks too."""
    quarantined: frozenset[int] = frozenset()
    """Ordinals (in `Facts.recipients`) of those who are held."""
    refused: frozenset[int] = frozenset()
    """Ordinals of those who must not be written to although the rest may; the sender learns it by a notice."""
    shadow: bool = False
    """Findings were kept, but only those in `ALWAYS` were applied."""
    would_be: Action = Action.ACCEPT
    """The action without shadow."""


_CLEAN = Verdict(Action.ACCEPT)
_CLEAN_SHADOW = Verdict(Action.ACCEPT, shadow=True)


def decide(facts: Facts) -> Verdict:
    """The verdict on a message as far as its facts go; never raises.

    Without `Facts.conduct` the rules about campaigns, rates and budgets find nothing: decide again when it is known.
    """
    findings = [finding for rule in RULES if (finding := rule(facts)) is not None]
    for share in SHARE_RULES:
        findings += share(facts)
    identity, terms = facts.identity, facts.terms
    for recipient in facts.recipients:
        findings += decide_recipient(identity, terms, recipient, facts.now)
    if not findings:
        return _CLEAN_SHADOW if terms.shadow else _CLEAN
    return _verdict(facts, findings)


def decide_recipient(identity: Identity, terms: Terms, recipient: RecipientFacts, now: float) -> list[Finding]:
    """Everything against one recipient, as far as it is known at RCPT; see `refuses` for what follows."""
    found = (rule(identity, terms, recipient, now) for rule in RECIPIENT_RULES)
    return [finding for finding in found if finding is not None]


def decide_sender(identity: Identity, terms: Terms, sender: str, domain: DomainFacts | None) -> Finding | None:
    """Why a return path is turned away at MAIL FROM: its domain is not the tenant's, or not verified.

    Whatever else may be said of it is said with the message, together with all other findings.
    """
    found = return_path_of_others(identity, sender, domain) or misaligned_return_path(identity, sender, domain)
    return found if found is not None and found.code == UNLINKED and not terms.shadow else None


def refuses(findings: Iterable[Finding], terms: Terms) -> bool:
    """Whether findings about one recipient turn it away at RCPT; in shadow only what always counts does."""
    return any(finding.action is Action.REFUSE for finding in _applied(findings, terms.shadow))


def _verdict(facts: Facts, findings: list[Finding]) -> Verdict:
    would_be, held, refused = _weigh(facts, findings)
    action = would_be
    if facts.terms.shadow:
        action, held, refused = _weigh(facts, _applied(findings, shadow=True))
    return Verdict(action, tuple(findings), held, refused, facts.terms.shadow, would_be)


def _applied(findings: Iterable[Finding], shadow: bool) -> list[Finding]:
    return [finding for finding in findings if not shadow or finding.slug in ALWAYS]


def _weigh(facts: Facts, findings: Sequence[Finding]) -> tuple[Action, frozenset[int], frozenset[int]]:
    """Action, who is held, who is refused."""
    whole = _strictest(finding.action for finding in findings if _concerns_all(finding))
    held = _ordinals(facts, findings, Action.QUARANTINE)
    refused = _ordinals(facts, findings, Action.REFUSE)
    everybody = frozenset(range(len(facts.recipients)))
    if whole is Action.REFUSE or (refused and refused == everybody):
        return Action.REFUSE, frozenset(), frozenset()
    if whole is Action.DEFER:
        return Action.DEFER, frozenset(), frozenset()
    held = (everybody if whole is Action.QUARANTINE else held) - refused
    return (Action.QUARANTINE if held else Action.ACCEPT), held, refused


def _strictest(actions: Iterable[Action]) -> Action:
    return max(actions, key=STRICTNESS.__getitem__, default=Action.ACCEPT)


def _concerns_all(finding: Finding) -> bool:
    """Nobody is told "later" alone: SMTP has one answer for a message, so one who must wait makes all wait."""
    return not finding.recipient or finding.action is Action.DEFER


def _ordinals(facts: Facts, findings: Iterable[Finding], action: Action) -> frozenset[int]:
    """The recipients that findings of one action are about."""
    meant = {finding.recipient for finding in findings if finding.action is action and finding.recipient}
    return frozenset(n for n, one in enumerate(facts.recipients) if one.address in meant) if meant else frozenset()


def reply(verdict: Verdict, reasons_url: str = "") -> Reply:
    """What the sender is told: one line a finding, each with because, remedy and slug (RFC 5321 §4.2.1).

    ``reasons_url`` is put before the slug; without it the last line says how to read more. ASCII only.
    """
    if verdict.action is Action.ACCEPT:
        return Reply(250, "2.0.0", "accepted")
    words = "accepted, but held until evidence or an operator releases it" if verdict.quarantined else ""
    told = [one for one in verdict.findings if one.action is not Action.ACCEPT]
    return answer(verdict.action, told, reasons_url, words)


def reply_to_recipient(findings: Sequence[Finding], reasons_url: str = "") -> Reply:
    """The answer to a RCPT that `refuses` turned away, or the reason in a notice about one of `Verdict.refused`."""
    return answer(Action.REFUSE, [one for one in findings if one.action is Action.REFUSE], reasons_url, "")
