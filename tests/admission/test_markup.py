from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.admission.markup import PREVIEW, page


def words(source: str) -> str:
    return " ".join(page(source).text.split())


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>One</p><p>two</p>", "One two"),
        ("pass<b>wo</b>r<SPAN class=x>d</SPAN>", "password"),
        ("a<br>b<br/>c", "a b c"),
        ("<head><title>no</title><style>p{x:y}</style></head><script>if (a<b) no()</script>yes", "yes"),
        ("a<!-- no <b> -->b", "a b"),
        ("cats &amp; dogs&nbsp;&lt;3", "cats & dogs <3"),
        ("5 < 6 and 7 > 6", "5 < 6 and 7 > 6"),
        ("broken <b", "broken"),
        ("<style>never closed", ""),
    ],
)
def test_the_text_people_see(source: str, text: str) -> None:
    assert words(source) == text


@pytest.mark.parametrize(
    "style",
    [
        'style="display:none"', "style='DISPLAY : none'", 'style="visibility: hidden"', 'style="font-size:0px"',
        'style="opacity:0"', "hidden",
    ],
)  # fmt: skip
def test_hidden_text_is_taken_out_and_counted(style: str) -> None:
    seen = page(f"<p>shown</p><div {style}><div>{'x' * 300}</div></div><p>too</p>")
    assert seen.text.split() == ["shown", "too"]
    assert seen.hidden == 300


def test_a_preview_line_is_taken_out_and_is_honest() -> None:
    seen = page(f'<div style="display:none">{"x" * PREVIEW}</div><p>shown</p>')
    assert (seen.text.split(), seen.hidden) == (["shown"], 0)


def test_half_transparent_text_is_not_hidden() -> None:
    assert words('<p style="opacity:0.9">a</p><td style="font-size:0"><p style="font-size:16px">b</p></td>') == "a b"


def test_links_are_found_however_they_are_quoted() -> None:
    source = (
        """<a href="https://a.example/?x=1&amp;y=2">a</a> <A HREF='https://b.example'>b</A> <a href=c.example>c</a>"""
    )
    assert page(source).links == ("https://a.example/?x=1&y=2", "https://b.example", "c.example")


def test_the_skeleton_is_of_tags_alone() -> None:
    assert page("<table class=a><tr><td>x").skeleton == page("<table id=b><tr><td>y").skeleton == {"tabletr", "trtd"}


@pytest.mark.parametrize("piece", ["<", "<a", "<!--", "<div style='display:none'>", "&", "href=", "<p none", "<b>none"])
def test_a_page_made_to_be_slow_is_not(piece: str) -> None:
    began = time.process_time()
    page(piece * (200_000 // len(piece)))
    assert time.process_time() - began < 1.0


@given(
    st.text(max_size=200) | st.lists(st.sampled_from(["<", ">", "none", "<p", "</p>", "&#", "İ", "<!--"])).map("".join)
)
def test_any_page_is_read(source: str) -> None:
    page(source)
