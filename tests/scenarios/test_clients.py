"""What people really submit with: each over TLS, with a password, and the mail arrives as they sent it."""

import os
import shutil
import smtplib
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.scenarios.client import SENDER, letter, new_token
from tests.scenarios.conftest import MakeRelay
from tests.scenarios.patience import eventually
from tests.scenarios.postfix import PROGRAMS, Postfix
from tests.scenarios.relay import Relay
from tests.scenarios.sink import Sink

RECIPIENT = "somebody@example.net"


@pytest.fixture
def relay(make_relay: MakeRelay) -> Relay:
    """One that runs and knows a credential, `relay.user` and `relay.secret`."""
    relay = make_relay()
    relay.add_credential()
    relay.start()
    return relay


def require(program: str, package: str) -> None:
    """Skipped loudly without the program, and failed in CI, where it has to be."""
    if shutil.which(program):
        return
    reason = f"{program} was not tried: not installed (Debian: apt-get install {package})"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def run(*command: str, octets: bytes = b"") -> None:
    done = subprocess.run(command, input=octets, capture_output=True, timeout=60)
    said = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == 0, said


def arrived(relay: Relay, sink: Sink, token: str, by: str) -> None:
    """It is there, once, with the envelope and the trace it should have."""
    relay.wait_until_empty()
    [mail] = sink.mails
    assert (mail.token(), mail.sender, mail.recipients) == (token, SENDER.encode(), (RECIPIENT.encode(),))
    assert f"with {by} id ".encode() in mail.header()
    assert f"this is {token}, and a line that says so".encode() in mail.octets


def unchecked() -> ssl.SSLContext:
    """Trusts our self-signed certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@pytest.mark.parametrize("listener", ["starttls", "implicit"])
def test_smtplib(relay: Relay, sink: Sink, listener: str) -> None:
    token = new_token()
    if listener == "starttls":
        client: smtplib.SMTP = smtplib.SMTP("127.0.0.1", relay.starttls, timeout=30)
        client.starttls(context=unchecked())
    else:
        client = smtplib.SMTP_SSL("127.0.0.1", relay.implicit, timeout=30, context=unchecked())
    with client:
        client.login(relay.user, relay.secret)
        client.sendmail(SENDER, [RECIPIENT], letter(token))
    arrived(relay, sink, token, "ESMTPSA")


def test_a_wrong_password_opens_nothing(relay: Relay) -> None:
    with smtplib.SMTP_SSL("127.0.0.1", relay.implicit, timeout=30, context=unchecked()) as client:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login(relay.user, "guess")
        client.ehlo()


@pytest.mark.parametrize("how", ["LOGIN", "PLAIN"])
def test_swaks(relay: Relay, sink: Sink, how: str) -> None:
    require("swaks", "swaks")
    token = new_token()
    body = f"this is {token}, and a line that says so"
    run(
        *("swaks", "--server", f"127.0.0.1:{relay.starttls}", "--tls", "--auth", how),
        *("--auth-user", relay.user, "--auth-password", relay.secret, "--from", SENDER, "--to", RECIPIENT),
        *("--add-header", f"X-Token: {token}", "--body", body, "--attach", "@/bin/true"),
    )
    arrived(relay, sink, token, "ESMTPSA")


@pytest.mark.parametrize("listener", ["starttls", "implicit"])
def test_msmtp(relay: Relay, sink: Sink, listener: str) -> None:
    require("msmtp", "msmtp")
    token = new_token()
    port = relay.starttls if listener == "starttls" else relay.implicit
    run(
        *("msmtp", "--host=127.0.0.1", f"--port={port}", "--auth=plain", f"--user={relay.user}"),
        *(f"--passwordeval=echo {relay.secret}", "--tls=on", "--tls-certcheck=off", f"--from={SENDER}"),
        *(f"--tls-starttls={'on' if listener == 'starttls' else 'off'}", RECIPIENT),
        octets=letter(token).replace(b"\r\n", b"\n"),
    )
    arrived(relay, sink, token, "ESMTPSA")


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_curl(relay: Relay, sink: Sink, tmp_path: Path, scheme: str) -> None:
    require("curl", "curl")
    token = new_token()
    file = tmp_path / "letter.eml"
    file.write_bytes(letter(token))
    port = relay.starttls if scheme == "smtp" else relay.implicit
    run(
        *("curl", "--silent", "--show-error", f"{scheme}://127.0.0.1:{port}", "--ssl-reqd", "--insecure"),
        *("--user", f"{relay.user}:{relay.secret}", "--mail-from", SENDER, "--mail-rcpt", RECIPIENT),
        *("--upload-file", str(file)),
    )
    arrived(relay, sink, token, "ESMTPSA")


def test_postfix_as_upstream(relay: Relay, sink: Sink) -> None:
    require("postfix", "postfix libsasl2-modules")
    if os.geteuid():
        pytest.skip("Postfix was not tried: it has to be started by root")
    assert PROGRAMS.exists()
    token = new_token()
    with Postfix(relay.starttls, relay.user, relay.secret) as upstream:
        upstream.send(letter(token).replace(b"\r\n", b"\n"), SENDER, RECIPIENT)
        eventually(lambda: sink.mails, upstream.log)
        assert "status=sent" in eventually(lambda: upstream.log() * ("status=" in upstream.log()), "a log line")
    arrived(relay, sink, token, "ESMTPSA")
