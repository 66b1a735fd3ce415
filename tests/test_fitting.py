"""What of the settings reaches the front door: whose opens and clicks are tracked, and below which address."""

import dkim
import pytest

from goodstanding import fitting
from goodstanding.admission.estate import Member, Pool, Register
from goodstanding.admission.facts import DomainFacts, Terms
from goodstanding.admission.isolation import Isolation
from goodstanding.delivery.notices import unsealed
from goodstanding.model import DkimKey, Identity, Stream, SubscriptionName, TenantName
from goodstanding.sealed import seal
from goodstanding.settings_file import parse_settings
from goodstanding.submission.signing import Signers, context_of
from goodstanding.wire.dkim import dns_record, generate_key, load_key

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


def test_an_order_finds_the_penalty_pool_wherever_it_is_declared() -> None:
    """Of a name that is in the settings and in the store, the store's counts."""
    declared = 'pools=[{name="slow", stream="bulk", penalty=true, addresses=["192.0.2.7"]}]'
    apart, again = (Pool(name, Stream.BULK, addresses=("192.0.2.9",), penalty=True) for name in ("apart", "slow"))
    usual = fitting.pools(parse_settings("", [declared]), Register(subscriptions=MEMBERS, pools=(POOL, apart)))
    assert [usual.of(WHO[1], name)[0].addresses for name in ("slow", "apart", "")] == [
        ("192.0.2.7",),
        ("192.0.2.9",),
        ("192.0.2.1",),
    ]
    both = fitting.pools(parse_settings("", [declared]), Register(subscriptions=MEMBERS, pools=(again,)))
    assert both.of(WHO[1], "slow")[0].addresses == ("192.0.2.9",)


def test_our_notices_are_signed_by_whose_host_we_are_on_no_stream_but_theirs() -> None:
    private = generate_key("ed25519-sha256")
    sealed = seal(bytes(32), private, context_of("acme.example", "s"), bytes(12))
    keys = Signers(bytes(32), {"acme.example": "acme"}, [DkimKey("acme.example", "s", "ed25519-sha256", sealed, 0.0)])
    register = Register(domains={"acme.example": DomainFacts("acme.example", "acme", "transactional")})
    sign = fitting.seal("mta.acme.example", register, keys)
    letter = b"From: MAILER-DAEMON@mta.acme.example\r\nSubject: returned\r\n\r\nIt came back.\r\n"
    signed = sign(letter, Stream.TRANSACTIONAL, 1.0) + letter
    record = dns_record(load_key(private)).encode()
    assert dkim.verify(
        signed, dnsfunc=lambda name, timeout=5: record if name == b"s._domainkey.acme.example." else None
    )
    assert sign(letter, Stream.OUTREACH, 1.0) == b""
    assert fitting.seal("mta.platform.example", register, keys) is unsealed
    link = DomainFacts("mta.acme.example", "acme", "bulk", kind="link")
    nearer = fitting.seal("mta.acme.example", Register(domains={**register.domains, link.name: link}), keys)
    assert nearer(letter, Stream.BULK, 1.0) == b""
    assert nearer(letter, Stream.TRANSACTIONAL, 1.0)
