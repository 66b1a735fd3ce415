"""``python -m tests.stories``: the table of all stories, as it stands in docs/guard.md."""

from __future__ import annotations

from math import isinf

from tests.stories.catalogue import COLD, STORIES, Story
from tests.stories.world import Outcome


def row(story: Story, honest: bool, outcome: Outcome) -> str:
    """One line of the table."""
    p99 = "-" if not outcome.delays else "never" if isinf(outcome.p99) else f"{outcome.p99:,.0f} s"
    holds = f"{outcome.false_holds:.1%}" if outcome.delays else "-"
    through = f"{outcome.before_stop:,} / {outcome.unwanted:,}" if outcome.unwanted or story in COLD else "-"
    version = "honest" if honest else "none"
    return f"| {story.name} | {version} | {outcome.recipients:,} | {outcome.verdict} | {p99} | {holds} | {through} |"


def main() -> None:
    """Print every story in both versions; a mark where it does not end as it should."""
    print("| story | metadata | recipients | verdict | p99 delay | false holds | let through: before stop / in all |")
    print("| --- | --- | ---: | --- | ---: | ---: | ---: |")
    for story in STORIES:
        for honest in (True, False):
            outcome = story.run(honest)
            wrong = (story.honest if honest else story.silent).complaints(outcome)
            print(row(story, honest, outcome) + ("  <- " + "; ".join(wrong) if wrong else ""), flush=True)


if __name__ == "__main__":
    main()
