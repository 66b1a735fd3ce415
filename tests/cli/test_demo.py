"""The demo: its mail, its counting, its screen, and once (as a scenario) all of it."""

import re
import signal
import subprocess
import sys
from email import message_from_bytes, policy
from functools import partial
from pathlib import Path

import msgspec
import pytest
from rich.console import Console, ConsoleDimensions

from goodstanding import demo
from goodstanding.cli import demo_mail, demo_screen
from goodstanding.cli.demo_screen import Progress, Seen
from goodstanding.cli.demo_shop import relay_settings
from goodstanding.cli.demo_tally import NO_PROVIDER, Tally, quantile
from goodstanding.errors import GoodstandingError
from goodstanding.events import Accepted, Bounced, Deferred, Delivered, Refused
from goodstanding.model import MessageId
from goodstanding.sandbox.catalogue import built_in
from goodstanding.settings import parse_settings
from tests.cli.stock import NOW

PROVIDERS = {"gmail.example": "gmail", "*.sink.example": "sink"}


def accepted(message: int, recipient: str, notice_for: str = "") -> Accepted:
    return Accepted("shop", MessageId(message), 0, NOW, recipient, "shop/otp", "bulk", "a@b", 1, notice_for=notice_for)


def deferred(message: int, recipient: str) -> Deferred:
    return Deferred("shop", MessageId(message), 0, NOW, recipient, "", "450 later", "recipient", 1, NOW + 3)


def delivered(message: int, recipient: str) -> Delivered:
    return Delivered("shop", MessageId(message), 0, NOW, recipient, "mx", "250 OK", delay=0.5)


def bounced(message: int, recipient: str) -> Bounced:
    return Bounced("shop", MessageId(message), 0, NOW, recipient, "mx", "550 no", "recipient", 1)


@pytest.fixture
def tally() -> Tally:
    tally = Tally(PROVIDERS, frozenset({"never@gmail.example"}))
    tally.take([accepted(1, "a@gmail.example"), accepted(2, "b@gmail.example"), accepted(3, "never@gmail.example")])
    tally.take([accepted(4, "c@GMAIL.example"), accepted(5, "d@shop.sink.example"), accepted(6, "e@nowhere.example")])
    return tally


def test_recipients_are_counted_where_they_stand(tally: Tally) -> None:
    tally.take([deferred(1, "a@gmail.example"), deferred(1, "a@gmail.example"), deferred(3, "never@gmail.example")])
    tally.take([delivered(1, "a@gmail.example"), delivered(2, "b@gmail.example"), bounced(4, "c@gmail.example")])
    row = tally.rows["gmail"]
    assert (row.accepted, row.delivered, row.deferred, row.bounced, row.under_way) == (4, 2, 1, 1, 0)
    assert (tally.rows["sink"].under_way, tally.rows[NO_PROVIDER].under_way) == (1, 1)
    assert (tally.total.accepted, tally.waited_for) == (6, 2)
    assert tally.stories == {"retried": 1, "delivered": 2, "bounced": 4, "deferred": 3}


def test_endless_recipients_are_waited_for_until_they_are_put_off_once(tally: Tally) -> None:
    assert tally.waited_for == 6
    tally.take([deferred(1, "a@gmail.example"), deferred(3, "never@gmail.example")])
    assert tally.waited_for == 5


def test_notices_and_refusals_are_counted_apart(tally: Tally) -> None:
    tally.take([accepted(7, "shop@shop.sink.example", notice_for="x"), delivered(7, "shop@shop.sink.example")])
    tally.take([Refused("shop", NOW, "shop/otp", "127.0.0.1", "a@b", "c@d", "550 no")])
    assert (tally.notices, tally.refused, tally.total.accepted, tally.total.delivered) == (1, 1, 6, 0)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 2), (0.99, 4), (0.25, 1), (0, 1)])
def test_a_quantile_is_a_value_that_occurred(share: float, expected: float) -> None:
    assert quantile([4, 1, 3, 2], share) == expected


def test_a_quantile_of_nothing_is_nothing() -> None:
    assert quantile([], 0.5) == 0


def test_the_same_seed_writes_the_same_mail() -> None:
    first = demo_mail.letters(80, 7)
    assert first == demo_mail.letters(80, 7)
    assert first != demo_mail.letters(80, 8)
    assert len(first) == 80


def test_every_letter_can_be_read_back() -> None:
    for letter in demo_mail.letters(120, 1):
        message = message_from_bytes(letter.octets, policy=policy.default)
        assert message["Subject"] and message["From"] and not message.defects
        assert letter.smtputf8 != "".join(letter.recipients).isascii()
        assert b"\r\n" in letter.octets and not re.search(rb"[^\r]\n", letter.octets)


def test_every_domain_of_an_ordinary_customer_is_in_the_sandbox() -> None:
    domains = {domain for provider in built_in().providers for domain in provider.domains}
    assert demo_mail.EVERYDAY.keys() <= domains
    assert set(demo_mail.ENDLESS) <= set(demo_mail.SPECIAL)


def test_the_relay_of_the_demo_has_valid_settings(tmp_path: Path) -> None:
    settings = parse_settings(relay_settings(tmp_path, ("127.0.0.1", 2553), 2525, (2587, 9125)))
    assert settings.delivery.loopback_only
    assert len({pool.addresses for pool in settings.pools}) == len(settings.pools) == 2


@pytest.mark.parametrize("size", [ConsoleDimensions(80, 24), ConsoleDimensions(200, 60)])
def test_the_live_screen_fits_the_terminal(size: ConsoleDimensions) -> None:
    tally = Tally({})
    for number in range(40):
        tally.provider_of = {"x.example": f"provider {number}"}
        tally.take([accepted(number, "a@x.example")])
    console = Console(width=size.width, height=size.height, record=True)
    with console.capture() as drawn:
        console.print(demo_screen.live(tally, Progress(600, 100, 1.5, "submitting"), {}, size))
    lines = drawn.get().splitlines()
    assert len(lines) < size.height and max(map(len, lines)) <= size.width
    assert ("others" in drawn.get()) == (size.height < 40)


def test_the_picture_fetches_nothing(tally: Tally) -> None:
    seen = Seen(5, {"spf": 5, "dkim": 4, "dmarc": 5})
    picture = demo_screen.picture(demo_screen.result(tally, Progress(6, 6, 9.5, ""), {"gmail": "Gmail-like"}, seen))
    assert "Gmail-like" in picture
    assert "@font-face" not in picture and 'url("http' not in picture


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "goodstanding.toml").write_text("workers = 1\n")
    with pytest.raises(GoodstandingError, match="--folder"):
        demo.run(demo.DemoPlan(folder=tmp_path))
    assert (tmp_path / "goodstanding.toml").read_text() == "workers = 1\n"


def test_the_result_for_programs_adds_up(tally: Tally) -> None:
    tally.take([delivered(1, "a@gmail.example"), bounced(2, "b@gmail.example")])
    document = demo_screen.document(tally, Progress(6, 6, 9.5, ""), Seen(1, {"spf": 1}))
    read = msgspec.json.decode(msgspec.json.encode(document))
    assert read["total"] == {"accepted": 6, "delivered": 1, "deferred": 0, "bounced": 1}
    assert read["delays"] == {"bulk": {"p50": 0.5, "p99": 0.5}}
    assert read["authentication"] == {"checked": 1, "spf": 1}


@pytest.mark.scenario
def test_the_whole_demo_ends_with_a_table_and_leaves_nothing_running(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "goodstanding", "demo", "--messages", "100", "--svg", "demo.svg"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Where to look next" in done.stdout and "DMARC" in done.stdout
    assert (tmp_path / "demo.svg").exists()
    assert not (tmp_path / "demo-data" / "relay" / "ready.json").exists()
    assert not (tmp_path / "demo-data" / "sandbox.json").exists()


@pytest.mark.scenario
def test_a_kept_demo_prints_how_to_send_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "goodstanding", "demo", "--messages", "40", "--keep"]
    hear = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs are deaf to Ctrl-C
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, preexec_fn=hear) as process:
        assert process.stdout is not None
        said = ""
        while "Running until Ctrl-C" not in said:
            said += process.stdout.readline()
        submit = next(line.strip() for line in said.splitlines() if line.strip().startswith("python3 -c"))
        sent = subprocess.run(["bash", "-c", submit.replace("python3", sys.executable, 1)], cwd=tmp_path)
        process.send_signal(signal.SIGINT)
        try:
            status = process.wait(60)
        finally:
            process.terminate()
    assert (status, sent.returncode) == (130, 0)
    assert "swaks --server" in said
    assert not (tmp_path / "demo-data" / "sandbox.json").exists()
