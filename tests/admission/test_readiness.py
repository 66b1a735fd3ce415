"""Who can send nothing yet is told before the first refusal, with a command that helps."""

from types import MappingProxyType

import pytest

from goodstanding.admission.estate import Member, Register
from goodstanding.admission.facts import DomainFacts, Terms
from goodstanding.admission.readiness import unready
from goodstanding.model import Identity, Stream, SubscriptionName, TenantName

OTP = SubscriptionName("shop/otp")


def register(*domains: DomainFacts, shadow: bool = False) -> Register:
    member = Member(Identity(TenantName("shop"), OTP, Stream.TRANSACTIONAL), Terms(shadow=shadow))
    return Register(
        subscriptions=MappingProxyType({OTP: member}), domains=MappingProxyType({one.name: one for one in domains})
    )


def domain(state: str, stream: str = "transactional", tenant: str = "shop", kind: str = "sending") -> DomainFacts:
    return DomainFacts("shop.example", tenant, stream, kind, state)


@pytest.mark.parametrize("state", ["verified", "warned"])
def test_a_subscription_with_a_domain_in_order_is_ready(state: str) -> None:
    assert not list(unready(register(domain(state))))


def test_in_shadow_everybody_sends() -> None:
    assert not list(unready(register(shadow=True)))


@pytest.mark.parametrize(
    "domains, why, remedy",
    [
        ([], "has no domain for transactional", "domain add DOMAIN --tenant shop --stream transactional"),
        ([domain("pending")], "shop.example is not verified", "goodstanding domain verify shop.example"),
        ([domain("stopped")], "shop.example is not verified", "goodstanding domain verify shop.example"),
        ([domain("verified", "")], "belongs to no stream", "domain add shop.example --tenant shop --stream trans"),
        ([domain("verified", "bulk")], "has no domain for", "domain add DOMAIN"),
        ([domain("verified", tenant="bank")], "has no domain for", "domain add DOMAIN"),
        ([domain("verified", kind="link")], "has no domain for", "domain add DOMAIN"),
    ],
)
def test_all_mail_of_the_others_is_refused(domains: list[DomainFacts], why: str, remedy: str) -> None:
    (said,) = unready(register(*domains))
    assert "all mail of shop/otp is refused" in said and why in said and remedy in said


def test_many_subscriptions_are_one_line() -> None:
    one = register()
    many = {SubscriptionName(f"shop/app{n}"): one.subscriptions[OTP] for n in range(5)}
    (said,) = unready(Register(subscriptions=MappingProxyType(many)))
    assert "shop/app0, shop/app1, shop/app2 and 2 more" in said
