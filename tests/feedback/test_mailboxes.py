"""Which addresses take reports."""

import pytest

from goodstanding.feedback.mailboxes import Mailboxes
from goodstanding.model import MessageId
from goodstanding.wire.return_path import encode

KEY = bytes(range(32))
OURS = Mailboxes(KEY, "reports.example", "leave.example", frozenset({"bounces.example"}))
TOKEN = encode(KEY, MessageId(5), 0)


@pytest.mark.parametrize(
    "address",
    [
        f"{TOKEN}@bounces.example",
        f"{TOKEN.upper()}@BOUNCES.example",
        f"{TOKEN}@reports.example",
        "fbl@reports.example",
        "fbl+yahoo@reports.example",
        "DMARC@reports.example",
        "unsubscribe+x@leave.example",
        "postmaster@bounces.example",
        "postmaster",
    ],
)
def test_return_paths_and_report_mailboxes_take_mail(address: str) -> None:
    assert OURS.objection(address) is None


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("b+0000000000005-0-000000000000@bounces.example", "5.1.1"),
        ("ann@reports.example", "5.1.1"),
        ("ann@elsewhere.example", "5.7.1"),
        ("fbl@sub.reports.example", "5.7.1"),
        ("fbl", "5.7.1"),
        ("@", "5.7.1"),
    ],
)
def test_everything_else_is_refused_with_the_reason(address: str, code: str) -> None:
    refusal = OURS.objection(address)
    assert refusal is not None
    assert (refusal.code, refusal.enhanced) == (550, code)


def test_without_report_domains_only_return_paths_take_mail() -> None:
    bare = Mailboxes(KEY, "", "", frozenset({"bounces.example"}))
    assert bare.objection(f"{TOKEN}@bounces.example") is None
    assert bare.objection("fbl@") is not None
    assert bare.objection("fbl@reports.example") is not None
