"""check, domain and credential."""

from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.stock import Stock


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
    records = [line for line in lines if "_domainkey" in line and ". TXT " in line]
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


@pytest.mark.parametrize(
    "failing",
    [("credential", "add", "--username", "taken"), ("credential", "add", "--username", "two words")],
)
def test_a_credential_that_fails_leaves_no_subscription_behind(goodstanding: Command, failing: tuple[str, ...]) -> None:
    goodstanding("credential", "add", "shop/otp", "--stream", "transactional", "--username", "taken")
    said = goodstanding(*failing, "new/codes", "--stream", "transactional")
    assert said.code == 1 and "user name" in said.err
    assert [row["name"] for row in goodstanding("subscription", "list", "--json").json] == ["shop/otp"]
    assert [row["name"] for row in goodstanding("tenant", "list", "--json").json] == ["shop"]


def test_no_credential_brings_a_stream_that_would_share_this_machines_address(goodstanding: Command) -> None:
    goodstanding("credential", "add", "shop/otp", "--stream", "transactional")
    for command in (("credential", "add"), ("access-key", "regenerate")):
        said = goodstanding(*command, "shop/news", "--stream", "bulk")
        assert said.code == 1 and "pool add bulk" in said.err
    assert [row["name"] for row in goodstanding("subscription", "list", "--json").json] == ["shop/otp"]


def test_an_application_is_linked_listed_exported_and_revoked(goodstanding: Command, data_dir: Path) -> None:
    with (data_dir.parent / "goodstanding.toml").open("a") as config:
        config.write('[[tokens.issuers]]\nissuer = "https://id.example"\naudiences = ["us"]\n')
    link = ("credential", "link", "shop/otp", "--application", "robot", "--tenant", "tid")
    assert "goodstanding subscription add" in goodstanding(*link, "--issuer", "https://id.example").err
    goodstanding("credential", "add", "shop/otp", "--stream", "transactional", "--username", "res|robot|tid")
    assert "did you mean https://id.example?" in goodstanding(*link, "--issuer", "https://id.exmaple").err
    assert "used once" in goodstanding(*link, "--issuer", "https://id.example", "--username", "res.robot.tid").err
    said = goodstanding(*link, "--issuer", "https://id.example")
    assert said.code == 0 and "token credential shop-otp|robot|tid" in said.out
    by_name = {row["username"]: row for row in goodstanding("credential", "list", "--json").json}
    assert by_name["shop-otp|robot|tid"]["issuer"] == "https://id.example"
    assert by_name["res|robot|tid"]["issuer"] == ""
    assert "tokens of https://id.example" in goodstanding("credential", "list").out
    exported = goodstanding("export").out
    assert 'issuer_tenant = "tid"' in exported
    file = data_dir.parent / "estate.toml"
    file.write_text(exported)
    assert "Nothing to do" in goodstanding("apply", str(file)).out
    file.write_text(exported.partition("[[token_credentials]]")[0])
    assert "robot open nothing" in goodstanding("apply", str(file)).out
    assert goodstanding("credential", "revoke", "shop-otp.robot.tid").code == 0
    assert 'issuer_tenant = "tid"' not in goodstanding("export").out
    file.write_text(exported)
    assert goodstanding("apply", str(file)).code == 0
    assert goodstanding("export").out == exported


def test_check_names_who_can_send_nothing_yet(goodstanding: Command) -> None:
    goodstanding("subscription", "add", "shop/otp", "--stream", "transactional")
    said = goodstanding("check")
    assert said.code == 0 and "all mail of shop/otp is refused" in said.out
    assert "--stream transactional" in goodstanding("check", "--json").json["refused"][0]
    assert not goodstanding("check", "--set", "admission.mode='shadow'", "--json").json["refused"]


def test_check_warns_of_a_store_that_knows_no_admission(goodstanding: Command, stock: Stock) -> None:
    with stock.database.tx() as tx:
        tx.run("UPDATE alembic_version SET version_num = ?", ("0001",))
    said = goodstanding("check")
    assert said.code == 1 and 'start with admission.mode = "shadow"' in said.err
    assert goodstanding("check", "--set", "admission.mode='shadow'").code == 0
