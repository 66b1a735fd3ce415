"""A name server on which every domain exists and takes its mail at 127.0.0.1."""

import socket
import threading

import dns.message
import dns.rdatatype
import dns.rrset


class NameServer:
    """Answers over UDP on a port of loopback while the block lasts."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", port))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "NameServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                octets, peer = self._socket.recvfrom(4096)
                self._socket.sendto(answer(octets), peer)
            except OSError:
                return


def answer(octets: bytes) -> bytes:
    """MX: ``mx.`` of the domain; A: 127.0.0.1; anything else: there is none."""
    query = dns.message.from_wire(octets)
    [question] = query.question
    response = dns.message.make_response(query)
    if question.rdtype == dns.rdatatype.MX:
        response.answer = [dns.rrset.from_text(question.name, 60, "IN", "MX", f"10 mx.{question.name}")]
    elif question.rdtype == dns.rdatatype.A:
        response.answer = [dns.rrset.from_text(question.name, 60, "IN", "A", "127.0.0.1")]
    return response.to_wire()
