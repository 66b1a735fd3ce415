"""Draws docs/api.md: how the native API is used, and every route it has."""

from __future__ import annotations

from collections.abc import Iterator

from goodstanding.api.native.catalogue import FAMILIES
from goodstanding.api.native.problems import KINDS
from goodstanding.api.native.routes import Route, Routes
from goodstanding.operate.api_keys import FAMILIES as SCOPED

HEAD = "<!-- Written by `make docs`; change the code it is drawn from. -->"
INTRODUCTION = f"""\
# The native API

{HEAD}

Everything that `goodstanding` can do on the command line, over HTTP, below `/v1` of the site (`web.port`). The running
installation serves the same as a page, `/v1/docs`, and as an OpenAPI 3.1 document, `/v1/openapi.json`, which
`goodstanding openapi` prints, too; both need no key. Make a client of it with any generator.

    goodstanding apikey add "nightly export" --tenant shop --scope queue:read --scope suppressions:read \\
               --scope suppressions:write

    curl -H "Authorization: Bearer $KEY" https://mail.example/v1/queue?state=held
    curl -H "Authorization: Bearer $KEY" https://mail.example/v1/suppressions \\
         --json '{{"recipient": "anna@example.com", "cause": "objected", "because": "called us"}}'

In Python, with any HTTP client (for a typed one, give the document to a generator of your choice):

    import httpx

    api = httpx.Client(base_url="https://mail.example/v1", headers={{"Authorization": f"Bearer {{key}}"}})
    cursor = ""
    while True:
        page = api.get("/suppressions", params={{"cause": "complained", "cursor": cursor}}).raise_for_status().json()
        for one in page["items"]:
            print(one["recipient"], one["at"])
        if not (cursor := page["next"]):
            break

    seen = api.get("/tenants/shop")
    api.patch("/tenants/shop", json={{"contact": "post@shop.example"}}, headers={{"If-Match": seen.headers["ETag"]}})

## Keys

A key is `gs_ID_SECRET`, shown once; only a keyed hash of the secret is kept. It has scopes, `FAMILY:read` and
`FAMILY:write` (`*` is every family; writing does not include reading), an end, and belongs to one tenant or, with
`--platform`, to the operator. What belongs to another tenant does not exist for a tenant's key: 404, never 403, and no
sooner or later than for what is not there at all. Some routes are an operator's, whatever the scope: those that end
what the guard or enforcement has decided, that raise limits, and that show several tenants at once. Whoever makes a key
with a key gives away no more than it has. Revoked and expired keys open nothing after a second. Everything a key does
is in the journal as `api key ID`.

Families: {", ".join(f"`{name}`" for name in SCOPED)}.

## Requests

- Bodies are `application/json`, at most 64 KiB but for files. Unknown fields, control characters (a line break in a
  field that is one line), numbers out of bounds and more than eight levels are refused. Nothing is guessed.
- Lists come in pages of `limit`; `next` is the cursor of the page behind, and empty at the end. Cursors are signed and
  belong to one list with its filters.
- What can be changed has an `ETag`. `PATCH` and some `DELETE` need `If-Match` with it (or `*`): 412 says that somebody
  else was first, and the check is made in the transaction of the change.
- Where something is made, an `Idempotency-Key` of yours makes repeating safe for a day: the same answer comes again,
  even with its secret, and nothing is made twice. All other requests may be repeated as they are.
- `api.key_requests` requests a minute and key; `RateLimit` tells what is left, 429 when to come again. Who shows many
  wrong keys waits, too.

## Problems

What goes wrong is `application/problem+json` (RFC 9457): `type` ends in one of the kinds below, `detail` says what and
what to do, `errors` has everything that is wrong, one by one, and `findings`, where admission is the reason, what SMTP
replies say: slug, because and remedy ([reasons.md](reasons.md)).

| kind | status | |
| --- | --- | --- |
{{problems}}

## Routes

Scope in brackets where an operator's key is needed.
"""


def render_api() -> str:
    """The page."""
    problems = "\n".join(f"| `{kind}` | {status} | {title} |" for kind, (status, title) in KINDS.items())
    return INTRODUCTION.replace("{problems}", problems) + "".join(_family(one) for one in FAMILIES)


def _family(one: Routes) -> str:
    rows = "".join(_rows(one))
    return f"\n### {one.family}\n\n{one.about}\n\n| request | scope | |\n| --- | --- | --- |\n{rows}"


def _rows(one: Routes) -> Iterator[str]:
    for route in one.found:
        path = f"/v1{route.path}".replace(":path}", "}")
        yield f"| `{route.method} {path}` | {_scope(route)} | {route.summary} |\n"


def _scope(route: Route) -> str:
    scope = f"`{route.scope}`" if route.scope else "any key"
    return f"({scope})" if route.operator else scope
