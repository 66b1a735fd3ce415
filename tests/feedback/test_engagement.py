"""Opens and clicks: a person, a scanner or a proxy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from goodstanding.feedback.engagement import Hit, agent_role, judge, network_role, who

BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
GOOGLE = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
CLICK = Hit(kind="click", seconds=900, user_agent=BROWSER, ip="192.0.2.44", opened_before=True)
OPEN = Hit(kind="open", seconds=900, user_agent=BROWSER, ip="192.0.2.44")


@pytest.mark.parametrize(
    ("hit", "expected"),
    [
        (CLICK, "person"),
        (OPEN, "person"),
        (replace(CLICK, seconds=8), "person"),
        (replace(CLICK, seconds=None), "person"),
        (replace(CLICK, links_hit=2), "person"),
        (replace(CLICK, asn=8075), "person"),
        (replace(CLICK, opened_before=None, asn=16509), "person"),
        (replace(OPEN, user_agent="Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.1; Pro)"), "person"),
        (replace(CLICK, method="HEAD"), "scanner"),
        (replace(CLICK, method="OPTIONS"), "scanner"),
        (replace(CLICK, hidden=True), "scanner"),
        (replace(CLICK, user_agent=""), "scanner"),
        (replace(CLICK, user_agent="python-requests/2.32"), "scanner"),
        (replace(CLICK, user_agent="Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.example)"), "scanner"),
        (replace(CLICK, asn=22843), "scanner"),
        (replace(CLICK, links_hit=3), "scanner"),
        (replace(CLICK, links_hit=2, in_order=True), "scanner"),
        (replace(CLICK, seconds=4), "scanner"),
        (replace(OPEN, seconds=1), "scanner"),
        (replace(CLICK, asn=8075, seconds=60), "scanner"),
        (replace(CLICK, asn=8075, opened_before=False), "scanner"),
        (replace(OPEN, user_agent="Mozilla/5.0"), "proxy"),
        (replace(OPEN, user_agent="Mozilla/5.0", seconds=1), "proxy"),
        (replace(OPEN, user_agent=GOOGLE), "proxy"),
        (replace(OPEN, user_agent="YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"), "proxy"),
        (replace(OPEN, ip="17.58.0.1"), "proxy"),
        (replace(OPEN, asn=15169), "proxy"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_signs_tell_who_it_was(hit: Hit, expected: str) -> None:
    assert who(hit) == expected


def test_a_click_is_never_a_proxys() -> None:
    assert who(replace(CLICK, user_agent=GOOGLE)) == "person"


def test_every_verdict_has_its_reason() -> None:
    assert judge(replace(CLICK, method="HEAD")).because == "asked with another method than GET"


def test_the_number_of_a_system_is_believed_over_the_address() -> None:
    assert (network_role("17.0.0.1"), network_role("17.0.0.1", 64500), network_role("192.0.2.1", 714)) == (
        "proxy",
        "",
        "proxy",
    )


@pytest.mark.fuzz
@given(st.text(max_size=200), st.text(max_size=40), st.floats(), st.integers(), st.sampled_from(["open", "click"]))
def test_anything_is_judged(agent: str, ip: str, seconds: float, number: int, kind: str) -> None:
    hit = Hit(
        kind="open" if kind == "open" else "click",
        seconds=seconds,
        user_agent=agent,
        ip=ip,
        asn=number,
        links_hit=number,
    )
    assert judge(hit).because
    assert agent_role(agent) in ("proxy", "scanner", "")
