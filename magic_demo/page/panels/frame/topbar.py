"""The bar at the top: name, keys, About, light or dark, language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from magic_demo.page.panels.frame.keys.key_sheet import render_key_sheet
from magic_demo.page.panels.frame.status.status import render_about
from magic_demo.page.session.inference.source import PredictorSource
from magic_demo.page.texts.i18n import fill

BRAND = """
<div class="brand"><svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="9.2"/><path d="M7.6 12.6c.6-4 4-5.600 6.500-4.200 3 1.600 3 6-.3 7-3 .9-6.500-.4-6.200-2.800Z"/></svg>
<h1>[[app.title]]</h1><p>[[app.subtitle]]</p></div>
"""
_AGREEMENT = """
<a class="quiet" id="agreement-open" href="agreement" [[title agreement.open_title]]>[[agreement.open]]</a>
"""
_LOOKS = """
<button type="button" class="quiet" id="keys-open" aria-haspopup="dialog" [[title keys.open_title]]>[[keys.open]] <kbd>?</kbd></button>
<button type="button" class="quiet" id="theme" aria-pressed="false" [[title app.theme]] [[aria-label app.theme]]><svg viewBox="0 0 20 20" aria-hidden="true"><circle cx="10" cy="10" r="7"/><path d="M10 3a7 7 0 0 1 0 14Z"/></svg></button>
"""
LANGUAGE_SWITCH = """
<div class="segmented languages" role="group" [[aria-label app.language]]>
  <button type="button" id="language-en" data-language="en" lang="en" aria-pressed="true">English</button>
  <button type="button" id="language-zh" data-language="zh" lang="zh" aria-pressed="false">中文</button>
</div>
"""
# page.mjs shows the language at once; the server only hears of it for the texts that Gradio draws and for the
# next analysis.
_ON_LOAD = """
const wanted = {}; // one object, see gradio_internals/newest.mjs
element.addEventListener("magic-language", (event) => trigger("language", Object.assign(wanted, { language: event.detail })));
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-language]");
  if (button) document.dispatchEvent(new CustomEvent("magic-choose-language", { detail: button.dataset.language }));
});
document.dispatchEvent(new CustomEvent("magic-language-ready"));
"""
_ON_LOOKS = """
import(new URL("page/panels/frame/theme/looks.mjs", document.baseURI)).then(({ mountLooks }) => mountLooks(element));
"""


@dataclass(frozen=True)
class TopBar:
    """The bar's components that others wire."""

    about: gr.HTML
    language: gr.HTML


def lay_out_topbar(
    source: PredictorSource, add_menu: Callable[[], object], *, public: bool = False
) -> TopBar:
    """Put the bar on the page. add_menu: puts the workshop's menu on it.

    public: nothing is kept, so that there is no agreement to open.
    """
    looks = _LOOKS if public else _AGREEMENT + _LOOKS
    with gr.Row(elem_id="topbar"):
        gr.HTML(html_template=fill(BRAND), js_on_load=None, elem_id="brand", apply_default_css=False)
        gr.HTML(
            html_template=fill(looks) + render_key_sheet(),
            js_on_load=_ON_LOOKS,
            elem_id="looks",
            apply_default_css=False,
        )
        add_menu()
        about = gr.HTML(render_about(source), js_on_load=None, elem_id="about", apply_default_css=False)
        language = gr.HTML(
            html_template=fill(LANGUAGE_SWITCH),
            js_on_load=_ON_LOAD,
            elem_id="language",
            apply_default_css=False,
        )
    return TopBar(about, language)
