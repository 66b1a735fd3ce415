"""The OpenAPI document and the page made of it; and that there is a route for everything the command line can do."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
import typer
from litestar.testing import TestClient

from goodstanding.api.native.catalogue import ROUTES
from goodstanding.api.site import application
from goodstanding.cli.main import app as command_line
from tests.api.native.installation import Client, Installation
from tests.api.native.test_tenancy import DOCUMENT, OPERATIONS
from tests.cli.conftest import Command, data_dir, goodstanding, stock  # noqa: F401  fixtures
from tests.test_docs import verbs


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    installation = Installation(tmp_path_factory.mktemp("document"))
    with installation.asked() as found:
        yield found
    installation.close()


def test_the_command_prints_what_is_served(client: Client, goodstanding: Command) -> None:  # noqa: F811
    assert goodstanding("openapi").json == client("GET", "/openapi.json", key="").json()


def test_every_route_is_described_with_what_it_may_answer() -> None:
    assert sorted(OPERATIONS) == sorted(one.id for one in ROUTES)
    for methods in DOCUMENT["paths"].values():
        for found in methods.values():
            assert found["summary"].endswith(".")
            assert {"401", "429", "503"} <= found["responses"].keys()
            assert not [name for name in found["parameters"] if not name["description"]], found["operationId"]


def test_references_lead_somewhere() -> None:
    references = set(re.findall(r'"#/components/(\w+)/([\w.]+)"', json.dumps(DOCUMENT)))
    assert references
    assert not [where for where in references if where[1] not in DOCUMENT["components"][where[0]]]


def test_the_page_is_plain_and_loads_nothing(client: Client) -> None:
    answer = client("GET", "/docs", key="")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert not re.search(r"<script|<link|<img|src=|@import|url\(|http:", answer.text)
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    allowed = answer.headers["Content-Security-Policy"]
    assert b64encode(sha256(style.encode()).digest()).decode() in allowed
    assert "default-src 'none'" in allowed
    for one in ROUTES:
        assert f'id="{one.id}"' in answer.text
    anchors = set(re.findall(r'id="([^"]+)"', answer.text))
    assert not [to for to in re.findall(r'href="#([^"]+)"', answer.text) if to not in anchors]


def test_the_site_serves_it_beside_its_pages(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    place = installation.place
    with TestClient(application(place.database, place.master, place.settings)) as found:
        client = Client(found, installation.operator)
        assert client("GET", "/tenants").json() == {"items": [], "next": ""}
        for method, path, status in (("GET", "/nowhere", 404), ("PUT", "/tenants", 405)):
            answer = client(method, path)
            assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
        assert found.get("/nowhere").headers["Content-Type"].startswith("text/html")
    installation.close()


def test_every_path_allows_what_it_has(client: Client) -> None:
    for path, methods in DOCUMENT["paths"].items():
        answer = client("PUT", re.sub(r"{\w+}", "x", path.removeprefix("/v1")))
        allowed = {name.strip() for name in answer.headers["Allow"].split(",")}
        assert allowed == {*map(str.upper, methods), "OPTIONS"}, path


# --- everything the command line can do ------------------------------------------------------------------------------

MACHINE = "it works on this machine: its processes, files or terminal"
COMMANDS: dict[str, str] = {
    **{f"apikey {verb}": f"apikeys-{verb}" for verb in ("add", "list", "revoke")},
    "apply": "estate-apply",
    "blast-radius": "isolation-blast-radius",
    "check": "about-check",
    "access-key list": "credentials-access-keys",
    "access-key regenerate": "credentials-regenerate",
    "access-key revoke": "credentials-revoke-access-key",
    **{f"credential {verb}": f"credentials-{verb}" for verb in ("add", "link", "list", "revoke")},
    **{f"domain {verb}": f"domains-{verb}" for verb in ("add", "list", "records", "remove", "rotate", "verify")},
    "domain set": "domains-alter",
    "export": "estate-export",
    **{f"feedback {verb}": f"feedback-{verb}" for verb in ("classify", "hooks", "import", "unmatched")},
    **{f"incident {verb}": f"incidents-{verb}" for verb in ("declare", "end", "list")},
    **{f"isolation {verb}": f"isolation-{verb}" for verb in ("show", "allow", "disallow")},
    **{f"pool {verb}": f"pools-{verb}" for verb in ("add", "list", "remove")},
    "pool set": "pools-alter",
    "quarantine list": "quarantine-campaigns",
    "quarantine show": "quarantine-list",
    **{f"quarantine {verb}": f"quarantine-{verb}" for verb in ("move", "refuse", "release", "undecide")},
    **{f"queue {verb}": f"queue-{verb}" for verb in ("drop", "hold", "list", "release", "retry", "show", "summary")},
    "reasons": "about-reasons",
    **{f"reputation {verb}": f"reputation-{verb}" for verb in ("list", "show", "why", "rebuild")},
    **{f"review {verb}": f"reviews-{verb}" for verb in ("answer", "decide", "list", "open", "show")},
    **{f"sender {verb}": f"subscriptions-{verb}-sender" for verb in ("add", "remove")},
    "sender list": "subscriptions-senders",
    **{
        f"standing {verb}": f"standings-{verb}"
        for verb in ("close", "lift", "list", "reinstate", "show", "slow", "suspend")
    },
    **{f"subscription {verb}": f"subscriptions-{verb}" for verb in ("add", "list", "remove")},
    "subscription set": "subscriptions-alter",
    **{
        f"suppression {verb}": f"suppressions-{verb}"
        for verb in ("add", "export", "from-mail", "import", "lift", "list")
    },
    "suppression proof": "suppressions-proof",
    **{f"tenant {verb}": f"tenants-{verb}" for verb in ("add", "list")},
    "tenant set": "tenants-alter",
    "trace": "messages-trace",
    **{f"trust {verb}": f"trust-{verb}" for verb in ("erase", "export", "import", "record", "show", "withdraw")},
    "trust law": "trust-laws",
    "version": "about-version",
    **{
        f"webhook {verb}": f"webhooks-{verb}"
        for verb in ("add", "deliveries", "disable", "enable", "list", "remove", "replay", "rotate", "test")
    },
    "why": "messages-why",
    **dict.fromkeys(("assess", "demo", "openapi", "serve"), MACHINE),
}
"""Which route does what a command does; or why there is none."""


def test_everything_the_command_line_can_do_has_a_route() -> None:
    known = list(verbs(typer.main.get_command(command_line), ""))
    groups = {name for name in known if any(other.startswith(f"{name} ") for other in known)}
    commands = {name.strip() for name in known if name not in groups}
    sandbox = {name for name in commands if name.startswith("sandbox ")}  # another program's, on loopback
    assert commands - sandbox == COMMANDS.keys()
    assert not [name for name in COMMANDS.values() if name not in OPERATIONS and name != MACHINE]
