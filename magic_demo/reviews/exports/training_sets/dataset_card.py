"""The card of a folder of data, ``README.md``: what is in it, and which files the library ``datasets`` loads
under which name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from magic_demo.core.disk.whole_files import write_whole
from magic_demo.core.version import __version__
from magic_demo.reviews.exports.readings import Selection

CARD = "README.md"


def write_card(
    folder: Path, selection: Selection, contents: str, loaded: Mapping[str, Mapping[str, str]]
) -> None:
    """Write the card.

    contents: Markdown on what the folder holds. loaded: name -> split -> pattern of files below the folder.
    """
    lines = ["---", f"pretty_name: {json.dumps(f'Readings of {selection.queue}', ensure_ascii=False)}"]
    lines += ["license: other", "configs:"]
    for name, splits in loaded.items():
        lines += [f"- config_name: {json.dumps(name)}", "  data_files:"]
        for split, pattern in splits.items():
            lines += [f"  - split: {json.dumps(split)}", f"    path: {json.dumps(pattern)}"]
    lines += [
        "---",
        "",
        "# Readings of skin cases",
        "",
        f"Written by magic-demo {__version__}. Research use only. Not a medical device. The photos' and the "
        "words' licence is the one of whoever gave them.",
        "",
        contents,
        "",
    ]
    write_whole(folder / CARD, "\n".join(lines))
