"""The authoritative name server of the sandbox, over UDP and TCP."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype

from goodstanding.sandbox.zones import Zones

UDP_SIZE = 1232
"""Largest UDP answer (DNS flag day 2020); a longer one is cut and asked for again over TCP."""
TCP_SIZE = 65_535


@dataclass(slots=True)
class NameServer:
    """What both transports ask; ``silent``: it takes questions and answers none."""

    zones: Zones
    silent: bool = False
    questions: int = 0

    def answer(self, packet: bytes, *, size: int) -> bytes | None:
        """The answer to one packet, of at most ``size`` octets."""
        self.questions += 1
        return None if self.silent else respond(self.zones, packet, size=size)


def respond(zones: Zones, packet: bytes, *, size: int) -> bytes | None:
    """The answer to one packet, cut to ``size`` octets or what the question allows; None to what is no question."""
    try:
        query = dns.message.from_wire(packet)
        response = dns.message.make_response(query, recursion_available=True, our_payload=UDP_SIZE)
    except (dns.exception.DNSException, ValueError):
        return None
    response.flags |= dns.flags.AA
    if query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
        response.set_rcode(dns.rcode.NOTIMP)
    else:
        _fill(response, zones)
    if size < TCP_SIZE:
        size = min(size, max(query.payload, 512))  # RFC 6891 §6.2.3, RFC 1035 §4.2.1
    return response.to_wire(max_size=size, prefer_truncation=True)


def _fill(response: dns.message.Message, zones: Zones) -> None:
    question = response.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    found = zones.find(name, dns.rdatatype.to_text(question.rdtype))
    if found.status == "failed":
        response.set_rcode(dns.rcode.SERVFAIL)
    elif found.status == "nxdomain":
        response.set_rcode(dns.rcode.NXDOMAIN)
    response.answer.extend(found.records)
    if found.soa is not None:  # RFC 2308 §2: so that the nothing can be kept for a while
        response.authority.append(found.soa)


class Datagrams(asyncio.DatagramProtocol):
    """Answers questions over UDP."""

    def __init__(self, server: NameServer) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self._transport = cast(asyncio.DatagramTransport, transport)  # uvloop has transports of its own

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """One question, one answer."""
        answer = self._server.answer(data, size=UDP_SIZE)
        if answer is not None:
            self._transport.sendto(answer, addr)


class Questions(asyncio.Protocol):
    """Answers questions over TCP: each with its length in front (RFC 7766 §8)."""

    def __init__(self, server: NameServer) -> None:
        self._server = server
        self._transport: asyncio.Transport
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop has transports of its own

    def data_received(self, data: bytes) -> None:
        """Answer every whole question."""
        self._buffer += data
        while len(self._buffer) >= 2 and len(self._buffer) >= (end := 2 + int.from_bytes(self._buffer[:2])):
            answer = self._server.answer(self._buffer[2:end], size=TCP_SIZE)
            self._buffer = self._buffer[end:]
            if answer is None:
                self._transport.close()
                return
            self._transport.write(len(answer).to_bytes(2) + answer)
