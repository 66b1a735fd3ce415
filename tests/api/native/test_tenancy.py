"""Nothing of one tenant is there for another: every route of the OpenAPI document, with a resource of somebody else's.

Each route has an entry in `ABOUT`, or its test fails. ``hidden``: a request about something that only ``shop`` has; for
a key of ``bank`` it is not there, it changes nothing, and the answer is the same as for what nobody has. ``own``: a
request that names nobody's thing, and is answered with one's own. ``operators``: refused to every tenant, whatever is
asked for. ``anybodys``: it shows and changes nothing of any tenant. ``elsewhere``: workers serve it, and
tests/scenarios/test_sending.py asks them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from goodstanding.api.native.catalogue import FAMILIES, ROUTES
from goodstanding.api.native.document import described
from tests.api.native.installation import Client, Installation, Known

DOCUMENT = described(FAMILIES)
OPERATIONS = {
    found["operationId"]: (method.upper(), path.removeprefix("/v1"))
    for path, methods in DOCUMENT["paths"].items()
    for method, found in methods.items()
}


@dataclass(frozen=True)
class About:
    """What a request for a route is about; ``{...}`` stands for a name that `Known` or `NAMES` knows."""

    kind: Literal["hidden", "own", "operators", "anybodys", "elsewhere"]
    names: tuple[str, ...] = ()
    """What the parameters of the path are, in order."""
    query: str = ""
    body: Any = None


def hidden(*names: str, query: str = "", body: Any = None) -> About:
    return About("hidden", names, query, body)


def own(query: str = "", body: Any = None) -> About:
    return About("own", (), query, body)


def operators(*names: str, query: str = "", body: Any = None) -> About:
    return About("operators", names, query, body)


ANYBODYS = About("anybodys")
SAID = {"because": "a test"}
LETTER = {
    "subscription": "shop/otp",
    "sender": {"address": "codes@shop.example"},
    "to": [{"address": "anna@example.com"}],
    "subject": "Your code",
    "text": "4711",
}
ABOUT: dict[str, About] = {
    "sending-send": About("elsewhere", body=LETTER),
    "sending-send-batch": About("elsewhere", body={"messages": [LETTER]}),
    "about-version": ANYBODYS,
    "about-me": own(),
    "about-reasons": ANYBODYS,
    "about-reason": About("anybodys", ("no-from",)),
    "about-check": operators(),
    "apikeys-list": own(),
    "apikeys-add": hidden(body={"name": "x", "scopes": ["queue:read"], "tenant": "shop"}),
    "apikeys-show": hidden("{key_id}"),
    "apikeys-revoke": hidden("{other_key}"),
    "tenants-list": own(),
    "tenants-add": operators(body={"name": "shop"}),
    "tenants-show": hidden("shop"),
    "tenants-alter": hidden("shop", body={"contact": "eve@shop.example"}),
    "subscriptions-list": own(),
    "subscriptions-add": hidden(body={"name": "shop/extra", "stream": "bulk"}),
    "subscriptions-show": hidden("shop", "otp"),
    "subscriptions-alter": hidden("shop", "otp", body={"flow": "codes"}),
    "subscriptions-remove": hidden("shop", "otp"),
    "subscriptions-senders": own(),
    "subscriptions-add-sender": hidden(body={"address": "more@shop.example", "subscription": "shop/otp"}),
    "subscriptions-remove-sender": hidden("info@shop.example"),
    "credentials-list": own(),
    "credentials-add": hidden(body={"subscription": "shop/otp"}),
    "credentials-show": hidden("{username}"),
    "credentials-revoke": hidden("{username}"),
    "credentials-link": operators(body={"subscription": "shop/otp", "issuer": "entra", "application": "x"}),
    "credentials-access-keys": own(),
    "credentials-regenerate": hidden(body={"subscription": "shop/otp", "slot": "secondary"}),
    "credentials-revoke-access-key": hidden("shop", "otp", "primary"),
    "domains-list": own(),
    "domains-add": hidden(body={"name": "other.example", "tenant": "shop"}),
    "domains-show": hidden("shop.example"),
    "domains-alter": hidden("shop.example", body={"kind": "sending"}),
    "domains-remove": hidden("news.example"),
    "domains-records": hidden("shop.example"),
    "domains-rotate": hidden("shop.example", body={}),
    "domains-verify": hidden(body={"domains": ["shop.example"]}),
    "pools-list": own(),
    "pools-add": operators(body={"name": "shop-pool", "stream": "bulk", "tenant": "shop"}),
    "pools-show": hidden("shop-pool"),
    "pools-alter": operators("shop-pool", body={"hello": "x.example"}),
    "pools-remove": operators("shop-pool"),
    "estate-show": operators(),
    "estate-export": operators(),
    "estate-apply": operators(body={"document": ""}),
    "isolation-show": operators(),
    "isolation-exceptions": operators(),
    "isolation-allow": operators(body={"first": "a.shop.example", "second": "b.shop.example", **SAID}),
    "isolation-disallow": operators("a.shop.example", "b.shop.example"),
    "isolation-blast-radius": operators(query="key=shop/otp"),
    "isolation-drawing": operators(query="key=shop/otp"),
    "messages-trace": hidden(query="about={waiting}"),
    "messages-why": hidden(query="about={waiting}"),
    "queue-list": own(),
    "queue-summary": own(),
    "queue-show": hidden("{waiting}"),
    "queue-content": hidden("{waiting}"),
    "queue-hold": hidden(body={"message": "{waiting}"}),
    "queue-release": operators(body={"message": "{waiting}"}),
    "queue-retry": hidden(body={"message": "{waiting}"}),
    "queue-drop": hidden(body={"message": "{waiting}"}),
    "quarantine-list": own(),
    "quarantine-campaigns": own(),
    "quarantine-release": operators(body={"campaign": "12"}),
    "quarantine-refuse": hidden(body={"campaign": "12"}),
    "quarantine-move": operators(body={"campaign": "12", "to": "bank/alerts"}),
    "quarantine-undecide": operators(body={"campaign": "12"}),
    "trust-show": hidden(query="recipient=anna@example.com&tenant=shop"),
    "trust-record": hidden(body={"recipient": "anna@example.com", "what": "login", "tenant": "shop"}),
    "trust-withdraw": hidden(body={"recipient": "anna@example.com", "tenant": "shop"}),
    "trust-erase": hidden(body={"recipient": "anna@example.com", "tenant": "shop"}),
    "trust-import": hidden(body={"document": "recipient,what,at\n", "tenant": "shop"}),
    "trust-export": hidden(query="tenant=shop"),
    "trust-laws": ANYBODYS,
    "suppressions-list": hidden(query="tenant=shop"),
    "suppressions-add": hidden(body={"recipient": "anna@example.com", "tenant": "shop"}),
    "suppressions-lift": hidden(body={"recipient": "anna@example.com", "tenant": "shop", **SAID}),
    "suppressions-import": hidden(body={"document": "address\ndora@example.com\n", "tenant": "shop"}),
    "suppressions-export": hidden(query="tenant=shop"),
    "suppressions-proof": hidden(query="recipient=anna@example.com&tenant=shop"),
    "suppressions-from-mail": operators(body={"content": "To: x\n\n"}),
    "feedback-classify": About("anybodys", (), "", {"content": "550 5.1.1 no such user"}),
    "feedback-hooks": operators(),
    "feedback-unmatched": operators(),
    "feedback-import": operators(body={"content": "x", "source": "azure"}),
    "reputation-list": own(),
    "reputation-show": hidden("subscription:shop/news"),
    "reputation-why": hidden("campaign:7"),
    "reputation-rebuild": operators(),
    "standings-list": own(),
    "standings-show": hidden("subscription:shop/news"),
    "standings-slow": operators(body={"key": "subscription:shop/otp", **SAID}),
    "standings-suspend": operators(body={"key": "subscription:shop/otp", **SAID}),
    "standings-close": operators(body={"key": "subscription:shop/otp", **SAID}),
    "standings-lift": operators(body={"key": "subscription:shop/news", **SAID}),
    "standings-reinstate": operators(body={"key": "subscription:shop/news", **SAID}),
    "reviews-list": own(),
    "reviews-open": hidden(body={"key": "subscription:shop/news"}),
    "reviews-show": hidden("{case}"),
    "reviews-answer": hidden("{case}", body={"answers": {"source": "a fair"}}),
    "reviews-decide": operators("{case}", body={"decision": "reinstate", **SAID}),
    "webhooks-list": own(),
    "webhooks-add": hidden(body={"url": "https://hooks.example:4/x", "tenant": "shop"}),
    "webhooks-show": hidden("{webhook}"),
    "webhooks-remove": hidden("{webhook}"),
    "webhooks-test": hidden("{webhook}"),
    "webhooks-disable": hidden("{webhook}"),
    "webhooks-enable": hidden("{webhook}"),
    "webhooks-rotate": hidden("{webhook}", body={"overlap_hours": 1}),
    "webhooks-deliveries": hidden("{webhook}"),
    "webhooks-replay": hidden("{webhook}", body={"dead": True}),
    "incidents-list": own(),
    "incidents-declare": operators(body={"name": "x", "subscription": "shop/otp", "recipients": 1, **SAID}),
    "incidents-end": operators("breach-1"),
}


class World:
    """An installation that everything is tried on."""

    def __init__(self, installation: Installation, client: Client, known: Known, other_key: str) -> None:
        self.installation = installation
        self.client = client
        self.known = known
        self.other_key = other_key

    def ask(self, about: About, operation: str, key: str, *, absent: bool = False) -> Any:
        """The request; ``absent``: about a name of the same shape that nobody has."""
        method, path = OPERATIONS[operation]
        for name in about.names:
            head, _, rest = path.partition("{")
            path = head + self.filled(name, absent) + rest.partition("}")[2]
        query = f"?{self.filled(about.query, absent)}" if about.query else ""
        headers = {"If_Match": "*"} if any(one.match and one.id == operation for one in ROUTES) else {}
        return self.client(method, path + query, self.filled(about.body, absent), key=key, **headers)

    def filled(self, value: Any, absent: bool) -> Any:
        match value:
            case "12" if absent:
                return "99"
            case str():
                if value == "{webhook}" and absent:
                    return "999"
                for name in ("username", "waiting", "held", "case", "key_id", "webhook"):
                    value = value.replace(f"{{{name}}}", getattr(self.known, name))
                value = value.replace("{other_key}", self.other_key)
                return self.nobodys(value) if absent else value
            case dict():
                return {name: self.filled(inner, absent) for name, inner in value.items()}
            case list():
                return [self.filled(inner, absent) for inner in value]
        return value

    def nobodys(self, text: str) -> str:
        """Names of things that are there, replaced by such as are not."""
        for there, gone in (
            *((self.known.waiting, "0000000000000"), (self.known.key_id, "0" * 12), (self.other_key, "0" * 12)),
            *((self.known.username, "shop-otp-000000"), ("campaign:7", "campaign:8"), ("shop", "shed")),
            *(("news.example", "none.example"), (f"webhook {self.known.webhook}", "webhook 999")),
            (f"/webhooks/{self.known.webhook}", "/webhooks/999"),
        ):
            text = text.replace(there, gone)
        return text


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    installation = Installation(tmp_path_factory.mktemp("tenancy"))
    with installation.asked() as client:
        known = installation.furnish()
        yield World(installation, client, known, installation.key("shop", "queue:read").split("_")[1])
    installation.close()


def test_every_route_of_the_document_has_its_entry_here() -> None:
    assert OPERATIONS.keys() == ABOUT.keys()


ELSEWHERE = [name for name, about in ABOUT.items() if about.kind == "elsewhere"]


@pytest.mark.parametrize("operation", ELSEWHERE)
def test_what_workers_serve_is_refused_here_whoever_asks(world: World, operation: str) -> None:
    before = world.installation.rows()
    for key in (world.installation.bank, world.installation.operator):
        assert world.ask(ABOUT[operation], operation, key).status_code == 422
    assert world.installation.rows() == before


HIDDEN = [name for name, about in ABOUT.items() if about.kind == "hidden"]


@pytest.mark.parametrize("operation", HIDDEN)
def test_what_is_anothers_is_not_there_and_stays_as_it_is(world: World, operation: str) -> None:
    before = world.installation.rows()
    answer = world.ask(ABOUT[operation], operation, world.installation.bank)
    assert answer.status_code == 404, answer.text[:300]
    assert world.installation.rows() == before
    gone = world.ask(ABOUT[operation], operation, world.installation.bank, absent=True)
    assert gone.status_code == 404
    assert world.nobodys(answer.text).replace("12 in", "99 in") == gone.text


@pytest.mark.parametrize("operation", [name for name, about in ABOUT.items() if about.kind == "own"])
def test_one_sees_ones_own_only(world: World, operation: str) -> None:
    answer = world.ask(ABOUT[operation], operation, world.installation.bank)
    assert answer.status_code == 200, answer.text
    for name in ("shop", "news.example", "anna", "breach", "campaign"):
        assert name not in answer.text
    theirs = world.ask(ABOUT[operation], operation, world.installation.shop)
    assert "shop" in theirs.text or operation == "queue-summary"


@pytest.mark.parametrize("operation", [name for name, about in ABOUT.items() if about.kind == "operators"])
def test_what_is_an_operators_is_no_tenants(world: World, operation: str) -> None:
    before = world.installation.rows()
    for key in (world.installation.bank, world.installation.shop):
        answer = world.ask(ABOUT[operation], operation, key)
        assert (answer.status_code, answer.json()["type"][-9:]) == (403, "forbidden"), answer.text
        gone = world.ask(ABOUT[operation], operation, key, absent=True)
        assert world.nobodys(answer.text) == gone.text
    assert world.installation.rows() == before


@pytest.mark.parametrize("operation", [name for name, about in ABOUT.items() if about.kind == "anybodys"])
def test_what_is_anybodys_tells_of_nobody(world: World, operation: str) -> None:
    before = world.installation.rows()
    answer = world.ask(ABOUT[operation], operation, world.installation.bank)
    assert answer.status_code == 200, answer.text
    assert not [name for name in ("anna@", "shop/otp", "info@shop.example") if name in answer.text]
    assert world.installation.rows() == before


@pytest.mark.parametrize("operation", HIDDEN)
def test_the_same_request_is_about_something_for_those_it_belongs_to(
    world: World, tmp_path: Path, operation: str
) -> None:
    """Or the test above would prove nothing."""
    installation = world.installation.copied(tmp_path)
    with installation.asked() as client:
        again = World(installation, client, world.known, world.other_key)
        answer = again.ask(ABOUT[operation], operation, installation.shop)
    installation.close()
    assert answer.status_code in (200, 201, 204, 409), answer.text
