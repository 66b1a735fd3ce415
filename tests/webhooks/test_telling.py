"""Which journal events are told, in which order, and under which ids."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.events import (
    KINDS,
    Bounced,
    Delivered,
    Dropped,
    Event,
    Held,
    Judged,
    Quarantined,
    QuarantineEnded,
    Refused,
    Released,
    Unsubscribed,
)
from goodstanding.evidence import Complained, Engaged, LadderMoved, Returned, Reviewed
from goodstanding.model import MessageId, Touched
from goodstanding.webhooks.endpoint import BY_NUMBER, Endpoint, Kind
from goodstanding.webhooks.telling import WORDS, chain, kinds_told, name_of, read_name, subscription_of

WHO = ("shop", MessageId(7), 0, 1.0, "ann@example.net")
OF_NEWS = Touched("shop/news")
REFUSED = Refused("shop", 1.0, "shop/news", "192.0.2.1", "news@shop.example", "ann@example.net", "550 5.7.1 no [cold]")


@pytest.mark.parametrize(
    ("event", "kinds"),
    [
        (Delivered(*WHO, "mx", "250 ok"), [Kind.DELIVERY]),
        (Bounced(*WHO, "mx", "550 no", "recipient", 1), [Kind.DELIVERY]),
        (Returned(*WHO, "no-such-user", True, "recipient", "550"), [Kind.DELIVERY]),
        (Quarantined(*WHO, "shop/news", 1, "[]"), [Kind.DELIVERY, Kind.VERDICT]),
        (Dropped(*WHO, "operator"), [Kind.DELIVERY, Kind.VERDICT]),
        (REFUSED, [Kind.VERDICT]),
        (QuarantineEnded(*WHO, "released", "operator"), [Kind.VERDICT]),
        (Held(*WHO, "operator"), [Kind.VERDICT]),
        (Released(*WHO, "operator"), [Kind.VERDICT]),
        (Judged("shop", MessageId(7), 1.0, "shop/news", "quarantine", "[]", shadow=True), [Kind.VERDICT]),
        (Judged("shop", MessageId(7), 1.0, "shop/news", "refuse", "[]"), [Kind.VERDICT]),
        (Judged("shop", MessageId(7), 1.0, "shop/news", "quarantine", "[]"), []),
        (Judged("shop", MessageId(7), 1.0, "shop/news", "accept", "[]", shadow=True), []),
        (Complained(*WHO, "abuse", "yahoo"), [Kind.COMPLAINT]),
        (Unsubscribed(*WHO, "bulk", "page"), [Kind.UNSUBSCRIBE]),
        (Engaged(*WHO, "opened"), [Kind.ENGAGEMENT]),
        (Engaged(*WHO, "clicked", "proxy"), [Kind.ENGAGEMENT]),
        (Engaged(*WHO, "clicked", "scanner"), []),
        (Engaged(*WHO, "replied"), []),
        (LadderMoved("shop", 1.0, "tenant:shop", "good", "watched", "", ""), [Kind.STANDING]),
        (LadderMoved("shop", 1.0, "tenant:shop", "good", "watched", "", "", shadow=True), []),
        (LadderMoved("shop", 1.0, "tenant:shop", "slowed", "slowed", "", ""), []),
        (Reviewed("shop", 1.0, "tenant:shop", "opened", "shop", ""), [Kind.REVIEW]),
    ],
)
def test_what_is_told_of_an_event(event: Event, kinds: list[Kind]) -> None:
    assert list(kinds_told(event)) == kinds


@pytest.mark.parametrize(
    "event",
    [
        Refused(*("shop", 1.0, "shop/news", "", "", "ann@example.net"), "550 5.7.1 ann has unsubscribed [suppressed]"),
        Refused(
            *("shop", 1.0, "shop/news", "", "", "ann@example.net"), "550 5.7.1 x", findings='[{"slug":"suppressed"}]'
        ),
    ],
)
def test_a_suppressed_recipient_is_told_as_azure_does_and_as_a_verdict(event: Event) -> None:
    assert list(kinds_told(event)) == [Kind.DELIVERY, Kind.VERDICT]


def test_the_words_that_are_looked_for_are_words_of_the_journal() -> None:
    assert KINDS.keys() >= WORDS


def test_what_has_no_word_is_never_told() -> None:
    told = {word for word, kind in KINDS.items() if f"{kind.__name__}(" in _table()}
    assert told == WORDS


def _table() -> str:
    import inspect

    return inspect.getsource(kinds_told)


@pytest.mark.parametrize(
    ("event", "subscription"),
    [
        (Delivered(*WHO, "mx", "250", touched=OF_NEWS), "shop/news"),
        (REFUSED, "shop/news"),
        (Held(*WHO, "operator"), ""),
        (LadderMoved("shop", 1.0, "subscription:shop/news", "good", "watched", "", ""), "shop/news"),
        (LadderMoved("shop", 1.0, "campaign:17", "good", "watched", "", ""), ""),
    ],
)
def test_whose_an_event_is(event: Event, subscription: str) -> None:
    assert subscription_of(event) == subscription


def test_an_endpoint_of_one_application_hears_of_it_and_of_the_whole_tenant() -> None:
    narrow = Endpoint(1, "shop", "https://x", "cloudevents", "shop/news", (Kind.COMPLAINT,))
    assert narrow.wants(Kind.COMPLAINT, "shop/news")
    assert narrow.wants(Kind.COMPLAINT, "")
    assert not narrow.wants(Kind.COMPLAINT, "shop/otp")
    assert not narrow.wants(Kind.DELIVERY, "shop/news")


def test_events_of_a_message_and_moves_of_an_account_are_told_in_order() -> None:
    moves = [LadderMoved("shop", n, "tenant:shop", "good", "watched", "", "") for n in (1.0, 2.0)]
    other = LadderMoved("shop", 1.0, "campaign:17", "good", "watched", "", "")
    assert chain(Delivered(*WHO, "mx", "250"), 5) == chain(Complained(*WHO, "abuse", "y"), 9) == 7
    assert chain(moves[0], 5) == chain(moves[1], 9) != chain(other, 10)
    assert chain(REFUSED, 5) != chain(REFUSED, 6)


@given(st.integers(1, (1 << 40) - 1), st.sampled_from(BY_NUMBER), st.floats(0, 4e9), st.integers(0, (1 << 22) - 1))
def test_an_id_is_a_uuid_that_leads_back_to_its_entry(seq: int, kind: Kind, at: float, tag: int) -> None:
    name = name_of(seq, kind, at, tag)
    assert uuid.UUID(name).version == 8
    assert uuid.UUID(name).variant == uuid.RFC_4122
    found = read_name(name)
    assert found is not None and (found.seq, found.kind) == (seq, kind)


def test_ids_sort_by_time() -> None:
    assert name_of(9, Kind.REVIEW, 100.0, 5) < name_of(1, Kind.DELIVERY, 100.1, 1)


@given(st.text(max_size=40))
def test_no_text_that_is_no_id_leads_anywhere(text: str) -> None:
    assert read_name(text) is None


@pytest.mark.parametrize(
    "name", ["2d2d6c9d-5c7e-4a55-9f0e-6a3a6e3c9d1b", "", "0" * 36, name_of(1, Kind.REVIEW, 1.0, 1).replace("-", "")]
)
def test_other_ids_lead_nowhere(name: str) -> None:
    assert read_name(name) is None
