"""apply, export, tenant, subscription, sender and pool."""

from pathlib import Path

from tests.cli.conftest import Command

ESTATE = """
[[tenants]]
name = "shop"
[[domains]]
name = "shop.example"
tenant = "shop"
stream = "transactional"
[[subscriptions]]
name = "shop/otp"
stream = "transactional"
"""


def test_an_estate_is_planned_applied_and_exported(goodstanding: Command, tmp_path: Path) -> None:
    file = tmp_path / "estate.toml"
    file.write_text(ESTATE)
    planned = goodstanding("apply", str(file), "--dry-run")
    assert planned.code == 0 and "+ domain shop.example" in planned.out and "nothing done" in planned.out
    assert goodstanding("export").out == ""
    applied = goodstanding("apply", str(file))
    assert applied.code == 0 and "Done: 3 added" in applied.out and "domain records shop.example" in applied.out
    assert "Nothing to do" in goodstanding("apply", str(file)).out
    file.write_text(goodstanding("export").out)
    assert goodstanding("apply", str(file), "--json").json == {"applied": False, "refused": [], "changes": []}


def test_what_would_destroy_is_shown_and_refused(goodstanding: Command, tmp_path: Path) -> None:
    goodstanding("subscription", "add", "shop/otp", "--stream", "transactional")
    file = tmp_path / "estate.toml"
    file.write_text("")
    said = goodstanding("apply", str(file))
    assert said.code == 1
    assert "destructive: its credentials" in said.out and "--allow-destructive" in said.err
    assert goodstanding("apply", str(file), "--dry-run").code == 0
    assert goodstanding("apply", str(file), "--allow-destructive").code == 0
    assert goodstanding("subscription", "list", "--json").json == []


def test_every_problem_of_a_file_is_a_line(goodstanding: Command, tmp_path: Path) -> None:
    file = tmp_path / "estate.toml"
    file.write_text('[[tenant]]\n[[pools]]\nname = "one"\naddresses = ["x"]\n')
    said = goodstanding("apply", str(file))
    assert (said.code, said.err.count("\n")) == (1, 2)
    assert "did you mean tenants?" in said.err
    assert goodstanding("apply", str(tmp_path / "none.toml")).code == 1


def test_raising_limits_is_a_command(goodstanding: Command) -> None:
    assert goodstanding("subscription", "add", "shop/otp", "--stream", "transactional", "--flow", "codes").code == 0
    changed = goodstanding("subscription", "set", "shop/otp", "--minute-limit", "600", "--shadow", "--json").json
    assert [detail["field"] for change in changed["changes"] for detail in change["details"]] == [
        "minute_limit",
        "shadow",
    ]
    (listed,) = goodstanding("subscription", "list", "--json").json
    assert (listed["minute_limit"], listed["hour_limit"], listed["recipients_limit"]) == (600, 100, 50)
    assert "shadow" in goodstanding("subscription", "list").out
    assert goodstanding("subscription", "remove", "shop/otp").code == 0


def test_tenants_are_added_changed_and_listed(goodstanding: Command) -> None:
    assert "tenant add" in goodstanding("tenant", "list").out
    assert goodstanding("tenant", "add", "shop", "--country", "it").code == 0
    assert goodstanding("tenant", "set", "shop", "--shared-domains", "exception").code == 0
    (listed,) = goodstanding("tenant", "list", "--json").json
    assert (listed["country"], listed["shared_domains"], listed["subscriptions"]) == ("IT", "exception", 0)


def test_pools_of_settings_and_store_are_listed_together(goodstanding: Command, tmp_path: Path) -> None:
    config = tmp_path / "goodstanding.toml"
    config.write_text(config.read_text() + '[[pools]]\nname = "codes"\naddresses = ["203.0.113.7"]\n')
    news = ("pool", "add", "news", "--stream", "bulk", "--hello", "out.news.example")
    refused = goodstanding(*news, "--address", "203.0.113.7")
    assert refused.code == 1 and "203.0.113.7" in refused.err
    assert goodstanding(*news, "--address", "198.51.100.8").code == 0
    assert goodstanding("pool", "set", "news", "--bounce-domain", "b.news.example").code == 0
    listed = {row["name"]: row for row in goodstanding("pool", "list", "--json").json}
    assert (listed["codes"]["from"], listed["news"]["from"]) == ("settings", "store")
    assert listed["news"]["bounce_domain"] == "b.news.example"
    assert goodstanding("pool", "remove", "news").code == 0


def test_a_sender_address_needs_a_domain_of_its_stream(goodstanding: Command, tmp_path: Path) -> None:
    file = tmp_path / "estate.toml"
    file.write_text(ESTATE)
    goodstanding("apply", str(file))
    said = goodstanding("sender", "add", "a@other.example", "--subscription", "shop/otp")
    assert said.code == 1 and "domain add other.example --tenant shop --stream transactional" in said.err
    assert goodstanding("sender", "add", "a@shop.example", "--subscription", "shop/otp").code == 0
    assert goodstanding("sender", "list", "--json").json[0]["address"] == "a@shop.example"
    assert goodstanding("sender", "remove", "a@shop.example").code == 0
    assert "every subscription" in goodstanding("sender", "list").out


def test_what_was_done_is_in_the_journal_with_who_did_it(goodstanding: Command, tmp_path: Path) -> None:
    config = tmp_path / "goodstanding.toml"
    config.write_text(config.read_text() + f'[log]\nmail = "{tmp_path / "mail.log"}"\n')
    goodstanding("tenant", "add", "shop")
    assert 'what="tenant shop" change="added" by=' in (tmp_path / "mail.log").read_text()
