"""Which access keys a request may be signed with: those of the resource it names, by path or by host, or all of a few.

Nothing in a signed request names its key (on Azure the host does). So where there are few keys all are tried, the one
that fitted a client's last request first; an endpoint that says whose it is needs no trying:
``https://application.tenant.mail.example`` or, for clients that allow a path, ``https://mail.example/tenant/application``.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping

from goodstanding.api.acs.signature import begun
from goodstanding.model import Identity
from goodstanding.operate.access_keys import context_of
from goodstanding.sealed import unseal
from goodstanding.store.access_keys import AccessKey

FEW = 1000
"""Keys that are all tried when a request does not say whose it is: some 2 µs each."""
REMEMBERED = 10_000
"""Client addresses whose last subscription is known."""
_NAMED = re.compile(r"/(?P<name>[a-z0-9-]+/[a-z0-9-]+)/+emails[:/]")


class AccessKeys:
    """Every key, unsealed and ready to be used."""

    def __init__(self, master: bytes, keys: Iterable[AccessKey], identities: Mapping[str, Identity]) -> None:
        self._by_name: dict[str, list[tuple[Identity, hmac.HMAC]]] = {}
        for key in keys:
            identity = identities.get(key.subscription)
            plain = unseal(master, key.sealed, context_of(key.subscription, key.slot))
            if identity is not None and plain is not None:
                self._by_name.setdefault(key.subscription, []).append((identity, begun(plain)))
        everything = [one for of_name in self._by_name.values() for one in of_name]
        self._all = everything if len(everything) <= FEW else []
        self._last: dict[str, str] = {}

    def of(self, path: str, host: str, remote: str) -> list[tuple[Identity, hmac.HMAC]]:
        """The keys that a request from an address to this path of this host may be signed with, the likeliest first."""
        named = _NAMED.match(path)
        if named is not None:
            return self._by_name.get(named["name"], [])
        application, _, rest = host.partition(".")
        ours = self._by_name.get(f"{rest.partition('.')[0]}/{application}")
        if ours is not None:
            return ours
        return [*self._by_name.get(self._last.get(remote, ""), ()), *self._all] if self._all else []

    def fitted(self, remote: str, identity: Identity) -> None:
        """Remember whose a client's request was."""
        if self._last.get(remote) != identity.subscription:
            if len(self._last) >= REMEMBERED:
                self._last.clear()
            self._last[remote] = identity.subscription
