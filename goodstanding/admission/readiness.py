"""Who cannot send yet: subscriptions whose every message would be refused, because no domain of theirs is in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from goodstanding.admission.estate import Register
from goodstanding.admission.facts import DomainFacts
from goodstanding.model import Stream

NAMED = 3
"""Names that are said of many."""


def unready(register: Register) -> Iterator[str]:
    """A sentence for each tenant and stream that has subscriptions and no domain they may send from, with the remedy.

    Subscriptions in shadow mode send all the same, so they are not among them.
    """
    waiting: dict[tuple[str, Stream], list[str]] = {}
    for name, member in register.subscriptions.items():
        if not member.terms.shadow:
            waiting.setdefault((member.identity.tenant, member.identity.stream), []).append(name)
    for (tenant, stream), names in sorted(waiting.items()):
        own = [one for one in register.domains.values() if one.tenant == tenant and one.kind == "sending"]
        if any(one.stream == stream and one.state in ("verified", "warned") for one in own):
            continue
        why, remedy = _missing(tenant, stream, own)
        yield f"all mail of {_several(names)} is refused: {why}; {remedy}"


def _missing(tenant: str, stream: Stream, own: Sequence[DomainFacts]) -> tuple[str, str]:
    begun = [one.name for one in own if one.stream == stream]
    if begun:
        what = "is" if len(begun) == 1 else "are"
        return f"{_several(begun)} {what} not verified", f"goodstanding domain verify {begun[0]} says what is missing"
    given = f"goodstanding domain add DOMAIN --tenant {tenant} --stream {stream.value}"
    undecided = [one.name for one in own if not one.stream]
    if undecided:
        given = given.replace("DOMAIN", undecided[0])
        return f"{_several(undecided)} belongs to no stream yet", f"give it to {stream.value} mail: {given}"
    return f"tenant {tenant} has no domain for {stream.value} mail", f"claim one: {given}"


def _several(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
