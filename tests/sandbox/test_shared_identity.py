"""What a shared identity costs, in the pure models and whatever the dice say.

One provider, one sender with a good name that goes on sending codes to customers, and a cold campaign beside them: with
the sender's own address and domain, or with others. Time is virtual, so days take milliseconds.
"""

import heapq
from collections.abc import Iterator
from itertools import count

import pytest

from goodstanding.sandbox.behaviour import HOUR, Act
from goodstanding.sandbox.pace import Pace
from goodstanding.sandbox.placement import DAY, Key, Lines, Reputations
from goodstanding.sandbox.relations import AddressBook, Relation, traits_of
from goodstanding.sandbox.residents import Accepted, Copy, Residents
from goodstanding.wire.message import parse_header

SHOP: tuple[Key, ...] = (("ip", "127.0.3.1"), ("domain", "shop.example"))
APART: tuple[Key, ...] = (("ip", "127.0.3.2"), ("domain", "meet-shop.example"))
CODES, PITCHES, DAYS = 160, 400, 3.5
"""About what one large provider gets of the demo's comparison."""
SEEDS = range(16)


def letter(kind: str, number: int, keys: tuple[Key, ...]) -> Accepted:
    sender = f"{kind}@{keys[1][1]}"
    header = f"From: {sender}\r\nMessage-ID: <{kind}-{number}@x.example>\r\n\r\n".encode()
    recipient = f"{'customer' if kind == 'code' else 'contact'}-{number}@gmail.example"
    return Accepted(f"{kind}{number}", keys[0][1], sender, (recipient,), traits_of(parse_header(header)), keys, "")


def codes_placed(seed: int, campaign: tuple[Key, ...] | None) -> list[str]:
    """Where each code went, in order; ``refused`` where the provider did not take it."""
    book = AddressBook()
    book.add(Relation(f"customer-{n}@gmail.example", "shop.example", "customer") for n in range(CODES))
    home = Residents("gmail", str(seed), book, Pace(0.0), reputations=Reputations(Lines()))
    assert home.reputations is not None
    for key in SHOP:
        home.reputations.established(key, 90, 100, 0.0)
    mail = [(DAYS * DAY * n / CODES, n, letter("code", n, SHOP)) for n in range(CODES)]
    if campaign:
        mail += [(6 * HOUR + 2 * DAY * n / PITCHES, n, letter("pitch", n, campaign)) for n in range(PITCHES)]
    return [place for message, place in arrivals(home, mail) if message.startswith("code")]


def arrivals(home: Residents, mail: list[tuple[float, int, Accepted]]) -> Iterator[tuple[str, str]]:
    """Let mail arrive and people act, each at its time; placement of every message."""
    acts: list[tuple[float, int, Copy, Act]] = []
    serial = count()
    for at, _, message in sorted(mail, key=lambda one: one[:2]):
        while acts and acts[0][0] <= at:
            due, _, copy, act = heapq.heappop(acts)
            home.acted(copy, act, due)
        if home.admit(message.keys, 1, at):
            yield message.mail, "refused"
            continue
        for copy in home.take(message, at):
            for reaction in copy.plan:
                heapq.heappush(acts, (at + reaction.after, next(serial), copy, reaction.act))
            yield message.mail, copy.placement


def inbox_at_last(seed: int, campaign: tuple[Key, ...] | None) -> float:
    """Share of the last quarter of the codes that reached the inbox."""
    last = codes_placed(seed, campaign)[-CODES // 4 :]
    return last.count("inbox") / len(last)


@pytest.mark.parametrize("campaign", [None, APART], ids=["no campaign", "a campaign apart"])
def test_codes_keep_the_inbox_where_the_campaign_shares_nothing_with_them(campaign: tuple[Key, ...] | None) -> None:
    assert {inbox_at_last(seed, campaign) for seed in SEEDS} == {1.0}


def test_codes_lose_the_inbox_where_the_campaign_shares_their_address_and_domain() -> None:
    shares = [inbox_at_last(seed, SHOP) for seed in SEEDS]
    assert sum(share < 0.5 for share in shares) >= 0.9 * len(shares)


@pytest.mark.parametrize("shared", [0, 1], ids=["the address", "the domain"])
def test_sharing_one_of_both_is_enough(shared: int) -> None:
    campaign = (SHOP[0], APART[1]) if shared == 0 else (APART[0], SHOP[1])
    shares = [inbox_at_last(seed, campaign) for seed in SEEDS]
    assert sum(share < 0.5 for share in shares) >= 0.8 * len(shares)
