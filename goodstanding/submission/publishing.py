"""What the world is to see of sealed DKIM keys."""

from __future__ import annotations

from collections.abc import Iterable

from goodstanding.admission.onboarding import Key, Stage
from goodstanding.model import DkimKey
from goodstanding.sealed import unseal
from goodstanding.submission.signing import context_of
from goodstanding.wire.dkim import dns_record, load_key


def public(master: bytes, keys: Iterable[DkimKey], stage: Stage) -> list[Key]:
    """The public side of keys; those sealed with another master key are left out, `goodstanding check` names them."""
    opened = ((key, unseal(master, key.sealed, context_of(key.domain, key.selector))) for key in keys)
    return [
        Key(key.selector, key.kind, stage, dns_record(load_key(private)), key.retired or 0.0)
        for key, private in opened
        if private is not None
    ]
