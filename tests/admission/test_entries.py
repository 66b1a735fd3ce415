"""Entries in words, and their numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from goodstanding.admission.entries import COLUMNS, WORDS, Entry, evidence_of, number, read_entry, words_of
from goodstanding.errors import GoodstandingError

NOW = 1_795_000_000.0
OPT_IN = {"what": "opt-in", "stream": "bulk", "at": "2026-03-01", "source": "shop.example/join"}


def test_a_permission_in_words() -> None:
    entry = read_entry({**OPT_IN, "country": "de", "class": "Individual", "text": " Yes,\n please "}, NOW)
    assert (entry.kind, entry.at, entry.country, entry.recipient_class) == (
        "permission", 1_772_323_200.0, "DE", "individual"
    )  # fmt: skip
    assert evidence_of(entry).text == "Yes, please"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"what": ""}, "what is missing"),
        ({"what": "optin"}, "'optin' is not known; one of: double-opt-in"),
        ({"kind": "wish"}, "write permission, withdrawal or interaction"),
        ({"stream": "newsletter"}, "one of: transactional, bulk, outreach"),
        ({"stream": ""}, "say which (stream)"),
        ({"source": ""}, "without a source proves nothing"),
        ({"at": "yesterday"}, "is no time; write it like 2026"),
        ({"at": "2127-01-01"}, "lies in the future"),
        ({"at": "1823-01-01"}, "before 1990"),
        ({"expires": "2025-01-01"}, "expires is not after at"),
        ({"country": "Germany"}, "two letters"),
        ({"class": "company"}, "one of: individual, corporate, unknown"),
        ({"what": "contract", "stream": "bulk"}, "contract does not carry bulk"),
        ({"text": "x" * 5000}, "text has 5,000 characters"),
        ({"purpose": "x" * 201}, "purpose has 201 characters"),
        ({"text": "a\x00b"}, "nobody can see"),
        ({"kind": "interaction", "what": "opt-in"}, "interaction 'opt-in' is not known"),
    ],
)
def test_words_that_are_no_entry_are_refused_with_the_remedy(change: dict[str, str], problem: str) -> None:
    with pytest.raises(GoodstandingError) as refused:
        read_entry({**OPT_IN, **change}, NOW)
    assert problem in str(refused.value)


@pytest.mark.parametrize("text", ["1772323200", "2026-03-01T01:00:00+01:00", "2026-03-01 00:00", "20260301"])
def test_times_are_read_as_people_and_programs_write_them(text: str) -> None:
    assert read_entry({**OPT_IN, "at": text}, NOW).at in (1_772_323_200.0,)


def test_a_basis_that_carries_one_stream_needs_none_named() -> None:
    assert read_entry({"what": "soft-opt-in", "at": "2026-03-01"}, NOW).stream == "bulk"


def test_user_triggered_is_an_interaction_and_not_a_right_that_lasts() -> None:
    assert read_entry({"what": "user-triggered", "at": "2026-03-01"}, NOW).kind == "interaction"


def test_the_same_words_have_the_same_number_and_others_another() -> None:
    entry = read_entry(OPT_IN, NOW)
    assert number(entry) == number(read_entry({**OPT_IN, "source": " shop.example/join"}, NOW))
    assert number(entry) != number(read_entry({**OPT_IN, "source": "shop.example/other"}, NOW))
    assert number(entry) == number(structs.replace(entry, address="anna@example.com"))


def test_consents_and_withdrawals_come_before_permissions_and_these_before_interactions() -> None:
    old = "2001-01-01"
    consent = number(read_entry({**OPT_IN, "at": old}, NOW))
    withdrawal = number(read_entry({"what": "objection", "at": old}, NOW))
    transaction = number(read_entry({"what": "transaction", "at": "2026-06-01"}, NOW))
    click = number(read_entry({"what": "click", "at": "2026-09-01"}, NOW))
    assert min(consent, withdrawal) > transaction > click > number(read_entry({"what": "click", "at": old}, NOW)) > 0


WORD = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), max_size=30)


@given(
    st.sampled_from([(kind, what) for kind, known in WORDS.items() for what in known]),
    st.floats(1_000_000_000, NOW),
    st.lists(WORD, min_size=5, max_size=5),
)
def test_an_entry_survives_being_written_and_read(pair: tuple[str, str], at: float, words: list[str]) -> None:
    said = dict(zip(("source", "text", "ip", "more", "purpose"), words, strict=True))
    try:
        entry = read_entry({**said, "kind": pair[0], "what": pair[1], "at": str(at)}, NOW)
    except GoodstandingError:
        return
    written = words_of(entry, "shop")
    assert tuple(written) == COLUMNS
    again = read_entry(written, NOW)
    assert again == entry
    assert number(again) == number(entry)


def test_evidence_of_another_shape_is_kept_as_it_is() -> None:
    entry = Entry(at=NOW, kind="withdrawal", what="unsubscribed", evidence='{"asked":1.0,"way":"page"}')
    assert read_entry(words_of(entry, "shop"), NOW) == entry


@given(st.dictionaries(st.sampled_from([*COLUMNS, "x"]), st.text(max_size=40)))
def test_garbage_is_an_entry_or_an_error_with_a_remedy(words: dict[str, str]) -> None:
    try:
        assert isinstance(read_entry(words, NOW), Entry)
    except GoodstandingError as refused:
        assert str(refused)
