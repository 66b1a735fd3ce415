"""What a change of the estate comes to, as an answer; and what of it a tenant may read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from msgspec import UNSET, Struct, structs

from goodstanding.admission.estate import Estate, key_of
from goodstanding.api.native.problems import Fault, ProblemError
from goodstanding.api.native.routes import Call
from goodstanding.errors import GoodstandingError, SettingsError, StoreError
from goodstanding.operate import estate as verbs
from goodstanding.operate.estate import Result

SOMEBODYS = "it would touch what belongs to somebody else; ask the operator"


def given(body: Struct) -> dict[str, Any]:
    """The fields that a request names."""
    return {name: value for name, value in structs.asdict(body).items() if value is not UNSET}


def carried_out(call: Call, act: Callable[[], Result]) -> Result:
    """A change, done; a conflict when something speaks against it."""
    with no_contradiction(call):
        result = act()
    if result.refused:
        said = told(call, result.refused)
        raise ProblemError("conflict", said[0], errors=[Fault(one) for one in said])
    return result


@contextmanager
def no_contradiction(call: Call) -> Iterator[None]:
    """For a call that raises GoodstandingError when what is there speaks against it."""
    try:
        yield
    except (SettingsError, StoreError):
        raise
    except GoodstandingError as exc:
        raise ProblemError("conflict", told(call, [str(exc)])[0]) from None


def told(call: Call, said: Sequence[str]) -> list[str]:
    """Why something is refused, without a word about other tenants for a tenant."""
    if not call.tenant:
        return list(said)
    names = _of_others(verbs.present(call.place.database), call.tenant)
    words = [set(re.findall(r"[\w.@/:-]+", one.lower())) for one in said]
    tidy = [{word.strip(".:,;/") for word in some} | some for some in words]
    return [SOMEBODYS if names & some else one for one, some in zip(said, tidy, strict=True)]


def _of_others(estate: Estate, tenant: str) -> set[str]:
    """Every name that belongs to another tenant, or to all."""
    found = set[str]()
    for part in fields(estate):
        for entry in getattr(estate, part.name):
            owner = getattr(entry, "tenant", "") or getattr(entry, "subscription", "").partition("/")[0]
            owner = entry.name if part.name == "tenants" else owner
            if owner != tenant:
                found |= {key_of(entry).lower(), owner} | set(getattr(entry, "addresses", ()))
    return found - {""}
