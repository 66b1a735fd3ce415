"""What people of the sandbox do, over real sockets: reports, buttons, answers, late bounces; and who is refused."""

import asyncio
import smtplib
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from itertools import count
from pathlib import Path

import pytest

from goodstanding.net.tls import self_signed, server_context
from goodstanding.sandbox.behaviour import BehaviourSettings, Habits
from goodstanding.sandbox.control import SandboxClient, SandboxError
from goodstanding.sandbox.relations import Relation
from goodstanding.sandbox.settings import Ready, SandboxSettings
from goodstanding.sandbox.society import CopyStatus, RegisterFeedback
from goodstanding.sandbox.world import Sandbox
from tests.scenarios.patience import eventually
from tests.scenarios.relay import free_port
from tests.scenarios.sink import Sink

PREFIX = "127.0.21"
MINUTE = 60.0
BEHAVIOUR = BehaviourSettings(
    awaited=Habits(1, 0, 0, 0, 0, 0, 0),
    subscribed=Habits(0, 0, 0, 0, 0, 1, 0),
    known=Habits(1, 0, 1, 0, 0, 0, 0),
    cold=Habits(0, 0, 0, 0, 1, 0, 0),
    complain_instead=0.0,
    fast_mean=MINUTE,
    slow_mean=MINUTE,
    open_mean=MINUTE,
    reply_mean=MINUTE,
)
"""Everybody does one thing: strangers complain, readers of lists leave, customers answer what they did not ask for."""
DAY_IN = 5.0
"""Seconds on the clock that a day takes."""


@contextmanager
def running(settings: SandboxSettings) -> Iterator[Ready]:
    """A sandbox in a thread of its own."""
    started, found = threading.Event(), list[Ready]()

    async def run() -> None:
        sandbox = Sandbox(settings)
        found.append(await sandbox.start())
        started.set()
        await sandbox.stopping.wait()
        await sandbox.stop()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert started.wait(10)
    yield found[0]
    with SandboxClient(found[0].control_port) as client:
        client.stop()
    thread.join(10)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    """Where reports, answers and bounces go."""
    sink = Sink(free_port())
    yield sink
    sink.close()


@pytest.fixture(scope="module")
def ready(sink: Sink) -> Iterator[Ready]:
    settings = SandboxSettings(
        host_prefix=PREFIX,
        smtp_port=0,
        dns_port=0,
        control_port=0,
        speed=86_400 / DAY_IN,
        mail_port=sink.port,
        behaviour=BEHAVIOUR,
        check_authentication=False,
    )
    with running(settings) as ready:
        yield ready


@pytest.fixture
def client(ready: Ready, sink: Sink) -> Iterator[SandboxClient]:
    sink.mails.clear()
    with SandboxClient(ready.control_port) as client:
        client.add_zone("shop.example", [("@", "MX", "10 in.shop.example."), ("in", "A", "127.0.0.1")])
        client.add_zone("faraway.example", [("@", "MX", "10 in.faraway.example."), ("in", "A", "192.0.2.1")])
        yield client


def send(
    ready: Ready,
    host: int,
    to: str,
    *fields: tuple[str, str],
    sender: str = "dana@shop.example",
    source: str = "127.0.22.1",
) -> str:
    """Hand one message to a provider; the first two words of a refusal, or nothing."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"], mail["Message-ID"] = sender, to, "Hello", f"<{to}>"
    for name, value in fields:
        mail[name] = value
    mail.set_content("Text\n")
    host_name, bound = f"{PREFIX}.{host}", (source, 0)
    with smtplib.SMTP(host_name, ready.smtp_port, "mta.shop.example", 10, source_address=bound) as smtp:
        try:
            smtp.send_message(mail, "b+1-0-x@shop.example", [to])
        except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as refused:
            return str(refused)
    return ""


def deeds(client: SandboxClient, where: str) -> list[str]:
    """What was done about the newest mail of somebody, with its outcome."""
    return [f"{one.act} {one.outcome}".strip() for copy in client.copies(where, 1) for one in copy.deeds]


def wait_for(client: SandboxClient, where: str, deed: str) -> None:
    eventually(lambda: deed in deeds(client, where), lambda: f"{deed} of {where}, only {client.copies(where)}", 20)


@pytest.mark.parametrize(
    ("host", "to", "key", "words"),
    [
        (3, "amy@outlook.example", "ip:127.0.22.1", b"X-HmXmrOriginalRecipient: amy@outlook.example"),
        (5, "ann@yahoo.example", "domain:shop.example", b"Original-Rcpt-To: ann@yahoo.example"),
        (31, "ann@hosted.example", "domain:shop.example", b"User-Agent: SandboxFBL/1.0"),
    ],
)
def test_a_complaint_comes_as_a_report_to_whoever_signed_up(
    ready: Ready, client: SandboxClient, sink: Sink, host: int, to: str, key: str, words: bytes
) -> None:
    provider = to.partition("@")[2].partition(".")[0]
    client.register_feedback(RegisterFeedback(provider, key, "fbl@anywhere.example", "127.0.0.1", sink.port))
    assert send(ready, host, to) == ""
    wait_for(client, to, "complained sent")
    (report,) = sink.mails
    assert report.recipients == (b"fbl@anywhere.example",)
    assert words in report.octets and b"Feedback-Type: abuse" in report.octets


def test_without_registration_cfbl_says_where_reports_go(ready: Ready, client: SandboxClient, sink: Sink) -> None:
    send(ready, 31, "bob@hosted.example", ("CFBL-Address", "cfbl@shop.example; report=arf"))
    wait_for(client, "bob@hosted.example", "complained sent")
    assert sink.mails[-1].recipients == (b"cfbl@shop.example",)


def test_gmail_reports_nothing_and_counts_everything(ready: Ready, client: SandboxClient, sink: Sink) -> None:
    client.register_feedback(RegisterFeedback("*", "domain:quiet.example", "fbl@shop.example"))
    assert send(ready, 1, "cid@gmail.example", sender="a@quiet.example") == ""
    wait_for(client, "cid@gmail.example", "complained")
    (opinion,) = client.reputation("domain:quiet.example")
    assert (opinion.provider, opinion.totals["complained"], opinion.totals["inbox"]) == ("gmail", 1, 1)
    assert not sink.mails


def test_a_reader_who_leaves_presses_the_button_of_the_message(ready: Ready, client: SandboxClient) -> None:
    client.add_relations([Relation("reader@corp-postfix.example", "shop.example", "subscriber")])
    with web_page() as (port, seen):
        way_out = f"<https://localhost:{port}/u/abc?x=1>, <mailto:u@shop.example>"
        fields = (("List-Unsubscribe", way_out), ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
        send(ready, 11, "reader@corp-postfix.example", *fields)
        wait_for(client, "reader@corp-postfix.example", "unsubscribed 200")
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /u/abc?x=1 HTTP/1.1\r\n") and body == b"List-Unsubscribe=One-Click"
    assert f"\r\nHost: localhost:{port}\r\n".encode() in head


def test_an_answer_goes_to_where_the_message_says(ready: Ready, client: SandboxClient, sink: Sink) -> None:
    client.add_relations([Relation("buyer@corp-postfix.example", "shop.example", "customer")])
    send(ready, 11, "buyer@corp-postfix.example", ("List-Id", "<a.shop.example>"), ("Reply-To", "care@shop.example"))
    wait_for(client, "buyer@corp-postfix.example", "replied sent")
    (answer,) = sink.mails
    assert (answer.sender, answer.recipients) == (b"buyer@corp-postfix.example", (b"care@shop.example",))
    assert b"In-Reply-To: <buyer@corp-postfix.example>" in answer.octets


def test_who_takes_everything_bounces_later_to_the_return_path(ready: Ready, client: SandboxClient, sink: Sink) -> None:
    assert send(ready, 32, "unknown@corp-late.example") == ""
    eventually(lambda: len(sink.mails) == 1, lambda: f"a bounce, {client.counts()['corp-late']}", 20)
    (bounce,) = sink.mails
    assert (bounce.sender, bounce.recipients) == (b"", (b"b+1-0-x@shop.example",))
    assert b"Status: 5.1.1" in bounce.octets
    assert client.copies("unknown@corp-late.example") == []


def test_nothing_but_loopback_is_ever_connected_to(ready: Ready, client: SandboxClient) -> None:
    client.add_relations([Relation("eve@corp-postfix.example", "faraway.example", "customer")])
    send(ready, 11, "eve@corp-postfix.example", ("List-Id", "<a.b>"), sender="a@faraway.example")
    refused = "replied sandbox mode connects to this machine only, not to 192.0.2.1"
    wait_for(client, "eve@corp-postfix.example", refused)
    client.add_relations([Relation("eva@corp-postfix.example", "faraway.example", "subscriber")])
    fields = (("List-Unsubscribe", "<https://in.faraway.example/u>"), ("List-Unsubscribe-Post", BUTTON))
    send(ready, 11, "eva@corp-postfix.example", *fields, sender="a@faraway.example")
    wait_for(client, "eva@corp-postfix.example", refused.replace("replied", "unsubscribed"))


BUTTON = "List-Unsubscribe=One-Click"


def test_nonsense_is_refused_in_words(client: SandboxClient) -> None:
    with pytest.raises(SandboxError, match="ip:ADDRESS"):
        client.establish(["shop.example"], 1, 1)
    with pytest.raises(SandboxError, match="no provider 'nobody'"):
        client.register_feedback(RegisterFeedback("nobody", "ip:127.0.0.1", "a@b.example"))


def test_a_campaign_of_strangers_is_refused_in_the_end_and_others_are_not_touched(
    ready: Ready, client: SandboxClient
) -> None:
    client.establish(["domain:good.example", "ip:127.0.22.2"], days=60, per_day=5_000, provider="yahoo")
    numbers = count()

    def pitch() -> str:
        to = f"inbox-{next(numbers)}@aol.example"
        return send(ready, 5, to, sender="x@pitch.example", source="127.0.22.9")

    assert "TSS09" in eventually(pitch, "a refusal", 20)
    assert send(ready, 5, "inbox-9@aol.example", sender="x@good.example", source="127.0.22.2") == ""
    opinions = {one.key: one for one in client.reputation("yahoo")}
    assert opinions["ip:127.0.22.9"].grade == opinions["domain:pitch.example"].grade == "bad"
    assert opinions["domain:good.example"].grade == opinions["ip:127.0.22.2"].grade == "high"
    assert opinions["ip:127.0.22.9"].totals["blocked_ip"] == 1


def test_two_sandboxes_of_one_seed_tell_one_story(tmp_path: Path) -> None:
    def told(seed: str) -> list[tuple[str, str, list[str]]]:
        settings = SandboxSettings(seed, "127.0.23", 0, 0, 0, speed=8_640_000, check_authentication=False)
        with running(settings) as ready, SandboxClient(ready.control_port) as client:
            with smtplib.SMTP("127.0.23.31", ready.smtp_port, "mta.shop.example") as smtp:
                for number in range(60):
                    mail = f"From: a@b.example\r\nMessage-ID: <{number}@b.example>\r\n\r\nx\r\n"
                    smtp.sendmail("a@b.example", [f"inbox-{number}@hosted.example"], mail)
            eventually(lambda: not client.status().planned, lambda: f"quiet, {client.status().planned}", 20)
            return [story(copy) for copy in client.copies(limit=100)]

    first, second, third = told("a"), told("a"), told("b")
    assert len(first) == 60
    assert first == second != third


def story(copy: CopyStatus) -> tuple[str, str, list[str]]:
    return copy.recipient, copy.placement, [one.act for one in copy.deeds]


@contextmanager
def web_page() -> Iterator[tuple[int, list[bytes]]]:
    """An HTTPS server that says 200 to everything, and what it was sent."""
    seen: list[bytes] = []
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        octets = await reader.readuntil(b"\r\n\r\n")
        length = int(octets.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        seen.append(octets + await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def listen(context: ssl.SSLContext) -> asyncio.Server:
        return await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)

    server = asyncio.run_coroutine_threadsafe(listen(_context()), loop).result(10)
    yield server.sockets[0].getsockname()[1], seen
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def _context() -> ssl.SSLContext:
    import tempfile
    import time

    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder, "crt"), Path(folder, "key")
        for file, octets in zip(files, self_signed(["localhost"], time.time()), strict=True):
            file.write_bytes(octets)
        return server_context(*files)
