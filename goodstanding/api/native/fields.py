"""What fields of requests may hold: every text is bounded, and has no control character (see also `reading`)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from goodstanding.model import Stream

PRINTABLE = "^[^\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]*$"
"""One line: what could begin a header, steer a terminal or break a log line is refused."""
LINES = "^[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f]*$"
"""Text of several lines."""
VISIBLE = "^[!-~]([ -~]*[!-~])?$"
"""What a header of a request may say: ASCII, without space around it."""
WORD = "[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?"
"""As `admission.estate.NAME`."""

Line = Annotated[str, Meta(max_length=200, pattern=PRINTABLE)]
LongLine = Annotated[str, Meta(max_length=1000, pattern=PRINTABLE)]
Because = Annotated[
    str,
    Meta(
        min_length=1, max_length=1000, pattern=PRINTABLE, description="Why; it is kept, and told to whom it concerns."
    ),
]
Address = Annotated[
    str, Meta(min_length=3, max_length=254, pattern=PRINTABLE, description="An e-mail address, e.g. anna@example.com.")
]
DomainName = Annotated[
    str, Meta(min_length=3, max_length=253, pattern=PRINTABLE, description="A domain, e.g. shop.example.")
]
TenantName = Annotated[str, Meta(max_length=64, pattern=f"^{WORD}$", description="Name of a tenant, e.g. shop.")]
OptionalTenant = Annotated[
    str, Meta(max_length=64, pattern=f"^({WORD})?$", description="Name of a tenant; a tenant's key may leave it out.")
]
SubscriptionName = Annotated[
    str, Meta(max_length=129, pattern=f"^{WORD}/{WORD}$", description="tenant/application, e.g. shop/receipts.")
]
KeyText = Annotated[
    str,
    Meta(
        min_length=3,
        max_length=300,
        pattern=PRINTABLE,
        description="campaign:17, subscription:shop/news, tenant:shop, domain:, link: or ip:.",
    ),
]
MessageName = Annotated[str, Meta(pattern="^[0-9a-z]{13}$", description="Id of a message, 13 letters and digits.")]
Pattern = Annotated[str, Meta(max_length=254, pattern=PRINTABLE, description="A text; * stands for any characters.")]
Document = Annotated[str, Meta(max_length=4_000_000, pattern=LINES, description="A whole file; lines are allowed.")]
OneStream = Annotated[Stream | None, Meta(description="transactional, bulk or outreach; without it every one.")]
Format = Annotated[Literal["csv", "jsonl"], Meta(description="CSV with a heading, or a JSON object a line.")]
MULTILINE = frozenset({"document", "answers", "content", "postal_address"})
"""Fields that may have more than one line; in no other text of any request is a control character let in."""


class Paging(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which part of a list."""

    limit: Annotated[int, Meta(ge=1, le=1000, description="Most entries to return.")] = 100
    cursor: Annotated[
        str, Meta(max_length=2000, pattern="^[A-Za-z0-9_-]*$", description="Where to go on: `next` of the page before.")
    ] = ""


class Nothing(Struct, forbid_unknown_fields=True):
    """No query."""
