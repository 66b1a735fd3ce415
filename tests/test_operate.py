"""Operator verbs: what changes, what the journal says, and what is refused with its remedy."""

import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec import structs

from goodstanding.errors import GoodstandingError, SettingsError, StoreError
from goodstanding.events import Event
from goodstanding.fitting import credentials
from goodstanding.model import MessageId, Stream
from goodstanding.operate import domains, opening, queue, subscriptions
from goodstanding.operate.queue import Effect, Order
from goodstanding.sealed import derive
from goodstanding.settings import Settings, StoreSettings
from goodstanding.store import domains as claims
from goodstanding.store import journal
from goodstanding.store.db import Database
from goodstanding.store.listing import Filter
from goodstanding.submission.authentication import Credentials
from goodstanding.submission.signing import Signers
from tests.cli.stock import NEWS, SHOP, Stock


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    store = StoreSettings(url="" if database_url.startswith("sqlite") else database_url)
    return Settings(data_dir=str(tmp_path / "data"), store=store)


@pytest.fixture
def opened(settings: Settings) -> Iterator[tuple[Database, bytes]]:
    database, master = opening.open_estate(settings)
    yield database, master
    database.close()


@pytest.fixture
def stock(settings: Settings, opened: tuple[Database, bytes]) -> Stock:
    return Stock(opened[0], Path(settings.data_dir) / "spool")


def story(stock: Stock, message: MessageId) -> list[Event]:
    with stock.database.read() as tx:
        return journal.of_message(tx, message)


def test_every_verb_is_journalled_with_who_and_why(settings: Settings, stock: Stock) -> None:
    message = stock.put(SHOP, "a@shop.example", ["one@gmail.example"])
    order = Order(Filter(message=message), by="eve", because="wrong price")
    spool = opening.open_spool(settings, stock.database)
    assert queue.hold(stock.database, order) == Effect(1)
    assert queue.release(stock.database, order) == Effect(1)
    assert queue.retry(stock.database, order) == Effect(1)
    assert queue.drop(stock.database, spool, order) == Effect(1)
    told = [
        (type(event).__name__, getattr(event, "by", ""), getattr(event, "because", ""))
        for event in story(stock, message)
    ]
    assert told == [
        ("Accepted", "", ""),
        ("Held", "eve", "wrong price"),
        ("Released", "eve", ""),
        ("Retried", "eve", ""),
        ("Dropped", "eve", "wrong price"),
    ]


def test_a_verb_over_many_recipients_goes_batch_by_batch(stock: Stock) -> None:
    for _ in range(3):
        stock.put(NEWS, "news@shop.example", [f"{n}@sink.example" for n in range(400)])
    steps: list[Effect] = []
    order = Order(Filter(tenant="shop"), by="eve")
    assert queue.hold(stock.database, order, steps.append) == Effect(1200)
    assert steps == [Effect(500), Effect(1000), Effect(1200)]


def test_what_a_worker_hands_over_in_time_is_changed_in_the_name_of_the_operator(
    settings: Settings, stock: Stock
) -> None:
    message = stock.put(SHOP, "a@shop.example", ["one@gmail.example"])
    stock.claim()
    order = Order(Filter(message=message), by="eve", because="wrong price")
    assert queue.hold(stock.database, order, lambda effect: stock.give_back(message, 0)) == Effect(1)
    stock.claim_held(message)
    spool = opening.open_spool(settings, stock.database)
    assert queue.drop(stock.database, spool, order, lambda effect: stock.give_back(message, 0)) == Effect(1)
    told = [(type(event).__name__, getattr(event, "by", "")) for event in story(stock, message)]
    assert told == [("Accepted", ""), ("Held", "eve"), ("Dropped", "eve")]


def test_what_is_under_way_is_counted_apart(stock: Stock) -> None:
    stock.put(SHOP, "a@shop.example", ["one@gmail.example"])
    stock.claim()
    assert queue.hold(stock.database, Order(Filter(), by="eve", patience=0)) == Effect(0, under_way=1)
    assert queue.release(stock.database, Order(Filter(), by="eve")) == Effect(0, under_way=1)


def test_dropping_the_last_message_of_a_closed_segment_deletes_its_file(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path))  # PostgreSQL keeps content in rows: see below
    database, _ = opening.open_estate(settings)
    stock = Stock(database, tmp_path / "spool")
    stock.put(SHOP, "a@shop.example", ["one@gmail.example", "two@gmail.example"])
    with database.tx() as tx:
        tx.run("UPDATE segment SET closed = 1")
    spool = opening.open_spool(settings, database)
    assert len(list(spool.folder.glob("*.seg"))) == 1
    queue.drop(database, spool, Order(Filter(recipient="one@*"), by="eve"))
    assert len(list(spool.folder.glob("*.seg"))) == 1
    queue.drop(database, spool, Order(Filter(), by="eve"))
    assert not list(spool.folder.glob("*.seg"))
    database.close()


def test_dropping_a_message_takes_its_content_out_of_the_database(settings: Settings, stock: Stock) -> None:
    stock.put(SHOP, "a@shop.example", ["one@gmail.example"])
    queue.drop(stock.database, opening.open_spool(settings, stock.database), Order(Filter(), by="eve"))
    assert stock.tx_rows("SELECT COUNT(*) FROM content") == [(0,)]


def test_the_master_key_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path / "data"))
    first, second = opening.open_estate(settings)[1], opening.open_estate(settings)[1]
    path = tmp_path / "data" / "secret.key"
    assert first == second == bytes.fromhex(path.read_text())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in path.parent.glob("secret*")] == ["secret.key"]


@pytest.mark.parametrize("text", ["", "not hexadecimal", "abcd"])
def test_a_broken_secret_file_is_refused_and_kept(tmp_path: Path, text: str) -> None:
    path = tmp_path / "secret"
    path.write_text(text)
    with pytest.raises(SettingsError, match="secret_file"):
        opening.open_estate(Settings(data_dir=str(tmp_path), secret_file=str(path)))
    assert path.read_text() == text


def test_a_database_server_that_is_gone_is_a_store_error(tmp_path: Path) -> None:
    store = StoreSettings(url=f"postgresql://nobody@/nothing?host={tmp_path}")
    with pytest.raises(StoreError):
        opening.open_estate(Settings(data_dir=str(tmp_path / "data"), store=store))


def test_a_domain_gets_two_keys_and_their_records(opened: tuple[Database, bytes]) -> None:
    records = domains.add_domain(*opened, "Shop.Example.", "shop")
    assert [record.value.split(";")[1].strip() for record in records] == ["k=ed25519", "k=rsa"]
    assert all(record.name.endswith("._domainkey.shop.example") for record in records)
    (domain,) = domains.domains(opened[0])
    assert (domain.name, domain.tenant, len(domain.selectors)) == ("shop.example", "shop", 2)


def test_adding_a_domain_again_keeps_its_keys(opened: tuple[Database, bytes]) -> None:
    first = domains.add_domain(*opened, "shop.example", "shop")
    assert domains.add_domain(*opened, "shop.example", "shop") == first
    assert domains.records(*opened, "shop.example") == first


def test_the_keys_of_a_domain_sign(opened: tuple[Database, bytes]) -> None:
    database, master = opened
    domains.add_domain(database, master, "shop.example", "shop")
    with database.read() as tx:
        signers = Signers(master, dict(claims.domains(tx)), claims.dkim_keys(tx))
    assert [signer.key.kind for signer in signers.for_sender("shop", "mail.shop.example")] == [
        "ed25519-sha256",
        "rsa-sha256",
    ]


def test_a_removed_domain_is_gone_with_its_keys(opened: tuple[Database, bytes]) -> None:
    domains.add_domain(*opened, "shop.example", "shop")
    domains.remove_domain(opened[0], "shop.example")
    assert domains.domains(opened[0]) == []
    with pytest.raises(GoodstandingError, match="no domain"):
        domains.records(*opened, "shop.example")


def test_a_key_sealed_with_another_master_key_is_named(opened: tuple[Database, bytes]) -> None:
    domains.add_domain(*opened, "shop.example", "shop")
    with pytest.raises(GoodstandingError, match="another master key"):
        domains.records(opened[0], bytes(32), "shop.example")


def test_a_credential_opens_its_subscription_until_it_is_revoked(opened: tuple[Database, bytes]) -> None:
    database, master = opened
    made = subscriptions.add_credential(database, master, "shop/otp", Stream.TRANSACTIONAL)
    (known,) = subscriptions.credentials(database)
    door = Credentials(
        derive(master, subscriptions.CREDENTIAL_PURPOSE), {known.username: (known.digest, known.identity)}
    )
    assert door.check(made.username, made.secret) == structs.replace(made.identity, credential=made.username)
    assert door.check(made.username, "guess") is None
    assert made.secret not in repr(made)
    subscriptions.revoke_credential(database, made.username)
    assert subscriptions.credentials(database)[0].revoked is not None
    with pytest.raises(GoodstandingError, match="no live credential"):
        subscriptions.revoke_credential(database, made.username)


def test_a_credential_may_have_the_name_it_had_at_acs_once_and_in_either_spelling(
    opened: tuple[Database, bytes],
) -> None:
    database, master = opened
    name = "shop-mail|0f3b|72f9"
    made = subscriptions.add_credential(database, master, "shop/otp", Stream.TRANSACTIONAL, username=name)
    with database.read() as tx:
        door = credentials(tx, master)
    for spelling in (name, "shop-mail.0f3b.72f9"):
        assert door.check(spelling, made.secret) == structs.replace(made.identity, credential=name)
        with pytest.raises(GoodstandingError, match="user names are used once"):
            subscriptions.add_credential(database, master, "shop/otp", None, username=spelling)
    subscriptions.revoke_credential(database, "shop-mail.0f3b.72f9")
    with database.read() as tx:
        assert credentials(tx, master).check(name, made.secret) is None
    with pytest.raises(GoodstandingError, match="user names are used once"):
        subscriptions.add_credential(database, master, "shop/otp", None, username=name)


Act = Callable[[Database, bytes], object]
REFUSED: list[tuple[str, Act]] = [
    ("tenant/application", lambda db, key: subscriptions.add_credential(db, key, "shop", Stream.BULK)),
    ("tenant/application", lambda db, key: subscriptions.add_credential(db, key, "Shop/OTP!", Stream.BULK)),
    ("--stream", lambda db, key: subscriptions.add_credential(db, key, "shop/new", None)),
    ("cannot change", lambda db, key: subscriptions.add_credential(db, key, "shop/otp", Stream.BULK)),
    ("no spaces", lambda db, key: subscriptions.add_credential(db, key, "shop/otp", None, username="a b")),
    ("is not a domain", lambda db, key: domains.add_domain(db, key, "no domain", "shop")),
    ("is not a domain", lambda db, key: domains.add_domain(db, key, "localhost", "shop")),
    ("belongs to tenant shop", lambda db, key: domains.add_domain(db, key, "shop.example", "bank")),
    ("no domain", lambda db, key: domains.remove_domain(db, "bank.example")),
]


@pytest.mark.parametrize(("remedy", "act"), REFUSED)
def test_what_is_refused_names_its_remedy(opened: tuple[Database, bytes], remedy: str, act: Act) -> None:
    domains.add_domain(*opened, "shop.example", "shop")
    subscriptions.add_credential(*opened, "shop/otp", Stream.TRANSACTIONAL)
    with pytest.raises(GoodstandingError, match=remedy):
        act(*opened)
