"""``goodstanding openapi``: the description of the native API, for programs that make clients of it."""

from __future__ import annotations

import sys

import msgspec


def openapi() -> None:
    """Print the OpenAPI 3.1 document of the native API."""
    from goodstanding.api.native.catalogue import FAMILIES  # no other command needs the web framework
    from goodstanding.api.native.document import described

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(described(FAMILIES)), indent=2).decode() + "\n")
