"""The sandbox over real sockets: what smtplib, a resolver and the control client see."""

import asyncio
import contextlib
import json
import smtplib
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import dns.resolver
import msgspec
import pytest
from cryptography import x509

from goodstanding.net.tls import self_signed, server_context
from goodstanding.sandbox.control import SandboxClient, SandboxError
from goodstanding.sandbox.settings import Ready, SandboxSettings
from goodstanding.sandbox.world import Sandbox

SENDER = "ann@acme.example"


@pytest.fixture(autouse=True)
def _publish(client: SandboxClient) -> None:
    client.add_zone("acme.example", [("@", "TXT", "v=spf1 ip4:127.0.0.0/8 -all"), ("@", "A", "127.0.0.1")])


@pytest.fixture
def resolver(ready: Ready) -> dns.resolver.Resolver:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [ready.dns_address]
    resolver.port = ready.dns_port
    resolver.lifetime = 5.0
    return resolver


@contextlib.contextmanager
def session(ready: Ready, host: int, *, tls: bool = False) -> Iterator[smtplib.SMTP]:
    smtp = smtplib.SMTP(f"{ready.host_prefix}.{host}", ready.smtp_port, "relay.acme.example", timeout=5)
    with contextlib.closing(smtp):
        if tls:
            smtp.starttls(context=ssl._create_unverified_context())
        yield smtp


def message(subject: str = "Hello", **more: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = SENDER, "someone", subject
    mail.set_content(more.get("body", "Text\n.\n..\n"))
    return mail


def refusal(smtp: smtplib.SMTP, *recipients: str, mail: EmailMessage | None = None) -> str:
    """The refusal that sending a message earns."""
    with pytest.raises((smtplib.SMTPRecipientsRefused, smtplib.SMTPResponseException)) as refused:
        smtp.send_message(mail or message(), SENDER, recipients)
    if isinstance(refused.value, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(refused.value.recipients.values()))
        return f"{code} {text.decode()}"
    assert isinstance(refused.value, smtplib.SMTPResponseException)
    error = refused.value.smtp_error
    return f"{refused.value.smtp_code} {error.decode() if isinstance(error, bytes) else error}"


@pytest.mark.parametrize("tls", [False, True])
def test_mail_is_accepted_kept_and_shown(ready: Ready, client: SandboxClient, tls: bool) -> None:
    subject = f"Überraschung {tls}"
    with session(ready, 11, tls=tls) as smtp:
        assert smtp.send_message(message(subject), SENDER, [f"inbox-{tls}@corp-postfix.example"]) == {}
    [summary] = client.mail(f"inbox-{tls}@corp-postfix.example")
    assert (summary.provider, summary.sender, summary.subject) == ("corp-postfix", SENDER, subject)
    assert summary.authentication == "spf=pass dkim=none dmarc=none"
    assert bool(summary.tls) is tls
    octets = client.show(summary.id).octets
    assert octets.startswith(b"Return-Path: <ann@acme.example>\r\nAuthentication-Results: mail.corp-postfix.example;")
    assert octets.endswith(b"\r\nText\r\n.\r\n..\r\n")
    assert summary.id in {mail.id for mail in client.mail("corp-postfix")} & {mail.id for mail in client.mail()}
    assert client.mail("nobody@corp-postfix.example") == []


def test_mail_is_kept_in_files_too(ready: Ready, client: SandboxClient, tmp_path: Path) -> None:
    with session(ready, 30) as smtp:
        smtp.send_message(message(), SENDER, ["x@sink.example"])
    [summary] = client.mail("x@sink.example")
    folder = Path(client.status().data_dir) / "sink"
    assert (folder / f"{summary.id}.eml").read_bytes() == client.show(summary.id).octets
    assert summary.id in [json.loads(line)["id"] for line in (folder / "index.jsonl").read_text().splitlines()]


def test_a_server_older_than_esmtp_takes_helo_and_seven_bits(ready: Ready) -> None:
    with session(ready, 13) as smtp:
        smtp.send_message(message(), SENDER, ["inbox@corp-legacy.example"])
        assert not smtp.does_esmtp
        assert refusal(smtp, "unknown@corp-legacy.example") == "550 unknown@corp-legacy.example... User unknown"
        eight = b"From: a@acme.example\r\n\r\n\xfc\r\n"
        with pytest.raises(smtplib.SMTPDataError, match="554, b'Eight bit data not allowed'"):
            smtp.sendmail(SENDER, "inbox@corp-legacy.example", eight)


@pytest.mark.parametrize(
    ("host", "extensions"),
    [
        (1, "8bitmime chunking enhancedstatuscodes pipelining size smtputf8 starttls"),
        (5, "8bitmime pipelining size starttls"),
        (11, "8bitmime chunking dsn enhancedstatuscodes pipelining size smtputf8 starttls"),
        (20, "enhancedstatuscodes pipelining size starttls"),
    ],
)
def test_every_provider_offers_its_own_extensions(ready: Ready, host: int, extensions: str) -> None:
    with session(ready, host) as smtp:
        smtp.ehlo()
        assert sorted(smtp.esmtp_features.keys() - {"help"}) == extensions.split()


@pytest.mark.parametrize(
    ("host", "recipient", "reply"),
    [
        (1, "unknown@gmail.example", "550 5.1.1 The email account that you tried to reach does not exist."),
        (3, "full@outlook.example", "554 5.2.2 mailbox full; STOREDRV.Deliver.Exception"),
        (5, "defer@yahoo.example", "451 4.3.2 Internal error, try again later"),
        (12, "unknown@corp-exchange.example", "550 5.1.10 RESOLVER.ADR.RecipientNotFound;"),
        (17, "inbox@corp-tlsonly.example", "530 5.7.0 Must issue a STARTTLS command first"),
    ],
)
def test_refusals_in_the_words_of_the_provider(ready: Ready, host: int, recipient: str, reply: str) -> None:
    with session(ready, host) as smtp:
        assert refusal(smtp, recipient).startswith(reply)


def test_content_is_refused_after_the_message(ready: Ready) -> None:
    with session(ready, 11) as smtp:
        assert refusal(smtp, "spam@corp-postfix.example") == "550 5.7.1 Blocked by SpamAssassin (score 14.2)"
        smtp.send_message(message(), SENDER, ["inbox@corp-postfix.example"])  # and the session goes on


def test_a_message_too_big_is_refused_by_its_announcement(ready: Ready) -> None:
    with session(ready, 19) as smtp:
        assert refusal(smtp, "inbox@corp-small.example", mail=message(body="x" * 76 + "\n" * 600_000)).startswith("552")


def test_unauthenticated_mail_is_refused_where_that_counts(ready: Ready, client: SandboxClient) -> None:
    client.add_zone("acme.example", [("@", "TXT", "v=spf1 -all")])
    with session(ready, 1) as smtp:
        assert refusal(smtp, "inbox@gmail.example").startswith("550 5.7.26 Your email has been blocked")
    with session(ready, 3) as smtp:
        assert refusal(smtp, "inbox@outlook.example").startswith("550 5.7.515 Access denied, sending domain acme.")


def test_broken_tls_fails_in_the_handshake_and_plain_text_works(ready: Ready) -> None:
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        session(ready, 15, tls=True).__enter__()
    with session(ready, 15) as smtp:
        smtp.send_message(message(), SENDER, ["inbox@corp-badtls.example"])


@pytest.mark.parametrize(("host", "holds"), [(11, True), (16, False)])
def test_certificates_are_good_or_expired(ready: Ready, host: int, holds: bool) -> None:
    with session(ready, host, tls=True) as smtp:
        assert isinstance(smtp.sock, ssl.SSLSocket)
        certificate = x509.load_der_x509_certificate(smtp.sock.getpeercert(True) or b"")
        assert smtp.sock.version() == "TLSv1.3"
    assert (certificate.not_valid_after_utc > datetime.now(UTC)) is holds


def test_our_own_certificate_is_trusted_by_whoever_trusts_it(tmp_path: Path) -> None:
    certificate, key = self_signed(["mail.example", "127.0.0.1"], time.time())
    (tmp_path / "c.pem").write_bytes(certificate)
    (tmp_path / "k.pem").write_bytes(key)
    server = server_context(tmp_path / "c.pem", tmp_path / "k.pem")
    for name in ("mail.example", "127.0.0.1"):
        ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = ssl.create_default_context(cadata=certificate.decode())
        ends = [client.wrap_bio(ours, theirs, server_hostname=name), server.wrap_bio(theirs, ours, server_side=True)]
        for end in ends * 3:
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
        assert [end.version() for end in ends] == ["TLSv1.3"] * 2


def test_ipv6_works_where_the_machine_has_it(ready: Ready, client: SandboxClient) -> None:
    [four, six] = _status(client, "sixfirst").hosts
    assert (four.address, four.up, six.address) == (f"{ready.host_prefix}.29", True, "::1")
    if not six.up:
        pytest.skip("this machine has no IPv6 loopback")
    with smtplib.SMTP("::1", ready.smtp_port, "relay.acme.example", timeout=5) as smtp:
        smtp.send_message(message(), SENDER, ["inbox@sixfirst.example"])
    assert client.mail("sixfirst")[0].client == "::1"


def test_silence_ends_a_connection() -> None:
    async def be_silent() -> bytes:
        sandbox = Sandbox(SandboxSettings(smtp_port=0, dns_port=0, control_port=0))
        ready = await sandbox.start()
        office = sandbox.offices["gmail"]
        office.provider = msgspec.structs.replace(office.provider, idle=0.05)
        reader, _ = await asyncio.open_connection(f"{ready.host_prefix}.1", ready.smtp_port)
        said = await asyncio.wait_for(reader.read(), 5)
        await sandbox.stop()
        return said

    welcome, farewell = asyncio.run(be_silent()).splitlines()
    assert welcome.startswith(b"220 gmail-smtp-in.l.gmail.example ESMTP")
    assert farewell.startswith(b"451 4.4.2 Timeout - closing connection.")


@pytest.mark.parametrize(("host", "code"), [(26, 554), (27, 421)])
def test_hosts_that_want_nobody(ready: Ready, host: int, code: int) -> None:
    with pytest.raises(smtplib.SMTPConnectError) as refused:
        session(ready, host).__enter__()
    assert refused.value.smtp_code == code


def test_a_silent_host_accepts_and_says_nothing(ready: Ready) -> None:
    with socket.create_connection((f"{ready.host_prefix}.25", ready.smtp_port), 5) as silent:
        silent.sendall(b"EHLO x\r\n")
        silent.settimeout(0.1)
        with pytest.raises(TimeoutError):
            silent.recv(1)


@pytest.mark.parametrize("host", [21, 23, 24])
def test_dead_hosts_refuse_the_connection(ready: Ready, host: int) -> None:
    with pytest.raises(ConnectionRefusedError):
        session(ready, host).__enter__()


def test_connections_that_break_off(ready: Ready) -> None:
    for recipient in ("hangup@corp-postfix.example", "lost@corp-postfix.example"):
        with session(ready, 11) as smtp, pytest.raises(smtplib.SMTPServerDisconnected):
            smtp.send_message(message(), SENDER, [recipient])


def test_pipelined_commands_are_answered_one_by_one(ready: Ready) -> None:
    commands = (
        "HELO x\r\nMAIL FROM:<a@acme.example>\r\nRCPT TO:<unknown@corp-exchange.example>\r\n"
        "RCPT TO:<inbox@corp-exchange.example>\r\nDATA\r\n"
    )
    with socket.create_connection((f"{ready.host_prefix}.12", ready.smtp_port), 5) as peer:
        lines = peer.makefile("rb")
        peer.sendall(lines.readline()[:0] + commands.encode())
        assert [lines.readline()[:3] for _ in range(5)] == [b"250", b"250", b"550", b"250", b"354"]
        peer.sendall(b"Subject: x\r\n\r\nHello\r\n.\r\nQUIT\r\n")
        assert [lines.readline()[:3] for _ in range(3)] == [b"250", b"221", b""]


def test_the_path_from_a_domain_to_a_host(ready: Ready, resolver: dns.resolver.Resolver) -> None:
    exchangers = sorted((record.preference, str(record.exchange)) for record in resolver.resolve("gmail.example", "MX"))
    assert exchangers[0] == (5, "gmail-smtp-in.l.gmail.example.")
    addresses = [record.address for record in resolver.resolve(exchangers[0][1], "A")]
    assert addresses == [f"{ready.host_prefix}.1"]
    assert str(resolver.resolve_address(addresses[0])[0]) == exchangers[0][1]
    with pytest.raises(dns.resolver.NXDOMAIN):
        resolver.resolve("nowhere.example", "MX")
    with pytest.raises(dns.resolver.NoNameservers):
        resolver.resolve("servfail.example", "MX")


def test_long_records_come_over_tcp(client: SandboxClient, resolver: dns.resolver.Resolver) -> None:
    texts = {f"{n} " + "x" * 300 for n in range(20)}
    client.add_zone("long.example", [("@", "TXT", text) for text in texts])
    answer = resolver.resolve("long.example", "TXT")
    assert {b"".join(record.strings).decode() for record in answer} == texts
    assert {b"".join(r.strings).decode() for r in resolver.resolve("long.example", "TXT", tcp=True)} == texts


def test_an_outage_begins_and_ends(ready: Ready, client: SandboxClient, resolver: dns.resolver.Resolver) -> None:
    with session(ready, 16) as before:
        client.set_outage("corp-oldcert", down=True)
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
            before.noop()
    with pytest.raises(ConnectionRefusedError):
        session(ready, 16).__enter__()
    assert not any(host.up for host in _status(client, "corp-oldcert").hosts)
    client.set_outage("corp-oldcert", down=False)
    with session(ready, 16):
        assert all(host.up for host in _status(client, "corp-oldcert").hosts)
    client.set_outage("dns", down=True)
    resolver.timeout = resolver.lifetime = 0.1
    with pytest.raises(dns.resolver.LifetimeTimeout):
        resolver.resolve("gmail.example", "MX")
    client.set_outage("dns", down=False)
    assert resolver.resolve("gmail.example", "MX")


def _status(client: SandboxClient, name: str):  # type: ignore[no-untyped-def]
    return next(provider for provider in client.status().providers if provider.name == name)


def test_counts_tell_what_was_said(ready: Ready, client: SandboxClient) -> None:
    before = client.counts()["corp-grey"]
    with session(ready, 18) as smtp:
        refusal(smtp, "unknown@corp-grey.example")
        smtp.send_message(message(), SENDER, ["inbox@corp-grey.example", "inbox2@corp-grey.example"])
    after = client.counts()["corp-grey"]
    changes = {name: after[name] - before.get(name, 0) for name in ("unknown", "accepted", "recipients_accepted")}
    assert changes == {"unknown": 1, "accepted": 1, "recipients_accepted": 2}


def test_what_the_control_port_cannot_do_is_said_in_words(client: SandboxClient) -> None:
    with pytest.raises(SandboxError, match="there is no provider 'nobody'; choose dns or one of gmail"):
        client.set_outage("nobody", down=True)
    with pytest.raises(SandboxError, match="no mail 'x' is kept"):
        client.show("x")
    with pytest.raises(SandboxError, match=r"zone bad\.example: @ A 'x'"):
        client.add_zone("bad.example", [("@", "A", "x")])


def test_no_sandbox_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="start one: goodstanding sandbox"):
        SandboxClient.of(tmp_path / "ready.json")


def test_a_taken_port_is_named_with_a_remedy(ready: Ready) -> None:
    settings = SandboxSettings(smtp_port=ready.smtp_port, dns_port=0, control_port=0)
    with pytest.raises(SandboxError, match=rf"cannot listen on 127.0.10.1 port {ready.smtp_port}: another program"):
        asyncio.run(Sandbox(settings).start())


def test_the_process_ends_in_order_when_told_to(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from goodstanding.sandbox.run import run_sandbox; "
        "from goodstanding.sandbox.settings import SandboxSettings; "
        "run_sandbox(SandboxSettings(smtp_port=0, dns_port=0, control_port=0, ready_file=Path(sys.argv[1])), "
        "lambda ready: print(ready.control_port, flush=True))"
    )
    file = tmp_path / "ready.json"
    with subprocess.Popen([sys.executable, "-c", program, str(file)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with SandboxClient.of(file) as client:
            assert client.status().ready.control_port == port
            process.terminate()
            assert process.wait(10) == 0
    assert not file.exists()
