"""Blame goes to the narrowest key that explains the harm, and to what several of those have in common."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from goodstanding.events import Event
from goodstanding.model import Key, KeyKind, Signal, Touched
from goodstanding.reputation.blame import charges
from goodstanding.reputation.cells import State
from goodstanding.reputation.fold import fold
from goodstanding.reputation.standing import Charge
from tests.reputation.mail import (
    ADDRESS,
    CAMPAIGN,
    DAY,
    DOMAIN,
    START,
    bounced,
    campaign,
    complained,
    delivered,
    folded,
    measured,
    of,
    reinstated,
)

NOW = START + 10 * DAY


def charged(state: State, now: float = NOW) -> dict[str, str]:
    return {str(one.key): one.level for one in charges(state, now)}


def alone(subscription: str, number: int, links: str = "") -> Touched:
    """A sender that shares nothing with others but the address."""
    return Touched(subscription, "bulk", f"{subscription.replace('/', '-')}.example", number, links)


def rotating(count: int, mails: int, complaints: int, **changes: object) -> list[object]:
    """Campaigns one after the other, each of so many mails."""
    return [
        event
        for number in range(count)
        for event in campaign(START + number * 7200, mails, complaints, of(campaign=100 + number, **changes))
    ]


def in_order(*stories: list[object]) -> State:
    return folded(*sorted((event for story in stories for event in story), key=lambda event: event.at))


def test_good_mail_is_charged_with_nothing() -> None:
    assert charged(folded(*campaign(START, 5000, 2))) == {}


def test_a_bad_campaign_answers_alone_for_what_it_did() -> None:
    good = campaign(START, 3000, 1, of(campaign=8))
    assert charged(in_order(campaign(START, 1000, 40), good)) == {"campaign:7": "suspended"}


def test_a_campaign_in_a_subscription_with_nothing_else_still_answers_alone() -> None:
    assert charged(folded(*campaign(START, 300, 12))) == {"campaign:7": "suspended"}


def test_mail_of_no_known_campaign_is_charged_to_its_subscription() -> None:
    assert charged(folded(*campaign(START, 300, 12, of(campaign=0)))) == {"subscription:shop/news": "suspended"}


def test_many_campaigns_that_are_each_too_small_to_tell_are_charged_to_their_subscription() -> None:
    found = charged(in_order(rotating(40, 10, 1)))
    assert found == {"subscription:shop/news": "suspended"}


def test_a_milder_charge_explains_nothing_away() -> None:
    """Each of twelve campaigns is watched at most, together they are a sender to be suspended."""
    found = charged(in_order(rotating(12, 60, 2)))
    assert found.pop("subscription:shop/news") == "suspended"
    assert set(found.values()) == {"watched"}


def test_three_bad_campaigns_have_their_sender_in_common() -> None:
    found = charged(in_order(rotating(3, 300, 12)))
    assert found == {f"campaign:{number}": "suspended" for number in (100, 101, 102)} | {
        "subscription:shop/news": "suspended"
    }


def test_two_bad_campaigns_have_not() -> None:
    assert charged(in_order(rotating(2, 300, 12))) == {"campaign:100": "suspended", "campaign:101": "suspended"}


def test_one_campaign_over_many_subscriptions_answers_for_all_of_them() -> None:
    spread = [campaign(START, 100, 4, of(subscription=f"shop/app{number}")) for number in range(6)]
    assert charged(in_order(*spread)) == {"campaign:7": "suspended"}


def test_a_link_in_small_campaigns_of_many_subscriptions_answers_for_them() -> None:
    spread = [
        campaign(START, 6, 1, of(subscription=f"shop/app{number}", campaign=number, links="bad.example"))
        for number in range(12)
    ]
    assert charged(in_order(*spread)) == {"link:bad.example": "suspended"}


def three_bad(*subscriptions: str, **changes: object) -> State:
    """Three bad subscriptions that have a link in common."""
    spread = [
        campaign(START, 300, 12, of(subscription=name, campaign=0, links="bad.example", **changes))
        for name in subscriptions
    ]
    return in_order(*spread)


def test_a_link_in_the_mail_of_three_bad_subscriptions_of_a_tenant_answers_with_them() -> None:
    (link,) = [
        one
        for one in charges(three_bad("shop/a", "shop/b", "shop/c"), NOW)
        if one.key == Key(KeyKind.LINK, "bad.example")
    ]
    assert (link.level, link.tenant) == ("suspended", "shop")


def test_a_link_that_tenants_share_is_watched_and_excuses_nobody() -> None:
    found = charged(three_bad("t0/app", "t1/app", "t2/app"))
    assert found.pop("link:bad.example") == "watched"
    assert {f"subscription:t{number}/app": "suspended" for number in range(3)}.items() <= found.items()


def test_nobody_can_have_a_site_ordered_about_by_linking_to_it() -> None:
    """Three bad subscriptions of one tenant link to the site of another and to one that everybody links to."""
    mail = [delivered(START + place, of(links="facebook.example shop.example")) for place in range(900)]
    evil = [
        campaign(START, 15, 15, alone(f"evil/app{number}", 0, "facebook.example shop.example")) for number in range(3)
    ]
    found = charges(in_order(mail, *evil), NOW)
    assert {one.level for one in found if one.key.kind is KeyKind.LINK} == {"watched"}
    assert {one.tenant for one in found if one.level != "watched"} == {"evil"}


def test_a_domain_that_two_tenants_should_share_against_all_rules_is_watched() -> None:
    spread = [
        campaign(START, 6, 1, Touched(f"t{number}/app", "bulk", "both.example", number, "")) for number in range(12)
    ]
    assert charged(in_order(*spread))["domain:both.example"] == "watched"


def test_figures_of_a_provider_about_a_domain_are_laid_to_the_tenant_who_sends_from_it() -> None:
    figures = structs.replace(measured(START + DAY, DOMAIN, provider="google", messages=900, complaints=90), tenant="")
    (found,) = charges(folded(*campaign(START, 900, 0), figures), NOW)
    assert (found.key, found.tenant, found.level) == (DOMAIN, "shop", "suspended")


@pytest.mark.parametrize("mail", [[delivered(START)], campaign(START, 3850, 0), campaign(START, 60, 6)])
@pytest.mark.parametrize("later", [1.0, 3600.0, DAY])
def test_figures_below_the_limit_suspend_nobody(mail: list[Event], later: float) -> None:
    """0.4 %: of mail that left elsewhere, of all mail of the day before, and beside a campaign that answers alone."""
    figures = measured(START + DAY, ADDRESS, messages=3850, complaints=15)
    found = charged(folded(*mail, figures), START + DAY + later)
    assert found.pop("campaign:7", "suspended") == "suspended"
    assert found in ({"tenant:shop": "slowed"}, {"tenant:shop": "watched"})


def test_three_bad_subscriptions_have_their_tenant_in_common_but_not_the_address_others_share() -> None:
    spread = [campaign(START, 300, 12, alone(f"shop/app{number}", 0)) for number in range(3)]
    found = charged(in_order(*spread))
    assert found.pop("tenant:shop") == "suspended"
    assert found == {f"subscription:shop/app{number}": "suspended" for number in range(3)}


def test_an_address_answers_for_what_no_sender_on_it_explains() -> None:
    """Forty senders, one block each: only the address has them in common."""
    senders = [alone(f"t{number}/app", number) for number in range(40)]
    mail = [delivered(START + place, sender) for sender in senders for place in range(8)]
    blocks = [bounced(START + 10, "550 5.7.1 blocked", sender, hard=False, reach="lane") for sender in senders]
    (found,) = charges(in_order(mail, blocks), NOW)
    assert (found.key, found.signal, found.tenant, found.level) == (ADDRESS, Signal.FAILURES, "", "watched")
    assert (found.events, found.exposure) == (40, 360.0)


def test_what_people_do_is_asked_of_the_tenant_and_what_servers_do_of_the_address() -> None:
    senders = [alone(f"shop/app{number}", number) for number in range(40)]
    mail = [delivered(START + place, sender) for sender in senders for place in range(8)]
    blocks = [bounced(START + 10, "550 5.7.1 blocked", sender, hard=False, reach="lane") for sender in senders]
    unknown = [bounced(START + 10, touched=sender) for sender in senders]
    assert charged(in_order(mail, blocks)) == {"ip:203.0.113.7": "penalty"}
    assert charged(in_order(mail, unknown)) == {"tenant:shop": "penalty"}


def test_what_others_answer_for_is_said() -> None:
    bad = campaign(START, 1000, 40)
    careless = campaign(START, 400, 6, of(campaign=0))
    found = {str(one.key): one for one in charges(in_order(bad, careless), NOW)}
    mine = found["subscription:shop/news"]
    assert (mine.level, mine.events, round(mine.exposure)) == ("slowed", 6, 400)
    assert mine.words.endswith("(estimate 1.5 %, 95 % 0.55-3.3 %), without 40 that narrower keys answer for")


def test_when_the_bad_campaign_is_reinstated_nothing_of_it_is_left() -> None:
    story = [*campaign(START, 1000, 40), reinstated(START + 2 * DAY, CAMPAIGN)]
    assert charged(folded(*story)) == {}
    late = [complained(START + 3 * DAY + n, START + n) for n in range(30)]
    assert charged(folded(*story, *late)) == {}, "complaints about mail from before the reinstatement"


def test_who_goes_on_badly_after_a_reinstatement_is_charged_again_and_alone() -> None:
    story = [*campaign(START, 1000, 40), reinstated(START + 2 * DAY, CAMPAIGN), *campaign(START + 3 * DAY, 1000, 40)]
    assert charged(folded(*story)) == {"campaign:7": "suspended"}


def test_what_others_did_is_not_forgiven_with_a_campaign() -> None:
    others = rotating(3, 400, 16)
    state = in_order(campaign(START, 1000, 40), others, [reinstated(START + 2 * DAY, CAMPAIGN)])
    assert charged(state)["subscription:shop/news"] == "suspended"


def test_a_subscription_that_is_reinstated_moves_no_blame_to_its_tenant() -> None:
    story = [*campaign(START, 1000, 40), reinstated(START + 2 * DAY, Key(KeyKind.SUBSCRIPTION, "shop/news"))]
    assert charged(folded(*story)).keys() <= {"campaign:7"}


def test_a_subscription_recovers_when_its_bad_campaign_stops() -> None:
    """It is charged with nothing while the campaign answers, and a month later nobody is."""
    story = in_order(campaign(START, 1000, 40), campaign(START + DAY, 4000, 1, of(campaign=8)))
    assert charged(story, START + 5 * DAY) == {"campaign:7": "suspended"}
    assert charged(story, START + 45 * DAY) == {}


def test_evidence_fades_as_good_mail_matures() -> None:
    bad = campaign(START, 200, 4, of(campaign=0))
    good = campaign(START + DAY, 30_000, 0, of(campaign=0))
    assert charged(in_order(bad), START + 2 * DAY) == {"subscription:shop/news": "slowed"}
    assert charged(in_order(bad, good), START + 9 * DAY) == {}


def family(mails: int, complaints: int) -> State:
    return in_order(*(campaign(START, mails, complaints, alone(f"shop/app{n}", n)) for n in range(1, 9)))


def test_campaigns_that_say_the_same_answer_for_each_other() -> None:
    state, kin = family(20, 1), {number: tuple(set(range(1, 9)) - {number}) for number in range(1, 9)}
    alone, together = charges(state, NOW), charges(state, NOW, kin=kin)
    assert {str(one.key) for one in alone} == {"tenant:shop"}
    assert {str(one.key): one.level for one in together} == {f"campaign:{n}": "suspended" for n in range(1, 9)}
    assert together[0].words.endswith(", together with 7 campaigns that say the same")
    assert together[0].events == 8


def test_who_uses_a_stock_text_is_not_to_blame_for_others_who_do() -> None:
    """One complaint in 3,000 speaks for it, not against it, whatever the campaign it was copied from has done."""
    own = campaign(START, 3000, 1, alone("bank/alerts", 9))
    state = in_order(campaign(START, 300, 12), own)
    assert list(charged(state)) == ["campaign:7"]
    assert [str(one.key) for one in charges(state, NOW, kin={9: (7,)})] == ["campaign:7"]


def test_kin_that_kept_clear_make_a_bad_campaign_no_better() -> None:
    state = in_order(campaign(START, 300, 12), campaign(START, 20_000, 1, of(campaign=8, subscription="shop/app")))
    (found,) = charges(state, NOW, kin={7: (8,), 8: (7,)})
    assert (found.key, found.level) == (CAMPAIGN, "suspended")


@pytest.mark.parametrize(
    ("mails", "complaints", "level", "line"),
    [
        (40, 2, "watched", "target"),
        (200, 4, "slowed", "target"),
        (400, 8, "penalty", "ceiling"),
        (130, 8, "suspended", "limit"),
    ],
)
def test_each_level_has_its_line(mails: int, complaints: int, level: str, line: str) -> None:
    (found,) = charges(folded(*campaign(START, mails, complaints)), START + 2 * DAY)
    assert (found.level, found.line, found.tenant, found.stream) == (level, line, "shop", "bulk")
    assert found.low < found.estimate < found.high


def test_a_charge_says_it_in_one_sentence() -> None:
    (found,) = charges(folded(*campaign(START, 310, 5)), START + 9 * DAY)
    assert isinstance(found, Charge)
    assert found.words == (
        "complaint evidence 1 in 3,300 against 0.1 %: 5 complaints in 310 matured deliveries "
        "(estimate 1.6 %, 95 % 0.52-3.8 %)"
    )


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=80))
@settings(max_examples=40)
def test_who_was_cleared_is_asked_again_when_it_matters(story: list[tuple[int, bool]]) -> None:
    """Asked after every event, the answer is that of somebody who is asked for the first time."""
    state, at, so_far = State(), START, list[Event]()
    for minutes, bad in story:
        at += minutes * 3600.0
        event = complained(at, at - 60) if bad else delivered(at)
        so_far.append(event)
        fold(state, event)
        assert charges(state, at) == charges(folded(*so_far), at)
    assert charges(state, at + 3 * DAY) == charges(folded(*so_far), at + 3 * DAY)
    assert charges(state, at) == charges(folded(*so_far), at)
