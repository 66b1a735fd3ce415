"""Before the relay starts, and before it reloads: can what the settings name on this machine be used?"""

from __future__ import annotations

import os
import socket
import ssl
from pathlib import Path

from goodstanding.net.tls import expired, server_context
from goodstanding.settings import ApiSettings, Settings, SubmissionSettings, WebSettings


def problems(settings: Settings) -> list[str]:
    """What keeps a worker from starting, every problem with its setting."""
    web = settings.web
    return [
        *_certificate(settings.submission, "submission"),
        *(_certificate(web, "web") if web.port else ()),
        *(_certificate(settings.api, "api") if settings.api.listeners else ()),
        *_passwords(settings),
        *_mail_log(settings.log.mail),
    ]


def doubts(settings: Settings, now: float) -> list[str]:
    """What a relay can start with and somebody should see to."""
    found: list[str] = []
    submission = settings.submission
    usable = submission.certificate and not _certificate(submission, "submission")
    if usable and (until := expired(Path(submission.certificate), now)):
        found.append(f"submission.certificate: {submission.certificate} expired on {until:%Y-%m-%d}; renew it")
    if settings.web.port and not settings.web.url.startswith("https://"):
        found.append("web.url: the world's mailbox providers reach one-click links by https only; name their address")
    feedback = settings.feedback
    if feedback.domain and not feedback.listeners:
        found.append("feedback.domain: nobody listens there; name an address and port in feedback.listeners")
    if not feedback.listeners and (named := sorted({one.bounce_domain for one in settings.pools if one.bounce_domain})):
        found.append(
            f"feedback.listeners: none, so bounces and complaints to {', '.join(named)} reach nobody unless another "
            "machine that shares the store takes them"
        )
    for i, pool in enumerate(settings.pools):
        found.extend(
            f"pools[{i}].addresses: {address} is not an address of this machine, so nothing can leave from it"
            for address in pool.addresses
            if not _ours(address)
        )
    return found


def _certificate(settings: SubmissionSettings | WebSettings | ApiSettings, table: str) -> list[str]:
    if not settings.certificate:
        return []
    for name, path in (("certificate", settings.certificate), ("key", settings.key)):
        if complaint := _unreadable(path):
            return [f"{table}.{name}: {complaint}"]
    try:
        server_context(Path(settings.certificate), Path(settings.key))
    except (OSError, ssl.SSLError) as exc:
        why = "is not the key of it" if "MISMATCH" in str(exc) else f"cannot be used: {exc}"
        return [f"{table}.certificate: {settings.certificate} with the key {settings.key}: that {why}"]
    return []


def _passwords(settings: Settings) -> list[str]:
    found: list[str] = []
    for i, route in enumerate(settings.routes):
        if route.password_file:
            if complaint := _unreadable(route.password_file):
                found.append(f"routes[{i}].password_file: {complaint}")
        elif route.user:
            found.append(f"routes[{i}].password_file: needed with a user")
    return found


def _mail_log(where: str) -> list[str]:
    """Whether lines can be added; nothing is made yet."""
    if where in ("off", "stderr"):
        return []
    path = Path(where)
    if path.is_dir():
        return [f"log.mail: {path} is a folder; name a file in it"]
    if path.exists():
        return [] if os.access(path, os.W_OK) else [f"log.mail: {path} may not be written; change its owner or mode"]
    if not path.parent.is_dir():
        return [f"log.mail: the folder {path.parent} is missing; make it"]
    return [] if os.access(path.parent, os.W_OK) else [f"log.mail: {path.parent} may not be written"]


def _unreadable(path: str) -> str:
    """Why a text file cannot be read; empty when it can."""
    try:
        Path(path).read_text("utf-8")
    except OSError as exc:
        return f"{path} cannot be read: {exc.strerror}"
    except UnicodeDecodeError:
        return f"{path} is not text; PEM is needed for certificates and keys"
    return ""


def _ours(address: str) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
