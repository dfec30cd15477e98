"""Tell transformers of the compact model when, and only when, a program uses its Auto classes."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from magic_demo.core.process.after_import import after_import

AUTO = ("transformers.models.auto.modeling_auto", "transformers.models.auto.image_processing_auto")
"""Modules of the Auto classes that may be asked for the model or its processor."""
REGISTERED = "magic_demo.models.segmentation.registered"


def register() -> None:
    """See to it that transformers' Auto classes know the compact model, without importing them now."""
    after_import(AUTO, _register)


def _register(_auto: ModuleType) -> None:
    import_module(REGISTERED)
