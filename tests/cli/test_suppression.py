"""``goodstanding suppression``: what operators type, and what they read."""

import io
import sys
from pathlib import Path

from goodstanding.model import MessageId, Stream, SubscriptionName, TenantName
from goodstanding.operate import suppression
from goodstanding.operate.opening import open_estate
from goodstanding.settings import Settings
from goodstanding.store import estate
from goodstanding.wire.list_unsubscribe import Token, seal_token
from tests.cli.conftest import Command

ANNA = "anna@example.com"


def shop(data_dir: Path) -> str:
    """A subscription, and a token of a message of it to Anna."""
    database, master = open_estate(Settings(data_dir=str(data_dir)))
    with database.tx() as tx:
        estate.add_subscription(tx, "shop/news", Stream.BULK, 0.0)
    database.close()
    token = Token(TenantName("shop"), Stream.BULK, SubscriptionName("shop/news"), ANNA, MessageId(1), 0, 0)
    return seal_token(suppression.token_key(master), token)


def test_on_the_list_and_off_it(goodstanding: Command, data_dir: Path) -> None:
    shop(data_dir)
    assert "Nobody" in goodstanding("suppression", "list").out
    said = goodstanding("suppression", "add", ANNA, "--tenant", "shop", "--because", "rang us", "--days", "30")
    assert said.code == 0, said.err
    assert ANNA in goodstanding("suppression", "list", "--recipient", "ANNA@example.com").out
    (row,) = goodstanding("suppression", "list", "--json").lines
    assert (row["scope"], row["cause"], row["evidence"]) == ("tenant", "operator", "rang us")
    assert goodstanding("suppression", "lift", ANNA, "--tenant", "shop", "--because", "a mistake").code == 0
    assert goodstanding("suppression", "list", "--json").lines == []


def test_whose_mail_it_is_about_must_be_said(goodstanding: Command, data_dir: Path) -> None:
    shop(data_dir)
    said = goodstanding("suppression", "add", ANNA)
    assert (said.code, "--tenant NAME, or --platform" in said.err) == (1, True)


def test_an_operator_unsubscribes_somebody_and_proves_it(goodstanding: Command, data_dir: Path) -> None:
    shop(data_dir)
    words = ("--tenant", "shop", "--stream", "bulk", "--cause", "unsubscribed")
    assert "no tenant shopp" in goodstanding("suppression", "add", ANNA, *words, "--tenant", "shopp").err
    assert "no bulk and outreach mail" in goodstanding("suppression", "add", ANNA, *words).out
    said = goodstanding("suppression", "proof", ANNA)
    assert said.code == 0
    assert "honoured, within 48 hours" in said.out
    assert goodstanding("suppression", "proof", ANNA, "--json").json[0]["honoured"] is True


def test_a_request_by_mail_is_taken(goodstanding: Command, data_dir: Path, tmp_path: Path) -> None:
    mail = tmp_path / "mail.eml"
    mail.write_text(f"From: {ANNA}\nSubject: unsubscribe {shop(data_dir)}\n\n")
    assert goodstanding("suppression", "from-mail", str(mail)).code == 0
    assert len(goodstanding("suppression", "list", "--json").lines) == 2


def test_a_mail_server_is_told_what_to_do_with_the_mail(goodstanding: Command, data_dir: Path, tmp_path: Path) -> None:
    shop(data_dir)
    unclear, automatic = tmp_path / "unclear.eml", tmp_path / "automatic.eml"
    unclear.write_text("Subject: stop\n\n")
    automatic.write_text("Subject: stop\nAuto-Submitted: auto-replied\n\n")
    assert goodstanding("suppression", "from-mail", str(unclear)).code == 65
    assert goodstanding("suppression", "from-mail", str(automatic)).code == 0
    (data_dir / "goodstanding.db").unlink()
    (data_dir / "goodstanding.db").mkdir()
    assert goodstanding("suppression", "from-mail", str(unclear)).code == 75


def test_a_pipe_is_read(goodstanding: Command, data_dir: Path) -> None:
    octets = f"From: {ANNA}\nSubject: unsubscribe {shop(data_dir)}\n\n".encode()
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(octets))
    try:
        assert goodstanding("suppression", "from-mail", "-").code == 0
    finally:
        sys.stdin = before


def test_a_list_comes_in_and_goes_out(goodstanding: Command, data_dir: Path, tmp_path: Path) -> None:
    shop(data_dir)
    file = tmp_path / "list.csv"
    file.write_text("email\nanna@example.com\nnonsense\n")
    said = goodstanding("suppression", "import", str(file), "--tenant", "shop")
    assert (said.code, "line 3:" in said.out) == (1, True)
    assert '"line":3' in (tmp_path / "list.csv.rejects.jsonl").read_text()
    out = tmp_path / "again.csv"
    out.write_text(goodstanding("suppression", "export").out)
    said = goodstanding("suppression", "import", str(out), "--tenant", "shop", "--json")
    assert (said.code, said.json["taken"]) == (0, 1)


def test_a_file_that_is_not_there_is_said(goodstanding: Command, data_dir: Path) -> None:
    shop(data_dir)
    said = goodstanding("suppression", "import", "nowhere.csv", "--tenant", "shop")
    assert (said.code, "cannot be read" in said.err) == (1, True)
