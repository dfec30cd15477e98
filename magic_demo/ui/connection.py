"""The line over the page that says when the server is not there, and that what was changed meanwhile is kept in the tab."""

from __future__ import annotations

import gradio as gr

from magic_demo.ui.i18n import fill

_BAR = """
<div class="connection" id="connection" role="alert" hidden>
  <p data-says="lost">[[connection.lost]]</p>
  <p data-says="signed-out">[[connection.signed_out]] <a href="sign-in" target="_blank" rel="noopener">[[sign.enter]]</a></p>
  <p data-says="restarted">[[connection.restarted]] <button type="button" class="quiet" id="connection-reload">[[connection.reload]]</button></p>
</div>
"""
_ON_LOAD = """
import(new URL("page/connection.mjs", document.baseURI)).then(({ watchConnection }) => watchConnection(element));
"""


def connection_component() -> gr.HTML:
    """Return the line; it is seen only when something is wrong."""
    return gr.HTML(html_template=fill(_BAR), js_on_load=_ON_LOAD, elem_id="connection-panel", apply_default_css=False)
