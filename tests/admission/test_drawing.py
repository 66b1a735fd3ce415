"""The picture of a blast radius is well-formed, everything stands inside it, and no box covers another."""

from itertools import combinations
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from goodstanding.admission.blast import Blast, Flow, Link, Reach
from goodstanding.admission.drawing import WIDTH, fitted, svg, wrapped

SVG = "{http://www.w3.org/2000/svg}"
words = st.text(max_size=60)
flows = st.builds(
    Flow,
    words.filter(bool),
    words,
    st.sampled_from(["transactional", "bulk", "outreach"]),
    words,
    st.integers(0, 10**9),
)
links = st.builds(Link, st.sampled_from(["ip", "domain", "hello", "tenant"]), words.filter(bool), words)
reaches = st.builds(Reach, flows, st.integers(1, 2), st.lists(links, min_size=1, max_size=9).map(tuple))
radii = st.builds(
    Blast,
    words.filter(bool),
    st.sampled_from(["subscription", "campaign", "address"]),
    words,
    st.lists(flows, max_size=1).map(tuple),
    st.just(()),
    st.lists(reaches, max_size=25).map(tuple),
    st.lists(flows, max_size=30).map(tuple),
    st.just(30),
    st.integers(0, 9000),
)


def boxes(picture: ElementTree.Element) -> list[tuple[float, float, float, float]]:
    """Cards and boxes; bars and swatches are inside or beside them and have no frame."""
    found = [one for one in picture.iter(f"{SVG}rect") if one.get("stroke")]
    sides = [[float(one.get(name, "0")) for name in ("x", "y", "width", "height")] for one in found]
    return [(x, y, x + width, y + height) for x, y, width, height in sides]


@given(radii)
def test_any_radius_is_drawn_within_its_frame_and_without_overlaps(radius: Blast) -> None:
    picture = ElementTree.fromstring(svg(radius, "2026-11-23"))
    height = float(picture.get("height", "0"))
    drawn = boxes(picture)
    assert all(min(x, y) >= 0 and to_x <= WIDTH and to_y <= height for x, y, to_x, to_y in drawn)
    assert not [
        (a, b) for a, b in combinations(drawn, 2) if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
    ]
    assert all(0 <= float(one.get("y", "-1")) <= height for one in picture.iter(f"{SVG}text"))


@given(words, st.integers(40, 400))
def test_a_line_is_shortened_in_its_middle_and_never_grows(line: str, room: int) -> None:
    short = fitted(line, room, 14)
    assert short == line or (len(short) <= len(line) + 1 and "…" in short and short[0] == line[0])
    assert " ".join(wrapped("two words", room, 14)).startswith("two")


def test_the_picture_says_what_it_shows_to_those_who_do_not_see_it() -> None:
    otp = Flow("shop/otp", "shop", "transactional", "Codes & <more>", 48210)
    radius = Blast("192.0.2.1", "address", "", (), (), (Reach(otp, 1, (Link("ip", "192.0.2.1"),)),), (), 30)
    drawn = svg(radius, "2026-11-23")
    assert "<title>Blast radius of address 192.0.2.1</title>" in drawn
    assert "<desc>1 mail flow bears it: 48,210 messages in 30 days. None is out of reach.</desc>" in drawn
    assert "Codes &amp; &lt;more&gt;" in drawn
    assert "script" not in drawn
