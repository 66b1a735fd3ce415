"""What a client session tells its shell; see `smtp_client` for when."""

from __future__ import annotations

from msgspec import Struct

from goodstanding.model import Reply
from goodstanding.wire.transaction import TransactionResult


class TlsWanted(Struct, frozen=True, gc=False):
    """The server is ready for the handshake: start TLS, then call `Client.tls_started`."""


class Ready(Struct, frozen=True, gc=False):
    """The opening is done; transactions may begin."""


class Refused(Struct, frozen=True, gc=False):
    """The opening failed: the server, or our own demands on it, said no."""

    reply: Reply
    stage: str
    """greeting, hello, tls or auth."""


class BodyWanted(Struct, frozen=True, gc=False):
    """Send the stuffed message now, then call `Client.body_sent`."""


class Finished(Struct, frozen=True, gc=False):
    """The transaction is settled for every recipient."""

    result: TransactionResult


class Closed(Struct, frozen=True, gc=False):
    """The server will say nothing more: close the connection."""


ClientEvent = TlsWanted | Ready | Refused | BodyWanted | Finished | Closed
