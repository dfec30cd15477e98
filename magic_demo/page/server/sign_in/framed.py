"""The sign-in page inside another site's frame, such as the Hub's: browsers keep no sign-in there, so that it
leads to a tab of its own."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.types import Scope

from magic_demo.page.texts.i18n import fill

_FRAMES = ("iframe", "frame", "embed", "object", "fencedframe")
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Magic Demo</title>
<link rel="icon" href="favicon.ico"><link rel="stylesheet" href="page/panels/frame/theme/theme.css"><link rel="stylesheet" href="page/server/sign_in/sign_in.css"><meta name="color-scheme" content="light dark">
<script type="module" src="page/panels/frame/page.mjs"></script></head>
<body class="sign-in"><main><div class="sign-card">
<svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="9.2"/><path d="M7.6 12.6c.6-4 4-5.600 6.500-4.200 3 1.600 3 6-.3 7-3 .9-6.500-.4-6.200-2.800Z"/></svg>
<h1>[[app.title]]</h1><p class="sign-note">[[app.subtitle]]</p>
<p class="sign-framed">[[sign.framed]]</p><a class="sign-own-tab" id="sign-own-tab" href="./" target="_blank" rel="noopener">[[sign.own_tab]]</a>
<p class="sign-note">[[app.disclaimer]]</p></div></main></body></html>
"""


def is_framed(scope: Scope) -> bool:
    """Return whether a browser asks for a document that it shows inside another one; browsers say so over
    https and on this computer."""
    return Headers(scope=scope).get("sec-fetch-dest") in _FRAMES


def lead_to_own_tab() -> Response:
    """Return the page that is shown in a frame in place of the form, whose cookie the browser would not
    keep."""
    return HTMLResponse(fill(_PAGE))
