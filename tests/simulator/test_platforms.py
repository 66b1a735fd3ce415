"""Platforms as data: complete, sourced, and as wide where nothing is published as one must admit."""

from itertools import groupby

import pytest

from goodstanding.simulator.assumptions import flaw_of
from goodstanding.simulator.campaign import PROVIDERS
from goodstanding.simulator.outcome import STAGES
from goodstanding.simulator.platforms import Platform, Rule, tenant_limit, usual

PLATFORMS = usual()
ALL = pytest.mark.parametrize("platform", PLATFORMS.values(), ids=PLATFORMS)
RULES = [
    pytest.param(rule, id=f"{platform.slug}.{rule.signal}.{rule.stage}")
    for platform in PLATFORMS.values()
    for rule in platform.rules
]


def test_they_are_told_in_this_order() -> None:
    assert list(PLATFORMS) == ["azure", "exchange-online", "ses", "google-workspace", "dedicated", "goodstanding"]


@ALL
def test_it_says_what_it_hears_from_every_provider(platform: Platform) -> None:
    assert set(platform.hears) == set(PROVIDERS)


@ALL
def test_its_numbers_are_ranges_with_sources(platform: Platform) -> None:
    told = platform.assumptions()
    assert not {slug: flaw_of(one, one.range) for slug, one in told.items() if flaw_of(one, one.range)}
    assert not [slug for slug, one in told.items() if not (one.source and one.words)]


@ALL
def test_each_rule_has_a_slug_of_its_own(platform: Platform) -> None:
    names = [(rule.signal, rule.stage) for rule in platform.rules]
    assert len(names) == len(set(names))


@ALL
def test_a_later_stage_has_no_lower_line(platform: Platform) -> None:
    rules = sorted(platform.rules, key=lambda rule: (rule.signal, STAGES.index(rule.stage)))
    for _, alike in groupby(rules, key=lambda rule: rule.signal):
        lines = [rule.line.likely for rule in alike]
        assert lines == sorted(lines)


@pytest.mark.parametrize("rule", RULES)
def test_a_line_that_nobody_publishes_is_no_fact(rule: Rule) -> None:
    assert rule.known == "published" or not rule.line.known


@pytest.mark.parametrize("rule", RULES)
def test_nobody_is_told_of_a_silent_stage(rule: Rule) -> None:
    assert not (rule.stage == "degraded" and rule.told)


def test_azure_holds_the_subscription_to_account_and_exchange_online_the_tenant_in_the_end() -> None:
    assert {rule.scope for rule in PLATFORMS["azure"].rules} == {"subscription"}
    assert [rule.scope for rule in PLATFORMS["exchange-online"].rules if rule.stage == "suspended"] == ["tenant"]


@pytest.mark.parametrize("slug", ["dedicated", "goodstanding"])
def test_a_platform_of_its_own_shares_nothing_and_stops_no_more_than_the_campaign(slug: str) -> None:
    platform = PLATFORMS[slug]
    assert (platform.domain, platform.addresses) == ("own", "own")
    assert platform.one_click and platform.suppresses
    assert {rule.scope for rule in platform.rules} <= {"campaign"}


def test_goodstanding_is_judged_by_its_own_cores() -> None:
    assert PLATFORMS["goodstanding"].guarded
    assert not PLATFORMS["goodstanding"].rules


@pytest.mark.parametrize(
    ("signal", "stage", "line"),
    [
        ("complaints", "throttled", 0.001),
        ("complaints", "suspended", 0.005),
        ("bounces", "throttled", 0.05),
        ("bounces", "suspended", 0.10),
    ],
)
def test_amazon_ses_publishes_its_lines(signal: str, stage: str, line: float) -> None:
    rules = {(rule.signal, rule.stage): rule for rule in PLATFORMS["ses"].rules}
    rule = rules[signal, stage]
    assert (rule.line.low, rule.line.likely, rule.line.high, rule.known) == (line, line, line, "published")


@pytest.mark.parametrize(("licences", "recipients"), [(1, 10_000), (100, 22_059), (10_000, 324_979)])
def test_the_limit_of_a_tenant_follows_from_its_licences(licences: int, recipients: int) -> None:
    assert round(tenant_limit(licences)) == recipients
