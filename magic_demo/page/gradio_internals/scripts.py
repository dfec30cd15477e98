"""The script that Gradio runs when it draws a component of ours (``gr.HTML(js_on_load=...)``)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence


def load_script(
    modules: Mapping[str, str],
    names: Sequence[str] = ("props", "watch"),
    *,
    events: Sequence[str] = (),
    settings: Mapping[str, object] | None = None,
) -> str:
    """Return the script that mounts modules on a component: module below ``page/`` -> function it exports.

    names: what of Gradio's is handed on beside the element. events: the component's own; Gradio knows them
    by their quoted names in this text, and by nothing else. settings: more for the functions, as JSON.
    """
    handed = [*names, *(["trigger"] if events else [])]
    handed += [f"{name}: {json.dumps(value)}" for name, value in (settings or {}).items()]
    mounts = [
        f'import(new URL("page/{module}", document.baseURI)).then(({{ {function} }}) => '
        f"{function}(element, {{ {', '.join(handed)} }}));\n"
        for module, function in modules.items()
    ]
    return "".join(mounts) + (f"const events = {json.dumps(list(events))};\n" if events else "")
