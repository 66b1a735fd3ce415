"""``goodstanding isolation``: who owns what receivers hold to account, everything shared, and recorded exceptions."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from goodstanding.cli import terminal
from goodstanding.cli.configuration import ConfigOption, JsonOption, opened
from goodstanding.cli.estate import place, tell, terms
from goodstanding.operate import estate as verbs
from goodstanding.operate import isolation
from goodstanding.operate.isolation import Overlap, Proof, Use

app = typer.Typer(help="Proof that no two streams share an identity.", no_args_is_help=True)
First = Annotated[str, typer.Argument(metavar="FIRST", help="A domain; a subdomain stands for all below it, too.")]
Second = Annotated[str, typer.Argument(metavar="SECOND", help="The other domain, under the same registered one.")]
Because = Annotated[str, typer.Option("--because", help="Why it must be so; shown wherever the exception is.")]

_MARKS = {"refuse": ("refused", "bold red"), "exception": ("exception", "yellow"), "warning": ("shown", "yellow")}
KINDS = {
    "ip": "IP address",
    "hello": "EHLO name",
    "return-path": "return path",
    "dkim": "DKIM domain",
    "from": "From domain",
    "link": "link domain",
    "route": "smart host",
    "registrable": "registered domain",
    "tenant": "tenant",
}


@app.command()
def show(config: ConfigOption = None, as_json: JsonOption = False) -> int:
    """Print who owns which identity and every overlap; exit code 1 when one is refused."""
    with opened(config, present=True) as estate:
        proof = isolation.prove(estate.settings, estate.database)
    terminal.show(as_json, document(proof), drawing(proof))
    return 1 if proof.refused else 0


@app.command()
def allow(
    first: First, second: Second, because: Because, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Let streams be kept apart by subdomains only for two domains; shown from then on, in every check."""
    with opened(config) as estate:
        isolation.allow(estate.database, first, second, because, getpass.getuser())
    said = f"{first} and {second} may share their registered domain: {because}"
    terminal.show(as_json, {"allowed": [first, second], "because": because}, Text(said))


@app.command()
def disallow(first: First, second: Second, config: ConfigOption = None, as_json: JsonOption = False) -> int:
    """Take an exception back, once the two share nothing any more."""
    with opened(config) as estate:
        result = verbs.disallow(place(estate), first, second, terms(estate))
    if result.refused:
        return tell(result, as_json)
    terminal.show(as_json, {"disallowed": [first, second]}, f"{first} and {second} must be apart again.")
    return 0


def document(proof: Proof) -> object:
    """The proof for programs."""
    return {
        "identities": proof.uses,
        "overlaps": proof.overlaps,
        "isolated": not proof.refused,
        "partial": proof.partial,
    }


def drawing(proof: Proof) -> RenderableType:
    """The proof for people: the ownership table, then what is shared, then the verdict."""
    if proof.partial:
        return Text(proof.partial, "yellow")
    if not proof.uses:
        return Text("Nobody sends yet, so nothing is shared.", "dim")
    parts: list[RenderableType] = [_ownership(proof.uses)]
    if proof.overlaps:
        parts.append(_overlaps(proof.overlaps))
    parts.append(_verdict(proof))
    return Group(*parts)


def _ownership(uses: Sequence[Use]) -> RenderableType:
    drawn = terminal.table(
        "stream", "tenant", "what", "identity", "from", title="Who owns what receivers hold to account"
    )
    rows: dict[tuple[str, ...], list[str]] = {}
    for use in uses:  # a sending domain serves as From, DKIM and return path: one line
        key = (use.owner.stream or "unassigned", use.owner.tenant or "all", use.name, use.origin)
        rows.setdefault(key, []).append(KINDS[use.kind])
    last = ""
    for (stream, tenant, name, origin), kinds in sorted(
        rows.items(), key=lambda row: (_STREAMS.get(row[0][0], 9), row[0])
    ):
        if last not in ("", stream):
            drawn.add_section()
        drawn.add_row(stream, tenant, ", ".join(kinds), Text(name, "bold"), Text(origin, "dim"))
        last = stream
    return drawn


_STREAMS = {"transactional": 0, "bulk": 1, "outreach": 2}


def _overlaps(overlaps: Sequence[Overlap]) -> RenderableType:
    drawn = terminal.table("", "what", "why", "what to do", title="What is shared")
    for one in overlaps:
        word, style = _MARKS[one.severity]
        drawn.add_row(Text(word, style), KINDS[one.kind], one.because, Text(one.remedy, "dim"))
    return drawn


def _verdict(proof: Proof) -> Text:
    refused = len(proof.refused)
    if refused:
        word = "overlap is" if refused == 1 else "overlaps are"
        return Text(f"{refused} {word} refused: the mail named second in each stops until it is mended.", "bold red")
    shown = len(proof.overlaps)
    rest = f", but for the {shown} shown above" if shown else ""
    return Text(f"Isolation is proved: no two streams or tenants share an identity{rest}.", "green")
