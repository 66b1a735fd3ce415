"""What endpoints are told, one of each kind, for docs/payloads.md."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from goodstanding.webhooks.samples import SAMPLES
from goodstanding.webhooks.shapes import Named, posting
from goodstanding.webhooks.telling import name_of

TAG = 2_878_054
"""Of an installation that is not there."""


def shown() -> Iterator[tuple[str, str, str]]:
    """(kind, what happened, JSON): Event Grid's array, then the same as a CloudEvent, then the rest as CloudEvents."""
    for n, sample in enumerate(SAMPLES):
        named = [Named(name_of(4_217 + n, sample.kind, sample.event.at, TAG), sample.content)]
        if n == 0:
            yield sample.kind, f"{sample.words} As Event Grid", _drawn(posting(named, "eventgrid", 0).body)
        yield sample.kind, sample.words, _drawn(posting(named, "cloudevents", 0).body)


def _drawn(body: bytes) -> str:
    return msgspec.json.format(body, indent=2).decode()
