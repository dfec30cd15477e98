"""Work that is in no store: offered by the browser that keeps it (unkept_panel.mjs), opened again by
``unkept.Unkept``.

Event:

    restore  {"photos": [key], "example": int | None, "narrative", "prompt", "typed": bool, "answers": {family
    id: [option]},
              "specified": {family id: str}, "masks": {photo_id: {"width", "height", "runs"}},
              "rulers": {photo_id: {"known", "mm", "lines"}}, "remarks": {photo_id: [[x, y, comment]]}, "covers": [{"photo", "width", "height", "area"}]}
             Photos were sent again as at their upload. ``covers``: areas of an example's photos that were
             covered.
"""

from __future__ import annotations

import gradio as gr

from magic_demo.page.gradio_internals.scripts import load_script
from magic_demo.page.texts.i18n import fill

_OFFERS = """
<section id="unkept" hidden [[aria-label unkept.label]]><div data-words hidden><i data-word="go_on" [[title unkept.go_on]]></i><i data-word="photos" [[title unkept.photos]]></i>
  <i data-word="answers" [[title unkept.answers]]></i><i data-word="outlines" [[title unkept.outlines]]></i><i data-word="open" [[title unkept.open]]></i>
  <i data-word="discard" [[title unkept.discard]]></i><i data-word="failed" [[title unkept.failed]]></i><i data-word="ask" [[title unkept.ask]]></i><i data-word="remove_ask" [[title case.photo_remove_ask]]></i></div></section>
"""
_ON_LOAD = load_script(
    {"panels/case/unkept/unkept_panel.mjs": "mountUnkept"}, [], events=["restore"], newest=["restore"]
)


def unkept_component() -> gr.HTML:
    """Return the offers; they have an event and no value."""
    return gr.HTML(
        html_template=fill(_OFFERS), js_on_load=_ON_LOAD, elem_id="unkept-offers", apply_default_css=False
    )
