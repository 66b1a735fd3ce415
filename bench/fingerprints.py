"""``python -m bench fingerprints``: how well campaigns are told apart, and how fast messages are read.

Templates are split in two by a hash of their text. Thresholds are fitted on one half alone; the figures of the other,
which the fit has never seen, are what to expect of templates nobody has seen.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import timeit
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b

from bench import variations
from bench.variations import Filled, Template
from goodstanding.admission import fingerprint, reading
from goodstanding.admission.facts import Content, Fingerprint
from goodstanding.admission.fingerprint import SAME, overlap, similarity
from goodstanding.wire.message import parse_header

SEED = 7
EACH = 10  # pairs of messages per template and kind of variation
_LONG = 20  # words of a template from which on it is no short one

Prints = tuple[Fingerprint, Fingerprint]
Couple = tuple[Template, Template]


@dataclass(frozen=True, slots=True)
class Told:
    """One line of a table: pairs of messages that should, or should not, be told to be of one campaign."""

    kind: str
    pairs: tuple[Prints, ...]

    @property
    def share(self) -> float:
        """Of all pairs, those taken for one campaign."""
        return self.same / len(self.pairs) if self.pairs else 0.0

    @property
    def same(self) -> int:
        """Pairs taken for one campaign."""
        return sum(similarity(*pair) >= SAME for pair in self.pairs)

    @property
    def found(self) -> float:
        """Of the pairs taken for one campaign, those that share a bucket."""
        met = [not set(a.bands).isdisjoint(b.bands) for a, b in self.pairs if similarity(a, b) >= SAME]
        return sum(met) / len(met) if met else 0.0


@dataclass(frozen=True, slots=True)
class Half:
    """What is known of the templates of one half."""

    templates: tuple[Template, ...]
    alike: tuple[Told, ...]
    """Pairs of one campaign, by variation."""
    of_long: tuple[Told, ...]
    """The same for templates of `_LONG` words and more."""
    apart: tuple[Told, ...]
    """Pairs of different campaigns."""


def content(one: Filled) -> Content:
    """What a message says."""
    octets = variations.octets(one)
    return reading.read(parse_header(octets), octets, len(octets))


def halves(templates: Iterable[Template]) -> tuple[list[Template], list[Template]]:
    """Templates to fit with, and templates to report on: a hash of the text decides."""
    sides: tuple[list[Template], list[Template]] = ([], [])
    for one in templates:
        sides[blake2b(" ".join(one.text.split()).encode(), digest_size=1).digest()[0] & 1].append(one)
    return sides


def half(templates: list[Template], each: int) -> Half:
    """Fill, vary and compare the templates of one half."""
    varied = {**variations.VARIATIONS, "merge fields, 10 KiB with articles": variations.newsletter}
    alike = {kind: list(_one_campaign(templates, vary, each)) for kind, vary in varied.items()}
    long_ones = [len(one.text.split()) >= _LONG for one in templates for _ in range(each)]
    return Half(
        tuple(templates),
        tuple(Told(kind, tuple(pairs)) for kind, pairs in alike.items()),
        tuple(Told(kind, tuple(itertools.compress(pairs, long_ones))) for kind, pairs in alike.items()),
        tuple(Told(kind, tuple(pairs)) for kind, pairs in _different(templates).items()),
    )


def _one_campaign(templates: list[Template], vary: variations.Variation, each: int) -> Iterator[Prints]:
    """Two messages of one campaign, varied."""
    dice = random.Random(SEED)
    for template in templates:
        for _ in range(each):
            yield content(vary(template, dice)).fingerprint, content(vary(template, dice)).fingerprint


def _different(templates: list[Template]) -> Mapping[str, list[Prints]]:
    """Messages of different campaigns: easy negatives, then hard ones."""
    dice = random.Random(SEED)
    couples = list(itertools.combinations(templates, 2))
    others = [(a, b) for a, b in couples if a.vendor != b.vendor]
    siblings = [(a, b) for a, b in couples if a.vendor == b.vendor]
    filler = [(a, b) for a, b in siblings if "Colorlib" in a.vendor or "konsav" in a.vendor]
    real = [couple for couple in siblings if couple not in filler]

    def drawn(of: list[Couple], fill: Callable[[Template, random.Random], Filled]) -> list[Prints]:
        prints = {one.name: content(fill(one, dice)).fingerprint for one in templates}
        return [(prints[a.name], prints[b.name]) for a, b in of]

    return {
        "other vendor": drawn(others, variations.fill),
        "same layout, header, footer; other purpose": drawn(others, variations.laid_out),
        "same long masthead and footer, 10 KiB; other articles": drawn(others, variations.newsletter),
        "same vendor, other template": drawn(real, variations.fill),
        "same vendor, layout, header, footer; other template": drawn(real, variations.laid_out),
        "same vendor, both full of one filler text": drawn(filler, variations.fill),
    }


def fitted(known: Half) -> tuple[float, float]:
    """(strict, lenient) with the best mean recall less the mean share of different campaigns taken for one.

    Each kind of pair counts alike; pairs full of one filler text do not. Of equals the strictest.
    """
    alike = [_shares(row) for row in known.alike]
    apart = [_shares(row) for row in known.apart if "filler" not in row.kind]
    best, most = (1.0, 1.0), -1.0
    for strict, lenient in itertools.product(range(80, 39, -1), range(60, 29, -1)):
        if lenient > strict:
            continue
        lines = [fingerprint.needed(words, strict / 100, lenient / 100) for words in range(256)]
        worth = _taken(alike, lines) - _taken(apart, lines)
        if worth > most + 1e-9:
            best, most = (strict / 100, lenient / 100), worth
    return best


def _shares(row: Told) -> list[tuple[int, float]]:
    """Words of the shorter one and share of common words, of each pair."""
    return [(min(a.sketch[0], b.sketch[0]), overlap(a, b)) for a, b in row.pairs]


def _taken(rows: list[list[tuple[int, float]]], lines: list[float]) -> float:
    """The mean over all rows of the share of pairs that are above the line for their words."""
    return sum(sum(share >= lines[words] for words, share in row) / len(row) for row in rows) / len(rows)


def speed_samples() -> dict[str, bytes]:
    """Messages of 10 KiB."""
    dice = random.Random(SEED)
    prose = variations.prose(dice, 11_000)
    text = f"Hello Anna,\n\nyour order 4711 of 23 November has shipped. See https://shop.example/o/4711\n\n{prose}"
    html = variations.page(text[:4_400])
    samples = {
        "plain": Filled("Your order has shipped", text[:9_900]),
        "plain, not ASCII": Filled("Ihre Bestellung", text[:9_700].replace("her", "h\u00e4r")),
        "multipart/alternative with HTML": Filled("Your order has shipped", text[:4_400], html),
        "base64": Filled("Your order has shipped", text[:7_200], encoding="base64"),
    }
    for tags in (420, 510):
        samples[f"HTML of {tags} tags"] = Filled("Your order has shipped", "", variations.tagged(dice, 9_900, tags))
    return {kind: variations.octets(one) for kind, one in samples.items()}


def microseconds(octets: bytes, *, anew: bool) -> float:
    """What reading a message costs, header included; the best of many short runs, because the machine does more.

    ``anew``: its words have not been seen before.
    """

    def once() -> None:
        if anew:
            reading.said.cache_clear()
        reading.read(parse_header(octets), octets, len(octets))

    return min(timeit.repeat(once, number=10, repeat=200)) / 10 * 1e6


def run(chosen: argparse.Namespace) -> None:
    """Print the tables."""
    print("## Speed\n\n| message | KiB | microseconds | messages/s on one core | microseconds, words seen before |")
    print("| --- | --- | --- | --- | --- |")
    for kind, octets in speed_samples().items():
        cost, again = microseconds(octets, anew=True), microseconds(octets, anew=False)
        print(f"| {kind} | {len(octets) / 1024:.1f} | {cost:.0f} | {1e6 / cost:,.0f} | {again:.0f} |")
    if not variations.CORPUS.exists():
        sys.exit(f"bench: no corpus at {variations.CORPUS}: precision and recall are not measured")
    seen, unseen = (half(templates, chosen.each) for templates in halves(variations.templates()))
    strict, lenient = fitted(seen)
    print(f"\nFitted on {len(seen.templates)} templates: {strict:.2f}, {lenient:.2f}", end="; ")
    print(
        f"in force: {fingerprint.STRICT:.2f}, {fingerprint.LENIENT:.2f}. Held out: {len(unseen.templates)} templates."
    )
    print("\n## Recall: pairs of one campaign told to be one\n")
    print(f"| variation | fitted on | held out | held out, of {_LONG} words or more | of these, found by buckets |")
    print("| --- | --- | --- | --- | --- |")
    for one, other, long_ones in zip(seen.alike, unseen.alike, unseen.of_long, strict=True):
        print(f"| {one.kind} | {one.share:.1%} | {other.share:.1%} | {long_ones.share:.1%} | {long_ones.found:.2%} |")
    print(
        "\n## Precision: pairs of different campaigns taken for one\n\n"
        "| pairs | fitted on | held out |\n| --- | --- | --- |"
    )
    for one, other in zip(seen.apart, unseen.apart, strict=True):
        cells = [f"{row.same} of {len(row.pairs):,} ({row.share:.2%})" for row in (one, other)]
        print(f"| {one.kind} | {' | '.join(cells)} |")
