"""A disagreement report names what differs most, with pictures, on two pages, in both languages, with nothing
fetched from elsewhere."""

from __future__ import annotations

import io
import re
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from magic_demo.core.review_types import CaseKey, Review
from magic_demo.core.types import LANGUAGES, Language, PhotoPrediction, Prediction
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.imaging.run_lengths import decode_mask, encode_mask
from magic_demo.questions.families import load_challenge, load_families
from magic_demo.questions.scoring import count_pixels, dice
from magic_demo.reviews.agreement import Measured, gather_panel, measure_agreement, read_model
from magic_demo.reviews.exports.readings import ExportError, Selection, select_readings
from magic_demo.reviews.reports import gather_report, printing, render_html, write_disagreements
from magic_demo.reviews.reports.contents import DisagreementReport, FamilyAgreement
from magic_demo.reviews.reports.disputes import (
    count_differences,
    draw_everybody,
    find_disputes,
    list_legend,
    measure_dispute,
)
from magic_demo.reviews.reports.html_page import encode_picture
from magic_demo.reviews.reports.wording import load_texts
from tests.support.stand_ins import draw_photo
from tests.support.store.reviewed_cases import SIZES, ReadQueue, answer, make_queue, save_all


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> ReadQueue:
    return make_queue(tmp_path_factory.mktemp("queue"))


def _predictions() -> dict[str, Prediction]:
    """Return a model that answers as Li does in ENC00002 and finds a square in every photo's middle."""
    square = np.zeros((32, 32), np.float32)
    square[8:24, 8:24] = 1
    return {
        case_id: Prediction(
            case_id,
            tuple(PhotoPrediction(name, square, size) for name, size in SIZES.items() if case_id in name),
            answers=answer(3),
            models={"segmentation": "square@1"},
        )
        for case_id in ("ENC00001", "ENC00002", "ENC00003")
    }


def _select(queue: ReadQueue) -> Selection:
    return select_readings(queue.reviews, queue.cases)


def make_report(queue: ReadQueue, *, readers: int = 2) -> DisagreementReport:
    selection, predictions = _select(queue), _predictions()
    legend = list_legend(selection, model=True)
    names = tuple(
        [entry.name for entry in legend]
        + [{"en": f"Reader {number}", "zh": f"医师{number}"} for number in range(readers - 2)]
    )
    return DisagreementReport(
        queue=selection.queue,
        made_at=datetime(2026, 11, 21, tzinfo=UTC),
        cases=3,
        readings=4,
        readers=selection.annotators,
        models={"segmentation": "square@1"},
        families=tuple(
            FamilyAgreement(
                family.family_id,
                family.title,
                Measured(0.5, 0.4, 0.6, 12),
                Measured(0.3, -0.1, 0.6, 12),
                None,
                None,
            )
            for family in load_families()
        ),
        with_model=Measured(0.62, 0.5, 0.7, 108),
        dice_with_model=Measured(0.71, 0.6, 0.8, 5),
        names=names,
        dice=np.where(np.eye(len(names)), 1.0, np.nan),
        switched=Measured(0.08, count=9),
        differences=count_differences(selection, predictions),
        legend=legend,
        disputed=find_disputes(selection, predictions, legend),
        notes=({"en": "Synthetic <cases>.", "zh": "合成病例。"},),
    )


def test_cases_are_ordered_by_how_much_they_are_disagreed_on(queue: ReadQueue) -> None:
    selection, predictions = _select(queue), _predictions()
    disputed = find_disputes(selection, predictions, list_legend(selection, model=True))
    measured = [
        next(
            measure_dispute(c, predictions[c.case_id], load_challenge())
            for c in selection.cases
            if c.case_id == case.case_id
        )
        for case in disputed
    ]
    assert measured == sorted(measured, reverse=True) and disputed[0].case_id == "ENC00001"
    assert len(find_disputes(selection, predictions, list_legend(selection, model=True), most=1)) == 1


def test_a_case_on_which_everybody_agrees_is_no_dispute(queue: ReadQueue) -> None:
    photo = "IMG_ENC00002_00001"
    prediction = _predictions()["ENC00002"]
    mask = encode_mask(lesion_mask(prediction.photos[0].probability, SIZES[photo], prediction.threshold))
    reviews = save_all(
        [
            Review("ENC00002", name, "assisted", "done", answer(3), masks={photo: mask})
            for name in ("Li", "Wang")
        ]
    )
    selection = select_readings(reviews, queue.cases)
    assert find_disputes(selection, {"ENC00002": prediction}, list_legend(selection, model=True)) == ()


def test_a_dispute_tells_who_said_what(queue: ReadQueue) -> None:
    selection = _select(queue)
    case = find_disputes(selection, _predictions(), list_legend(selection, model=True))[0]
    extent = next(family for family in case.families if family.title["en"] == "Extent")
    options = load_families()[0].options
    assert [(tagged.tag, tagged.answer["zh"]) for tagged in extent.answers] == [
        ("M", options["zh"][3]), ("1", options["zh"][0]), ("2", options["zh"][2]),
    ]  # fmt: skip
    assert case.agreed + len(case.families) == len(load_families())
    assert case.picture is not None and max(case.picture.shape[:2]) == max(SIZES[case.photo_id or ""])


def test_reviews_without_a_model_and_without_photos_are_compared_with_each_other(queue: ReadQueue) -> None:
    selection = select_readings(queue.reviews, ())
    disputed = find_disputes(selection, {}, list_legend(selection, model=False))
    assert [case.case_id for case in disputed] == ["ENC00001"]
    assert disputed[0].picture is None and disputed[0].dice == () and disputed[0].families


def test_the_commonest_differences_are_counted_by_answers(queue: ReadQueue) -> None:
    differences = count_differences(_select(queue), _predictions(), most=99)
    itch = [entry for entry in differences if entry.title["en"] == "Itch"]
    # the model says yes (3 % 3) everywhere; Li says yes, yes and yes, Wang no-mention (2)
    assert [(entry.model["en"], entry.readers["en"], entry.times) for entry in itch] == [
        ("yes", "Not mentioned", 1)
    ]
    assert [entry.times for entry in differences] == sorted(
        (entry.times for entry in differences), reverse=True
    )


def test_a_picture_bears_everybodys_outline_and_tag() -> None:
    pixels = draw_photo(300, 400)
    mask = np.zeros((300, 400), np.bool_)
    mask[100:200, 150:250] = True
    selection = Selection("q", ("Li",), ())
    legend = list_legend(selection, model=True)
    drawn = draw_everybody(pixels, [(legend[0], mask), (legend[1], np.roll(mask, 60, axis=1))], side=200)
    assert drawn.shape == (150, 200, 3)
    for entry in legend:
        assert (np.abs(drawn.astype(int) - entry.rgb).sum(axis=2) < 30).sum() > 40
    assert np.array_equal(draw_everybody(pixels, [(legend[0], np.zeros_like(mask))], side=400), pixels)


def test_pictures_leave_the_colours_inside_an_outline_alone() -> None:
    pixels = draw_photo(300, 400)
    mask = np.zeros((300, 400), np.bool_)
    mask[80:220, 100:300] = True
    drawn = draw_everybody(
        pixels, [(entry, mask) for entry in list_legend(Selection("q", ("Li",), ()), model=True)], side=400
    )
    inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    away = inside > 4 + 2  # from the line, which is drawn on both sides of the border
    assert np.array_equal(drawn[away], pixels[away])
    kept = np.asarray(Image.open(io.BytesIO(encode_picture(drawn)))).astype(float)
    assert np.abs((kept - pixels)[inside > 12].mean(axis=0)).max() < 1.5, (
        "the file's compression spreads no line's colour"
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_html_holds_everything_and_fetches_nothing(queue: ReadQueue, language: Language) -> None:
    report = make_report(queue)
    page = render_html(report, language)
    assert page.count("<section>") == 2 and page.count("data:image/jpeg;base64,") == len(report.disputed)
    assert not re.search(r'(?:src|href)=[\'"](?!data:)|url\(|@import', page)
    for family in report.families:
        assert family.title[language] in page
    assert "Synthetic &lt;cases&gt;." in page or language == "zh"
    interval = "(-0.10 to 0.60)" if language == "en" else "（-0.10 至 0.60）"
    assert "62%" in page and "0.30" in page and interval in page


def test_nothing_to_compare_is_said(queue: ReadQueue) -> None:
    report = DisagreementReport("q", datetime(2026, 11, 21, tzinfo=UTC), 1, 1, ("Li",), {})
    for language in LANGUAGES:
        page = render_html(report, language)
        assert all(load_texts()[key][language] in page for key in ("nothing", "no_disputed"))


def test_every_text_is_there_in_both_languages_with_the_same_places() -> None:
    for key, texts in load_texts().items():
        places = [set(re.findall(r"\{(\w+)\}", texts[language])) for language in LANGUAGES]
        assert places[0] == places[1], key
        assert all(texts[language].strip() for language in LANGUAGES), key


def test_without_a_browser_the_html_is_written_and_a_line_says_how_to_print_it(
    queue: ReadQueue, tmp_path: Path, without_browser: None
) -> None:
    folder = tmp_path / "out"
    _, left_out = write_disagreements(queue.reviews, queue.cases, {}, folder)
    assert left_out[-1] == (
        "the PDF: this machine has no Chromium, Chrome or Edge; open disagreement_en.html in a browser and "
        "print it"
    )
    assert sorted(path.name for path in folder.iterdir()) == [
        "disagreement_en.html",
        "disagreement_zh.html",
        "no_pdf.txt",
    ]
    said = (folder / "no_pdf.txt").read_text(encoding="utf-8")
    assert "Open the HTML file in a browser and print it" in said and "打印" in said


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are shell scripts")
@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exit 3", "ended with exit code 3 and printed nothing"),
        ("exec sleep 60", "did not print it in 2 seconds"),
    ],
)
def test_a_browser_that_prints_nothing_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, words: str
) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    browser.chmod(0o700)
    monkeypatch.setattr(printing, "find_browser", lambda: str(browser))
    monkeypatch.setattr(printing, "LONGEST_SECONDS", 2.0)
    with pytest.raises(ExportError, match=words):
        printing.print_pdf(tmp_path / "page.html", tmp_path / "page.pdf")


def test_a_report_compares_every_reader_with_the_model_and_with_each_other(queue: ReadQueue) -> None:
    report = gather_report(_select(queue), _predictions(), queue.reviews)
    itch = next(entry for entry in report.families if entry.title["en"] == "Itch")
    # complete readings of itch: Li yes, yes; Wang not mentioned (one case in common); the model yes
    assert (report.known, report.incomplete) == ((0, 2, 0), 1)
    assert itch.with_model == Measured(1 / 2, count=2) and itch.among_readers == Measured(0.0, count=1)
    assert [name["en"] for name in report.names] == ["Model", "Li", "Wang"] and report.models == {
        "segmentation": "square@1"
    }
    assert np.array_equal(report.dice, report.dice.T) and np.array_equal(np.diag(report.dice), np.ones(3))
    both = [saved.review.masks["IMG_ENC00001_00001"] for saved in (queue.reviews[0], queue.reviews[2])]
    assert report.dice[1, 2] == dice(count_pixels(*(decode_mask(runs) for runs in both)))
    assert report.dice_among_readers == Measured(report.dice[1, 2], count=1)
    # those of complete readings
    assert report.dice_with_model is not None and report.dice_with_model.count == 2
    model = _predictions()["ENC00001"]
    found = lesion_mask(model.photos[0].probability, SIZES["IMG_ENC00001_00001"], model.threshold)
    with_model = [dice(count_pixels(decode_mask(runs), found)) for runs in both]
    assert report.dice_with_model.value == pytest.approx(np.mean(with_model)), (
        "of the photo that both outlined"
    )


def test_answers_that_were_changed_after_the_reveal_are_counted(queue: ReadQueue) -> None:
    changed = sum(
        {answer(1)[question.qid] for question in family.questions}
        != {answer(2)[question.qid] for question in family.questions}
        for family in load_families()
    )
    assert gather_report(_select(queue), {}, queue.reviews).switched == Measured(changed / 9, count=9)
    assert gather_report(_select(queue), {}, queue.reviews[:2]).switched is None


def test_a_folder_with_something_in_it_is_refused(queue: ReadQueue, tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("mine", encoding="utf-8")
    with pytest.raises(ExportError, match="not empty"):
        write_disagreements(queue.reviews, queue.cases, {}, tmp_path)


def test_coefficients_have_their_columns_only_where_there_are_any(queue: ReadQueue) -> None:
    with_kappa = make_report(queue)
    without = replace(
        with_kappa, families=tuple(replace(family, kappa=None) for family in with_kappa.families)
    )
    for language in LANGUAGES:
        for report, shown in ((with_kappa, True), (without, False)):
            assert ("kappa" in render_html(report, language)) is shown


def test_numbers_have_their_icc_in_the_report(queue: ReadQueue) -> None:
    without = make_report(queue)
    first = replace(without.families[0], icc=Measured(0.81, 0.62, 0.93, 12))
    with_icc = replace(without, families=(first, *without.families[1:]))
    for language in LANGUAGES:
        html = render_html(with_icc, language)
        assert "<th scope='col' class=''>ICC</th>" in html and "0.81" in html and "ICC(2,1)" in html
        assert "ICC" not in render_html(without, language)


def test_families_on_which_readers_differ_most_from_the_model_come_first(queue: ReadQueue) -> None:
    shares = [
        family.with_model.value
        for family in gather_report(_select(queue), _predictions()).families
        if family.with_model
    ]
    assert shares == sorted(shares) and len(set(shares)) > 1


def test_the_coefficients_are_those_of_the_agreement_page(queue: ReadQueue) -> None:
    selection, predictions = _select(queue), _predictions()
    report = gather_report(selection, predictions, queue.reviews)
    models = {
        CaseKey(selection.queue, name): read_model(
            prediction, {photo.photo_id for photo in prediction.photos}
        )
        for name, prediction in predictions.items()
    }
    found = measure_agreement(
        gather_panel([saved for case in selection.cases for saved in case.readings], models),
        load_challenge().families,
    )
    by_family = {numbers.family_id: numbers for numbers in found.families}
    assert [family.kappa for family in report.families] == [
        by_family[family.family_id].with_model.kappa for family in report.families
    ]
    assert any(family.kappa is not None for family in report.families)
    assert report.dice_with_model == found.masks.dice_with_model is not None
    assert report.switched is not None and report.switched.count == 9
