"""The strictest finding counts, every finding is told, and the reply fits SMTP."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from goodstanding.admission.decide import (
    Verdict,
    decide,
    decide_recipient,
    refuses,
    reply,
    reply_to_recipient,
)
from goodstanding.admission.facts import STRICTNESS, Action, Finding, Grant, Proof, Suppressed, Terms
from goodstanding.model import Stream
from goodstanding.wire.reply import encode_reply
from tests.admission.judged import NOW, STRANGER, conduct, letter, person

NO = Grant(False, Proof.NONE, "no permission is recorded", "record it")
GONE = Suppressed("tenant", "unsubscribed", "one-click", NOW - 60)


def strangers(count: int) -> tuple[Any, ...]:
    return tuple(person(f"p{n}@mail.example", STRANGER) for n in range(count))


def test_nothing_found_is_accepted() -> None:
    assert decide(letter()) == Verdict(Action.ACCEPT)


def test_every_finding_is_kept_and_the_strictest_decides() -> None:
    verdict = decide(letter(listed=False, recipients=strangers(1), conduct=conduct(minute=30, probability=0.7)))
    assert {one.slug for one in verdict.findings} == {"unlisted-sender", "rate-limit", "cold-on-transactional"}
    assert (verdict.action, verdict.quarantined, verdict.refused) == (Action.REFUSE, frozenset(), frozenset())


def test_deferring_is_stricter_than_holding() -> None:
    verdict = decide(letter(recipients=strangers(1), conduct=conduct(minute=30, probability=0.7)))
    assert (verdict.action, verdict.quarantined) == (Action.DEFER, frozenset())


def test_only_the_strangers_beyond_the_budget_are_held() -> None:
    recipients = (person("known@mail.example"), *strangers(4))
    verdict = decide(letter(recipients=recipients, conduct=conduct(wanted=4, allowed=1)))
    assert (verdict.action, verdict.quarantined) == (Action.QUARANTINE, frozenset({2, 3, 4}))


def test_strangers_of_a_cold_campaign_are_refused_and_the_others_get_it() -> None:
    recipients = (*strangers(1), person("known@mail.example", Grant(True, Proof.INTERACTION, "logged in")))
    verdict = decide(letter(recipients=recipients, conduct=conduct(probability=0.99)))
    assert (verdict.action, verdict.refused, verdict.quarantined) == (Action.ACCEPT, frozenset({0}), frozenset())
    alone = decide(letter(recipients=strangers(1), conduct=conduct(probability=0.99)))
    assert (alone.action, alone.refused) == (Action.REFUSE, frozenset())


def test_a_refused_recipient_does_not_hold_the_rest_of_a_held_message() -> None:
    recipients = (person("gone@mail.example", suppressed=GONE), person())
    verdict = decide(letter(recipients=recipients, invisible=5000))
    assert (verdict.action, verdict.refused, verdict.quarantined) == (
        Action.QUARANTINE,
        frozenset({0}),
        frozenset({1}),
    )


def test_shadow_applies_nothing_and_says_what_would_be() -> None:
    verdict = decide(letter(shadow=True, listed=False))
    assert (verdict.action, verdict.shadow, verdict.would_be) == (Action.ACCEPT, True, Action.REFUSE)
    assert [one.slug for one in verdict.findings] == ["unlisted-sender"]
    assert decide(letter(shadow=True)).shadow


def test_suppression_counts_in_shadow_too() -> None:
    gone = person("gone@mail.example", suppressed=GONE)
    mixed = decide(letter(shadow=True, listed=False, recipients=(gone, person())))
    assert (mixed.action, mixed.refused) == (Action.ACCEPT, frozenset({0}))
    alone = decide(letter(shadow=True, recipients=(gone,)))
    assert alone.action is Action.REFUSE


def test_a_recipient_is_judged_at_rcpt() -> None:
    facts = letter(Stream.BULK)
    found = decide_recipient(facts.identity, facts.terms, person(grant=NO), NOW)
    assert [one.slug for one in found] == ["no-permission"]
    assert refuses(found, Terms()) and not refuses(found, Terms(shadow=True))
    said = reply_to_recipient(found)
    assert (said.code, said.enhanced) == (550, "5.7.1")
    assert "no permission is recorded; record it [no-permission]" in said.text


def test_a_suppressed_recipient_is_turned_away_in_shadow() -> None:
    facts = letter()
    found = decide_recipient(facts.identity, facts.terms, person(suppressed=GONE), NOW)
    assert refuses(found, Terms(shadow=True))


def test_the_reply_carries_because_remedy_and_slug() -> None:
    text = reply(decide(letter(listed=False, from_count=2))).text
    assert "[unlisted-sender]" in text and "[several-from]" in text and "goodstanding sender add" in text
    assert text.endswith("goodstanding reasons several-from")


def test_the_reply_points_at_the_sites_own_page() -> None:
    text = reply(decide(letter(listed=False)), "https://mail.shop.example/why#").text
    assert "[https://mail.shop.example/why#unlisted-sender]" in text and "goodstanding reasons" not in text


CODES = [
    (Action.ACCEPT, 250, "2.0.0"),
    (Action.QUARANTINE, 250, "2.7.0"),
    (Action.DEFER, 450, "4.6.0"),
    (Action.REFUSE, 550, "5.6.0"),
]


@pytest.mark.parametrize(("action", "code", "enhanced"), CODES)
def test_the_code_follows_the_action(action: Action, code: int, enhanced: str) -> None:
    said = reply(Verdict(action, (Finding("x", action, "it is so", "change it", code="5.6.0"),), frozenset({0})))
    assert (said.code, said.enhanced) == (code, enhanced)


def test_recipients_with_the_same_finding_share_a_line() -> None:
    verdict = decide(letter(recipients=strangers(40), conduct=conduct(wanted=40, allowed=0)))
    lines = reply(verdict).text.splitlines()
    assert len(lines) == 3 and lines[1].startswith("p0@mail.example, p1@mail.example, p2@mail.example and 37 more: ")


WORDS = st.text(max_size=700)
FINDINGS = st.builds(
    Finding, slug=st.sampled_from(["no-from", "x"]), action=st.sampled_from(Action), because=WORDS, remedy=WORDS,
    recipient=st.one_of(st.just(""), WORDS),
)  # fmt: skip


@given(st.lists(FINDINGS, max_size=60), st.sampled_from(Action))
def test_no_finding_breaks_the_reply(findings: list[Finding], action: Action) -> None:
    octets = encode_reply(reply(Verdict(action, tuple(findings))))
    lines = octets.split(b"\r\n")[:-1]
    assert octets.isascii() and len(lines) <= 20 and all(len(line) <= 510 for line in lines)
    assert all(line[:3] == lines[0][:3] for line in lines)


@given(st.sets(st.integers(0, 5)), st.floats(0, 1), st.integers(0, 6), st.booleans())
def test_more_against_a_message_never_makes_it_milder(known: set[int], p: float, allowed: int, shadow: bool) -> None:
    recipients = tuple(person(f"p{n}@x.example", *([] if n in known else [STRANGER])) for n in range(6))
    books = conduct(wanted=6 - len(known), allowed=min(allowed, 6 - len(known)), probability=0.0)
    mild = decide(letter(recipients=recipients, conduct=books))
    worse = structs.replace(books, assessment=structs.replace(books.assessment, probability=p))
    strict = decide(letter(recipients=recipients, conduct=worse))
    assert mild.quarantined <= strict.quarantined | strict.refused or strict.action is Action.REFUSE
    applied = decide(letter(shadow=shadow, recipients=recipients, conduct=worse))
    assert applied.would_be == strict.action
    assert STRICTNESS[applied.action] <= STRICTNESS[strict.action]
