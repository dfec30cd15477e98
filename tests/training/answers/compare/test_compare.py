"""Systems side by side: numbers that can be worked out, and the table of a small data set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from magic_demo.files.masks.mask_files import write_mask
from magic_demo.questions.families import load_challenge, load_families
from tests.support.tiny_language import write_llama
from tests.training.cues import test_train
from training.__main__ import main
from training.answers.compare.command import compare
from training.answers.compare.measuring import compare_pair, draw_groups, mcnemar_p
from training.cues.fitting import CueSettings
from training.runs.run import SettingsError

invented, settings = test_train.invented, test_train.settings
QIDS = [question.qid for question in load_challenge().questions]


def test_mcnemar_is_exact() -> None:
    """Of 5 changes all for the better: 2 / 2^5. Of 3 and 1: 2 (1 + 4) / 2^4."""
    assert mcnemar_p(5, 0) == mcnemar_p(0, 5) == 0.0625
    assert mcnemar_p(3, 1) == 0.625
    assert mcnemar_p(0, 0) == mcnemar_p(2, 2) == 1


def test_cases_of_an_author_are_drawn_together() -> None:
    held = draw_groups(["a", "b", "a", "c"])
    assert (held[:, 0] == held[:, 2]).all() and (held[:, 0] != held[:, 1]).any()


def test_a_pair_is_counted_by_hand() -> None:
    """Two cases and one family that differ: 1 against 0.5, and 0 against 1."""
    count = len(load_families())
    first, second = np.ones((2, count)), np.ones((2, count))
    second[0, 0], first[1, 0] = 0.5, 0.0
    sheet = dict.fromkeys(QIDS, 0)
    other = {**sheet, "CQID025-001": 1}
    pair = compare_pair((first, [sheet, sheet]), (second, [sheet, other]), draw_groups(["a", "b"]))
    assert pair.gain == pytest.approx((0.5 - 1) / (2 * count))
    assert (pair.better, pair.worse, pair.p) == (1, 1, 1)
    assert pair.agreement == pytest.approx(1 - 1 / (2 * count))
    assert pair.low <= pair.gain <= pair.high


def test_fitted_systems_and_files_stand_in_one_table(
    settings: CueSettings, invented: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = json.loads((invented / "train_cvqa.json").read_text(encoding="utf-8"))
    team = tmp_path / "team"
    team.mkdir()
    (team / "data_cvqa_sys.json").write_text(json.dumps(rows), encoding="utf-8")
    names = ["constant", "cues", "neighbours", "cues+neighbours", "ensemble", str(team)]
    out = tmp_path / "report"
    command = ["compare", *names, "--data", str(invented), "--out", str(out), "--quick"]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "40 labelled encounters of train; fitted systems: 1 x 5 folds by author" in said
    assert "H3N1" in said and "0.758" in said and "hidden test set" in said
    (surveyed,) = json.loads((out / "data.json").read_text(encoding="utf-8"))
    assert surveyed["counts"]["cases used"] > 0
    table = json.loads((out / "compare.json").read_text(encoding="utf-8"))
    accuracy = {row["name"]: row["accuracy"] for row in table["rows"]}
    assert accuracy["team"] == 1
    assert accuracy["constant"] < min(accuracy["cues"], accuracy["neighbours"])
    assert min(accuracy["cues+neighbours"], accuracy["ensemble"]) > accuracy["constant"]
    assert len(table["pairs"]) == 15 and table["pairs"]["team - constant"]["worse"] == 0
    effort = {row["name"]: row["effort"] for row in table["rows"]}
    assert effort["team"]["seconds"] is None, "nobody has measured it"
    assert all(effort[name]["seconds"] > 0 for name in names[:-1])
    assert effort["cues"]["source"] == "folds" and "Time, memory, cost" in (out / "compare.html").read_text()
    page = (out / "compare.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 2 and "cues+neighbours" in page and "Anastasia" in page
    assert page.count("<th>Dice</th>") == 1, "of published teams alone: no mask was measured here"
    assert "<0.001" in said
    assert "itch" not in page, "no patient's words"


def test_masks_are_measured_where_references_are(
    settings: CueSettings, invented: Path, tmp_path: Path
) -> None:
    entries = json.loads((invented / "train.json").read_text(encoding="utf-8"))
    entries[0]["image_ids"] = ["IMG_ENC00000_00001.jpg"]
    (invented / "train.json").write_text(json.dumps(entries), encoding="utf-8")
    reference, found = np.zeros((8, 8), np.bool_), np.zeros((8, 8), np.bool_)
    reference[:4], found[:2] = True, True
    write_mask(invented / "masks" / "IMG_ENC00000_00001_mask_ann0.tiff", reference)
    write_mask(tmp_path / "team" / "masks_preds" / "IMG_ENC00000_00001_mask_sys.tiff", found)
    (row,) = compare([str(tmp_path / "team")], invented, "train", settings).rows
    assert row.accuracy is None and row.photos == 1
    assert row.dice == pytest.approx(2 * 16 / (16 + 32)) and row.jaccard == pytest.approx(0.5)
    with pytest.raises(SettingsError, match="folds of the train split"):
        compare(["cues"], invented, "valid", settings)


def test_an_answerers_folder_is_run_on_the_labelled_cases(
    settings: CueSettings, invented: Path, tmp_path: Path
) -> None:
    folder = write_llama(tmp_path / "llama", num_hidden_layers=1)
    for name in ("train.json", "train_cvqa.json"):
        few = json.loads((invented / name).read_text(encoding="utf-8"))[:6]
        (tmp_path / "few").mkdir(exist_ok=True)
        (tmp_path / "few" / name).write_text(json.dumps(few), encoding="utf-8")
    row = compare([str(folder)], tmp_path / "few", "train", settings).rows[0]
    assert row.name.startswith("llama@") and row.accuracy is not None and 0 < row.accuracy < 1
    assert row.interval is not None and row.dice is None
