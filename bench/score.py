"""Right answers of those asked, by question."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Score:
    """Right answers of those asked."""

    right: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)

    def note(self, what: str, right: bool) -> None:
        self.asked[what] += 1
        self.right[what] += right

    def share(self, what: str) -> float:
        return self.right[what] / self.asked[what] if self.asked[what] else 1.0

    def cell(self, what: str) -> str:
        return f"{self.right[what]}/{self.asked[what]} = {100 * self.share(what):.1f} %"
