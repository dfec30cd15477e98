"""A batch run that was stopped goes on where it was; what changed or is gone is done again; another run is
never mixed in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tifffile
import torch
from PIL import Image

from magic_demo.challenge.running.cases import plan_cases
from magic_demo.challenge.running.ranking import write_ranking
from magic_demo.core.errors import FormatError, ModelError
from magic_demo.core.types import Encounter, EncounterFiles, Prediction, PromptKind
from magic_demo.files.answers import read_answers
from magic_demo.files.bundles import list_predictions
from magic_demo.reviews.exports.tabular.csv_files import read_csv_table
from tests.support.batch_runs import IDS, StopsAt, journal_lines, predict, write_data
from tests.support.stand_ins import RedFinder, draw_photo, stand_in_predictor


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder in the challenge's layout."""
    return write_data(tmp_path / "data")


def test_a_stopped_run_goes_on_where_it_was_and_ends_the_same(data: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        predict(data, tmp_path / "out", predictor=StopsAt("ENC00003"))
    assert not (tmp_path / "out" / "data_cvqa_sys.json").exists()
    again = StopsAt(None)
    report = predict(data, tmp_path / "out", predictor=again)
    assert again.asked == ["ENC00003"] and report.done_now == 1 and report.encounters == 3
    predict(data, tmp_path / "whole")
    for name in ("data_cvqa_sys.json", *(f"masks_preds/IMG_{name}_00001_mask_sys.tiff" for name in IDS)):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_journal_line_cut_short_by_a_kill_is_done_again(data: Path, tmp_path: Path) -> None:
    predict(data, tmp_path / "out")
    journal = tmp_path / "out" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-40])
    again = StopsAt(None)
    predict(data, tmp_path / "out", predictor=again)
    assert again.asked == ["ENC00003"]
    assert len(read_answers(tmp_path / "out" / "data_cvqa_sys.json")) == 3


@pytest.mark.parametrize(
    "damage",
    [b"\x00\xff garbage\n", b"[]\n", b'{"encounter_id": "ENC00002", "masks": null}\n', b'{"unknown": 1}\n'],
)
def test_a_damaged_journal_line_costs_its_encounter_alone(data: Path, tmp_path: Path, damage: bytes) -> None:
    predict(data, tmp_path / "out")
    first, _second, third = journal_lines(tmp_path / "out")
    (tmp_path / "out" / "journal.jsonl").write_bytes(first + damage + third)
    again = StopsAt(None)
    assert predict(data, tmp_path / "out", predictor=again).problems == ()
    assert again.asked == ["ENC00002"]


def test_a_mask_that_was_deleted_is_made_again(data: Path, tmp_path: Path) -> None:
    predict(data, tmp_path / "out")
    gone = tmp_path / "out" / "masks_preds" / "IMG_ENC00002_00001_mask_sys.tiff"
    gone.unlink()
    assert predict(data, tmp_path / "out").done_now == 1
    assert gone.is_file()


def test_a_bundle_file_that_was_deleted_is_made_again_and_restarting_removes_the_bundle(
    data: Path, tmp_path: Path
) -> None:
    predict(data, tmp_path / "out", bundle=True)
    (tmp_path / "out" / "bundle" / "ENC00002.json").unlink()
    assert predict(data, tmp_path / "out", bundle=True).done_now == 1
    assert list_predictions(tmp_path / "out" / "bundle") == IDS
    predict(data, tmp_path / "out", restart=True)
    assert not list((tmp_path / "out" / "bundle").iterdir())


def test_a_run_with_other_settings_is_not_mixed_in(data: Path, tmp_path: Path) -> None:
    predict(data, tmp_path / "out")
    with pytest.raises(FormatError, match="another language"):
        predict(data, tmp_path / "out", language="zh")
    assert predict(data, tmp_path / "out", language="zh", restart=True).done_now == 3


@pytest.mark.parametrize("first", [True, False])
def test_a_setting_that_goes_unsaid_is_compared_from_either_side(
    data: Path, tmp_path: Path, first: bool
) -> None:
    predict(data, tmp_path / "out", all_photos=first)
    assert predict(data, tmp_path / "out", all_photos=first).done_now == 0
    with pytest.raises(FormatError, match="another all_photos"):
        predict(data, tmp_path / "out", all_photos=not first)


def test_a_run_of_a_version_that_kept_fewer_settings_is_refused_in_one_line(
    data: Path, tmp_path: Path
) -> None:
    predict(data, tmp_path / "out")
    manifest = tmp_path / "out" / "manifest.json"
    kept = json.loads(manifest.read_text(encoding="utf-8"))
    del kept["settings"]["backend"]
    manifest.write_text(json.dumps(kept), encoding="utf-8")
    with pytest.raises(
        FormatError, match=r"older version, which did not keep its backend.* --out, or add --restart"
    ):
        predict(data, tmp_path / "out")
    with pytest.raises(FormatError, match="another language"):
        predict(data, tmp_path / "out", language="zh")
    assert predict(data, tmp_path / "out", restart=True).done_now == 3


def test_a_folder_with_other_things_in_it_is_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.docx").write_text("mine", encoding="utf-8")
    with pytest.raises(FormatError, match="not empty"):
        predict(data, tmp_path / "out")


def test_an_encounter_with_a_problem_is_tried_again_once_it_is_mended(data: Path, tmp_path: Path) -> None:
    photo = data / "valid" / "images_valid" / "IMG_ENC00001_00001.png"
    whole = photo.read_bytes()
    photo.write_bytes(whole[:50])
    assert predict(data, tmp_path / "out").problems
    photo.write_bytes(whole)
    report = predict(data, tmp_path / "out")
    assert (report.problems, report.done_now, report.masks) == ((), 1, 3)


def test_an_encounter_that_a_model_failed_on_is_tried_again(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_inputs: object) -> None:
        raise ModelError("no memory left")

    with monkeypatch.context() as patch:
        patch.setattr(RedFinder, "look", fail)
        assert len(predict(data, tmp_path / "out").problems) == 3
    report = predict(data, tmp_path / "out")
    assert (report.problems, report.done_now, report.masks) == ((), 3, 3)


def test_an_encounter_whose_words_or_photo_changed_is_predicted_again(data: Path, tmp_path: Path) -> None:
    predict(data, tmp_path / "out")
    file = data / "valid" / "valid.json"
    entries = json.loads(file.read_text(encoding="utf-8"))
    entries[1]["query_content_en"] = "for years, and it itches"
    file.write_text(json.dumps(entries), encoding="utf-8")
    Image.fromarray(draw_photo(90, 70)).save(data / "valid" / "images_valid" / "IMG_ENC00003_00001.png")
    again = StopsAt(None)
    predict(data, tmp_path / "out", predictor=again)
    assert again.asked == ["ENC00002", "ENC00003"]
    assert tifffile.imread(tmp_path / "out" / "masks_preds" / "IMG_ENC00003_00001_mask_sys.tiff").shape == (
        90,
        70,
    )


def test_restarting_leaves_nothing_of_the_run_before_and_touches_nothing_else(
    data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    predict(data, out)
    (out / "thesis.docx").write_text("mine", encoding="utf-8")
    ranking = write_ranking(out)
    predict(data, out, predictor=stand_in_predictor(segmentation=False), restart=True)
    assert not ranking.exists()
    assert list((out / "masks_preds").iterdir()) == [] and (out / "data_cvqa_sys.json").is_file()
    predict(data, out, predictor=stand_in_predictor(cvqa=False), restart=True)
    assert len(list((out / "masks_preds").iterdir())) == 3 and not (out / "data_cvqa_sys.json").exists()
    assert (out / "thesis.docx").is_file()


def test_restarting_removes_the_pictures_of_the_run_before(data: Path, tmp_path: Path) -> None:
    predict(data, tmp_path / "out", pictures=True)
    predict(data, tmp_path / "out", restart=True)
    assert not list((tmp_path / "out" / "pictures").iterdir())


def test_a_case_is_done_again_where_its_photos_mask_becomes_its_own(data: Path, tmp_path: Path) -> None:
    file = data / "valid" / "valid.json"
    entries = json.loads(file.read_text(encoding="utf-8"))
    entries[2]["image_ids"] = entries[0]["image_ids"]
    file.write_text(json.dumps(entries), encoding="utf-8")
    predict(data, tmp_path / "out")
    file.write_text(json.dumps(entries[1:]), encoding="utf-8")
    asked = StopsAt(None)
    report = predict(data, tmp_path / "out", predictor=asked)
    assert (asked.asked, report.problems, report.masks) == ([IDS[2]], (), 2)


def test_responses_decide_what_is_done_again_only_where_they_are_asked_with() -> None:
    told = [EncounterFiles("ENC1", responses=responses) for responses in ((), ("a wart",))]
    expected: dict[PromptKind, bool] = {"narrative": True, "narrative and responses": False}
    for kind, same in expected.items():
        first, second = (next(plan_cases([files], kind)).source for files in told)
        assert (first == second) == same


def test_a_bundle_keeps_no_map_of_a_photo_that_the_case_has_lost(data: Path, tmp_path: Path) -> None:
    file = data / "valid" / "valid.json"
    entries = json.loads(file.read_text(encoding="utf-8"))
    whole = json.dumps([{**entries[0], "image_ids": entries[0]["image_ids"] + entries[1]["image_ids"]}])
    for content in (whole, json.dumps(entries[:1])):
        file.write_text(content, encoding="utf-8")
        predict(data, tmp_path / "out", bundle=True)
    assert [path.stem for path in (tmp_path / "out" / "bundle").rglob("*.png")] == [f"IMG_{IDS[0]}_00001"]


def test_what_is_drawn_by_chance_in_a_case_depends_on_no_case_before_it(data: Path, tmp_path: Path) -> None:
    class Draws(StopsAt):
        def predict(self, encounter: Encounter, **options: Any) -> Prediction:
            drawn.setdefault(encounter.encounter_id, []).append(float(torch.rand(1)))
            return super().predict(encounter, **options)

    drawn: dict[str, list[float]] = {}
    predict(data, tmp_path / "whole", predictor=Draws(None))
    with pytest.raises(KeyboardInterrupt):
        predict(data, tmp_path / "out", predictor=Draws("ENC00003"))
    predict(data, tmp_path / "out", predictor=Draws(None))
    assert all(len(set(values)) == 1 for values in drawn.values()) and len(drawn["ENC00003"]) == 3


def test_a_case_that_the_data_has_lost_is_ranked_no_more(data: Path, tmp_path: Path) -> None:
    predict(data, tmp_path / "out")
    file = data / "valid" / "valid.json"
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8"))[1:]), encoding="utf-8")
    report = predict(data, tmp_path / "out")
    rows = read_csv_table(write_ranking(tmp_path / "out", report.files.encounters))
    assert sorted(row["encounter_id"] for row in rows) == [*IDS[1:]]
    assert sorted(row["rank"] for row in rows) == ["1", "2"]
