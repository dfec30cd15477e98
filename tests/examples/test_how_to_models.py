"""The how-tos of models are run as they stand: the class installed, the checkpoint written, the commands given."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from magic_demo.__main__ import main
from tests.support.batch_runs import IDS, write_data
from tests.support.source.documents import read_code, run_code
from tests.support.source.plug_ins import installed

PAGES = {"how-to/add-a-segmentation-model.md": "redness", "how-to/add-an-answerer.md": "area_answerer"}


@pytest.mark.parametrize("page", PAGES)
def test_what_a_how_to_says_works(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package, data = tmp_path / "package", write_data(tmp_path / "data")
    package.mkdir()
    (package / "pyproject.toml").write_text(read_code(page, "toml")[0], encoding="utf-8")
    module, checkpoint = read_code(page)
    (package / f"{PAGES[page]}.py").write_text(module, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with installed(package, tmp_path / "site"):
        run_code(checkpoint, page, {})
        for line in read_code(page, "sh")[0].splitlines():
            words = shlex.split(line.replace("DATA", str(data)))
            if words[:3] == ["python", "-m", "magic_demo"]:
                assert main([*words[3:], "--quiet"]) == 0, line
    said = capsys.readouterr().err
    if PAGES[page] == "redness":
        assert len(list((tmp_path / "OUT" / "masks_preds").iterdir())) == len(IDS)
        assert said.count("reads no prompt") == 1
    else:
        entries = json.loads((tmp_path / "OUT" / "data_cvqa_sys.json").read_text(encoding="utf-8"))
        assert len(entries) == len(IDS) and all(len(entry) == 28 for entry in entries)
        assert "CQID010" in said, "alone, it leaves eight families to the most frequent answer"
