"""What applications say with a message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.admission.facts import Action, Proof, Terms
from goodstanding.admission.trust import Claims, claims_of, grant
from goodstanding.wire.message import parse_header

NOW = 1_795_428_000.0  # 2026-11-23T10:00:00Z


def claimed(*lines: str, stream: str = "transactional") -> Claims:
    header = "".join(f"{line}\r\n" for line in ("Subject: hello", *lines)) + "\r\n"
    return claims_of(parse_header(header.encode()).fields, stream, NOW)


def test_a_trigger_proves_that_the_message_is_expected() -> None:
    said = "X-Goodstanding-Trigger: what=password-reset; at=2026-11-23T09:59:00Z;\r\n from=203.0.113.9"
    (entry,) = claimed(said).entries
    found = grant([entry], "transactional", Terms(), NOW)
    assert (found.proof, found.because) == (
        Proof.TRIGGER, "they caused it: password-reset at 2026-11-23 09:59 UTC"
    )  # fmt: skip
    assert entry.evidence == '{"ip":"203.0.113.9"}'


def test_a_trigger_without_a_time_is_one_of_now() -> None:
    (entry,) = claimed("X-Goodstanding-Trigger: what=login-code").entries
    assert entry.at == NOW


def test_a_permission_is_for_the_stream_of_the_message_and_may_hold_semicolons_in_quotes() -> None:
    said = (
        'X-Goodstanding-Permission: basis=double-opt-in; at=2026-03-01; source=x.example; text="Yes; all"; country=IT'
    )
    (entry,) = claimed(said, stream="bulk").entries
    assert (entry.stream, entry.country, entry.evidence) == ("bulk", "IT", '{"source":"x.example","text":"Yes; all"}')


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("X-Goodstanding-Trigger: at=2026-11-23T09:59:00Z", "what is missing"),
        ("X-Goodstanding-Trigger: what=x; when=now", "'when=now' is not understood"),
        ("X-Goodstanding-Trigger: what=x; at=2027-01-01", "at lies in the future"),
        ("X-Goodstanding-Trigger:", "what is missing"),
        ("X-Goodstanding-Permission: basis=double-opt-in; source=x", "at is missing"),
        ("X-Goodstanding-Permission: basis=friendship; at=2026-03-01", "'friendship' is not known"),
        ("X-Goodstanding-Permission: basis=opt-in; at=2026-03-01; stream=bulk", "without a source"),
        ("X-Goodstanding-Permission: basis=user-triggered; at=2026-03-01", "is no permission that lasts"),
    ],
)
def test_a_claim_that_cannot_be_read_counts_for_nothing_and_is_said(line: str, problem: str) -> None:
    found = claimed(line)
    assert not found.entries
    (finding,) = found.findings
    assert (finding.slug, finding.action) == ("claim-unreadable", Action.ACCEPT)
    assert problem in finding.because
    assert finding.remedy


def test_a_bad_claim_does_not_spoil_a_good_one() -> None:
    found = claimed("X-Goodstanding-Trigger: what=x", "X-Goodstanding-Permission: nonsense")
    assert (len(found.entries), len(found.findings)) == (1, 1)


def test_only_so_many_claims_are_read() -> None:
    found = claimed(*["X-Goodstanding-Trigger: what=x"] * 1000)
    assert (len(found.entries), len(found.findings)) == (8, 1)


def test_mail_without_claims_says_nothing() -> None:
    assert claimed() == Claims()


@given(st.lists(st.tuples(st.sampled_from(["trigger", "permission"]), st.binary(max_size=200)), max_size=12))
def test_garbage_never_raises(values: list[tuple[str, bytes]]) -> None:
    fields = [(f"x-goodstanding-{name}", b"X: " + value) for name, value in values]
    found = claims_of(fields, "bulk", NOW)
    assert len(found.entries) + len(found.findings) <= 9
