"""CAMPAIGN.toml: what it may say, what follows from saying nothing, and that it tells everything that is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.errors import SettingsError
from goodstanding.model import Stream
from goodstanding.sandbox.behaviour import Expectation
from goodstanding.simulator.assumptions import Range
from goodstanding.simulator.campaign import FLOWS, Flow, Group, Sender
from goodstanding.simulator.campaign_file import Enclosed, question_of, read_assumptions, read_campaign, traits_of
from goodstanding.simulator.question import Question
from goodstanding.simulator.recipients_file import read_recipients

STRANGERS = "[[population]]\ncount = 100\nexpectation = 'cold'\n"
LETTER = b"""\
From: Ann <ann@news.shop.example>
To: bob@acme.example
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
List-Unsubscribe: <https://shop.example/u/1>
List-Unsubscribe-Post: List-Unsubscribe=One-Click

Hello Bob
"""


def asked(text: str, enclosed: Enclosed | None = None) -> Question:
    return question_of(read_campaign(text), enclosed or Enclosed())


def problems(text: str) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        read_campaign(text)
    return raised.value.problems


def test_a_described_population_is_enough() -> None:
    question = asked(STRANGERS)
    assert question.campaign.recipients == 100
    assert question.routes == ("azure", "exchange-online", "dedicated", "goodstanding")
    assert question.campaign.flows == FLOWS
    assert question.campaign.stream is Stream.OUTREACH
    assert question.campaign.sender == Sender()
    assert (question.runs, question.seed) == (1000, 1)


def test_it_says_who_sends_what_to_whom_and_how() -> None:
    question = asked(
        """
        name = "spring"
        per_day = 500
        follow_ups = 2
        follow_up_after = 4
        stream = "bulk"
        routes = ["ses", "azure", "ses"]
        runs = 20
        seed = 7
        message = { subject = "Hello", one_click = true }
        sender = { tenant = "shop", domain = "shop.example", age_days = 30, licences = 5 }
        flows = [{ name = "invoices", per_day = 10, over = "mailboxes" }]
        population = [{ count = 9, expectation = "subscribed", provider = "google", country = "IT" }]
        """
    )
    campaign = question.campaign
    assert (campaign.name, campaign.per_day, campaign.stream) == ("spring", 500.0, Stream.BULK)
    assert campaign.groups == (Group(Expectation.SUBSCRIBED, "google", "asked", 9, "IT"),)
    assert campaign.flows == (Flow("invoices", 10.0, Expectation.AWAITED, "mailboxes"),)
    assert campaign.sender == Sender(tenant="shop", domain="shop.example", age_days=30.0, licences=5)
    assert campaign.message.subject == "Hello"
    assert campaign.message.one_click and campaign.message.leads_out
    assert (campaign.message.follow_ups, campaign.message.follow_up_after) == (2, 4.0)
    assert (question.routes, question.runs, question.seed) == (("ses", "azure"), 20, 7)


def test_flows_can_be_none() -> None:
    assert asked(f"flows = []\n{STRANGERS}").campaign.flows == ()


def test_those_of_a_list_and_those_described_are_added() -> None:
    listed = read_recipients(["address\n", "a@gmail.com\n", "b@gmail.com\n"])
    question = asked(f"recipients = 'list.csv'\n{STRANGERS}provider = 'google'\n", Enclosed(recipients=listed))
    assert question.campaign.groups == (Group(Expectation.COLD, "google", "collected", 102),)


def test_the_list_that_is_named_must_be_enclosed() -> None:
    with pytest.raises(SettingsError, match="nobody is written to"):
        asked("recipients = 'list.csv'")


def test_a_message_is_read_with_the_eyes_of_admission() -> None:
    question = asked(f"message = 'letter.eml'\n{STRANGERS}", Enclosed(message=LETTER))
    message = question.campaign.message
    assert (message.subject, message.one_click, message.leads_out) == ("Grüße", True, True)
    assert question.campaign.sender.domain == "news.shop.example"


@pytest.mark.parametrize(
    ("octets", "leads_out"),
    [
        (b"Subject: a\n\nIf you would rather not hear from us, unsubscribe: https://shop.example/u", True),
        (b"Subject: a\nList-Unsubscribe: <mailto:leave@shop.example>\n\nHello", True),
        (b"Subject: a\n\nBuy our carpets.", False),
        (b"", False),
    ],
)
def test_a_way_out_that_is_no_one_click_is_seen_too(octets: bytes, leads_out: bool) -> None:
    assert (traits_of(octets).one_click, traits_of(octets).leads_out) == (False, leads_out)


@pytest.mark.fuzz
@given(st.binary(max_size=200))
def test_any_octets_are_some_message(octets: bytes) -> None:
    assert not traits_of(octets).one_click or b"\n" in octets or b"\r" in octets


@pytest.mark.parametrize(
    "assume", ['"cold.complained" = 0.01', "cold.complained = 0.01", "cold = { complained = [0.01, 0.01, 0.01] }"]
)
def test_an_assumption_is_set_by_a_number(assume: str) -> None:
    one = asked(f"{STRANGERS}[assume]\n{assume}").assumptions["cold.complained"]
    assert (one.range, one.known) == (Range(0.01, 0.01, 0.01), "given")


def test_a_platforms_number_is_an_assumption_too() -> None:
    question = asked(f'{STRANGERS}[assume]\n"azure.hourly" = [100, 200, 400]')
    assert question.assumptions["azure.hourly"].range == Range(100.0, 200.0, 400.0)


def test_what_the_document_says_counts_more_than_what_was_learned() -> None:
    learned = {"cold.complained": Range(0.1, 0.2, 0.3), "cold.opened": Range(0.1, 0.2, 0.3)}
    known = asked(f"{STRANGERS}[assume]\ncold.complained = 0.01", Enclosed(calibrated=learned)).assumptions
    assert known["cold.complained"].likely == 0.01
    assert known["cold.opened"].likely == 0.2


def test_assumptions_can_stand_in_a_document_of_their_own() -> None:
    assert read_assumptions('[assume]\n"cold.opened" = [0.1, 0.2, 0.3]') == {"cold.opened": Range(0.1, 0.2, 0.3)}


def test_recipients_are_shared_out_by_the_assumptions_that_hold() -> None:
    question = asked(f"{STRANGERS}[assume]\nmailboxes = {{ google = 1, microsoft = 0, yahoo = 0, other = 0 }}")
    assert [(group.provider, group.count) for group in question.campaign.groups] == [("google", 100)]


def test_the_store_tells_of_the_sender_what_the_document_does_not() -> None:
    known = Sender(tenant="shop", usual_per_day=7.0, complaint_rate=0.002)
    question = asked(f"{STRANGERS}[sender]\ncomplaint_rate = 0.001", Enclosed(sender=known))
    assert question.campaign.sender == Sender(tenant="shop", usual_per_day=7.0, complaint_rate=0.001)


def test_every_problem_is_told_at_once_with_its_path() -> None:
    found = problems(
        """
        runs = 0
        routs = []
        stream = "spam"
        [sender]
        complaint_rate = 2
        licenses = 5
        [[population]]
        expectation = "cold"
        [[population]]
        count = "many"
        expectation = "icy"
        country = "Italy"
        [[flows]]
        per_day = -1
        over = "pigeon"
        """
    )
    assert sorted(problem.split(":")[0] for problem in found) == [
        "flows[0].name",
        "flows[0].over",
        "flows[0].per_day",
        "population[0].count",
        "population[1].count",
        "population[1].country",
        "population[1].expectation",
        "routs",
        "runs",
        "sender.complaint_rate",
        "sender.licenses",
        "stream",
    ]


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("", "name a CSV file, or describe them"),
        (f"routes = []\n{STRANGERS}", "name at least one of azure"),
        (f"routes = ['pigeon']\n{STRANGERS}", "one of: azure"),
        (f"routs = ['azure']\n{STRANGERS}", "did you mean routes?"),
        (f"runs = 0\n{STRANGERS}", "a whole number at least 1"),
        (f"per_day = nan\n{STRANGERS}", "per_day"),
        (f"sender = 5\n{STRANGERS}", "a table is needed"),
        ("population = 5", "population"),
        ("[[population]]\ncount = 5\nexpectation = 'icy'", "awaited, subscribed, known, cold"),
        ("[[population]]\nexpectation = 'cold'", "population[0].count: missing"),
        (f"{STRANGERS}[assume]\ncold.complaned = 0.1", "cold.complained"),
        (f"{STRANGERS}[assume]\ncold.complained = 2", "a share lies between 0 and 1"),
        (f"{STRANGERS}[assume]\ncold.complained = [0.1, 0.2]", "[low, likely, high]"),
        (f"{STRANGERS}[assume]\ncold.complained = true", "[low, likely, high]"),
        (f"{STRANGERS}[assume]\ncold.complained = [0.3, 0.2, 0.1]", "none smaller than the one before"),
        ("name = ", "not TOML"),
        ("a = " + "[" * 5000, "not TOML"),
    ],
)
def test_a_problem_names_its_remedy(text: str, remedy: str) -> None:
    assert any(remedy in problem for problem in problems(text))


@pytest.mark.fuzz
@given(st.text(max_size=80), st.sampled_from(["", "population = ", "[assume]\n", "[sender]\n", "message = "]))
def test_garbage_is_a_campaign_or_a_settings_error(text: str, before: str) -> None:
    try:
        read_campaign(f"{before}{text}")
    except SettingsError as exc:
        assert exc.problems
