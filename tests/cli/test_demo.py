"""The demo: its mail, its counting, its screen, and once (as a scenario) all of it."""

import csv
import re
import signal
import subprocess
import sys
from email import message_from_bytes, policy
from functools import partial
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from rich.console import Console, ConsoleDimensions

from goodstanding import demo
from goodstanding.cli import demo_acts, demo_cold, demo_hints, demo_house, demo_mail, demo_screen
from goodstanding.cli.demo_acts import Left
from goodstanding.cli.demo_hints import Kept
from goodstanding.cli.demo_house import Ports, relay_settings
from goodstanding.cli.demo_mail import NEWSLETTER, OTP
from goodstanding.cli.demo_screen import Ending, Progress, Seen
from goodstanding.cli.demo_shop import SHOP
from goodstanding.cli.demo_submission import Answer, Door
from goodstanding.cli.demo_tally import NO_PROVIDER, Tally, quantile
from goodstanding.errors import GoodstandingError
from goodstanding.events import Accepted, Bounced, Deferred, Delivered, Quarantined, QuarantineEnded, Refused
from goodstanding.model import MessageId
from goodstanding.sandbox.catalogue import built_in
from goodstanding.settings_file import parse_settings
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


def answer(code: int, text: str, at: float = 0.0, took: float = 0.01) -> Answer:
    return Answer(demo_mail.one_time_code("a@gmail.example", NOW), code, text, at, took)


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


def test_what_the_guard_holds_is_not_waited_for_until_it_is_let_go(tally: Tally) -> None:
    tally.take([Quarantined("shop", MessageId(1), 0, NOW, "a@gmail.example", "shop/otp", 7, "[]")])
    row = tally.rows["gmail"]
    assert (row.held, row.under_way, tally.waited_for, tally.stories["held"]) == (1, 3, 5, 1)
    tally.take([QuarantineEnded("shop", MessageId(1), 0, NOW, "a@gmail.example", "released", "guard")])
    assert (row.held, tally.waited_for) == (0, 6)


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
    first = demo_mail.letters(80, 7, NOW)
    assert first == demo_mail.letters(80, 7, NOW)
    assert first != demo_mail.letters(80, 8, NOW)
    assert len(first) == 80


def test_every_letter_can_be_read_back() -> None:
    for letter in demo_mail.letters(120, 1, NOW):
        message = message_from_bytes(letter.octets, policy=policy.default)
        assert message["Subject"] and message["From"] and not message.defects
        assert letter.smtputf8 != "".join(letter.recipients).isascii()
        assert b"\r\n" in letter.octets and not re.search(rb"[^\r]\n", letter.octets)


def test_every_letter_says_why_it_may_be_sent_and_newsletters_leave_that_to_the_ledger() -> None:
    letters = demo_mail.letters(120, 1, NOW)
    listed = list(csv.DictReader(demo_mail.readers(letters, NOW).splitlines()))
    reading = [letter.recipients[0] for letter in letters if letter.subscription == NEWSLETTER]
    assert [row["recipient"] for row in listed] == reading
    for letter in letters:
        message = message_from_bytes(letter.octets, policy=policy.default)
        claims = [name for name in message if name.startswith("X-Goodstanding-")]
        assert len(claims) == (0 if letter.subscription == NEWSLETTER else 1)
        assert "List-Unsubscribe" not in message


def test_the_bought_list_is_sorted_and_its_letters_claim_nothing() -> None:
    contacts = demo_cold.bought_list(1)
    assert len({contact.address for contact in contacts}) == demo_cold.CONTACTS
    assert [contact.domain for contact in contacts] == sorted(contact.domain for contact in contacts)
    letter = demo_cold.letter(contacts[0])
    assert letter.subscription == OTP and b"X-Goodstanding" not in letter.octets
    assert contacts[0].company.encode() in letter.octets


def test_the_campaign_is_told_by_its_answers() -> None:
    held = "2.7.0 accepted as 00q8jzkh5g000\nthe campaign looks unsolicited"
    cold = [answer(250, "2.0.0 accepted", 1), answer(250, held, 2), answer(550, "5.7.1 no\n5.7.1 more", 3)]
    codes = [answer(250, "2.0.0 accepted", 0.5, 0.2), answer(250, "2.0.0 accepted", 2, 0.1)]
    told = demo_acts.judged(cold[::-1], codes).document()
    assert (told["contacts"], told["through"], told["held"], told["refused"]) == (3, 1, 1, 1)
    assert (told["first_refusal"], told["first_refusal_at"], told["codes_stopped"]) == ("550 5.7.1 no", 3, 0)
    assert told["code_delays"] == {
        "during": {"count": 1, "p50": 0.1, "p99": 0.1},
        "otherwise": {"count": 1, "p50": 0.2, "p99": 0.2},
    }


def test_a_campaign_of_which_nothing_was_refused_is_told_too() -> None:
    console = Console(width=80, record=True)
    with console.capture() as drawn:
        console.print(demo_acts.campaign(demo_acts.judged([], [answer(550, "5.7.1 no")])))
    assert "0 refused" in drawn.get() and "1 were not accepted" in drawn.get()


def test_the_reply_is_shown_as_the_client_read_it() -> None:
    console = Console(width=60, record=True)
    cold = demo_acts.judged([answer(550, "5.7.1 first\n5.7.1 second")], [])
    with console.capture() as drawn:
        console.print(demo_acts.campaign(cold))
    assert "550-5.7.1 first" in drawn.get() and "550 5.7.1 second" in drawn.get()


def test_the_link_is_taken_out_of_the_header_however_it_is_folded() -> None:
    fields = b"List-Unsubscribe: <mailto:u@x.example>,\r\n <https://x.example/u/abc>\r\n"
    fields += b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\n"
    assert demo_acts.link_in(fields) == "https://x.example/u/abc"
    with pytest.raises(GoodstandingError, match="one-click"):
        demo_acts.link_in(b"Subject: x\r\n\r\n")


def test_commands_name_the_settings_and_the_message_that_is_held(tally: Tally) -> None:
    tally.take([Quarantined("shop", MessageId(1), 0, NOW, "a@gmail.example", "shop/otp", 7, "[]")])
    cold = demo_acts.judged([answer(550, "5.7.1 no")], [])
    left = Left("b@gmail.example", "https://localhost:1/u/x", 200, "550 5.7.1 no", "250 2.0.0 yes")
    kept = Kept(Path("d/goodstanding.toml"), True, Ports(1, 2, 3), 4)
    rows = [command for command, _ in demo_hints.where_to_look(kept, tally, cold, left)]
    verbs = ("why 0", "why a@", "quarantine list", "trust show b@", "blast-radius shop/otp", "check")
    assert all(any(verb in row and "--config d/goodstanding.toml" in row for row in rows) for verb in verbs)
    sending = demo_hints.how_to_send(kept, Door(1, Path("c.pem")), ("user", "secret"))
    assert all(demo_hints.TRIGGER in command for command, _ in sending[:2])


def test_every_domain_of_an_ordinary_customer_is_in_the_sandbox() -> None:
    domains = {domain for provider in built_in().providers for domain in provider.domains}
    assert demo_mail.EVERYDAY.keys() <= domains
    assert set(demo_mail.ENDLESS) <= set(demo_mail.SPECIAL)


def test_the_relay_of_the_demo_has_valid_settings(tmp_path: Path) -> None:
    settings = parse_settings(relay_settings(SHOP, tmp_path, ("127.0.0.1", 2553), 2525, Ports(2587, 9125, 8443)))
    assert settings.delivery.loopback_only
    assert len({pool.addresses for pool in settings.pools}) == len(settings.pools) == 2
    assert settings.admission.mode == "enforce" and settings.web.port


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
    picture = demo_screen.picture(Ending(tally, Progress(6, 6, 9.5, ""), {"gmail": "Gmail-like"}, seen, ["an act"]))
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
    assert read["total"] == {"accepted": 6, "delivered": 1, "deferred": 0, "held": 0, "bounced": 1}
    assert read["delays"] == {"bulk": {"p50": 0.5, "p99": 0.5}}
    assert read["authentication"] == {"checked": 1, "spf": 1}


@pytest.mark.scenario
def test_the_whole_demo_stops_the_cold_campaign_and_leaves_nothing_running(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "goodstanding",
        "demo",
        "--messages",
        "100",
        "--svg",
        "demo.svg",
        "--no-comparison",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Where to look next" in done.stdout and "DMARC" in done.stdout
    assert "submissions failed" not in done.stdout, done.stdout
    assert "[cold-on-transactional]" in done.stdout and "none was held or refused" in done.stdout
    assert (tmp_path / "demo.svg").exists()
    assert not (tmp_path / "demo-data" / "relay" / "ready.json").exists()
    assert not (tmp_path / "demo-data" / "sandbox.json").exists()
    for line in _printed_commands(done.stdout):
        looked = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert looked.returncode == 0 and looked.stdout, (line, looked.stdout, looked.stderr)


def _printed_commands(said: str) -> list[str]:
    """What the demo says to call next, as far as it is this program."""
    lines = [line.strip() for line in said.partition("Where to look next")[2].splitlines()]
    found = [line for line in lines if re.match(r"\S*goodstanding ", line)]
    assert len(found) >= 8
    return found


@pytest.mark.scenario
def test_programs_read_what_became_of_the_campaign_and_of_who_unsubscribed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "goodstanding", "demo", "--messages", "150", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240)
    found = msgspec.json.decode(done.stdout)
    cold, left = found["cold"], found["unsubscribed"]
    assert cold["contacts"] == cold["through"] + cold["held"] + cold["refused"] == demo_cold.CONTACTS
    assert cold["through"] <= 50 < cold["refused"]
    assert cold["first_refusal"].startswith("550 5.7.1 ") and cold["codes_stopped"] == 0
    assert left["status"] == 200 and "[suppressed]" in left["next_newsletter"]
    assert left["one_time_code"].startswith("250 ")
    seen = found["authentication"]
    assert seen["checked"] == seen["spf"] == seen["dkim"] == seen["dmarc"] > 0
    apart, together = found["comparison"]["streams_apart"], found["comparison"]["all_together"]
    assert apart["codes"]["inbox"] == apart["codes"]["sent"] > 0
    assert apart["codes"]["inbox_last"] == 1.0
    assert together["codes"]["inbox_last"] < 0.5 < together["codes"]["inbox_first"]
    campaign = next(move["key"] for move in apart["moves"] if move["to"] == "slowed")
    climbed = [move for move in apart["moves"] if move["key"] == campaign and move["to"] != "watched"]
    assert campaign.startswith("campaign:"), apart["moves"]
    assert (climbed[0]["to"], climbed[-1]["to"]) == ("slowed", "suspended"), apart["moves"]
    assert all("evidence 1 in" in move["because"] for move in climbed)  # of complaints, or of blocks that follow them
    assert all(later["after"] - sooner["after"] >= demo_house.WARNING for sooner, later in pairwise(climbed))
    slowed, suspended = apart["stops"]
    assert slowed.startswith("450 4.7.1 ") and "is slowed to" in slowed and climbed[0]["because"] in slowed
    assert suspended.startswith("550 5.7.1 ") and "is suspended: " in suspended
    assert climbed[-1]["because"] in suspended
    assert apart["campaign"]["slowed"] > 0 and apart["campaign"]["stopped"] > 0
    assert apart["codes"]["slowed"] == apart["codes"]["stopped"] == 0
    assert together["moves"] == []
    assert together["reputation"]["gmail domain:together.example"] in ("low", "bad")
    assert apart["reputation"]["gmail domain:apart.example"] in ("high", "medium")
    assert apart["reports"]["complained"] > 0


@pytest.mark.scenario
def test_a_kept_demo_prints_how_to_send_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "goodstanding", "demo", "--messages", "40", "--keep", "--no-comparison"]
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
