"""(shell) Asking and steering a running sandbox: one line of JSON each way over TCP on loopback.

A request is an object whose ``ask`` names one of the `Request` structs; the answer is ``{"ok": ...}`` or
``{"error": "in words"}``. `SandboxClient` is the blocking other side for the CLI, the demo and tests.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TypeVar

import msgspec

from goodstanding.errors import GoodstandingError
from goodstanding.sandbox.relations import Relation
from goodstanding.sandbox.settings import Ready
from goodstanding.sandbox.society import (
    AddRelations,
    CopyStatus,
    Establish,
    GetReputation,
    ListCopies,
    Opinion,
    RegisterFeedback,
    SocietyRequest,
)
from goodstanding.sandbox.zones import Line

LINE_LIMIT = 256 * 1024 * 1024
"""Octets of one request or answer; a message comes in base64."""


class GetStatus(msgspec.Struct, tag_field="ask", tag="status"):
    """Who is there, and what happened so far."""


class ListMail(msgspec.Struct, tag_field="ask", tag="mail"):
    """The newest mail of a provider, an address or a domain; of all when ``where`` is empty."""

    where: str = ""
    limit: int = 50


class ShowMail(msgspec.Struct, tag_field="ask", tag="show"):
    """One whole message."""

    id: str


class AddZone(msgspec.Struct, tag_field="ask", tag="add-zone"):
    """Publish a domain, in place of what was published for it before."""

    domain: str
    records: list[Line]


class SetOutage(msgspec.Struct, tag_field="ask", tag="outage"):
    """Take a provider (or ``dns``) down, or bring it back."""

    what: str
    down: bool


class Stop(msgspec.Struct, tag_field="ask", tag="stop"):
    """End the sandbox."""


Request = GetStatus | ListMail | ShowMail | AddZone | SetOutage | Stop | SocietyRequest


class HostStatus(msgspec.Struct, frozen=True):
    """One address of a mail exchanger."""

    name: str
    address: str
    up: bool


class ProviderStatus(msgspec.Struct, frozen=True):
    """One provider and what it has said so far."""

    name: str
    title: str
    character: str
    domains: tuple[str, ...]
    hosts: tuple[HostStatus, ...]
    counts: dict[str, int]
    """How often each reply was given, by its name in ``providers.toml``, and ``connections``, ``tls``, ``octets``."""


class Status(msgspec.Struct, frozen=True):
    """The whole sandbox."""

    ready: Ready
    providers: tuple[ProviderStatus, ...]
    zones: tuple[str, ...]
    """Every domain that is published."""
    data_dir: str
    """Folder of the mail files; empty without one."""
    planned: int = 0
    """Acts of people that wait for their time."""


class MailSummary(msgspec.Struct, frozen=True):
    """One accepted message as a list shows it."""

    id: str
    provider: str
    host: str
    at: float
    client: str
    tls: str
    sender: str
    recipients: tuple[str, ...]
    authentication: str
    size: int
    from_address: str
    subject: str
    message_id: str


class WholeMail(msgspec.Struct, frozen=True):
    """One accepted message with its octets, below the trace fields the provider put on top."""

    summary: MailSummary
    octets: bytes


Result = Status | list[MailSummary] | WholeMail | list[Opinion] | list[CopyStatus] | None
Perform = Callable[[Request], Awaitable[Result]]
"""What carries requests out; raises GoodstandingError with the reason when it cannot."""


class SandboxError(GoodstandingError):
    """The sandbox cannot do what was asked, or is not there."""


async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, perform: Perform) -> None:
    """Answer the requests of one client until it leaves."""
    try:
        while line := await reader.readline():
            writer.write(await answer(line, perform) + b"\n")
            await writer.drain()
    except (ConnectionError, ValueError):  # gone in mid-sentence; a line beyond LINE_LIMIT
        pass
    finally:
        writer.close()


async def answer(line: bytes, perform: Perform) -> bytes:
    """The answer to one request."""
    try:
        return msgspec.json.encode({"ok": await perform(msgspec.json.decode(line, type=Request))})
    except (GoodstandingError, msgspec.DecodeError) as problem:
        return msgspec.json.encode({"error": str(problem)})


T = TypeVar("T")


class SandboxClient:
    """A blocking connection to the control port of a running sandbox; use it in a ``with``."""

    def __init__(self, port: int, address: str = "127.0.0.1", *, timeout: float = 30.0) -> None:
        try:
            self._socket = socket.create_connection((address, port), timeout)
        except OSError as problem:
            raise SandboxError(
                f"no sandbox at {address} port {port} ({problem}); start one: goodstanding sandbox"
            ) from problem
        self._lines = self._socket.makefile("rb")

    @classmethod
    def of(cls, ready_file: Path) -> SandboxClient:
        """The client of the sandbox that wrote this ready file."""
        ready = read_ready(ready_file)
        return cls(ready.control_port, ready.control_address)

    def __enter__(self) -> SandboxClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; the sandbox goes on."""
        self._lines.close()
        self._socket.close()

    def status(self) -> Status:
        """Who is there, and what happened so far."""
        return self._ask(GetStatus(), Status)

    def counts(self) -> dict[str, dict[str, int]]:
        """What every provider has said so far, by its name."""
        return {provider.name: provider.counts for provider in self.status().providers}

    def mail(self, where: str = "", limit: int = 50) -> list[MailSummary]:
        """The newest mail of a provider, an address or a domain; of all when ``where`` is empty."""
        return self._ask(ListMail(where, limit), list[MailSummary])

    def show(self, id: str) -> WholeMail:
        """One whole message."""
        return self._ask(ShowMail(id), WholeMail)

    def add_zone(self, domain: str, records: Iterable[Line]) -> None:
        """Publish a domain (owner, type, value; TXT as plain text), in place of what was there."""
        self._ask(AddZone(domain, list(records)), type(None))

    def set_outage(self, what: str, *, down: bool) -> None:
        """Take a provider, or ``dns``, down or bring it back."""
        self._ask(SetOutage(what, down), type(None))

    def add_relations(self, relations: Iterable[Relation]) -> None:
        """Declare who knows whom."""
        self._ask(AddRelations(list(relations)), type(None))

    def register_feedback(self, loop: RegisterFeedback) -> None:
        """Sign up for complaint reports."""
        self._ask(loop, type(None))

    def establish(self, keys: Iterable[str], days: float, per_day: float, provider: str = "*") -> None:
        """Give identities (``ip:...``, ``domain:...``) a past of wanted mail at a provider, or at all."""
        self._ask(Establish(list(keys), days, per_day, provider), type(None))

    def reputation(self, where: str = "") -> list[Opinion]:
        """What providers think of identities; of those of one provider, or of one address or domain."""
        return self._ask(GetReputation(where), list[Opinion])

    def copies(self, where: str = "", limit: int = 50) -> list[CopyStatus]:
        """Where the newest copies were put and what became of them; by provider, recipient, From, or a domain."""
        return self._ask(ListCopies(where, limit), list[CopyStatus])

    def stop(self) -> None:
        """End the sandbox."""
        self._ask(Stop(), type(None))

    def _ask(self, request: Request, kind: type[T]) -> T:
        self._socket.sendall(msgspec.json.encode(request) + b"\n")
        line = self._lines.readline()
        if not line:
            raise SandboxError("the sandbox closed the connection")
        found = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
        if "error" in found:
            raise SandboxError(msgspec.json.decode(found["error"], type=str))
        return msgspec.json.decode(found["ok"], type=kind)


def read_ready(ready_file: Path) -> Ready:
    """What a running sandbox wrote into its ready file."""
    try:
        return msgspec.json.decode(ready_file.read_bytes(), type=Ready)
    except (OSError, msgspec.DecodeError) as problem:
        raise SandboxError(
            f"no sandbox has written {ready_file} ({problem}); start one: goodstanding sandbox"
        ) from problem
