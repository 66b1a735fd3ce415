"""The web process as the world meets it: over TLS, with good and bad requests, and killed in between."""

import http.client
import pickle
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from goodstanding.companion import Orders
from goodstanding.model import MessageId, Stream, SubscriptionName, TenantName
from goodstanding.net.tls import self_signed
from goodstanding.operate import suppression
from goodstanding.operate.opening import open_estate
from goodstanding.operate.suppression import Wanted
from goodstanding.settings import Settings, WebSettings
from goodstanding.store import estate
from goodstanding.wire.list_unsubscribe import Token, seal_token
from tests.scenarios.relay import free_port

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CLICK = "List-Unsubscribe=One-Click"
Answer = tuple[int, str, http.client.HTTPMessage]


class Site:
    """One installation with its page; the process may come and go."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(data_dir=str(folder / "data"), drain=0.5, web=WebSettings(port=free_port()))
        self.database, self.master = open_estate(self.settings)
        with self.database.tx() as tx:
            estate.add_subscription(tx, "shop/news", Stream.BULK, 0.0)
        self.certificate, key = folder / "page.pem", folder / "page.key"
        pem, private = self_signed(["localhost"], time.time())
        self.certificate.write_bytes(pem)
        key.write_bytes(private)
        orders = Orders(self.settings, self.database.url, self.master, str(self.certificate), str(key))
        octets = pickle.dumps(orders)
        self.orders = len(octets).to_bytes(8) + octets
        self.process = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "goodstanding.api.server"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(self.orders)
        process.stdin.flush()
        assert process.stdout.readline() == b"ready\n"
        return process

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()
        self.database.close()

    def token(self, address: str = "anna@example.com", n: int = 0) -> str:
        token = Token(TenantName("shop"), Stream.BULK, SubscriptionName("shop/news"), address, MessageId(1), n, 0)
        return seal_token(suppression.token_key(self.master), token)

    def ask(self, method: str, path: str, body: str | bytes = "", headers: dict[str, str] | None = None) -> Answer:
        context = ssl.create_default_context(cafile=str(self.certificate))
        connection = http.client.HTTPSConnection("localhost", self.settings.web.port, timeout=20, context=context)
        connection.request(method, path, body or None, headers or {})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text, answer.headers

    def post(self, text: str) -> int:
        return self.ask("POST", f"/u/{text}", CLICK, FORM)[0]

    def left(self) -> set[str]:
        """Who gets no more bulk mail."""
        rows = suppression.rows(self.database, self.master, Wanted(stream="bulk", cause="unsubscribed"))
        return {row.address for row in rows}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"))
    yield site
    site.end()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_changes_nothing(site: Site, method: str) -> None:
    status, text, headers = site.ask(method, f"/u/{site.token('looker@example.com')}")
    assert status == 200
    assert ("<button" in text) == (method == "GET")
    assert headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in headers
    assert "looker@example.com" not in site.left()


@pytest.mark.parametrize(
    ("who", "body", "headers"),
    [
        ("form", CLICK, FORM),
        ("bare", CLICK, {}),
        ("button", f"{CLICK}&way=page", FORM),
        (
            "multipart",
            '--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
            {"Content-Type": "multipart/form-data; boundary=b"},
        ),
    ],
)
def test_one_click_acts_at_once(site: Site, who: str, body: str, headers: dict[str, str]) -> None:
    address = f"{who}@example.com"
    assert site.ask("POST", f"/u/{site.token(address)}", body, headers)[0] == 200
    assert address in site.left()
    status, text, _ = site.ask("GET", f"/u/{site.token(address)}")
    assert (status, "<button" in text, "already" in text) == (200, False, True)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ("", {}),
        ("foo=bar", FORM),
        ("List-Unsubscribe=Two-Clicks", FORM),
        ("garbage", {"Content-Type": "multipart/form-data; boundary=b"}),
        ("garbage", {"Content-Type": "multipart/form-data"}),
        (b"\xff\xfe=%ff&%%%", FORM),
        ("{", {"Content-Type": "application/json"}),
        (CLICK.encode("utf-16"), {"Content-Type": "application/x-www-form-urlencoded; charset=utf-16"}),
    ],
)
def test_a_post_that_does_not_ask_for_it_changes_nothing(
    site: Site, body: str | bytes, headers: dict[str, str]
) -> None:
    status, text, _ = site.ask("POST", f"/u/{site.token('careful@example.com')}", body, headers)
    assert status == 400
    assert "<h1>" in text
    assert "careful@example.com" not in site.left()


def test_a_large_body_is_refused(site: Site) -> None:
    status, _, _ = site.ask("POST", f"/u/{site.token('careful@example.com')}", CLICK + "&x=" + "y" * 100_000, FORM)
    assert status == 413
    assert "careful@example.com" not in site.left()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
def test_other_methods_are_refused(site: Site, method: str) -> None:
    assert site.ask(method, f"/u/{site.token('careful@example.com')}")[0] == 405


@pytest.mark.parametrize("path", ["/", "/u/", "/u", "/schema", "/u/x/y", "/u/%00", "/u/..%2f..%2fetc%2fpasswd"])
def test_elsewhere_is_nothing(site: Site, path: str) -> None:
    status, text, _ = site.ask("GET", path)
    assert status == 404
    assert "<h1>" in text


def test_who_guesses_waits_and_who_knows_does_not(site: Site) -> None:
    answers = [site.ask("GET", f"/u/guess{n}") for n in range(40)]
    assert answers[0][0] == 404
    waits = [headers["Retry-After"] for status, _, headers in answers if status == 429]
    assert waits and all(waits)
    assert site.post(site.token("neighbour@example.com")) == 200


def test_the_page_speaks_the_readers_language(site: Site) -> None:
    _, text, headers = site.ask("GET", f"/u/{site.token()}", headers={"Accept-Language": "it-IT,it"})
    assert 'lang="it"' in text
    assert headers["Content-Language"] == "it"


def test_plain_text_gets_no_answer(site: Site) -> None:
    plain = http.client.HTTPConnection("localhost", site.settings.web.port, timeout=20)
    with pytest.raises((http.client.HTTPException, OSError)):
        plain.request("GET", "/")
        plain.getresponse()


def test_what_could_not_be_stored_is_not_said_to_be_done(site: Site) -> None:
    token, file = site.token("later@example.com"), site.database.path
    file.rename(file.with_suffix(".away"))
    status, _, headers = site.ask("POST", f"/u/{token}", CLICK, FORM)
    file.with_suffix(".away").rename(file)
    assert (status, headers["Retry-After"]) == (503, "60")
    assert site.post(token) == 200
    assert "later@example.com" in site.left()


def test_what_was_answered_survives_a_kill(site: Site) -> None:
    for n in range(5):
        assert site.post(site.token(f"killed{n}@example.com")) == 200
        site.process.send_signal(signal.SIGKILL)
        site.process.communicate()
        site.process = site.start()
    assert {f"killed{n}@example.com" for n in range(5)} <= site.left()


def test_it_ends_with_its_supervisor(site: Site) -> None:
    assert site.process.stdin is not None
    site.process.stdin.close()
    assert site.process.wait(20) is not None
    site.process = site.start()
