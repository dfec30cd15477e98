"""Import Gradio without the type stubs that it writes.

For every class of components Gradio parses its source and writes a ``.pyi`` beside it, each time a program imports it: a third of what
the import costs, and a write into an installation that may be another user's.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

WRITER = "gradio.component_meta"


class _Silenced(Loader):
    """Loads the module that writes stubs as its own loader does, then lets it write none."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self.loader.exec_module(module)
        module.create_or_modify_pyi = lambda *_: None  # type: ignore[attr-defined]


class _Writer(MetaPathFinder):
    """Finds the module that writes stubs, once; every other module is somebody else's."""

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if name != WRITER:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Silenced(spec.loader)
        return spec


def write_no_stubs() -> None:
    """See to it that Gradio, which is not imported yet, writes no stubs; what is imported already has done so."""
    if WRITER not in sys.modules and not any(isinstance(finder, _Writer) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Writer())
