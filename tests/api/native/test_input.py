"""What comes in by any route: oversized, deeply nested, malformed and unknown JSON; control characters in every field.

Everything is generated from the OpenAPI document, so a new route is tried as soon as it is there.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from goodstanding.api.native.catalogue import ROUTES
from goodstanding.api.native.fields import MULTILINE
from goodstanding.api.native.routes import Route
from tests.api.native.installation import Client, Installation
from tests.api.native.test_tenancy import ABOUT, DOCUMENT

BODIES = [one for one in ROUTES if one.body is not None]
INJECTION = "x\r\nBcc: eve@example.com"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    found = Installation(tmp_path_factory.mktemp("input"))
    found.furnish()
    yield found
    found.close()


@pytest.fixture(scope="module")
def client(installation: Installation) -> Iterator[Client]:
    with installation.asked() as found:
        yield found


def sent(client: Client, one: Route, octets: bytes, kind: str = "application/json") -> Any:
    path = one.path
    for name in ABOUT[one.id].names:
        path = path.partition("{")[0] + name.replace("{webhook}", "1").strip("{}") + path.partition("}")[2]
    headers = {"Authorization": f"Bearer {client.key}", "Content-Type": kind, "If-Match": "*"}
    return client.http.request(one.method, f"/v1{path}", content=octets, headers=headers)


def kind_of(answer: Any) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["type"].rpartition("#problem-")[2]


by_id = pytest.mark.parametrize("one", BODIES, ids=lambda one: one.id)

MALFORMED = (
    *(b"", b"{", b"nonsense", b'{"a": 1}}', b"\xff\xfe", b'{"a": "\xc3"}', b'{"a": NaN}', b'{"a": "\\ud800"}', b"'x'"),
)


@by_id
def test_what_is_no_json_is_malformed(client: Client, one: Route) -> None:
    for octets in MALFORMED:
        assert kind_of(sent(client, one, octets))[0] == 400, octets


@by_id
def test_what_nests_deeply_is_refused_however_deep(client: Client, one: Route) -> None:
    for depth in (9, 500, one.limit // 12):
        octets = b'{"a":' * depth + b"1" + b"}" * depth
        assert kind_of(sent(client, one, octets)) == (400, "malformed"), depth
        assert kind_of(sent(client, one, b"[" * depth + b"]" * depth)) == (400, "malformed"), depth


@by_id
def test_what_is_too_large_is_refused_before_it_is_read(client: Client, one: Route) -> None:
    assert kind_of(sent(client, one, b" " * (one.limit + 1))) == (413, "too-large")


@by_id
def test_what_is_not_declared_as_json_is_not_read(client: Client, one: Route) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        assert kind_of(sent(client, one, b"{}", kind)) == (415, "wrong-media-type")


@by_id
def test_another_shape_is_invalid(client: Client, one: Route) -> None:
    for tree in ([], "x", 1, None, {"no-such-field": 1}, {"because": {"a": []}}, [[1]]):
        assert kind_of(sent(client, one, json.dumps(tree).encode())) == (400, "invalid"), tree


@by_id
def test_no_field_takes_what_could_begin_a_header(client: Client, installation: Installation, one: Route) -> None:
    before = installation.rows()
    given = ABOUT[one.id].body
    schema = DOCUMENT["components"]["schemas"][one.body.__name__] if one.body is not None else {}
    fields = list(texts(schema))
    for place in fields:
        evil = "x\0y" if set(place) & MULTILINE else INJECTION
        answer = sent(client, one, json.dumps(put(given, place, evil)).encode())
        assert kind_of(answer) == (400, "invalid"), place
    assert installation.rows() == before
    assert fields or one.id in ("domains-rotate", "webhooks-rotate")


def texts(schema: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """The place of every text in a body: names of fields, ``*`` for an element."""
    if "$ref" in schema:
        yield from texts(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    for inner in schema.get("anyOf", ()):
        yield from texts(inner)
    if schema.get("type") == "string" or "enum" in schema:
        yield ()
    for name, inner in schema.get("properties", {}).items():
        yield from ((name, *rest) for rest in texts(inner))
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            yield from (("*", *rest) for rest in texts(schema[word]))


def put(body: Any, place: tuple[str, ...], value: str) -> Any:
    """The body with something in this place."""
    if not place:
        return value
    first, *rest = place
    if first == "*" and isinstance(body, dict):
        return {"source": put(None, tuple(rest), value)}
    if first == "*":
        return [put(None, tuple(rest), value)]
    inside = body if isinstance(body, dict) else {}
    return inside | {first: put(inside.get(first), tuple(rest), value)}


def test_texts_are_found_wherever_they_are() -> None:
    """The generator of the test above, held against bodies whose texts are known."""
    schemas = DOCUMENT["components"]["schemas"]
    assert set(texts(schemas["NewKey"])) == {("name",), ("scopes", "*"), ("tenant",)}
    assert set(texts(schemas["Answers"])) == {("answers", "*")}
    assert ("stream",) in set(texts(schemas["NewSuppression"]))


QUERIES = [one for one in ROUTES if one.query is not None]


@pytest.mark.parametrize("one", QUERIES, ids=lambda one: one.id)
def test_no_parameter_takes_what_could_begin_a_header(client: Client, one: Route) -> None:
    operation = DOCUMENT["paths"]["/v1" + one.path.replace(":path}", "}")]["get"]
    path = one.path.replace("{domain}", "shop.example").replace("{key:path}", "campaign:7").replace("{webhook}", "1")
    headers = {"Authorization": f"Bearer {client.key}"}
    for parameter in operation["parameters"]:
        if parameter["in"] == "query":
            answer = client.http.get(f"/v1{path}", params={parameter["name"]: INJECTION}, headers=headers)
            assert kind_of(answer) == (400, "invalid"), parameter["name"]
    for query in ("no-such=1", "limit=1&limit=2", "limit=x", "limit=0", "limit=99999999999999999999"):
        assert kind_of(client("GET", f"{path}?{query}")) == (400, "invalid"), query


@pytest.mark.parametrize(
    "evil", ["a%0d%0aSet-Cookie:%20a=b", "%00", "a%E2%80%A8b", "%C2%85", "x" * 400, "%F0%9F%98%80"]
)
def test_no_path_takes_what_could_begin_a_header(client: Client, evil: str) -> None:
    for one in ROUTES:
        if one.names:
            path = one.path
            while "{" in path:
                path = path.partition("{")[0] + evil + path.partition("}")[2]
            body = ABOUT[one.id].body
            answer = client(one.method, path, body, If_Match="*")
            assert kind_of(answer) == (404, "not-found"), one.id
            assert "Set-Cookie" not in answer.headers


def test_headers_are_bounded_too(client: Client) -> None:
    wish = {"name": "x", "scopes": ["queue:read"]}
    for word in ("x" * 300, "a\tb", ""):
        assert kind_of(client("POST", "/apikeys", wish, Idempotency_Key=word)) == (400, "invalid")


def test_a_whole_number_may_be_written_as_json_likes(client: Client) -> None:
    incident = {"name": "whole", "subscription": "shop/otp", "recipients": 10.0, "because": "x", "hours": 1}
    assert client("POST", "/incidents", incident).json()["recipients"] == 10


def test_everything_that_is_wrong_says_where(client: Client) -> None:
    answer = client("POST", "/apikeys", {"name": "x", "scopes": ["queue:read", "!"]})
    assert answer.json()["errors"][0]["pointer"] == "#/scopes/1"
    answer = client("GET", "/queue?limit=0")
    assert answer.json()["errors"][0]["pointer"] == "query limit"
