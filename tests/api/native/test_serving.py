"""How requests are served: on both engines, over a real socket, and when the store or the client is slow."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from goodstanding.api.native.serving import alone
from goodstanding.operate import api_keys
from goodstanding.operate.api_keys import Wish
from tests.api.native.installation import Installation
from tests.api.native.test_tenancy import ABOUT, OPERATIONS, World
from tests.api.test_unsubscribe import Site


def test_every_question_is_answered_on_both_engines(tmp_path: Path, database_url: str) -> None:
    installation = Installation(tmp_path, url=database_url if database_url.startswith("postgresql") else "")
    with installation.asked() as client:
        known = installation.furnish()
        world = World(installation, client, known, known.key_id)
        for operation, (method, _) in OPERATIONS.items():
            if method == "GET":
                answer = world.ask(ABOUT[operation], operation, installation.operator)
                assert answer.status_code == 200, answer.text
    installation.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    found = Site(tmp_path_factory.mktemp("served"))
    yield found
    found.end()


def test_the_page_process_serves_it_over_tls(site: Site) -> None:
    key = api_keys.add(site.database, site.master, Wish("shop", "a test", ["subscriptions:read"])).token
    shown = {"Authorization": f"Bearer {key}"}
    status, text, headers = site.ask("GET", "/v1/subscriptions", headers=shown)
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert [one["name"] for one in json.loads(text)["items"]] == ["shop/news"]
    assert site.ask("GET", "/v1/tenants", headers=shown)[0] == 403
    assert site.ask("GET", "/v1/docs")[0] == 200


def test_a_body_that_drips_is_given_up(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if not sent:
            sent.append("begun")
            return {"type": "http.request", "body": b"{", "more_body": True}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(event: Any) -> None:
        sent.append(event)

    headers = {"authorization": f"Bearer {installation.operator}", "content-type": "application/json"}
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/v1/tenants",
        "raw_path": b"/v1/tenants",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("192.0.2.9", 1),
        "server": ("localhost", 443),
        "scheme": "https",
        "root_path": "",
    }
    app: Any = alone(installation.place, body_within=0.05)
    asyncio.run(app(scope, receive, send))
    assert sent[1]["status"] == 408
    installation.close()


def test_a_store_that_cannot_is_503_and_says_when_to_come_again(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    with installation.asked() as client:
        assert client("GET", "/me").status_code == 200
        with installation.database.tx() as tx:
            tx.run("DROP TABLE pool")
        answer = client("GET", "/tenants")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "pool" not in answer.text
    installation.close()
