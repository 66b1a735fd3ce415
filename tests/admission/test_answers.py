"""Findings as replies: ASCII that still reads, and the codes that are told everywhere."""

from goodstanding.admission.answers import answer, status
from goodstanding.admission.facts import UNLINKED, Action, Finding


def finding(because: str, code: str = "5.7.1", action: Action = Action.REFUSE) -> Finding:
    return Finding("no-permission", action, because, "ask first", code=code)


def test_laws_are_quoted_readably() -> None:
    reply = answer(Action.REFUSE, [finding("UWG §7 asks for consent – the shop’s too")], "", "")
    assert "UWG section 7 asks for consent - the shop's too" in reply.text


def test_the_codes_are_those_of_the_reply() -> None:
    for action in (Action.REFUSE, Action.DEFER):
        for code in ("5.7.1", "5.7.26", UNLINKED):
            found = [finding("x", code, action), finding("y")]
            reply = answer(action, found, "", "")
            assert (reply.code, reply.enhanced) == status(action, found)
    assert status(Action.REFUSE, [finding("not linked", UNLINKED)]) == (501, "5.1.7")
