"""The server core against random clients: nothing raises, every reply is one, and packet borders make no difference."""

import random
from base64 import b64encode

from fuzz.rounds import mutated, pieces, run
from goodstanding.model import Reply
from goodstanding.wire.reply import ReplyReader
from goodstanding.wire.smtp_answers import EARLY_BODY
from goodstanding.wire.smtp_server import (
    AuthGiven,
    BodyPart,
    BodyStart,
    Event,
    MailFrom,
    MessageAborted,
    MessageReceived,
    RcptTo,
    ServerPolicy,
    Session,
    StartTls,
)

COMMANDS = [
    b"EHLO client.test\r\n", b"HELO client.test\r\n", b"STARTTLS\r\n", b"QUIT\r\n", b"RSET\r\n", b"NOOP\r\n",
    b"MAIL FROM:<a@x.test> SIZE=100 BODY=8BITMIME RET=HDRS ENVID=x+2By\r\n", b"MAIL FROM:<>\r\n", b"MAIL FROM:a@x\r\n",
    b"RCPT TO:<b@y.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b@y.test\r\n", b'RCPT TO:<"b b"@[192.0.2.1]>\r\n',
    b"MAIL FROM:<j\xc3\xbcrgen@b\xc3\xbccher.test> SMTPUTF8\r\n", b"RCPT TO:<j\xc3\xbcrgen@xn--bcher-kva.test>\r\n",
    b"DATA\r\n", b"DATA\r\n", b"BDAT 12\r\nSubject: x\r\n", b"BDAT 5\r\nab\r\n.", b"BDAT 4 LAST\r\n\r\n\r\n",
    b"BDAT 0 LAST\r\n", b"Subject: x\r\n\r\n..x\r\n.\r\n", b".\r\n", b"x" * 3000 + b"\r\n.\r\n", b"AUTH LOGIN\r\n",
    b"dXNlcg==\r\n", b"*\r\n", b"AUTH PLAIN " + b64encode(b"\0user\0secret") + b"\r\n", b"VRFY x\r\n", b"HELP\r\n",
    b"AUTH XOAUTH2\r\n", b"AUTH XOAUTH2 " + b64encode(b"user=u\1auth=Bearer e30.e30.x\1\1") + b"\r\n",
    b"AUTH OAUTHBEARER " + b64encode(b"n,a=u,\1host=x\1auth=Bearer e30.e30.x\1\1") + b"\r\n", b"AQ==\r\n",
    b"AUTH OAUTHBEARER " + b64encode(b"n,,\1auth=\1\1") + b"\r\n",
    b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\r\n",
]  # fmt: skip
ANSWERS = [Reply(250, "2.0.0", "OK")] * 8
ANSWERS += [Reply(450, "4.2.0", "Later"), Reply(550, "5.7.1", "No"), Reply(421, "4.3.2", "Shutting down")]
ASKS = AuthGiven | MailFrom | RcptTo | BodyStart | MessageReceived
LIMIT = 2000


def play(chance: random.Random) -> None:
    """One client, heard twice: in whole groups of commands, and in pieces."""
    policy = ServerPolicy(
        "mx.test", auth_required=False, auth_without_tls=True, bearer=True, size_limit=LIMIT, recipients_limit=5
    )
    groups = [mutated(chance.choice(COMMANDS), chance) for _ in range(chance.randint(1, 40))]
    seed, tls = chance.random(), chance.random() < 0.5
    whole, cut = Shell(policy, seed, tls), Shell(policy, seed, tls)
    for group in [b"EHLO client.test\r\n", *groups]:
        whole.hear([group])
        cut.hear(pieces(group, chance))
        if whole.did_not_wait or cut.did_not_wait:  # then time decides what is heard, as it must
            break
        assert whole.said == cut.said, (groups, whole.said, cut.said)
        assert whole.events == cut.events, groups
    ReplyReader().receive(whole.said)
    assert whole.said.endswith(b"\r\n")


class Shell:
    """Answers by chance, the same for the same seed, and checks what a shell relies on."""

    def __init__(self, policy: ServerPolicy, seed: float, tls: bool) -> None:
        self.chance = random.Random(seed)
        self.session = Session(policy, tls=tls)
        self.session.greet()
        self.said = b""
        self.events: list[Event] = []
        self.body: bytes | None = None
        self.did_not_wait = False
        """Whether the client went on behind DATA or STARTTLS without waiting for the reply (RFC 2920 §3.1)."""

    def hear(self, packets: list[bytes]) -> None:
        """Pass packets on, and answer."""
        for packet in packets:
            events = self.session.receive(packet)
            while events:
                events = self.take(events)
            self.said += self.session.output()
        self.did_not_wait |= EARLY_BODY.encode() in self.said

    def take(self, events: list[Event]) -> list[Event]:
        """Look at what happened; whatever follows the answer."""
        for event in events:
            self.note(event)
        assert not any(isinstance(event, ASKS | StartTls) for event in events[:-1])
        if isinstance(events[-1], StartTls):
            self.said += self.session.output()
            self.session.tls_started()
            self.did_not_wait = True
        return self.session.answer(self.chance.choice(ANSWERS)) if isinstance(events[-1], ASKS) else []

    def note(self, event: Event) -> None:
        """Bodies come between their start and their end, in order and in bounds."""
        match event:
            case BodyStart():
                assert event.envelope.recipients
                self.body = b""
            case BodyPart():
                assert self.body is not None
                self.body += event.octets
                assert len(self.body) <= LIMIT
                return
            case MessageReceived():
                assert self.body is not None and len(self.body) == event.size
                rest = self.body.replace(b"\r\n", b"")
                assert b"\r" not in rest and b"\n" not in rest and b"\0" not in rest
                self.events.append(BodyPart(self.body))
                self.body = None
            case MessageAborted():
                self.body = None
        self.events.append(event)


if __name__ == "__main__":
    run(play)
