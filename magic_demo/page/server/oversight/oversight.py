"""The adjudicators' page ``/oversight``: coverings that readers have proposed, and who did what.

Plain HTML, nothing of Gradio's.
"""

from __future__ import annotations

import base64
import sys
from html import escape
from urllib.parse import parse_qs, urlencode

import cv2
import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from magic_demo.core.errors import MagicDemoError, StoreError
from magic_demo.core.types import Photo
from magic_demo.imaging.run_lengths import area, decode_mask
from magic_demo.page.session.desk.desk import Desk, page_actor
from magic_demo.page.texts.i18n import both, both_of, fill, line_in_both
from magic_demo.reviews.store import TRAIL_KINDS, Actor, ProposedCover, TrailEntry

ROWS = 500
"""Rows of the audit trail that are shown, the newest."""
PICTURE_SIDE = 480
LONGEST_FORM = 1024
HEADS = (
    "oversight.when",
    "oversight.who",
    "oversight.kind",
    "oversight.case",
    "oversight.detail",
    "oversight.origin",
)

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Magic Demo</title>
<link rel="stylesheet" href="page/panels/frame/theme/theme.css"><link rel="stylesheet" href="page/server/oversight/oversight.css"><meta name="color-scheme" content="light dark">
<script type="module" src="page/panels/frame/page.mjs"></script></head>
<body class="oversight"><main><p><a href="./" id="oversight-back">← [[oversight.back]]</a></p><h1>[[oversight.title]]</h1>PROBLEM
<section id="proposals"><h2>[[oversight.proposals]]</h2>PROPOSALS</section>
<section id="trail"><h2>[[oversight.trail]]</h2>TRAIL</section></main></body></html>
"""


def list_oversight_routes(desk: Desk) -> list[Route]:
    """Return the routes of the page: GET shows it, for ``?kind=...&who=...`` these rows alone; POST
    (``proposal``, ``decision``) decides."""

    async def show(request: Request) -> Response:
        try:
            actor = _find_adjudicator(desk, request)
            kind, who = request.query_params.get("kind", ""), request.query_params.get("who", "")
            return HTMLResponse(await run_in_threadpool(render_page, desk, actor, kind, who))
        except MagicDemoError as error:
            return PlainTextResponse("\n".join(line_in_both(error.message).values()), 403)

    async def decide(request: Request) -> Response:
        body = await request.body()
        form = parse_qs(body[:LONGEST_FORM].decode("utf-8", "replace"))
        number, decision = form.get("proposal", [""])[0], form.get("decision", [""])[0]
        try:
            actor = _find_adjudicator(desk, request)
        except MagicDemoError as error:
            return PlainTextResponse("\n".join(line_in_both(error.message).values()), 403)
        if not (
            number.isascii() and number.isdecimal() and len(number) < 16 and decision in ("confirm", "refuse")
        ):
            return PlainTextResponse(
                "a proposal's number and confirm or refuse are expected; reload the page", 400
            )
        try:
            await run_in_threadpool(_decide, desk, int(number), actor, confirmed=decision == "confirm")
        except (MagicDemoError, OSError) as error:
            problem = (
                error
                if isinstance(error, MagicDemoError)
                else StoreError("the covered photo cannot be kept ({reason})", reason=error.strerror or error)
            )
            return HTMLResponse(
                await run_in_threadpool(render_page, desk, actor, "", "", problem.message), 409
            )
        return RedirectResponse("oversight", 303)

    return [Route("/oversight", show), Route("/oversight", decide, methods=["POST"])]


def _find_adjudicator(desk: Desk, request: Request) -> Actor:
    """Return who asks.

    Raises StoreError for who is no adjudicator; where nobody signs in, everybody is one.
    """
    actor = page_actor(
        desk.reader(request.cookies), request.client.host if request.client is not None else ""
    )
    if not desk.may(actor.name, "decide on coverings"):
        raise StoreError(
            "this page is an adjudicator's, {name} is none; readers role {name} adjudicator changes that",
            name=actor.name,
        )
    return actor


def _decide(desk: Desk, number: int, actor: Actor, *, confirmed: bool) -> None:
    if confirmed:
        desk.confirm_cover(number, actor)
    else:
        desk.opened_store.end_proposal(number, actor, confirmed=False)


def render_page(desk: Desk, actor: Actor, kind: str, who: str, problem: str = "") -> str:
    """Return the page's HTML. kind, who: show these rows of the audit trail alone, empty for all.

    Raises StoreError.
    """
    store = desk.opened_store
    waiting = "".join(_render_proposal(desk, proposal, actor) for proposal in store.proposed_covers())
    entries = store.trail(kinds=[kind] if kind in TRAIL_KINDS else (), who=who or None, most=ROWS)
    proposals = f"<p>{both('oversight.what')}</p>{waiting}" if waiting else f"<p>{both('oversight.none')}</p>"
    filters = _render_filters(store.trail_names(), kind, who)
    rows = "".join(map(_render_row, entries)) or f'<tr><td colspan="6">{both("oversight.empty")}</td></tr>'
    heads = "".join(f'<th scope="col">{both(key)}</th>' for key in HEADS)
    line = (
        f'<p class="oversight-problem" role="alert">{both_of(line_in_both(problem))}</p>' if problem else ""
    )
    page = fill(_PAGE)  # before anything of a store's comes into it
    parts = {
        "PROBLEM": line,
        "PROPOSALS": proposals,
        "TRAIL": f"{filters}<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>",
    }
    head, *rest = _split(page, list(parts))
    return head + "".join(part + text for part, text in zip(parts.values(), rest, strict=True))


def _split(page: str, words: list[str]) -> list[str]:
    pieces = []
    for word in words:
        before, _, page = page.partition(word)
        pieces.append(before)
    return [*pieces, page]


def _render_proposal(desk: Desk, proposed: ProposedCover, actor: Actor) -> str:
    share = round(100 * area(proposed.area) / (proposed.area.size[0] * proposed.area.size[1]))
    try:
        case = desk.read_case(desk.opened_store.case(proposed.key, actor.name))
        photo = next(
            (candidate for candidate in case.encounter.photos if candidate.photo_id == proposed.photo_id),
            None,
        )
    except StoreError as error:
        print(error, file=sys.stderr)
        photo = None
    fits = photo is not None and photo.size == proposed.area.size
    picture = (
        f'<img alt="" src="{_draw(photo, proposed)}">'
        if photo is not None and fits
        else f"<p>{both('oversight.unread')}</p>"
    )
    says = both("oversight.proposed", reader=proposed.reader, share=max(1, share), photo=proposed.photo_id)
    confirm = (
        f'<button name="decision" value="confirm" class="is-final">{both("oversight.confirm")}</button>'
        if fits
        else ""
    )
    return (
        f'<form method="post" action="oversight" class="proposal" id="proposal-{proposed.number}">{picture}'
        f"<div><h3>{escape(proposed.key.queue)} / {escape(proposed.key.case_id)}</h3><p>{says}</p>"
        f'<input type="hidden" name="proposal" value="{proposed.number}">{confirm}'
        f'<button name="decision" value="refuse">{both("oversight.refuse")}</button></div></form>'
    )


def _draw(photo: Photo, proposed: ProposedCover) -> str:
    """Return a small picture of the photo with the area's outline, as a data address."""
    scale = min(1.0, PICTURE_SIDE / max(photo.size))
    size = (max(1, round(photo.size[1] * scale)), max(1, round(photo.size[0] * scale)))
    small = cv2.resize(photo.pixels, size, interpolation=cv2.INTER_AREA)
    mask = cv2.resize(decode_mask(proposed.area).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    for colour, width in (((255, 255, 255), 5), ((200, 0, 120), 2)):
        cv2.drawContours(small, outlines, -1, colour, width)
    _, data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"


def _render_filters(names: list[str], kind: str, who: str) -> str:
    kinds = "".join(
        _render_link(trail_kind, both(f"trail.{trail_kind}"), who, "kind", chosen=trail_kind == kind)
        for trail_kind in TRAIL_KINDS
    )
    people = "".join(
        _render_link(name, f"<span>{escape(name)}</span>", kind, "who", chosen=name == who) for name in names
    )
    everything = (
        _render_link("", both("oversight.all"), who, "kind", chosen=not kind),
        _render_link("", both("oversight.all"), kind, "who", chosen=not who),
    )
    return (
        f'<nav class="filter" id="trail-kinds"><b>{both("oversight.kind")}</b>{everything[0]}{kinds}</nav>'
        f'<nav class="filter" id="trail-names"><b>{both("oversight.who")}</b>{everything[1]}{people}</nav>'
    )


def _render_link(value: str, label: str, other_value: str, name: str, *, chosen: bool) -> str:
    query = urlencode(
        {
            key: text
            for key, text in ((name, value), ("who" if name == "kind" else "kind", other_value))
            if text
        }
    )
    current = ' aria-current="true"' if chosen else ""
    return f'<a href="oversight{"?" if query else ""}{escape(query)}#trail"{current}>{label}</a>'


def _render_row(entry: TrailEntry) -> str:
    if entry.case is not None:
        case = escape(f"{entry.case.queue} / {entry.case.case_id}")
    else:
        case = "" if entry.case_number is None else both("oversight.gone", number=entry.case_number)
    what = both(f"trail.{entry.what}") if entry.what in TRAIL_KINDS else escape(entry.what)
    when = entry.at.strftime("%Y-%m-%d %H:%M:%S")
    return f"<tr><td>{when}</td><td>{escape(entry.who)}</td><td>{what}</td><td>{case}</td><td>{escape(entry.detail)}</td><td>{escape(entry.origin)}</td></tr>"
