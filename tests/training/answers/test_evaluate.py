"""The closed questions' report: one page, nothing fetched, words escaped and marked."""

from __future__ import annotations

import html.parser
import json
from pathlib import Path

import pytest

from magic_demo.cues.cue_model import CueModel
from magic_demo.models.predictor import Predictor
from magic_demo.questions.families import load_families
from training.answers.evaluate import judge_predictor, main
from training.answers.report import AnswersReport, find_mistakes, write_answers_report
from training.cases.sources import CaseSource, LearningCase
from training.runs.reports.report_page import draw_table, mark_words

FAMILIES = load_families()
SOURCE = CaseSource("made", "challenge", photos=False)


class _Reader(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]


def _cases(count: int = 6) -> list[LearningCase]:
    answers = {question.qid: family.padding for family in FAMILIES for question in family.questions}
    texts = ("Itchy <b>red</b> rash on both hands for three weeks", "双手红疹三周，很痒")
    return [
        LearningCase(f"ENC{number:05d}", SOURCE, texts, (), answers, f"made/{number}")
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def cues(repository: Path) -> CueModel:
    return CueModel.load(repository / "checkpoints" / "cue-model")


def test_the_page_shows_every_part_and_fetches_nothing(cues: CueModel, tmp_path: Path) -> None:
    cases = _cases()
    judged = judge_predictor(Predictor(None, None, cues), cases)
    mistakes = find_mistakes(cases, judged, [cues] * len(cases))
    columns = {"all": 0.5, "low": 0.4, "high": 0.6, **{family.family_id: 0.5 for family in FAMILIES}}
    report = AnswersReport(
        "made", {"made cases": {"constant": columns, "model": columns}}, {"ours": 0.5}, judged, 0.06, mistakes
    )
    write_answers_report(tmp_path / "report.html", report)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    reader = _Reader()
    reader.feed(page)
    assert not reader.links and not {"script", "link"} & set(reader.tags)
    assert "&lt;b&gt;" in page and reader.tags.count("svg") == len(FAMILIES) and "mark" in reader.tags
    for words in (
        "Beside the published systems",
        "H3N1",
        "Calibration",
        "does not know",
        "Confusions",
        "most confident mistakes",
        "0.400 to 0.600",
    ):
        assert words in page


def test_mistakes_are_wrong_and_the_surest_come_first(cues: CueModel) -> None:
    cases = _cases()
    mistakes = find_mistakes(cases, judge_predictor(Predictor(None, None, cues), cases), [cues] * len(cases))
    assert mistakes and all(mistake.credit < 0.5 for mistake in mistakes)
    assert [mistake.expected for mistake in mistakes] == sorted(
        (mistake.expected for mistake in mistakes), reverse=True
    )
    assert "CQID025" in {mistake.family.family_id for mistake in mistakes}


def test_marked_words_keep_the_text_and_never_overlap() -> None:
    assert mark_words("a <b> itchy", [(6, 11, True), (8, 11, False)]) == "a &lt;b&gt; <mark>itchy</mark>"
    assert mark_words("no itch", [(0, 2, False)]) == "<mark class='against'>no</mark> itch"


def test_a_table_escapes_its_cells() -> None:
    assert "<td>&lt;x&gt;</td>" in draw_table(["a"], [["<x>"]])


def test_checkpoints_are_judged_on_a_split(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = [
        "--split",
        "train",
        "--checkpoint",
        "none",
        "--segmentation",
        "none",
        "--text-only",
        "--out",
        str(tmp_path),
    ]
    assert main(["--data", str(shared_data / "dermavqa"), *chosen]) == 0
    assert "300 cases of train, text alone" in capsys.readouterr().out
    assert (tmp_path / "report.html").is_file()
    (table,) = json.loads((tmp_path / "data.json").read_text(encoding="utf-8"))
    assert table["counts"]["encounters"] == 842 and table["counts"]["with answers"] == 300
