"""Reports as providers send them, written by hand: they share no line with the code that reads them."""

import smtplib
from collections.abc import Sequence

from goodstanding.events import Accepted, Delivered, Event
from goodstanding.model import MessageId, Touched
from goodstanding.sealed import derive
from goodstanding.store import journal
from goodstanding.wire.return_path import PURPOSE, encode
from tests.scenarios.relay import Relay

MAILBOX = "fbl@reports.example"
FEEDBACK = ('feedback.listeners=[{address="127.0.0.1", port=0, tls="none"}]', "feedback.domain=reports.example")


def history(relay: Relay, touched: Touched, count: int, at: float) -> list[MessageId]:
    """Messages that were delivered at a second, one to each of so many people."""
    messages = [MessageId(int((at - 1_577_836_800) * 1000) << 22 | n) for n in range(count)]
    events: list[Event] = []
    tenant = touched.subscription.partition("/")[0]
    for n, message in enumerate(messages):
        who = f"reader{n}@isp.example"
        events += [
            Accepted(tenant, message, 0, at, who, touched.subscription, touched.stream, f"app@{touched.domain}", 1000),
            Delivered(tenant, message, 0, at, who, "mx.isp.example", "250 ok", touched=touched, source="127.0.2.1"),
        ]
    with relay.database.tx() as tx:
        journal.append(tx, events)
    return messages


def token(relay: Relay, message: MessageId) -> str:
    """What the message carried when it went out."""
    return encode(derive(relay.master, PURPOSE), message, 0)


def complaint(token: str) -> bytes:
    """A feedback report (RFC 5965), redacted but for the header fields of the sender's own."""
    return (
        "From: <staff@isp.example>\r\nTo: <fbl@reports.example>\r\nSubject: FW: offers\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="part"\r\n\r\n'
        "--part\r\nContent-Type: text/plain\r\n\r\nThis is an email abuse report.\r\n\r\n"
        "--part\r\nContent-Type: message/feedback-report\r\n\r\n"
        "Feedback-Type: abuse\r\nUser-Agent: Isp-FBL/1.0\r\nVersion: 1\r\n\r\n"
        "--part\r\nContent-Type: message/rfc822\r\nContent-Disposition: inline\r\n\r\n"
        f"From: <redacted>\r\nX-Goodstanding-Token: {token}\r\nSubject: offers\r\n\r\nredacted\r\n--part--\r\n"
    ).encode()


def report(port: int, octets: Sequence[bytes], to: str = MAILBOX, sender: str = "staff@isp.example") -> None:
    """Send reports over one session, as a provider does."""
    with smtplib.SMTP("127.0.0.1", port, "feedback.isp.example", 30) as client:
        for one in octets:
            client.sendmail(sender, [to], one)
