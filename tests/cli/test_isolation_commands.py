"""check, isolation and blast-radius, as an operator types them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from goodstanding.model import Stream
from goodstanding.operate.opening import open_estate
from goodstanding.settings import Settings
from goodstanding.store import domains, estate
from goodstanding.store.db import Database
from tests.cli.conftest import Command
from tests.cli.stock import SHOP, Stock

POOLS = """
[[pools]]
name = "otp"
stream = "transactional"
addresses = ["127.0.0.1"]
hello = "out.otp.example"

[[pools]]
name = "news"
stream = "bulk"
addresses = ["{address}"]
hello = "out.news.example"
"""


@pytest.fixture
def store(data_dir: Path) -> Iterator[Database]:
    """An estate of two streams on pools of their own, planted below the operator's checks."""
    settings(data_dir, "127.0.0.2")
    database, _ = open_estate(Settings(data_dir=str(data_dir)))
    with database.tx() as tx:
        estate.add_subscription(tx, "shop/otp", Stream.TRANSACTIONAL, 1.0)
        estate.add_subscription(tx, "shop/news", Stream.BULK, 1.0)
        domains.add_domain(tx, "shop.example", "shop", 1.0, "transactional")
    yield database
    database.close()


def settings(data_dir: Path, address: str) -> None:
    config = data_dir.parent / "goodstanding.toml"
    config.write_text(f'data_dir = "{data_dir}"\n' + POOLS.format(address=address))


def plant(store: Database, domain: str) -> None:
    with store.tx() as tx:
        domains.add_domain(tx, domain, "shop", 2.0, "bulk")


def test_check_prints_who_owns_what_and_proves_it(goodstanding: Command, store: Database) -> None:
    said = goodstanding("check")
    assert said.code == 0
    assert "Isolation is proved" in said.out
    assert "127.0.0.2" in said.out and "out.news.example" in said.out
    found = goodstanding("check", "--json").json["isolation"]
    assert found["isolated"] is True
    assert {use["name"] for use in found["identities"]} >= {"127.0.0.1", "shop.example", "out.otp.example"}


def test_check_refuses_an_address_of_two_streams(goodstanding: Command, store: Database, data_dir: Path) -> None:
    settings(data_dir, "127.0.0.1")
    for command in (("check",), ("isolation", "show")):
        said = goodstanding(*command)
        assert said.code == 1
        assert "the address 127.0.0.1 serves transactional mail" in " ".join(said.out.split())
    assert "give pool news egress addresses of its own" in goodstanding("check").err


def test_check_proves_the_settings_alone_before_there_is_a_store(goodstanding: Command, data_dir: Path) -> None:
    settings(data_dir, "127.0.0.1")
    assert goodstanding("check").code == 1
    assert not data_dir.exists()


def test_an_exception_is_recorded_shown_and_taken_back(goodstanding: Command, store: Database) -> None:
    plant(store, "news.shop.example")
    assert goodstanding("isolation", "show").code == 1
    pair = ("shop.example", "News.Shop.example")
    assert goodstanding("isolation", "allow", *pair, "--because", " ").code == 1
    assert goodstanding("isolation", "allow", *pair, "--because", "moving in May").code == 0
    said = goodstanding("isolation", "show")
    assert said.code == 0
    assert "moving in May" in " ".join(said.out.split()) and "exception" in said.out
    refused = goodstanding("isolation", "disallow", *pair)
    assert refused.code == 1 and "are both below shop.example" in refused.err
    assert goodstanding("domain", "remove", pair[1]).code == 0
    assert goodstanding("isolation", "disallow", *pair).code == 0
    assert goodstanding("isolation", "show").code == 0
    assert "no exception" in goodstanding("isolation", "disallow", *pair).err


def test_only_domains_can_be_excepted(goodstanding: Command, store: Database) -> None:
    said = goodstanding("isolation", "allow", "127.0.0.1", "shop", "--because", "please")
    assert said.code == 1
    assert "never shared" in said.err


def test_a_blast_radius_counts_draws_and_is_json(
    goodstanding: Command, store: Database, stock: Stock, tmp_path: Path
) -> None:
    stock.put(SHOP, "a@shop.example", ["x@y.example", "z@y.example"])
    picture = tmp_path / "radius.svg"
    said = goodstanding("blast-radius", "shop/news", "--svg", str(picture))
    assert said.code == 0
    assert "same tenant shop" in said.out
    assert picture.read_text("utf-8").startswith("<svg ")
    found = goodstanding("blast-radius", "127.0.0.1", "--json").json
    assert [(one["flow"]["subscription"], one["distance"]) for one in found["reached"]] == [
        ("shop/otp", 1),
        ("shop/news", 2),
    ]


def test_a_blast_radius_of_nothing_known_and_a_file_that_cannot_be(goodstanding: Command, store: Database) -> None:
    assert "did you mean shop/news" in goodstanding("blast-radius", "shop/nws").err
    assert "--svg" in goodstanding("blast-radius", "shop/news", "--svg", "/no/such/folder/x.svg").err
