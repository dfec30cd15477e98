"""What a session before an audience needs, in one menu of the bar: the guide, presenter mode, the audience
board, a clean start."""

from __future__ import annotations

import gradio as gr

from magic_demo.page.gradio_internals.scripts import load_script
from magic_demo.page.texts.i18n import fill

_MENU = """
<details class="menu" id="workshop-menu"><summary class="quiet" id="workshop-open" [[title workshop.title]]>[[workshop.open]]</summary>
<div class="menu-panel">
  <button type="button" id="guide-open">[[workshop.guide]]</button>
  <button type="button" id="presenter" aria-pressed="false">[[workshop.presenter]]</button>
  <a id="board-open" href="board" target="_blank" rel="noopener">[[workshop.board]] ↗</a>
  <button type="button" id="reset-open" aria-haspopup="dialog">[[workshop.reset]]</button>
</div></details>
<span class="presenting"><button type="button" class="quiet" id="presenter-panel" aria-pressed="false" [[title workshop.panel_title]]>[[workshop.panel]]</button>
<button type="button" class="quiet" id="presenter-nine" aria-pressed="false" [[title workshop.nine_title]]>[[workshop.nine]]</button>
<button type="button" class="quiet" id="presenter-one" aria-pressed="false" [[title workshop.one_title]]>[[workshop.one]]</button></span>
<button type="button" class="quiet" id="presenter-leave" hidden>[[workshop.leave]]</button>
<dialog id="reset" aria-labelledby="reset-title"><h2 id="reset-title">[[workshop.reset_title]]</h2>
  <p>[[workshop.reset_forgets]]</p><p>[[KEEPS]]</p>
  <div class="reset-buttons"><button type="button" id="reset-no">[[workshop.reset_no]]</button><button type="button" id="reset-yes" EMPTIES>[[workshop.reset_yes]]</button></div>
</dialog>
"""
_STEPS = (
    ("guide.outline", "guide.outline_text", '<p class="guide-waiting">[[guide.waiting]]</p>'),
    ("guide.disagree", "guide.disagree_text", ""),
    ("guide.take", "guide.take_text", "THROWAWAY"),
)
GUIDED_EXAMPLE = 1
"""The example that the guide opens, counted from 0: one whose 27 answers the shipped models get right."""
_ON_LOAD = load_script({"workshop/workshop.mjs": "mountWorkshop"}, [])


def workshop_component(guided: bool, throwaway: bool) -> gr.HTML:
    """Return the menu and what it opens. guided: whether the guide opens by itself for who has not seen it in
    this browser.

    throwaway: the store goes when the program ends, and is emptied by a clean start.
    """
    menu = _MENU.replace("KEEPS", "workshop.reset_deletes" if throwaway else "workshop.reset_keeps").replace(
        "EMPTIES", "data-empties" if throwaway else ""
    )
    guide = render_guide(guided).replace(
        "THROWAWAY", '<p class="guide-unkept">[[queue.throwaway]]</p>' if throwaway else ""
    )
    return gr.HTML(
        html_template=fill(menu + guide), js_on_load=_ON_LOAD, elem_id="workshop", apply_default_css=False
    )


def render_guide(guided: bool) -> str:
    """Return the template of the guide: a dialog that is not modal, as the reader tries on the page what it
    speaks of."""
    steps = "".join(
        f'<section class="guide-step" data-step="{number}" hidden><h2 id="guide-title-{number}" '
        f'tabindex="-1">[[{title}]]</h2><p>[[{words}]]</p>{more}</section>'
        for number, (title, words, more) in enumerate(_STEPS)
    )
    return (
        '<div class="guide" id="guide" role="dialog" aria-modal="false" [[aria-label guide.label]] '
        f'data-opens="{GUIDED_EXAMPLE}" {"data-guided" if guided else ""} hidden>'
        f'<p class="guide-place"><b id="guide-number">1</b> / {len(_STEPS)}</p>{steps}<div '
        'class="guide-buttons">'
        '<button type="button" class="quiet" id="guide-skip">[[guide.skip]]</button><button '
        'type="button" class="quiet" id="guide-back">[[guide.back]]</button>'
        '<button type="button" id="guide-next"><span class="guide-on">[[guide.next]] →</span><span '
        'class="guide-end">[[guide.done]]</span></button></div></div>'
    )
