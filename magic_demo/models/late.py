"""Tell transformers of the compact model when, and only when, a program uses its Auto classes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

AUTO = ("transformers.models.auto.modeling_auto", "transformers.models.auto.image_processing_auto")
"""Modules of the Auto classes that may be asked for the model or its processor."""
REGISTERED = "magic_demo.models.segmentation.registered"


class _Followed(Loader):
    """Loads a module as its own loader does, then tells it of the model."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self.loader.exec_module(module)
        import_module(REGISTERED)


class _AutoClasses(MetaPathFinder):
    """Finds the modules of the Auto classes, once each; every other module is somebody else's."""

    def __init__(self) -> None:
        self.waits = set(AUTO)

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if name not in self.waits:
            return None
        self.waits.remove(name)
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Followed(spec.loader)
        return spec


def register() -> None:
    """See to it that transformers' Auto classes know the compact model, without importing them now."""
    if any(name in sys.modules for name in AUTO):
        import_module(REGISTERED)
    elif not any(isinstance(finder, _AutoClasses) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AutoClasses())
