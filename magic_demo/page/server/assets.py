"""The page's own style sheets and scripts, served beside Gradio's: nothing is fetched from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.responses import FileResponse
from starlette.routing import BaseRoute, Route

from magic_demo.core.limits import LIMITS
from magic_demo.files.photos.reading import DEFAULT_LIMITS

FOLDER = Path(__file__).resolve().parents[1]
KINDS = {".css": "text/css", ".js": "text/javascript", ".mjs": "text/javascript"}
STYLE_SHEETS = (
    "panels/frame/theme/theme.css",
    "gradio_internals/gradio.css",
    "panels/frame/topbar.css",
    "panels/case/case_panel.css",
    "panels/queue/queue_panel.css",
    "panels/cards/cards.css",
    "panels/why/why.css",
    "workshop/workshop.css",
    "panels/review/review_form.css",
    "panels/frame/connection/connection.css",
    "panels/viewer/viewer.css",
    "panels/viewer/pieces/pieces.css",
    "panels/frame/theme/forced_colors.css",
)
FONTS = [
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "Noto Sans",
    "PingFang SC",
    "Microsoft YaHei",
    "Noto Sans CJK SC",
    "sans-serif",
]

OTHER_THREADS = 100
"""Threads for saves, opened cases and photos. Each analysis that waits for its turn holds a thread: of
Gradio's 40 none would be left for a save."""
HEAD = "\n".join(
    [
        *(f'<link rel="stylesheet" href="page/{name}">' for name in STYLE_SHEETS),
        '<meta name="color-scheme" content="light dark">',
        # nothing is drawn in the other theme first
        '<script type="module" blocking="render" src="page/panels/frame/page.mjs"></script>',
    ]
)


def list_routes() -> list[Route]:
    """Return one route a file, and only for files that a browser needs."""
    files = sorted(path for path in FOLDER.rglob("*") if path.suffix in KINDS)
    return [_route(path) for path in files]


def _route(path: Path) -> Route:
    async def send(_request: object) -> FileResponse:
        return FileResponse(path, media_type=KINDS[path.suffix], headers={"Cache-Control": "no-cache"})

    return Route(f"/page/{path.relative_to(FOLDER).as_posix()}", send)


def launch_settings(
    routes: Sequence[BaseRoute] = (), middleware: Sequence[Middleware] = ()
) -> dict[str, Any]:
    """Return what ``launch`` needs besides host and port: looks, own files, other pages' routes, and all
    switched off that leaves traces."""
    return {
        "theme": gr.themes.Base(font=FONTS, font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"]),
        "head": HEAD,
        "app_kwargs": {
            "routes": [*list_routes(), *routes],
            "middleware": list(middleware),
            "openapi_url": None,
            "docs_url": None,
            "redoc_url": None,
        },
        "footer_links": [],
        "run_history": False,  # on by default, and keeps the inputs in the browser
        "enable_monitoring": False,  # the route answers by default
        "ssr_mode": False,
        "share": False,
        "quiet": True,
        "max_threads": LIMITS.waiting + OTHER_THREADS,
        # just above our own limit, whose message is the better one
        "max_file_size": DEFAULT_LIMITS.max_bytes + 2**20,
    }
