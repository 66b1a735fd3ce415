"""Every slug a finding can carry is explained, and nothing is explained that no finding carries."""

import re
from pathlib import Path

import pytest

from goodstanding.admission.facts import Action
from goodstanding.admission.lines import LINES
from goodstanding.admission.reasons import REASONS, Reason, reason
from goodstanding.admission.rules import RECIPIENT_RULES, RULES, SHARE_RULES
from goodstanding.errors import GoodstandingError
from goodstanding.model import Stream

ROOM = Path(__file__).parents[2] / "goodstanding" / "admission"
SLUG = re.compile(
    r'(?:Finding\(|_refused\()\s*(?:slug=)?"([a-z-]+)"|slug, words = \("([a-z-]+)"|_PENDING = \("([a-z-]+)"'
)


def slugs_in_code() -> set[str]:
    texts = [path.read_text() for path in [*ROOM.glob("rules_*.py"), ROOM / "claims.py"]]
    return {name for text in texts for groups in SLUG.findall(text) for name in groups if name}


def test_reasons_and_rules_agree() -> None:
    assert slugs_in_code() == set(REASONS)


@pytest.mark.parametrize("slug", REASONS)
def test_a_reason_says_what_why_and_what_to_do(slug: str) -> None:
    found: Reason = reason(slug)
    assert found.actions and all(isinstance(action, Action) for action in found.actions)
    assert all(len(text) > 3 for text in (found.title, found.what, found.why, found.do))
    assert all(text.endswith((".", "?", ")")) for text in (found.what, found.why, found.do))
    assert not found.title.endswith(".")


def test_an_unknown_reason_names_the_nearest() -> None:
    with pytest.raises(GoodstandingError, match="did you mean trust-budget"):
        reason("trust-buget")


def test_every_rule_is_listed_once() -> None:
    rules = [*RULES, *SHARE_RULES, *RECIPIENT_RULES]
    assert len({id(rule) for rule in rules}) == len(rules)


def test_lines_are_drawn_for_every_stream() -> None:
    assert set(LINES.invisible) == set(LINES.spread) == set(Stream)
