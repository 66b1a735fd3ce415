"""What a domain's DMARC records say: the policy, where its reports go, and what is aligned."""

from __future__ import annotations

from collections.abc import Iterable

from goodstanding.admission.checks import Check, Weight, answered
from goodstanding.admission.facts import DomainFacts
from goodstanding.admission.onboarding import Ground
from goodstanding.admission.report_records import authorization, dmarc_text
from goodstanding.model import Stream, joined
from goodstanding.wire import dmarc
from goodstanding.wire.questions import Book


def policy(claim: DomainFacts, walk: dmarc.Walk, ground: Ground) -> Check:
    """Google, Yahoo and Microsoft demand DMARC of who sends in bulk; without it such mail is turned away."""
    weight: Weight = "essential" if claim.stream in (Stream.BULK, Stream.OUTREACH) else "wanted"
    remedy = f'publish _dmarc.{claim.name} TXT "{dmarc_text(claim.name, ground.reports)}"'
    if walk.failed:
        return Check("dmarc", None, weight, walk.failed, "look again in a while")
    if walk.problems:
        return Check("dmarc", False, weight, walk.problems[0], "leave one of them")
    applied = walk.applies
    if applied is None:
        return Check("dmarc", False, weight, f"no DMARC record applies to {claim.name}", remedy)
    name, found = applied
    asked = dmarc.request(walk)
    where = f"_dmarc.{name} applies and asks for {asked}"
    if found.testing:
        where += " (t=y: in test, one step less is done)"
    if found.p is None:
        return Check(
            "dmarc", True, weight, f"{where}, because it has no valid p=", "write p=none, quarantine or reject"
        )
    remedy = "" if asked != "none" else "once the reports are clean, ask for quarantine, then reject"
    return Check("dmarc", True, weight, where, remedy)


def alignment(name: str, path: str, walk: dmarc.Walk, book: Book) -> Check:
    """We sign with the domain itself, so DKIM is aligned for it; the return path is a second leg to stand on.

    Before there is a DMARC record, it is judged as if the one that is asked for were published.
    """
    if not walk.found and not walk.failed:
        walk = dmarc.walk(name, book, supposed=name)
    found = walk.applies[1] if walk.applies else dmarc.Policy()
    below = "" if not found.strict_dkim else f"; adkim=s: claim domains below {name} apart, to be aligned"
    if walk.failed:
        return Check("alignment", None, "advice", walk.failed, "look again in a while")
    if dmarc.aligned(path, walk, book, strict=found.strict_spf):
        return Check("alignment", True, "advice", f"From, DKIM ({name}) and return path ({path}) are aligned{below}")
    why = "aspf=s wants them equal" if found.strict_spf else "they are not of one organization"
    return Check(
        "alignment",
        False,
        "advice",
        f"the return path {path} is not aligned with {name} ({why}), so DMARC rests on DKIM alone{below}",
        f"give the pool a bounce domain below {name}"
        if not found.strict_spf
        else "take aspf=s out of the DMARC record",
    )


def reports(name: str, walk: dmarc.Walk, ground: Ground, book: Book) -> Iterable[Check]:
    """Whether aggregate reports come to us, and may: the report domain is asked first (RFC 9990; RFC 7489 §7.1)."""
    place = ground.reports
    if not place or walk.applies is None:
        return
    where, found = walk.applies
    if f"mailto:dmarc@{place}" not in [uri.partition("!")[0].strip().lower() for uri in found.rua]:
        because = f"reports about {name} go to {joined(found.rua) or 'nobody'}, not here"
        yield Check("dmarc-reports", False, "advice", because, f"add rua=mailto:dmarc@{place} to _dmarc.{where}")
        return
    exchangers = book.ask("mx", place)
    if exchangers.status != "found":
        because = f"{place} has no MX, so no report reaches us"
        remedy = f"publish {place} MX 10 {ground.hostname}."
        yield answered("dmarc-reports", exchangers, "advice", because, remedy)
        return
    record = authorization(where, place)
    if record is None:
        yield Check("dmarc-reports", True, "advice", f"reports come to dmarc@{place}")
        return
    said = book.ask("txt", record.name)
    if any(dmarc.is_record(text) for text in said.records):
        yield Check("dmarc-reports", True, "advice", f"reports come to dmarc@{place}, which {record.name} allows")
        return
    because = f"{record.name} does not say that {place} takes reports about {where}, so reporters send none"
    yield answered("dmarc-reports", said, "advice", because, f'publish {record.name} TXT "{record.value}"')
