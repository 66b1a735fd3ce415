"""Applications that log in with tokens, over STARTTLS, against an issuer on loopback."""

import hmac
import json
import signal
import smtplib
import ssl
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.scenarios.conftest import MakeRelay
from tests.scenarios.issuer import Issuer
from tests.scenarios.patience import eventually
from tests.scenarios.relay import Relay
from tests.scenarios.sink import Sink

USER = "acme-app|robot"
LETTER = b"From: app@acme.example\r\nSubject: x\r\nX-Token: {}\r\n\r\nhello\r\n"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    found = Issuer()
    yield found
    found.close()


@pytest.fixture
def relay(make_relay: MakeRelay, issuer: Issuer) -> Relay:
    """It knows the issuer, and one application of it."""
    made = make_relay("submission.trusted=[]", "submission.failed_logins=10000")
    with made.file.open("a") as config:
        config.write(
            f'[[tokens.issuers]]\nissuer = "{issuer.name}"\naudiences = ["https://relay.example"]\nscope = "mail"\n'
        )
    made.command("credential", "link", "acme/app", "--issuer", issuer.name, "--application", "robot")
    made.start()
    return made


@contextmanager
def secured(relay: Relay) -> Iterator[smtplib.SMTP]:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with smtplib.SMTP("127.0.0.1", relay.starttls, "client.example", 30) as client:
        client.starttls(context=context)
        client.ehlo()
        yield client


def xoauth2(client: smtplib.SMTP, token: str, user: str = USER) -> list[bytes]:
    """Log in as applications for Microsoft and Google do; the challenges that came."""
    challenges: list[bytes] = []

    def say(challenge: bytes | None = None) -> str:
        if challenge is None:
            return f"user={user}\1auth=Bearer {token}\1\1"
        challenges.append(challenge)
        return ""

    client.auth("XOAUTH2", say)  # type: ignore[arg-type]
    return challenges


def oauthbearer(client: smtplib.SMTP, token: str, user: str = "") -> None:
    named = f"a={user}" if user else ""

    def say(challenge: bytes | None = None) -> str:
        return "\1" if challenge else f"n,{named},\1host=relay.example\1port=587\1auth=Bearer {token}\1\1"

    client.auth("OAUTHBEARER", say)  # type: ignore[arg-type]


def refusal(relay: Relay, token: str, user: str = USER) -> str:
    """The reply to a token that opens nothing."""
    with secured(relay) as client, pytest.raises(smtplib.SMTPAuthenticationError) as caught:
        xoauth2(client, token, user)
    error = caught.value.smtp_error
    return f"{caught.value.smtp_code} {error.decode() if isinstance(error, bytes) else error}"


def test_tokens_are_offered_behind_tls_and_open_the_subscription(relay: Relay, issuer: Issuer, sink: Sink) -> None:
    with smtplib.SMTP("127.0.0.1", relay.starttls, "client.example", 30) as client:
        client.ehlo()
        assert not client.has_extn("auth")
    token = issuer.token(time.time())
    for login in (xoauth2, oauthbearer):
        with secured(relay) as client:
            assert client.esmtp_features["auth"].split() == ["PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"]
            login(client, token)
            client.sendmail("app@acme.example", ["ann@example.net"], LETTER.replace(b"{}", login.__name__.encode()))
    with secured(relay) as client:
        oauthbearer(client, token, "acme-app.robot")
    eventually(lambda: set(sink.tokens()) == {"xoauth2", "oauthbearer"}, "both arrive")
    assert issuer.asked.count("/shop/keys") <= 2, "once a worker"
    assert token not in relay.log()
    for part in token.split("."):
        assert part not in relay.log()


def test_every_other_token_is_refused(relay: Relay, issuer: Issuer) -> None:
    now = time.time()
    stranger = Issuer()
    stranger.close()
    pem = issuer.keys["one"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header, said, _ = issuer.token(now).split(".")
    refused = {
        "expired": issuer.token(now, exp=now - 100),
        "not valid yet": issuer.token(now, nbf=now + 1000),
        "for somebody else": issuer.token(now, aud="https://other.example"),
        "issuer is not known": issuer.token(now, iss="https://other.example"),
        "signature is not that": f"{header}.{said}.{stranger.token(now).split('.')[2]}",
        "no credential is linked": issuer.token(now, azp="somebody"),
        "not a signed token": f"{segment({'alg': 'none', 'kid': 'one'})}.{said}.",
        "a way that is not believed; use": f"{segment({'alg': 'none', 'kid': 'one'})}.{said}.AAAA",
        "a way that is not believed": signed_with_public_key({"alg": "HS256", "kid": "one"}, said, pem),
        "signature is not that of": signed_with_public_key({"alg": "RS256", "kid": "one"}, said, pem),
    }
    for words, token in refused.items():
        reply = refusal(relay, token)
        assert reply.startswith("535 5.7.8") and words in reply, reply
    assert refusal(relay, issuer.token(now), "somebody-else").startswith("535 5.7.8")
    with secured(relay) as client:
        xoauth2(client, issuer.token(now))
    assert "mechanism='XOAUTH2' because='expired' event='login failed'" in relay.log()
    assert not any(part in relay.log() for token in refused.values() for part in token.split(".") if len(part) > 20)


def segment(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def signed_with_public_key(header: dict[str, str], said: str, pem: bytes) -> str:
    signed = f"{segment(header)}.{said}"
    return f"{signed}.{urlsafe_b64encode(hmac.digest(pem, signed.encode(), sha256)).rstrip(b'=').decode()}"


def test_a_refused_token_is_told_why_in_a_challenge(relay: Relay, issuer: Issuer) -> None:
    with secured(relay) as client:
        code, told = client.docmd("AUTH", "OAUTHBEARER bixhPXUsAWF1dGg9AQE=")  # n,a=u, and an empty auth
        assert (code, json.loads(b64decode(told))) == (
            334,
            {
                "status": "invalid_token",
                "scope": "mail",
                "openid-configuration": f"{issuer.name}/.well-known/openid-configuration",
            },
        )
        assert client.docmd("AQ==")[0] == 535
        assert client.noop()[0] == 250


def test_a_revoked_link_is_shut_for_the_same_token_and_in_open_sessions(relay: Relay, issuer: Issuer) -> None:
    token = issuer.token(time.time())
    with secured(relay) as client:
        xoauth2(client, token)
        client.mail("app@acme.example")
        client.rset()
        relay.command("credential", "revoke", USER)
        eventually(
            lambda: client.mail("app@acme.example")[0] == 535 or client.rset()[0] != 250, "the session ends", 5.0
        )
    assert "no credential is linked" in eventually(
        lambda: [said for said in [tried(relay, token)] if said], "the token opens nothing", 5.0
    )[0]  # fmt: skip


def tried(relay: Relay, token: str) -> str:
    """The refusal of a token, empty while it still opens."""
    with secured(relay) as client:
        try:
            xoauth2(client, token)
        except smtplib.SMTPAuthenticationError as exc:
            return str(exc)
    return ""


def test_a_session_ends_with_its_token(relay: Relay, issuer: Issuer) -> None:
    now = time.time()
    with secured(relay) as client:
        xoauth2(client, issuer.token(now, exp=now - 57))  # the leeway is 60 s
        assert client.mail("app@acme.example")[0] == 250
        client.rset()
        eventually(lambda: time.time() > now + 3.1, "the token is over")
        code, said = client.mail("app@acme.example")
    assert (code, b"expired" in said) == (535, True)


def test_a_new_key_of_the_issuer_works_and_a_withdrawn_one_does_not(relay: Relay, issuer: Issuer) -> None:
    now = time.time()
    issuer.make_key("two")
    old = issuer.token(now)
    with secured(relay) as client:
        xoauth2(client, issuer.token(now, "two"))
    del issuer.keys["one"]
    relay.signal(signal.SIGHUP)  # new workers have no keys yet, as after the hold
    eventually(lambda: tried(relay, old) != "", "the old key is gone", 20.0)
    with secured(relay) as client:
        xoauth2(client, issuer.token(now, "two"))


def test_a_user_name_of_acs_logs_in_with_a_secret_in_both_spellings(relay: Relay) -> None:
    made = json.loads(relay.command("credential", "add", "acme/app", "--username", "acme-mail|0f3b|72f9", "--json"))
    for user in ("acme-mail|0f3b|72f9", "acme-mail.0f3b.72f9"):
        eventually(lambda user=user: logs_in(relay, user, made["secret"]), f"{user} logs in", 5.0)
    assert not logs_in(relay, "acme-mail|0f3b|72f9", "guess")


def logs_in(relay: Relay, user: str, secret: str) -> bool:
    with secured(relay) as client:
        client.user, client.password = user, secret  # type: ignore[attr-defined]
        try:
            client.auth("PLAIN", client.auth_plain)
        except smtplib.SMTPAuthenticationError:
            return False
    return True
