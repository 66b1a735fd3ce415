"""The campaign that is sent twice: what both senders share, how the journal is read, and how it is told."""

from collections import Counter
from dataclasses import replace
from email import message_from_bytes, policy
from itertools import chain
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from goodstanding.cli import demo_comparison, demo_twins
from goodstanding.cli.demo_hints import Kept, what_was_suspended
from goodstanding.cli.demo_house import House, Ports, relay_settings
from goodstanding.cli.demo_mail import Letter
from goodstanding.cli.demo_scenes import Flow, Heard, Outcome
from goodstanding.cli.demo_submission import Answer
from goodstanding.cli.demo_twins import APART, TOGETHER, TWINS
from goodstanding.events import Accepted, Bounced, Delivered, Unsubscribed
from goodstanding.evidence import Complained, LadderMoved
from goodstanding.model import MessageId, Stream
from goodstanding.sandbox.catalogue import built_in
from goodstanding.sandbox.society import Opinion
from goodstanding.settings_file import parse_settings
from tests.cli.stock import NOW

WHO = demo_twins.cast(1, 40, 60)


def letters(house: House) -> list[Letter]:
    return [*demo_twins.codes(house, WHO, NOW), *demo_twins.pitches(house, WHO)]


def test_the_twins_write_the_same_to_the_same_people() -> None:
    for mine, other in zip(letters(APART), letters(TOGETHER), strict=True):
        first, second = (message_from_bytes(one.octets, policy=policy.default) for one in (mine, other))
        assert mine.recipients == other.recipients
        for field in ("Message-ID", "Subject", "To"):
            assert first[field] == second[field]
        assert first.get_content() == second.get_content()


def test_the_same_seed_casts_the_same_people() -> None:
    assert demo_twins.cast(1, 40, 60) == WHO != demo_twins.cast(2, 40, 60)
    assert len({contact.address for contact in WHO.contacts}) == 60 and len(WHO.customers) == 40


def test_one_keeps_its_streams_apart_and_the_other_nothing() -> None:
    assert set(APART.streams.values()) == {Stream.TRANSACTIONAL, Stream.OUTREACH} == set(APART.domains)
    assert len(set(APART.identities())) == 4 and len(set(TOGETHER.identities())) == 2
    assert not set(APART.identities()) & set(TOGETHER.identities())


@pytest.mark.parametrize("house", TWINS, ids=lambda house: house.tenant)
def test_the_relays_of_the_twins_have_valid_settings(house: House, tmp_path: Path) -> None:
    settings = parse_settings(relay_settings(house, tmp_path, ("127.0.0.1", 2553), 2525, Ports(2587, 9125, 8443)))
    assert settings.delivery.loopback_only and settings.admission.mode == house.admission
    assert {pool.addresses[0] for pool in settings.pools} == set(house.sources.values())
    assert [one.address for one in settings.feedback.listeners] == ["127.0.3.9"] * bool(house.hears_at)


def test_every_company_has_its_mail_at_a_provider_of_the_sandbox() -> None:
    hosts = {host.name for provider in built_in().providers for host in provider.hosts if provider.reputation}
    zones = dict(demo_twins.company_zones(WHO, 1))
    assert {contact.domain for contact in WHO.contacts} == set(zones)
    for ((_, kind, value),) in zones.values():
        assert kind == "MX" and value.split()[1].rstrip(".") in hosts
    assert set(demo_twins.CUSTOMERS_AT) == set(demo_twins.EXCHANGERS)


def test_customers_know_the_home_domain_only_and_nobody_on_the_list_knows_anybody() -> None:
    known = demo_twins.relations(APART, WHO)
    assert {one.mailbox for one in known} == set(WHO.customers)
    assert {(one.sender, one.kind) for one in known} == {("apart.example", "customer")}
    assert len(demo_twins.permissions(WHO, NOW).splitlines()) == 1 + len(WHO.contacts)


def accepted(message: int, application: str, notice_for: str = "") -> Accepted:
    name = f"apart/{application}"
    return Accepted("apart", MessageId(message), 0, NOW, "a@b", name, "outreach", "c@d", 1, notice_for=notice_for)


def bounced(message: int, reply: str) -> Bounced:
    return Bounced("apart", MessageId(message), 0, NOW, "a@b", "mx", reply, "recipient", 1)


def test_the_journal_tells_what_became_of_each_application() -> None:
    heard = Heard()
    heard.take([accepted(n, "sales") for n in range(4)] + [accepted(9, "codes"), accepted(10, "codes", "x")])
    heard.take([Delivered("apart", MessageId(9), 0, NOW, "a@b", "mx", "250 OK", delay=0.1)])
    heard.take([bounced(0, "550 5.1.1 no such user"), bounced(1, "550 5.5.0 mailbox unavailable")])
    heard.take([bounced(2, "550 5.7.1 very low reputation"), bounced(2, "550 5.7.1 again"), bounced(77, "550 5.1.1")])
    assert heard.fates == {"apart/codes": {"delivered": 1}, "apart/sales": {"unknown": 2, "refused": 1}}
    assert [heard.owner[key] for key in heard.under_way] == ["apart/sales"]


def test_the_journal_tells_what_the_relay_heard_and_decided() -> None:
    heard = Heard()
    complaint = Complained("apart", MessageId(1), 0, NOW, "a@b", "abuse", "staff@outlook.example")
    left = Unsubscribed("apart", MessageId(2), 0, NOW, "c@d", Stream.OUTREACH, "one-click")
    moved = LadderMoved("apart", NOW, "subscription:apart/sales", "good", "slowed", "complaints", "5 in 310")
    heard.take([complaint, left, moved])
    assert heard.reports == {"complained": 1, "unsubscribed": 1}
    assert heard.moves == [moved]


def test_a_scene_waits_for_the_end_of_a_warning() -> None:
    heard = Heard()
    heard.take([move("watched")])
    assert not heard.on_the_way_up
    heard.take([move("slowed")])
    assert heard.on_the_way_up
    heard.take([move("suspended")])
    assert not heard.on_the_way_up


def move(rung: str, key: str = "campaign:7") -> LadderMoved:
    return LadderMoved("apart", NOW + 1.5, key, "good", rung, "over-limit", "5 in 310")


def test_what_was_suspended_is_explained_by_commands_about_its_own_relay() -> None:
    sales = "subscription:apart/sales"
    moves = (move("slowed", sales), move("suspended", sales), move("suspended"))
    stopped = replace(outcome(APART, 0), moves=moves)
    kept = Kept(Path("d/goodstanding.toml"), False, Ports(1, 2, 3), 4)
    rows = [command for command, _ in what_was_suspended(kept, [stopped, outcome(TOGETHER, 30)])]
    ends = [row.split(" ", 1)[1] for row in rows]
    config = "campaign:7 --config d/apart/goodstanding.toml"
    assert ends == [f"standing show {config}", f"reputation why {config}"]


def outcome(house: House, junk: int) -> Outcome:
    codes = Flow("sign-in codes", 40, 0, 0, 0, 0, 0, 40 - junk, junk, 0, 0, 1.0, 1 - junk / 40)
    sales = Flow("cold campaign", 60, 4, 6, 3, 2, 1, 30, 12, 2, 4, 0.9, 0.2)
    opinion = Opinion("gmail", house.identities()[0], "low", 0.005, 0.02, 0.3, 0.5, "yellow", 100.0, 3.0, None, {})
    reports = Counter(complained=3)
    if not house.hears_at:
        return Outcome(house, codes, sales, (opinion,), reports, ())
    letter = demo_twins.pitches(house, WHO)[0]
    stops = (Answer(letter, 450, "4.7.1 slowed", 1.0, 0.1), Answer(letter, 550, "5.7.1 suspended", 2.0, 0.1))
    return Outcome(house, codes, sales, (opinion,), reports, (move("slowed"), move("suspended")), stops, began=NOW)


def test_both_scenes_are_told_side_by_side() -> None:
    told = demo_comparison.comparison([outcome(APART, 0), outcome(TOGETHER, 30)], 3.6)
    console = Console(width=90, record=True)
    with console.capture() as drawn:
        console.print(told)
    text = drawn.get()
    assert "streams apart" in text and "all together" in text and "3.6 days" in text
    assert "450 4.7.1 slowed" in text and "550 5.7.1 suspended" in text and "3 complained" in text
    assert text.index("1.5 s in, it decided") < text.index("good to slowed") < text.index("good to suspended")
    assert text.count("no single complaint") == 1
    figures = {line[:35].strip(): line[35:].split() for line in text.splitlines() if line[:1] not in ("", " ")}
    assert figures["in junk"] == ["0", "12", "30", "12"]
    assert figures["slowed by the shop's own relay"] == ["0", "4", "0", "4"]
    assert figures["the last quarter, in the inbox"] == ["100%", "20%", "25%", "20%"]
    assert "gmail low (0.50%)" in text


def test_programs_read_both_scenes() -> None:
    document = demo_comparison.document([outcome(APART, 0), outcome(TOGETHER, 30)])
    read = msgspec.json.decode(msgspec.json.encode(document))
    assert read["streams_apart"]["codes"]["inbox_last"] == 1.0
    assert read["all_together"]["codes"]["junk"] == 30
    assert read["streams_apart"]["stops"] == ["450 4.7.1 slowed", "550 5.7.1 suspended"]
    assert [one["to"] for one in read["streams_apart"]["moves"]] == ["slowed", "suspended"]
    assert read["all_together"]["stops"] == read["all_together"]["moves"] == []
    assert list(chain(read["all_together"]["reputation"].values())) == ["low"]
