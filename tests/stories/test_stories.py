"""Every story comes out as the catalogue says; and nobody harms an established domain beyond the ceiling."""

from __future__ import annotations

import pytest

from goodstanding.admission.ration import Policy
from tests.stories.catalogue import STORIES, Story

VERSIONS = [pytest.param(story, honest, id=f"{story.name} ({'honest' if honest else 'no metadata'})")
            for story in STORIES for honest in (True, False)]  # fmt: skip


@pytest.mark.parametrize(("story", "honest"), VERSIONS)
def test_the_story_ends_as_it_should(story: Story, honest: bool) -> None:
    outcome = story.run(honest)

    assert (story.honest if honest else story.silent).complaints(outcome) == []
    assert story.above_ceiling or outcome.domain_rate <= Policy().ceiling
    assert outcome.because or outcome.verdict == "flows", "a hold without a reason"


def test_there_are_at_least_thirty_stories_and_none_twice() -> None:
    assert len({story.name for story in STORIES}) == len(STORIES) >= 30
