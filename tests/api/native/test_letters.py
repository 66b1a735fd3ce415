"""A message below /v1 is what its schema says, and however large it is it keeps nobody waiting."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from goodstanding.api.native.letters import Letter
from goodstanding.api.native.problems import ProblemError
from goodstanding.api.native.sending import LARGE, Sending, _read
from goodstanding.model import Identity, MessageId, Stream, SubscriptionName, TenantName
from goodstanding.operate.api_keys import Key, Keyring
from goodstanding.settings import ApiSettings
from goodstanding.store.db import Database
from goodstanding.submission.accept import Accepted
from goodstanding.submission.handing_in import Handed, HandingIn
from goodstanding.submission.operation import Document

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


class Door:
    """Takes everything."""

    def now(self) -> float:
        return 1_796_000_000.0

    async def take(self, handed: Handed) -> Accepted:
        return Accepted(MessageId(1), told=Document())


class Threads(ThreadPoolExecutor):
    """Counts what it is given."""

    given = 0

    def submit(self, *work: Any, **more: Any) -> Any:
        self.given += 1
        return super().submit(*work, **more)


@pytest.mark.parametrize(("size", "apart"), [(LARGE, 0), (LARGE + 1, 1)])
def test_a_large_message_is_composed_in_a_thread(size: int, apart: int) -> None:
    who = Identity(TenantName("shop"), SubscriptionName("shop/otp"), Stream.TRANSACTIONAL)
    nobody = (cast(Database, None), cast(Keyring, None))
    place = Sending(ApiSettings(), "mx.mail.example", cast(HandingIn, Door()), *nobody, {"shop/otp": who})
    key = Key("k", "shop", "a test", b"", ("messages:write",), 0.0, "")
    threads = Threads(1)

    async def send() -> None:
        asyncio.get_running_loop().set_default_executor(threads)
        await place._sent(key, read(text="x" * size), {"scheme": "https", "client": ("192.0.2.7", 4711)})

    asyncio.run(send())
    assert threads.given == apart
