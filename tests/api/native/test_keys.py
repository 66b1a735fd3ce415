"""Who may ask: keys with scopes and an end, of a tenant or of the operator, each as often as it may."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from goodstanding.api.native.rates import Rates
from goodstanding.api.patience import MISSES, Patience
from goodstanding.operate import api_keys
from goodstanding.operate.api_keys import FRESH, Keyring, Wish
from tests.api.native.installation import Client, Installation


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    found = Installation(tmp_path_factory.mktemp("keys"))
    found.furnish()
    yield found
    found.close()


@pytest.fixture
def client(installation: Installation) -> Iterator[Client]:
    with installation.asked() as found:
        yield found


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("", "send Authorization"),
        ("nonsense", "no key of ours"),
        ("gs_000000000000_secret", "no key of ours"),
        ("gs__", "no key of ours"),
        ("\u00fc" * 20, "no key of ours"),
        ("x" * 100_000, "send Authorization"),
    ],
)
def test_without_a_key_of_ours_nothing_is_told(client: Client, key: str, why: str) -> None:
    shown = {"Authorization": f"Bearer {key}".encode()} if key else {}
    answer = client.http.get("/v1/tenants", headers=shown)
    assert (answer.status_code, answer.headers["Content-Type"]) == (401, "application/problem+json")
    assert why in answer.json()["detail"]
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_key_with_another_secret_is_no_key(client: Client, installation: Installation) -> None:
    prefix, name, secret = installation.operator.split("_", 2)
    other = secret[:-1] + ("A" if secret[-1] != "A" else "B")
    assert client("GET", "/me", key=f"{prefix}_{name}_{other}").status_code == 401
    assert client("GET", "/me", key=f"{prefix}_{name}_").status_code == 401


def test_an_expired_key_opens_nothing(client: Client, installation: Installation) -> None:
    key = installation.key("", expires=time.time() + 1000)
    with installation.database.tx() as tx:
        tx.run("UPDATE api_key SET expires = ? WHERE id = ?", (time.time() - 1, key.split("_")[1]))
    answer = client("GET", "/me", key=key)
    assert (answer.status_code, "has expired" in answer.text) == (401, True)


def test_a_revoked_key_opens_nothing_within_a_second(installation: Installation) -> None:
    ring, now = Keyring(installation.database, installation.master), time.time()
    token = installation.key("shop")
    key = ring.holder(token, now)
    assert isinstance(key, api_keys.Key)
    api_keys.revoke(installation.database, key.id)
    assert ring.holder(token, now + FRESH + 0.1) == "revoked"


def test_only_a_digest_of_a_key_is_stored(installation: Installation) -> None:
    secret = installation.key("shop").split("_", 2)[2].encode()
    with installation.database.read() as tx:
        stored = b"".join(digest for (digest,) in tx.rows("SELECT digest FROM api_key"))
    assert secret not in stored
    everywhere = b"".join(path.read_bytes() for path in Path(installation.settings.data_dir).glob("goodstanding.db*"))
    assert secret not in everywhere


def test_a_scope_that_is_missing_is_named(client: Client, installation: Installation) -> None:
    key = installation.key("", "queue:read")
    assert client("GET", "/queue", key=key).status_code == 200
    for method, path in (("GET", "/tenants"), ("POST", "/queue/hold"), ("DELETE", "/subscriptions/shop/otp")):
        answer = client(method, path, key=key)
        assert answer.status_code == 403
        assert "scope" in answer.json()["detail"]


def test_writing_does_not_include_reading(client: Client, installation: Installation) -> None:
    key = installation.key("", "tenants:write")
    assert client("GET", "/tenants", key=key).status_code == 403


def test_a_key_makes_no_key_that_may_more(client: Client, installation: Installation) -> None:
    small = installation.key("shop", "apikeys:write", "queue:read", expires=time.time() + 1000)
    wish = {"name": "more", "scopes": ["queue:read"], "expires": time.time() + 500}
    assert client("POST", "/apikeys", wish, key=small).json()["key"]["tenant"] == "shop"
    for more in ({"scopes": ["queue:write"]}, {"scopes": ["*:read"]}, {"expires": 0}, {"expires": time.time() + 5000}):
        assert client("POST", "/apikeys", wish | more, key=small).status_code == 403
    assert client("POST", "/apikeys", wish | {"tenant": "bank"}, key=small).status_code == 404


def test_a_new_key_works_and_is_shown_once(client: Client) -> None:
    made = client("POST", "/apikeys", {"name": "export", "scopes": ["queue:read"], "tenant": "shop"}).json()
    assert client("GET", "/me", key=made["token"]).json()["tenant"] == "shop"
    listed = client("GET", "/apikeys")
    assert made["key"]["id"] in listed.text
    assert made["token"].split("_", 2)[2] not in listed.text
    assert client("DELETE", f"/apikeys/{made['key']['id']}").status_code == 204
    assert client("DELETE", f"/apikeys/{made['key']['id']}").status_code == 409


@pytest.mark.parametrize("wish", [{"scopes": ["x:read"]}, {"tenant": "nobody"}, {"expires": 1}])
def test_a_wish_that_cannot_be_is_refused(client: Client, wish: dict[str, object]) -> None:
    answer = client("POST", "/apikeys", {"name": "x", "scopes": ["*:read"]} | wish)
    assert answer.status_code in (403, 422)


# --- once ------------------------------------------------------------------------------------------------------------


def test_the_same_word_makes_one_key_and_gives_the_same_answer(client: Client) -> None:
    wish = {"name": "once", "scopes": ["queue:read"]}
    first = client("POST", "/apikeys", wish, Idempotency_Key="a b")
    again = client("POST", "/apikeys", wish, Idempotency_Key="a b")
    assert (first.status_code, again.status_code, first.json()) == (201, 201, again.json())
    assert (first.headers.get("Idempotent-Replayed"), again.headers["Idempotent-Replayed"]) == (None, "true")
    assert client("GET", "/apikeys").text.count('"name":"once"') == 1


def test_a_word_stands_for_one_request_of_one_key(client: Client, installation: Installation) -> None:
    wish = {"name": "x", "scopes": ["queue:read"]}
    first = client("POST", "/apikeys", wish, Idempotency_Key="c")
    assert client("POST", "/apikeys", wish | {"name": "y"}, Idempotency_Key="c").status_code == 409
    other = client("POST", "/apikeys", wish, Idempotency_Key="c", key=installation.key(""))
    assert other.json()["token"] != first.json()["token"]


def test_a_word_stands_for_one_request_to_one_thing(client: Client) -> None:
    url = "https://hooks.shop.example:4/"
    one, other = (
        client("POST", "/webhooks", {"url": url + name, "tenant": "shop"}).json()["webhook"]["number"]
        for name in ("one", "other")
    )
    first = client("POST", f"/webhooks/{one}/rotate", {}, Idempotency_Key="g")
    assert (first.status_code, first.json()["number"]) == (200, one)
    assert client("POST", f"/webhooks/{one}/rotate", {}, Idempotency_Key="g").json() == first.json()
    assert client("POST", f"/webhooks/{other}/rotate", {}, Idempotency_Key="g").status_code == 409


def test_a_request_that_failed_may_be_mended_and_repeated(client: Client) -> None:
    wish = {"name": "x", "scopes": ["queue:read"], "tenant": "nobody"}
    assert client("POST", "/apikeys", wish, Idempotency_Key="d").status_code == 422
    assert client("POST", "/apikeys", wish | {"tenant": "shop"}, Idempotency_Key="d").status_code == 201


def test_the_secret_in_a_kept_answer_is_sealed(client: Client, installation: Installation) -> None:
    made = client("POST", "/credentials", {"subscription": "shop/otp"}, Idempotency_Key="e").json()
    with installation.database.read() as tx:
        (kept,) = tx.rows("SELECT sealed FROM api_once WHERE said = 'e'")
    assert made["secret"].encode() not in bytes(kept[0])


def test_nobody_knows_how_an_interrupted_request_ended(client: Client, installation: Installation) -> None:
    wish = {"name": "f", "scopes": ["queue:read"]}
    client("POST", "/apikeys", wish, Idempotency_Key="f")
    with installation.database.tx() as tx:
        tx.run("UPDATE api_once SET status = 0, sealed = NULL WHERE said = 'f'")
    answer = client("POST", "/apikeys", wish, Idempotency_Key="f")
    assert (answer.status_code, "nobody knows" in answer.text) == (409, True)


# --- how often -------------------------------------------------------------------------------------------------------


def test_a_key_that_asks_too_often_waits_and_others_do_not(tmp_path: Path) -> None:
    installation = Installation(tmp_path, requests=5)
    other = installation.key("")
    with installation.asked() as client:
        answers = [client("GET", "/me") for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429]
        assert answers[0].headers["RateLimit"].startswith('"key";r=4;')
        assert answers[0].headers["RateLimit-Policy"] == '"key";q=5;w=60'
        assert 1 <= int(answers[5].headers["Retry-After"]) <= 13
        assert client("GET", "/me", key=other).status_code == 200
    installation.close()


def test_an_allowance_comes_back_with_time() -> None:
    rates = Rates(60)
    for _ in range(60):
        assert not rates.ask("a", 100.0).wait
    assert rates.ask("a", 100.0).wait == pytest.approx(1.0)
    assert not rates.ask("a", 101.1).wait
    assert rates.ask("a", 200.0).left == 59


def test_whoever_tries_many_wrong_keys_waits_and_right_ones_do_not(installation: Installation) -> None:
    with installation.asked(Patience()) as client:
        answers = [client("GET", "/me", key=f"gs_{n:012}_x") for n in range(MISSES + 1)]
        assert [answer.status_code for answer in answers[-2:]] == [401, 429]
        assert int(answers[-1].headers["Retry-After"]) >= 1
        assert client("GET", "/me").status_code == 200


def test_when_a_key_was_used_is_noted(client: Client, installation: Installation) -> None:
    key = installation.key("shop")
    client("GET", "/me", key=key)
    assert time.time() - client("GET", f"/apikeys/{key.split('_')[1]}").json()["used"] < 60


def test_keys_are_made_and_revoked_on_both_engines(database_url: str) -> None:
    from goodstanding.store.db import Database
    from goodstanding.store.schema import migrate

    database = Database(database_url)
    migrate(database)
    made = api_keys.add(database, bytes(32), Wish("", "x", ["queue:read", "*:write"]), "eve")
    ring, now = Keyring(database, bytes(32)), time.time()
    held = ring.holder(made.token, now)
    assert isinstance(held, api_keys.Key)
    assert held.scopes == ("*:write", "queue:read")
    ring.note(held, now)
    assert [key.used for key in api_keys.listing(database)] == [now]
    api_keys.revoke(database, held.id, "eve")
    assert ring.holder(made.token, now + 2) == "revoked"
    database.close()
