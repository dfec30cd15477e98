"""The lines over the page: the server is not there, what was changed meanwhile is kept in the tab; two tabs
differ, and the reader chooses; a paste was cut."""

from __future__ import annotations

import gradio as gr

from magic_demo.page.gradio_internals.scripts import load_script
from magic_demo.page.panels.review.choices import write_choice_words
from magic_demo.page.texts.i18n import fill

_BAR = """
<div class="connection" id="connection" role="alert" hidden>
  <p data-says="lost">[[connection.lost]]</p>
  <p data-says="signed-out">[[connection.signed_out]] <a href="sign-in" target="_blank" rel="noopener">[[sign.enter]]</a></p>
  <p data-says="restarted">[[connection.restarted]] <button type="button" class="quiet" id="connection-reload">[[connection.reload]]</button></p>
</div>
<div class="connection" id="conflicts" role="alertdialog" aria-labelledby="conflicts-title" hidden>
  <p id="conflicts-title">[[conflict.title]]</p><ul id="conflicts-list"></ul>
  <div hidden><i data-word="mine" [[title conflict.mine]]></i><i data-word="theirs" [[title conflict.theirs]]></i><i data-word="nothing" [[title conflict.nothing]]></i><i
    data-word="outlined" [[title conflict.outlined]]></i><i data-word="measured" [[title conflict.measured]]></i><i data-word="rulers" [[title conflict.rulers]]></i><i data-word="remarked" [[title conflict.remarked]]></i><i data-word="remarks" [[title conflict.remarks]]></i><i data-word="yes" [[title conflict.yes]]></i><i data-word="no" [[title conflict.no]]></i><i
    data-word="masks" [[title conflict.masks]]></i><i data-word="comment" [[title review.comment]]></i>CHOICES<i
    data-word="flagged" [[title conflict.flagged]]></i><i data-word="unusable" [[title review.unusable]]></i></div>
</div>
<p id="paste-cut" role="status"><span hidden>[[paste.cut_after]] <b></b> [[paste.characters]]</span></p>
"""
_ON_LOAD = load_script(
    {
        "panels/frame/connection/connection.mjs": "watchConnection",
        "panels/review/saving/conflicts.mjs": "watchConflicts",
    },
    [],
)


def connection_component() -> gr.HTML:
    """Return the lines; each is seen only when something is wrong."""
    return gr.HTML(
        html_template=fill(_BAR.replace("CHOICES", write_choice_words())),
        js_on_load=_ON_LOAD,
        elem_id="connection-panel",
        apply_default_css=False,
    )
