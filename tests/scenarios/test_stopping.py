"""SIGTERM loses nothing, SIGHUP brings a new certificate, and nobody is kept waiting for long."""

import signal
import smtplib
import ssl
from pathlib import Path

import pytest

from goodstanding.net.tls import self_signed
from tests.scenarios.client import Crowd, letter, new_token, session, submit
from tests.scenarios.conftest import MakeRelay
from tests.scenarios.patience import eventually
from tests.scenarios.relay import Relay
from tests.scenarios.sink import Sink


def test_sigterm_under_load_loses_nothing_and_delivers_nothing_twice(make_relay: MakeRelay, sink: Sink) -> None:
    relay = make_relay()
    with Crowd(relay.plain) as crowd:
        for _ in range(3):
            relay.start()
            before = len(crowd.acknowledged)
            eventually(lambda before=before: len(crowd.acknowledged) > before + 50, "mail flows")  # type: ignore[misc]
            assert relay.stop() == 0
    relay.start()
    relay.wait_until_empty()
    assert crowd.acknowledged <= set(sink.tokens())
    assert len(sink.tokens()) == len(set(sink.tokens()))


def test_a_stopping_relay_says_goodbye(relay: Relay) -> None:
    with session(relay.plain) as client:
        client.ehlo()
        relay.signal(signal.SIGTERM)
        code, text = client.getreply()
        assert (code, text.startswith(b"4.3.2")) == (421, True)


def test_a_message_that_is_arriving_when_the_relay_stops_may_finish(relay: Relay, sink: Sink) -> None:
    token = new_token()
    octets = letter(token)
    with session(relay.plain) as client:
        client.ehlo()
        client.mail("app@acme.example")
        client.rcpt("somebody@example.net")
        client.putcmd("data")
        assert client.getreply()[0] == 354
        client.sock.sendall(octets[:200])  # type: ignore[union-attr]
        relay.signal(signal.SIGTERM)
        with pytest.raises(OSError):
            eventually(lambda: smtplib.SMTP("127.0.0.1", relay.plain, timeout=5).close(), "refused", 10.0)
        client.sock.sendall(octets[200:] + b".\r\n")  # type: ignore[union-attr]
        assert client.getreply()[0] == 250
    assert relay.wait() == 0
    relay.start()
    relay.wait_until_empty()
    assert sink.tokens() == [token]


def test_a_delivery_under_way_when_the_relay_stops_is_finished(relay: Relay, sink: Sink) -> None:
    sink.manners.delay = 1.0
    token = submit(relay.plain)
    eventually(lambda: sink.connections, "a connection to the sink")
    relay.stop()
    assert (sink.tokens(), relay.queued()) == ([token], 0)


def test_sighup_brings_the_new_certificate_and_breaks_no_session(make_relay: MakeRelay, tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    first = renew(certificate, key)
    relay = make_relay(f"submission.certificate={certificate}", f"submission.key={key}")
    relay.start()
    assert shown(relay.implicit) == first
    with Crowd(relay.plain, sessions=3) as crowd:
        second = renew(certificate, key)
        relay.signal(signal.SIGHUP)
        eventually(lambda: shown(relay.implicit) == second, "the new certificate")
        before = len(crowd.acknowledged)
        eventually(lambda: len(crowd.acknowledged) > before + 20, "mail flows")
    relay.wait_until_empty()
    assert relay.stop() == 0


def test_sighup_with_a_broken_certificate_changes_nothing(make_relay: MakeRelay, tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    first = renew(certificate, key)
    relay = make_relay(f"submission.certificate={certificate}", f"submission.key={key}")
    relay.start()
    certificate.write_text("not a certificate")
    relay.signal(signal.SIGHUP)
    eventually(lambda: "certificate" in relay.log(), "a word about it")
    assert shown(relay.implicit) == first
    submit(relay.plain)


def renew(certificate: Path, key: Path) -> bytes:
    """A fresh certificate in the files; its DER form."""
    pem, private = self_signed(["localhost", "127.0.0.1"], 1.7e9)
    certificate.write_bytes(pem)
    key.write_bytes(private)
    return ssl.PEM_cert_to_DER_cert(pem.decode())


def shown(port: int) -> bytes:
    """The certificate a listener shows, in DER form."""
    return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", port), timeout=10))
