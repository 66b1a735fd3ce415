"""What a reply means that somebody noted down, by what its text shows of when it was said."""

import pytest

from goodstanding.feedback.diagnosis import diagnose_reply

KNOWN_AT_RCPT = [
    "550 5.1.1 <a@b.example>: User unknown",
    "host mx.b.example[192.0.2.9] said: 550 User unknown (in reply to RCPT TO command)",
    "550 <a@b.example>: User unknown 554 Error: no valid recipients 550 <a@b.example>: User unknown",
    ">>> DATA <<< 550 unknown user <<< 503 5.0.0 Need RCPT (recipient)",
    "551 not our user",
    "553 Invalid recipient a@b.example",
    "User unknown: 550 <a@b.example>, User Unknown",
    "554 delivery error: dd This user doesn't have an account here",
    "User unknown",
    "550 sorry, nobody of that name (#5.1.1)",
    "550 RCPT refused: 5.1.1 nobody of that name",
]

KNOWN_LATER_OR_NEVER = [
    "550 Unknown user a@b.example",
    "host mx.b.example[192.0.2.9] said: 550 Unknown user (in reply to end of DATA command)",
    "550 5.2.1 <a@b.example>... User Unknown",
    "550 5.3.0 other mail system problem: unknown user",
    ">>> DATA <<< 550 unknown user",
    "450 unknown user 503 Need RCPT (recipient)",
]


@pytest.mark.parametrize("text", KNOWN_AT_RCPT)
def test_an_unknown_user_is_hard_where_the_text_shows_that_an_address_was_refused(text: str) -> None:
    said = diagnose_reply(text)
    assert (said.klass, said.hard) == ("no-such-user", True)


@pytest.mark.parametrize("text", KNOWN_LATER_OR_NEVER)
def test_an_unknown_user_is_soft_by_words_alone(text: str) -> None:
    said = diagnose_reply(text)
    assert (said.klass, said.hard) == ("no-such-user", False)
