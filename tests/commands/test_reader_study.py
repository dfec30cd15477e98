"""The study of docs/reader-study.md, run as the page says; what the page prints is what comes out."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from magic_demo.__main__ import main
from tests.support.source.documents import DOCS, read_code
from tests.support.store.agreeing_readers import write_rounds

STUDY = "reader-study.md"


def _run(block: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a block's commands of the program with what lies in ``study`` lying in a folder; return what they print."""
    capsys.readouterr()
    for line in block.splitlines():
        words = shlex.split(line)
        assert words[:2] == ["python", "-m"]
        if words[2] == "magic_demo":
            placed = [re.sub(r"^study(?=/)", str(folder), word) for word in words[3:]]
            assert main(placed) == 0
    return capsys.readouterr().out


def test_the_number_of_cases_is_the_one_that_the_page_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (DOCS / STUDY).read_text(encoding="utf-8")
    said = _run(read_code(STUDY, "sh")[0], tmp_path, capsys)
    counts = re.findall(r"about (\d+) cases", said)
    assert len(counts) == 2 and f"{counts[0]} if two readers" in text and f", {counts[1]} for a kappa" in text


@pytest.mark.long
@pytest.mark.usefixtures("without_browser")
def test_the_study_gives_the_numbers_and_the_files_of_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    *_, numbers, hand_in = read_code(STUDY, "sh")
    made = re.search(r"agreeing_readers study (\d+)", numbers)
    assert made is not None
    write_rounds(tmp_path, cases=int(made[1]))
    said = _run(numbers, tmp_path, capsys).splitlines()
    shown = [line for block in read_code(STUDY, "text") for line in block.splitlines()]
    assert len(shown) == 7 and [line for line in shown if line not in said] == []
    _run(hand_in, tmp_path, capsys)
    for name in (
        "report/disagreement_en.html",
        "report/flow_en.svg",
        "tables/answers.parquet",
        "data-set/README.md",
    ):
        assert (tmp_path / name).is_file()
    assert (tmp_path / "tables" / "export.json").is_file()
