"""Quarantine: recipients that were accepted and are held by the guard, each with its findings.

A row here goes with a queue row in state ``held``. It ends in three ways, each one transaction with its journal entry:
released (the recipient waits again, due now), refused (the recipient is to be bounced, so that the sender learns why),
or moved to another subscription and released. Functions that end rows take keys and look at each row again, because
evidence, upkeep and operators may all reach for the same one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec
from msgspec import Struct

from goodstanding.admission.answers import returned
from goodstanding.admission.facts import Finding
from goodstanding.events import EstateChanged, QuarantineEnded
from goodstanding.model import MessageId
from goodstanding.store import journal
from goodstanding.store.db import BATCH, Row, Tx, Value
from goodstanding.store.listing import Key, picked

BOUNCE = "bounce"
"""The wish of a queue row that is to be bounced with its ``last_reply`` instead of being attempted."""


class Kept(Struct, frozen=True, gc=False):
    """One recipient in quarantine."""

    message: MessageId
    n: int
    tenant: str
    subscription: str
    campaign: int
    person: bytes
    recipient: str
    at: float
    expires: float
    rationed: bool
    """It flows by itself as evidence comes."""
    findings: str
    """JSON list."""


class Which(Struct, frozen=True, gc=False):
    """Which recipients are meant: all that agree with every field given. ``*`` in a text stands for any characters."""

    campaign: int | None = None
    message: MessageId | None = None
    tenant: str | None = None
    subscription: str | None = None
    recipient: str | None = None

    @property
    def whole_campaign(self) -> bool:
        """Nothing but a campaign is named: the decision is about the campaign itself."""
        return self == Which(campaign=self.campaign) and self.campaign is not None


class Ending(Struct, frozen=True, gc=False):
    """How rows end, who says so and why; the journal keeps it."""

    how: str
    """``released``, ``moved``, ``refused``, ``expired``."""
    by: str
    now: float
    because: str = ""


class Heap(Struct, frozen=True, gc=False):
    """What one campaign of one subscription has in quarantine."""

    campaign: int
    name: str
    """The commonest subject, or the declared name."""
    state: str
    tenant: str
    subscription: str
    recipients: int
    messages: int
    rationed: int
    oldest: float
    expires: float
    """When the first of them ends by itself."""
    findings: str = "[]"
    """Those of the newest recipient: they have the latest figures."""


_COLUMNS = "q.message, q.n, q.tenant, q.subscription, q.campaign, q.person, q.recipient, q.at, q.expires, q.rationed"
_ADD = (
    "INSERT INTO quarantine (message, n, tenant, subscription, campaign, person, recipient, at, expires, rationed, "
    "findings) VALUES"
)


def add(tx: Tx, rows: Sequence[Kept]) -> None:
    """Hold recipients; their queue rows are ``held`` by the same transaction."""
    tx.insert(_ADD, [_values(row) for row in rows])


def _values(row: Kept) -> tuple[Value, ...]:
    return (
        *(row.message, row.n, row.tenant, row.subscription, row.campaign, row.person, row.recipient),
        *(row.at, row.expires, int(row.rationed), row.findings),
    )


def _kept(row: Row) -> Kept:
    message, n, tenant, subscription, campaign, person, recipient, at, expires, rationed, findings = row
    names = (tenant, subscription, campaign, bytes(person), recipient)
    return Kept(MessageId(message), n, *names, at, expires, bool(rationed), findings)


# --- looking ---------------------------------------------------------------------------------------------------------


def listing(tx: Tx, which: Which, after: Key, limit: int) -> list[Kept]:
    """The next recipients behind a key, oldest message first."""
    conditions, values = _conditions(which)
    rows = tx.rows(
        f"SELECT {_COLUMNS}, q.findings FROM quarantine q WHERE (q.message, q.n) > (?, ?) AND {conditions} "
        "ORDER BY q.message, q.n LIMIT ?",
        (*after, *values, limit),
    )
    return [_kept(row) for row in rows]


def holds(tx: Tx, messages: Sequence[int]) -> bool:
    """Whether any recipient of these messages is in quarantine."""
    return bool(messages) and bool(tx.among_rows("SELECT message FROM quarantine WHERE message IN", messages))


def count(tx: Tx, which: Which) -> int:
    """How many recipients are meant."""
    conditions, values = _conditions(which)
    row = tx.row(f"SELECT COUNT(*) FROM quarantine q WHERE {conditions}", values)
    return int(row[0]) if row else 0


def heaps(tx: Tx, which: Which, limit: int) -> list[Heap]:
    """What is held, by campaign and subscription, the largest first."""
    conditions, values = _conditions(which)
    rows = tx.rows(
        "SELECT q.campaign, COALESCE(MAX(c.name), ''), COALESCE(MAX(c.state), ''), q.tenant, q.subscription, COUNT(*), "
        "COUNT(DISTINCT q.message), SUM(q.rationed), MIN(q.at), MIN(q.expires) FROM quarantine q "
        f"LEFT JOIN campaign c ON c.id = q.campaign WHERE {conditions} "
        "GROUP BY q.campaign, q.tenant, q.subscription ORDER BY 6 DESC, 1, 5 LIMIT ?",
        (*values, limit),
    )
    return [_heap(tx, row) for row in rows]


def _heap(tx: Tx, row: Row) -> Heap:
    number, name, state, tenant, subscription, recipients, messages, flowing, oldest, expires = row
    findings = _newest_findings(tx, number, subscription)
    counts = (recipients, messages, int(flowing))
    return Heap(number, name, state, tenant, subscription, *counts, oldest, expires, findings)


def _newest_findings(tx: Tx, campaign: int, subscription: str) -> str:
    row = tx.row(
        "SELECT findings FROM quarantine WHERE campaign = ? AND subscription = ? ORDER BY at DESC LIMIT 1",
        (campaign, subscription),
    )
    return str(row[0]) if row else "[]"


def rationed(tx: Tx, campaign: int, limit: int) -> list[Kept]:
    """The oldest recipients of a campaign that may flow by themselves: how many is for the trust budget to say."""
    rows = tx.rows(
        f"SELECT {_COLUMNS}, q.findings FROM quarantine q WHERE q.campaign = ? AND q.rationed = 1 "
        "ORDER BY q.at, q.message, q.n LIMIT ?",
        (campaign, limit),
    )
    return [_kept(row) for row in rows]


def waiting_campaigns(tx: Tx) -> list[tuple[int, str, int]]:
    """(campaign, subscription, recipients) that may flow by themselves."""
    rows = tx.rows(
        "SELECT campaign, subscription, COUNT(*) FROM quarantine WHERE rationed = 1 GROUP BY campaign, subscription"
    )
    return [(row[0], row[1], row[2]) for row in rows]


def campaign(tx: Tx, number: int) -> tuple[str, str, str] | None:
    """(tenant, name, state) of a campaign."""
    row = tx.row("SELECT tenant, name, state FROM campaign WHERE id = ?", (number,))
    return (row[0], row[1], row[2]) if row else None


def _conditions(which: Which) -> tuple[str, list[Value]]:
    parts: list[str] = []
    values: list[Value] = []
    for column, number in (("q.campaign", which.campaign), ("q.message", which.message)):
        if number is not None:
            parts.append(f"{column} = ?")
            values.append(number)
    texts = (("q.tenant", which.tenant), ("q.subscription", which.subscription), ("q.recipient", which.recipient))
    for column, text in texts:
        if text is not None:
            parts.append(f"LOWER({column}) LIKE ? ESCAPE '!'")
            values.append(_pattern(text.lower()))
    return " AND ".join(parts) or "1 = 1", values


def _pattern(text: str) -> str:
    for special in "!%_":
        text = text.replace(special, f"!{special}")
    return text.replace("*", "%")


# --- ending ----------------------------------------------------------------------------------------------------------


def release(tx: Tx, keys: Sequence[Key], ending: Ending) -> list[Kept]:
    """Let recipients go on at once; those that were still held, journalled."""
    return _end(tx, keys, ending, "UPDATE recipient SET state = 'waiting', due = ?", lambda row: (ending.now,))


def refuse(tx: Tx, keys: Sequence[Key], ending: Ending, why: str) -> list[Kept]:
    """Give recipients back to their sender: delivery bounces them, with a reply that says why and what was found.

    Those that were still held, journalled.
    """
    return _end(tx, keys, ending, _RETURN, lambda row: (ending.now, str(returned(_findings(row), why))))


_RETURN = f"UPDATE recipient SET state = 'waiting', due = ?, wish = '{BOUNCE}', last_reply = ?"


def expire(tx: Tx, now: float, limit: int) -> list[Kept]:
    """Give back at most ``limit`` recipients whose time in quarantine ran out; for a worker's upkeep."""
    rows = tx.rows("SELECT message, n FROM quarantine WHERE expires <= ? ORDER BY expires LIMIT ?", (now, limit))
    ending = Ending("expired", "upkeep", now, "nothing released it in time")
    return refuse(tx, [(row[0], row[1]) for row in rows], ending, EXPIRED)


EXPIRED = "nothing has shown in time that this mail was expected"


def forget(tx: Tx, keys: Sequence[Key]) -> None:
    """Take rows out without a word: the caller has journalled what became of the recipients."""
    tx.many("DELETE FROM quarantine WHERE message = ? AND n = ?", keys)


def _findings(row: Kept) -> list[Finding]:
    try:
        return msgspec.json.decode(row.findings or "[]", type=list[Finding])
    except msgspec.MsgspecError:  # written by a later release
        return []


def _end(
    tx: Tx, keys: Sequence[Key], ending: Ending, statement: str, values: Callable[[Kept], tuple[Value, ...]]
) -> list[Kept]:
    """Take rows out, and change the queue rows of those that were still held; in few statements, for servers afar."""
    rows: list[Row] = []
    for part in _parts(sorted(set(keys))):
        gone = f"DELETE FROM quarantine WHERE (message, n) IN ({picked(len(part))}) RETURNING {_BARE}"
        rows += tx.rows(gone, _flat(part))
    taken = {(row[0], row[1]): _kept(row) for row in rows}
    alike: dict[tuple[Value, ...], list[Key]] = {}
    for key, kept in sorted(taken.items()):
        alike.setdefault(values(kept), []).append(key)
    held: list[Row] = []
    for same, whom in alike.items():
        for part in _parts(whom):
            changed = f"{statement} WHERE (message, n) IN ({picked(len(part))}) AND state = 'held' RETURNING message, n"
            held += tx.rows(changed, (*same, *_flat(part)))
    ended = [taken[row[0], row[1]] for row in sorted(held)]
    journal.append(tx, [_event(row, ending) for row in ended])
    return ended


def _parts(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    for start in range(0, len(keys), BATCH):
        yield keys[start : start + BATCH]


def _flat(keys: Sequence[Key]) -> list[int]:
    return [part for key in keys for part in key]


_BARE = f"{_COLUMNS}, q.findings".replace("q.", "")


def _event(row: Kept, ending: Ending) -> QuarantineEnded:
    names = (ending.how, ending.by, ending.because)
    return QuarantineEnded(row.tenant, row.message, row.n, ending.now, row.recipient, *names)


# --- deciding about a campaign, moving messages ----------------------------------------------------------------------


def decide_campaign(tx: Tx, number: int, state: str, ending: Ending) -> bool:
    """Set what an operator has decided, so that later messages follow; whether there is such a campaign."""
    found = campaign(tx, number)
    if found is None:
        return False
    tx.run("UPDATE campaign SET state = ? WHERE id = ?", (state, number))
    why = f", because {ending.because}" if ending.because else ""
    change = f"{state or 'left to the guard again'}{why}"
    journal.append(tx, [EstateChanged(found[0], ending.now, f"campaign {number}", change, ending.by)])
    return True


def others_of(tx: Tx, message: MessageId) -> int:
    """Recipients of a message that are in the queue and not in quarantine: they cannot be moved with the rest."""
    row = tx.row(
        "SELECT COUNT(*) FROM recipient r WHERE r.message = ? AND NOT EXISTS "
        "(SELECT 1 FROM quarantine q WHERE q.message = r.message AND q.n = r.n)",
        (message,),
    )
    return int(row[0]) if row else 0


def reassign(tx: Tx, message: MessageId, subscription: str, stream: str, rank: int) -> None:
    """A message is another subscription's, of the same tenant, from now on."""
    tx.run("UPDATE message SET subscription = ?, stream = ? WHERE id = ?", (subscription, stream, message))
    tx.run("UPDATE recipient SET rank = ? WHERE message = ?", (rank, message))
    tx.run("UPDATE quarantine SET subscription = ? WHERE message = ?", (subscription, message))
