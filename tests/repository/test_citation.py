"""What a tagged release says of itself, to people who cite it and to the archive that gives it a DOI, is the same."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import yaml

import magic_demo


def test_citation_archive_and_package_agree(repository: Path) -> None:
    citation = yaml.safe_load((repository / "CITATION.cff").read_text(encoding="utf-8"))
    archive = json.loads((repository / ".zenodo.json").read_text(encoding="utf-8"))
    package = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (
        citation["title"] == archive["title"]
        and citation["license"] == archive["license"] == package["license"]
    )
    assert citation["version"] == archive["version"] == magic_demo.__version__
    assert citation["keywords"] == archive["keywords"] == package["keywords"]
    assert [author["name"] for author in citation["authors"]] == [one["name"] for one in archive["creators"]]
    assert archive["upload_type"] == citation["type"] == "software" and archive["description"]
