"""Putting mail into mailboxes: whose reputation it touches, where it goes, and that one seed tells one story."""

import pytest

from goodstanding.sandbox.authentication import Authentication
from goodstanding.sandbox.behaviour import Act, Expectation
from goodstanding.sandbox.dkim_check import Verified
from goodstanding.sandbox.pace import Pace
from goodstanding.sandbox.placement import DAY, Grade, Key, Lines, Reputations
from goodstanding.sandbox.relations import AddressBook, Relation, traits_of
from goodstanding.sandbox.residents import Accepted, Copy, Residents, keys_at_the_door, keys_of
from goodstanding.wire.message import parse_header

KEYS: tuple[Key, ...] = (("ip", "127.0.1.3"), ("domain", "pitch.example"))


def residents(seed: str = "s", *, speed: float = 1.0, memory: bool = True) -> Residents:
    reputations = Reputations(Lines()) if memory else None
    return Residents("gmail", seed, AddressBook(), Pace(0.0, speed), reputations=reputations)


def accepted(number: int, *, sender: str = "dana@pitch.example", quiet: bool = False) -> Accepted:
    header = f"From: {sender}\r\nMessage-ID: <{number}@x.example>\r\nSubject: Hi\r\n\r\n".encode()
    traits = traits_of(parse_header(header))
    return Accepted(f"m{number}", "127.0.1.3", sender, (f"P{number}@gmail.example",), traits, KEYS, "", quiet)


def campaign(home: Residents, size: int, now: float = 0.0) -> list[Copy]:
    return [copy for number in range(size) for copy in home.take(accepted(number), now)]


def told(copies: list[Copy]) -> list[object]:
    return [(copy.recipient, copy.placement, copy.plan) for copy in copies]


def test_one_seed_tells_one_story() -> None:
    first, second, third = (told(campaign(residents(seed), 400)) for seed in ("a", "a", "b"))
    assert first == second != third


def test_complaints_send_the_rest_of_a_campaign_to_junk_and_then_away() -> None:
    home = residents()
    assert home.reputations is not None
    for copy in campaign(home, 300):
        for reaction in copy.plan:
            home.acted(copy, reaction.act, reaction.after)
    assert home.reputations.grade(KEYS, 2 * DAY) <= Grade.LOW
    later = campaign(home, 100, 2 * DAY)
    assert sum(copy.placement == "inbox" for copy in later) < 20


def test_people_who_complained_get_no_more_of_that_sender_in_their_inbox() -> None:
    home = residents(memory=True)
    home.book.add([Relation("*", "shop.example", "customer")])
    (copy,) = home.take(accepted(1, sender="login@shop.example"), 0.0)
    assert (copy.expectation, copy.placement) == (Expectation.AWAITED, "inbox")
    home.acted(copy, Act.COMPLAINED, 1.0)
    (again,) = home.take(accepted(1, sender="login@shop.example"), 2.0)  # the same person
    (other,) = home.take(accepted(2, sender="login@shop.example"), 2.0)
    assert (again.placement, other.placement) == ("junk", "inbox")


def test_what_machines_write_about_mail_moves_nobody() -> None:
    home = residents()
    assert home.reputations is not None
    copies = [copy for n in range(200) for copy in home.take(accepted(n, quiet=True), 0.0)]
    assert {copy.placement for copy in copies} == {"inbox"} and not any(copy.plan for copy in copies)
    assert not home.reputations.records


def test_a_provider_without_memory_puts_everything_into_the_inbox_and_its_people_act_all_the_same() -> None:
    home = residents(memory=False)
    copies = campaign(home, 300)
    assert {copy.placement for copy in copies} == {"inbox"}
    assert any(reaction.act is Act.COMPLAINED for copy in copies for reaction in copy.plan)
    assert home.greet("127.0.1.3", 0.0) == home.admit(KEYS, 1, 0.0) == ""


def test_days_go_by_at_the_pace_of_the_sandbox() -> None:
    home = residents(speed=DAY)
    (copy,) = home.take(accepted(1), 2.0)
    assert copy.at == 2 * DAY
    assert Pace(100.0, 60.0).due(160.0, 120.0) == 162.0
    assert Pace(100.0, 60.0).sandbox_time(162.0) == 100.0 + 62 * 60


def checked(spf: str, aligned: bool, *signed: Verified) -> Authentication:
    return Authentication(spf, "bounces.shop.example", "", signed, "none", "", "shop.example", aligned)


@pytest.mark.parametrize(
    ("authentication", "domains"),
    [
        (None, ["shop.example"]),
        (checked("none", False), []),
        (checked("fail", False, Verified("fail", "other.example")), []),
        (checked("pass", False), ["shop.example"]),
        (checked("fail", True, Verified("pass", "mail.shop.example")), ["shop.example"]),
        (checked("pass", True, Verified("pass", "esp.example")), ["esp.example", "shop.example"]),
    ],
)
def test_only_what_is_proved_is_held_to_account(authentication: Authentication | None, domains: list[str]) -> None:
    keys = keys_of("127.0.1.1", authentication, "shop.example")
    assert keys == (("ip", "127.0.1.1"), *(("domain", name) for name in domains))


def test_before_the_message_the_return_path_stands_for_the_sender() -> None:
    assert keys_at_the_door("127.0.1.1", "b+x@bounces.shop.example") == (
        ("ip", "127.0.1.1"),
        ("domain", "shop.example"),
    )
    assert keys_at_the_door("127.0.1.1", "") == (("ip", "127.0.1.1"),)
