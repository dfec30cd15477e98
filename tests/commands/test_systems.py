"""``python -m magic_demo import-predictions`` and ``ensemble``: any system's files in, valid files out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from magic_demo.__main__ import main
from magic_demo.files.answers import read_answers
from magic_demo.files.bundles import list_predictions, read_prediction
from magic_demo.files.masks.mask_files import write_mask
from magic_demo.page.panels.cards.cards import cards_value
from magic_demo.questions.families import load_challenge
from tests.support.batch_runs import IDS, predict, write_data
from tests.support.stand_ins import draw_photo

FAMILIES = load_challenge().families


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with data and the output of a run with a bundle."""
    folder = tmp_path_factory.mktemp("systems")
    write_data(folder / "data")
    predict(folder / "data", folder / "ours", bundle=True)
    return folder


def _write_scores(path: Path, encounters: Mapping[str, object], scale: str = "probabilities") -> Path:
    path.write_text(json.dumps({"scale": scale, "encounters": encounters}), encoding="utf-8")
    return path


def test_challenge_files_become_a_bundle_that_the_page_shows(place: Path, tmp_path: Path) -> None:
    """Bundle and challenge files of one run say the same."""
    team = tmp_path / "team"
    shutil.copytree(place / "ours" / "masks_preds", team / "masks_preds")
    shutil.copy(place / "ours" / "data_cvqa_sys.json", team)
    assert main(["import-predictions", str(team), "--bundle", str(tmp_path / "bundle")]) == 0
    for encounter_id in IDS:
        prediction = read_prediction(tmp_path / "bundle", encounter_id)
        ours = read_prediction(place / "ours" / "bundle", encounter_id)
        assert prediction.models == {"segmentation": "team", "cvqa": "team"}
        assert prediction.answers == ours.answers and not prediction.scores
        mask = tifffile.imread(team / "masks_preds" / f"IMG_{encounter_id}_00001_mask_sys.tiff")
        assert np.array_equal(prediction.photos[0].probability, mask)
        shown = cards_value(FAMILIES, prediction)
        assert shown["state"] == "answered"
        assert all(value["chosen"] and value["shares"] is None for value in shown["families"].values())


def test_scores_become_answers_and_bars(place: Path, tmp_path: Path) -> None:
    scores = {"CQID025-001": {"no": 0.7, "yes": 0.2}, "CQID035-001": {"1": 0.6, "0": 0.4}}
    file = _write_scores(tmp_path / "vlm.json", {"ENC00001": scores})
    assert main(["import-predictions", str(file), "--bundle", str(tmp_path / "bundle")]) == 0
    prediction = read_prediction(tmp_path / "bundle", "ENC00001")
    assert prediction.answers == {"CQID025-001": 1, "CQID035-001": 1}
    assert np.exp(prediction.scores["CQID025-001"]) == pytest.approx([2 / 9, 7 / 9, 0], abs=1e-4)
    assert prediction.models == {"cvqa": "vlm"}


@pytest.mark.parametrize(
    ("questions", "said"),
    [
        ({"CQID025-001": {"perhaps": 0.5}}, 'ENC00001 CQID025-001: "perhaps"'),
        ({"CQID025-001": {"yes": 1.5}}, "of probabilities from 0 to 1"),
        ({"CQID099-001": {"yes": 1}}, 'CQID099-001", which is no question'),
        ({"CQID025-001": {}}, "scores no option"),
        ({"CQID025-001": [0.1, 0.9]}, "English text or index"),
    ],
)
def test_scores_that_fit_no_question_are_named(
    questions: object, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = _write_scores(tmp_path / "vlm.json", {"ENC00001": questions})
    assert main(["import-predictions", str(file), "--bundle", str(tmp_path / "bundle")]) == 1
    assert said in capsys.readouterr().err


def test_what_is_no_systems_output_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "team.zip").write_bytes(b"PK")
    (tmp_path / "empty").mkdir()
    for name, said in (("team.zip", "unpack it"), ("empty", "neither a bundle nor"), ("no", "no such file")):
        command = ["import-predictions", str(tmp_path / name), "--bundle", str(tmp_path / "bundle")]
        assert main(command) == 1
        assert said in capsys.readouterr().err


def test_an_ensemble_of_what_is_incomplete_can_be_handed_in(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One system lacks an encounter, another a photo, a third has scores of two families."""
    first = tmp_path / "first"
    (first / "masks_preds").mkdir(parents=True)
    rows = read_answers(place / "ours" / "data_cvqa_sys.json")
    kept = [{"encounter_id": case, **rows[case]} for case in IDS[:2]]
    (first / "data_cvqa_sys.json").write_text(json.dumps(kept), encoding="utf-8")
    for name in IDS[:1]:
        mask = place / "ours" / "masks_preds" / f"IMG_{name}_00001_mask_sys.tiff"
        (first / "masks_preds" / mask.name).write_bytes(mask.read_bytes())
    scores = _write_scores(tmp_path / "s.json", {IDS[2]: {"CQID025-001": {"no": 1}}})
    out, data = tmp_path / "out", place / "data"
    command = [
        "ensemble",
        str(first),
        str(scores),
        "--out",
        str(out),
        "--masks",
        "staple",
        "--data",
        str(data),
    ]
    assert main(command) == 3
    said = capsys.readouterr().err
    assert "an empty one is written (2): IMG_ENC00002_00001, IMG_ENC00003_00001" in said
    assert "the most frequent answer stands (1): ENC00003 [8 places]" in said
    assert main(["submit", str(out)]) == 0
    assert "3 of 3 masks, 3 of 3 answers, 27 of 27 questions each" in capsys.readouterr().out
    zipped = ["submit", "--check", str(out / "submission.zip"), "--data", str(data), "--split", "valid"]
    assert main(zipped) == 0
    answers = read_answers(out / "data_cvqa_sys.json")
    assert answers[IDS[0]] == rows[IDS[0]] and answers[IDS[2]]["CQID025-001"] == 1
    assert list_predictions(out / "bundle") == IDS
    assert main(command) == 1 and "is not empty" in capsys.readouterr().err


@pytest.mark.parametrize("bundled", [False, True])
def test_a_photo_of_two_encounters_keeps_its_mask(tmp_path: Path, bundled: bool) -> None:
    data, photo_id = write_data(tmp_path / "data"), "IMG_ENC00001_00001"
    listed = data / "valid" / "valid.json"
    entries = json.loads(listed.read_text(encoding="utf-8"))
    entries[1]["image_ids"].append(entries[0]["image_ids"][0])
    listed.write_text(json.dumps(entries), encoding="utf-8")
    predict(data, tmp_path / "ours", bundle=bundled)
    ours = tifffile.imread(tmp_path / "ours" / "masks_preds" / f"{photo_id}_mask_sys.tiff")
    assert ours.any()
    out, place = tmp_path / "out", str(tmp_path / "ours")
    main(["ensemble", place, place, "--out", str(out), "--data", str(data), "--masks", "majority"])
    assert np.array_equal(tifffile.imread(out / "masks_preds" / f"{photo_id}_mask_sys.tiff"), ours)
    for encounter_id in IDS[:2]:
        found = {one.photo_id: one for one in read_prediction(out / "bundle", encounter_id).photos}
        assert np.array_equal(found[photo_id].probability >= 0.5, ours.astype(bool))


def test_a_mask_of_another_size_than_its_photo_is_left_out(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    team = tmp_path / "team" / "masks_preds"
    write_mask(team / "IMG_ENC00001_00001_mask_sys.tiff", np.ones((5, 5), np.bool_))
    data, out = place / "data", tmp_path / "out"
    for systems in ([str(team.parent)], [str(team.parent), str(place / "ours")]):
        command = ["ensemble", *systems, "--out", str(out), "--data", str(data)]
        assert main(command) == 3
        assert "another size than the photo's are left out (1): IMG_ENC00001" in capsys.readouterr().err
        assert tifffile.imread(out / "masks_preds" / "IMG_ENC00001_00001_mask_sys.tiff").shape == (48, 64)
        shutil.rmtree(out)


def test_the_ensemble_of_a_run_with_itself_is_the_run(place: Path, tmp_path: Path) -> None:
    for answers, masks in (("majority", "majority"), ("mean", "mean")):
        out = tmp_path / answers
        command = ["ensemble", *[str(place / "ours")] * 2, "--out", str(out), "--answers", answers]
        assert main([*command, "--masks", masks]) == 0
        for encounter_id in IDS:
            name = f"masks_preds/IMG_{encounter_id}_00001_mask_sys.tiff"
            assert np.array_equal(tifffile.imread(out / name), tifffile.imread(place / "ours" / name))
    ours = read_answers(place / "ours" / "data_cvqa_sys.json")
    assert read_answers(tmp_path / "majority" / "data_cvqa_sys.json") == ours


def test_systems_without_masks_give_none(place: Path, tmp_path: Path) -> None:
    answers, out = place / "ours" / "data_cvqa_sys.json", tmp_path / "out"
    assert main(["ensemble", *[str(answers)] * 2, "--out", str(out), "--data", str(place / "data")]) == 0
    assert read_answers(out / "data_cvqa_sys.json") == read_answers(answers)
    assert not (out / "masks_preds").exists() and main(["submit", str(out)]) == 0


def test_weights_come_from_labelled_cases(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = {case: {"CQID025-001": {"no": 0.8, "yes": 0.2}} for case in IDS}
    wrong = {case: {"CQID025-001": {"no": 0.1, "yes": 0.9}} for case in IDS}
    systems = [_write_scores(tmp_path / f"{name}.json", of) for name, of in (("a", wrong), ("b", right))]
    rows = read_answers(place / "ours" / "data_cvqa_sys.json")
    labelled = tmp_path / "gold.json"
    gold = [{"encounter_id": case, **rows[case], "CQID025-001": 1} for case in IDS]
    labelled.write_text(json.dumps(gold), encoding="utf-8")
    command = ["ensemble", *map(str, systems), "--answers", "weighted"]
    assert main([*command, "--out", str(tmp_path / "out"), "--labelled", str(labelled)]) == 3
    said = capsys.readouterr().out
    assert "accuracy on 3 labelled encounters, alone: a 0.000, b 0.111" in said
    assert "shared 0.111" in said and "CQID025: 0.4" in said
    assert read_answers(tmp_path / "out" / "data_cvqa_sys.json")[IDS[0]]["CQID025-001"] == 1
    assert main([*command, "--out", str(tmp_path / "no")]) == 1
    assert "needs --labelled" in capsys.readouterr().err


def test_masks_of_turned_photos_are_fused_upright_and_written_as_they_lay(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data")
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = data / "valid" / "images_valid" / "IMG_ENC00001_00001.png"
    Image.fromarray(draw_photo(40, 64)).save(photo, exif=exif)
    references = data / "masks"
    references.mkdir()
    stored = np.zeros((40, 64), np.bool_)
    stored[:10, :20] = True
    write_mask(references / "IMG_ENC00001_00001_mask_ann0.tiff", stored)
    team = tmp_path / "team" / "masks_preds"
    team.mkdir(parents=True)
    write_mask(team / "IMG_ENC00001_00001_mask_sys.tiff", stored)
    out = tmp_path / "out"
    command = ["ensemble", *[str(team.parent)] * 2, "--out", str(out), "--data", str(data)]
    assert main([*command, "--split", "valid"]) == 3  # the other photos have no mask
    upright = read_prediction(out / "bundle", "ENC00001").photos[0]
    assert upright.size == (64, 40) and upright.probability[:20, -10:].all()
    written = tifffile.imread(out / "masks_preds" / "IMG_ENC00001_00001_mask_sys.tiff")
    assert np.array_equal(written.astype(bool), stored)
    assert not (out / "data_cvqa_sys.json").exists()
