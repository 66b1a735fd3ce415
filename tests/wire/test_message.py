import email
import email.policy
import json
import re
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.wire.message import (
    SUBJECT_LIMIT,
    Arrival,
    HeaderFacts,
    additions,
    date_time,
    facts,
    first_address,
    folded,
    header_end,
    parse_header,
    readable,
    received_line,
)
from tests.conftest import shared_data

NOW = 1_795_443_507.9  # Mon, 23 Nov 2026 14:18:27 UTC

# --- header block ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "length"),
    [
        (b"Subject: x\r\n\r\nbody", 14),
        (b"Subject: x\r\nTo: y\r\n\r\n\r\nbody", 21),
        (b"Subject: x\r\n folded\r\n\r\n", 23),
        (b"Subject : obsolete, not wrong\r\n\r\nbody", 33),
        (b"Subject: no blank line\r\n", 24),
        (b"Subject: no line end", 20),
        (b"\r\nbody", 0),
        (b"Dear customer,\r\n\r\nhow are you?\r\n", 0),
        (b"Dear customer: hello\r\n\r\n", 0),
        (b"From alice Mon Nov 23 14:18:27 2026\r\nSubject: x\r\n\r\n", 0),
        (b" Subject: x\r\n\r\n", 0),
        (b": no name\r\n\r\n", 0),
        (b"S\xc3\xbcbject: x\r\n\r\n", 0),
        (b"", 0),
    ],
)
def test_the_header_ends_with_its_blank_line(octets: bytes, length: int) -> None:
    assert header_end(octets) == length


def test_a_field_keeps_its_folding_its_case_and_its_line_end() -> None:
    block = parse_header(b"SUBJECT: one\r\n  two\r\n\tthree\r\nX-Own:\r\n\r\nTo: in the body\r\n")
    assert block.fields == (("subject", b"SUBJECT: one\r\n  two\r\n\tthree\r\n"), ("x-own", b"X-Own:\r\n"))


def test_a_line_that_is_no_field_is_kept_without_a_name() -> None:
    block = parse_header(b"To: a@b\r\nSubject\r\nnot a field: really\r\nDate : x\r\n\r\n")
    assert [name for name, _ in block.fields] == ["to", "", "", "date"]


def test_fields_are_found_by_name_and_counted() -> None:
    block = parse_header(b"Received: 2\r\nTo: \r\n a@b \r\nReceived: 1\r\n")
    assert (block.first("received"), block.first("to"), block.first("cc")) == (b"2", b"a@b", None)
    assert (block.count("received"), block.count("cc")) == (2, 0)


WORDS = ["From", "Subject", "X-A", "word", "a@b.c", "=?", "=?utf-8?q?=C3?=", "=?x?b?A?=", "\xff"]
MARKS = [":", "<", ">", "(", ")", ",", ";", '"', "\\", "[", "]"]
SPACES = [" ", "\t", "\r\n", "\r\n\r\n", "\r", "\n", "\0"]
PIECES = st.lists(st.sampled_from(WORDS) | st.sampled_from(MARKS) | st.sampled_from(SPACES), max_size=60)
MADE_UP = PIECES.map(lambda pieces: "".join(pieces).encode("latin-1"))
HEADERS = MADE_UP | st.binary(max_size=200)


@given(HEADERS)
def test_any_header_gives_back_the_octets_it_was_read_from(octets: bytes) -> None:
    block = parse_header(octets)
    header = b"".join(raw for _, raw in block.fields)
    assert octets.startswith(header)
    assert octets[len(header) :] == b"" or octets.startswith(b"\r\n") or octets[len(header) :].startswith(b"\r\n")


@given(HEADERS)
def test_of_any_header_facts_are_safe_to_show(octets: bytes) -> None:
    known = facts(parse_header(octets))
    assert len(known.subject) <= SUBJECT_LIMIT
    shown = known.message_id + known.subject + known.from_address + known.from_domain
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", shown)
    assert known.from_address == "" or known.from_address.rpartition("@")[2].lower() == known.from_domain != ""


def test_torture_mails_are_read_without_complaint_and_without_loss() -> None:
    index = shared_data("conformance", "mime_index.dev.jsonl").read_text().splitlines()
    for name in [json.loads(line)["file"] for line in index]:
        octets = b"\r\n".join(shared_data(name).read_bytes().splitlines())
        header = b"".join(raw for _, raw in parse_header(octets).fields)
        assert octets.startswith(header), name
        assert header_end(octets) in (0, len(header), len(header) + 2), name
        assert len(facts(parse_header(octets)).subject) <= SUBJECT_LIMIT


# --- facts -----------------------------------------------------------------------------------------------------------


def test_facts_of_an_ordinary_header() -> None:
    block = parse_header(
        b"Received: from a by b\r\nReceived: from c by d\r\nDate: Mon, 23 Nov 2026 14:18:27 +0000\r\n"
        b"From: Shop <Orders@Shop.Example>\r\nSubject: Your =?utf-8?q?caf=C3=A9?= order\r\nMessage-Id: <1@shop>\r\n\r\n"
    )
    assert facts(block) == HeaderFacts("<1@shop>", "Your café order", "Orders@Shop.Example", "shop.example", 2, True)


def test_facts_of_no_header() -> None:
    assert facts(parse_header(b"\r\nbody")) == HeaderFacts("", "", "", "", 0, False)


def test_of_fields_that_occur_twice_the_topmost_counts() -> None:
    assert facts(parse_header(b"Subject: shown\r\nSubject: hidden\r\n")).subject == "shown"


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("alice@example.com", "alice@example.com"),
        ("Alice <alice@example.com>", "alice@example.com"),
        ("<alice@example.com>", "alice@example.com"),
        ("Alice<alice@example.com>", "alice@example.com"),
        ("alice@example.com (Alice)", "alice@example.com"),
        ("alice@example.com, bob@example.net", "alice@example.com"),
        ("alice@example.com, Bob <bob@example.net>", "alice@example.com"),
        ("Alice <alice@example.com>, Bob <bob@example.net>", "alice@example.com"),
        (",, alice@example.com", "alice@example.com"),
        ('"Alice, of Example" <alice@example.com>', "alice@example.com"),
        ('"alice@bank.example" <mallory@evil.example>', "mallory@evil.example"),
        ("alice@bank.example <mallory@evil.example>", "mallory@evil.example"),
        ('"<alice@bank.example>" <mallory@evil.example>', "mallory@evil.example"),
        (r'"a \" <x@y.example>," <alice@example.com>', "alice@example.com"),
        ("(x@y.example, (nested) \\) ) alice@example.com", "alice@example.com"),
        ("Alice (<x@y.example>) <alice@example.com>", "alice@example.com"),
        ("Team: alice@example.com, bob@example.net;", "alice@example.com"),
        ("Nobody:;", ""),
        ("Nobody:; , alice@example.com", "alice@example.com"),
        ("<@relay.example,@other.example:alice@example.com>", "alice@example.com"),
        ('"john doe"@example.com', '"john doe"@example.com'),
        ('Doe <"john@doe"@example.com>', '"john@doe"@example.com'),
        ("alice@[192.0.2.1]", "alice@[192.0.2.1]"),
        ("Alice <alice@[IPv6:2001:db8::1]>", "alice@[IPv6:2001:db8::1]"),
        ("alice @ example . com", "alice@example.com"),
        ("Alice\r\n <alice@example.com>", "alice@example.com"),
        ("Alice alice@example.com", "alice@example.com"),
        ("=?utf-8?q?Al=2C_ice?= <alice@example.com>", "alice@example.com"),
        ("jörg@exämple.de", "jörg@exämple.de"),
        ('"unfinished <alice@example.com>', "alice@example.com"),
        ("Alice <alice@example.com", "alice@example.com"),
        ('"alice@example.com"', ""),
        ("Alice <>", ""),
        ("Alice", ""),
        ("alice@", ""),
        ("@example.com", ""),
        ("", ""),
    ],
)
def test_the_first_address_is_found_in_every_form_people_write(value: str, address: str) -> None:
    assert first_address(value.encode()) == address


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"plain words", "plain words"),
        (b"folded\r\n words", "folded words"),
        (b"folded\r\n\twords", "folded words"),
        (b"raw UTF-8 \xc3\xa9", "raw UTF-8 é"),
        (b"raw latin \xe9!", "raw latin \ufffd!"),
        (b"=?utf-8?Q?caf=C3=A9_au_lait?=", "café au lait"),
        (b"=?UTF-8?B?Y2Fmw6k=?=", "café"),
        (b"=?utf-8?b?Y2Fmw6k?= padding forgotten", "café padding forgotten"),
        (b"=?iso-8859-1?q?caf=E9?=", "café"),
        (b"=?windows-1252?q?=80_5?=", "€ 5"),
        (b"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
        (b"=?us-ascii*en?q?word?=", "word"),
        (b"=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        (b"=?utf-8?q?a?=\r\n =?utf-8?q?b?=", "ab"),
        (b"=?utf-8?q?a?= and =?utf-8?q?b?=", "a and b"),
        (b"=?utf-8?b?4pk=?= =?utf-8?b?pQ==?= split inside a character", "♥ split inside a character"),
        (b"=?no-such-charset?q?caf=C3=A9?=", "café"),
        (b"=?zlib?q?x?=", "x"),
        (b"=?utf-8?b?A?=", "A"),
        (b"=?utf-8?x?word?=", "=?utf-8?x?word?="),
        (b"=? not a word", "=? not a word"),
        (b"bell\x07 escape\x1b[31m nul\x00", "bell escape[31m nul"),
        ("right\u202eto left".encode(), "rightto left"),
        ("family 👩‍👧".encode(), "family 👩‍👧"),
        (b"=?utf-8?q?new=0D=0ABcc:_x?=", "newBcc: x"),
    ],
)
def test_values_are_decoded_for_people(value: bytes, text: str) -> None:
    assert readable(value) == text


def test_hostile_values_cost_no_more_than_honest_ones() -> None:
    for piece in (b"(", b"<", b'"', b"[", b"\\", b" ", b"=?", b"=?a?q?", b"@ . ", b":", b'"\\'):
        block = parse_header(b"From: %b\r\nSubject: %b\r\n\r\n" % (piece * 500_000, piece * 500_000))
        assert facts(block).from_address == ""


# --- what we add -----------------------------------------------------------------------------------------------------


def test_what_is_missing_is_added_and_what_is_there_is_left_alone() -> None:
    date, message_id = b"Date: Mon, 23 Nov 2026 14:18:27 +0000\r\n", b"Message-ID: <1@mx>\r\n"
    for present, added in ((b"", date + message_id), (date, message_id), (message_id, date), (date + message_id, b"")):
        assert additions(parse_header(present + b"To: x\r\n"), message_id="<1@mx>", now=NOW) == added


@given(st.integers(0, 4_102_444_800))
def test_dates_are_what_everybody_reads_as_the_same_second(second: int) -> None:
    assert parsedate_to_datetime(date_time(second)).timestamp() == second


SESSION = Arrival("app.example.com", "203.0.113.7", "mx.example.net", "ESMTPSA", "TLSv1.3 TLS_AES_256_GCM_SHA384")


def test_the_trace_says_who_came_how_and_when() -> None:
    assert received_line(SESSION, message_name="06f2k9xw3q7tz", recipient="bob@example.org", now=NOW) == (
        b"Received: from app.example.com ([203.0.113.7])\r\n"
        b" (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384)\r\n"
        b" by mx.example.net (goodstanding) with ESMTPSA id 06f2k9xw3q7tz\r\n"
        b" for <bob@example.org>; Mon, 23 Nov 2026 14:18:27 +0000\r\n"
    )


def test_the_trace_of_a_plain_session_with_several_recipients() -> None:
    session = Arrival("[IPv6:2001:db8::1]", "2001:db8::1", "mx.example.net", "ESMTP")
    assert received_line(session, message_name="06f2k9xw3q7tz", now=NOW) == (
        b"Received: from [IPv6:2001:db8::1] ([IPv6:2001:db8::1])\r\n"
        b" by mx.example.net (goodstanding) with ESMTP id 06f2k9xw3q7tz;\r\n"
        b" Mon, 23 Nov 2026 14:18:27 +0000\r\n"
    )


@given(st.text(max_size=300), st.text(max_size=300))
def test_no_name_and_no_address_breaks_out_of_the_trace(helo: str, recipient: str) -> None:
    session = Arrival(helo, "203.0.113.7", "mx.example.net", "ESMTP")
    line = received_line(session, message_name="06f2k9xw3q7tz", recipient=recipient, now=NOW)
    (field,) = parse_header(line).fields
    assert field == ("received", line)
    assert line.isascii() and line.count(b";") == 1
    assert line.count(b"\n") == line.count(b"\r\n ") + 1
    parsed = email.message_from_bytes(line, policy=email.policy.default)
    assert parsed.keys() == ["Received"]


@given(st.lists(st.text("abc", min_size=1, max_size=90), min_size=1))
def test_folding_keeps_every_clause_and_fills_lines_only_so_far(clauses: list[str]) -> None:
    text = folded(clauses)
    assert text.replace("\r\n", "").split(" ") == clauses
    assert all(len(line) < 78 or " " not in line.strip() for line in text.split("\r\n"))
