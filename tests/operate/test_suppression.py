"""The suppression list as operators and recipients change it: one transaction each, journalled, twice is once."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from goodstanding.admission.suppression import Suppression, strongest
from goodstanding.admission.trust import person
from goodstanding.errors import GoodstandingError
from goodstanding.events import Accepted, Delivered, Event, Suppressed, Unsubscribed, Unsuppressed
from goodstanding.feedback.unsubscribes import NotAsked
from goodstanding.model import MessageId, Stream, SubscriptionName, TenantName, Touched
from goodstanding.operate import suppression, suppression_files, suppression_proof
from goodstanding.operate.suppression import Entry, Left, Request, Wanted
from goodstanding.sealed import derive
from goodstanding.store import estate, journal
from goodstanding.store import suppression as rows_of
from goodstanding.store import trust as ledger
from goodstanding.store.db import Database, Tx
from goodstanding.store.schema import migrate
from goodstanding.wire.list_unsubscribe import Token, seal_token

MASTER = bytes(32)
KEY = derive(MASTER, "person")
ANNA = "anna@example.com"
NEWS = MessageId(1 << 60)
ASKED = 1_795_000_000.0
TOKEN = Token(TenantName("shop"), Stream.BULK, SubscriptionName("shop/news"), ANNA, NEWS, 0, 1_794_000_000)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    migrate(database)
    with database.tx() as tx:
        estate.add_subscription(tx, "shop/news", Stream.BULK, 0.0)
        estate.add_subscription(tx, "other/news", Stream.BULK, 0.0)
    yield database
    database.close()


def request(way: str = "one-click", asked: float = ASKED) -> Request:
    return suppression.of_token(TOKEN, way, asked, "192.0.2.7")


def events(database: Database) -> list[Event]:
    with database.read() as tx:
        return [event for event in journal.after(tx, 0)[0] if not type(event).__name__.startswith("Estate")]


def stops(database: Database, stream: Stream, address: str = ANNA, tenant: str = "shop") -> str:
    """The cause that stops mail; empty: none."""
    asked = (tenant, person(KEY, tenant, address), person(KEY, "", address))
    with database.read() as tx:
        found = strongest(rows_of.among(tx, [asked])[0], stream, time.time())
    return found.cause if found else ""


def test_unsubscribing_is_one_act_of_list_journal_and_ledger(database: Database) -> None:
    left = suppression.unsubscribe(database, MASTER, request())
    assert (left.streams, left.again) == ((Stream.BULK, Stream.OUTREACH), False)
    assert [stops(database, stream) for stream in Stream] == ["", "unsubscribed", "unsubscribed"]
    first, *told = events(database)
    assert first == Unsubscribed("shop", NEWS, 0, ASKED, ANNA, "bulk", "one-click", "192.0.2.7")
    assert {event.scope for event in told if isinstance(event, Suppressed)} == {"stream bulk", "stream outreach"}
    with database.read() as tx:
        entries = ledger.of(tx, "shop", person(KEY, "shop", ANNA))
    assert {(entry.kind, entry.what, entry.stream) for entry in entries} == {
        ("withdrawal", "unsubscribed", "bulk"),
        ("withdrawal", "unsubscribed", "outreach"),
    }


def test_the_second_click_changes_nothing(database: Database) -> None:
    first = suppression.unsubscribe(database, MASTER, request())
    told = events(database)
    again = suppression.unsubscribe(database, MASTER, request())
    assert (again.again, again.at) == (True, first.at)
    assert events(database) == told


def test_other_tenants_may_still_write(database: Database) -> None:
    suppression.unsubscribe(database, MASTER, request())
    assert stops(database, Stream.BULK, tenant="other") == ""


def test_another_spelling_of_the_address_dodges_nothing(database: Database) -> None:
    suppression.unsubscribe(database, MASTER, request())
    assert stops(database, Stream.BULK, "Anna@EXAMPLE.com") == "unsubscribed"


def test_what_fails_leaves_no_trace(database: Database) -> None:
    with pytest.raises(RuntimeError), database.tx() as tx:
        suppression.leave(tx, person(KEY, "shop", ANNA), request(), ASKED)
        raise RuntimeError("power cut")
    assert stops(database, Stream.BULK) == ""
    assert events(database) == []


def test_somebody_erased_unsubscribes_without_being_written_down_again(database: Database) -> None:
    who = person(KEY, "shop", ANNA)
    with database.tx() as tx:
        rows_of.put(tx, [Suppression("shop", who, "", "erased", "request", 1.0)])
    suppression.unsubscribe(database, MASTER, request())
    with database.read() as tx:
        assert {row.address + row.evidence for row in rows_of.of(tx, "shop", who)} == {""}
    assert ANNA not in str(events(database))


def test_a_mail_with_a_token_unsubscribes(database: Database) -> None:
    token = seal_token(suppression.token_key(MASTER), TOKEN)
    mail = f"From: Anna <{ANNA}>\r\nSubject: unsubscribe {token}\r\n\r\n".encode()
    left = suppression.by_mail(database, MASTER, mail)
    assert isinstance(left, Left)
    assert [event.way for event in events(database) if isinstance(event, Unsubscribed)] == ["mailto"]


def test_a_mail_with_a_forged_token_changes_nothing(database: Database) -> None:
    token = seal_token(bytes(32), TOKEN)
    found = suppression.by_mail(database, MASTER, f"Subject: unsubscribe {token}\r\n\r\n".encode())
    assert isinstance(found, NotAsked)
    assert events(database) == []


def test_an_operator_puts_on_and_lifts(database: Database) -> None:
    suppression.add(database, MASTER, [Entry(ANNA, "shop", cause="complained", evidence="rang us")], "operator eve")
    assert stops(database, Stream.TRANSACTIONAL) == "complained"
    suppression.take_off(database, MASTER, Entry(ANNA, "shop", "*", evidence="signed up again"), "operator eve")
    assert stops(database, Stream.TRANSACTIONAL) == ""
    lifted = events(database)[-1]
    assert isinstance(lifted, Unsuppressed)
    assert (lifted.scope, lifted.by, lifted.because) == ("tenant", "operator eve", "signed up again")


def test_the_platform_covers_every_tenant(database: Database) -> None:
    suppression.add(database, MASTER, [Entry(ANNA, "")], "operator eve")
    assert stops(database, Stream.BULK, tenant="other") == "operator"


@pytest.mark.parametrize(
    ("entry", "remedy"),
    [
        (Entry("anna", "shop"), "write it as user@example.com"),
        (Entry(ANNA, "nobody"), "tenant list"),
        (Entry(ANNA, "shop", "letters"), "choose among transactional"),
        (Entry(ANNA, "shop", cause="whim"), "choose among"),
    ],
)
def test_what_cannot_be_is_refused_with_its_remedy(database: Database, entry: Entry, remedy: str) -> None:
    with pytest.raises(GoodstandingError, match=remedy):
        suppression.add(database, MASTER, [entry], "operator eve")


def test_nothing_to_lift_is_said(database: Database) -> None:
    with pytest.raises(GoodstandingError, match="shows where"):
        suppression.take_off(database, MASTER, Entry(ANNA, "shop", "*"), "operator eve")


def test_the_list_finds_somebody_in_every_tenant(database: Database) -> None:
    for tenant in ("shop", "other", ""):
        suppression.add(database, MASTER, [Entry(ANNA, tenant), Entry("bob@example.com", tenant)], "operator eve")
    found = suppression.rows(database, MASTER, Wanted(recipient="ANNA@example.com"))
    assert [(row.tenant, row.address) for row in found] == [("", ANNA), ("other", ANNA), ("shop", ANNA)]


# Files.


def bring_in(database: Database, path: Path, tenant: str = "shop") -> suppression_files.Imported:
    usual = Entry("", tenant, cause="imported", source="old platform")
    who = suppression_files.Bringer("operator eve")
    return suppression_files.bring_in(database, MASTER, path, usual, who, lambda line: None)


def test_every_bad_line_is_reported_and_the_good_ones_are_taken(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(
        "Email,stream,cause,at\nanna@example.com,bulk,,2026-01-02\nnonsense,,,\n\nbob@example.com,,whim,\n"
        "carl@example.com,,bounced,yesterday\ndora@example.com,letters,,\n,,,x\neve@example.com,,,\n"
    )
    done = bring_in(database, path)
    assert done.taken == 2
    assert [reject.line for reject in done.rejects] == [3, 5, 6, 7, 8]
    assert "write it as user@example.com" in done.rejects[0].because
    assert stops(database, Stream.BULK) == "imported"


def test_json_lines_and_bare_addresses_are_read_too(database: Database, tmp_path: Path) -> None:
    lines, bare = tmp_path / "list.jsonl", tmp_path / "list.txt"
    lines.write_text('{"email": "anna@example.com", "cause": "unsubscribed"}\n[]\n{"email": 7}\n{broken\n')
    bare.write_text("\ufeffbob@example.com\ncarl@example.com\n")
    assert [reject.line for reject in bring_in(database, lines).rejects] == [2, 3, 4]
    assert bring_in(database, bare).taken == 2


def test_an_import_twice_is_an_import_once(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("address\n" + "".join(f"p{n}@example.com\n" for n in range(1200)))
    assert bring_in(database, path).taken == 1200
    told = len(events(database))
    assert bring_in(database, path).taken == 1200
    assert len(events(database)) == told


@pytest.mark.parametrize("as_json", [True, False])
def test_what_is_exported_can_be_imported(database: Database, tmp_path: Path, as_json: bool) -> None:
    path = tmp_path / ("list.jsonl" if as_json else "list.csv")
    path.write_text('address,cause,stream,source,evidence,expires\nanna@example.com,bounced,,mx,"a, ""b""",\n')
    path.write_text('{"address":"anna@example.com","cause":"operator","source":"mx","evidence":"a, \\"b\\"\\nc"}\n')
    bring_in(database, path if as_json else path.rename(tmp_path / "x.jsonl"))
    before = list(suppression.rows(database, MASTER, Wanted()))
    out = tmp_path / f"out.{'jsonl' if as_json else 'csv'}"
    out.write_text("".join(suppression_files.written(iter(before), as_json)))
    with database.tx() as tx:
        rows_of.remove(tx, before)
    assert bring_in(database, out).rejects == []
    (after,) = suppression.rows(database, MASTER, Wanted())
    assert (after.address, after.cause, after.source, after.evidence) == (ANNA, "operator", "mx", 'a, "b"\nc')
    assert abs(after.at - before[0].at) < 1e-3


# The proof.


def sent(tx: Tx, n: int, at: float, stream: str = "bulk", delivered: float = 0.0) -> None:
    message = MessageId(n)
    told: list[Event] = [Accepted("shop", message, 0, at, ANNA, "shop/news", stream, "", 9)]
    if delivered:
        told.append(Delivered("shop", message, 0, delivered, ANNA, "mx", "250 ok"))
    journal.append(tx, told)


def test_the_proof_shows_that_nothing_was_sent_afterwards(database: Database) -> None:
    with database.tx() as tx:
        sent(tx, NEWS, ASKED - 100, delivered=ASKED - 90)
    suppression.unsubscribe(database, MASTER, request(asked=time.time()))
    with database.tx() as tx:
        sent(tx, 78, time.time() + 5, "transactional", time.time() + 6)
    (proof,) = suppression_proof.proofs(database, MASTER, "Anna@example.com")
    assert proof.honoured
    assert 0 <= proof.effective - proof.asked < 5
    assert proof.way == "one-click"


def test_the_proof_does_not_hide_what_was_sent_afterwards(database: Database) -> None:
    suppression.unsubscribe(database, MASTER, request(asked=time.time()))
    with database.tx() as tx:
        sent(tx, 77, time.time() - 50, delivered=time.time() + 50)
    (proof,) = suppression_proof.proofs(database, MASTER, ANNA)
    assert not proof.honoured
    assert [(one.what, one.stream) for one in proof.after] == [("delivered", "bulk")]


def test_the_proof_outlives_the_journal(database: Database) -> None:
    suppression.unsubscribe(database, MASTER, request())
    with database.tx() as tx:
        journal.prune(tx, time.time() + 1)
    (proof,) = suppression_proof.proofs(database, MASTER, ANNA)
    assert (proof.asked, proof.way, proof.remote, proof.honoured) == (ASKED, "one-click", "192.0.2.7", True)


def test_a_lift_ends_what_the_proof_covers(database: Database) -> None:
    suppression.unsubscribe(database, MASTER, request(asked=time.time()))
    suppression.take_off(database, MASTER, Entry(ANNA, "shop", "*", evidence="signed up"), "operator eve")
    with database.tx() as tx:
        sent(tx, 77, time.time() + 50)
    (proof,) = suppression_proof.proofs(database, MASTER, ANNA)
    assert proof.honoured
    assert proof.lifted >= proof.effective
    with database.tx() as tx:
        journal.prune(tx, time.time() + 100)
    kept = suppression_proof.proofs(database, MASTER, ANNA)  # only the ledger knows now
    assert {(one.stream, one.way, one.honoured) for one in kept} == {
        (s, "one-click", True) for s in ("bulk", "outreach")
    }


def test_who_never_asked_has_no_proof(database: Database) -> None:
    suppression.add(database, MASTER, [Entry(ANNA, "shop")], "operator eve")
    assert suppression_proof.proofs(database, MASTER, ANNA) == []


def test_the_evidence_of_a_row_is_json(database: Database) -> None:
    suppression.unsubscribe(database, MASTER, request())
    row = next(suppression.rows(database, MASTER, Wanted()))
    assert json.loads(row.evidence)["asked"] == ASKED


def test_who_leaves_before_the_delivery_is_known_counts_for_what_the_message_touches(database: Database) -> None:
    touched = Touched("shop/news", "bulk", "shop.example", 7)
    accepted = Accepted("shop", NEWS, 0, 1.0, ANNA, "shop/news", "bulk", "news@shop.example", 10, touched=touched)
    with database.tx() as tx:
        journal.append(tx, [accepted])
    suppression.unsubscribe(database, MASTER, request())
    [left] = [event for event in events(database) if isinstance(event, Unsubscribed)]
    assert (left.touched, left.delivered) == (touched, 0.0)
