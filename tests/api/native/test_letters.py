"""A message below /v1 is what its schema says: the name of an operation is one word, whatever follows it."""

import json
from typing import Any

import pytest

from goodstanding.api.native.letters import Letter
from goodstanding.api.native.problems import ProblemError
from goodstanding.api.native.sending import _read

MESSAGE: dict[str, Any] = {
    "subscription": "shop/otp",
    "sender": {"address": "login@shop.example"},
    "to": [{"address": "reader@isp.example"}],
    "subject": "Your code",
    "text": "4711",
}


def read(**changes: Any) -> Any:
    return _read(json.dumps(MESSAGE | changes).encode(), Letter)


@pytest.mark.parametrize("name", ["order-17", "A", ""])
def test_a_word_names_an_operation(name: str) -> None:
    assert read(id=name).id == name


@pytest.mark.parametrize("name", ["order-17\n", "\n", "a b", "a\0", "a" * 65])
def test_nothing_else_does(name: str) -> None:
    with pytest.raises(ProblemError) as caught:
        read(id=name)
    assert caught.value.kind == "invalid"
