"""What the slug of each order means to people, read from `reasons.toml`; docs/reasons.md is drawn from it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

import msgspec

from goodstanding.admission.reasons import Reason

ORDER_REASONS: Mapping[str, Reason] = msgspec.toml.decode(
    resources.files("goodstanding.enforcement").joinpath("reasons.toml").read_bytes(), type=dict[str, Reason]
)
"""By slug, in the order of the ladder."""
