"""Pillow as we use it: without its bound on pixels, as ours is checked first, and without its warnings."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

_lock = threading.Lock()
_inside = 0
_bound = Image.MAX_IMAGE_PIXELS
_filters = warnings.catch_warnings()


@contextmanager
def own_bounds() -> Iterator[None]:
    """Open files in the block without Pillow's bound on pixels and its warnings about tags that are dropped.

    Both are settings of the whole process: they are as the host program left them once no thread is in such a
    block any more.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _inside, _bound, _filters
    with _lock:
        if not _inside:
            _bound, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            _filters = warnings.catch_warnings()
            _filters.__enter__()
            warnings.filterwarnings("ignore", module=r"PIL\..*")
        _inside += 1


def _leave() -> None:
    global _inside
    with _lock:
        _inside -= 1
        if not _inside:
            _filters.__exit__(None, None, None)
            Image.MAX_IMAGE_PIXELS = _bound
