"""The photo that the tests of the viewer draw on."""

from __future__ import annotations

from tests.e2e.drawing import opened, photo_file

__all__ = ["opened", "photo_file"]
