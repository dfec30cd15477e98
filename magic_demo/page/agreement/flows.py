"""Switches after the reveal as a flow from left to right: what the readings said before, and what they say
after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from magic_demo.core.types import LANGUAGES
from magic_demo.page.agreement.wording import say_whole
from magic_demo.page.texts.i18n import both, text
from magic_demo.reviews.agreement import Switches

WIDTH, HEIGHT, NODE, GAP = 520, 240, 16, 22
LEFT, RIGHT = 138, 338
"""Where the ribbons begin and end; beside them stand the words."""
THINNEST = 3.0
LINE = 44
"""Room for a label of two lines."""

NAMES = {
    "blind": "agreement.flow_blind",
    "kept": "agreement.flow_kept",
    "towards": "agreement.flow_towards",
    "away": "agreement.flow_away",
    "beside": "agreement.flow_beside",
    "right": "agreement.flow_right",
    "wrong": "agreement.flow_wrong",
}

Ribbons = Mapping[tuple[str, str], int]


def render_switches(switches: Switches) -> str:
    """Return the flow of changed answers and, where there is a reference, the one of right and wrong; empty
    without any."""
    if not switches.answers:
        return ""
    unchanged = switches.answers - (
        round(switches.changed.value * switches.answers) if switches.changed else 0
    )
    unknown = switches.answers - unchanged - switches.towards - switches.away - switches.beside
    moved = {
        ("blind", "kept"): unchanged,
        ("blind", "towards"): switches.towards,
        ("blind", "away"): switches.away,
        ("blind", "beside"): switches.beside + unknown,
    }
    pictures = [
        _figure(
            both("agreement.flow_moved", count=switches.answers), draw_flow(moved, "after"), _sentences(moved)
        )
    ]
    if switches.judged:
        judged = {
            ("right", "right"): switches.right_right,
            ("right", "wrong"): switches.right_wrong,
            ("wrong", "right"): switches.wrong_right,
            ("wrong", "wrong"): switches.wrong_wrong,
        }
        pictures.append(
            _figure(
                both("agreement.flow_judged", count=switches.judged),
                draw_flow(judged, "judged"),
                _sentences(judged),
            )
        )
    dice = ""
    if switches.dice_before is not None:
        before, after = (
            say_whole(value, share=False) for value in (switches.dice_before, switches.dice_after)
        )
        dice = f'<p class="agree-small">{both("agreement.flow_dice", before=before, after=after)}</p>'
    return (
        '<section class="agree-panel" aria-labelledby="agree-switches"><h2 '
        f'id="agree-switches">{both("agreement.switches")}</h2>'
        f'<div class="agree-flows">{"".join(pictures)}</div>{dice}</section>'
    )


def draw_flow(ribbons: Ribbons, kind: str) -> str:
    """Return the flow as SVG: a node as high as its answers, a ribbon as wide, names and numbers beside the
    nodes. Nothing flows, nothing is drawn."""
    flowing = {ends: count for ends, count in ribbons.items() if count > 0}
    total = sum(flowing.values())
    sources, sinks = (_heights(flowing, end) for end in (0, 1))
    room = HEIGHT - GAP * (max(len(sources), len(sinks)) - 1) - 8
    scale = room / max(1, total)
    tops = [_stack(nodes, scale) for nodes in (sources, sinks)]
    filled = [dict.fromkeys(nodes, 0.0) for nodes in (sources, sinks)]
    drawn = []
    for (source, sink), count in flowing.items():
        width = max(THINNEST, count * scale)
        start, end = tops[0][source] + filled[0][source], tops[1][sink] + filled[1][sink]
        filled[0][source] += count * scale
        filled[1][sink] += count * scale
        drawn.append(_ribbon(start, end, width, f"flow-{source}-{sink}"))
    for side, (nodes, x) in enumerate(((sources, LEFT - NODE), (sinks, RIGHT))):
        labels = _spread(
            {name: tops[side][name] + max(THINNEST, count * scale) / 2 for name, count in nodes.items()}
        )
        for name, count in nodes.items():
            height = max(THINNEST, count * scale)
            drawn.append(
                f'<rect class="flow-node flow-node-{name}" x="{x}" y="{tops[side][name]:.1f}" '
                f'width="{NODE}" height="{height:.1f}" rx="2"/>'
            )
            drawn.append(_label(name, count, total, labels[name], left=side == 0))
    return (
        f'<svg class="flow flow-{kind}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'aria-hidden="true">{"".join(drawn)}</svg>'
    )


def _heights(flowing: Ribbons, end: int) -> dict[str, int]:
    heights: dict[str, int] = {}
    for ends, count in flowing.items():
        heights[ends[end]] = heights.get(ends[end], 0) + count
    return heights


def _stack(nodes: Mapping[str, int], scale: float) -> dict[str, float]:
    """Return the top of every node, all of them in the middle of the height."""
    heights = [max(THINNEST, count * scale) for count in nodes.values()]
    top = (HEIGHT - sum(heights) - GAP * (len(heights) - 1)) / 2
    tops = {}
    for name, height in zip(nodes, heights, strict=True):
        tops[name] = top
        top += height + GAP
    return tops


def _spread(middles: Mapping[str, float]) -> dict[str, float]:
    """Move labels apart until none lies on another, and all lie within the picture."""
    names = list(middles)
    positions = [middles[name] for name in names]
    for number in range(1, len(positions)):
        positions[number] = max(positions[number], positions[number - 1] + LINE)
    over = max(0.0, positions[-1] + LINE / 2 - HEIGHT) if positions else 0.0
    for number in reversed(range(len(positions))):
        limit = HEIGHT - LINE / 2 if number == len(positions) - 1 else positions[number + 1] - LINE
        positions[number] = (
            max(LINE / 2, min(positions[number], limit))
            if over or positions[number] < LINE / 2
            else positions[number]
        )
    return dict(zip(names, positions, strict=True))


def _ribbon(start: float, end: float, width: float, kind: str) -> str:
    middle = (LEFT + RIGHT) / 2
    top = f"M{LEFT} {start:.1f}C{middle} {start:.1f} {middle} {end:.1f} {RIGHT} {end:.1f}"
    bottom = (
        f"L{RIGHT} {end + width:.1f}C{middle} {end + width:.1f} {middle} {start + width:.1f} {LEFT} "
        f"{start + width:.1f}Z"
    )
    return f'<path class="flow-ribbon {kind}" d="{top}{bottom}"/>'


def _label(name: str, count: int, total: int, middle: float, *, left: bool) -> str:
    x, anchor = (LEFT - NODE - 10, "end") if left else (RIGHT + NODE + 10, "start")
    words = "".join(
        f'<tspan class="t-{language}" lang="{language}">{text(NAMES[name], language)}</tspan>'
        for language in LANGUAGES
    )
    share = f' <tspan class="flow-share">{count / total:.0%}</tspan>' if count < total else ""
    return (
        f'<text class="flow-count" x="{x}" y="{middle - 1:.1f}" text-anchor="{anchor}">{count}{share}</text>'
        f'<text class="flow-name" x="{x}" y="{middle + 18:.1f}" text-anchor="{anchor}">{words}</text>'
    )


def _figure(title: str, picture: str, sentences: Sequence[str]) -> str:
    return (
        f'<figure class="agree-flow"><figcaption>{title}</figcaption>{picture}<ul '
        f'class="unseen">{"".join(f"<li>{line}</li>" for line in sentences)}</ul></figure>'
    )


def _sentences(ribbons: Ribbons) -> list[str]:
    """Return the flow in words, for those who do not see it."""
    return [
        f"{both(NAMES[source])} → {both(NAMES[sink])}: {count}" for (source, sink), count in ribbons.items()
    ]
