"""What came back has consequences, over real connections: complaints slow a sender, who is told and recovers."""

import contextlib
import json
import os
import signal
import smtplib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from math import exp
from pathlib import Path
from statistics import median

import pytest

from goodstanding.evidence import Complained, LadderMoved, Unmatched
from goodstanding.model import Touched
from tests.scenarios.conftest import MakeRelay
from tests.scenarios.estate import CODES, DOMAINS, NEWS, Estate, mail, return_path
from tests.scenarios.patience import eventually
from tests.scenarios.relay import Relay
from tests.scenarios.reports import FEEDBACK, complaint, history, report, token
from tests.scenarios.sink import Sink

LETTER = "Good morning,\r\n\r\nthis week we have put together five recipes with pumpkins for you.\r\n"
FOOT = "\r\n\r\nAcme Ltd, 1 Main Street, 20121 Milano, Italy\r\nUnsubscribe: https://acme-letters.example/leave\r\n"
WAY_OUT = {
    "List-Unsubscribe": "<https://acme-letters.example/leave?who=1>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
}
TRIGGER = {"X-Goodstanding-Trigger": "what=login; from=203.0.113.9"}
READERS = [f"reader{n}@isp.example" for n in range(310)]
TOUCHED = Touched(NEWS, "bulk", DOMAINS[NEWS])
DAY = 86_400.0
FLOOD = 5000


@pytest.fixture
def relay(make_relay: MakeRelay) -> Relay:
    relay = make_relay(*FEEDBACK, admission="enforce")
    with relay.file.open("a") as settings:  # in the file, because commands give orders, too
        settings.write("\n[enforcement]\nslowed_rate = 1200\n")
    return relay


@pytest.fixture
def estate(relay: Relay) -> Estate:
    found = Estate(relay)
    found.permitted(["new@isp.example", *READERS])
    relay.command("tenant", "set", "acme", "--contact", "owner@acme-office.example")
    relay.start()
    return found


def exposed(deliveries: float) -> tuple[float, int]:
    """How many messages, delivered when, have by now been there for as long as so many complaints would have taken.

    By the curve that docs/reputation.md begins with. Not before midnight: evidence is weighed by days.
    """
    now = time.time()
    sent = max(now // DAY * DAY + 1, now - 1800)
    hours = (now - sent) / 3600
    return sent, int(deliveries / (0.6 * (1 - exp(-hours / 2)) + 0.4 * (1 - exp(-hours / 24))))


def feedback_port(relay: Relay) -> int:
    return int(json.loads((relay.data / "ready.json").read_text())["feedback"][0]["port"])


def moves(relay: Relay) -> list[tuple[str, str]]:
    return [(event.key, event.rung) for event in relay.events() if isinstance(event, LadderMoved)]


def send(estate: Estate, name: str, to: str, subject: str, body: str = LETTER + FOOT) -> None:
    fields = TRIGGER if name == CODES else WAY_OUT
    with estate.session(name) as client:
        client.sendmail(return_path(name), [to], mail(name, to, subject, body, fields))


def answer(estate: Estate, subject: str) -> tuple[int, str]:
    """What a newsletter to one more reader is told."""
    try:
        send(estate, NEWS, "new@isp.example", subject)
    except smtplib.SMTPResponseException as fault:
        assert isinstance(fault.smtp_error, bytes)
        return fault.smtp_code, fault.smtp_error.decode()
    return 250, ""


def test_complaints_slow_a_sender_who_is_told_why_and_recovers(relay: Relay, estate: Estate, sink: Sink) -> None:
    sent, count = exposed(270.0)
    messages = history(relay, TOUCHED, count, sent)
    report(feedback_port(relay), [complaint(token(relay, message)) for message in messages[:5]])
    eventually(lambda: ("subscription:acme/news", "slowed") in moves(relay), lambda: f"slowed {moves(relay)}")

    told = eventually(
        lambda: next((found for n in range(20) if (found := answer(estate, f"news{n}"))[0] != 250), None), "a 450"
    )
    assert told[0] == 450, (told, moves(relay))
    assert "4.7.1" in told[1]
    assert "5 complaints in " in told[1]
    [notice] = eventually(
        lambda: [one for one in sink.mails if b"owner@acme-office.example" in one.recipients], "the notice"
    )
    assert b"5 complaints in " in notice.octets.replace(b"\r\n", b" ")
    assert b"Slowed: subscription:acme/news" in notice.header()

    send(estate, CODES, "somebody@isp.example", "code1", "Your code is 123456.")
    eventually(lambda: "code1" in sink.tokens(), "codes go on")
    with estate.session(NEWS) as client, pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        octets = mail(NEWS, READERS[0], "news", LETTER + FOOT, WAY_OUT)
        client.sendmail(return_path(NEWS), [READERS[0]], octets)
    assert b"reported mail of this sender as spam" in refused.value.recipients[READERS[0]][1]

    case = json.loads(relay.command("review", "open", "subscription:acme/news", "--json"))
    relay.command(
        "review", "decide", case["name"], "reinstate", "--because", "the list of the fair was removed", "--anyway"
    )
    eventually(lambda: ("subscription:acme/news", "reinstated") in moves(relay), "the reinstatement")
    eventually(lambda: answer(estate, "again")[0] == 250, lambda: f"mail is taken again: {answer(estate, 'again')}")
    eventually(lambda: "again" in sink.tokens(), "and delivered", 60.0)


def test_forged_reports_and_reports_that_come_again_change_nothing(relay: Relay, estate: Estate) -> None:
    [message, *_] = history(relay, TOUCHED, 3, time.time() - DAY)
    real = complaint(token(relay, message))
    forged = real.replace(token(relay, message)[-4:].encode(), b"0000")
    report(feedback_port(relay), [forged, real, real, real, forged])
    events = eventually(
        lambda: (
            [one for one in relay.events() if isinstance(one, Complained | Unmatched)] if not waiting(relay) else []
        ),
        "they were read",
    )
    assert [type(event) for event in events] == [Unmatched, Complained]
    with pytest.raises(smtplib.SMTPRecipientsRefused, match=r"5\.7\.1"):
        report(feedback_port(relay), [real], to="somebody@elsewhere.example")
    with pytest.raises(smtplib.SMTPRecipientsRefused, match=r"5\.1\.1"):
        report(feedback_port(relay), [real], to="ann@reports.example")


def waiting(relay: Relay) -> int:
    from goodstanding.store import reports

    with relay.database.read() as tx:
        return reports.count(tx)


def test_a_suspension_stops_what_waits_within_a_second_and_a_reinstatement_lets_it_go(
    relay: Relay, estate: Estate, sink: Sink
) -> None:
    sink.manners.refused = {b"isp.example": b"450 4.2.0 come again"}
    estate.permitted([f"waits{n}@isp.example" for n in range(20)])
    for n in range(20):
        send(estate, NEWS, f"waits{n}@isp.example", "waits")
    relay.command("standing", "suspend", "subscription:acme/news", "--because", "the operator looks into it")
    imposed = time.monotonic()
    told = eventually(lambda: found if (found := answer(estate, "more"))[0] == 550 else None, "a refusal", 5.0)
    took = time.monotonic() - imposed
    assert "the operator looks into it" in told[1]
    assert took < 2.0, "a second, and what it takes to submit"
    eventually(lambda: relay.states().get("stopped", 0) >= 20, lambda: f"twenty stopped: {relay.states()}")
    sink.manners.refused = {}
    send(estate, CODES, "waits1@isp.example", "code9", "Your code is 987654.")
    eventually(lambda: "code9" in sink.tokens(), "other mail goes on")
    assert "waits" not in sink.tokens()

    relay.command("standing", "reinstate", "subscription:acme/news", "--because", "all is well")
    eventually(lambda: "stopped" not in relay.states(), lambda: f"nothing stopped: {relay.states()}", 40.0)
    eventually(lambda: "waits" in sink.tokens(), "they go, at the rate of a probation")


def test_a_flood_of_reports_slows_no_mail_and_none_is_lost(
    relay: Relay, estate: Estate, sink: Sink, capsys: pytest.CaptureFixture[str]
) -> None:
    messages = history(relay, Touched("acme/other", "bulk", "other.example"), FLOOD, time.time() - DAY)
    octets = [complaint(token(relay, message)) for message in messages]
    port, started = feedback_port(relay), time.monotonic()
    crowd = [threading.Thread(target=report, args=(port, octets[n::8])) for n in range(8)]
    for one in crowd:
        one.start()
    taken = []
    while any(one.is_alive() for one in crowd):
        began = time.monotonic()
        subject = f"code{len(taken)}"
        send(estate, CODES, "somebody@isp.example", subject, "Your code is 987654.")
        eventually(lambda subject=subject: subject in sink.tokens(), "a code")  # type: ignore[misc]
        taken.append(time.monotonic() - began)
    took = time.monotonic() - started
    eventually(lambda: not waiting(relay), "all are read", 120.0)
    read = time.monotonic() - started
    complained = {event.message for event in relay.events() if isinstance(event, Complained)}
    with capsys.disabled():
        print(
            f"\n{FLOOD:,} reports taken at {FLOOD / took:,.0f}/s and read at {FLOOD / read:,.0f}/s; beside them "
            f"{len(taken)} codes, from connecting to the recipient's server: median {median(taken) * 1000:.0f} ms, "
            f"most {max(taken) * 1000:.0f} ms"
        )
    assert complained == set(messages)
    assert median(taken) < 1.0


def test_a_follower_that_is_killed_loses_no_report_and_counts_none_twice(relay: Relay, estate: Estate) -> None:
    messages = history(relay, Touched("acme/other", "bulk", "other.example"), 600, time.time() - DAY)
    port = feedback_port(relay)
    kept: list[bytes] = []

    def insist(octets: bytes) -> None:
        """Send it as a provider does: again, until somebody says 250."""
        while octets not in kept:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                report(port, [octets])
                kept.append(octets)

    with ThreadPoolExecutor(4) as crowd:
        done = [crowd.submit(insist, complaint(token(relay, message))) for message in messages]
        for count in (100, 250, 400):
            eventually(lambda count=count: len(kept) >= count, "reports are taken", 60.0)  # type: ignore[misc]
            os.kill(process_of(relay, "goodstanding.follower"), signal.SIGKILL)
        for one in done:
            one.result(120)
    eventually(lambda: not waiting(relay), "all are read", 60.0)
    complained = [event.message for event in relay.events() if isinstance(event, Complained)]
    assert sorted(complained) == sorted(messages)


def process_of(relay: Relay, module: str) -> int:
    """The child of the supervisor that runs a module; waits until there is one."""

    def found() -> int:
        for pid in relay.workers():
            with contextlib.suppress(OSError):
                if module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                    return pid
        return 0

    return eventually(found, f"{module} runs")
