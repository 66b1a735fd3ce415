"""Plans: they lead from any estate to any other, each step stands on the ones before, and what they destroy is said."""

import pytest
from hypothesis import given

from goodstanding.admission.estate import (
    Domain,
    Entry,
    Estate,
    Pool,
    Sender,
    Subscription,
    Tenant,
    TokenCredential,
    key_of,
)
from goodstanding.admission.estate_plan import diff
from goodstanding.model import Stream
from tests.admission.estates import estates


@given(estates(), estates())
def test_a_plan_leads_from_one_estate_to_the_other(before: Estate, after: Estate) -> None:
    present = {(type(one), key_of(one)): one for one in entries(before)}
    for change in diff(before, after).changes:
        key = (type(change.entry), key_of(change.entry))
        assert present.pop(key, None) == change.before
        if change.after is not None:
            present[key] = change.after
        references_exist(present)
    assert set(present.values()) == set(entries(after))


def entries(estate: Estate) -> list[Entry]:
    lists = (estate.tenants, estate.pools, estate.domains, estate.subscriptions, estate.senders)
    return [*(one for entries in lists for one in entries), *estate.token_credentials, *estate.isolation_exceptions]


def references_exist(present: dict[tuple[type[Entry], str], Entry]) -> None:
    """What foreign keys demand after every step."""
    for one in present.values():
        match one:
            case Domain(tenant=tenant) | Subscription(tenant=tenant):
                assert (Tenant, tenant) in present
            case Sender(subscription=subscription) | TokenCredential(subscription=subscription):
                assert (Subscription, subscription) in present


@given(estates())
def test_equal_estates_need_nothing(estate: Estate) -> None:
    assert diff(estate, estate).changes == ()


SHOP, BANK = Tenant("shop"), Tenant("bank")
CODES = Subscription("shop/otp", Stream.TRANSACTIONAL)
CASES: list[tuple[Entry | None, Entry | None, str]] = [
    (None, Domain("shop.example", "shop", "bulk"), ""),
    (CODES, Subscription("shop/otp", Stream.TRANSACTIONAL, minute_limit=1), ""),
    (CODES, None, "credentials"),
    (Domain("shop.example", "shop", "bulk"), None, "keys are lost"),
    (Domain("shop.example", "shop", "bulk"), Domain("shop.example", "bank", "bulk"), "prove control"),
    (Domain("shop.example", "shop", "bulk"), Domain("shop.example", "shop", "outreach"), "stream bulk"),
    (Domain("shop.example", "shop"), Domain("shop.example", "shop", "bulk"), ""),
    (Pool("one", Stream.BULK), Pool("one", Stream.OUTREACH), "known for bulk"),
    (Pool("one", Stream.BULK), Pool("one", Stream.BULK, "shop"), ""),
    (Pool("one", Stream.BULK), None, "send no more"),
    (SHOP, None, "forgotten"),
    (Sender("a@shop.example", "shop/otp"), Sender("a@shop.example", "shop/otp", "Shop"), ""),
    (None, TokenCredential("robot", "shop/otp", "https://id.example", "app"), ""),
    (TokenCredential("robot", "shop/otp", "https://id.example", "app"), None, "app open nothing"),
]


@pytest.mark.parametrize(("before", "after", "words"), CASES)
def test_what_a_change_destroys_is_said(before: Entry | None, after: Entry | None, words: str) -> None:
    plan = diff(holding(before), holding(after))
    assert len(plan.changes) == 1
    assert [change.destroys for change in plan.destructive] == ([plan.changes[0].destroys] if words else [])
    assert words in plan.changes[0].destroys


def holding(entry: Entry | None) -> Estate:
    match entry:
        case Tenant():
            return Estate(tenants=(entry,))
        case Pool():
            return Estate(pools=(entry,))
        case Domain():
            return Estate(domains=(entry,))
        case Subscription():
            return Estate(subscriptions=(entry,))
        case Sender():
            return Estate(senders=(entry,))
        case TokenCredential():
            return Estate(token_credentials=(entry,))
    return Estate()


def test_a_stream_is_for_life() -> None:
    plan = diff(holding(CODES), holding(Subscription("shop/otp", Stream.BULK)))
    assert "transactional for life" in plan.impossible[0]


def test_the_journal_tells_every_field_that_changes() -> None:
    plan = diff(holding(CODES), holding(Subscription("shop/otp", Stream.TRANSACTIONAL, minute_limit=600, shadow=True)))
    assert [(change.tenant, change.what, str(change)) for change in plan.changes] == [
        ("shop", "subscription shop/otp", "minute_limit 30 -> 600, shadow no -> yes")
    ]
    assert str(diff(Estate(), holding(CODES)).changes[0]) == "added: stream transactional"
    assert str(diff(holding(CODES), Estate()).changes[0]) == "removed"
