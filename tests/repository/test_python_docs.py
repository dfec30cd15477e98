"""What is written for Python programs is true: the page of names is today's, and the notebook runs from top to
bottom."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import magic_demo
from docs.make_api import PAGE, build_page
from magic_demo import open_store
from magic_demo.core.errors import StoreError

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_page_of_names_is_built_from_todays_docstrings() -> None:
    assert PAGE.read_text(encoding="utf-8") == build_page(), "run python -m docs.make_api"


def test_the_page_names_everything_that_the_package_offers_and_no_machine() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name in set(magic_demo.__all__) - {"__version__"}:
        assert f"`from magic_demo import {name}`" in page
    assert str(REPOSITORY) not in page and " at 0x" not in page


def test_the_notebook_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    notebook = json.loads((REPOSITORY / "docs" / "notebook.ipynb").read_text(encoding="utf-8"))
    names: dict[str, Any] = {"__name__": "notebook"}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None, "clear the outputs"
            lines = "".join(cell["source"]).rstrip().splitlines()
            exec("\n".join(lines), names)
    said, warned = capsys.readouterr()
    assert warned == ""
    assert "CQID010-001: " in said and "% of the photo" in said and " 27 answers" in said
    picture = eval(lines_of_picture(notebook), names)
    assert isinstance(picture, Image.Image) and picture.size == (384, 512)


def lines_of_picture(notebook: dict[str, Any]) -> str:
    """Return the last line of the cell that shows a picture."""
    (source,) = (
        cell["source"] for cell in notebook["cells"] if "draw_outline(photo" in "".join(cell["source"])
    )
    return str(source[-1])


def test_a_place_without_a_store_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store of reviews here"):
        open_store(tmp_path / "none")
    with open_store(tmp_path / "new", create=True) as store:
        assert store.queues() == []
    with open_store(str(tmp_path / "new")) as store:
        assert store.case_keys() == []
