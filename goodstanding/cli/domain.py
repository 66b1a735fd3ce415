"""``goodstanding domain``: which tenant uses which domain, what to publish in DNS for that, and whether it is there."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from goodstanding.admission.estate import Domain
from goodstanding.cli import terminal
from goodstanding.cli.configuration import ConfigOption, JsonOption, opened
from goodstanding.cli.estate import given, place, tell, terms
from goodstanding.errors import GoodstandingError
from goodstanding.model import Stream
from goodstanding.operate import domains, onboarding
from goodstanding.operate import estate as verbs
from goodstanding.operate.onboarding import Looked, Sheet

app = typer.Typer(help="Domains: claimed, published, verified, and their DKIM keys.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="DOMAIN", help="The domain, as in From:, e.g. shop.example.")]
TlsReports = Annotated[bool, typer.Option("--with-tls-reports", help="Also MTA-STS and TLS-RPT records.")]


class Kind(StrEnum):
    """What a domain is for."""

    SENDING = "sending"
    LINK = "link"
    BOUNCE = "bounce"


StreamOption = Annotated[Stream | None, typer.Option(help="The one stream that uses it.", show_default=False)]
STATE_STYLES = {"pending": "yellow", "verified": "green", "warned": "bold yellow", "stopped": "bold red"}


@app.command()
def add(
    name: Name,
    tenant: Annotated[str, typer.Option(help="Tenant that owns it; made if absent.")],
    stream: StreamOption = None,
    kind: Annotated[Kind, typer.Option(help="From and DKIM; links; or return path.")] = Kind.SENDING,
    tls_reports: TlsReports = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Claim a domain for a tenant, with new DKIM keys, and print the records to publish."""
    with opened(config) as estate:
        domain = Domain(name, tenant, stream.value if stream else "", kind.value)
        result = onboarding.add(place(estate), domain, terms(estate))
        if result.refused:
            return tell(result, as_json)
        _print(onboarding.sheet(place(estate), name, tls_reports=tls_reports), as_json)
    return 0


@app.command("set")
def set_(
    name: Name,
    stream: StreamOption = None,
    kind: Annotated[Kind | None, typer.Option(help="What it is for.", show_default=False)] = None,
    allow_destructive: Annotated[bool, typer.Option("--allow-destructive", help="Take it from its stream.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Give a domain to a stream, or another use."""
    with opened(config) as estate:
        fields = given(stream=stream and str(stream), kind=kind)
        allowed = terms(estate, allow_destructive=allow_destructive)
        return tell(verbs.alter(place(estate), Domain, domains.checked_domain(name), fields, allowed), as_json)


@app.command()
def records(
    name: Name, tls_reports: TlsReports = False, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Print the DNS records of a domain again: what is to be there now."""
    with opened(config) as estate:
        _print(onboarding.sheet(place(estate), name, tls_reports=tls_reports), as_json)


@app.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(metavar="DOMAIN", help="Which to look at.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Look at every domain.")] = False,
    lists: Annotated[
        list[str] | None,
        typer.Option(
            "--dnsbl", metavar="ZONE", help="Also ask this block list, e.g. zen.spamhaus.org.", show_default=False
        ),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> int:
    """Look whether the records of a domain are in DNS, with what to do; exit code 1 unless it is verified."""
    if bool(names) == everything:
        raise GoodstandingError("name the domains to look at, or all of them with --all")
    with opened(config) as estate:
        bar, done = terminal.progress("looking at DNS", len(names or domains.domains(estate.database)))
        with bar:
            looked = onboarding.verify(place(estate), names or [], terms(estate), lists or [], done)
        grace = estate.settings.admission.domain_grace
    _show(looked, grace, as_json)
    return 0 if all(one.domain.state == "verified" for one in looked) else 1


@app.command()
def rotate(
    name: Name,
    anew: Annotated[bool, typer.Option("--anew", help="Give up keys that still wait, and make others.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make new DKIM keys; they sign once seen in DNS, and the present ones until then."""
    with opened(config) as estate:
        _print(onboarding.rotate(place(estate), name, terms(estate), anew=anew), as_json)


@app.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List domains with their tenants, streams, states and selectors."""
    with opened(config) as estate:
        found = domains.domains(estate.database)
    drawn = terminal.table("domain", "tenant", "stream", "kind", "state", "selectors", "looked at", "because")
    for domain in found:
        selectors = [*domain.selectors, *(f"{one} (waits)" for one in domain.waiting)]
        drawn.add_row(
            *(domain.name, domain.tenant, domain.stream or "none yet", domain.kind),
            Text(domain.state, STATE_STYLES.get(domain.state, "")),
            ", ".join(selectors),
            terminal.moment(domain.checked, seconds=False) if domain.checked else "never",
            terminal.foreign(domain.because),
        )
    hint = "No domains yet: goodstanding domain add DOMAIN --tenant NAME --stream STREAM"
    terminal.show(as_json, found, Group(drawn) if found else hint)


@app.command()
def remove(name: Name, config: ConfigOption = None, as_json: JsonOption = False) -> int:
    """Forget a domain and its keys; nobody can send from it then."""
    with opened(config) as estate:
        domain = domains.checked_domain(name)
        result = verbs.remove(place(estate), Domain, domain, terms(estate))
    if result.refused:
        return tell(result, as_json)
    terminal.show(as_json, {"removed": domain}, f"{domain} is removed; take its records out of DNS in a week or so.")
    return 0


# --- how it looks ----------------------------------------------------------------------------------------------------


def _print(sheet: Sheet, as_json: bool) -> None:
    """Records as a zone file has them, each below its reason."""
    if as_json:
        facts = {"domain": sheet.domain.name, "tenant": sheet.domain.tenant, "stream": sheet.domain.stream}
        terminal.print_json(
            facts | {"state": sheet.domain.state, "records": sheet.wanted.records, "notes": sheet.wanted.notes}
        )
        return
    out = terminal.console()
    out.print(Text(f"Publish these records for {sheet.domain.name}:\n", "bold"))
    for record in sheet.wanted.records:
        why = f"; {'optional: ' if record.optional else ''}{record.why}" if record.why else ""
        value = _strings(record.value) if record.type == "TXT" else record.value
        out.print(
            Text(why, "dim"),
            Text.assemble((record.name, "bold"), f". {record.type} {value}\n"),
            sep="\n",
            soft_wrap=True,
        )
    for note in sheet.wanted.notes:
        out.print(Text(f"Note: {note}.", "yellow"), soft_wrap=True)
    until = " The present keys sign until the new ones are seen." if sheet.rotating else ""
    out.print(Text(f"Then: goodstanding domain verify {sheet.domain.name}.{until}", "green"), soft_wrap=True)


def _strings(value: str) -> str:
    """As a zone file has it: quoted strings of at most 255 characters (RFC 1035 §3.3.14), which receivers join."""
    return " ".join(f'"{value[at : at + 255]}"' for at in range(0, len(value), 255))


def _show(looked: list[Looked], grace: float, as_json: bool) -> None:
    if as_json:
        terminal.print_json(
            [
                {"domain": one.domain.name, "state": one.domain.state, "was": one.was, "evidence": one.evidence}
                | {"because": one.domain.because, "checks": one.checks, "signing_now": one.signing_now}
                for one in looked
            ]
        )
        return
    if not looked:
        terminal.console().print("No domains yet: goodstanding domain add DOMAIN --tenant NAME --stream STREAM")
    for one in looked:
        terminal.console().print(_checks(one), _verdict(one, grace), sep="\n")


def _checks(one: Looked) -> Table:
    drawn = terminal.table("", "check", "weight", "what was found", "what to do")
    for check in one.checks:
        drawn.add_row(
            MARKS[check.ok],
            Text(check.slug, "bold" if check.ok is False else ""),
            Text(check.weight, "" if check.weight == "essential" else "dim"),
            terminal.foreign(check.because),
            terminal.foreign(check.remedy),
        )
    return drawn


MARKS = {True: Text("good", "green"), False: Text("missing", "red"), None: Text("unknown", "yellow")}


def _verdict(one: Looked, grace: float) -> RenderableType:
    name, state = one.domain.name, one.domain.state
    changed = f" (was {one.was})" if one.was != state else ""
    line = Text.assemble((name, "bold"), " is ", (state, STATE_STYLES[state]), changed)
    if one.evidence == "unknown":
        line.append("; DNS did not answer everything essential, so nothing was changed")
    if state == "warned":
        line.append(
            f"; it stops sending {terminal.moment(one.failing + grace, seconds=False)} unless its records are back"
        )
    if state in ("pending", "stopped"):
        line.append("; nothing is sent from it until what is essential is good")
    for selector in one.signing_now:
        line.append(f"\nThe new key {selector} is seen and signs from now on.", "green")
    return line.append("\n")
