"""Attacks on admission over real connections: a tenant with valid credentials, a thief of one, and their neighbours."""

import os
import random
import smtplib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dkim
import psycopg
import pytest

from goodstanding.events import Refused
from goodstanding.operate import domains
from tests.private_postgres import PrivatePostgres
from tests.scenarios.conftest import MakeRelay
from tests.scenarios.estate import CODES, NEWS, Estate, mail, return_path
from tests.scenarios.patience import eventually
from tests.scenarios.relay import Relay
from tests.scenarios.sink import Sink

TRIGGER = {"X-Goodstanding-Trigger": "what=login; from=203.0.113.9"}
ONE_CLICK = {
    "List-Unsubscribe": "<https://acme-letters.example/leave/1>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
}
FOOT = "\r\n\r\nAcme Ltd, 1 Main Street, 20121 Milano, Italy\r\nUnsubscribe: https://acme-letters.example/leave\r\n"


@pytest.fixture
def relay(make_relay: MakeRelay) -> Relay:
    return make_relay(admission="enforce")


@pytest.fixture
def estate(relay: Relay) -> Estate:
    found = Estate(relay)
    relay.start()
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, make_relay: MakeRelay, tmp_path: Path) -> Iterator[Callable[..., Relay]]:
    """Makes a relay on each engine."""
    if request.param == "sqlite":
        yield lambda *overrides: make_relay(*overrides, admission="enforce")
        return
    server: PrivatePostgres = request.getfixturevalue("postgres_server")
    name = f"attacked_{os.getpid()}_{time.time_ns()}"
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    relays: list[Relay] = []

    def make(*overrides: str) -> Relay:
        relays.append(make_relay(f"store.url={server.url(name)}", *overrides, admission="enforce"))
        return relays[0]

    yield make
    for relay in relays:
        relay.end()
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def begin(client: smtplib.SMTP, name: str, *to: str) -> None:
    """A transaction up to its data."""
    assert client.mail(return_path(name))[0] == 250
    for one in to:
        assert client.rcpt(one)[0] == 250


def letter(name: str, to: str, token: str, text: str = "Your code is 4711.", **fields: str) -> bytes:
    return mail(name, to, f"{token} code", text, TRIGGER | fields)


def written(relay: Relay, table: str) -> int:
    with relay.database.read() as tx:
        row = tx.row(f"SELECT COUNT(*) FROM {table}")
    return int(row[0]) if row else 0


# --- who is it -------------------------------------------------------------------------------------------------------

AUTHORS = [
    "hello@acme.example; ceo@bank.example",
    '"Acme" <hello@acme.example> <ceo@bank.example>',
    "hello@acme.example, (unclosed ceo@bank.example",
    "hello@acme.example," + "\r\n " * 1500 + "ceo@bank.example",
    "hello@acme.example ceo@bank.example",
    "hello@acme.example, " + "(" * 800 + "ceo@bank.example",
    "=?utf-8?q?ceo=40bank.example,?= hello@acme.example",
]


@pytest.mark.parametrize("author", AUTHORS, ids=range(len(AUTHORS)))
def test_a_second_author_cannot_be_hidden_in_from(estate: Estate, author: str) -> None:
    with estate.session(CODES) as client:
        begin(client, CODES, "ann@example.net")
        code, text = client.data(letter(CODES, "ann@example.net", "f1", From=author))
    assert code == 550, text
    assert b"[several-from]" in text or b"[malformed-header]" in text or b"[no-from]" in text


def test_a_revoked_credential_ends_with_the_session_that_used_it(estate: Estate, sink: Sink) -> None:
    with estate.session(CODES) as client:
        begin(client, CODES, "ann@example.net")
        client.data(letter(CODES, "ann@example.net", "r1"))
        estate.relay.command("credential", "revoke", estate.credentials[CODES].username)
        time.sleep(2.5)
        client.mail(return_path(CODES))
        code, _ = client.rcpt("ann@example.net")
        if code == 250:
            code, _ = client.data(letter(CODES, "ann@example.net", "r2"))
    assert code >= 400
    assert "r2" not in sink.tokens()


# --- suppression -----------------------------------------------------------------------------------------------------


def test_who_leaves_between_rcpt_and_data_gets_nothing(estate: Estate, sink: Sink) -> None:
    with estate.session(CODES) as client:
        begin(client, CODES, "ann@example.net")
        estate.suppress("ann@example.net")
        time.sleep(1.2)
        code, text = client.data(letter(CODES, "ann@example.net", "s1"))
    assert (code, b"[suppressed]" in text) == (550, True), text
    assert sink.mails == []


SPELLINGS = [
    ("ann.lee@gmail.com", '"annlee."@gmail.com'),
    ("ann.lee@gmail.com", "A.N.N.Lee+offer@GoogleMail.com"),
    ("a..nn@phone.example", '"a..nn"@phone.example'),
    ("josé@example.net", "jose\u0301@example.net"),
    ("ann@bücher.example", "ann@xn--bcher-kva.example"),
    ("ann@xn--bcher-kva.example", "ann@BÜCHER.example"),
    ("ann@example.net", '"ann"@EXAMPLE.net'),
    ("ann@example.net", "@other.example:Ann@example.net"),
]


@pytest.mark.parametrize(("left", "written_to"), SPELLINGS, ids=range(len(SPELLINGS)))
def test_a_suppression_is_not_dodged_by_spelling(estate: Estate, left: str, written_to: str) -> None:
    estate.suppress(left)
    with estate.session(CODES) as client:
        client.docmd(f"MAIL FROM:<{return_path(CODES)}> SMTPUTF8")
        client.send(f"RCPT TO:<{written_to}>\r\n".encode())
        code, text = client.getreply()
    assert (code, b"[suppressed]" in text) == (550, True), text


# --- the books ------------------------------------------------------------------------------------------------------


def unique(n: int) -> str:
    """A letter like no other."""
    letters = random.Random(n)
    return " ".join("".join(letters.choices("abcdefghijklmnoprstuvz", k=7)) for _ in range(80))


def test_who_sends_too_fast_does_not_fill_the_books(relay: Relay) -> None:
    estate = Estate(relay)
    estate.agree(CODES, minute_limit=3)
    relay.start()
    with estate.session(CODES) as client:
        codes = []
        for n in range(60):
            begin(client, CODES, "ann@example.net")
            codes.append(client.data(letter(CODES, "ann@example.net", f"b{n}", unique(n)))[0])
    assert codes.count(450) == 57
    assert written(relay, "campaign") <= 5


def test_who_is_refused_does_not_fill_the_books(estate: Estate) -> None:
    with estate.session(CODES) as client:
        codes = []
        for n in range(150):
            to = f"info@company{n:03}.example"
            begin(client, CODES, to)
            codes.append(client.data(mail(CODES, to, f"q{n} quick question", unique(n)))[0])
    assert codes.count(550) > 50
    assert written(estate.relay, "campaign") <= codes.count(250) + 1


def test_a_refused_message_to_many_costs_the_journal_no_more_than_its_recipients(estate: Estate) -> None:
    people = [f"u{n}@example.net" for n in range(50)]
    with estate.session(NEWS) as client:
        begin(client, NEWS, *people)
        code, _ = client.data(mail(NEWS, "all@example.net", "j1 news", "News." + FOOT, ONE_CLICK))
    assert code == 550
    found = [event for event in estate.relay.events() if isinstance(event, Refused)]
    assert len(found) == 50
    assert sum(len(event.findings) for event in found) < 50 * 2_000


def test_two_workers_do_not_spend_one_budget_twice(either: Callable[..., Relay], sink: Sink) -> None:
    relay = either("admission.first_day=5")
    estate = Estate(relay)
    relay.start()

    def write(n: int) -> bool:
        to = f"guest{n}@example.net"
        with estate.session(CODES) as client:
            begin(client, CODES, to)
            code, text = client.data(mail(CODES, to, f"b{n} welcome", f"Welcome aboard, your room is number {n}."))
        assert code == 250, text
        return b"held" not in text

    with ThreadPoolExecutor(16) as many:
        went = sum(many.map(write, range(48)))
    assert 0 < went <= 5


def test_what_steers_a_terminal_or_breaks_a_store_is_harmless(either: Callable[..., Relay], sink: Sink) -> None:
    relay = either()
    estate = Estate(relay)
    relay.start()
    subjects = [
        "=?utf-8?q?z=00=1B[31m=0D=0A250_OK?= [/bold] [red]x",
        "=?utf-7?q?+2AA-?= lone",
        "\\[/x] [link=http://x.example]y[/link]",
    ]
    with estate.session(CODES) as client:
        for n, subject in enumerate(subjects):
            to = f'"[/x]{n}"@example.net'
            begin(client, CODES, to)
            code, text = client.data(
                mail(
                    CODES,
                    "x@example.net",
                    "t",
                    "Hello +2AA- you",
                    {
                        "Subject": subject,
                        "X-Goodstanding-Campaign": subject,
                        "Reply-To": f"{subject} <[/b]@x.example>",
                        "Content-Type": "text/plain; charset=utf-7",
                        "X-Goodstanding-Trigger": f"what=[/x]{subject}",
                    },
                )
            )
            assert code in (250, 550), text
            if relay.database.engine == "postgresql":
                continue  # the operator's commands of a scenario read the file alone
            for words in (("why", to), ("quarantine", "list"), ("quarantine", "list", "--json")):
                said = relay.command(*words)
                assert "\x1b" not in said
                assert "\0" not in said


OURS = [b"x-goodstanding-token"]
"""The field we put in ourselves, to know a message by when it comes back; nobody else's goes on."""


def speaking_to_us(header: bytes) -> list[bytes]:
    """Names of fields that are for us alone."""
    names = (line.lower().partition(b":")[0].rstrip() for line in header.split(b"\r\n"))
    return [name for name in names if name.startswith(b"x-goodstanding-")]


def test_control_fields_of_a_large_message_go_no_further(either: Callable[..., Relay], sink: Sink) -> None:
    relay = either()
    estate = Estate(relay)
    relay.start()
    big = "line of text that fills\r\n" * 40_000
    with estate.session(CODES) as client:
        begin(client, CODES, "ann@example.net")
        code, text = client.data(letter(CODES, "ann@example.net", "l1", big))
    assert code == 250, text
    eventually(lambda: len(sink.mails) == 1, "it arrives")
    assert speaking_to_us(sink.mails[0].header()) == OURS
    assert sink.mails[0].octets.partition(b"\r\n\r\n")[2].startswith(big.encode())
    known = {record.name: record.value for record in domains.records(relay.database, relay.master, "acme.example")}
    verifier = dkim.DKIM(sink.mails[0].octets, minkey=1024)
    assert verifier.verify(dnsfunc=lambda name, timeout=5: known[name.decode().rstrip(".")].encode())


ODD = [
    b"x-GOODSTANDING-trigger : what=login",
    b"X-Goodstanding-Trigger\t:\r\n what=login",
    b"X-Goodstanding-Unheard-Of: yes",
]


@pytest.mark.parametrize("field", ODD, ids=range(len(ODD)))
def test_control_fields_go_no_further_however_they_are_written(estate: Estate, sink: Sink, field: bytes) -> None:
    octets = letter(CODES, "ann@example.net", "o1").replace(b"Subject:", field + b"\r\nSubject:")
    with estate.session(CODES) as client:
        begin(client, CODES, "ann@example.net")
        code, text = client.data(octets)
    assert code == 250, text
    eventually(lambda: len(sink.mails) == 1, "it arrives")
    assert speaking_to_us(sink.mails[0].header()) == OURS
