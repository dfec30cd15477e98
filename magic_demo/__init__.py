"""Magic Demo: see where a model finds a skin lesion and how it answers 27 closed questions, and disagree with
it.

Other programs begin with ``load_predictor``, ``read_encounters`` and ``open_store`` (docs/library.md).
"""

from typing import TYPE_CHECKING

from magic_demo.core.version import __version__
from magic_demo.models import late

__all__ = ["__version__", "load_predictor", "open_store", "read_encounters"]

if TYPE_CHECKING:
    from magic_demo.files.library import read_encounters
    from magic_demo.models.loading.predictors import load_predictor
    from magic_demo.reviews.library import open_store
else:
    _HOMES = {
        "load_predictor": "magic_demo.models.loading.predictors",
        "open_store": "magic_demo.reviews.library",
        "read_encounters": "magic_demo.files.library",
    }

    def __getattr__(name: str) -> object:
        """Import what is asked for when it is asked for: torch takes seconds, and not everybody needs it."""
        if name not in _HOMES:
            raise AttributeError(f"module 'magic_demo' has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)


late.register()
