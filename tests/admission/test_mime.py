from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.admission.mime import LOOKED_AT, Texts, texts
from goodstanding.wire.message import parse_header


def read(octets: bytes) -> Texts:
    return texts(parse_header(octets), octets)


def test_a_message_without_a_type_is_plain_text() -> None:
    assert read(b"From: a@b.example\r\n\r\nHello\r\n") == Texts("Hello\r\n")


def test_both_alternatives_are_found_and_decoded() -> None:
    octets = (
        b'Content-Type: multipart/alternative;\r\n boundary="x y"\r\n\r\npreamble\r\n--x y\r\n'
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=\r\n"
        b"\xc3\xa4\r\n--x y\r\n"
        b"Content-Type: text/html; charset=iso-8859-1\r\n\r\n<p>Gr\xfc\xdfe</p>\r\n--x y--\r\nepilogue"
    )
    assert read(octets) == Texts("Grüä", "<p>Grüße</p>")


def test_text_inside_nested_multiparts_is_found() -> None:
    octets = (
        b"Content-Type: multipart/mixed; boundary=out\r\n\r\n--out\r\nContent-Type: multipart/alternative; boundary=in"
        b"\r\n\r\n--in\r\n\r\none\r\n--in--\r\n--out\r\nContent-Type: text/plain\r\n\r\ntwo\r\n--out--\r\n"
    )
    assert read(octets).plain == "one\ntwo"


def test_attachments_and_forwarded_messages_are_not_the_text() -> None:
    octets = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\nContent-Type: text/plain\r\n"
        b"Content-Disposition: Attachment; filename=a.txt\r\n\r\nattached\r\n--b\r\nContent-Type: message/rfc822\r\n"
        b"\r\nSubject: old\r\n\r\nforwarded\r\n--b--\r\n"
    )
    assert read(octets).plain == "hello"


@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_base64_that_was_cut_off_is_read_as_far_as_it_goes(cut: int) -> None:
    written = base64.b64encode(b"a" * 300)
    octets = b"Content-Transfer-Encoding: base64\r\n\r\n" + written[: len(written) - cut]
    assert read(octets).plain.startswith("a" * 290)


def test_what_lies_far_down_is_not_read() -> None:
    assert len(read(b"A: b\r\n\r\n" + b"x" * 2 * LOOKED_AT).plain) < LOOKED_AT


@pytest.mark.parametrize(
    "body",
    [
        b"--b\r\n" * 50_000,
        b"\r\n--b" * 60_000,
        b"".join(b"--b\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(3_000)),
    ],
)
def test_a_message_made_to_be_slow_is_not(body: bytes) -> None:
    began = time.process_time()
    read(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + body)
    assert time.process_time() - began < 1.0


@given(st.binary(max_size=300), st.sampled_from([b"base64", b"quoted-printable", b"8bit"]), st.binary(max_size=20))
def test_any_octets_are_read(body: bytes, encoding: bytes, charset: bytes) -> None:
    header = b"Content-Type: text/plain; charset=" + charset + b"\r\nContent-Transfer-Encoding: " + encoding
    read(header + b"\r\n\r\n" + body)
    read(body)
