"""The most similar labelled cases answer: never the case itself, by a vote that can be worked out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from magic_demo.__main__ import main
from magic_demo.core.errors import CheckpointError
from magic_demo.core.types import Narrative
from magic_demo.files.answers import read_answers
from magic_demo.models.answers.neighbours.answerer import NeighbourAnswerer
from magic_demo.models.answers.neighbours.case_index import CaseIndex, VoteSettings, build_index
from magic_demo.models.answers.neighbours.folder import read_index, write_index
from magic_demo.models.answers.neighbours.search import find_nearest, vote, weigh_neighbours
from magic_demo.models.registry import load_answerer
from magic_demo.questions.families import load_challenge
from tests.support.tiny_answerer import write_encoders

ITCH = "CQID025-001"
DEFAULT = VoteSettings()
WORDS = (
    "A red patch on the left arm that itches at night",
    "The red patch on my arm itches a lot",
    "Brown mole on the back, it does not itch",
    "Blisters on both feet after a long hike",
)
CHINESE = ("左臂红斑，夜间瘙痒", "手臂红斑很痒", "背部褐色痣，不痒", "双脚水疱")


def _answers(itch: int) -> dict[str, int]:
    return {question.qid: 0 for question in load_challenge().questions} | {ITCH: itch}


ANSWERS = [_answers(0), _answers(0), _answers(1), _answers(2)]


def _index(settings: VoteSettings = DEFAULT) -> CaseIndex:
    narratives = [Narrative(*texts) for texts in zip(WORDS, CHINESE, strict=True)]
    return build_index([f"ENC{number}" for number in range(4)], narratives, ANSWERS, settings=settings)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in the challenge's layout: four labelled train cases, and a valid case with other
    words."""
    folder = tmp_path_factory.mktemp("retrieval")
    for split, words in (("train", WORDS), ("valid", ("An itching red patch on the arm",))):
        rows = [
            {"encounter_id": f"ENC{split[0]}{number}", "image_ids": [], "query_content_en": text}
            for number, text in enumerate(words)
        ]
        (folder / f"{split}.json").write_text(json.dumps(rows), encoding="utf-8")
        gold = [{"encounter_id": row["encounter_id"], **ANSWERS[0]} for row in rows]
        for row, given in zip(gold, ANSWERS, strict=False):
            row.update(given)
        (folder / f"{split}_cvqa.json").write_text(json.dumps(gold), encoding="utf-8")
    return folder


def test_the_most_similar_words_come_first_in_either_language() -> None:
    for narrative in (Narrative(en="my arm has an itching red patch"), Narrative(zh="手臂有红斑，很痒")):
        rows, similarities = _index().find(narrative)
        assert set(rows[:2].tolist()) == {0, 1}
        assert (np.diff(similarities) <= 0).all() and len(rows) == 4


def test_a_case_is_never_its_own_neighbour() -> None:
    """Its words in either language, with other spaces and case, are the case itself."""
    index = _index()
    for narrative in (Narrative(*texts) for texts in zip(WORDS, CHINESE, strict=True)):
        for asked in (narrative, Narrative(en=narrative.en.upper() + "  "), Narrative(zh=narrative.zh)):
            rows, _ = index.find(asked)
            assert len(rows) == 3
            assert not index.digests[WORDS.index(narrative.en)] & {
                digest for row in rows for digest in index.digests[row]
            }


def test_the_vote_is_worked_out_by_hand() -> None:
    """Similarities of 0.9 and 0.8 at a warmth of 0.1 count 1 and 1/e; one vote is the rates'."""
    counts = weigh_neighbours(np.array([0.9, 0.8]), 0.1)
    assert counts == pytest.approx([1, 1 / np.e])
    labels = np.array([[True, False], [False, True]])
    rates = np.array([0.2, 0.8])
    assert vote(labels, counts, rates, 1.0) == pytest.approx(
        [(1 + 0.2) / (2 + 1 / np.e), (1 / np.e + 0.8) / (2 + 1 / np.e)]
    )
    allowed = np.array([True, False, True, True])
    assert find_nearest(np.array([0.1, 0.9, 0.5, 0.5]), allowed, 2).tolist() == [2, 3]


def test_without_words_what_is_frequent_is_said() -> None:
    scores = _index().score(Narrative())
    assert np.exp(scores[ITCH]).argmax() == 0 and len(scores) == 27


def test_older_labels_count_less() -> None:
    narratives = [Narrative(en=words) for words in WORDS]
    index = build_index([f"ENC{n}" for n in range(4)], narratives, ANSWERS, present_from="ENC2")
    assert index.weights["CQID036"].tolist() == [0.05, 0.05, 1, 1]
    assert index.weights["CQID025"].tolist() == [1, 1, 1, 1]


def test_an_index_is_read_as_it_was_written(tmp_path: Path) -> None:
    index = _index(VoteSettings(neighbours=2))
    write_index(tmp_path / "index", index, "train", ANSWERS)
    read = read_index(tmp_path / "index")
    asked = Narrative(en="an itching arm", zh="手臂痒")
    assert read.find(asked)[0].tolist() == index.find(asked)[0].tolist()
    assert all(np.array_equal(read.score(asked)[qid], row) for qid, row in index.score(asked).items())
    (tmp_path / "index" / "cases.json").write_text("[]", encoding="utf-8")
    with pytest.raises(CheckpointError, match="the index of cases cannot be read"):
        load_answerer(tmp_path / "index")


def test_neighbours_of_the_train_split_answer_the_valid_split(data: Path, tmp_path: Path) -> None:
    index, out = tmp_path / "index", tmp_path / "out"
    assert main(["index", str(data), "--out", str(index)]) == 0
    answerer = load_answerer(index)
    assert {case for case, _ in json.loads((index / "cases.json").read_text())} == {
        f"ENCt{number}" for number in range(4)
    }
    command = ["predict", str(data), "--split", "valid", "--out", str(out), "--answers", str(index)]
    assert main([*command, "--segmentation", "none", "--cues", "none", "--quiet"]) == 0
    assert read_answers(out / "data_cvqa_sys.json")["ENCv0"][ITCH] == 0
    assert answerer.score(WORDS[3], [])[ITCH].argmax() == 0, "its own answer, 2, has no say"
    assert main(["index", str(data), "--out", str(index)]) == 1
    assert main(["index", str(data), "--split", "test", "--out", str(tmp_path / "no")]) == 1


def test_a_text_encoders_folder_can_compare_the_words(data: Path, tmp_path: Path) -> None:
    encoders = write_encoders(tmp_path / "encoders")
    command = ["index", str(data), "--encoder", str(encoders / "text"), "--out", str(tmp_path / "index")]
    assert main(command) == 0
    read = read_index(tmp_path / "index")
    assert read.encoder is not None
    vectors = read.encoder.encode([*WORDS, ""])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    rows, similarities = read.find(Narrative(en="an itching arm"))
    expected = vectors[:4] @ read.encoder.encode(["an itching arm"])[0]
    assert similarities == pytest.approx(np.sort(expected)[::-1], abs=1e-5) and len(rows) == 4


def test_similar_cases_are_those_that_vote_and_never_the_case_itself() -> None:
    answerer = NeighbourAnswerer(_index(), {}, "index")
    found = answerer.find_similar("ELSEWHERE", Narrative(*WORDS[:1]), [], "CQID025")
    assert found[0].case_id == "ENC1" and "ENC0" not in {case.case_id for case in found}
    assert found[0].options == frozenset({0}) and found[0].similarity > found[-1].similarity
    changed = answerer.find_similar("ENC1", Narrative(WORDS[1] + " now"), [], "CQID025")
    assert "ENC1" not in {case.case_id for case in changed}, "its words were changed, it is the case still"
