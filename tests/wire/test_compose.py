"""A message composed from its parts reads back as those parts, whatever they hold; what cannot be sent is told."""

import email
import email.policy
import re
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.wire.compose import (
    Attachment,
    Draft,
    Mailbox,
    compose,
    flaws,
    plain_address,
    recipients_of,
    wants_smtputf8,
)
from goodstanding.wire.message import facts, parse_header

SHOP = Mailbox("shop@shop.example")
READER = (Mailbox("reader@isp.example"),)


def BOUNDARY() -> str:
    return "0123456789abcdef0123"


words = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=120)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00"), min_size=1, max_size=500)


def read(draft: Draft) -> EmailMessage:
    found = list(flaws(draft))
    assert not found
    octets = compose(draft, BOUNDARY)
    assert b"\n" not in octets.replace(b"\r\n", b"")
    assert b"\r" not in octets.replace(b"\r\n", b"")
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    message = email.message_from_bytes(octets, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def content(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


@given(words, texts, texts)
def test_texts_and_subjects_read_back(subject: str, text: str, html: str) -> None:
    message = read(Draft(SHOP, READER, subject=subject, text=text, html=html))
    assert " ".join(str(message["subject"]).split()) == " ".join(subject.split())
    assert content(message, "plain").removesuffix("\n") == text.removesuffix("\n")
    assert content(message, "html").removesuffix("\n") == html.removesuffix("\n")


@given(st.lists(st.integers(0, 30) | st.integers(990, 1005), max_size=40))
def test_ascii_goes_as_it_is_unless_a_line_is_too_long_for_the_way(lengths: list[int]) -> None:
    text = "\n".join("x" * length for length in lengths) or "x"
    message = read(Draft(SHOP, READER, text=text))
    assert content(message, "plain").removesuffix("\n") == text.removesuffix("\n")
    fits = max(lengths, default=0) <= 998
    assert message["Content-Transfer-Encoding"] == ("7bit" if fits else "quoted-printable")


@given(st.lists(words, min_size=1, max_size=4))
def test_names_read_back_and_addresses_stay_apart(names: list[str]) -> None:
    to = tuple(Mailbox(f"reader{n}@isp.example", name) for n, name in enumerate(names))
    octets = compose(Draft(SHOP, to, text="x"), BOUNDARY)
    message = email.message_from_bytes(octets, policy=email.policy.default)
    assert [f"{one.username}@{one.domain}" for one in message["to"].addresses] == [one.address for one in to]


@given(st.binary(max_size=3000), words.filter(bool))
def test_files_read_back(octets: bytes, name: str) -> None:
    draft = Draft(SHOP, READER, text="see the file", attachments=(Attachment(name, "application/pdf", octets),))
    (part,) = read(draft).iter_attachments()
    assert part.get_content() == octets
    assert " ".join((part.get_filename() or "").split()) == " ".join(name.split())


def test_inline_files_belong_to_the_html_and_others_to_the_message() -> None:
    files = (
        Attachment("logo.png", "image/png", b"\x89PNG", content_id="logo@shop"),
        Attachment("a.pdf", "application/pdf", b"%PDF"),
    )
    message = read(Draft(SHOP, READER, text="t", html="<img src='cid:logo@shop'>", attachments=files))
    kinds = [part.get_content_type() for part in message.walk()]
    assert kinds == [
        "multipart/mixed", "multipart/related", "multipart/alternative", "text/plain", "text/html", "image/png",
        "application/pdf",
    ]  # fmt: skip
    assert [part["content-id"] for part in message.walk() if part["content-id"]] == ["<logo@shop>"]


def test_blind_copies_are_in_the_envelope_only() -> None:
    draft = Draft(SHOP, READER, bcc=(Mailbox("boss@shop.example", "The Boss"),), text="t")
    assert b"boss" not in compose(draft, BOUNDARY).lower()
    assert recipients_of(draft) == ["reader@isp.example", "boss@shop.example"]


def test_everybody_gets_one_copy() -> None:
    draft = Draft(SHOP, (Mailbox("a@ISP.example"), Mailbox("b@isp.example")), cc=(Mailbox("a@isp.example"),), text="t")
    assert recipients_of(draft) == ["a@ISP.example", "b@isp.example"]


def test_a_field_with_a_syntax_is_folded_and_never_encoded() -> None:
    way_out = "<https://shop.example/leave?" + "t" * 200 + ">, <mailto:leave@shop.example?subject=" + "u" * 60 + ">"
    octets = compose(Draft(SHOP, READER, text="t", fields=(("List-Unsubscribe", way_out),)), BOUNDARY)
    block = parse_header(octets)
    assert re.sub(rb"\r\n", b"", block.first("list-unsubscribe") or b"").decode() == way_out


HOSTILE = ["a\r\nBcc: victim@isp.example", "a\nX: y", "a\rX: y", "a\x00b", "a\x0bb", "a\u2028b", "a\u0085b"]


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
@pytest.mark.parametrize(
    "draft",
    [
        lambda it: Draft(Mailbox("shop@shop.example", it), READER, text="t"),
        lambda it: Draft(Mailbox(f"{it}@shop.example"), READER, text="t"),
        lambda it: Draft(SHOP, (Mailbox("reader@isp.example", it),), text="t"),
        lambda it: Draft(SHOP, (Mailbox(f"reader@{it}.example"),), text="t"),
        lambda it: Draft(SHOP, READER, cc=(Mailbox(it),), text="t"),
        lambda it: Draft(SHOP, READER, reply_to=(Mailbox(it),), text="t"),
        lambda it: Draft(SHOP, READER, subject=it, text="t"),
        lambda it: Draft(SHOP, READER, text="t", fields=(("X-A", it),)),
        lambda it: Draft(SHOP, READER, text="t", fields=((it, "v"),)),
        lambda it: Draft(SHOP, READER, text="t", attachments=(Attachment(it, "text/plain", b""),)),
        lambda it: Draft(SHOP, READER, text="t", attachments=(Attachment("a", it, b""),)),
        lambda it: Draft(SHOP, READER, text="t", attachments=(Attachment("a", "text/plain", b"", it),)),
    ],
)
def test_nothing_can_begin_a_field_of_its_own(draft: object, hostile: str) -> None:
    assert callable(draft)
    assert list(flaws(draft(hostile)))


@pytest.mark.parametrize("name", ["From", "to", "Bcc", "Content-Type", "MIME-Version", "Received", "DKIM-Signature"])
def test_fields_that_are_made_from_other_parts_cannot_be_set(name: str) -> None:
    (wrong,) = flaws(Draft(SHOP, READER, text="t", fields=((name, "x"),)))
    assert wrong.part == f"headers.{name}"


def test_a_draft_says_everything_that_is_wrong_with_it() -> None:
    draft = Draft(Mailbox("nobody"), (Mailbox("a@b@c"), Mailbox("<x@isp.example>")), subject="a\nb")
    assert [one.part for one in flaws(draft)] == [
        "senderAddress", "recipients.to[0].address", "recipients.to[1]", "content", "content.subject",
    ]  # fmt: skip


def test_an_address_outside_ascii_is_written_as_it_is_and_its_domain_as_dns_knows_it() -> None:
    draft = Draft(SHOP, (Mailbox("jörg@bücher.example", "Jörg"),), text="t")
    assert not list(flaws(draft))
    assert "jörg@xn--bcher-kva.example" in compose(draft, BOUNDARY).decode()


def test_the_guard_reads_the_sender() -> None:
    octets = compose(Draft(Mailbox("shop@shop.example", 'A "quoted", name'), READER, text="t"), BOUNDARY)
    assert facts(parse_header(octets)).from_address == "shop@shop.example"


@pytest.mark.parametrize("blanks", [" " * 3000, "\t" * 3000, " \t" * 900])
@pytest.mark.parametrize("words", ["{}", "a{}b", "{}a", "a{}", "x" * 799 + "{}y{}"])
def test_no_run_of_blanks_is_longer_than_a_line(words: str, blanks: str) -> None:
    text = words.format(blanks, blanks)
    draft = Draft(SHOP, READER, subject=text[:4000], text="x", fields=((126 * "X", text[:2000]),))
    message = read(draft)
    assert str(message["subject"]).split() == text[:4000].split()


@pytest.mark.parametrize("spelled", ['"reader"@isp.example', '"re\\ader"@isp.example', "reader@isp.example"])
def test_an_address_is_its_mailbox_however_it_is_spelled(spelled: str) -> None:
    draft = Draft(SHOP, (Mailbox(spelled), *READER), text="x")
    assert recipients_of(draft) == ["reader@isp.example"]
    assert plain_address(draft.to[0]) == "reader@isp.example"


def test_quotes_that_are_needed_stay() -> None:
    assert recipients_of(Draft(SHOP, (Mailbox('"a b"@isp.example'),), text="x")) == ['"a b"@isp.example']


@pytest.mark.parametrize(
    ("draft", "wanted"),
    [
        (Draft(SHOP, READER, text="\xfc"), False),
        (Draft(SHOP, (Mailbox("r\xfcdiger@isp.example"),), text="x"), True),
        (Draft(SHOP, READER, bcc=(Mailbox("r\xfcdiger@isp.example"),), text="x"), True),
        (Draft(SHOP, READER, reply_to=(Mailbox("r\xfcdiger@isp.example"),), text="x"), True),
        (Draft(SHOP, READER, reply_to=(Mailbox("help@b\xfccher.example"),), text="x"), False),
    ],
)
def test_what_is_not_ascii_asks_for_smtputf8(draft: Draft, wanted: bool) -> None:
    assert wants_smtputf8(draft) is wanted
    assert wanted or compose(draft, BOUNDARY).isascii()
