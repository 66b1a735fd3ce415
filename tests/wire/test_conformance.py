"""What other people's tests say about SMTP servers (go-smtp, Dovecot, chasquid, the smuggling tools)."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from goodstanding.model import Reply
from goodstanding.wire.address import parse_path, split_path
from goodstanding.wire.smtp_server import AuthGiven
from tests.conftest import shared_data
from tests.wire.conversation import ANSWERED, OPEN, Conversation, accept_all, greeted

OUTSIDE = {
    "IGNORE_BROKEN": "asks for a value where nothing can be read",
    "ALLOW_LOCALPART": "asks for addresses without a domain",
}


def rows(name: str) -> list[dict[str, Any]]:
    with shared_data("conformance", name).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def judged_both_ways(row: dict[str, Any], others: list[dict[str, Any]]) -> bool:
    """Dovecot's invalid tables hold rows that are switched off, for its parser accepts them."""
    same = [other for other in others if (other["kind"], other["input"]) == (row["kind"], row["input"])]
    return len({other["valid"] for other in same}) > 1 and not row["valid"]


def is_outside(row: dict[str, Any], others: list[dict[str, Any]]) -> bool:
    """Whether a row is about something that no SMTP path can be."""
    flags = set(row.get("flags", []))
    login_name = row["kind"] == "username"
    no_input = row["input"] is None or (row["kind"] == "mailbox" and row["input"] == "")
    lenient = row["valid"] and bool(flags & set(OUTSIDE))
    return login_name or no_input or lenient or judged_both_ways(row, others)


def unquoted(local: str) -> str:
    return re.sub(r"\\(.)", r"\1", local[1:-1]) if local.startswith('"') else local


def test_paths_are_read_as_others_read_them() -> None:
    everything = rows("smtp_paths.dev.jsonl")
    wrong = []
    for row in everything:
        if is_outside(row, everything):
            continue
        text, rest = split_path(row["input"]) if row["kind"] == "reverse-path" else (row["input"], "")
        null = row["kind"] == "reverse-path" or "ALLOW_EMPTY" in row.get("flags", [])
        read = parse_path(text, smtputf8=False, null=null) if text else None
        if (read is not None) != row["valid"]:
            wrong.append((row["input"], read))
        elif row["valid"] and row["kind"] == "reverse-path":
            assert (read, rest) == (row["path"], row["rest"].strip())
        elif read:
            local, _, domain = read.rpartition("@")
            assert (unquoted(local), domain) == (row["localpart"], row["domain"])
    assert not wrong


def smuggling_variants() -> list[str]:
    return sorted(json.loads(shared_data("conformance", "smtp_smuggling.json").read_text(encoding="utf-8"))["all"])


INJECTED = b"MAIL FROM:<thief@x.test>\r\nRCPT TO:<victim@y.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n"


@pytest.mark.parametrize("size", [0, 1, 2, 3])
def test_no_end_of_data_variant_smuggles_a_message(size: int) -> None:
    for variant in smuggling_variants():
        server = greeted()
        server.send(b"MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\n")
        server.send(b"DATA\r\n")
        replies = server.send(b"Subject: one\r\n\r\nx" + variant.encode() + INJECTED, size)
        assert len(replies) == 1, variant.encode()
        assert (replies[0].code, server.messages) == (550, []), variant.encode()


def test_no_end_of_data_variant_smuggles_a_message_by_bdat() -> None:
    for variant in smuggling_variants():
        body = b"Subject: one\r\n\r\nx" + variant.encode() + INJECTED
        server = greeted()
        server.send(b"MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\n")
        assert server.codes(b"BDAT %d LAST\r\n" % len(body) + body) == [550]
        assert server.messages == []


def dialogues() -> Iterator[tuple[str, list[dict[str, str]]]]:
    for row in rows("smtp_dialogs.dev.jsonl"):
        yield row["name"], row["steps"]


CHASQUID = replace(OPEN, hostname="testserver", size_limit=1_000_000)


def chasquid_accounts(event: ANSWERED) -> Reply:
    """The one account the dialogues know."""
    if isinstance(event, AuthGiven) and (event.user, event.password) == ("user@testserver", "secretpassword"):
        return Reply(235, "2.7.0", "Welcome")
    return accept_all(event)


def expected(step: dict[str, str]) -> str:
    """The reply code a step waits for; the words behind it are chasquid's own, and so are two of its codes."""
    code = step["arg"].lstrip("^")[:3]
    return {"534": "504", "521": "550"}.get(code, code)  # ours: RFC 4954 §4, and Exchange's 550 5.6.11


def run(steps: list[dict[str, str]]) -> list[str]:
    """What went otherwise than a dialogue says."""
    wrong: list[str] = []
    server = Conversation()
    replies: list[str] = []
    for step in steps:
        match step["op"]:
            case "tcp_connect" | "tls_connect":
                server = Conversation(CHASQUID, tls=step["op"] == "tls_connect", decide=chasquid_accounts)
                replies = [server.said.decode()]
            case "send_line" | "send_raw":
                end = "\r\n" if step["op"] == "send_line" else ""
                replies += map(str, server.send((step["arg"] + end).encode()))
            case "expect_regex" | "expect_exact" | "expect_until":
                got = replies.pop(0) if replies else "silence"
                if got[:3] != expected(step):
                    wrong.append(f"{step['arg']!r} expected, got {got!r}")
            case "close":
                replies = []
            case other:
                wrong.append(f"unknown step {other}")
    return wrong


def test_dialogues_go_as_written() -> None:
    wrong = {name: found for name, steps in dialogues() if (found := run(steps))}
    assert not wrong
