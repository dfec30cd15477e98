"""The script that Gradio runs when it draws a component of ours (``gr.HTML(js_on_load=...)``)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

_NEWEST = "gradio_internals/newest.mjs"


def load_script(
    modules: Mapping[str, str],
    names: Sequence[str] = ("props", "watch"),
    *,
    events: Sequence[str] = (),
    newest: Sequence[str] = (),
    settings: Mapping[str, object] | None = None,
) -> str:
    """Return the script that mounts modules on a component: module below ``page/`` -> function it exports.

    names: what of Gradio's is handed on beside the element. events: the component's own; Gradio knows them
    by their quoted names in this text, and by nothing else. newest: those of them that are wired with ``always_last``.
    settings: more for the functions, as JSON.
    """
    trigger = f"trigger: keepNewest(trigger, {json.dumps(list(newest))})" if newest else "trigger"
    handed = [*names, *([trigger] if events else [])]
    handed += [f"{name}: {json.dumps(value)}" for name, value in (settings or {}).items()]
    before = f"{_imported(_NEWEST)}.then(({{ keepNewest }}) => " if newest else ""
    mounts = [
        f"{before}{_imported(module)}.then(({{ {function} }}) => "
        f"{function}(element, {{ {', '.join(handed)} }})){')' if newest else ''};\n"
        for module, function in modules.items()
    ]
    return "".join(mounts) + (f"const events = {json.dumps(list(events))};\n" if events else "")


def _imported(module: str) -> str:
    return f'import(new URL("page/{module}", document.baseURI))'
