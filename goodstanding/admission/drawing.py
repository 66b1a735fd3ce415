"""A blast radius as a picture: SVG that needs no script, no style sheet and no font of its own.

Three columns: what the picture is about, what it shares, and who shares it. Things shared by exactly the same flows
stand in one box, so that a pool with its address, name and return path is one line to each flow. Flows one step further
follow below as cards, and what is out of reach at the foot. Large radii are cut off with a card that says how much.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from msgspec import Struct

from goodstanding.admission.blast import WORDS, Blast, Flow, Link, Reach

WIDTH = 1180
MARGIN = 44
INK, FAINT, PAPER, LINE, HARM = "#1c2430", "#657083", "#ffffff", "#d9dee6", "#c2410c"
STREAMS: dict[str, tuple[str, str]] = {
    "transactional": ("#0f766e", "#ecf8f6"),
    "bulk": ("#b7791f", "#fdf7e8"),
    "outreach": ("#7c3aed", "#f5f0fe"),
}
"""Colour of each stream, and the tint of its cards; the stream is written out too, for those who see no colour."""
FONT = "Inter, 'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif"
KEY_X, KEY_W = MARGIN, 268
LINK_X, LINK_W = 404, 316
FLOW_X, FLOW_W = 812, WIDTH - MARGIN - 812
CARD_H, GAP = 76, 16
MOST_DIRECT, MOST_FURTHER, MOST_LINES, MOST_NAMES = 10, 6, 6, 12


class _Box(Struct, frozen=True, gc=False):
    """Links that lead to the same flows."""

    links: tuple[Link, ...]
    flows: tuple[int, ...]
    """Rows of the right column."""

    @property
    def lines(self) -> int:
        return min(len(self.links), MOST_LINES + 1)

    @property
    def height(self) -> int:
        return 22 + 40 * self.lines

    @property
    def by_identity(self) -> bool:
        return any(link.kind != "tenant" for link in self.links)


def svg(radius: Blast, day: str) -> str:
    """The picture as one SVG document; ``day`` is written at its foot."""
    direct = [one for one in radius.reached if one.distance == 1]
    further = [one for one in radius.reached if one.distance > 1]
    head, top = _head(radius)
    graph, bottom = _graph(radius, direct, top)
    below, bottom = _further(radius, further, bottom)
    foot, height = _foot(radius, bottom, day)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" font-family="{FONT}">',
        f"<title>{_escaped(_title(radius))}</title><desc>{_escaped(radius.headline)}</desc>",
        f'<rect width="{WIDTH}" height="{height}" fill="{PAPER}"/>',
        *head,
        *graph,
        *below,
        *foot,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _title(radius: Blast) -> str:
    return f"Blast radius of {radius.kind} {radius.key.removeprefix('campaign').strip(' :#')}"


def _head(radius: Blast) -> tuple[list[str], int]:
    lines = wrapped(radius.headline, WIDTH - 2 * MARGIN, 16)
    drawn = [_text(MARGIN, 62, fitted(_title(radius), WIDTH - 2 * MARGIN, 27, bold=True), 27, _BOLD)]
    drawn += [_text(MARGIN, 94 + 23 * at, line, 16, _DIM) for at, line in enumerate(lines)]
    return drawn, 94 + 23 * len(lines) + 22


def _graph(radius: Blast, direct: Sequence[Reach], top: int) -> tuple[list[str], int]:
    """The three columns: their drawing, and where they end."""
    shown, more = _cut(direct, MOST_DIRECT)
    rows = len(shown) + bool(more)
    boxes = _boxes(shown)
    tall = max(rows * (CARD_H + GAP) - GAP, sum(box.height + GAP for box in boxes) - GAP, 150)
    start = top + 30
    first = start + (tall - rows * (CARD_H + GAP) + GAP) / 2
    centre = [first + at * (CARD_H + GAP) + CARD_H / 2 for at in range(rows)]
    placed = _placed(boxes, centre, start, tall)
    middle = start + tall / 2
    drawn = _columns(top, bool(boxes))
    for box, y in placed:
        drawn.append(_edge(KEY_X + KEY_W, middle, LINK_X, y + box.height / 2, box.by_identity))
        drawn.extend(
            _edge(LINK_X + LINK_W, y + box.height / 2, FLOW_X, centre[at], box.by_identity) for at in box.flows
        )
    drawn.extend(line for box, y in placed for line in _drawn_box(box, y))
    most = max((one.flow.volume for one in shown), default=0)
    for at, one in enumerate(shown):
        drawn.extend(_card(radius, one.flow, FLOW_X, centre[at] - CARD_H / 2, (FLOW_W, most)))
    if more:
        drawn.extend(_more(radius, more, FLOW_X, centre[-1] - CARD_H / 2, FLOW_W))
    drawn.extend(_key_card(radius, middle))
    if not shown:
        drawn.extend(_nothing(middle))
    return drawn, int(start + tall + 34)


def _columns(top: int, linked: bool) -> list[str]:
    drawn = [_label(KEY_X, top + 8, "IF THIS DOES HARM")]
    if linked:
        drawn += [_label(LINK_X, top + 8, "IT IS SHARED THROUGH"), _label(FLOW_X, top + 8, "AND REACHES")]
    return drawn


def _boxes(shown: Sequence[Reach]) -> list[_Box]:
    """Links with the same flows together, the strongest first."""
    rows: dict[tuple[str, str], list[int]] = {}
    links: dict[tuple[str, str], Link] = {}
    for at, one in enumerate(shown):
        for link in _drawn_links(one):
            rows.setdefault((link.kind, link.name), []).append(at)
            links.setdefault((link.kind, link.name), link)
    groups: dict[tuple[tuple[int, ...], bool], list[Link]] = {}
    for node, at_rows in rows.items():
        groups.setdefault((tuple(at_rows), links[node].kind == "tenant"), []).append(links[node])
    order = list(WORDS)
    return [
        _Box(tuple(sorted(found, key=lambda link: (order.index(link.kind), link.name))), flows)
        for (flows, _), found in groups.items()
    ]


def _drawn_links(reach: Reach) -> Sequence[Link]:
    """A common tenant is drawn only where nothing else is shared: the other lines say more."""
    return [link for link in reach.links if link.kind != "tenant"] or reach.links


def _placed(boxes: Sequence[_Box], centre: Sequence[float], start: float, tall: float) -> list[tuple[_Box, float]]:
    """Each box near the middle of its flows, none on another: pushed down where needed, then up from the end."""
    ranked = sorted(boxes, key=lambda box: (sum(centre[at] for at in box.flows) / len(box.flows), box.flows))
    tops: list[float] = []
    free = start
    for box in ranked:
        wanted = sum(centre[at] for at in box.flows) / len(box.flows) - box.height / 2
        tops.append(max(free, wanted))
        free = tops[-1] + box.height + GAP
    limit = start + tall
    for at in range(len(ranked) - 1, -1, -1):
        tops[at] = min(tops[at], limit - ranked[at].height)
        limit = tops[at] - GAP
    return list(zip(ranked, tops, strict=True))


def _drawn_box(box: _Box, y: float) -> list[str]:
    colour = HARM if box.by_identity else FAINT
    drawn = [_rect(LINK_X, y, (LINK_W, box.height), PAPER, colour if box.by_identity else LINE)]
    shown = box.links if len(box.links) <= MOST_LINES + 1 else box.links[:MOST_LINES]
    for at, link in enumerate(shown):
        base = y + 24 + 40 * at
        drawn.append(_label(LINK_X + 16, base, f"SAME {WORDS[link.kind].upper()}", colour))
        drawn.append(_text(LINK_X + 16, base + 18, fitted(link.name, LINK_W - 32, 14, bold=True), 14, _BOLD, link.name))
    if len(shown) < len(box.links):
        drawn.append(_text(LINK_X + 16, y + 32 + 40 * len(shown), f"and {len(box.links) - len(shown)} more", 13, _DIM))
    return drawn


def _card(radius: Blast, flow: Flow, x: float, y: float, scale: tuple[float, int]) -> list[str]:
    """A flow: its name, its stream, how much it sends. ``scale``: the width, and the largest volume of its column."""
    width, most = scale
    colour, tint = STREAMS.get(flow.stream, (FAINT, "#f4f5f7"))
    volume = radius.number(flow.volume)
    room = width - 44 - _wide(volume, 15, bold=True)
    name = flow.name or flow.subscription
    under = f"{flow.stream} · {flow.subscription}" if flow.name else flow.stream
    drawn = [
        _rect(x, y, (width, CARD_H), tint, tint),
        f'<rect x="{x:g}" y="{y:g}" width="5" height="{CARD_H}" rx="2.5" fill="{colour}"/>',
        _text(x + 20, y + 28, fitted(name, room, 16, bold=True), 16, _BOLD, flow.title),
        _text(x + width - 16, y + 28, volume, 15, _BOLD_RIGHT),
        _text(x + 20, y + 48, fitted(under, width - 36, 13), 13, _DIM),
    ]
    bar = (width - 36) * (flow.volume / most if most else 0)
    drawn.append(f'<rect x="{x + 20:g}" y="{y + 59:g}" width="{width - 36:g}" height="5" rx="2.5" fill="{LINE}"/>')
    if bar:
        drawn.append(
            f'<rect x="{x + 20:g}" y="{y + 59:g}" width="{max(bar, 5):.1f}" height="5" rx="2.5" fill="{colour}"/>'
        )
    return drawn


def _more(radius: Blast, rest: Sequence[Reach], x: float, y: float, width: float) -> list[str]:
    return [
        _rect(x, y, (width, CARD_H), PAPER, LINE),
        _text(x + 20, y + 32, f"and {len(rest)} more flows", 16, _BOLD),
        _text(x + 20, y + 54, fitted(radius.amount(one.flow for one in rest), width - 36, 13), 13, _DIM),
    ]


def _key_card(radius: Blast, middle: float) -> list[str]:
    """What the picture is about, in the left column."""
    flow = radius.own[0] if radius.own else None
    colour = STREAMS.get(flow.stream, (INK, ""))[0] if flow else INK
    name = radius.name or (flow.name if flow and flow.name else radius.key)
    said = [f"{radius.kind} {radius.key}" if name != radius.key else radius.kind]
    if radius.kind == "campaign":
        said = [
            said[0] if radius.key.startswith("campaign") is False else radius.key,
            f"of {flow.subscription}" if flow else "",
        ]
    if flow:
        said += [f"{flow.stream} mail of {flow.tenant}", radius.amount([flow])]
    lines = wrapped(name, KEY_W - 40, 19, bold=True)[:3]
    said = [line for words in said for line in wrapped(words, KEY_W - 40, 14)]
    tall = 40 + 25 * len(lines) + 21 * len(said)
    y = middle - tall / 2
    drawn = [_rect(KEY_X, y, (KEY_W, tall), colour, colour)]
    drawn += [_text(KEY_X + 20, y + 36 + 25 * at, line, 19, _BOLD_ON_COLOUR) for at, line in enumerate(lines)]
    under = y + 36 + 25 * len(lines)
    drawn += [
        _text(KEY_X + 20, under + 21 * at, fitted(line, KEY_W - 40, 14), 14, _ON_COLOUR) for at, line in enumerate(said)
    ]
    return drawn


def _nothing(middle: float) -> list[str]:
    return [
        _text(LINK_X, middle - 4, "shares nothing with any other mail flow", 19, _BOLD),
        _text(LINK_X, middle + 22, "no address, name, domain, smart host or tenant", 14, _DIM),
    ]


def _further(radius: Blast, further: Sequence[Reach], top: int) -> tuple[list[str], int]:
    """Cards of the flows beyond, three in a row, each with the way there."""
    if not further:
        return [], top
    shown, more = _cut(further, MOST_FURTHER)
    drawn = [_rule(top), _label(MARGIN, top + 30, "ONE STEP FURTHER: THEY SHARE SOMETHING WITH A FLOW ABOVE")]
    width, tall = (WIDTH - 2 * MARGIN - 2 * GAP) / 3, CARD_H + 30
    most = max(one.flow.volume for one in shown)
    for at, one in enumerate(shown):
        x, y = MARGIN + (at % 3) * (width + GAP), top + 46 + (at // 3) * (tall + GAP)
        drawn.extend(_card(radius, one.flow, x, y, (width, most)))
        drawn.append(
            _text(
                x + 20,
                y + CARD_H + 16,
                fitted(str(one.links[0]), width - 28, 12.5),
                12.5,
                _DIM,
                full=str(one.links[0]),
            )
        )
    bottom = top + 46 + -(-len(shown) // 3) * (tall + GAP)
    if more:
        rest = f"and {len(more)} more flows with {radius.amount(one.flow for one in more)}"
        drawn.append(_text(MARGIN, bottom + 12, rest, 14, _DIM))
        bottom += 30
    return drawn, bottom


def _foot(radius: Blast, top: int, day: str) -> tuple[list[str], int]:
    """What is safe, what the colours mean, and where the figures come from."""
    drawn = [_rule(top)]
    names = [flow.title for flow in radius.untouched[:MOST_NAMES]]
    rest = len(radius.untouched) - len(names)
    safe = "; ".join(names) + (f"; and {rest} more" if rest > 0 else "") if names else "no other flow"
    drawn.append(_label(MARGIN, top + 30, "OUT OF REACH", STREAMS["transactional"][0]))
    lines = wrapped(safe, WIDTH - 2 * MARGIN, 14)
    drawn += [_text(MARGIN, top + 54 + 20 * at, line, 14) for at, line in enumerate(lines)]
    y = top + 54 + 20 * len(lines) + 24
    x = float(MARGIN)
    for stream, (colour, _) in STREAMS.items():
        drawn.append(f'<rect x="{x:g}" y="{y - 10}" width="12" height="12" rx="3" fill="{colour}"/>')
        drawn.append(_text(x + 19, y, stream, 12.5, _DIM))
        x += 19 + _wide(stream, 12.5) + 26
    for known, word in ((True, "receivers see the tie"), (False, "only the tenant is common")):
        drawn.append(_edge(x, y - 4, x + 34, y - 4, known))
        drawn.append(_text(x + 42, y, word, 12.5, _DIM))
        x += 42 + _wide(word, 12.5) + 26
    source = f"Recipients accepted in {radius.days} days to {day}"
    source += ", estimated from a sample" if radius.estimated else ""
    if x + _wide(source, 12.5) > WIDTH - MARGIN:
        y += 26
    drawn.append(_text(WIDTH - MARGIN, y, source, 12.5, _DIM_RIGHT))
    return drawn, y + 36


def _cut(reached: Sequence[Reach], most: int) -> tuple[Sequence[Reach], Sequence[Reach]]:
    """What is shown, and what is summed up; never a card for a single one that would have had room."""
    return (reached, ()) if len(reached) <= most + 1 else (reached[:most], reached[most:])


class _Look(Struct, frozen=True, gc=False):
    """How a line of text looks."""

    bold: bool = False
    colour: str = INK
    anchor: str = "start"


_PLAIN, _BOLD, _DIM = _Look(), _Look(bold=True), _Look(colour=FAINT)
_BOLD_RIGHT, _DIM_RIGHT = _Look(bold=True, anchor="end"), _Look(colour=FAINT, anchor="end")
_ON_COLOUR, _BOLD_ON_COLOUR = _Look(colour=PAPER), _Look(bold=True, colour=PAPER)


def _text(x: float, y: float, words: str, size: float, look: _Look = _PLAIN, full: str = "") -> str:
    """One line of text; ``full`` is what it says when a pointer rests on it."""
    weight = ' font-weight="600"' if look.bold else ""
    end = "" if look.anchor == "start" else f' text-anchor="{look.anchor}"'
    tip = f"<title>{_escaped(full)}</title>" if full and full != words else ""
    at = f'x="{x:g}" y="{y:g}" font-size="{size:g}"{end}'
    return f'<text {at} fill="{look.colour}"{weight}>{_escaped(words)}{tip}</text>'


_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 §2.2


def _escaped(words: str) -> str:
    """Words of strangers, such as a subject, as XML may hold them."""
    return html.escape(_NOT_XML.sub("\ufffd", words))


def _label(x: float, y: float, words: str, colour: str = FAINT) -> str:
    at = f'x="{x:g}" y="{y:g}" font-size="11" font-weight="600" letter-spacing="0.8"'
    return f'<text {at} fill="{colour}">{_escaped(words)}</text>'


def _rect(x: float, y: float, size: tuple[float, float], fill: str, stroke: str) -> str:
    width, height = size
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="9" fill="{fill}" '
        f'stroke="{stroke}" stroke-width="1.3"/>'
    )


def _edge(x: float, y: float, to_x: float, to_y: float, by_identity: bool) -> str:
    bend = (to_x - x) / 2
    dashes = "" if by_identity else ' stroke-dasharray="5 5"'
    return (
        f'<path d="M{x:g} {y:.1f} C{x + bend:g} {y:.1f} {to_x - bend:g} {to_y:.1f} {to_x:g} {to_y:.1f}" fill="none" '
        f'stroke="{HARM if by_identity else FAINT}" stroke-opacity="0.7" stroke-width="1.8"{dashes}/>'
    )


def _rule(y: float) -> str:
    return f'<line x1="{MARGIN}" y1="{y:g}" x2="{WIDTH - MARGIN}" y2="{y:g}" stroke="{LINE}" stroke-width="1.2"/>'


NARROW = frozenset("iljtf.,:;'|!()[] I")
WIDE = frozenset("mwMW@%")


def _wide(words: str, size: float, *, bold: bool = False) -> float:
    """About how wide a line is, in the usual fonts and a little to spare."""
    em = sum(0.34 if char in NARROW else 0.92 if char in WIDE else 0.69 if char.isupper() else 0.575 for char in words)
    return em * size * (1.07 if bold else 1.0)


def fitted(words: str, room: float, size: float, *, bold: bool = False) -> str:
    """The line, with its middle left out where there is no room for it: its beginning and its end tell it apart."""
    if _wide(words, size, bold=bold) <= room:
        return words
    keep = len(words)
    while keep > 2 and _wide(words[:keep], size, bold=bold) > room - size:
        keep -= 1
    front = keep - keep // 3
    return f"{words[:front]}…{words[len(words) - (keep - front) :]}"


def wrapped(words: str, room: float, size: float, *, bold: bool = False) -> list[str]:
    """Lines that fit; a word too long for one is shortened."""
    lines: list[str] = []
    for word in (fitted(word, room, size, bold=bold) for word in words.split()):
        if lines and _wide(f"{lines[-1]} {word}", size, bold=bold) <= room:
            lines[-1] = f"{lines[-1]} {word}"
        else:
            lines.append(word)
    return lines
