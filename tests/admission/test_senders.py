"""Names a message bears: a second author cannot be hidden, and no field is too odd to be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.admission.estate import Register
from goodstanding.admission.facts import DomainFacts, SenderFacts
from goodstanding.admission.senders import VALUE_MOST, Premises, sender_facts
from goodstanding.model import Identity, Stream, SubscriptionName, TenantName
from goodstanding.wire.message import facts, parse_header

WHO = Identity(TenantName("acme"), SubscriptionName("acme/app"), Stream.TRANSACTIONAL)


def found(author: bytes, reply_to: bytes = b"") -> SenderFacts:
    block = parse_header(b"From: " + author + b"\r\nReply-To: " + reply_to + b"\r\n\r\n")
    return sender_facts(Premises(), WHO, "a@acme.example", block, facts(block), "acme.example")


@pytest.mark.parametrize(
    "author",
    [
        b"hello@acme.example",
        b"Doe, John <hello@acme.example>",
        b'"Doe, ceo@bank.example" <hello@acme.example>',
        b"hello@acme.example <hello@acme.example>",
        b"Team @ Acme <hello@acme.example>",
        b"Acme (a, b@c.example) <hello@acme.example>",
        b"=?utf-8?q?hello=40acme.example?= <hello@acme.example>",
        b"staff: hello@acme.example;",
        b"hello @ acme.example (who@where.example)",
        b'"ann lee"@acme.example',
    ],
)
def test_one_author_is_one(author: bytes) -> None:
    assert found(author).from_count == 1


@pytest.mark.parametrize(
    "author",
    [
        b"hello@acme.example, ceo@bank.example",
        b"hello@acme.example; ceo@bank.example",
        b'"Acme" <hello@acme.example> <ceo@bank.example>',
        b"<hello@acme.example> ceo@bank.example",
        b"hello@acme.example ceo@bank.example",
        b"hello@acme.example, (unclosed ceo@bank.example",
        b"hello@acme.example, " + b"(" * 4_000 + b"ceo@bank.example",
        b"=?utf-8?q?ceo=40bank.example,?= hello@acme.example",
        b"hello@acme.example," + b" " * VALUE_MOST + b"ceo@bank.example",
    ],
)
def test_a_second_author_is_seen_however_it_is_written(author: bytes) -> None:
    assert found(author).from_count > 1


def test_replies_are_known_by_domain() -> None:
    replies = b'"x@no.example" <a@One.example>, b@two.example (c@no.example)'
    assert found(b"a@acme.example", replies).reply_to == ("one.example", "two.example")


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_no_field_is_too_odd(author: bytes, reply_to: bytes) -> None:
    assert found(author, reply_to).from_count >= 0


def test_a_domain_with_an_umlaut_is_its_a_label() -> None:
    claimed = DomainFacts("xn--mnchen-3ya.example", "shop", "transactional", state="verified")
    premises = Premises(Register(domains={claimed.name: claimed}))
    block = parse_header("From: a@münchen.example\r\n\r\n".encode())
    names = sender_facts(premises, WHO, "a@münchen.example", block, facts(block), claimed.name)
    assert (names.from_domain, names.return_domain) == (claimed, claimed)
