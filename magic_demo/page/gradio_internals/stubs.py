"""Import Gradio without the type stubs that it writes.

For every class of components Gradio parses its source and writes a ``.pyi`` beside it, each time a program imports it: a third of what
the import costs, and a write into an installation that may be another user's.
"""

from __future__ import annotations

from types import ModuleType

from magic_demo.core.process.after_import import after_import

WRITER = "gradio.component_meta"


def write_no_stubs() -> None:
    """See to it that Gradio writes no stubs once it is imported; what it was imported before has written them."""
    after_import([WRITER], _silence)


def _silence(module: ModuleType) -> None:
    module.create_or_modify_pyi = lambda *_: None  # type: ignore[attr-defined]
