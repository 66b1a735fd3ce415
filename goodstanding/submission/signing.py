"""Which DKIM keys sign a message: those of its From domain, or of the nearest parent the tenant owns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from goodstanding.model import DkimKey
from goodstanding.sealed import unseal
from goodstanding.wire.dkim import BodyHash, Signer, load_key, sign
from goodstanding.wire.message import header_end, parse_header


def context_of(domain: str, selector: str) -> bytes:
    """What a sealed key is bound to, so that it cannot be moved to another domain in the database."""
    return f"dkim {domain} {selector}".encode()


class Signers:
    """The keys of every domain, unsealed when first needed."""

    def __init__(self, master: bytes, domains: Mapping[str, str], keys: Iterable[DkimKey]) -> None:
        """``domains``: domain -> tenant that owns it."""
        self._master = master
        self._domains = domains
        self._sealed: dict[str, list[DkimKey]] = {}
        for key in keys:
            self._sealed.setdefault(key.domain, []).append(key)
        self._open: dict[str, tuple[Signer, ...]] = {}

    def for_sender(self, tenant: str, from_domain: str) -> tuple[Signer, ...]:
        """The signers for a From domain of a tenant; none when the tenant has no key that aligns (RFC 9989 §5.1)."""
        if not self._sealed:
            return ()
        domain = from_domain
        while domain:
            if domain in self._sealed:
                return self._opened(domain) if self._domains.get(domain) == tenant else ()
            domain = domain.partition(".")[2]
        return ()

    def _opened(self, domain: str) -> tuple[Signer, ...]:
        found = self._open.get(domain)
        if found is None:
            found = self._open[domain] = tuple(filter(None, map(self._signer, self._sealed[domain])))
        return found

    def _signer(self, key: DkimKey) -> Signer | None:
        """None when the key was sealed with another master key; `goodstanding check` says so."""
        private = unseal(self._master, key.sealed, context_of(key.domain, key.selector))
        return Signer(key.domain, key.selector, load_key(private, ours=True)) if private is not None else None


def fields_for(signers: Sequence[Signer], octets: bytes, now: float) -> bytes:
    """The DKIM-Signature fields of a message in memory, whose header ends with a blank line; lines end in CRLF."""
    end = header_end(octets)
    body = BodyHash()
    body.update(octets[end:])
    return sign(signers, parse_header(octets[:end]), body.digest(), now)
