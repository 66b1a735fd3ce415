"""Roles and throw-away mailboxes are told from people."""

import pytest

from goodstanding.admission.addresses import is_disposable, is_role


@pytest.mark.parametrize(
    "address", ["info@x.example", "Sales+de@x.example", "no-reply@x.example", "HOSTMASTER@x.example"]
)
def test_a_role_is_recognised(address: str) -> None:
    assert is_role(address)


@pytest.mark.parametrize(
    "address", ["ann@x.example", "ian.info@x.example", "informant@x.example", "", "@", "a@info.example"]
)
def test_a_person_is_not_a_role(address: str) -> None:
    assert not is_role(address)


def test_disposable_domains_and_what_is_below_them() -> None:
    assert is_disposable("mailinator.com") and is_disposable("MAIL.mailinator.com")
    assert not is_disposable("gmail.com") and not is_disposable("") and not is_disposable("com")


def test_a_site_may_declare_more() -> None:
    assert is_disposable("throw.example", frozenset({"throw.example"}))
