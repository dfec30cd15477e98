"""Do something to a library's module as soon as a program imports it, and never import it for that."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

Then = Callable[[ModuleType], None]


class _Followed(Loader):
    """Loads a module as its own loader does, then does what was asked for."""

    def __init__(self, loader: Loader, then: Then) -> None:
        self.loader, self.then = loader, then

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self.loader.exec_module(module)
        self.then(module)


class _Waiting(MetaPathFinder):
    """Finds some modules, once each; every other module is somebody else's."""

    def __init__(self, names: Iterable[str], then: Then) -> None:
        self.names, self.then = set(names), then

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if name not in self.names:
            return None
        self.names.remove(name)
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Followed(spec.loader, self.then)
        return spec


def after_import(names: Sequence[str], then: Then) -> None:
    """Call ``then`` with each module of these names when it was imported; at once with those that were already."""
    waited_for = [name for name in names if name not in sys.modules]
    for name in names:
        if name not in waited_for:
            then(sys.modules[name])
    if waited_for:
        sys.meta_path.insert(0, _Waiting(waited_for, then))
