"""One POST and its answer over an open connection (HTTP/1.1, RFC 9112): bytes in, bytes out. The parser is llhttp.

The answer is bounded: 16 KiB of headers, and as much of the body as anybody reads. Whoever sends more is cut off.
"""

from __future__ import annotations

from collections.abc import Mapping

import httptools

from goodstanding.errors import LocalProtocolError, RemoteProtocolError
from goodstanding.webhooks.answers import Answer
from goodstanding.webhooks.guard import Target

HEADERS_LIMIT = 16 * 1024
BODY_LIMIT = 64 * 1024


class _Heard:
    """What the parser has told of one answer; it calls these methods by their names. Interim answers (1xx) pass by."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.begin()

    def begin(self) -> None:
        """Listen to the next answer."""
        self.status = 0
        """0 until the headers of an answer that is none of 1xx are there."""
        self.retry_after = ""
        self.parts: list[bytes] = []
        self.size = 0
        self.complete = False
        self.reusable = False

    def on_message_begin(self) -> None:
        self.reusable = False  # whatever follows an answer was not asked for

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"retry-after" and not self.complete:
            self.retry_after = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self.parser.get_status_code()
        if status >= 200 and not self.complete:
            self.status = status

    def on_body(self, octets: bytes) -> None:
        if self.size <= BODY_LIMIT and not self.complete:
            self.parts.append(octets)
            self.size += len(octets)

    def on_message_complete(self) -> None:
        if self.status and not self.complete:
            self.complete = True
            self.reusable = self.parser.should_keep_alive()

    def answer(self) -> Answer:
        """As far as it was heard."""
        return Answer(self.status, b"".join(self.parts)[:BODY_LIMIT], self.retry_after)


class Exchange:
    """The client's side of one connection; one POST after the other."""

    def __init__(self) -> None:
        self._heard = _Heard()
        self._header_octets = 0

    def __repr__(self) -> str:
        return f"<Exchange {self._heard.status or 'unanswered'}>"

    def post(self, target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
        """What to send. LocalProtocolError when a header would break out of its line."""
        self._heard.begin()
        self._header_octets = 0
        lines = [f"POST {target.path} HTTP/1.1", f"host: {target.authority}", "user-agent: goodstanding"]
        lines += [f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join(lines)
        if not head.isascii() or head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1:
            raise LocalProtocolError("a header of a webhook holds a line end or is not ASCII")
        return f"{head}\r\n\r\n".encode() + body

    def receive(self, octets: bytes) -> Answer | None:
        """The answer when it is there; ``octets`` empty: the peer closed. RemoteProtocolError when it is none."""
        heard = self._heard
        if not octets:
            return self._closed()
        try:
            heard.parser.feed_data(octets)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as exc:
            heard.reusable = False
            if not heard.complete:  # else it is the nonsense behind an answer
                raise RemoteProtocolError(f"not an HTTP answer: {exc}") from exc
        if heard.complete or heard.size > BODY_LIMIT:
            return heard.answer()
        if not heard.status:
            self._header_octets += len(octets)
            if self._header_octets > HEADERS_LIMIT:
                raise RemoteProtocolError("the headers of the answer have no end")
        return None

    def reusable(self) -> bool:
        """Whether another POST may follow over the same connection."""
        return self._heard.reusable and self._heard.size <= BODY_LIMIT

    def _closed(self) -> Answer:
        """An answer may end with the connection (RFC 9112 §6.3) if it said nothing of its length."""
        if not self._heard.status or self._heard.parser.should_keep_alive():
            raise RemoteProtocolError("the connection was closed within the answer")
        return self._heard.answer()
