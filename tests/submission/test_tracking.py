"""Opens and clicks put into a page: its links and one picture, nothing else, and nothing at all where in doubt."""

import email
import email.policy
import re
from email.message import EmailMessage
from functools import partial

import dkim
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from goodstanding.model import MessageId
from goodstanding.submission.letter import Letter, rewritten, signatures
from goodstanding.submission.tracking import LONGEST_LINE, Copy, tracked
from goodstanding.submission.tracking import rewritten as with_links
from goodstanding.wire.anchors import address
from goodstanding.wire.dkim import Signer, dns_record, generate_key, load_key
from goodstanding.wire.engagement_links import CLICK_PATH, OPEN_PATH, open_click, open_open
from goodstanding.wire.message import header_end, parse_header

KEY = b"k" * 32
BASE = "https://go.shop.example"
COPY = Copy(BASE, KEY, MessageId(77 << 22), 0)
HEAD = b"From: news@shop.example\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n"
PICTURE = b'\r\n<img src="https://o.example/o/t.gif" width="1" height="1" alt="">\r\n'


def page(body: bytes, encoding: bytes = b"8bit") -> bytes:
    return HEAD + b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n" + body


def marked(body: bytes) -> bytes:
    """A page whose links lead to x, with the picture."""
    octets = with_links(page(body), lambda url: "https://x.example/", "https://o.example/o/t.gif")
    return octets[header_end(octets) :]


def html_of(octets: bytes) -> bytes:
    """The HTML as a mail program reads it, by Python's own parser."""
    found = email.message_from_bytes(octets, policy=email.policy.SMTP)
    parts = [part for part in found.walk() if part.get_content_type() == "text/html"]
    payload = parts[0].get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload


def restored(html: bytes) -> bytes:
    """A tracked page with its links as they were, and without its picture."""
    html = re.sub(rb'\r\n<img src="[^"]*" width="1" height="1" alt="">\r\n', b"", html)

    def back(found: "re.Match[bytes]") -> bytes:
        clicked = open_click(KEY, found[1].decode())
        assert clicked is not None
        assert (clicked.message, clicked.n) == (COPY.message, 0)
        return clicked.target.encode().replace(b"&", b"&amp;")

    return re.sub(re.escape((BASE + CLICK_PATH).encode()) + rb"([A-Za-z0-9_-]+)", back, html)


BECOMES = [
    (b'<a href="https://shop.example/a">a</a>', b'<a href="https://x.example/">a</a>'),
    (b"<A class=x HREF = 'http://shop.example/a?b=1&amp;c'>a</A>", b"<A class=x HREF = 'https://x.example/'>a</A>"),
    (b"<a\r\n href=https://shop.example/a>a</a>", b"<a\r\n href=https://x.example/>a</a>"),
    (b'<a title="1 > 0"href="https://shop.example/">a</a>', b'<a title="1 > 0"href="https://x.example/">a</a>'),
    (b'<a href="https://shop.example/" href="https://y.example/">', b'<a href="https://x.example/" href="https://y.example/">'),
    (b"<p>a</p></body></html>", b"<p>a</p>" + PICTURE + b"</body></html>"),
    (b"<!-- </body> --><p></BODY ></html>", b"<!-- </body> --><p>" + PICTURE + b"</BODY ></html>"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), BECOMES)
def test_links_and_the_end_of_the_body_are_found(before: bytes, after: bytes) -> None:
    assert marked(before) == after


@pytest.mark.parametrize(
    "body",
    [
        b'<a href="mailto:a@shop.example">a</a>', b'<a href="tel:+41">a</a>', b'<a href="#top">a</a>',
        b'<a href="/a">a</a>',
        b'<a href="{{link}}">a</a>', b'<a href="javascript:x">a</a>', b"<a>a</a>", b"<a href>a</a>",
        b'<a href="">a</a>', b'<a href="https://shop.example/unsubscribe?u=1">here</a>',
        b'<a href="https://shop.example/x">Click to Unsubscribe</a>',
        b'<a href="https://shop.example/x"><b>Newsletter abbestellen</b></a>',
        b'<a href="https://shop.example/x">se d\xc3\xa9sabonner</a>',
        b'<!-- <a href="https://shop.example/">a</a> -->', b'<!-- <a href="https://shop.example/">a</a>',
        b'<script>"<a href=https://shop.example/>"</script>', b"<style><a href=https://shop.example/></style>",
        b'<img alt="<a href=https://shop.example/>">', b'<link href="https://shop.example/">', b'<area href="https://shop.example/">',
        b'<abbr href="https://shop.example/">', b'<a data-href="https://shop.example/">', b'<a href="https://shop.example/',
        b'<a href="https://shop.example/?a=1&amp">a</a>', b'<a href="https://shop.example/?a=1&#38b">a</a>',
        b"&lt;a href=https://shop.example/&gt;", b"https://shop.example/", b"<", b"", b"<p>no end of a body",
    ],
)  # fmt: skip
def test_everything_else_stays(body: bytes) -> None:
    assert marked(body) == body


def test_unsubscribe_links_of_the_header_and_our_own_pages_stay() -> None:
    body = f'<a href="https://shop.example/l/7">x</a><a href="{BASE}/u/t">y</a>'.encode()
    octets = b"List-Unsubscribe: <https://shop.example/l/7>\r\n" + page(body)
    assert tracked(COPY, octets) is octets


ADDRESSES = [
    (b"https://a.example/?a=1&b=2", "https://a.example/?a=1&b=2"),
    (b"https://a.example/?a=1&amp;b=2&#38;c&#x26;d", "https://a.example/?a=1&b=2&c&d"),
    (b"https://a.example/?a=1&copy=2", "https://a.example/?a=1&copy=2"),  # WHATWG HTML §13.2.5.73: in an attribute
    (b"https://a.example/?a&copy", ""),
    (b"https://a.example/?a&amp&nix;=", ""),
    (b"https://a.example/?a&nix;", "https://a.example/?a&nix;"),
    (b"https://a.example/\xfc", ""),
    (b"https://a.example/&eacute;", ""),
]


@pytest.mark.parametrize(("value", "url"), ADDRESSES)
def test_addresses_are_read_as_browsers_read_them_or_not_at_all(value: bytes, url: str) -> None:
    assert address(value) == url


LINK = '<a href="https://shop.example/mugs?a=1&amp;b=2#blue">Mugs für Ännä</a>'
HTML = f"<html><body><p>Grüße = 1</p>{LINK}{'<p>x</p>' * 40}{LINK}</body></html>\r\n"


@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable", "base64"])
@pytest.mark.parametrize("alone", [True, False])
def test_every_encoding_gives_the_page_back_with_its_links(encoding: str, alone: bool) -> None:
    mail = EmailMessage(policy=email.policy.SMTP)
    mail["From"], mail["Subject"] = "news@shop.example", "mugs"
    if not alone:
        mail.set_content("Mugs: https://shop.example/mugs\n")
    (mail.set_content if alone else mail.add_alternative)(HTML, subtype="html", cte=encoding)
    octets = mail.as_bytes()
    made = tracked(COPY, octets)
    html = html_of(made)
    assert html.count((BASE + CLICK_PATH).encode()) == 2
    assert html.count((BASE + OPEN_PATH).encode()) == 1
    assert restored(html) == html_of(octets)
    assert max(map(len, made.split(b"\r\n"))) <= (LONGEST_LINE if encoding == "8bit" else 78)
    assert made[: made.find(b"html")] == octets[: octets.find(b"html")]
    assert made.rpartition(b"\r\n--")[2] == octets.rpartition(b"\r\n--")[2] or alone
    token = html.partition((BASE + OPEN_PATH).encode())[2].partition(b".gif")[0]
    opened = open_open(KEY, token.decode())
    assert opened is not None
    assert opened.message == COPY.message


def test_what_surrounds_a_link_in_quoted_printable_stays_as_it_was_written() -> None:
    body = b'=3chtml><body>=\r\n a=20b =41 <a href=3D"https://shop.ex=\r\nample/a">=C3=A4</a> \r\n<=\r\n/body>'
    made = tracked(COPY, page(body, b"quoted-printable"))
    assert made.startswith(page(b'=3chtml><body>=\r\n a=20b =41 <a href=3D"=\r\nhttps://go.', b"quoted-printable"))
    assert b'=\r\n">=C3=A4</a> \r\n' in made
    assert made.endswith(b"<=\r\n/body>")


def test_a_space_at_the_end_of_a_line_that_we_break_is_kept() -> None:
    octets = page(b"<body>a </body>", b"quoted-printable")
    assert html_of(tracked(COPY, octets)).startswith(b"<body>a \r\n<img ")


def test_long_lines_are_folded_where_a_break_means_nothing() -> None:
    body = b"<body><p>" + b'<a  href="https://shop.example/a">a</a>' * 24 + b"</p></body>"
    assert len(body) < LONGEST_LINE
    made = tracked(COPY, page(body, b"7bit"))
    assert made.count((BASE + CLICK_PATH).encode()) == 24
    assert max(map(len, made.split(b"\r\n"))) <= LONGEST_LINE
    assert restored(made).replace(b"\r\n", b"") == page(body, b"7bit").replace(b"\r\n", b"")


ANCHOR = b'<body><a href="https://shop.example/">a</a></body>'
SEALED = [
    b"DKIM-Signature: v=1; a=rsa-sha256\r\n" + page(ANCHOR),
    HEAD.replace(b"text/html", b"text/plain") + b"\r\n" + ANCHOR,
    HEAD.replace(b"text/html; charset=utf-8", b"application/pkcs7-mime") + b"\r\n" + ANCHOR,
    HEAD.replace(b"utf-8", b"UTF-7") + b"\r\n" + ANCHOR,
    HEAD + b"Content-Disposition: attachment\r\n\r\n" + ANCHOR,
    HEAD + b"Content-Type: text/plain\r\n\r\n" + ANCHOR,
    page(ANCHOR, b"x-uuencode"),
    page(b"!" + ANCHOR, b"base64"),
    HEAD + ANCHOR,
    *(
        HEAD.replace(b"text/html; charset=utf-8", b'multipart/%b; boundary="b"' % sub)
        + b"\r\n--b\r\nContent-Type: text/html\r\n\r\n"
        + ANCHOR
        + b"\r\n--b--\r\n"
        for sub in (b"signed", b"encrypted")
    ),
    HEAD.replace(b"text/html; charset=utf-8", b'multipart/mixed; boundary="b"')
    + b"\r\n--b\r\nContent-Type: text/html\r\n\r\n" + ANCHOR + b"\r\n--bb--\r\n",  # never ends
    HEAD.replace(b"text/html; charset=utf-8", b'multipart/mixed; boundary="b"')
    + b"\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" + page(ANCHOR) + b"\r\n--b--\r\n",
]  # fmt: skip


@pytest.mark.parametrize("octets", SEALED)
def test_what_is_signed_sealed_attached_or_odd_is_never_touched(octets: bytes) -> None:
    assert tracked(COPY, octets) is octets


def test_an_address_of_ours_that_cannot_stand_in_mail_is_not_put_in() -> None:
    octets = page(ANCHOR)
    assert tracked(structs.replace(COPY, base="https://müller.example"), octets) is octets


def test_of_nested_boundaries_the_longer_is_not_taken_for_the_shorter() -> None:
    octets = HEAD.replace(b"text/html; charset=utf-8", b"multipart/mixed; boundary=b") + (
        b'\r\n--b\r\nContent-Type: multipart/related;\r\n boundary="bb"\r\n\r\n--bb\r\nContent-Type: text/html\r\n\r\n'
        + ANCHOR
        + b"\r\n--bb--\r\n--b \t\r\n\r\nplain\r\n--b--\r\n"
    )
    assert restored(tracked(COPY, octets)) == octets != tracked(COPY, octets)


PIECES = st.sampled_from(
    [b"<", b"<a ", b"<a href=", b'"', b"'", b">", b"=", b"https://a.example/", b"</body>", b"<!--", b"-->", b"<script>",
     b"\r\n", b"=\r\n", b"=3D", b"&amp;", b"&", b"--b", b"--", b"</a>",
     b"\r\n--b\r\nContent-Type: text/html\r\n\r\n", b"\0", b"\xff"]
)  # fmt: skip
GARBAGE = st.lists(PIECES | st.binary(max_size=4), max_size=30).map(b"".join)


@pytest.mark.fuzz
@given(GARBAGE, st.sampled_from([b"7bit", b"quoted-printable", b"base64", b"multipart"]))
def test_garbage_keeps_its_header_and_all_that_is_no_link(garbage: bytes, encoding: bytes) -> None:
    if encoding == b"multipart":
        octets = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n" + garbage
    else:
        octets = page(garbage, encoding)
    made = tracked(COPY, octets)
    assert made[: header_end(octets)] == octets[: header_end(octets)]
    if encoding in (b"7bit", b"multipart") and made != octets:
        back = restored(made)
        assert back.replace(b"&amp;", b"&").replace(b"\r\n", b"") == octets.replace(b"&amp;", b"&").replace(
            b"\r\n", b""
        )


@pytest.mark.parametrize(
    "unit", [b"<", b"<!--", b"<a ", b'<a href="', b"<a x='\"", b"<script>", b"</body>", b"&amp", b"=", b"\r\n--b\r\n"]
)
def test_what_is_made_to_be_slow_is_not(unit: bytes) -> None:
    for encoding in (b"8bit", b"quoted-printable"):
        tracked(COPY, page(unit * (400_000 // len(unit)), encoding))
    tracked(COPY, b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + unit * (400_000 // len(unit)))


def test_a_letter_is_signed_as_it_was_rewritten() -> None:
    octets = page(ANCHOR)
    header = octets[: header_end(octets)]
    letter = Letter(header, parse_header(header), [octets[:40], octets[40:]], len(octets), None)
    made = rewritten(letter, partial(tracked, COPY))
    assert (made.size, made.header) == (len(b"".join(made.parts())), header)
    assert made.size > letter.size
    assert rewritten(letter, lambda given: given) is letter
    signer = Signer("shop.example", "s", load_key(generate_key("ed25519-sha256")))
    letters = [letter, made, made, letter]
    heads = [b"X-N: %d\r\n" % n for n in range(4)]
    signed = signatures([signer], heads, letters, 1.0)
    for field, head, one in zip(signed, heads, letters, strict=True):
        whole = field + head + b"".join(one.parts())
        assert dkim.verify(whole, dnsfunc=lambda name, timeout=5: dns_record(signer.key).encode())
