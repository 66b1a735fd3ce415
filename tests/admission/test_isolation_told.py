"""What a sender is told of isolation names no other tenant."""

from goodstanding.admission.identities import DomainView, FlowView, PoolView, View
from goodstanding.admission.isolation import isolation_of, overlaps


def test_a_sender_learns_that_something_is_shared_and_not_with_whom() -> None:
    pools = (
        PoolView("bank-otp", "transactional", tenant="bank", addresses=("192.0.2.1",), hello="out.bank.example"),
        PoolView("news", "bulk", addresses=("192.0.2.1",), hello="out.news-mta.example"),
    )
    flows = (FlowView("bank/otp", "bank", "transactional", pool="bank-otp"), FlowView("shop/news", "shop", "bulk"))
    view = View("mta.example.net", pools, flows, (DomainView("shop-letters.example", "shop", "bulk"),))

    assert any("bank" in one.because for one in overlaps(view))  # the operator sees it
    told = isolation_of(view).why("shop/news", "bulk")
    assert "another tenant" in told
    assert "bank" not in told
