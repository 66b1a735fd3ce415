"""Byte for byte: what was sent is what arrives, behind the headers we added; nobody smuggles; signatures verify."""

import json
import random
import re
import smtplib
from pathlib import Path

import dkim
import pytest

from tests.conftest import shared_data
from tests.scenarios.client import SENDER, session, submit
from tests.scenarios.conftest import MakeRelay
from tests.scenarios.patience import eventually
from tests.scenarios.relay import Relay
from tests.scenarios.sink import Mail, Sink

RECIPIENT = "somebody@example.net"
ADDED = re.compile(rb"(?:(?:DKIM-Signature|Received|Date|Message-ID): [^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*)*(?:\r\n)?")
"""What may stand before the message as sent: header fields of ours, and a blank line if it had no header at all."""


def normalised(octets: bytes) -> bytes:
    """As a client must send it: CRLF at the end of every line, no CR or LF anywhere else (RFC 5321 §2.3.8)."""
    octets = re.sub(rb"\r\n|\r|\n", b"\r\n", octets)
    return octets if octets.endswith(b"\r\n") else octets + b"\r\n"


def send(relay: Relay, octets: bytes, how: str) -> None:
    with session(relay.plain) as client:
        client.ehlo()
        client.mail(SENDER, ["BODY=8BITMIME"])
        client.rcpt(RECIPIENT)
        if how == "DATA":
            code, text = client.data(octets)
        else:
            middle = len(octets) // 2
            client.send(b"BDAT %d\r\n" % middle + octets[:middle])
            assert client.getreply()[0] == 250
            client.send(b"BDAT %d LAST\r\n" % (len(octets) - middle) + octets[middle:])
            code, text = client.getreply()
    assert code == 250, text


def torture() -> list[tuple[str, bytes]]:
    index = shared_data("conformance", "mime_index.dev.jsonl")
    names = [json.loads(line)["file"] for line in index.read_text(encoding="utf-8").splitlines()]
    octets = ((name, normalised(shared_data(*Path(name).parts).read_bytes())) for name in names)
    return [(name, message) for name, message in octets if b"\0" not in message]  # which nobody may send


@pytest.mark.parametrize("how", ["DATA", "BDAT"])
def test_mime_torture_goes_through_byte_for_byte(relay: Relay, sink: Sink, how: str) -> None:
    wrong: list[str] = []
    for name, octets in torture():
        sink.mails.clear()
        send(relay, octets, how)
        [mail] = eventually(lambda: list(sink.mails), name)
        prefix = mail.octets[: len(mail.octets) - len(octets)]
        if not mail.octets.endswith(octets) or not ADDED.fullmatch(prefix):
            wrong.append(name)
    assert not wrong


def test_a_nul_octet_is_refused_with_the_reason(relay: Relay) -> None:
    with session(relay.plain) as client, pytest.raises(smtplib.SMTPDataError, match=r"5\.6\.0 .*NUL"):
        client.sendmail(SENDER, [RECIPIENT], b"Subject: nul\r\n\r\n\0\r\n")


def test_megabytes_with_every_kind_of_line_go_through_byte_for_byte(relay: Relay, sink: Sink) -> None:
    lottery = random.Random(5)
    kinds = [b".", b"..", b"", b".x", b"a line", bytes(range(128, 256)), b"x" * 998, b"x" * 5000, b"\t \t "]
    lines = [lottery.choice(kinds) for _ in range(8000)]
    octets = b"Subject: dots\r\n\r\n" + b"\r\n".join(lines) + b"\r\n"
    assert len(octets) > 4_000_000
    send(relay, octets, "DATA")
    [mail] = eventually(lambda: list(sink.mails), "delivery")
    assert mail.octets.endswith(octets)


def variants() -> list[str]:
    return json.loads(shared_data("conformance", "smtp_smuggling.json").read_text(encoding="utf-8"))["all"]  # type: ignore[no-any-return]


def test_no_end_of_data_variant_smuggles_a_message_in_or_out(relay: Relay, sink: Sink) -> None:
    second = b"MAIL FROM:<thief@x.example>\r\nRCPT TO:<victim@y.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nx"
    answers: dict[str, int] = {}
    for variant in variants():
        octets = b"Subject: first\r\n\r\nx" + variant.encode() + second
        with session(relay.plain) as client:
            client.ehlo()
            client.mail(SENDER)
            client.rcpt(RECIPIENT)
            client.putcmd("data")
            client.getreply()
            client.send(octets + b"\r\n.\r\n")
            try:
                answers[variant] = client.getreply()[0]
                client.quit()
            except smtplib.SMTPServerDisconnected:
                answers.setdefault(variant, 421)
    relay.wait_until_empty()
    assert all(mail.sender == SENDER.encode() for mail in sink.mails)
    assert len(sink.mails) == sum(code == 250 for code in answers.values())
    for mail in sink.mails:
        assert not re.search(rb"\r(?!\n)|(?<!\r)\n", mail.octets), "a bare CR or LF went out"
        assert not [variant for variant in variants() if variant.encode() in mail.octets], "a variant went out"


def test_relayed_mail_is_signed_and_verifies(make_relay: MakeRelay, sink: Sink) -> None:
    relay = make_relay("workers=1")  # several notice new keys within a second, but not in the same moment
    relay.start()
    records = dns_records(relay.command("domain", "add", "acme.example", "--tenant", "acme", "--json"))
    tokens = [eventually(lambda: signed(relay, sink), "the relay to notice the keys")]
    tokens += [submit(relay.plain, size=size) for size in (1, 100_000, 3_000_000)]
    octets = b"From: x@acme.example\r\nSubject: =?utf-8?q?a?=\r\n folded\r\n\r\n"
    send(relay, octets + b" trailing \t \r\n\r\n.\r\n..\r\n\r\n\r\n", "DATA")
    send(relay, octets, "DATA")
    relay.wait_until_empty()
    mails = [mail for mail in sink.mails if mail.token() in ("", *tokens)]
    assert len(mails) == 6
    for mail in mails:
        count = mail.header().count(b"DKIM-Signature: ")
        assert count == len(records) == 2, "RSA and Ed25519"
        verifier = dkim.DKIM(mail.octets, minkey=1024)
        for i in range(count):
            assert verifier.verify(idx=i, dnsfunc=lambda name, timeout=5: records[name.decode().rstrip(".")])


def signed(relay: Relay, sink: Sink) -> str:
    """The token of a message that came out signed; empty when it did not: keys are looked at every second."""
    token = submit(relay.plain)
    mail: Mail = eventually(lambda: [mail for mail in sink.mails if mail.token() == token], "delivery")[0]
    if b"DKIM-Signature: " in mail.header():
        return token
    sink.mails.remove(mail)
    return ""


def dns_records(said: str) -> dict[str, bytes]:
    """TXT records of DKIM keys by name, from what the command printed."""
    records = json.loads(said)["records"]
    return {entry["name"]: entry["value"].encode() for entry in records if "._domainkey." in entry["name"]}
