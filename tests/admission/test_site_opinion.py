"""A site's policy service is believed only as far as its answer is one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.admission.facts import Action
from goodstanding.admission.site_opinion import ANSWER_LIMIT, opinion, question
from tests.admission.judged import conduct, letter


def test_an_answer_is_heard() -> None:
    said = opinion(b'{"action": "refuse", "because": "not on Sundays", "remedy": "wait", "more": 1}', "accept")
    assert (said.action, said.because, said.remedy) == (Action.REFUSE, "not on Sundays", "wait")


def test_accepting_needs_no_words_and_refusing_gets_some() -> None:
    assert opinion(b'{"action": "accept"}', "refuse").because == ""
    assert opinion(b'{"action": "refuse"}', "accept").because


NO_ANSWERS = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b'{"action": "maybe"}',
    b'{"action": 1}',
    b"\xff",
    b"{" * 5000,
    b" " * (ANSWER_LIMIT + 1),
]


@pytest.mark.parametrize("octets", NO_ANSWERS)
def test_anything_else_is_the_default_and_says_so(octets: bytes) -> None:
    said = opinion(octets, "quarantine")
    assert said.action is Action.QUARANTINE and "the default is quarantine" in said.because


def test_words_of_a_stranger_stay_on_one_line() -> None:
    said = opinion(json.dumps({"action": "refuse", "because": "a\r\n250 ok\x1b[2J" + "x" * 900}).encode(), "accept")
    assert said.because.isprintable() and len(said.because) <= 300


@given(st.binary(max_size=300))
def test_no_answer_raises(octets: bytes) -> None:
    assert opinion(octets, "defer").action in Action


def test_the_question_is_json_of_the_facts() -> None:
    asked = json.loads(question(letter(conduct=conduct())))
    assert asked["identity"]["subscription"] == "shop/app"
    assert asked["recipients"][0]["grant"]["proof"] == "permission"
    assert asked["conduct"]["rates"]["minute_limit"] == 30
