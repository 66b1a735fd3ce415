import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.model import MessageId, message_name, parse_message_name
from goodstanding.wire.return_path import MARK, decode, encode

KEY, OTHER_KEY = bytes(range(32)), bytes(32)
MESSAGES = st.integers(0, (1 << 63) - 1).map(MessageId)
ORDINALS = st.integers(0, 1_000_000)


@given(MESSAGES, ORDINALS)
def test_a_return_path_names_its_delivery(message: MessageId, n: int) -> None:
    assert decode(KEY, encode(KEY, message, n)) == (message, n)


@given(MESSAGES, ORDINALS)
def test_mailers_may_change_its_case(message: MessageId, n: int) -> None:
    local = encode(KEY, message, n)
    assert local == local.lower()
    assert decode(KEY, local.upper()) == (message, n)


@given(MESSAGES, ORDINALS)
def test_it_is_a_local_part_that_needs_no_quotes_and_shows_the_name_of_the_message(message: MessageId, n: int) -> None:
    local = encode(KEY, message, n)
    assert len(local) <= 64
    assert set(local) <= set("abcdefghijklmnopqrstuvwxyz0123456789+-")
    assert local.startswith(f"{MARK}{message_name(message)}-{n}-")


@given(MESSAGES, ORDINALS, st.data())
def test_nobody_else_can_make_one(message: MessageId, n: int, data: st.DataObject) -> None:
    local = encode(KEY, message, n)
    at = data.draw(st.integers(0, len(local) - 1))
    char = data.draw(st.sampled_from("0123456789abcdefghjkmnpqrstvwxyz+-").filter(lambda char: char != local[at]))
    assert decode(KEY, local[:at] + char + local[at + 1 :]) is None
    assert decode(OTHER_KEY, local) is None


@given(st.text(max_size=80) | st.from_regex(r"b\+[0-9a-z]{13}-[0-9]{0,40}-[0-9a-f]{12}", fullmatch=True))
def test_any_other_local_part_is_none_of_ours(local: str) -> None:
    assert decode(KEY, local) is None


@pytest.mark.parametrize(
    "local", ["", "b+", "b+-", "b+--", "postmaster", "b+06f2k9xw3q7tz-٣-LETTERS", "b+06f2k9xw3q7tz-03-LETTERS"]
)
def test_near_misses_are_none_of_ours(local: str) -> None:
    assert decode(KEY, local) is None


def test_return_paths_of_the_first_release_can_be_read_for_ever() -> None:
    message = parse_message_name("06f2k9xw3q7tz")
    assert decode(KEY, "b+06f2k9xw3q7tz-3-948a138d1edc") == (message, 3)
