"""What a study outlines besides the lesion: each label is kept, merged, exported and read back as itself, and a queue's
labels do not change under its reviews."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import tifffile

from magic_demo.core.errors import FormatError, FormError, StoreError
from magic_demo.core.review_types import CaseKey, Mark, Outline, Review, ReviewContent, SavedReview
from magic_demo.core.types import Mask
from magic_demo.imaging.run_lengths import decode_mask, encode_mask
from magic_demo.page.agreement.masks import render_labels
from magic_demo.page.events.drafts.changes import read_change
from magic_demo.page.events.review.adjudication import merge_masks
from magic_demo.page.session.merging import gather, merge, spread
from magic_demo.questions.families import (
    QuestionSet,
    load_challenge,
    pack_questions,
    read_questions,
    unpack_questions,
)
from magic_demo.reviews.agreement import CONSENSUS, ModelReading, gather_panel, measure_agreement
from magic_demo.reviews.exports import write_export
from magic_demo.reviews.imports import read_reviews
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store
from tests.support.store.reviewed_cases import answer

SIZE = (30, 40)
CLICK = Mark("lesion", (0.5, 0.5))


def _mask(left: int, size: tuple[int, int] = SIZE) -> Mask:
    mask = np.zeros(size, np.bool_)
    mask[5:20, left : left + 10] = True
    return mask


def _outline(left: int, *clicks: Mark) -> Outline:
    return Outline(encode_mask(_mask(left)), clicks)


def _asked(*labels: object) -> QuestionSet:
    return unpack_questions(json.dumps({"labels": list(labels)}), "labels.json")


ASKED = _asked("lesion", {"id": "ulcer", "required": True}, "scar")


def _review(**fields: object) -> Review:
    review = Review(
        "ENC1",
        LOCAL_READER,
        "assisted",
        "done",
        answer(0),
        masks={"arm": _outline(2).runs},
        label_masks={
            "ulcer": {"arm": _outline(8, CLICK)},
            "scar": {"arm": Outline(encode_mask(_mask(0) & False))},
        },
        queue="q",
    )
    return replace(review, **fields)  # type: ignore[arg-type]


def _store(folder: Path, asked: QuestionSet = ASKED) -> Store:
    store = Store.open(folder / "store")
    store.add_cases("q", [NewCase("ENC1", photos=("arm",))])
    store.ask("q", asked)
    return store


def test_labels_alone_ask_the_challenges_questions_and_have_keys_and_colours_of_their_own() -> None:
    assert ASKED.family_ids == load_challenge().family_ids
    assert [label.key for label in ASKED.labels] == ["o", "u", "s"]
    assert len({label.colour for label in ASKED.labels}) == 3
    assert ASKED.required_labels == ("", "ulcer")
    again = unpack_questions(pack_questions(ASKED), "packed")
    assert (again.labels, again.digest) == (ASKED.labels, ASKED.digest)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([], "one to 8"),
        (["a b"], "needs an id"),
        (["ulcer", "Ulcer"], "two labels have the id"),
        ([{"id": "ulcer", "color": "#ffffff"}], "has color"),
        ([{"id": "ulcer", "key": "b"}], "has key"),
        ([{"id": "ulcer", "colour": "red"}], "has colour"),
        ([{"id": "ulcer", "required": "yes"}], "has required"),
    ],
)
def test_a_label_that_cannot_be_is_named(labels: list[object], says: str) -> None:
    with pytest.raises(FormatError, match=says):
        _asked(*labels)


def test_a_study_without_labels_has_the_digest_that_it_always_had(tmp_path: Path) -> None:
    file = tmp_path / "labels.yaml"
    file.write_text("labels: [lesion]\n", encoding="utf-8")
    assert read_questions(file).digest == load_challenge().digest
    assert len({_asked("lesion", "scar").digest, ASKED.digest, load_challenge().digest}) == 3


def test_every_label_is_kept_and_comes_back_with_an_earlier_version(tmp_path: Path) -> None:
    with _store(tmp_path) as store:
        saved = store.save(_review())
        assert saved.complete
        again = store.latest(CaseKey("q", "ENC1"), LOCAL_READER)
        assert again is not None and again.review.label_masks == _review().label_masks
        store.save(_review(label_masks={}))
        assert store.take_back(saved.number, LOCAL_READER).review.label_masks == _review().label_masks


def test_the_labels_of_a_queue_cannot_change_under_its_reviews(tmp_path: Path) -> None:
    with _store(tmp_path) as store:
        store.save(_review())
        for other in (_asked("lesion", "scar", "ulcer"), _asked("lesion", "ulcer"), load_challenge()):
            with pytest.raises(StoreError, match="answer the questions"):
                store.ask("q", other)
        renamed = _asked("lesion", {"id": "ulcer", "name": "Ulceration", "required": True}, "scar")
        assert store.ask("q", renamed)


def test_a_mask_of_a_label_that_the_queue_does_not_have_is_refused(tmp_path: Path) -> None:
    with _store(tmp_path) as store:
        for label in ("naevus", "lesion"):
            with pytest.raises(StoreError, match="has masks of"):
                store.save(_review(label_masks={label: {"arm": _outline(3)}}))
        with pytest.raises(StoreError, match="letters, digits"):
            store.save(_review(label_masks={"a/b": {"arm": _outline(3)}}))


def test_what_is_required_is_named_where_it_lacks(tmp_path: Path) -> None:
    with _store(tmp_path) as store:
        saved = store.save(_review(label_masks={}))
        assert saved.review.missing == {"ulcer/arm"} and not saved.complete
        assert store.save(_review(label_masks={}, unusable=frozenset({"arm"}), masks={})).complete


def test_two_tabs_may_draw_different_labels_of_a_photo() -> None:
    before = spread(ReviewContent(masks={"arm": _outline(2).runs}))
    mine = {**before, ("masks", "ulcer/arm"): _outline(8, CLICK)}
    theirs = {**before, ("masks", "scar/arm"): _outline(20)}
    merged, conflicts = merge(mine, theirs, before)
    content = ReviewContent(**gather(merged))
    assert not conflicts and content.masks == {"arm": _outline(2).runs}
    assert content.label_masks == {"ulcer": {"arm": _outline(8, CLICK)}, "scar": {"arm": _outline(20)}}


def test_a_page_says_which_label_an_outline_is_of_and_one_that_there_is_not_is_refused() -> None:
    payload = {"photo": "arm", "label": "ulcer", "width": 40, "height": 30, "runs": [0, 1200]}
    change = read_change(payload, {"arm": SIZE}, ASKED)
    assert change.part == "mask ulcer/arm" and list(change.fields) == [("masks", "ulcer/arm")]
    with pytest.raises(FormError, match="no such label"):
        read_change({**payload, "label": "naevus"}, {"arm": SIZE}, ASKED)


def test_a_consensus_has_a_mask_of_each_label() -> None:
    readings = [
        SavedReview(number, datetime.now(UTC), _review(label_masks={"ulcer": {"arm": _outline(left)}}))
        for number, left in enumerate((8, 8, 25), start=1)
    ]
    merged = merge_masks(readings, weighted=False)
    assert merged.keys() == {"arm", "ulcer/arm"}
    np.testing.assert_array_equal(decode_mask(merged["ulcer/arm"].runs), _mask(8))


@pytest.mark.parametrize("format", ["coco", "cvat", "label-studio", "csv", "parquet", "labels"])
def test_labels_come_back_from_an_export_as_themselves(format: str, tmp_path: Path) -> None:
    saved = SavedReview(1, datetime.now(UTC), _review())
    report = write_export([saved], (), format, tmp_path / "out", questions=ASKED)
    assert report.masks == 3 and not [line for line in report.left_out if "label" in line]
    (read,) = read_reviews(tmp_path / "out", "q", questions=ASKED).reviews
    clicks = (CLICK,) if format != "labels" else ()  # which holds none
    expected = {**_review().label_masks, "ulcer": {"arm": _outline(8, *clicks)}}
    assert (read.masks, read.label_masks) == (saved.review.masks, expected)
    elsewhere = read_reviews(tmp_path / "out", "q")
    assert not elsewhere.reviews[0].label_masks and any("ulcer" in line for line in elsewhere.left_out)
    assert elsewhere.reviews[0].masks == saved.review.masks


@pytest.mark.parametrize("format", ["coco", "cvat", "label-studio", "csv", "parquet", "labels"])
def test_a_further_label_may_be_called_as_the_first_one_usually_is_or_as_another_is_named(
    format: str, tmp_path: Path
) -> None:
    asked = _asked({"id": "ulcer", "name": "crust"}, "lesion", "crust")
    empty = Outline(encode_mask(_mask(0) & False))
    further = {"lesion": {"arm": empty}, "crust": {"arm": _outline(20)}}
    saved = SavedReview(1, datetime.now(UTC), _review(label_masks=further))
    write_export([saved], (), format, tmp_path / "out", questions=asked)
    (read,) = read_reviews(tmp_path / "out", "q", questions=asked).reviews
    assert (read.masks, read.label_masks) == (saved.review.masks, further)


def test_a_label_image_has_the_later_label_on_top_and_names_its_values(tmp_path: Path) -> None:
    saved = SavedReview(1, datetime.now(UTC), _review())
    write_export([saved], (), "labels", tmp_path / "out", questions=ASKED)
    drawn = tifffile.imread(tmp_path / "out/label_images/arm_labels_ann0.tiff")
    expected = np.where(_mask(8), 2, np.where(_mask(2), 1, 0))
    np.testing.assert_array_equal(drawn, expected)
    named = json.loads((tmp_path / "out/labels.json").read_text(encoding="utf-8"))["labels"]
    assert [(entry["value"], entry["id"]) for entry in named] == [(1, "lesion"), (2, "ulcer"), (3, "scar")]


def test_readers_agree_label_by_label_and_no_model_has_a_say_in_a_further_one() -> None:
    readings = [
        _review(reader=reader, label_masks={"ulcer": {"arm": _outline(left)}})
        for reader, left in (("Ann", 8), ("Bo", 13))
    ]
    rows = [SavedReview(number, datetime.now(UTC), review) for number, review in enumerate(readings, start=1)]
    agreed = _review(reader="Cy", kind="consensus", label_masks={"ulcer": {"arm": _outline(8)}})
    panel = gather_panel(
        [*rows, SavedReview(3, datetime.now(UTC), agreed)],
        {CaseKey("q", "ENC1"): ModelReading(masks={"arm": _outline(2).runs})},
    )
    found = measure_agreement(panel, ASKED.families, resamples=0)
    assert found.masks.dice_among_readers is not None and found.masks.dice_among_readers.value == 1
    ulcer = found.labels["ulcer"]
    assert list(found.labels) == ["ulcer"] and ulcer.names == ("Ann", "Bo", CONSENSUS)
    assert ulcer.dice_with_model is None and ulcer.dice_among_readers is not None
    assert ulcer.dice_among_readers.value == pytest.approx(0.5) and ulcer.dice[0, 2] == 1
    shown = render_labels(found, ASKED.labels)
    assert ">1.00<" in shown and 'data-label="ulcer"' in shown and ">0.50<" in shown and "scar" not in shown
    alone = measure_agreement(gather_panel(rows[:1], {}), load_challenge().families, resamples=0)
    assert not render_labels(replace(alone, labels={}), load_challenge().labels)


@pytest.mark.parametrize("format", ["challenge", "training-set"])
def test_a_format_of_one_label_names_what_it_leaves_out(format: str, tmp_path: Path) -> None:
    saved = SavedReview(1, datetime.now(UTC), _review())
    report = write_export([saved], (), format, tmp_path / "out", questions=ASKED)
    (line,) = [line for line in report.left_out if "further label" in line]
    assert "ulcer" in line and "scar" in line
    assert report.masks == (format == "challenge")  # a training set needs the photos, which are not at hand


@pytest.mark.parametrize("format", ["coco", "cvat", "label-studio", "csv", "labels"])
def test_a_mask_of_a_label_that_the_questions_do_not_name_is_not_dropped_unsaid(
    format: str, tmp_path: Path
) -> None:
    saved = SavedReview(1, datetime.now(UTC), _review())
    report = write_export([saved], (), format, tmp_path / "out", questions=_asked("lesion", "ulcer"))
    (line,) = [line for line in report.left_out if "label" in line]
    assert "questions do not name" in line and "scar" in line and "ulcer" not in line and report.masks == 2


def test_labels_of_others_go_to_the_queues_by_name_and_unknown_ones_are_named(tmp_path: Path) -> None:
    shapes = [
        {"label": label, "shape_type": "rectangle", "points": [[left, 5], [left + 10, 20]]}
        for label, left in (("Lesion", 2), ("Ulcer", 8), ("crust", 20))
    ]
    content = {"shapes": shapes, "imageHeight": 30, "imageWidth": 40, "imagePath": "arm.png"}
    (tmp_path / "arm.json").write_text(json.dumps(content), encoding="utf-8")
    read = read_reviews(tmp_path, "q", questions=ASKED)
    (review,) = read.reviews
    np.testing.assert_array_equal(decode_mask(review.label_masks["ulcer"]["arm"].runs), _mask(8))
    assert "crust" in read.left_out[0] and decode_mask(review.masks["arm"]).sum() == 150


@pytest.mark.parametrize("format", ["coco", "cvat", "label-studio"])
def test_four_labels_of_twelve_megapixels_lose_no_pixel(format: str, tmp_path: Path) -> None:
    asked = _asked("lesion", "ulcer", "scar", "crust")
    rng = np.random.default_rng(1)
    masks = {}
    for label in ("", "ulcer", "scar", "crust"):
        mask = np.kron(rng.random((30, 40)) < 0.3, np.ones((100, 100), np.bool_))
        mask[rng.integers(0, 3000, 500), rng.integers(0, 4000, 500)] ^= True
        masks[label] = encode_mask(mask)
    first = masks.pop("")
    review = _review(
        masks={"arm": first}, label_masks={label: {"arm": Outline(runs)} for label, runs in masks.items()}
    )
    with _store(tmp_path, asked) as store:
        store.save(review)
        saved = store.latest(CaseKey("q", "ENC1"), LOCAL_READER)
    assert saved is not None and saved.review.label_masks == review.label_masks
    write_export([saved], (), format, tmp_path / "out", questions=asked)
    (read,) = read_reviews(tmp_path / "out", "q", questions=asked).reviews
    assert (read.masks, read.label_masks) == (review.masks, review.label_masks)
