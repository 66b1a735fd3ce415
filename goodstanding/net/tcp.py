"""TCP connections with optional TLS, as `outside.Stream` and `outside.Dialer` promise them, on asyncio or uvloop.

A stream is its own asyncio protocol. It has one timer, set for the nearest deadline it ever needed and looked at only
when it fires: a reply that comes in time costs no timer at all.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import ssl
from typing import cast

from goodstanding.model import NetworkFailure
from goodstanding.outside import Dialer, Stream

UNREAD_LIMIT = 65_536
"""Bytes a peer may send before we read them; then it has to wait."""
LINGER = 10.0
"""Seconds a closed connection may take to get rid of what was sent."""
LINUX_BIND_ADDRESS_NO_PORT = 24
"""IP_BIND_ADDRESS_NO_PORT: a local address may serve far more connections than it has ports."""


class TcpStream(asyncio.Protocol):
    """One open connection; only one task may receive, and one drain, at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, peer: str) -> None:
        """A stream to be handed to ``loop.create_connection``; ``peer`` is what the logs call the other side."""
        self.peer = peer
        self.tls = ""
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._unread: list[bytes] = []
        self._unread_size = 0
        self._ended = False
        """The peer closed or takes nothing, or the connection is lost: nothing can be sent any more."""
        self._error = ""
        """Why the connection is lost, when it was not simply closed."""
        self._reader: asyncio.Future[bool] | None = None
        """Done when there is something to read (True) or the time is up (False)."""
        self._writer: asyncio.Future[bool] | None = None
        self._writable = True
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<TcpStream {self.peer} {self.tls or 'plain'}: {self._error or ('ended' if self._ended else 'open')}>"

    # What `outside.Stream` promises

    def send(self, octets: bytes) -> None:
        """Queue bytes for the peer; bytes for a connection that ended go nowhere."""
        if octets and self._transport is not None and not self._ended:
            self._transport.write(octets)

    async def drain(self, timeout: float) -> NetworkFailure | None:
        """Wait until the send buffer is low again."""
        if self._writable or self._ended:
            return self._failure() if self._ended else None
        self._writer = self._loop.create_future()
        timer = self._loop.call_later(timeout, _wake, self._writer, False)
        try:
            in_time = await self._writer
        finally:
            timer.cancel()
            self._writer = None
        if not in_time:
            self._ended = True
            return NetworkFailure("", f"{self.peer} took nothing for {timeout:g} seconds")
        return self._failure() if self._ended else None

    async def receive(self, timeout: float) -> bytes | NetworkFailure:
        """The next bytes; ``b""`` when the peer closed; a failure after ``timeout`` seconds of silence or a reset."""
        if not self._unread and not self._ended:
            self._reader = self._loop.create_future()
            self._set_timer(timeout)
            try:
                in_time = await self._reader
            finally:
                self._reader = None
            if not in_time:
                return NetworkFailure("", f"{self.peer} said nothing for {timeout:g} seconds")
        if self._unread:
            return self._read()
        return self._failure() if self._error else b""

    async def start_tls(self, context: ssl.SSLContext, hostname: str, timeout: float) -> NetworkFailure | None:
        """Turn the connection into TLS; what was read in the clear and not asked for yet is thrown away."""
        if self._transport is None or self._ended:
            return NetworkFailure("tls", f"{self.peer} closed the connection before the TLS handshake")
        self._unread.clear()
        self._unread_size = 0
        try:
            transport = await self._loop.start_tls(
                self._transport, self, context, server_hostname=hostname.rstrip("."), ssl_handshake_timeout=timeout
            )
        except (OSError, ValueError) as exc:  # OSError: ssl.SSLError and resets; ValueError: a name TLS cannot ask for
            self._ended = True
            self.close()
            return NetworkFailure("tls", f"TLS handshake with {self.peer} failed: {_words(exc)}")
        if transport is None:
            return NetworkFailure("tls", f"{self.peer} closed the connection in the TLS handshake")
        self._transport = transport
        encryption: ssl.SSLObject = transport.get_extra_info("ssl_object")
        self.tls = " ".join(filter(None, (encryption.version(), (encryption.cipher() or ("",))[0])))
        return None

    def close(self) -> None:
        """Close now; what was sent is still flushed. Safe to call twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is None or self._transport.is_closing():
            return
        if self._ended:
            self._transport.abort()  # nothing of what is left will be taken
            return
        if self._transport.get_write_buffer_size():
            self._loop.call_later(LINGER, self._transport.abort)
        self._transport.close()

    # What asyncio tells a protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of asyncio.Protocol."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class is none of asyncio's

    def data_received(self, data: bytes) -> None:
        """Part of asyncio.Protocol."""
        self._unread.append(data)
        self._unread_size += len(data)
        if self._unread_size > UNREAD_LIMIT and self._transport is not None:
            self._transport.pause_reading()
        _wake(self._reader, True)

    def eof_received(self) -> bool | None:
        """Part of asyncio.Protocol: the peer closed; so do we."""
        self._ended = True
        _wake(self._reader, True)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Part of asyncio.Protocol."""
        self._ended = True
        self._error = f"the connection with {self.peer} was lost: {_words(exc)}" if exc else ""
        self._writable = True
        _wake(self._reader, True)
        _wake(self._writer, True)
        self.close()

    def pause_writing(self) -> None:
        """Part of asyncio.Protocol: the send buffer is full."""
        self._writable = False

    def resume_writing(self) -> None:
        """Part of asyncio.Protocol: the send buffer is low again."""
        self._writable = True
        _wake(self._writer, True)

    # How it is done

    def _read(self) -> bytes:
        octets = self._unread[0] if len(self._unread) == 1 else b"".join(self._unread)
        if self._unread_size > UNREAD_LIMIT and self._transport is not None and not self._ended:
            self._transport.resume_reading()
        self._unread.clear()
        self._unread_size = 0
        return octets

    def _failure(self) -> NetworkFailure:
        return NetworkFailure("", self._error or f"{self.peer} closed the connection")

    def _set_timer(self, timeout: float) -> None:
        """Make sure the timer fires no later than ``timeout`` from now; mostly it is set already."""
        self._deadline = self._loop.time() + timeout
        if self._timer is not None:
            if self._timer.when() <= self._deadline:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._time_passed)

    def _time_passed(self) -> None:
        """Time is up for who waits since the timer was set; for a later one the timer is set anew."""
        self._timer = None
        if self._reader is None:
            return
        if self._loop.time() >= self._deadline:
            _wake(self._reader, False)
        else:
            self._timer = self._loop.call_at(self._deadline, self._time_passed)


class TcpDialer:
    """Opens real connections."""

    async def connect(self, address: str, port: int, source: str, timeout: float) -> Stream | NetworkFailure:
        """Connect to an IP address from a local one (``""``: any)."""
        loop = asyncio.get_running_loop()
        peer = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        stream = TcpStream(loop, peer)
        try:
            opened = _open_socket(address, source)
        except (OSError, ValueError) as exc:
            return NetworkFailure("connect", f"cannot connect to {peer} from {source or 'any address'}: {_words(exc)}")
        try:
            async with asyncio.timeout(timeout):
                await loop.sock_connect(opened, (address, port))
                await loop.create_connection(lambda: stream, sock=opened)
        except TimeoutError:
            opened.close()
            return NetworkFailure("connect", f"connection to {peer} timed out after {timeout:g} seconds")
        except OSError as exc:
            opened.close()
            return NetworkFailure("connect", f"connection to {peer} failed: {_words(exc)}")
        except BaseException:
            opened.close()
            raise
        return stream


class LoopbackOnlyDialer:
    """A dialer that never leaves this machine: the sandbox's guarantee that no mail reaches a real person."""

    def __init__(self, dialer: Dialer) -> None:
        """``dialer`` does the work for addresses that are let through."""
        self._dialer = dialer

    async def connect(self, address: str, port: int, source: str, timeout: float) -> Stream | NetworkFailure:
        """Connect if the address is a loopback one."""
        if not _is_loopback(address):
            return NetworkFailure("connect", f"sandbox mode connects to this machine only, not to {address}")
        return await self._dialer.connect(address, port, source, timeout)


def opportunistic_context() -> ssl.SSLContext:
    """TLS for whoever offers it, without asking who that is: better than none (RFC 7435)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def verifying_context(authorities: str | None = None) -> ssl.SSLContext:
    """TLS that proves the host's name, by the system's authorities or those in a PEM file."""
    context = ssl.create_default_context(cafile=authorities)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996
    return context


def _open_socket(address: str, source: str) -> socket.socket:
    """A socket for this address, bound to our own one."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source:
            _share_ports(opened)
            opened.bind((source, 0))
    except BaseException:
        opened.close()
        raise
    return opened


def _share_ports(opened: socket.socket) -> None:
    """Choose the local port when connecting, not when binding: one port then serves many destinations."""
    try:
        opened.setsockopt(socket.IPPROTO_IP, LINUX_BIND_ADDRESS_NO_PORT, 1)
    except OSError:
        return  # not Linux: fewer connections per source address, nothing else


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _wake(waiter: asyncio.Future[bool] | None, in_time: bool) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(in_time)


def _words(exc: BaseException) -> str:
    """What went wrong, without Python's decoration."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        return exc.verify_message
    if isinstance(exc, ssl.SSLError):
        return (exc.reason or str(exc)).replace("_", " ").lower()
    if isinstance(exc, OSError) and exc.errno:
        return os.strerror(exc.errno).lower()  # asyncio puts its own words into exc.strerror
    return str(exc) or type(exc).__name__
