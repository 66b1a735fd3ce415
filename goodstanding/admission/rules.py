"""RULES: every policy of admission, in the order their findings are told.

A rule is one function that sees facts and answers with a finding, or with nothing. Rules do not see each other, and
none decides alone: `admission.decide` takes the strictest. What a slug means to people stands in `reasons.toml`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from goodstanding.admission import rules_conduct, rules_content, rules_identity, rules_recipient
from goodstanding.admission.facts import Facts, Finding, RecipientFacts, Terms
from goodstanding.model import Identity

Rule = Callable[[Facts], Finding | None]
"""About the whole message."""
ShareRule = Callable[[Facts], Sequence[Finding]]
"""About some of the recipients, seen together."""
RecipientRule = Callable[[Identity, Terms, RecipientFacts, float], Finding | None]
"""About one recipient; runs at RCPT already."""

RULES: tuple[Rule, ...] = (
    rules_identity.from_is_present,
    rules_identity.from_is_one_address,
    rules_identity.sender_is_claimed,
    rules_identity.sender_is_not_foreign,
    rules_identity.sender_is_verified,
    rules_identity.sender_is_for_sending,
    rules_identity.sender_is_of_this_stream,
    rules_identity.sender_is_listed,
    rules_identity.return_path_is_ours,
    rules_identity.return_path_is_of_this_stream,
    rules_identity.signature_is_aligned,
    rules_identity.identity_is_isolated,
    rules_identity.outreach_is_off_high_trust_routes,
    rules_content.size_is_agreed,
    rules_content.recipients_are_few_enough,
    rules_content.header_is_well_formed,
    rules_content.header_is_honest,
    rules_content.thread_is_real,
    rules_content.text_is_visible,
    rules_content.way_out_is_one_click,
    rules_content.way_out_is_in_the_text,
    rules_content.postal_address_is_given,
    rules_conduct.rates_are_kept,
    rules_conduct.campaign_is_not_refused,
    rules_conduct.wording_is_not_spun,
    rules_conduct.hour_is_usual,
    rules_conduct.site_agrees,
)
SHARE_RULES: tuple[ShareRule, ...] = (
    rules_conduct.strangers_expect_it,
    rules_conduct.strangers_fit_the_budget,
    rules_conduct.strangers_are_usual,
    rules_conduct.campaign_keeps_to_few_identities,
)
RECIPIENT_RULES: tuple[RecipientRule, ...] = (
    rules_recipient.is_not_suppressed,
    rules_recipient.has_not_objected,
    rules_recipient.has_given_permission,
    rules_recipient.is_a_person,
    rules_recipient.is_there_to_stay,
    rules_recipient.takes_mail,
)
