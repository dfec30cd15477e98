"""Write docs/python-api.md from the docstrings of what other programs may use: ``python -m docs.make_api``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import magic_demo
from magic_demo.core.errors import MagicDemoError
from magic_demo.core.review_types import CaseKey, Review, ReviewContent, SavedReview
from magic_demo.core.types import (
    Encounter,
    Narrative,
    Photo,
    PhotoPrediction,
    Prediction,
)
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.models.interfaces import Guidance
from magic_demo.models.predictor import Predictor
from magic_demo.questions.families import load_challenge
from magic_demo.reviews.store import Store

PAGE = Path(__file__).resolve().parent / "python-api.md"
HEAD = """# What Python programs may use

Written by `python -m docs.make_api` from the docstrings; not to be changed by hand. [library.md](library.md) says how to begin.
Names that are not on this page may change from version to version.
"""
BEGIN = (magic_demo.load_predictor, magic_demo.read_encounters, magic_demo.open_store)
METHODS: dict[type, tuple[str, ...]] = {
    Predictor: ("predict", "predict_steps", "refine"),
    Store: (
        "queues",
        "list_cases",
        "readers",
        "latest_reviews",
        "all_reviews",
        "history",
        "save",
        "close",
    ),
}
VALUES = (
    Encounter,
    Narrative,
    Photo,
    Prediction,
    PhotoPrediction,
    Guidance,
    Review,
    ReviewContent,
    SavedReview,
    CaseKey,
    MagicDemoError,
)
USEFUL = (lesion_mask, load_challenge)


def main() -> int:
    """Write the page."""
    PAGE.write_text(build_page(), encoding="utf-8")
    print(PAGE)
    return 0


def build_page() -> str:
    """Return the page as Markdown."""
    parts = [HEAD, "## To begin with\n", *(_describe(one, "magic_demo") for one in BEGIN)]
    for owner, names in METHODS.items():
        parts += [f"## {owner.__name__}\n", _prose(owner)]
        parts += [_describe(getattr(owner, name), f"{owner.__name__}.") for name in names]
    parts += ["## Values\n", *(_describe_class(one) for one in VALUES)]
    parts += ["## Useful beside them\n", *(_describe(one, one.__module__) for one in USEFUL)]
    return "\n".join(parts).rstrip() + "\n"


def _describe(what: Callable[..., Any], home: str) -> str:
    signature = inspect.signature(what)
    kept = [one for name, one in signature.parameters.items() if name != "self"]
    written = str(signature.replace(parameters=kept))
    written = re.sub(r"\w*Path\('.*?([\w-]+)'\)", r"\1", written)
    written = re.sub(r"(: |-> )'([^']*)'", r"\1\2", written)  # annotations are kept as text
    where = f"{home}{what.__name__}" if home.endswith(".") else what.__name__
    note = "" if home.endswith(".") else f"`from {home} import {what.__name__}`\n\n"
    return f"### `{where}`\n\n{note}```\n{what.__name__}{_wrap(written)}\n```\n\n{_prose(what)}"


def _describe_class(what: type) -> str:
    listed = [f"- `{one.name}`: `{one.type}`" for one in fields(what)] if is_dataclass(what) else []
    lines = "\n".join(listed)
    return (
        f"### `{what.__name__}`\n\n`from {what.__module__} import {what.__name__}`\n\n{_prose(what)}{lines}"
        + ("\n" if lines else "")
    )


def _wrap(signature: str) -> str:
    """Return a signature with one parameter a line where it is long."""
    if len(signature) < 90:
        return signature
    inside, _, returns = signature[1:].rpartition(")")
    return "(\n    " + re.sub(r", (?=\*|\w+: )", ",\n    ", inside) + f",\n){returns}"


def _prose(what: object) -> str:
    """Return a docstring as Markdown, its double backquotes as single ones."""
    return (inspect.getdoc(what) or "").replace("``", "`") + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
