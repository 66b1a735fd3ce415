"""Ports that the supervisor holds, so that workers may share them and a port left to chance stays what it became."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from goodstanding.errors import SettingsError
from goodstanding.settings import ApiListener, Listener, Settings

REMEDIES = {
    errno.EADDRINUSE: "stop the program that has it (ss -ltnp shows it), or take another port",
    errno.EACCES: "ports below 1024 need CAP_NET_BIND_SERVICE (docs/operations.md)",
    errno.EADDRNOTAVAIL: "name an address of this machine",
}

Asked = tuple[tuple[Listener, ...], tuple[Listener, ...], tuple[ApiListener, ...]]
"""Listeners of submission, of feedback and of the API, as the settings name them."""
Named = TypeVar("Named", Listener, ApiListener)


@dataclass(frozen=True, slots=True)
class Ports:
    """What is held."""

    asked: Asked = ((), (), ())
    fixed: Asked = ((), (), ())
    """The same with ports that are no longer left to chance."""
    holders: tuple[socket.socket, ...] = ()

    def release(self, keep: Ports | None = None) -> None:
        """Let go of all but what another one holds, too."""
        for holder in self.holders:
            if keep is None or holder not in keep.holders:
                holder.close()


def hold(settings: Settings, before: Ports) -> tuple[Settings, Ports]:
    """The settings with every port settled, and what holds them. SettingsError when one cannot be had."""
    asked = (settings.submission.listeners, settings.feedback.listeners, settings.api.listeners)
    wanted = before.fixed if asked == before.asked else asked
    holders: list[socket.socket] = []
    problems: list[str] = []
    submission = _held("submission", wanted[0], holders, problems)
    feedback = _held("feedback", wanted[1], holders, problems)
    api = _held("api", wanted[2], holders, problems)
    ports = Ports(asked, (submission, feedback, api), tuple(holders))
    if problems:
        ports.release()
        raise SettingsError(problems)
    return replace(
        settings,
        submission=replace(settings.submission, listeners=submission),
        feedback=replace(settings.feedback, listeners=feedback),
        api=replace(settings.api, listeners=api),
    ), ports


def _held(
    room: str, listeners: Sequence[Named], holders: list[socket.socket], problems: list[str]
) -> tuple[Named, ...]:
    fixed: list[Named] = []
    for listener in listeners:
        holder = socket.socket(socket.AF_INET6 if ":" in listener.address else socket.AF_INET, socket.SOCK_STREAM)
        holders.append(holder)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            holder.bind((listener.address, listener.port))
        except OSError as exc:
            why = f"{exc.strerror}; {REMEDIES.get(exc.errno or 0, 'take another')}"
            problems.append(f"{room}.listeners: {listener.address}:{listener.port} cannot be used: {why}")
        else:
            fixed.append(replace(listener, port=holder.getsockname()[1]))
    return tuple(fixed)
