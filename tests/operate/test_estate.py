"""Applying an estate: all of it or nothing, journalled, isolated, and the same the second time."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, example, given

from goodstanding.admission.estate import Estate, Pool, Sender, Subscription, Tenant
from goodstanding.admission.estate_plan import Plan, diff
from goodstanding.errors import GoodstandingError, SettingsError
from goodstanding.events import EstateChanged, Event
from goodstanding.model import Stream
from goodstanding.operate import access_keys, domains, opening
from goodstanding.operate import estate as verbs
from goodstanding.operate.estate import Place, Result, Terms
from goodstanding.settings import Pool as MachinePool
from goodstanding.settings import RouteSettings, Settings, StoreSettings
from goodstanding.store import domains as claims
from goodstanding.store import estate, journal
from goodstanding.store.db import Tx
from goodstanding.submission.signing import Signers
from tests.admission.estates import estates
from tests.cli.stock import SHOP as CODES
from tests.cli.stock import Stock

EVE = Terms("eve")
SHOP = """
[[tenants]]
name = "shop"
[[pools]]
name = "news"
stream = "bulk"
addresses = ["198.51.100.8"]
hello = "out.news-mta.example"
bounce_domain = "b.news-mta.example"
[[domains]]
name = "shop-news.example"
tenant = "shop"
stream = "bulk"
[[subscriptions]]
name = "shop/news"
stream = "bulk"
pool = "news"
[[senders]]
address = "a@shop-news.example"
subscription = "shop/news"
"""
MACHINE = MachinePool("codes", Stream.TRANSACTIONAL, ("203.0.113.7",), "out.codes-mta.example", "b.codes-mta.example")


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Iterator[Place]:
    store = StoreSettings(url="" if database_url.startswith("sqlite") else database_url)
    settings = Settings(data_dir=str(tmp_path / "data"), store=store, pools=(MACHINE,))
    database, master = opening.open_estate(settings)
    yield Place(settings, database, master)
    database.close()


def test_applying_twice_changes_nothing_the_second_time(place: Place) -> None:
    first, second = verbs.apply(place, SHOP, EVE), verbs.apply(place, SHOP, EVE)
    assert (first.applied, first.refused, len(first.plan.changes)) == (True, (), 5)
    assert (second.applied, second.refused, second.plan.changes) == (False, (), ())


def test_what_is_exported_is_applied_unchanged(place: Place) -> None:
    verbs.apply(place, SHOP, EVE)
    assert verbs.apply(place, verbs.export(place.database), EVE).plan.changes == ()


def test_a_rehearsal_changes_nothing(place: Place) -> None:
    result = verbs.apply(place, SHOP, Terms("eve", rehearse=True))
    assert (result.applied, result.refused, len(result.plan.changes)) == (False, (), 5)
    assert verbs.present(place.database) == Estate()


def test_every_change_is_journalled_and_told_once_it_is_done(place: Place) -> None:
    told: list[Event] = []
    verbs.apply(place, SHOP, Terms("eve", told=told.extend))
    assert [(event.what, event.by) for event in told if isinstance(event, EstateChanged)] == [
        ("tenant shop", "eve"),
        ("pool news", "eve"),
        ("domain shop-news.example", "eve"),
        ("subscription shop/news", "eve"),
        ("sender a@shop-news.example", "eve"),
    ]
    with place.database.read() as tx:
        assert journal.of_message(tx, told[0].message) == told


def test_domains_of_the_file_can_sign(place: Place) -> None:
    verbs.apply(place, SHOP, EVE)
    records = domains.records(place.database, place.master, "shop-news.example")
    assert len(records) == 2
    with place.database.read() as tx:
        signers = Signers(place.master, dict(claims.domains(tx)), claims.dkim_keys(tx))
    assert len(signers.for_sender("shop", "shop-news.example")) == 2


def test_removing_anything_has_to_be_allowed(place: Place) -> None:
    verbs.apply(place, SHOP, EVE)
    refused = verbs.apply(place, "", EVE)
    assert len(refused.refused) == 5 and all("--allow-destructive" in why for why in refused.refused)
    assert verbs.present(place.database) != Estate()
    assert verbs.apply(place, "", Terms("eve", allow_destructive=True)).applied
    assert verbs.present(place.database) == Estate()


def test_an_overlap_is_refused_and_nothing_has_happened(place: Place) -> None:
    shared = SHOP.replace("198.51.100.8", "203.0.113.7")
    result = verbs.apply(place, shared, EVE)
    assert not result.applied
    assert any("203.0.113.7" in why for why in result.refused)
    assert verbs.present(place.database) == Estate()


def test_a_verb_is_refused_for_what_it_breaks_and_not_for_what_was_broken(place: Place) -> None:
    with place.database.tx() as tx:  # as an older release, or somebody with a database client, left it
        estate.add_subscription(tx, "shop/news", Stream.BULK, 1.0)
        estate.set_subscription(tx, Subscription("shop/news", Stream.BULK, pool="gone"))
    limits = verbs.alter(place, Subscription, "shop/news", {"minute_limit": 600}, EVE)
    assert limits.applied
    wrong = verbs.alter(place, Subscription, "shop/news", {"pool": "codes"}, EVE)
    assert "serves stream transactional" in wrong.refused[0]


CLASH = MachinePool("clash", Stream.BULK, ("203.0.113.7",), "out.clash-mta.example", "b.clash-mta.example")
AMAZON = MachinePool("amazon", Stream.OUTREACH, bounce_domain="b.amazon-mta.example", route="amazon")
INTO_AN_OVERLAP: dict[str, Callable[[Place], Result]] = {
    "set": lambda at: verbs.alter(at, Subscription, "shop/news", {"pool": "clash"}, EVE),
    "add with a pool": lambda at: verbs.add(at, Subscription("shop/more", Stream.BULK, pool="clash"), EVE),
    "add without": lambda at: verbs.add(at, Subscription("shop/more", Stream.BULK), EVE),
    "ensure": lambda at: verbs.ensure(at, "shop/more", Stream.BULK, EVE),
    "over amazon": lambda at: verbs.add(at, Subscription("shop/cold", Stream.OUTREACH, pool="amazon"), EVE),
}


@pytest.fixture
def clashing(place: Place) -> Place:
    """Settings that grew an overlap after the estate was applied."""
    verbs.apply(place, SHOP, EVE)
    route = RouteSettings("amazon", "email-smtp.eu-west-1.amazonaws.com")
    return replace(place, settings=replace(place.settings, pools=(MACHINE, CLASH, AMAZON), routes=(route,)))


@pytest.mark.parametrize("act", INTO_AN_OVERLAP.values(), ids=INTO_AN_OVERLAP)
def test_no_verb_leads_a_subscription_into_an_overlap_that_is_there(
    clashing: Place, act: Callable[[Place], Result]
) -> None:
    before = verbs.present(clashing.database)
    result = act(clashing)
    assert not result.applied
    assert "would be refused" in result.refused[0] and "choose another pool" in result.refused[0]
    assert verbs.present(clashing.database) == before


def test_a_subscription_may_be_led_out_of_an_overlap_and_have_other_terms_within(clashing: Place) -> None:
    with clashing.database.tx() as tx:
        estate.set_subscription(tx, Subscription("shop/news", Stream.BULK, pool="clash"))
    assert verbs.alter(clashing, Subscription, "shop/news", {"minute_limit": 60}, EVE).applied
    assert verbs.alter(clashing, Subscription, "shop/news", {"pool": "news"}, EVE).applied


def test_a_subscription_that_is_there_is_ensured(place: Place) -> None:
    assert verbs.ensure(place, "shop/otp", Stream.TRANSACTIONAL, EVE).applied
    assert verbs.ensure(place, "shop/otp", None, EVE) == Result(Plan(()))


def test_a_subscription_brings_its_tenant(place: Place) -> None:
    assert verbs.add(place, Subscription("shop/otp"), EVE).applied
    assert verbs.present(place.database).tenants == (Tenant("shop"),)
    assert not verbs.add(place, Subscription("shop/otp"), EVE).applied


def test_a_stream_never_changes(place: Place) -> None:
    verbs.add(place, Subscription("shop/otp"), EVE)
    result = verbs.apply(place, '[[tenants]]\nname="shop"\n[[subscriptions]]\nname="shop/otp"\nstream="bulk"\n', EVE)
    assert "for life" in result.refused[0]


def test_a_subscription_whose_mail_waits_stays(place: Place) -> None:
    verbs.add(place, Subscription("shop/otp"), EVE)
    Stock(place.database, Path(place.settings.data_dir) / "spool").put(CODES, "a@shop.example", ["one@gmail.example"])
    assert "queue drop subscription=shop/otp" in verbs.remove(place, Subscription, "shop/otp", EVE).refused[0]


def test_a_pool_that_is_asked_for_stays(place: Place) -> None:
    verbs.apply(place, SHOP, EVE)
    assert "no pool 'news'" in verbs.remove(place, Pool, "news", EVE).refused[0]
    verbs.alter(place, Subscription, "shop/news", {"pool": ""}, EVE)
    assert verbs.remove(place, Pool, "news", EVE).applied


def test_senders_and_subscriptions_are_removed(place: Place) -> None:
    verbs.apply(place, SHOP, EVE)
    assert verbs.remove(place, Sender, "A@shop-news.example", EVE).applied
    assert verbs.remove(place, Subscription, "shop/news", EVE).applied
    assert (verbs.present(place.database).senders, verbs.present(place.database).subscriptions) == ((), ())


Act = Callable[[Place], object]
REFUSED: list[tuple[str, type[GoodstandingError], Act]] = [
    ("subscription list shows", GoodstandingError, lambda at: verbs.alter(at, Subscription, "shop/x", {}, EVE)),
    ("goodstanding pool set", GoodstandingError, lambda at: verbs.add(at, Pool("news", Stream.BULK), EVE)),
    ("remove that first", GoodstandingError, lambda at: verbs.add(at, Sender("a@shop-news.example", "b/c"), EVE)),
    ("not an IP address", SettingsError, lambda at: verbs.alter(at, Pool, "news", {"addresses": ("x",)}, EVE)),
    ("not TOML", SettingsError, lambda at: verbs.apply(at, "[[", EVE)),
]


@pytest.mark.parametrize(("words", "kind", "act"), REFUSED, ids=[words for words, _, _ in REFUSED])
def test_what_cannot_be_done_names_its_remedy(
    place: Place, words: str, kind: type[GoodstandingError], act: Act
) -> None:
    verbs.apply(place, SHOP, EVE)
    before = verbs.present(place.database)
    with pytest.raises(kind, match=words):
        act(place)
    assert verbs.present(place.database) == before


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One installation for all examples, with keys that cost nothing."""
    settings = Settings(data_dir=str(tmp_path_factory.mktemp("furnished")))
    database, master = opening.open_estate(settings)
    yield Place(settings, database, master, lambda kind: b"no key")
    database.close()


@given(estates())
@example(Estate())
def test_any_estate_can_follow_any_other(furnished: Place, wanted: Estate) -> None:
    """Carried out without the proof of isolation, which most of these would not pass."""
    with furnished.database.tx() as tx:
        plan = diff(estate.declared(tx), wanted)
        assume(not plan.impossible)
        verbs.carry_out(tx, furnished, plan, EVE)
        assert estate.declared(tx) == wanted


def test_what_comes_after_a_new_subscription_fails_with_it_or_is_told_with_it(place: Place) -> None:
    told: list[Event] = []
    terms = replace(EVE, told=told.extend)

    def fail(tx: Tx) -> None:
        access_keys.put_key(tx, place.master, "new/codes", "primary")
        raise GoodstandingError("no space is left")

    before = verbs.export(place.database)
    with pytest.raises(GoodstandingError, match="no space"):
        verbs.ensure(place, "new/codes", Stream.TRANSACTIONAL, terms, fail)
    assert verbs.export(place.database) == before and not access_keys.listing(place.database) and not told
    verbs.ensure(
        *(place, "new/codes", Stream.TRANSACTIONAL, terms),
        lambda tx: access_keys.put_key(tx, place.master, "new/codes", "primary"),
    )
    assert "access key new/codes primary" in [event.what for event in told if isinstance(event, EstateChanged)]
