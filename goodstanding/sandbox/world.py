"""(shell) The whole sandbox: every provider, the name server and the control port, started and stopped together."""

from __future__ import annotations

import asyncio
import errno
import os
import ssl
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import assert_never

import msgspec

from goodstanding.net.tls import self_signed, server_context
from goodstanding.sandbox.aftermath import Aftermath, Household
from goodstanding.sandbox.catalogue import Catalogue, Provider, built_in
from goodstanding.sandbox.control import (
    LINE_LIMIT,
    AddZone,
    GetStatus,
    HostStatus,
    ListMail,
    ProviderStatus,
    Request,
    Result,
    SandboxError,
    SetOutage,
    ShowMail,
    Status,
    Stop,
    WholeMail,
    converse,
)
from goodstanding.sandbox.dns import Datagrams, NameServer, Questions
from goodstanding.sandbox.outgoing import Outgoing, loopback_dialer
from goodstanding.sandbox.pace import Pace
from goodstanding.sandbox.placement import Reputations
from goodstanding.sandbox.provider import Reception
from goodstanding.sandbox.residents import Residents
from goodstanding.sandbox.settings import Ready, SandboxSettings
from goodstanding.sandbox.shelf import Mail, Shelf
from goodstanding.sandbox.smtp import Connection, Office, policy_of
from goodstanding.sandbox.society import AddRelations, Establish, GetReputation, ListCopies, RegisterFeedback
from goodstanding.sandbox.zones import Zones, of_catalogue, zone

LOOPBACK = "127.0.0.1"
YEARS_AGO = 3 * 365 * 86_400.0
BACKLOG = 1024
PORTS_TRIED = 20
"""Free ports looked at until one is free on every address."""


class Sandbox:
    """A receiving internet on loopback. `start`, then `stop`; `stopping` is set when a client asked for the latter."""

    def __init__(self, settings: SandboxSettings, now: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._now = now
        self._catalogue = built_in() if settings.limits else unlimited(built_in())
        self.zones = Zones()
        self.name_server = NameServer(self.zones)
        self.offices: dict[str, Office] = {}
        self.aftermath: Aftermath
        self.stopping = asyncio.Event()
        self._listeners: dict[str, asyncio.Server] = {}
        self._servers: list[asyncio.Server] = []
        self._datagrams: asyncio.DatagramTransport | None = None
        self._conversations: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}
        self._ready: Ready | None = None

    def __repr__(self) -> str:
        """State in one line."""
        return f"<Sandbox: {len(self.offices)} providers, {len(self._listeners)} addresses listening, {self._ready}>"

    async def start(self) -> Ready:
        """Everything listens when this returns. SandboxError names the address or port that could not be had."""
        settings = self._settings
        self.aftermath = self._aftermath()
        for published in of_catalogue(self._catalogue, settings.host_prefix):
            self.zones.add(published)
        with tempfile.TemporaryDirectory() as folder:
            for provider in self._catalogue.providers:
                self.offices[provider.name] = self._office(provider, Path(folder))
        try:
            smtp_port = await self._open_smtp(settings.smtp_port)
            dns_port = await self._open_dns(settings.dns_port)
            control_port = await self._open_control(settings.control_port)
        except SandboxError:
            await self.stop()
            raise
        self.aftermath.outgoing = self._outgoing(smtp_port)
        self._ready = Ready(os.getpid(), settings.host_prefix, smtp_port, LOOPBACK, dns_port, LOOPBACK, control_port)
        if settings.ready_file is not None:
            _write_whole(settings.ready_file, msgspec.json.format(msgspec.json.encode(self._ready)))
        return self._ready

    async def stop(self) -> None:
        """Close everything; connections are cut."""
        await self.aftermath.stop()
        if self._settings.ready_file is not None:
            self._settings.ready_file.unlink(missing_ok=True)
        self._close_listeners(self._listeners)
        for server in self._servers:
            server.close()
        for office in self.offices.values():
            office.cut_connections()
        if self._datagrams is not None:
            self._datagrams.close()
        self._servers.clear()
        for writer in self._conversations:
            writer.close()
        await asyncio.gather(*filter(None, self._conversations.values()))

    async def perform(self, request: Request) -> Result:
        """Carry out a request of the control port."""
        match request:
            case GetStatus():
                return self._status()
            case ListMail():
                found = (mail for mail in self._all_mail() if mail.concerns(request.where))
                return [mail.summary() for mail in islice(found, request.limit)]
            case ShowMail():
                return self._show(request.id)
            case AddZone():
                self.zones.add(zone(request.domain, request.records))
            case SetOutage():
                await self._set_outage(request.what, down=request.down)
            case Stop():
                self.stopping.set()
            case AddRelations() | RegisterFeedback() | Establish() | GetReputation() | ListCopies():
                return self.aftermath.perform(request)
            case _:
                assert_never(request)
        return None

    def _office(self, provider: Provider, folder: Path) -> Office:
        settings = self._settings
        lookup = self.zones.lookup if settings.check_authentication else None
        wordings = self._catalogue.wordings[provider.name]
        residents = self._residents(provider)
        reception = Reception(provider, wordings, residents, patience=settings.patience, lookup=lookup)
        shelf = Shelf(settings.data_dir / provider.name if settings.data_dir else None)
        now = self._now()
        context = _context(provider, folder, now - YEARS_AGO if provider.tls == "expired" else now)
        office = Office(provider, reception, shelf, lookup, context, self._now, self.aftermath)
        address = f"{settings.host_prefix}.{provider.hosts[0].address}"
        self.aftermath.households[provider.name] = Household(provider, residents, office.counts, address)
        return office

    def _aftermath(self) -> Aftermath:
        """What people do, in the sandbox's own time."""
        prefix, hosts = self._settings.host_prefix, (h for p in self._catalogue.providers for h in p.hosts)
        return Aftermath(
            Pace(self._now(), self._settings.speed),
            self._now,
            self._outgoing(self._settings.smtp_port),
            settings=self._settings.behaviour,
            own_addresses={f"{prefix}.{host.address}" for host in hosts},
        )

    def _outgoing(self, smtp_port: int) -> Outgoing:
        return Outgoing(self.zones.lookup, self._settings.mail_port or smtp_port, loopback_dialer())

    def _residents(self, provider: Provider) -> Residents:
        """The people of a provider, who know nobody yet."""
        aftermath, lines = self.aftermath, provider.reputation
        return Residents(
            provider.name,
            self._settings.seed,
            aftermath.book,
            aftermath.pace,
            aftermath.settings,
            Reputations(lines) if lines is not None and self._settings.reputation else None,
        )

    async def _open_smtp(self, port: int) -> int:
        """Listen on every address of every provider, all on the same port."""
        for attempt in range(PORTS_TRIED):
            chosen = port or await _free_port(self._settings.host_prefix)
            try:
                for office in self.offices.values():
                    await self._open_provider(office, chosen)
            except SandboxError:
                if port or attempt == PORTS_TRIED - 1:
                    raise
                self._close_listeners(self._listeners)
            else:
                break
        return chosen

    async def _open_provider(self, office: Office, port: int) -> None:
        for host in office.provider.hosts:
            if not host.listens:
                continue
            address = f"{self._settings.host_prefix}.{host.address}"
            self._listeners[address] = await _listen(_answering(office, host.name), address, port)
            if host.ipv6:
                try:
                    self._listeners["::1"] = await _listen(_answering(office, host.name), "::1", port)
                except SandboxError:
                    pass  # a machine without IPv6: its AAAA record leads nowhere, as on many networks

    async def _open_dns(self, port: int) -> int:
        loop = asyncio.get_running_loop()
        server = await _listen(lambda: Questions(self.name_server), LOOPBACK, port)
        self._servers.append(server)
        chosen = _port_of(server)
        try:
            self._datagrams, _ = await loop.create_datagram_endpoint(
                lambda: Datagrams(self.name_server), local_addr=(LOOPBACK, chosen)
            )
        except OSError as problem:
            raise _unavailable(LOOPBACK, chosen, problem) from problem
        return chosen

    async def _open_control(self, port: int) -> int:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._conversations[writer] = asyncio.current_task()
            try:
                await converse(reader, writer, self.perform)
            finally:
                del self._conversations[writer]

        try:
            server = await asyncio.start_server(serve, LOOPBACK, port, limit=LINE_LIMIT)
        except OSError as problem:
            raise _unavailable(LOOPBACK, port, problem) from problem
        self._servers.append(server)
        return _port_of(server)

    def _close_listeners(self, addresses: Iterable[str]) -> None:
        for address in list(addresses):
            if (listener := self._listeners.pop(address, None)) is not None:
                listener.close()

    async def _set_outage(self, what: str, *, down: bool) -> None:
        if what == "dns":
            self.name_server.silent = down
            return
        office = self.offices.get(what)
        if office is None or self._ready is None:
            raise SandboxError(f"there is no provider {what!r}; choose dns or one of {', '.join(self.offices)}")
        self._close_listeners(self._addresses(office.provider))
        office.cut_connections()
        if not down:
            await self._open_provider(office, self._ready.smtp_port)

    def _addresses(self, provider: Provider) -> list[str]:
        addresses = [f"{self._settings.host_prefix}.{host.address}" for host in provider.hosts]
        return addresses + ["::1"] * any(host.ipv6 for host in provider.hosts)

    def _all_mail(self) -> list[Mail]:
        """Everything kept, newest first."""
        mail = (mail for office in self.offices.values() for mail in office.shelf.newest())
        return sorted(mail, key=lambda mail: mail.at, reverse=True)

    def _show(self, id: str) -> WholeMail:
        for mail in self._all_mail():
            if mail.id == id:
                return WholeMail(mail.summary(), mail.octets)
        raise SandboxError(f"no mail {id!r} is kept; the newest are listed by: goodstanding sandbox mail")

    def _status(self) -> Status:
        assert self._ready is not None
        return Status(
            self._ready,
            tuple(self._status_of(office) for office in self.offices.values()),
            tuple(sorted(self.zones.zones)),
            str(self._settings.data_dir or ""),
            self.aftermath.planned,
        )

    def _status_of(self, office: Office) -> ProviderStatus:
        provider = office.provider
        hosts = (
            HostStatus(host.name, address, address in self._listeners)
            for host in provider.hosts
            for address in (f"{self._settings.host_prefix}.{host.address}", *(["::1"] if host.ipv6 else []))
        )
        return ProviderStatus(
            provider.name, provider.title, provider.character, provider.domains, tuple(hosts), dict(office.counts)
        )


def unlimited(catalogue: Catalogue) -> Catalogue:
    """The same world without limits on rates and connections."""
    return replace(
        catalogue,
        providers=tuple(
            msgspec.structs.replace(
                provider,
                messages_per_minute=0,
                messages_per_connection=0,
                connections=0,
                reputation=provider.reputation and msgspec.structs.replace(provider.reputation, ration=0, low_ration=0),
            )
            for provider in catalogue.providers
        ),
    )


def _answering(office: Office, host: str) -> Callable[[], Connection]:
    policy = policy_of(office.provider, host)
    return lambda: Connection(office, host, policy)


def _context(provider: Provider, folder: Path, now: float) -> ssl.SSLContext:
    """TLS with a certificate of the provider's own, made at ``now``."""
    certificate, key = self_signed(sorted({host.name for host in provider.hosts}), now)
    files = folder / f"{provider.name}.crt", folder / f"{provider.name}.key"
    for file, octets in zip(files, (certificate, key), strict=True):
        file.write_bytes(octets)
    return server_context(*files)


async def _listen(protocol: Callable[[], asyncio.Protocol], address: str, port: int) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_server(protocol, address, port, backlog=BACKLOG)
    except OSError as problem:
        raise _unavailable(address, port, problem) from problem


async def _free_port(prefix: str) -> int:
    """A port that was free a moment ago."""
    server = await _listen(asyncio.Protocol, f"{prefix}.1", 0)
    port = _port_of(server)
    server.close()
    return port


def _port_of(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port


def _unavailable(address: str, port: int, problem: OSError) -> SandboxError:
    """What to do about an address that cannot be had."""
    if problem.errno == errno.EADDRNOTAVAIL:
        remedy = (
            "this system does not let programs listen on all of 127.0.0.0/8 as Linux does; the sandbox gives every "
            f"mail host an address of its own. On macOS add them first: sudo ifconfig lo0 alias {address}"
        )
    elif problem.errno == errno.EADDRINUSE:
        remedy = "another program listens there, perhaps another sandbox; choose another port, or 0 for any free one"
    elif problem.errno == errno.EACCES:
        remedy = "this port is for root only; choose one above 1023"
    else:
        remedy = problem.strerror or str(problem)
    return SandboxError(f"cannot listen on {address} port {port}: {remedy}")


def _write_whole(file: Path, octets: bytes) -> None:
    """Write a file so that no reader ever sees half of it."""
    draft = file.with_name(file.name + ".new")
    draft.write_bytes(octets)
    draft.replace(file)
