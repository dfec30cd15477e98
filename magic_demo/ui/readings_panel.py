"""The finished readings of a case side by side: the answers in a table, with a sign and a colour where they differ."""

from __future__ import annotations

import gradio as gr


def readings_component() -> gr.HTML:
    """Return the panel, which is empty while it is closed."""
    return gr.HTML("", js_on_load=None, elem_id="readings", apply_default_css=False)
