"""Before anything is timed: does the system really relay the message whole, and sign it exactly when it should?"""

from __future__ import annotations

import smtplib
import socket
import threading

from bench.load import Trouble
from bench.values import DOMAIN, RECIPIENT, SENDER, System

BODY = b"Line one,\r\n.a dot first,\r\n" + b"and filler.\r\n" * 200
HEADER = f"From: <{SENDER}>\r\nTo: <{RECIPIENT}>\r\nSubject: probe\r\n\r\n".encode()


class Capture:
    """An SMTP server that keeps the one message it receives, dots removed."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self._listener.settimeout(20)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._message = b""
        self._thread.start()

    def message(self) -> bytes:
        """The message, or nothing when none came in 20 seconds."""
        self._thread.join(20)
        self._listener.close()
        return self._message

    def _serve(self) -> None:
        try:
            connection, _ = self._listener.accept()
            with connection, connection.makefile("rwb", buffering=0) as stream:
                connection.settimeout(20)
                self._talk(stream)
        except OSError:
            return  # no message: the prober says so

    def _talk(self, stream: socket.SocketIO) -> None:
        stream.write(b"220 capture ESMTP\r\n")
        while line := stream.readline():
            verb = line[:4].upper()
            stream.write(b"354 go\r\n" if verb == b"DATA" else b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
            if verb == b"QUIT":
                return
            if verb == b"DATA":
                lines = list(iter(stream.readline, b".\r\n"))
                self._message = b"".join(line.removeprefix(b".") for line in lines)
                stream.write(b"250 ok\r\n")


def probe(system: System, sink_port: int, *, signed: bool) -> None:
    """Send one message through and look at it; raises Trouble when a figure for this system would mean nothing."""
    capture = Capture(sink_port)
    with smtplib.SMTP("127.0.0.1", system.port, timeout=20) as client:
        client.sendmail(SENDER, [RECIPIENT], HEADER + BODY)
    header, _, body = capture.message().partition(b"\r\n\r\n")
    if not header:
        raise Trouble(f"{system.name}: the probe message did not arrive at the sink")
    if body != BODY:
        raise Trouble(f"{system.name}: the body of the probe message was changed")
    signatures = [_tags(part) for part in header.split(b"DKIM-Signature:")[1:]]
    wanted = {b"a": b"rsa-sha256", b"c": b"relaxed/relaxed", b"d": DOMAIN.encode()}
    if bool(signatures) != signed or (signed and not any(wanted.items() <= tags.items() for tags in signatures)):
        raise Trouble(f"{system.name}: signed should be {signed}, but the header is {header.decode(errors='replace')}")


def _tags(signature: bytes) -> dict[bytes, bytes]:
    """The tags of a DKIM-Signature header."""
    parts = (tag.partition(b"=") for tag in signature.split(b";"))
    return {name.strip(): value.strip() for name, _, value in parts}
