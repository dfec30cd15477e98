"""The patient's words in the language that the field does not show, beside it: a model reads both, and so may who
asks.

Value: {"en": str, "zh": str}, a case's narrative; both empty where it has one language or none.
"""

from __future__ import annotations

import gradio as gr

from magic_demo.core.types import Narrative
from magic_demo.page.gradio_internals.scripts import load_script
from magic_demo.page.texts.i18n import fill

_DETAILS = """
<details class="other-words" id="other-words" hidden><summary [[title case.other_words]]></summary><p tabindex="0" role="group" [[aria-label case.other_words]]></p></details>
"""
_ON_LOAD = load_script({"panels/case/words.mjs": "mountWords"})


def words_component() -> gr.HTML:
    """Return the words beside the field; the value is what ``words_value`` returns."""
    return gr.HTML(
        words_value(Narrative()),
        html_template=fill(_DETAILS),
        js_on_load=_ON_LOAD,
        elem_id="narrative-beside",
        apply_default_css=False,
    )


def words_value(narrative: Narrative) -> dict[str, str]:
    """Return a narrative that is there in both languages."""
    en, zh = narrative.en.strip(), narrative.zh.strip()
    return {"en": en, "zh": zh} if en and zh else {"en": "", "zh": ""}
