"""Webhooks of a running relay: told while it runs, through kill -9 of whoever tells, and without harm to mail."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from goodstanding.events import Delivered
from goodstanding.store import webhooks
from tests.scenarios.client import submit_many
from tests.scenarios.conftest import MakeRelay
from tests.scenarios.patience import eventually
from tests.scenarios.relay import Relay
from tests.webhooks.receiver import Post, Receiver, Reply, obliging

KILLS = int(os.environ.get("GOODSTANDING_WEBHOOK_KILLS", "5"))
MESSAGES = 1_500


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def hooked(make_relay: MakeRelay, *receivers: Receiver) -> Relay:
    """A relay that runs, with an endpoint at each receiver."""
    ports = ",".join(str(one.port) for one in receivers)
    relay = make_relay(
        *('webhooks.allow_networks=["127.0.0.0/8"]', "webhooks.allow_http=true", f"webhooks.ports=[{ports}]"),
        *("webhooks.retry_first=0.2", "webhooks.timeout=3.0"),
    )
    its = f'\n[webhooks]\nallow_networks = ["127.0.0.0/8"]\nallow_http = true\nports = [{ports}]\n'
    relay.file.write_text(relay.file.read_text() + its)
    for one in receivers:
        relay.command("webhook", "add", "acme", one.url(), "--shape", "eventgrid")
    relay.start()
    eventually(lambda: messenger(relay), "a messenger", 30.0)
    return relay


def messenger(relay: Relay) -> int:
    """Its process; 0: there is none."""
    for pid in relay.workers():
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"goodstanding.messenger" in words:
            return pid
    return 0


def outstanding(relay: Relay) -> int:
    with relay.database.read() as tx:
        return sum(one.waiting for one in webhooks.figures(tx).values())


def slowly(post: Post) -> Reply:
    said = obliging(post)
    return Reply(said.status, said.body, delay=random.uniform(0.0, 0.02))


def test_kill_9_of_the_messenger_loses_no_event_and_what_comes_twice_has_the_same_id(
    make_relay: MakeRelay, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.answer = slowly
    relay = hooked(make_relay, receiver)
    submit_many(relay.plain, MESSAGES, "ann@example.net")
    for n in range(KILLS):
        seen = len(receiver.posts)
        eventually(lambda seen=seen: len(receiver.posts) > seen + 50 or not outstanding(relay), "posting goes on", 60.0)
        time.sleep(random.uniform(0.0, 0.1))
        victim = eventually(lambda: messenger(relay), f"a messenger to kill the {n + 1}. time", 90.0)
        os.kill(victim, signal.SIGKILL)
        eventually(lambda victim=victim: messenger(relay) not in (0, victim), "another messenger", 90.0)
    relay.wait_until_empty()
    journalled = [event for event in relay.events() if isinstance(event, Delivered)]
    eventually(lambda: len({one["id"] for one in receiver.events()}) >= len(journalled), "everything is told", 120.0)
    eventually(lambda: not outstanding(relay), "everything is written down", 60.0)
    told = Counter(event["id"] for event in receiver.events())
    named = {(event["id"], event["data"]["messageId"]) for event in receiver.events()}
    twice = sum(1 for times in told.values() if times > 1)
    with capsys.disabled():
        print(
            f"\n| {KILLS} kills | {len(journalled)} events | {len(journalled) - len(told)} lost | {twice} came twice |"
        )
    assert len(told) == len(named) == len(journalled) == MESSAGES
    assert twice <= KILLS * 100


def test_an_endpoint_that_hangs_slows_neither_the_mail_nor_the_other_endpoint(make_relay: MakeRelay) -> None:
    hanging, quick = Receiver(), Receiver()
    try:
        relay = hooked(make_relay, hanging, quick)
        hanging.answer = lambda post: Reply(delay=60.0)
        began = time.monotonic()
        submit_many(relay.plain, 200, "ann@example.net")
        relay.wait_until_empty(30.0)
        eventually(lambda: len(quick.events()) == 200, lambda: f"{len(quick.events())} of 200 told", 30.0)
        assert time.monotonic() - began < 30.0
        assert len(hanging.posts) < 50
    finally:
        hanging.close()
        quick.close()


def test_a_relay_without_endpoints_has_no_messenger(relay: Relay) -> None:
    time.sleep(7.0)
    assert messenger(relay) == 0
