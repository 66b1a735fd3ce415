from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.admission.wording import HEAD, TAIL, names_in, wording


def masked(text: str) -> str:
    return b" ".join(wording(text).words).decode("cp1252")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hi Anna,\n\nYour code is 482913.", "your code is"),
        ("Good morning Mr Rossi!\nIt is ready", "it is ready"),
        ("Sehr geehrte Frau Weber,\nIhre Bestellung 4711", "ihre bestellung"),
        ("Anna, see https://shop.example/o/1?x=2 or www.shop.example", "anna see or"),
        ("write to anna.rossi+x@mail.example today", "write to today"),
        ("on 23 November 2026 at 10:30 am it ships", "on at it ships"),
        ("token A7X-Q2 ends", "token ends"),
        ("we saw that Acme Corp grew, and here is a long sentence that is written small to its end",
         "we saw that grew and here is a long sentence that is written small to its end"),
        ("Don’t “worry” – it’s fine", "dont worry its fine"),
        ("It ships.\n\nKind regards,\nTom Miller\n\nShop Ltd", "it ships shop ltd"),
        ("Dear Anna,\nhello anna again", "hello again"),
        ("sof\u00adt hy\u00adphens", "soft hyphens"),
    ],
)  # fmt: skip
def test_what_is_personal_is_masked(text: str, words: str) -> None:
    assert masked(text) == words


def test_german_nouns_are_not_taken_for_names() -> None:
    assert masked("wenn Sie das Passwort für Ihr Konto ändern") == "wenn sie das passwort für ihr konto ändern"


def test_the_same_words_come_out_of_look_alikes_and_invisible_characters() -> None:
    plain = wording("please confirm your account")
    spoiled = wording("pl\u0435ase con\u200bfirm y\u043eur \u0430cc\u2060ount")
    assert spoiled.words == plain.words
    assert (spoiled.invisible, spoiled.mixed) == (2, 3)


def test_full_width_letters_are_letters() -> None:
    assert wording("ｐａｓｓｗｏｒｄ").words == [b"password"]


def test_what_pads_a_preview_line_is_not_counted() -> None:
    assert wording("News \u034f \u200c \u034f \u200c for you").invisible == 0


def test_persian_and_flags_are_not_counted() -> None:
    assert wording("می\u200cخواهم \U0001f3f4\U000e0067\U000e0062\U000e007f").invisible == 0


def test_tags_are_counted() -> None:
    assert wording("hi\U000e0067\U000e0062 you").invisible >= 2


def test_russian_stays_russian() -> None:
    assert wording("Ваш код подтверждения").words == "ваш код подтверждения".encode().split()


def test_scripts_without_spaces_give_pairs() -> None:
    assert wording("確認コード").words == [pair.encode() for pair in ("確認", "認コ", "コー", "ード")]


def test_a_name_known_beforehand_is_masked() -> None:
    assert wording("anna, it is here", names_in("Anna Rossi")).words == [b"it", b"is", b"here"]


def test_long_texts_are_looked_at_from_both_ends() -> None:
    words = wording("first " + "middle " * 10_000 + "last").words
    assert words[0] == b"first" and words[-1] == b"last" and len(words) < (HEAD + TAIL) / 6


@pytest.mark.parametrize(
    "piece", ["@", "a@", "1", "x", "http://", "www.", "Hi ", "A b ", "\u200b", "е", "a\u200b", "あ", "\n", "best\n"]
)
def test_a_text_made_to_be_slow_is_not(piece: str) -> None:
    began = time.process_time()
    wording(piece * (250_000 // len(piece)))
    assert time.process_time() - began < 0.2


@given(st.text(max_size=300))
def test_any_text_is_masked_the_same_way_twice(text: str) -> None:
    assert wording(text) == wording(text)
    assert all(b" " not in word and b"0" not in word for word in wording(text).words)


@pytest.mark.parametrize("filler", ["", "a few words more that hold no number at all " * 4], ids=["many", "few"])
def test_numbers_go_with_the_month_or_weekday_beside_them(filler: str) -> None:
    text = f"paid on 4 May at noon, or Friday 13 at last; may it stay {filler}"
    assert masked(text) == f"paid on at noon or at last may it stay {filler}".strip()
