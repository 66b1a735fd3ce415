"""The mail log: a line an event, and nobody's address can look like the rest of the line."""

import stat
from pathlib import Path

from goodstanding.events import Accepted
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


def test_the_file_is_not_for_everybody(tmp_path: Path) -> None:
    log = MailLog(str(tmp_path / "mail.log"))
    log.tell([accepted("ann@example.org")])
    assert stat.S_IMODE((tmp_path / "mail.log").stat().st_mode) & 0o007 == 0
    assert (tmp_path / "mail.log").read_text().count("\n") == 1
