"""The curve of complaint delays is found again from complaints, whatever the mail was like."""

import random
from itertools import pairwise

import pytest

from goodstanding.reputation import delay
from goodstanding.reputation.delay import DAY, EDGES, PROVIDERS, Delays, curve_of, learned, share, start_curve

TODAY = 20_000
GOOGLE, ELSEWHERE = PROVIDERS.index("google"), PROVIDERS.index("elsewhere")


def seen(volumes: dict[int, int], mean: float, provider: int = GOOGLE, seed: int = 1) -> Delays:
    """Complaints about mail of these days (ago -> complaints), delays exponential; only what came before today."""
    dice, found = random.Random(seed), Delays()
    for ago, count in volumes.items():
        for _ in range(count):
            sent = (TODAY - ago) * DAY + dice.random() * DAY
            at = sent + dice.expovariate(1 / mean)
            if at < TODAY * DAY:
                found.note(provider, sent, at)
    return found


def test_the_start_is_a_mixture_of_hours_and_days() -> None:
    curve = start_curve()
    assert share(curve, 2 * 3600) == pytest.approx(0.6 * 0.632 + 0.4 * 0.080, abs=0.005)
    assert share(curve, DAY) == pytest.approx(0.6 + 0.4 * 0.632, abs=0.005)
    assert (share(curve, 0), share(curve, delay.HORIZON)) == (0.0, 1.0)


def test_every_curve_rises_from_nothing_to_everything() -> None:
    curves = [start_curve(), *learned(seen({1: 50, 3: 50, 9: 200}, 4 * 3600), TODAY)]
    for curve in curves:
        assert (curve[0], curve[-1], len(curve)) == (0.0, 1.0, len(EDGES))
        assert all(one <= other + 1e-12 for one, other in pairwise(curve))


def test_with_nothing_seen_the_start_stays() -> None:
    assert learned(Delays(), TODAY) == (start_curve(),) * len(PROVIDERS)


@pytest.mark.parametrize(
    "volumes",
    [
        dict.fromkeys(range(1, 30), 100),
        {1: 3000, **dict.fromkeys(range(2, 30), 20)},  # a bad campaign yesterday: only its quick complaints are seen
        {20: 3000, **dict.fromkeys(range(1, 20), 20)},  # a bad campaign long ago
    ],
    ids=["steady", "burst yesterday", "burst long ago"],
)
def test_the_curve_is_found_again_whatever_the_volume_was(volumes: dict[int, int]) -> None:
    curve, _ = delay.product_limit(seen(volumes, 12 * 3600.0).seen[GOOGLE], TODAY)
    for hours, true in ((3, 0.221), (12, 0.632), (24, 0.865), (48, 0.982)):
        assert share(curve, hours * 3600) == pytest.approx(true, abs=0.06)


def test_recent_mail_alone_would_look_quick() -> None:
    """What reversing time is for: the plain distribution of what was seen is too early by far."""
    burst = seen({1: 3000}, 2 * DAY)
    assert sum(burst.seen[GOOGLE].values()) < 1000
    together = seen({1: 3000, **dict.fromkeys(range(2, 30), 100)}, 2 * DAY)
    curve, _ = delay.product_limit(together.seen[GOOGLE], TODAY)
    assert share(curve, DAY) == pytest.approx(0.393, abs=0.06)


def test_a_provider_with_few_complaints_leans_on_the_others() -> None:
    delays = seen(dict.fromkeys(range(1, 30), 100), 600.0, GOOGLE)
    curves = learned(delays, TODAY)
    start = share(start_curve(), 1800)
    assert start < 0.2 < share(curves[ELSEWHERE], 1800)
    assert share(curves[ELSEWHERE], 1800) < share(curves[GOOGLE], 1800)


def test_ten_complaints_hardly_move_the_curve() -> None:
    curves = learned(seen({9: 10}, 60.0), TODAY)
    assert share(curves[GOOGLE], 1800) < share(start_curve(), 1800) + 0.2


def test_what_is_a_month_old_is_forgotten() -> None:
    delays = seen({40: 100, 5: 10}, 600.0)
    delays.forget(TODAY)
    assert sum(delays.seen[GOOGLE].values()) == 10


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("gmail-smtp-in.l.google.com [192.0.2.1]", "google"), ("ASPMX2.googlemail.com", "google"),
        ("company-example.mail.protection.outlook.com [192.0.2.1]", "microsoft"), ("c.o-v1.mx.microsoft", "microsoft"),
        ("mta5.am0.yahoodns.net", "yahoo"), ("mx01.mail.icloud.com", "apple"), ("mx-ha03.web.de", "united-internet"),
        ("mx2h1.comcast.net", "comcast"), ("google.com.evil.example", "elsewhere"), ("[192.0.2.1]", "elsewhere"),
        ("192.0.2.1", "elsewhere"), ("", "elsewhere"),
    ],
)  # fmt: skip
def test_whose_mailboxes_an_exchanger_serves(host: str, provider: str) -> None:
    assert PROVIDERS[curve_of(host)] == provider
