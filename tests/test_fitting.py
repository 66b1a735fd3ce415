"""What of the settings reaches the front door: whose opens and clicks are tracked, and below which address."""

import pytest

from goodstanding import fitting
from goodstanding.admission.estate import Member, Pool, Register
from goodstanding.admission.facts import Terms
from goodstanding.admission.isolation import Isolation
from goodstanding.model import Identity, Stream, SubscriptionName, TenantName
from goodstanding.settings_file import parse_settings

WHO = [Identity(TenantName("acme"), SubscriptionName(f"acme/{stream}"), stream) for stream in Stream]
MEMBERS = {str(one.subscription): Member(one, Terms()) for one in WHO}
POOL = Pool("letters", Stream.BULK, addresses=("192.0.2.1",), link_domain="go.acme.example")
REGISTER = Register(subscriptions=MEMBERS, pools=(POOL,))
PAGE = ("web.port=443", 'web.url="https://leave.relay.example"')


def tracked(*overrides: str) -> dict[SubscriptionName, str]:
    return dict(fitting.premises(parse_settings("", overrides), REGISTER, Isolation()).tracked)


@pytest.mark.parametrize("overrides", [(), PAGE, ('feedback.track=["bulk"]',)])
def test_nobody_is_tracked_unless_a_stream_is_listed_and_there_is_a_page(overrides: tuple[str, ...]) -> None:
    assert tracked(*overrides) == {}


def test_a_stream_that_is_listed_is_tracked_below_the_link_domain_of_its_pool() -> None:
    assert tracked(*PAGE, 'feedback.track=["bulk", "transactional"]') == {
        "acme/bulk": "https://go.acme.example",
        "acme/transactional": "https://leave.relay.example",
    }
