"""Each reader beside themselves: cases read a second time after a wash-out."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from magic_demo.__main__ import main
from magic_demo.core.review_types import Review, SavedReview
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.page.agreement.again import render_again
from magic_demo.questions.families import QuestionSet, read_questions
from magic_demo.reviews.agreement.again import measure_again
from magic_demo.reviews.agreement.sources import AgreementChoice, AgreementSource
from magic_demo.reviews.store import NewCase, Store
from tests.support.own_questions import THREE
from tests.support.store.reviewed_cases import draw_mask

SIZES = {
    "ann": ([10, 20, 30, 40, 50, 60], [10, 20, 30, 40, 50, 60]),
    "bo": ([5, 15, 25, 35, 45, 55], [9, 15, 21, 35, 45, 60]),
}


@pytest.fixture
def asked(tmp_path: Path) -> QuestionSet:
    (tmp_path / "q.yaml").write_text(THREE, encoding="utf-8")
    return read_questions(tmp_path / "q.yaml")


@pytest.fixture
def place(asked: QuestionSet, tmp_path: Path) -> Path:
    """Return a store in which ann and bo have read six cases twice, ann the same both times, chen once."""
    with Store.open(tmp_path / "store") as store:
        for name in ("ann", "bo", "chen"):
            store.add_reader(name)
        store.add_cases("q", [NewCase(f"C{number}", photos=("P",)) for number in range(6)])
        store.ask("q", asked)
        store.repeat("q", "q again", 0)
        for reader, readings in (*SIZES.items(), ("chen", (SIZES["ann"][0],))):
            for queue, sizes in zip(("q", "q again"), readings, strict=False):
                for number, size in enumerate(sizes):
                    turned = reader == "bo" and queue != "q"
                    answers = {
                        "ITCH-001": number % 3 if not turned else 2 - number % 3,
                        "SIZE-001": size,
                        "SIGNS-001": 0,
                        "SIGNS-002": 3,
                    }
                    masks = {"P": encode_mask(draw_mask((30, 40), 1 + turned))}
                    store.save(
                        Review(f"C{number}", reader, "blind", "done", answers, masks=masks, queue=queue)
                    )
    return tmp_path / "store"


def test_each_reader_is_compared_with_themselves_over_the_cases_read_twice(
    place: Path, asked: QuestionSet
) -> None:
    with Store.open(place) as store:
        first, second = store.all_reviews("q"), store.all_reviews("q again")
    later = [replace(saved, saved_at=saved.saved_at + timedelta(days=30)) for saved in second]
    ann, bo = measure_again(first, later, asked.families, resamples=50)
    assert (ann.reader, ann.cases, bo.reader, bo.cases) == ("ann", 6, "bo", 6)
    assert 29.9 < ann.days[0] <= ann.days[1] < 30.1
    itch, size, _signs = ann.families
    assert itch.among_readers.kappa is not None and itch.among_readers.kappa.value == 1
    assert size.icc is not None and size.icc.value == 1 and ann.dice is not None and ann.dice.value == 1
    itch, size, _signs = bo.families
    assert itch.among_readers.kappa is not None and itch.among_readers.kappa.value < 0
    assert size.icc is not None and 0.9 < size.icc.value < 1 and bo.dice is not None and bo.dice.value < 1
    (alone,) = measure_again(first, _of(later, "ann", {"C0", "C1"}), asked.families, resamples=0)
    assert (alone.reader, alone.cases) == ("ann", 2)


def _of(rows: list[SavedReview], reader: str, cases: set[str]) -> list[SavedReview]:
    return [saved for saved in rows if saved.review.reader == reader and saved.review.case_id in cases]


def test_the_command_says_it_of_the_second_queue(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["agreement", "--store", str(place), "--queue"]
    assert main([*given, "q"]) == 0
    assert "themselves" not in capsys.readouterr().out
    assert main([*given, "q again"]) == 0
    said = capsys.readouterr().out
    assert "ann: 6 cases, 0 to 0 days apart; same 100%" in said and "SIZE Largest diameter: same 100%" in said
    assert main([*given, "q again", "--reader", "bo", "--json"]) == 0
    (bo,) = json.loads(capsys.readouterr().out)["again"]
    assert bo["reader"] == "bo" and bo["families"][1]["icc"]["value"] < 1


def test_the_page_has_the_numbers_of_the_command_beside_those_between_readers(
    place: Path, asked: QuestionSet
) -> None:
    with Store.open(place) as store:
        source = AgreementSource(store, lambda _case: None)
        found = source.measure(AgreementChoice(queue="q again"), None)
        (only,) = source.measure(AgreementChoice(queue="q again", readers=frozenset({"bo"})), None).again
        assert source.measure(AgreementChoice(queue="q"), None).again == ()
        hidden = source.measure(AgreementChoice(queue="q again"), "chen").again
    assert (only.reader, hidden) == (
        "bo",
        (),
    )  # chen has read nothing twice, and may see nobody's second reading
    drawn = render_again(found.again, found.agreement, "same", asked)
    rows = re.findall(r"<tr(?: [^>]*)?>.*?</tr>", drawn)[1:]
    plain = [re.sub(r"<[^>]+>", " ", row) for row in rows]
    for row, one in zip(plain, found.again, strict=False):
        same, dice = one.overall.among_readers.same, one.dice
        assert same is not None and dice is not None
        assert one.reader in row and f"{same.value:.0%}" in row and f"{dice.value:.2f}" in row
    between = found.agreement.overall.among_readers.same
    assert between is not None and f"{between.value:.0%}" in plain[-1] and len(rows) == 3
    sizes = [
        next(numbers.icc for numbers in families if numbers.family_id == "SIZE")
        for families in (*(one.families for one in found.again), found.agreement.families)
    ]
    assert all(icc is not None and f"{icc.value:.2f}" in row for row, icc in zip(plain, sizes, strict=True))
    assert sizes[1] != sizes[2] and drawn.count('<th scope="col">') == 6
    kappa = found.again[1].overall.among_readers.kappa
    assert kappa is not None
    assert f"{kappa.value:.2f}" in render_again(found.again, found.agreement, "kappa", asked)
    assert render_again((), found.agreement, "same", asked) == ""
