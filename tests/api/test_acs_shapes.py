"""What a program posts is read as ACS reads it, or it is told what is wrong and where."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodstanding.api.acs.shapes import (
    IGNORE_DUPLICATE,
    SUPPRESS_INVALID,
    VALIDATE_MESSAGE_ID,
    Message,
    draft_of,
    read_message,
)
from goodstanding.wire.compose import Draft, Wrong

MESSAGE: dict[str, Any] = {
    "senderAddress": "shop@shop.example",
    "content": {"subject": "Your receipt", "plainText": "Thank you.", "html": "<p>Thank you.</p>"},
    "recipients": {"to": [{"address": "reader@isp.example", "displayName": "Reader"}]},
}


def drafted(**changes: Any) -> Draft | Wrong:
    message = read_message(json.dumps(MESSAGE | changes).encode())
    return message if isinstance(message, Wrong) else draft_of(message)


def file(**changes: str) -> dict[str, str]:
    octets = base64.b64encode(b"hello").decode()
    return {"name": "a.txt", "contentType": "text/plain", "contentInBase64": octets} | changes


def test_a_message_becomes_a_draft() -> None:
    draft = drafted(replyTo=[{"address": "help@shop.example"}], headers={"X-Order": "17"}, attachments=[file()])
    assert isinstance(draft, Draft)
    assert (draft.sender.address, draft.to[0].name, draft.reply_to[0].address) == (
        *("shop@shop.example", "Reader"),
        "help@shop.example",
    )
    assert draft.fields == (("X-Order", "17"),)
    assert draft.attachments[0].octets == b"hello"


def test_fields_of_later_versions_and_null_are_passed_over() -> None:
    assert isinstance(drafted(importance="high", attachments=None, replyTo=None, headers=None), Draft)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"content": {"plainText": "x"}}, "content"),
        ({"content": {"subject": 5}}, "content.subject"),
        ({"recipients": {"to": ["reader@isp.example"]}}, "recipients.to[0]"),
        ({"recipients": {}}, "recipients"),
        ({"attachments": [file(contentInBase64="no base64!")]}, "attachments[0].contentInBase64"),
        ({"attachments": [file(contentType="application/x-msdownload")]}, "attachments[0].contentType"),
        ({"headers": {"X-A": 5}}, "headers[...]"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(changes: dict[str, Any], part: str) -> None:
    wrong = drafted(**changes)
    assert isinstance(wrong, Wrong)
    assert wrong.part == part
    assert wrong.words


@pytest.mark.parametrize(
    "octets",
    [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"senderAddress": "\xff"}', b"[" * 100_000, b'{"a":' * 100_000],
    ids=lambda it: ascii(it[:12]),
)
def test_no_json_of_ours_is_refused(octets: bytes) -> None:
    assert isinstance(read_message(octets), Wrong)


def test_unknown_fields_nested_without_end_are_refused() -> None:
    deep = b'{"senderAddress":"a@b.example","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert isinstance(read_message(deep), Wrong)


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_garbage_is_a_message_or_a_reason(octets: bytes) -> None:
    assert isinstance(read_message(octets), (Message, Wrong))


def test_reserved_headers_are_obeyed_and_go_no_further() -> None:
    draft = drafted(
        headers={SUPPRESS_INVALID: "true"}, attachments=[file(contentType="application/x-msdownload"), file()]
    )
    assert isinstance(draft, Draft)
    assert len(draft.attachments) == 1
    assert not draft.fields


def test_content_ids_are_taken_once() -> None:
    twice = [file(contentId="logo"), file(contentId="logo")]
    wrong = drafted(attachments=twice)
    assert isinstance(wrong, Wrong)
    assert wrong.part == "attachments[1].contentId"
    draft = drafted(attachments=twice, headers={IGNORE_DUPLICATE: "TRUE"})
    assert isinstance(draft, Draft)
    assert len(draft.attachments) == 1


@pytest.mark.parametrize("bad", ["no-brackets@shop.example", "<guid>", "<guid.domain>", "<a@b>"])
def test_a_bad_message_id_is_removed_or_told(bad: str) -> None:
    draft = drafted(headers={"Message-ID": bad})
    assert isinstance(draft, Draft)
    assert not draft.fields
    assert isinstance(drafted(headers={"Message-ID": bad, VALIDATE_MESSAGE_ID: "true"}), Wrong)


def test_a_good_message_id_stays() -> None:
    draft = drafted(headers={"Message-ID": "<7c5f0c2e@shop.example>"})
    assert isinstance(draft, Draft)
    assert draft.fields == (("Message-ID", "<7c5f0c2e@shop.example>"),)
