"""What speaks to us goes no further; everything else stays as it came."""

from goodstanding.submission.letter import Letter, without_control
from goodstanding.wire.message import header_end, parse_header


def letter(octets: bytes) -> Letter:
    header = octets[: header_end(octets)]
    return Letter(header, parse_header(header), [octets], len(octets), None)


def octets_of(found: Letter) -> bytes:
    return b"".join(found.parts())


def test_control_fields_are_taken_out_and_nothing_else() -> None:
    octets = (
        b"From: a@b.example\r\nX-Goodstanding-Trigger: what=reset;\r\n at=2026-11-23T10:00:00Z\r\n"
        b"Subject: x\r\nX-GOODSTANDING-Campaign: c\r\n\r\nbody\r\n"
    )
    found = without_control(letter(octets))
    assert octets_of(found) == b"From: a@b.example\r\nSubject: x\r\n\r\nbody\r\n"
    assert (found.size, found.header) == (len(octets_of(found)), b"From: a@b.example\r\nSubject: x\r\n\r\n")
    assert found.block == parse_header(found.header)


def test_a_letter_without_control_fields_is_left_alone() -> None:
    given = letter(b"From: a@b.example\r\n\r\nX-Goodstanding-Trigger: in the body\r\n")
    assert without_control(given) is given


def test_a_header_of_control_fields_alone_leaves_a_body_that_is_still_a_body() -> None:
    found = without_control(letter(b"X-Goodstanding-Campaign: c\r\n\r\nbody: not a field\r\n"))
    assert octets_of(found) == b"\r\nbody: not a field\r\n"
    assert found.starts_blank


def test_a_header_without_a_body_stays_one() -> None:
    found = without_control(letter(b"From: a@b.example\r\nX-Goodstanding-Campaign: c\r\n"))
    assert octets_of(found) == b"From: a@b.example\r\n"
