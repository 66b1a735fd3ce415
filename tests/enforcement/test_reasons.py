"""Every slug that an order can carry is explained, and nothing is explained that no order carries."""

import pytest

from goodstanding.admission.facts import Action
from goodstanding.admission.reasons import REASONS
from goodstanding.enforcement.orders import What, orders_for
from goodstanding.enforcement.providers import provider_moves
from goodstanding.enforcement.reasons import ORDER_REASONS
from goodstanding.model import Rung
from goodstanding.operate.explaining import meaning, reasons
from tests.enforcement.accounts import IP, NEWS, NOW, POLICY, at
from tests.enforcement.test_providers import seen

FOLLOWS = {What.REFUSE: Action.REFUSE, What.PACE: Action.DEFER}


def test_reasons_and_orders_agree() -> None:
    orders = [one for rung in Rung for one in orders_for(at(rung, NEWS), POLICY, NOW)]
    paused = [
        one
        for replies in (seen(0, blocked=9), seen(0, slowed=9))
        for move in provider_moves(at(Rung.GOOD, IP), replies, None, NOW, POLICY)
        for one in move.orders
    ]
    assert {one.slug for one in (*orders, *paused)} == set(ORDER_REASONS)
    for one in orders:
        if one.what in FOLLOWS:
            assert ORDER_REASONS[one.slug].actions == (FOLLOWS[one.what],)


@pytest.mark.parametrize("slug", ORDER_REASONS)
def test_the_command_that_a_reply_names_explains_it(slug: str) -> None:
    found = meaning(slug)
    assert all(len(text) > 3 for text in (found.title, found.what, found.why, found.do))
    assert all(text.endswith((".", "?", ")")) for text in (found.what, found.why, found.do))


def test_no_slug_means_two_things() -> None:
    assert len(reasons()) == len(REASONS) + len(ORDER_REASONS)
