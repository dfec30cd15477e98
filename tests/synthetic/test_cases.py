"""Synthetic cases: the same by seed, in the challenge's layout, with masks and answers that agree with what
was drawn."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from magic_demo import __main__ as command
from magic_demo.core.types import Mask
from magic_demo.files.answers import read_answers
from magic_demo.files.encounters import read_encounters
from magic_demo.files.masks.mask_files import find_reference_masks, read_mask
from magic_demo.files.masks.turns import find_turned
from magic_demo.files.photos.reading import read_photo
from magic_demo.questions.families import load_challenge, load_families
from magic_demo.synthetic.bundled import RECIPES, make_example
from magic_demo.synthetic.cases import CasesError, draw_contact_sheet, load_examples, make_case, write_cases
from magic_demo.synthetic.encounters import TURNS, SyntheticCase, encode_photo, make_entry
from magic_demo.synthetic.truth import CONDITIONS, answer_questions, draw_truth

COUNT, SEED, SIDE = 14, 5, 160


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cases(tmp_path_factory.mktemp("cases") / "data", count=COUNT, seed=SEED, longest=SIDE)


@pytest.fixture(scope="module")
def cases() -> list[SyntheticCase]:
    return [make_case(SEED, number, longest=SIDE) for number in range(1, 25)]


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def dice(first: Mask, second: Mask) -> float:
    return float(2 * (first & second).sum() / (first.sum() + second.sum()))


def splits() -> Iterator[str]:
    yield from ("train", "valid", "test")


def test_the_same_seed_writes_the_same_bytes_and_a_case_does_not_depend_on_the_count(
    dataset: Path, tmp_path: Path
) -> None:
    fewer = digests(write_cases(tmp_path / "fewer", count=6, seed=SEED, longest=SIDE))
    whole = digests(dataset)
    pictures = {name: digest for name, digest in fewer.items() if name.endswith((".jpg", ".tiff"))}
    assert len(pictures) > 12
    assert pictures.items() <= whole.items()
    entries = {
        entry["encounter_id"]: entry
        for split in splits()
        for entry in json.loads((dataset / split / f"{split}.json").read_text())
    }
    for split in splits():
        for entry in json.loads((tmp_path / "fewer" / split / f"{split}.json").read_text()):
            assert entries[entry["encounter_id"]] == entry


def test_another_seed_or_number_gives_another_case() -> None:
    first, number, seed = (
        make_case(1, 1, longest=SIDE),
        make_case(1, 2, longest=SIDE),
        make_case(2, 1, longest=SIDE),
    )
    assert first.truth != number.truth and first.truth != seed.truth
    assert first.narrative != number.narrative and first.narrative != seed.narrative


def test_the_layout_is_the_challenges_and_reads_back(dataset: Path) -> None:
    ids = []
    for split in splits():
        listed = read_encounters(dataset, split)
        assert not listed.problems
        answers = read_answers(dataset / split / f"{split}_cvqa.json")
        assert [files.encounter_id for files in listed.encounters] == list(answers)
        for files in listed.encounters:
            case = make_case(SEED, int(files.encounter_id[3:]), longest=SIDE)
            assert files.narrative == case.narrative
            assert files.responses == case.encounter.responses
            assert files.author_id.startswith("U")
            assert answers[files.encounter_id] == case.answers
            for file, photo in zip(files.photo_files, case.photos, strict=True):
                assert file.path == dataset / split / f"images_{split}" / f"{file.photo_id}.jpg"
                assert file.photo_id == photo.photo_id
            ids.append(files.encounter_id)
    assert sorted(ids) == [f"ENC{number:05d}" for number in range(1, COUNT + 1)]
    assert "SYNTHETIC" in (dataset / "README.txt").read_text()


def test_photos_read_upright_at_the_masks_size_and_masks_are_zeros_and_ones(dataset: Path) -> None:
    for split in splits():
        for files in read_encounters(dataset, split).encounters:
            case = make_case(SEED, int(files.encounter_id[3:]), longest=SIDE)
            for file, photo, drawn in zip(files.photo_files, case.photos, case.annotators, strict=True):
                assert file.path is not None
                upright = read_photo(file.path)
                assert upright.size == photo.size
                assert np.abs(upright.pixels.astype(int) - photo.pixels).mean() < 12
                paths = sorted(
                    (dataset / "dermavqa-segmentations" / split).glob(f"{file.photo_id}_mask_ann*.tiff")
                )
                assert 1 <= len(paths) == len(drawn) <= 4
                assert {path.stem[-4:] for path in paths} <= {"ann0", "ann1", "ann2", "ann3"}
                for path, mask in zip(paths, drawn, strict=True):
                    values = tifffile.imread(path)
                    assert values.dtype == np.uint8 and values.shape == upright.size
                    assert np.array_equal(values, mask.astype(np.uint8))
                    assert np.array_equal(read_mask(path), mask)


@pytest.mark.parametrize("orientation", sorted(TURNS))
def test_a_turned_photo_is_stored_turned_and_read_upright(orientation: int, tmp_path: Path) -> None:
    pixels = make_case(1, 1, longest=SIDE).photos[0].pixels
    (tmp_path / "turned.jpg").write_bytes(encode_photo(pixels, quality=95, orientation=orientation))
    with Image.open(tmp_path / "turned.jpg") as stored:
        assert stored.getexif()[0x0112] == orientation
        if orientation != 3:
            assert stored.size == (pixels.shape[0], pixels.shape[1])
    photo = read_photo(tmp_path / "turned.jpg")
    assert photo.pixels.shape == pixels.shape
    assert np.abs(photo.pixels.astype(int) - pixels).mean() < 8


def test_some_written_photos_are_turned(tmp_path: Path) -> None:
    folder = write_cases(tmp_path / "turned", count=25, seed=1, longest=96)
    orientations = []
    for path in folder.rglob("*.jpg"):
        with Image.open(path) as image:
            orientations.append(image.getexif().get(0x0112, 1))
    assert 0 < sum(value != 1 for value in orientations) < 0.4 * len(orientations)


def test_annotators_agree_mostly_and_never_quite(cases: list[SyntheticCase]) -> None:
    values = [
        dice(first, second)
        for case in cases
        for masks in case.annotators
        for first, second in combinations(masks, 2)
        if max(first.sum(), second.sum()) > 400
    ]
    assert len(values) > 20
    assert 0.85 < float(np.median(values)) < 0.97
    assert min(values) > 0.5 and np.mean(np.array(values) < 1) > 0.95


def test_annotators_agree_with_the_truth_and_its_lesions_are_seen(cases: list[SyntheticCase]) -> None:
    for case in cases:
        for photo, mask, annotators in zip(case.photos, case.masks, case.annotators, strict=True):
            assert mask.shape == photo.size and 0 < mask.mean() < 0.95
            assert all(dice(mask, drawn) > 0.55 for drawn in annotators if mask.sum() > 400)


def test_lesions_differ_in_colour_from_the_skin_around_them(cases: list[SyntheticCase]) -> None:
    differences = []
    for case in cases:
        for photo, mask in zip(case.photos, case.masks, strict=True):
            near = cv2.dilate(mask.astype(np.uint8), np.ones((13, 13), np.uint8)) > 0
            ring = near & ~mask
            if case.truth.colour == "normal skin color" or ring.sum() < 50:
                continue
            colours = cv2.cvtColor(photo.pixels.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
            differences.append(
                float(np.linalg.norm(np.median(colours[mask], axis=0) - np.median(colours[ring], axis=0)))
            )
    assert float(np.median(differences)) > 5
    assert np.mean(np.array(differences) > 2) > 0.85


def test_answers_cover_every_question_within_range_and_follow_the_truth() -> None:
    questions = {question.qid: question for question in load_challenge().questions}
    families = {family.family_id: family for family in load_families()}
    for number in range(400):
        truth = draw_truth(np.random.default_rng([3, number]))
        answers = answer_questions(truth)
        assert set(answers) == set(questions)
        labels: dict[str, set[str]] = {name: set() for name in families}
        for qid, index in answers.items():
            question = questions[qid]
            assert 0 <= index < question.option_count
            if index != families[question.family].not_mentioned:
                labels[question.family].add(question.options["en"][index].strip())
        assert labels["CQID011"] == ({truth.site} if truth.stated_site else set())
        assert labels["CQID015"] == ({truth.duration} if truth.stated_duration else set())
        assert labels["CQID025"] == ({truth.itch} if truth.stated_itch else set())
        assert labels["CQID012"] == {truth.size}
        assert labels["CQID020"] == set(truth.descriptions)
        assert labels["CQID034"] == {truth.colour}
        assert labels["CQID035"] == {"single" if truth.count == 1 else "multiple (please specify)"}
        assert labels["CQID036"] == {truth.texture}
        assert (labels["CQID010"] == {"widespread"}) == (truth.arrangement == "widespread")
        if truth.silent:
            assert not labels["CQID015"] and not labels["CQID025"]


def test_every_option_of_every_question_occurs_but_none_for_what_a_photo_always_shows() -> None:
    seen: dict[str, set[int]] = {}
    for number in range(3000):
        for qid, index in answer_questions(draw_truth(np.random.default_rng([4, number]))).items():
            seen.setdefault(qid.partition("-")[0], set()).add(index)
    for family in load_families():
        shown = family.family_id in ("CQID010", "CQID034", "CQID035", "CQID036")
        expected = set(range(len(family.options["en"]))) - ({family.not_mentioned} if shown else set())
        assert seen[family.family_id] == expected, family.family_id


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_single_lesion_is_single_in_its_mask_and_many_are_many(condition: str) -> None:
    truth = replace(draw_truth(np.random.default_rng(2), condition), photos=1)
    case = make_case(2, 1, truth=truth, longest=320)
    count, _, stats, _ = cv2.connectedComponentsWithStats(case.masks[0].astype(np.uint8))
    large = int((stats[1:, cv2.CC_STAT_AREA] > 0.05 * stats[1:, cv2.CC_STAT_AREA].max()).sum())
    if truth.count == 1:
        assert large <= 2, "a ragged border may cut off an islet"
    elif truth.arrangement == "widespread":
        assert count - 1 >= 5


def test_an_unknown_condition_a_full_folder_and_a_count_of_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="scaly plaque"):
        make_case(1, 1, condition="dragon pox")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(CasesError, match="not empty"):
        write_cases(tmp_path, count=1, seed=1)
    with pytest.raises(CasesError, match="file is in the way"):
        write_cases(tmp_path / "notes.txt", count=1, seed=1)
    with pytest.raises(CasesError, match="at least 1"):
        write_cases(tmp_path / "new", count=0, seed=1)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_the_command_writes_cases_and_a_contact_sheet_and_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "cases",
        str(tmp_path / "out"),
        "--count",
        "3",
        "--seed",
        "2",
        "--longest",
        "120",
        "--contact-sheet",
        str(tmp_path / "sheet.png"),
    ]
    assert command.main(words) == 0
    assert "3 synthetic cases" in capsys.readouterr().out
    assert len(list((tmp_path / "out").rglob("*.json"))) == 6
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet is not None and sheet.std() > 10
    assert command.main(words) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ") and "not empty" in error
    assert command.main(["cases", str(tmp_path / "other"), "--longest", "5"]) == 1
    assert command.main(["cases", str(tmp_path / "other"), "--seed", "-1"]) == 1
    assert (
        command.main(
            [
                "cases",
                str(tmp_path / "third"),
                "--count",
                "1",
                "--contact-sheet",
                str(tmp_path / "sheet.docx"),
            ]
        )
        == 1
    )
    assert not (tmp_path / "other").exists() and not (tmp_path / "third").exists()


def test_a_contact_sheet_says_synthetic_in_every_tile(cases: list[SyntheticCase]) -> None:
    sheet = draw_contact_sheet(cases[:3], tile=200, columns=2)
    assert sheet.shape == (400, 400, 3)
    for top, left in ((0, 0), (0, 200), (200, 0)):
        words = sheet[top + 4 : top + 22, left + 4 : left + 150]
        assert (words > 215).all(axis=2).sum() > 60 and (words < 40).all(axis=2).sum() > 60


def test_eight_examples_load_with_photos_titles_and_one_without_words() -> None:
    examples = load_examples()
    assert len(examples) == len(RECIPES) == 8
    assert (
        sum(not example.encounter.narrative.en and not example.encounter.narrative.zh for example in examples)
        == 1
    )
    assert {len(example.encounter.photos) for example in examples} >= {1, 2, 3, 4}
    for example in examples:
        assert example.title["en"] and example.title["zh"]
        assert all(max(photo.size) >= 900 for photo in example.encounter.photos)
        assert bool(example.encounter.narrative.en) == bool(example.encounter.narrative.zh)


def test_the_bundled_examples_are_small_and_are_what_the_recipes_make(repository: Path) -> None:
    folder = repository / "magic_demo" / "synthetic" / "examples"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2.5e6
    assert "SYNTHETIC" in (folder / "SYNTHETIC.txt").read_text()
    entries = json.loads((folder / "encounters.json").read_text())
    case = make_example(1)
    assert entries[0] == make_entry(case)
    bundled = load_examples()[0].encounter
    assert np.abs(bundled.photos[0].pixels.astype(int) - case.photos[0].pixels).mean() < 6


def test_as_many_cases_are_written_as_have_so_many_photos(tmp_path: Path) -> None:
    write_cases(tmp_path / "out", photos=7, seed=3, longest=96, splits={"valid": 1})
    photos = list((tmp_path / "out" / "valid" / "images_valid").glob("*.jpg"))
    entries = json.loads((tmp_path / "out" / "valid" / "valid.json").read_text(encoding="utf-8"))
    assert len(photos) == 7 == sum(len(entry["image_ids"]) for entry in entries)


def test_masks_can_lie_as_the_photos_are_stored(tmp_path: Path) -> None:
    for lie in ("upright", "stored"):
        write_cases(tmp_path / lie, photos=24, seed=4, longest=96, splits={"valid": 1}, masks=lie)
        encounters = read_encounters(tmp_path / lie, "valid").encounters
        photos = [(photo.photo_id, photo.path) for entry in encounters for photo in entry.photo_files]
        turned = find_turned(photos, find_reference_masks(tmp_path / lie))
        assert turned.settled and turned.lie == lie
