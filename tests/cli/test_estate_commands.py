"""check, domain and credential."""

from pathlib import Path

from tests.cli.conftest import Command


def test_check_prints_every_setting_and_marks_what_was_set(goodstanding: Command) -> None:
    said = goodstanding("check", "--set", "delivery.port=2525", "--json")
    settings = {row["path"]: (row["value"], row["default"]) for row in said.json["settings"]}
    assert said.code == 0
    assert settings["delivery.port"] == (2525, False)
    assert settings["delivery.retry_factor"] == (1.8, True)
    assert settings["submission.listeners[0].port"] == (587, True)
    assert "No problems found." in goodstanding("check").out


def test_check_reports_every_problem_and_changes_nothing(goodstanding: Command, data_dir: Path) -> None:
    said = goodstanding("check", "--set", "worker=1", "--set", "delivery.port=0")
    assert (said.code, said.err.count("\n")) == (1, 2)
    assert "did you mean workers?" in said.err
    assert not data_dir.exists()


def test_check_looks_into_the_files_that_are_named(goodstanding: Command, tmp_path: Path) -> None:
    said = goodstanding(
        *("check", "--set", f"submission.certificate='{tmp_path / 'no.pem'}'"),
        *("--set", f"submission.key='{tmp_path / 'no.key'}'"),
        *("--set", "routes=[{name='out', host='relay.example', tls='required', user='me', password_file='/no/file'}]"),
    )
    assert said.code == 1
    assert "submission.certificate" in said.err and "routes[0].password_file" in said.err


def test_check_finds_keys_of_another_master_key(goodstanding: Command, data_dir: Path) -> None:
    goodstanding("domain", "add", "shop.example", "--tenant", "shop")
    (data_dir / "secret.key").write_text("00" * 32)
    said = goodstanding("check")
    assert said.code == 1
    assert "another master key" in said.err


def test_a_domain_is_added_listed_and_removed(goodstanding: Command) -> None:
    assert "domain add" in goodstanding("domain", "list").out
    added = goodstanding("domain", "add", "Shop.Example", "--tenant", "shop", "--json").json
    assert goodstanding("domain", "records", "shop.example", "--json").json == added
    assert [row["name"] for row in goodstanding("domain", "list", "--json").json] == ["shop.example"]
    assert goodstanding("domain", "remove", "shop.example").code == 0
    assert goodstanding("domain", "list", "--json").json == []


def test_records_are_printed_as_a_zone_file_has_them(goodstanding: Command) -> None:
    lines = goodstanding("domain", "add", "shop.example", "--tenant", "shop").out.splitlines()
    records = [line for line in lines if ". TXT " in line]
    assert len(records) == 2
    strings = [string for record in records for string in record.split('"')[1::2]]
    assert len(strings) == 3 and max(map(len, strings)) == 255


def test_a_credential_is_made_listed_and_revoked(goodstanding: Command) -> None:
    assert "credential add" in goodstanding("credential", "list").out
    made = goodstanding("credential", "add", "shop/otp", "--stream", "transactional", "--json").json
    assert len(made["secret"]) >= 43
    second = goodstanding("credential", "add", "shop/otp")
    assert "shown only now" in second.out
    listed = goodstanding("credential", "list", "--json")
    assert len(listed.json) == 2 and made["secret"] not in listed.out
    assert goodstanding("credential", "revoke", made["username"]).code == 0
    revoked = {row["username"]: row["revoked"] for row in goodstanding("credential", "list", "--json").json}
    assert revoked[made["username"]] is not None
