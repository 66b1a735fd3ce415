"""The mail log: a line an event, and nobody's address can look like the rest of the line."""

import stat
from pathlib import Path

import pytest

from goodstanding.events import Accepted, Judged, QuarantineEnded
from goodstanding.evidence import LadderMoved
from goodstanding.maillog import MailLog, line
from goodstanding.model import MessageId


def accepted(recipient: str) -> Accepted:
    return Accepted("acme", MessageId(5), 0, 0.0, recipient, "acme/app", "bulk", "s@example.com", 10)


def test_a_line_names_the_kind_the_message_and_the_recipient() -> None:
    said = line(accepted("ann@example.org"))
    assert said.startswith(
        "1970-01-01T00:00:00.000Z accepted 0000000000005/0 to=<ann@example.org> from=<s@example.com>"
    )


def test_an_address_cannot_pretend_to_be_more_of_the_line() -> None:
    said = line(accepted('"a> host=mx.bank reply=\\"250 ok"@x.example'))
    assert "host=mx.bank" not in said
    assert said.count("to=<") == 1
    assert "\n" not in line(accepted('"a\nb"@x.example'))


@pytest.mark.parametrize(("shadow", "applied"), [(True, "no"), (False, "yes")])
def test_a_verdict_says_whether_it_was_applied(shadow: bool, applied: str) -> None:
    findings = '[{"slug":"trust-budget"},{"slug":"no-permission"},{"slug":"trust-budget"}]'
    said = line(Judged("acme", MessageId(5), 0.0, "acme/app", "refuse", findings, shadow))
    assert said.endswith(f"subscription=acme/app verdict=refuse applied={applied} reasons=trust-budget,no-permission")


def test_the_end_of_a_quarantine_says_how_and_why() -> None:
    said = line(QuarantineEnded("acme", MessageId(5), 0, 0.0, "a@b.example", "refused", "eve", 'sales "mail"'))
    assert said.endswith('how=refused by=eve because="sales ?mail?"')


def test_a_move_on_the_ladder_names_the_tenant() -> None:
    said = line(LadderMoved("acme", 0.0, "subscription:acme/app", "good", "slowed", "target", "9 of 100"))
    assert ' tenant=acme key="subscription:acme/app" from=good rung=slowed ' in said
    assert " tenant=- " in line(LadderMoved("", 0.0, "ip:192.0.2.1", "good", "slowed", "target", "9 of 100"))


def test_the_file_is_not_for_everybody(tmp_path: Path) -> None:
    log = MailLog(str(tmp_path / "mail.log"))
    log.tell([accepted("ann@example.org")])
    assert stat.S_IMODE((tmp_path / "mail.log").stat().st_mode) & 0o007 == 0
    assert (tmp_path / "mail.log").read_text().count("\n") == 1
