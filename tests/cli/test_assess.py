"""goodstanding assess, as somebody types it who is about to send."""

import time
from pathlib import Path

import msgspec
import pytest

from goodstanding.events import Delivered
from goodstanding.evidence import Complained
from goodstanding.model import MessageId, Touched
from goodstanding.operate.opening import open_estate
from goodstanding.settings import Settings
from goodstanding.simulator.outcome import Assessment
from goodstanding.store import journal
from tests.cli.conftest import Command, Said
from tests.following import follow

CAMPAIGN = """
name = "Autumn outreach"

[message]
subject = "A quick question"

[[population]]
count = 2000
expectation = "cold"
"""
FAST = ("--runs", "20", "--jobs", "1", "--route", "azure")


@pytest.fixture
def campaign(tmp_path: Path) -> str:
    path = tmp_path / "CAMPAIGN.toml"
    path.write_text(CAMPAIGN)
    return str(path)


def problems(said: Said) -> str:
    assert said.code == 2
    assert said.out == ""
    return " ".join(said.err.split())


def test_the_answer_comes_with_its_reasons(goodstanding: Command, campaign: str) -> None:
    said = goodstanding("assess", campaign, *FAST)
    assert said.code == 0
    assert "Autumn outreach: 2,000 recipients, 20 simulated runs for each route" in said.out
    assert "Azure Communication Services" in said.out
    assert "assumptions" in said.out and "--assumptions" in said.out


def test_programs_get_the_whole_assessment(goodstanding: Command, campaign: str) -> None:
    said = goodstanding("assess", campaign, *FAST, "--json")
    found = msgspec.json.decode(said.out, type=Assessment)
    assert (found.runs, [one.route for one in found.routes]) == (20, ["azure"])
    assert said.json["over"] is None
    assert said.out == goodstanding("assess", campaign, *FAST, "--json").out, "the same seed, the same figures"


def test_the_work_of_processes_is_that_of_one(goodstanding: Command, campaign: str) -> None:
    alone = goodstanding("assess", campaign, *FAST, "--json")
    assert goodstanding("assess", campaign, *FAST, "--jobs", "2", "--json").out == alone.out


def test_a_pipeline_is_stopped_over_its_line(goodstanding: Command, campaign: str) -> None:
    said = goodstanding("assess", campaign, *FAST, "--fail-over", "0.01%", "--json")
    assert said.code == 1
    assert said.json["over"]["failed"] is True
    assert "more likely than not above 0.01 %" in said.err


def test_a_pipeline_goes_on_below_its_line(goodstanding: Command, campaign: str) -> None:
    said = goodstanding("assess", campaign, *FAST, "--fail-over", "99%")
    assert (said.code, said.err) == (0, "")
    assert "--fail-over 99 %" in said.out


@pytest.mark.parametrize("line", ["0.3", "much", "100%", "-1%", "nan%"])
def test_a_line_is_a_percentage(goodstanding: Command, campaign: str, line: str) -> None:
    assert "--fail-over" in problems(goodstanding("assess", campaign, *FAST, "--fail-over", line))


def test_assumptions_are_set_and_said(goodstanding: Command, campaign: str) -> None:
    said = goodstanding("assess", campaign, *FAST, "--set", "cold.complained=0:0.1%:0.01", "--json")
    found = msgspec.json.decode(said.out, type=Assessment)
    one = next(one for one in found.assumptions if one.slug == "cold.complained")
    assert (one.known, one.low, one.likely, one.high) == ("given", 0.0, 0.001, 0.01)


@pytest.mark.parametrize("wrong", ["cold.complained", "cold.complained=1:2", "cold.complained=inf", "cold.nonsense=1"])
def test_a_wrong_assumption_is_named(goodstanding: Command, campaign: str, wrong: str) -> None:
    assert wrong.partition("=")[0] in problems(goodstanding("assess", campaign, *FAST, "--set", wrong))


def test_a_wrong_route_is_named_with_the_right_ones(goodstanding: Command, campaign: str) -> None:
    told = problems(goodstanding("assess", campaign, "--route", "pigeon"))
    assert "pigeon" in told and "azure" in told


def test_a_campaign_that_is_not_there_is_bad_input(goodstanding: Command, tmp_path: Path) -> None:
    assert "none.toml" in problems(goodstanding("assess", str(tmp_path / "none.toml")))
    assert "name a campaign" in problems(goodstanding("assess"))


def test_everything_that_is_wrong_is_told_at_once(goodstanding: Command, tmp_path: Path) -> None:
    """The document, the files it names, and what they ask of each other: nobody mends one thing after another."""
    (tmp_path / "letter.eml").write_text("no header\n")
    (tmp_path / "list.csv").write_text("name,plan\nx,y\n")
    (tmp_path / "learned.toml").write_text('[assume]\n"cold.opened" = 3\nx = true\n')
    (tmp_path / "bad.toml").write_text(
        """
        message = "letter.eml"
        recipients = "list.csv"
        assumptions = "learned.toml"
        routs = []
        routes = ["pigeon"]
        [sender]
        licences = 0
        [[population]]
        expectation = "icy"
        [assume]
        "cold.complained" = [1, 2]
        "cold.openend" = 0.1
        """
    )
    said = goodstanding("assess", str(tmp_path / "bad.toml"), "--route", "crow", "--set", "cold.foo=1")
    told = problems(said)
    for place in (
        "--route: 'crow' is not known",
        "--set: assumption cold.foo",
        "bad.toml: routs: unknown; did you mean routes?",
        "routes: 'pigeon' is not known",
        "sender.licences: 0 does not do",
        "population[0].count: missing",
        "population[0].expectation: 'icy' does not do",
        "assume.cold.complained: [1, 2] does not do",
        "assume.cold.openend: there is none",
        "letter.eml: it has no From and no Subject",
        "list.csv: the first line names no column",
        "learned.toml: assume.x: True does not do",
        "learned.toml: assume.cold.opened: a share lies between 0 and 1",
    ):
        assert place in told, place


def test_a_template_is_told_with_what_it_is_filled_with(goodstanding: Command, tmp_path: Path) -> None:
    (tmp_path / "letter.eml").write_text("From: a@b.example\nSubject: {{first_name}}, a word\n\nHello {{first_name}}\n")
    (tmp_path / "list.csv").write_text("email,First name\na@gmail.com,Anna\nb@gmail.com,Bo\n")
    path = tmp_path / "CAMPAIGN.toml"
    path.write_text('message = "letter.eml"\nrecipients = "list.csv"\n')
    said = goodstanding("assess", str(path), *FAST, "--html", str(tmp_path / "report.html"))
    told = "filled for 2 recipients (first_name): all of them are one campaign"
    assert told in said.out
    assert told in (tmp_path / "report.html").read_text("utf-8")


def test_the_report_is_written_beside_what_is_printed(goodstanding: Command, campaign: str, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    assert str(path) in goodstanding("assess", campaign, *FAST, "--html", str(path)).out
    assert path.read_text("utf-8").startswith("<!doctype html>")
    assert "there is no folder" in problems(goodstanding("assess", campaign, "--html", str(tmp_path / "no" / "x.html")))


def test_all_assumptions_are_listed_without_a_campaign(goodstanding: Command) -> None:
    said = goodstanding("assess", "--assumptions", "--json")
    assert {"cold.complained", "azure.complaints.suspended.line"} <= {one["slug"] for one in said.json}
    assert all(one["source"] for one in said.json)


def test_the_claims_are_told_with_what_was_found(goodstanding: Command) -> None:
    said = goodstanding("assess", "--article", "--runs", "10", "--json")
    assert {one["number"] for one in said.json} == set(range(1, 23))
    assert all(one["claim"] and one["measured"] for one in said.json)


def test_a_cluster_that_is_not_there_is_told(goodstanding: Command, campaign: str) -> None:
    assert "dask://HOST:PORT" in problems(goodstanding("assess", campaign, *FAST, "--cluster", "10.0.0.1"))


# --- with a journal of one's own --------------------------------------------------------------------------------------


@pytest.fixture
def past(data_dir: Path) -> None:
    """Ten days ago 400 letters of a campaign went out, three of which were reported, and 300 newsletters."""
    then = time.time() - 10 * 86_400.0
    cold, news = Touched("shop/sales", "outreach", "shop.example", 7), Touched("shop/news", "bulk", "shop.example", 8)

    def delivered(n: int, touched: Touched) -> Delivered:
        return Delivered("shop", MessageId(n), 0, then, f"r{n}@a.example", "mx.a.example", "250 ok", touched=touched)

    reports = [
        Complained("shop", MessageId(n), 0, then + 60, f"r{n}@a.example", "abuse", "y", touched=cold, delivered=then)
        for n in range(3)
    ]
    sent = [delivered(n, cold) for n in range(400)] + [delivered(1000 + n, news) for n in range(300)]
    database, _ = open_estate(Settings(data_dir=str(data_dir)))
    with database.tx() as tx:
        journal.append(tx, [*sent, *reports])
    with database.tx() as tx:
        follow(tx, None, 10_000)
    database.close()


def test_what_a_journal_teaches_is_a_file_that_a_campaign_names(
    goodstanding: Command, campaign: str, past: None, tmp_path: Path
) -> None:
    said = goodstanding("assess", "--calibrate", "--sender", "shop")
    assert said.code == 0
    (tmp_path / "learned.toml").write_text(said.out)
    Path(campaign).write_text(f'assumptions = "learned.toml"\n{CAMPAIGN}')
    found = goodstanding("assess", campaign, *FAST, "--json").json
    learned = {one["slug"]: one for one in found["assumptions"] if one["known"] == "given"}
    assert learned["cold.complained"]["likely"] < 0.02  # three of 400, where 2 % are assumed


def test_a_journal_that_teaches_nothing_yet_is_bad_input(goodstanding: Command, data_dir: Path) -> None:
    open_estate(Settings(data_dir=str(data_dir)))[0].close()
    assert "the journal tells too little" in problems(goodstanding("assess", "--calibrate"))


def test_a_week_is_as_long_as_where_the_journal_was_written(
    goodstanding: Command, past: None, data_dir: Path, tmp_path: Path
) -> None:
    """In a demo a week of its people passes in half a minute; ten days at half the pace are not yet one."""
    settings = tmp_path / "paced.toml"
    for pace, taught in ((0.5, 2), (1.0, 0)):
        settings.write_text(f'data_dir = "{data_dir}"\n[reputation]\nspeed = {pace}\n')
        assert goodstanding("assess", "--calibrate", "--config", str(settings)).code == taught
        assert goodstanding("assess", "--calibrate", str(settings)).code == taught
    assert goodstanding("assess", "--calibrate", str(data_dir.parent)).code == 0  # with its usual settings file
    assert "is not there; name a relay's settings file" in problems(
        goodstanding("assess", "--calibrate", str(data_dir))
    )
    (data_dir / "some.db").touch()
    assert "no settings file" in problems(goodstanding("assess", "--calibrate", str(data_dir / "some.db")))


def test_the_store_says_how_a_sender_stands(goodstanding: Command, campaign: str, past: None) -> None:
    found = goodstanding("assess", campaign, *FAST, "--sender", "shop", "--json").json
    assert found["campaign"]["sender"]["usual_per_day"] == 10.0


def test_a_sender_of_whom_nothing_is_known_is_told(goodstanding: Command, campaign: str) -> None:
    assert "nothing is known of tenant:shop" in problems(goodstanding("assess", campaign, *FAST, "--sender", "shop"))
