"""``python -m magic_demo score``: exit codes, the table, the file."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from magic_demo.__main__ import main
from magic_demo.challenge.scoring.published import TEAMS

GOLDEN = Path(__file__).resolve().parents[1] / "data" / "golden"
MASKS = GOLDEN / "segmentation" / "two_to_four_annotators"
ANSWERS = GOLDEN / "cvqa_made"
MASK_WORDS = ["--masks-reference", str(MASKS / "references"), "--masks-system", str(MASKS / "predictions")]
ANSWER_WORDS = [
    "--answers-reference",
    str(ANSWERS / "references.json"),
    "--answers-system",
    str(ANSWERS / "predictions.json"),
]


def test_both_tasks_are_written_by_the_organisers_keys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "deep" / "scores.json"
    assert main(["score", *MASK_WORDS, *ANSWER_WORDS, "--out", str(out)]) == 0
    written = json.loads(out.read_text())
    expected = {
        **json.loads((MASKS / "expected.json").read_text()),
        **json.loads((ANSWERS / "expected.json").read_text()),
    }
    assert {key: written.pop(key) for key in expected} == pytest.approx(expected, rel=0, abs=1e-12)
    assert written == {"findings": [], "notes": []}
    said = capsys.readouterr()
    assert "Lesion masks, 8 photos" in said.out
    assert "Closed questions, 20 encounters" in said.out
    assert "8/8" in said.err


def test_processes_change_no_number_and_are_one_or_more(capsys: pytest.CaptureFixture[str]) -> None:
    tables = []
    for number in ("1", "2"):
        assert main(["score", *MASK_WORDS, "--quiet", "--processes", number]) == 0
        tables.append(capsys.readouterr().out)
    assert tables[0] == tables[1]
    with pytest.raises(SystemExit) as stopped:
        main(["score", *MASK_WORDS, "--processes", "0"])
    assert stopped.value.code == 2
    assert "0: a whole number from 1 is expected" in capsys.readouterr().err


def test_published_teams_stand_beside_with_an_honest_caption(capsys: pytest.CaptureFixture[str]) -> None:
    main(["score", *ANSWER_WORDS])
    lines = capsys.readouterr().out.splitlines()
    (ours,) = [line.split() for line in lines if line.startswith("  these files")]
    assert ours == ["these", "files", "-", "-", "0.7247"]
    assert all(any(line.strip().startswith(team.name) for line in lines) for team in TEAMS)
    assert any("hidden test set" in line for line in lines)


def test_findings_are_printed_in_full_written_and_told_by_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(MASKS / "predictions", tmp_path / "system")
    gone = sorted((tmp_path / "system").iterdir())[:2]
    for path in gone:
        path.unlink()
    words = [
        "--masks-reference",
        str(MASKS / "references"),
        "--masks-system",
        str(tmp_path / "system"),
        "--out",
        str(tmp_path),
    ]
    assert main(["score", *words, "--quiet"]) == 3
    said = capsys.readouterr()
    (finding,) = json.loads((tmp_path / "scores.json").read_text())["findings"]
    assert all(path.name.removesuffix("_mask_sys.tiff") in finding for path in gone)
    assert f"- {finding}" in said.out.splitlines()
    assert said.err == ""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "nothing to score"),
        (MASK_WORDS[:2], "--masks-reference came without --masks-system"),
        (MASK_WORDS[2:], "--masks-system came without --masks-reference"),
        ([*MASK_WORDS, *ANSWER_WORDS[:2]], "--answers-reference came without --answers-system"),
        ([*ANSWER_WORDS[:3], "absent.json"], "absent.json: cannot be read"),
        (["--masks-reference", "absent", *MASK_WORDS[2:]], "absent: no such folder"),
    ],
)
def test_input_that_cannot_be_scored_is_one_line_and_code_one(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", *words]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert says in line


def test_the_exit_codes_are_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["score", "--help"])
    assert stopped.value.code == 0
    assert "3 scored, with findings" in " ".join(capsys.readouterr().out.split())


def test_scoring_loads_no_torch(repository: Path) -> None:
    code = (
        "import sys, magic_demo.commands.score; sys.exit('torch' in sys.modules or 'transformers' in "
        "sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=repository, check=False).returncode == 0


def test_every_option_is_in_the_documentation(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["score", "--help"])
    options = {
        word.strip(",[]") for word in capsys.readouterr().out.split() if word.startswith(("--", "[--"))
    } - {"--help"}
    text = (repository / "docs" / "scoring.md").read_text(encoding="utf-8")
    assert options
    assert [option for option in sorted(options) if option not in text] == []


def test_scores_are_written_even_when_nobody_reads_the_table_to_its_end(
    repository: Path, tmp_path: Path
) -> None:
    command = [
        sys.executable,
        "-m",
        "magic_demo",
        "score",
        *ANSWER_WORDS,
        "--quiet",
        "--out",
        str(tmp_path / "scores.json"),
    ]
    with subprocess.Popen(command, cwd=repository, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        complaint = process.stderr.read()
        process.wait(60)
    assert process.returncode == 141 and complaint == b""
    assert json.loads((tmp_path / "scores.json").read_text())["number_cvqa_instances"] == 20.0
