"""The OpenAPI 3.1 document, made from the routes that are served."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.metadata import version
from typing import Any, get_args, get_origin

import msgspec

from goodstanding.api.native.fields import VISIBLE
from goodstanding.api.native.once import WORD_MOST
from goodstanding.api.native.problems import KINDS, MEDIA, Problem
from goodstanding.api.native.reading import SHAPES
from goodstanding.api.native.routes import MATCH_MOST, Raw, Route, Routes, Tagged

BASE = "/v1"
JSON = "application/json"
Json = dict[str, Any]
ABOUT = """\
Everything that `goodstanding` can do on the command line, over HTTP. Every request shows a key:
`Authorization: Bearer gs_...` (`goodstanding apikey add` makes them). A key has scopes, an end, and belongs to one
tenant or to the operator; what belongs to another tenant does not exist for it. What goes wrong is answered as
`application/problem+json` (RFC 9457), with the findings that SMTP replies name, too. Times are seconds since 1970, UTC.
Lists come in pages: follow `next` until it is empty. A change names the version it is about with `If-Match`.
"""
_MEANINGS = {
    "400": "malformed or invalid: the request does not have the documented shape",
    "401": "no usable API key was shown",
    "403": "the key lacks the scope, or is a tenant's where an operator's is needed",
    "404": "there is no such thing, or it is another tenant's",
    "408": "the body took too long to arrive",
    "409": "it contradicts what is there; `errors` has every contradiction",
    "412": "it is not the version that If-Match names",
    "413": "the body is too large",
    "415": "the body is not application/json",
    "422": "understood, and refused by a rule",
    "428": "If-Match is missing",
    "429": "too many requests: wait for Retry-After seconds",
    "503": "the store cannot do it now: try again",
}
"""Why a request may fail; 500 is our own fault, and not promised."""
_PATHS = {
    "tenant": "Name of a tenant.",
    "application": "Name of an application: what stands behind the slash in a subscription's name.",
    "message": "Id of a message.",
    "id": "Id of an API key.",
    "webhook": "Number of a webhook.",
    "key": "What is held to account: campaign:17, subscription:shop/news, tenant:shop, domain:, link: or ip:.",
}


@cache
def described(families: tuple[Routes, ...]) -> Json:
    """The document of these families."""
    routes = [one for family in families for one in family.found]
    kinds = list(dict.fromkeys(_kinds(routes)))
    schemas, components = msgspec.json.schema_components([*kinds, Problem], ref_template="#/components/schemas/{name}")
    known = dict(zip([*kinds, Problem], schemas, strict=True))
    paths: Json = {}
    for one in routes:
        paths.setdefault(BASE + one.path.replace(":path}", "}"), {})[one.method.lower()] = _operation(one, known)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "goodstanding",
            "version": version("goodstanding"),
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "tags": [{"name": family.family, "description": family.about} for family in families],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key: gs_..."}},
            "schemas": _without_indents(components),
            "responses": {f"E{status}": _problem(status) for status in _MEANINGS},
        },
    }


def _kinds(routes: Sequence[Route]) -> Iterator[Any]:
    for one in routes:
        yield from (kind for kind in (one.body, _document_of(one.answer)) if kind is not None)


def _document_of(answer: Any) -> Any:
    """What is written as JSON: a tagged document without its tag; None for what is no JSON."""
    if get_origin(answer) is Tagged:
        return get_args(answer)[0]
    return None if answer in (Raw, None, type(None)) else answer


def _operation(one: Route, known: dict[Any, Json]) -> Json:
    found: Json = {
        "operationId": one.id,
        "tags": [one.family],
        "summary": one.summary,
        "description": _description(one),
        "parameters": [*_in_path(one), *_in_query(one), *_in_header(one)],
        "responses": {str(one.status): _success(one, known)}
        | {status: {"$ref": f"#/components/responses/E{status}"} for status in failures(one)},
        "x-scope": one.scope,
        "x-operator-only": one.operator,
    }
    if one.body is not None:
        found["requestBody"] = {"required": True, "content": {JSON: {"schema": known[one.body]}}}
    return found


def _description(one: Route) -> str:
    said = [one.description] if one.description else []
    said.append(f"Scope: `{one.scope}`." if one.scope else "Any key may ask.")
    if one.operator:
        said.append("An operator's key is needed.")
    return "\n\n".join(said)


def failures(one: Route) -> list[str]:
    """The statuses besides success that a route may answer with."""
    found = {"401", "429", "503"}
    if one.scope or one.operator:
        found.add("403")
    if one.names or one.query is not None or one.body is not None:
        found |= {"404", "422"}
    if one.query is not None or one.once:
        found.add("400")
    if one.body is not None:
        found |= {"400", "408", "413", "415"}
    if one.method != "GET":
        found |= {"409", "422"}
    if one.match:
        found |= {"412", "428"}
    return sorted(found | {"400"})


def _success(one: Route, known: dict[Any, Json]) -> Json:
    kind = _document_of(one.answer)
    if kind is not None:
        found: Json = {
            "description": "Done." if one.method != "GET" else "Found.",
            "content": {JSON: {"schema": known[kind]}},
        }
    elif one.answer is Raw:
        found = {"description": "The file.", "content": {one.media: {"schema": {"type": "string"}}}}
    else:
        found = {"description": "Done; there is nothing to say."}
    if get_origin(one.answer) is Tagged:
        about = "The version, for If-Match."
        found["headers"] = {"ETag": {"description": about, "required": True, "schema": {"type": "string"}}}
    return found


def _problem(status: str) -> Json:
    kinds = ", ".join(f"`{kind}`" for kind, (code, _) in KINDS.items() if str(code) == status)
    schema = {"$ref": "#/components/schemas/Problem"}
    found: Json = {"description": f"{_MEANINGS[status]} ({kinds}).", "content": {MEDIA: {"schema": schema}}}
    if status == "429":
        found["headers"] = {"Retry-After": {"required": True, "schema": {"type": "string"}}}
    return found


def _in_path(one: Route) -> Iterator[Json]:
    for name in one.names:
        shape = {"pattern": f"^{SHAPES[name]}$"} if name in SHAPES else {"minLength": 1, "maxLength": 300}
        about = _PATHS.get(name, f"Which {name}.")
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": about,
            "schema": {"type": "string", **shape},
        }


def _in_query(one: Route) -> Iterator[Json]:
    if one.query is None:
        return
    _, components = msgspec.json.schema_components([one.query], ref_template="#/components/schemas/{name}")
    schema = components[one.query.__name__]
    for name, inner in schema["properties"].items():
        said = {key: value for key, value in inner.items() if key != "description"}
        yield {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": _about(inner),
            "schema": said,
        }


def _about(schema: Json) -> str:
    """What a schema says of itself; of one that may be null, what its other side says."""
    inner = (_about(one) for one in schema.get("anyOf", ()))
    return str(schema.get("description", "")) or next((said for said in inner if said), "")


def _in_header(one: Route) -> Iterator[Json]:
    if one.match:
        about = "The ETag of the version that is meant, or *."
        schema = {"type": "string", "pattern": VISIBLE, "maxLength": MATCH_MOST}
        yield {"name": "If-Match", "in": "header", "required": True, "description": about, "schema": schema}
    if one.once:
        about = "A word of yours: repeated with it within a day, the request is answered again and not done again."
        schema = {"type": "string", "pattern": VISIBLE, "maxLength": WORD_MOST}
        yield {"name": "Idempotency-Key", "in": "header", "required": False, "description": about, "schema": schema}


def _without_indents(components: Json) -> Json:
    """Docstrings as text: lines joined, as they stand indented in the source."""
    for schema in components.values():
        if "description" in schema:
            schema["description"] = " ".join(str(schema["description"]).split())
    return components
