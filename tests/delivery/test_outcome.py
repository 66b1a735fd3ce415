"""What answers mean, as a table of real wording."""

import json

import pytest

from goodstanding.delivery.outcome import Bounced, Deferred, Delivered, Outcome, judge, wants_another_transaction
from goodstanding.errors import LocalProtocolError
from goodstanding.model import NetworkFailure, Reach, Reply
from goodstanding.wire.reply import ReplyReader
from tests.conftest import shared_data


def judged(reply: str, stage: str) -> Outcome:
    (answer,) = ReplyReader().receive(reply.encode() + b"\r\n")
    return judge(answer, stage)


def short(outcome: Outcome) -> str:
    word = type(outcome).__name__.lower()
    return word if isinstance(outcome, Delivered) else f"{word} {outcome.reach}"


@pytest.mark.parametrize(
    ("reply", "stage", "outcome"),
    [
        ("250 2.0.0 queued as 42", "final", "delivered"),
        # one mailbox
        ("550 5.1.1 The email account that you tried to reach does not exist", "rcpt", "bounced recipient"),
        ("552 5.2.2 The email account that you tried to reach is over quota", "rcpt", "bounced recipient"),
        ("550 User unknown", "rcpt", "bounced recipient"),
        ("452 4.2.2 mailbox full", "rcpt", "deferred recipient"),
        ("450 4.2.0 Greylisted, see https://postgrey.example", "rcpt", "deferred recipient"),
        ("451 4.7.1 Greylisting in action, please come back later", "rcpt", "deferred recipient"),
        ("451 4.7.1 Graylisted", "final", "deferred recipient"),
        ("451 try later", "rcpt", "deferred recipient"),
        # one message or sender
        ("550 5.1.8 bad sender address", "mail", "bounced message"),
        ("552 5.3.4 message too big", "mail", "bounced message"),
        ("554 5.6.0 message content rejected", "final", "bounced message"),
        ("550 5.7.1 you may not write to this group", "rcpt", "bounced message"),
        ("550 5.7.26 unauthenticated email is not accepted due to domain's DMARC policy", "final", "bounced message"),
        ("451 4.3.0 temporary failure in the content filter", "final", "deferred message"),
        ("451 4.3.0 temporary failure", "data", "deferred message"),
        # the host
        ("421 4.3.2 shutting down", "mail", "deferred host"),
        ("421 too many things at once", "final", "deferred host"),
        ("452 4.3.1 disk full", "mail", "deferred host"),
        ("451 4.4.5 congested", "rcpt", "deferred host"),
        ("554 no SMTP service here", "greeting", "deferred host"),
        ("521 does not accept mail", "greeting", "deferred host"),
        ("450 wait", "hello", "deferred host"),
        ("535 5.3.0 wrong", "auth", "deferred host"),
        # us
        ("421 4.7.28 Gmail has detected an unusual rate of mail from your IP", "final", "deferred lane"),
        ("421 4.7.0 [TSS04] Messages from 192.0.2.1 deferred due to user complaints", "mail", "deferred lane"),
        ("451 4.7.650 The mail server has been temporarily rate limited due to IP reputation", "rcpt", "deferred lane"),
        ("554 5.7.1 Your address is listed", "greeting", "deferred lane"),
        ("550 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using Spamhaus", "rcpt", "bounced lane"),
        ("550 rejected: 192.0.2.1 is listed, see https://www.spamhaus.org/query/ip/192.0.2.1", "rcpt", "bounced lane"),
        ("450 refused by dnsbl.example, try again", "rcpt", "deferred lane"),
        ("550 5.1.1 user unknown (your reputation is not the reason)", "rcpt", "bounced recipient"),
        ("550 5.7.606 Access denied, banned sending IP [192.0.2.1]", "rcpt", "bounced lane"),
        ("550 5.7.25 The IP address sending this message does not have a PTR record", "final", "bounced lane"),
    ],
)  # fmt: skip
def test_blame_reaches_no_further_than_it_must(reply: str, stage: str, outcome: str) -> None:
    assert short(judged(reply, stage)) == outcome


@pytest.mark.parametrize(
    ("stage", "enhanced", "reach"),
    [
        ("dns", "4.4.3", "host"),
        ("connect", "4.4.1", "host"),
        ("tls", "4.7.5", "host"),
        ("greeting", "4.4.2", "host"),
        ("rcpt", "4.4.2", "message"),
        ("final", "4.4.2", "message"),
    ],
)
def test_a_lost_conversation_is_tried_again_and_says_why(stage: str, enhanced: str, reach: Reach) -> None:
    outcome = judge(NetworkFailure(stage, "connection refused"), stage)
    assert outcome == Deferred(Reply(451, enhanced, "connection refused"), reach)


def test_the_remote_reply_is_kept_as_it_was() -> None:
    reply = Reply(550, "5.1.1", "no such\nuser")
    assert judge(reply, "rcpt") == Bounced(reply, "recipient")
    assert judge(reply, "greeting") == Deferred(reply, "host")


def test_only_the_final_reply_delivers() -> None:
    with pytest.raises(LocalProtocolError):
        judge(Reply(250, "", "ok"), "rcpt")


@pytest.mark.parametrize(
    ("reply", "again"),
    [
        (Reply(452, "4.5.3", "too many recipients"), True),
        (Reply(552, "5.5.3", "too many recipients"), True),
        (Reply(452, "", "Too many recipients received this hour"), True),
        (Reply(452, "4.2.2", "mailbox full"), False),
        (Reply(552, "", "mailbox full"), False),
        (Reply(550, "5.5.3", "too many recipients"), False),
        (NetworkFailure("rcpt", "lost"), False),
    ],
)
def test_who_has_to_wait_for_another_transaction(reply: Reply | NetworkFailure, again: bool) -> None:
    assert wants_another_transaction(reply) is again


def test_every_reply_of_the_collection_is_judged_by_its_code() -> None:
    lines = shared_data("smtp_replies.dev.jsonl").read_text().splitlines()
    refusals = [
        text
        for line in lines
        if (text := json.loads(line)["text"])[:1] in "45" and text[:3].isdigit() and text[3:4] == " "
    ]
    assert len(refusals) > 100
    for text in refusals:
        outcome = judged(text.replace("\r", " ").replace("\n", " "), "final")
        assert isinstance(outcome, Deferred if text.startswith("4") else Bounced), text
