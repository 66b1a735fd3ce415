"""What an endpoint's answer means, and how long it is left alone."""

import pytest

from goodstanding.webhooks.answers import Answer, meaning, wait_asked
from goodstanding.webhooks.pacing import Again, Dead, Health, Schedule, failed, next_try, room, succeeded, wait

PATIENT = Schedule()


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_success(status: int) -> None:
    assert meaning(Answer(status)) == "delivered"


@pytest.mark.parametrize("status", [301, 302, 307, 308, 401, 403, 404, 405, 408, 429, 500, 502, 503, 504])
def test_an_endpoint_that_is_moved_shut_or_busy_takes_nothing(status: int) -> None:
    assert meaning(Answer(status)) == "endpoint"


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_an_event_it_does_not_take_stops_no_other(status: int) -> None:
    assert meaning(Answer(status)) == "event"


def test_gone_is_gone() -> None:
    assert meaning(Answer(410)) == "gone"


def test_no_answer_is_a_failure_of_the_endpoint() -> None:
    assert meaning(Answer(failure="timed out")) == "endpoint"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        ("", 0.0),
        ("soon", 0.0),
        ("-5", 0.0),
        ("99999999999999999", 86_400.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 3600.0),
        ("Wed, 21 Oct 2015 05:28:00 GMT", 0.0),
        ("²", 0.0),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(text: str, seconds: float) -> None:
    assert wait_asked(Answer(503, retry_after=text), 1_445_408_880.0) == seconds


def test_words_of_a_stranger_are_short_and_one_line() -> None:
    said = Answer(500, b"a\r\n\x1b[31mb" + b"x" * 1000 + b"\xff").words
    assert said.startswith("500 a \ufffd[31mb")
    assert len(said) <= 200


def test_waits_grow_threefold_to_the_most() -> None:
    assert [wait(PATIENT, n, 1.0, PATIENT.most) for n in (1, 2, 3, 50)] == [5.0, 15.0, 45.0, 14_400.0]


def test_an_event_is_tried_until_its_time_ends_and_at_its_end() -> None:
    assert next_try(PATIENT, 0.0, 100.0, 200.0) == Again(200.0)
    assert next_try(PATIENT, 0.0, 80_000.0, 99_000.0) == Again(86_400.0)
    assert next_try(PATIENT, 0.0, 86_400.0, 90_000.0) == Dead()


def test_a_failure_leaves_the_endpoint_alone_and_then_one_post_asks() -> None:
    health = failed(Health(window=8), PATIENT, 0.0, 1.0, 0.0)
    assert room(health, 0, 4.9) == 0
    assert room(health, 0, 5.0) == 1
    assert room(health, 1, 5.0) == 0


def test_what_was_under_way_does_not_count_again() -> None:
    once = failed(Health(), PATIENT, 0.0, 1.0, 0.0)
    assert failed(once, PATIENT, 0.1, 1.0, 0.0) == once


def test_retry_after_is_honoured_even_from_a_late_answer() -> None:
    once = failed(Health(), PATIENT, 0.0, 1.0, 0.0)
    assert failed(once, PATIENT, 0.1, 1.0, 600.0).until == 600.1


def test_looks_at_a_dead_endpoint_are_never_further_apart_than_the_probe() -> None:
    health = Health()
    for _ in range(30):
        health = failed(health, PATIENT, health.until, 1.0, 0.0)
    assert health.until - failed(health, PATIENT, health.until, 1.0, 0.0).until == -PATIENT.probe


def test_after_a_success_it_starts_slowly_to_the_most() -> None:
    health = failed(Health(), PATIENT, 0.0, 1.0, 0.0)
    windows = [(health := succeeded(health, 8)).window for _ in range(4)]
    assert windows == [2, 4, 8, 8]
    assert room(health, 3, 0.0) == 5
