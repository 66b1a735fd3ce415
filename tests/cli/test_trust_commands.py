"""``goodstanding trust`` as an operator uses it."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command

HEADING = "email,basis,stream,obtained,source\n"
GOOD = "anna@example.com,opt-in,bulk,2026-03-01,shop.example/join\n"


@pytest.fixture
def shop(goodstanding: Command) -> Command:
    """An installation with one tenant."""
    assert goodstanding("tenant", "add", "shop", "--country", "DE").code == 0
    return goodstanding


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    return tmp_path / "list.csv"


def test_a_good_list_is_imported_and_twice_is_once(shop: Command, listed: Path) -> None:
    listed.write_text(HEADING + GOOD + GOOD.replace("anna", "ben"))
    first = shop("trust", "import", str(listed), "--tenant", "shop", "--json")
    again = shop("trust", "import", str(listed), "--tenant", "shop", "--json")
    assert (first.code, first.json["added"], again.json["added"], again.json["known"]) == (0, 2, 0, 2)
    assert not listed.with_suffix(".rejects.csv").exists()


def test_bad_lines_are_put_aside_with_number_and_reason_and_can_be_mended(shop: Command, listed: Path) -> None:
    bad = [
        "nobody,opt-in,bulk,2026-03-01,x\n",
        'c@d.example,"opt-in,bulk,2026-03-01,x\n',
        "c@d.example,opt-in,bulk,,x\n",
    ]
    listed.write_bytes((HEADING + GOOD + "".join(bad)).encode() + b"m\xfcller@d.example,opt-in,bulk,2026-03-01,x\n")
    said = shop("trust", "import", str(listed), "--tenant", "shop")
    assert said.code == 1
    assert "1 recorded, 0 known already, 4 not usable" in said.out
    rejects = listed.with_suffix(".rejects.csv")
    rows = rejects.read_text(errors="surrogateescape").splitlines()
    assert [row.partition(",")[0] for row in rows] == ["line", "3", "4", "5", "6"]
    assert "has no domain" in rows[1]
    assert "at is missing" in rows[3]
    rejects.write_text(rejects.read_text(errors="replace").replace("nobody", "nobody@d.example"))
    mended = shop("trust", "import", str(rejects), "--tenant", "shop", "--json")
    assert (mended.json["added"], mended.json["rejected"]) == (1, 3)


def test_a_plain_list_of_addresses_takes_the_rest_from_the_command(shop: Command, listed: Path) -> None:
    listed.write_text("\ufeffE-Mail;Shoe size\n".replace("E-Mail", "email") + "anna@example.com;39\n")
    words = ("what=opt-in", "stream=bulk", "at=2026-03-01", "source=fair in Milan")
    given = [text for pair in words for text in ("--default", pair)]
    said = shop("trust", "import", str(listed), "--tenant", "shop", *given, "--json")
    assert (said.json["added"], said.json["ignored"]) == (1, ["shoe_size"])


def test_json_lines_are_read_and_bad_ones_put_aside(shop: Command, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    good = {
        "tenant": "shop",
        "recipient": "anna@example.com",
        "kind": "interaction",
        "what": "login",
        "at": 1_790_000_000,
    }
    path.write_text(json.dumps(good) + "\n[1]\n\n" + json.dumps({**good, "tenant": "nobody"}) + "\n")
    said = shop("trust", "import", str(path), "--json")
    assert (said.json["added"], said.json["rejected"]) == (1, 2)
    lines = [json.loads(line) for line in path.with_suffix(".rejects.jsonl").read_text().splitlines()]
    assert [line["line"] for line in lines] == [2, 4]
    assert lines[1]["tenant"] == "nobody"


def test_an_import_can_go_on_where_it_stopped(shop: Command, listed: Path) -> None:
    listed.write_text(HEADING + "".join(GOOD.replace("anna", f"anna{n}") for n in range(5)))
    said = shop("trust", "import", str(listed), "--tenant", "shop", "--from-line", "5", "--json")
    assert said.json["added"] == 2


@pytest.mark.parametrize(
    ("text", "arguments", "problem"),
    [
        ("address_of_mail\nx\n", ["--tenant", "shop"], "has no column recipient"),
        (HEADING, ["--tenant", "nobody"], "there is no tenant nobody"),
        (HEADING, ["--tenant", "shop", "--default", "colour=red"], "there is no column colour"),
    ],
)
def test_a_file_that_cannot_be_imported_says_why(
    shop: Command, listed: Path, text: str, arguments: list[str], problem: str
) -> None:
    listed.write_text(text)
    said = shop("trust", "import", str(listed), *arguments)
    assert said.code == 1
    assert problem in said.err


def test_what_is_exported_can_be_imported_and_is_the_same(shop: Command, listed: Path, tmp_path: Path) -> None:
    listed.write_text(HEADING + GOOD + GOOD.replace("shop.example/join", '"said ""yes"", twice"'))
    shop("trust", "import", str(listed), "--tenant", "shop")
    shop("trust", "withdraw", "anna@example.com", "--tenant", "shop", "--stream", "bulk")
    for name in ("out.csv", "out.jsonl"):
        format = "jsonl" if name.endswith("l") else "csv"
        shop("trust", "export", "--format", format, "-o", str(tmp_path / name))
        again = shop("trust", "import", str(tmp_path / name), "--json")
        assert (again.json["added"], again.json["known"], again.json["rejected"]) == (0, 3, 0)


def test_show_explains_every_stream(shop: Command) -> None:
    assert "Nobody knows anna@example.com" in shop("trust", "show", "anna@example.com").out
    words = ("--tenant", "shop", "--stream", "bulk", "--source", "shop.example/join", "--at", "2026-03-01")
    said = shop("trust", "record", "anna@example.com", "double-opt-in", *words)
    assert "Recorded." in said.out
    (account,) = shop("trust", "show", "ANNA@example.com", "--json").json
    assert [(stream["stream"], stream["allowed"]) for stream in account["streams"]] == [
        ("transactional", True),
        ("bulk", True),
        ("outreach", False),
    ]
    assert "double opt-in of 2026-03-01 via shop.example/join" in shop("trust", "show", "anna@example.com").out


def test_a_withdrawal_is_recorded_and_told(shop: Command) -> None:
    words = ("--tenant", "shop", "--stream", "bulk", "--source", "x", "--at", "2026-03-01")
    shop("trust", "record", "anna@example.com", "opt-in", *words)
    said = shop("trust", "withdraw", "anna@example.com", "--tenant", "shop", "--json")
    assert [stream["allowed"] for stream in said.json["now"]["streams"]] == [False, False, False]


def test_what_is_recorded_wrongly_is_refused_with_the_remedy(shop: Command) -> None:
    said = shop("trust", "record", "anna@example.com", "opt-in", "--tenant", "shop")
    assert said.code == 1
    assert "say which (stream)" in said.err


def test_an_erasure_must_be_confirmed_and_says_what_went(shop: Command) -> None:
    shop("trust", "record", "anna@example.com", "login", "--tenant", "shop")
    assert "confirm with --yes" in shop("trust", "erase", "anna@example.com").err
    done = shop("trust", "erase", "anna@example.com", "--yes", "--json").json
    assert (done["tenants"], done["removed"]["ledger"]) == (["shop"], 1)
    assert "Nobody knows" not in shop("trust", "show", "anna@example.com").out


def test_the_law_is_shown_with_its_sources(goodstanding: Command) -> None:
    assert "CASL" in goodstanding("trust", "law", "CA").out
    assert goodstanding("trust", "law", "--json").json["laws"][-1]["countries"] == []
