"""What an address tells by itself: a role instead of a person, or a mailbox made to be thrown away."""

from __future__ import annotations

from importlib import resources

import disposable_email_domains
import msgspec
from msgspec import Struct


class _Roles(Struct, frozen=True, forbid_unknown_fields=True):
    names: frozenset[str]


_ROLES = msgspec.toml.decode(
    resources.files("goodstanding.admission").joinpath("roles.toml").read_bytes(), type=_Roles
).names
_DISPOSABLE = disposable_email_domains.blocklist
_TRIMMED = str.maketrans("", "", "-_. ")


def is_role(address: str) -> bool:
    """Whether the local part names a function (``info@``, ``no-reply@``, ``sales+de@``): RFC 2142 and usual others."""
    local = address.rpartition("@")[0].partition("+")[0].lower()
    return local in _ROLES or local.translate(_TRIMMED) in _ROLES


def is_disposable(domain: str, declared: frozenset[str] = frozenset()) -> bool:
    """Whether a domain, or one above it, hands out throw-away addresses: by the package's list or a declared one."""
    name = domain.lower()
    while "." in name:
        if name in _DISPOSABLE or name in declared:
            return True
        name = name.partition(".")[2]
    return False
