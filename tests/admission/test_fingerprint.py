from __future__ import annotations

import itertools
import timeit

import pytest

from bench.variations import VARIATIONS, Template, fill, laid_out, octets, templates
from goodstanding.admission.fingerprint import EMPTY, LANES, SAME, fingerprint, overlap, similarity
from tests.admission.campaigns import OWN, content, dice
from tests.conftest import shared_data

LONG = [one for one in OWN if len(one.text) > 200]


def alike(first: Template, second: Template) -> float:
    chance = dice()
    return similarity(content(fill(first, chance)).fingerprint, content(fill(second, chance)).fingerprint)


@pytest.mark.parametrize("kind", [kind for kind in VARIATIONS if "30 %" not in kind])
@pytest.mark.parametrize("template", OWN, ids=lambda one: one.name)
def test_variations_stay_one_campaign(kind: str, template: Template) -> None:
    chance = dice()
    for _ in range(5):
        first, second = (content(VARIATIONS[kind](template, chance)).fingerprint for _ in range(2))
        assert similarity(first, second) >= SAME
        assert not set(first.bands).isdisjoint(second.bands)


@pytest.mark.parametrize("template", LONG, ids=lambda one: one.name)
def test_synonyms_in_a_third_of_the_places_stay_one_campaign(template: Template) -> None:
    chance = dice()
    prints = [content(VARIATIONS["spintax 30 %, 3 forms"](template, chance)).fingerprint for _ in range(20)]
    same = [similarity(a, b) >= SAME for a, b in itertools.combinations(prints, 2)]
    assert sum(same) > 0.9 * len(same)


@pytest.mark.parametrize(
    "couple", list(itertools.combinations(OWN, 2)), ids=lambda couple: f"{couple[0].name}-{couple[1].name}"
)
def test_other_purposes_are_other_campaigns(couple: tuple[Template, Template]) -> None:
    assert alike(*couple) < SAME
    chance = dice()
    first, second = (content(laid_out(one, chance)).fingerprint for one in couple)
    assert similarity(first, second) < SAME, "only header and footer are the same"


def test_layout_alone_is_nothing_in_common() -> None:
    skeleton = ["tabletr", "trtd", "tdp", "pa", "atd"]
    first = fingerprint([b"one%d" % n for n in range(40)], [], skeleton)
    second = fingerprint([b"two%d" % n for n in range(40)], [], skeleton)
    assert overlap(first, second) < 0.1


def test_overlap_estimates_the_share_of_common_words() -> None:
    def words(first: int, last: int) -> list[bytes]:
        return [b"word%d" % n for n in range(first, last)]

    assert overlap(fingerprint(words(0, 300), []), fingerprint(words(100, 400), [])) == pytest.approx(0.5, abs=0.1)
    assert overlap(fingerprint(words(0, 300), []), fingerprint(words(300, 600), [])) < 0.03


def test_the_same_message_is_wholly_alike() -> None:
    one = content(fill(OWN[0], dice())).fingerprint
    assert similarity(one, one) == 1.0


def test_nothing_is_like_an_empty_message() -> None:
    assert fingerprint([], []) == EMPTY == content(b"From: a@b.example\r\n\r\n\r\n").fingerprint
    assert similarity(EMPTY, EMPTY) == 0.0
    assert similarity(EMPTY, content(fill(OWN[0], dice())).fingerprint) == 0.0


def test_stored_sketches_stay_readable() -> None:
    """These octets are in the books of every installation: if they move, every running campaign looks new, once."""
    one = fingerprint([b"your", b"code", b"is"], [b"code"])
    assert len(one.sketch) == 1 + LANES
    assert one.sketch[:9].hex() == "0679474a57e43b8efb"
    assert all(0 <= band < 1 << 63 for band in one.bands)


def test_the_order_of_words_does_not_matter() -> None:
    assert fingerprint([b"a", b"b", b"c"], []).sketch == fingerprint([b"c", b"a", b"b"], []).sketch


def test_comparing_is_cheap() -> None:
    first, second = (content(fill(one, dice())).fingerprint for one in OWN[:2])
    assert min(timeit.repeat(lambda: similarity(first, second), number=100, repeat=20)) / 100 < 20e-6


def test_campaigns_of_the_corpus_are_told_apart() -> None:
    every, chance = templates(shared_data("text_corpus.dev.jsonl")), dice()
    prints = {one.name: content(octets(fill(one, chance))).fingerprint for one in every}
    for one in every:
        assert similarity(prints[one.name], content(fill(one, chance)).fingerprint) >= SAME, one.name
    others = [(a, b) for a, b in itertools.combinations(every, 2) if a.vendor != b.vendor]
    assert not [(a.name, b.name) for a, b in others if similarity(prints[a.name], prints[b.name]) >= SAME]
