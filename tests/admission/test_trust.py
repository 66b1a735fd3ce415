"""Who somebody is, and what ledger and law allow: tables of entries in, grants out."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.admission.entries import LIMITS, Entry
from goodstanding.admission.facts import Grant, Proof, Terms
from goodstanding.admission.trust import fold, grant, person

DAY = 86400.0
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC).timestamp()
HERE = Terms()
KEY = b"k" * 32
SOURCE = '{"source":"shop.example/join"}'


def at(day: str) -> float:
    return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()


def permission(what: str, day: str, stream: str = "", **more: object) -> Entry:
    return Entry(at=at(day), kind="permission", what=what, stream=stream, **more)  # type: ignore[arg-type]


def did(what: str, ago: float, **more: object) -> Entry:
    return Entry(at=NOW - ago, kind="interaction", what=what, **more)  # type: ignore[arg-type]


def withdrew(day: str, stream: str = "", what: str = "withdrawal", purpose: str = "") -> Entry:
    return Entry(at=at(day), kind="withdrawal", what=what, stream=stream, purpose=purpose)


def ask(stream: str, *entries: Entry, terms: Terms = HERE) -> Grant:
    return grant(entries, stream, terms, NOW)


NEWS = permission("double-opt-in", "2026-03-01", "bulk", evidence=SOURCE)
CORPORATE = {"recipient_class": "corporate"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("anna@example.com", "Anna@EXAMPLE.com"),
        ("anna@bücher.example", "anna@xn--bcher-kva.example"),
        ("anna.example@gmail.com", "AnnaExample+shop@googlemail.com"),
        ("anna@example.com", " anna@example.com "),
        ("a..nna@phone.example", '"a..nna"@phone.example'),
        ("anna@gmail.com", '"anna."@gmail.com'),
        ("jos\u00e9@example.com", "jose\u0301@example.com"),
    ],
)
def test_spellings_of_one_mailbox_are_one_person(one: str, other: str) -> None:
    assert person(KEY, "shop", one) == person(KEY, "shop", other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("anna.b@example.com", "annab@example.com"),
        ("anna+news@example.com", "anna@example.com"),
        ("+@gmail.com", "a@gmail.com"),
        ("anna@example.com", "anna@example.net"),
        ("anna@example.com", '"anna "@example.com'),
    ],
)
def test_other_mailboxes_are_other_people(one: str, other: str) -> None:
    assert person(KEY, "shop", one) != person(KEY, "shop", other)


def test_a_person_of_one_tenant_is_nobody_to_another() -> None:
    of = {person(KEY, tenant, "anna@example.com") for tenant in ("shop", "bank", "")}
    assert len(of) == 3
    assert {len(each) for each in of} == {16}


@given(st.text(max_size=80))
def test_folding_never_fails_and_folds_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize("stream", ["bulk", "outreach"])
def test_strangers_get_neither_bulk_nor_outreach(stream: str) -> None:
    found = ask(stream)
    assert (found.allowed, found.proof) == (False, Proof.NONE)
    assert found.remedy


def test_strangers_may_get_transactional_mail_unproven() -> None:
    found = ask("transactional")
    assert (found.allowed, found.proof) == (True, Proof.NONE)


def test_a_double_opt_in_carries_its_stream_and_says_where_it_is_from() -> None:
    assert ask("bulk", NEWS) == Grant(
        True, Proof.PERMISSION, "double opt-in of 2026-03-01 via shop.example/join", basis="double-opt-in"
    )


def test_permission_for_one_stream_is_none_for_another_but_shows_that_they_know_the_sender() -> None:
    assert not ask("outreach", NEWS).allowed
    assert "is for bulk, not for outreach" in ask("outreach", NEWS).because
    assert ask("transactional", NEWS).proof is Proof.INTERACTION


def test_a_withdrawal_beats_the_permission_before_it_and_not_the_one_after() -> None:
    assert not ask("bulk", NEWS, withdrew("2026-04-01", "bulk")).allowed
    assert "they withdrew their permission on 2026-04-01" in ask("bulk", NEWS, withdrew("2026-04-01", "bulk")).because
    again = permission("opt-in", "2026-05-01", "bulk", evidence=SOURCE)
    assert ask("bulk", NEWS, withdrew("2026-04-01", "bulk"), again).basis == "opt-in"


def test_at_the_same_second_the_withdrawal_wins() -> None:
    assert not ask("bulk", NEWS, withdrew("2026-03-01", "bulk")).allowed


def test_a_withdrawal_for_one_purpose_leaves_the_others() -> None:
    offers = permission("opt-in", "2026-03-02", "bulk", purpose="offers", evidence=SOURCE)
    news = permission("opt-in", "2026-03-01", "bulk", purpose="news", evidence=SOURCE)
    found = ask("bulk", offers, news, withdrew("2026-04-01", "bulk", purpose="offers"))
    assert "2026-03-01" in found.because
    assert found.allowed


def test_unsubscribing_from_bulk_ends_what_was_only_presumed_for_outreach() -> None:
    presumed = permission("legitimate-interest", "2026-09-01", country="GB", **CORPORATE)
    asked_for = permission("opt-in", "2026-09-01", "outreach", evidence=SOURCE)
    left = withdrew("2026-10-01", "bulk", "unsubscribed")
    assert not ask("outreach", presumed, left).allowed
    assert ask("outreach", asked_for, left).allowed


def test_codes_still_go_to_who_unsubscribed_from_everything() -> None:
    assert ask("transactional", withdrew("2026-10-01", "", "unsubscribed")).allowed


def test_an_objection_ends_transactional_mail_until_they_come_back() -> None:
    no = withdrew("2026-10-01", "", "objection")
    assert not ask("transactional", no).allowed
    assert "they objected on 2026-10-01" in ask("transactional", no).because
    assert ask("transactional", no, did("login", DAY)).allowed


@pytest.mark.parametrize(
    ("what", "day", "stream", "country", "allowed"),
    [
        ("soft-opt-in", "2024-11-24", "bulk", "CA", True),
        ("soft-opt-in", "2024-11-22", "bulk", "CA", False),  # CASL: 24 months
        ("soft-opt-in", "2024-01-01", "bulk", "FR", True),  # CNIL: three years
        ("soft-opt-in", "2026-11-01", "bulk", "PL", False),
        ("inquiry", "2026-05-24", "outreach", "CA", True),
        ("inquiry", "2026-05-22", "outreach", "CA", False),  # CASL: 6 months
        ("opt-in", "2001-01-01", "bulk", "CA", True),  # express consent does not expire
        ("transaction", "2026-11-01", "bulk", "CA", False),
        ("none", "2026-11-01", "bulk", "US", False),
    ],
)
def test_clocks_and_countries(what: str, day: str, stream: str, country: str, allowed: bool) -> None:
    given_stream = stream if what == "opt-in" else ""
    assert ask(stream, permission(what, day, given_stream, country=country)).allowed is allowed


@pytest.mark.parametrize(
    ("country", "recipient_class", "allowed"),
    [
        ("GB", "corporate", True),
        ("GB", "individual", False),
        ("GB", "unknown", False),
        ("FR", "corporate", True),
        ("US", "corporate", True),
        ("DE", "corporate", False),
        ("CA", "corporate", False),
        ("", "corporate", False),
        ("ZZ", "corporate", False),
    ],
)
def test_legitimate_interest_reaches_companies_where_the_country_allows(
    country: str, recipient_class: str, allowed: bool
) -> None:
    ground = permission("legitimate-interest", "2026-09-01", country=country, recipient_class=recipient_class)
    assert ask("outreach", ground).allowed is allowed


def test_a_law_that_binds_senders_counts_wherever_the_recipient_is() -> None:
    ground = permission("legitimate-interest", "2026-09-01", country="GB", **CORPORATE)
    found = ask("outreach", ground, terms=Terms(country="CA"))
    assert not found.allowed
    assert "CASL" in found.because


def test_a_refusal_names_the_law_and_whom_it_protects() -> None:
    ground = permission("legitimate-interest", "2026-09-01", country="DE", **CORPORATE)
    assert ask("outreach", ground).because == (
        "legitimate interest of 2026-09-01 does not carry outreach to companies in DE (UWG §7)"
    )


def test_an_end_in_its_own_words_counts_if_it_is_earlier() -> None:
    short = permission("opt-in", "2026-03-01", "bulk", expires=at("2026-06-01"))
    assert "ended on 2026-06-01" in ask("bulk", short).because


def test_a_contract_that_has_not_ended_has_no_clock_and_an_ended_one_has() -> None:
    assert ask("transactional", permission("contract", "2010-01-01")).expires == 0
    over = permission("contract", "2010-01-01", expires=at("2026-01-31"))
    assert ask("transactional", over).expires == at("2028-01-31")


def test_a_trigger_is_the_strongest_proof_while_it_is_fresh() -> None:
    fresh = did("trigger", 600, purpose="password-reset")
    found = ask("transactional", fresh, permission("contract", "2020-01-01"))
    assert (found.proof, found.expires) == (Proof.TRIGGER, fresh.at + LIMITS.trigger_window)
    assert found.because == "they caused it: password-reset at 2026-11-23 09:50 UTC"
    assert ask("transactional", did("trigger", 2 * 3600)).proof is Proof.INTERACTION
    assert ask("bulk", fresh).allowed is False


def test_a_trigger_answers_an_objection() -> None:
    assert ask("transactional", withdrew("2026-10-01", "", "objection"), did("trigger", 60)).proof is Proof.TRIGGER


@pytest.mark.parametrize(
    ("what", "days", "proof"),
    [
        ("click", 80, Proof.INTERACTION),
        ("click", 100, Proof.NONE),
        ("login", 350, Proof.INTERACTION),
        ("login", 370, Proof.NONE),
        ("purchase", 700, Proof.INTERACTION),
    ],
)
def test_interactions_fade(what: str, days: float, proof: Proof) -> None:
    assert ask("transactional", did(what, days * DAY)).proof is proof


def test_interactions_add_up() -> None:
    old = [did("click", 100 * DAY), did("click", 110 * DAY)]
    found = ask("transactional", *old)
    assert found.proof is Proof.INTERACTION
    assert found.expires > NOW


def test_the_end_of_a_proof_by_interaction_is_when_it_is_no_longer_enough() -> None:
    login = did("login", 0)
    ends = ask("transactional", login).expires
    assert grant([login], "transactional", HERE, ends - 3601).proof is Proof.INTERACTION
    assert grant([login], "transactional", HERE, ends + 1).proof is Proof.NONE


def test_permission_is_stronger_than_interaction() -> None:
    assert ask("transactional", did("login", 0), permission("transaction", "2026-10-01")).proof is Proof.PERMISSION


def test_what_lies_in_the_future_does_not_count_yet() -> None:
    assert not ask("bulk", permission("opt-in", "2027-01-01", "bulk", evidence=SOURCE)).allowed


def test_after_an_erasure_nothing_from_before_counts() -> None:
    gone = withdrew("2026-10-01", "", "erasure")
    assert not ask("bulk", NEWS, gone).allowed
    assert ask("transactional", did("login", 90 * DAY), gone).proof is Proof.NONE
    assert ask("transactional", gone).allowed


ENTRIES = st.builds(
    Entry,
    at=st.floats(NOW - 3000 * DAY, NOW + 10 * DAY),
    kind=st.sampled_from(["permission", "withdrawal", "interaction"]),
    what=st.sampled_from(
        ["opt-in", "soft-opt-in", "contract", "none", "login", "trigger", "objection", "erasure", "?"]
    ),
    stream=st.sampled_from(["", "transactional", "bulk", "outreach"]),
    expires=st.one_of(st.just(0.0), st.floats(NOW - 100 * DAY, NOW + 1000 * DAY)),
    country=st.sampled_from(["", "DE", "CA", "PL", "GB"]),
    evidence=st.sampled_from(["", "{", SOURCE, '{"way":"page"}']),
)


@given(st.lists(ENTRIES, max_size=6), st.sampled_from(["transactional", "bulk", "outreach"]))
def test_every_grant_is_explained_and_live(entries: list[Entry], stream: str) -> None:
    found = grant(entries, stream, HERE, NOW)
    assert found.because
    assert found.allowed or found.remedy
    assert found.expires == 0 or found.expires > NOW or not found.allowed
    assert stream == "transactional" or found.allowed == (found.proof is Proof.PERMISSION)


@given(st.lists(ENTRIES, max_size=6), st.randoms())
def test_the_order_of_entries_does_not_matter(entries: list[Entry], random: object) -> None:
    moved = list(entries)
    random.shuffle(moved)  # type: ignore[attr-defined]
    for stream in ("transactional", "bulk", "outreach"):
        one, other = grant(entries, stream, HERE, NOW), grant(moved, stream, HERE, NOW)
        assert (one.allowed, one.proof, one.expires) == (other.allowed, other.proof, other.expires)
