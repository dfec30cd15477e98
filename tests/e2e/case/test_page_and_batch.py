"""What the page shows of a case is what batch mode writes for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

from magic_demo.__main__ import main
from magic_demo.files.answers import read_answers
from magic_demo.questions.families import load_families
from magic_demo.synthetic.bundled import load_examples
from tests.e2e.conftest import Watched
from tests.e2e.driving import open_example, page_mask

EXAMPLE = 1


def test_an_example_has_the_same_masks_and_answers_on_the_page_and_in_the_files(
    watched: Watched, repository: Path, tmp_path: Path
) -> None:
    case = load_examples()[EXAMPLE].encounter
    data = repository / "magic_demo" / "synthetic" / "examples" / "encounters.json"
    assert main(["predict", str(data), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    open_example(watched, EXAMPLE)
    for number, photo in enumerate(case.photos):
        watched.page.click(f'#photo-strip-list [data-photo="{number}"]')
        written = tifffile.imread(tmp_path / "out" / "masks_preds" / f"{photo.photo_id}_mask_sys.tiff")
        assert watched.page.locator("#viewer-name").inner_text() == photo.photo_id
        assert written.any() and np.array_equal(page_mask(watched), written.astype(bool))
    answers = read_answers(tmp_path / "out" / "data_cvqa_sys.json")[case.encounter_id]
    for family in load_families():
        held = {answers[question.qid] for question in family.questions}
        rows = watched.page.locator(f"#card-{family.family_id.lower()} .row.is-model").all()
        assert {int(row.get_attribute("data-option") or -1) for row in rows} == (
            held - {family.not_mentioned} or held
        )
