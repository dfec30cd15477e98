"""The cue heads: every question scored whatever the text, kept whole on disk, and explained by the very
numbers that make the score."""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from magic_demo.core.errors import CheckpointError
from magic_demo.core.types import Language, Narrative
from magic_demo.cues.cue_model import CueModel, HeadFamily, LanguageHeads, route_texts
from magic_demo.cues.stated import stated_options
from magic_demo.questions.decoding import decode_answers
from magic_demo.questions.families import load_challenge, load_families
from magic_demo.synthetic.bundled import load_examples

TEXTS = [
    Narrative(
        en="My right forearm has had itchy red bumps for three weeks.", zh="右前臂红色丘疹三周，瘙痒。"
    ),
    Narrative(en="A boy with a brown patch on the neck since birth, it does not itch."),
    Narrative(zh="患者男，四十岁，双小腿皮疹五年，不痛不痒。"),
    Narrative(en="Please have a look at the picture."),
    Narrative(zh="看图"),
    Narrative(en="全身皮疹两天，很痒"),
    Narrative(en="¿Qué es esta mancha roja en la espalda?"),
    Narrative(en="<p>itchy</p> 😀 &nbsp; hands", zh=""),
    Narrative(en="12345 ???"),
    Narrative(),
]


@pytest.fixture(scope="module")
def model(repository: Path) -> CueModel:
    """Return the checkpoint that is shipped."""
    return CueModel.load(repository / "checkpoints" / "cue-model")


@pytest.fixture(scope="module")
def small() -> CueModel:
    """Return heads with two cues and two terms whose scores can be reckoned by hand."""
    families = (
        HeadFamily("CQID025", 1, 3, {"en": 1.0, "zh": 1.0, "both": 2.0}),
        HeadFamily("CQID011", 2, 2, dict.fromkeys(("en", "zh", "both"), 1.0)),
    )

    def heads(term: str, other: str) -> LanguageHeads:
        return LanguageHeads(
            cues={"itch:yes": 0, "itch:no": 1},
            terms={term: 0, other: 1},
            rarity=np.array([1.0, 1.0], np.float32),
            cue_weights=np.array([[2, -1, 0, 1, 0], [-1, 3, 0, 0, 1]], np.float32),
            term_weights=np.array([[0, 0, 1, 0.5, 0], [0, 0, 0, 0, 0]], np.float32),
            bias=np.array([0, 0, 1, -1, 1], np.float32),
        )

    by_language: dict[Language, LanguageHeads] = {"en": heads("rash", "never"), "zh": heads("皮", "疹")}
    return CueModel(families, by_language, np.log(np.array([0.5, 0.2, 0.3, 0.5, 0.5], np.float32)), {})


@pytest.mark.parametrize("narrative", TEXTS, ids=range(len(TEXTS)))
def test_every_question_gets_scores_that_decode(model: CueModel, narrative: Narrative) -> None:
    scores = model.score(narrative)
    questions = load_challenge().questions
    assert list(scores) == [question.qid for question in questions]
    for question in questions:
        assert scores[question.qid].shape == (question.option_count,)
        assert scores[question.qid].dtype == np.float32
        assert np.isfinite(scores[question.qid]).all()
    answers = decode_answers(scores, load_families(), model.set_priors)
    assert all(0 <= answers[question.qid] < question.option_count for question in questions)


def test_siblings_share_their_scores_and_single_slots_are_log_probabilities(model: CueModel) -> None:
    scores = model.score(TEXTS[0])
    for family in load_families():
        rows = [scores[question.qid] for question in family.questions]
        assert all(np.array_equal(row, rows[0]) for row in rows)
        if len(rows) == 1:
            assert np.exp(rows[0].astype(np.float64)).sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(
    ("narrative", "family", "option"),
    [
        (Narrative(en="The rash itches."), "CQID025", "yes"),
        (Narrative(en="No itching."), "CQID025", "no"),
        (Narrative(en="A mole on the chin."), "CQID025", "Not mentioned"),
        (Narrative(zh="瘙痒明显"), "CQID025", "yes"),
        (Narrative(zh="不痛不痒"), "CQID025", "no"),
        (Narrative(en="It began six days ago."), "CQID015", "within days"),
        (Narrative(en="A rash for seven years."), "CQID015", "multiple years"),
        (Narrative(zh="皮疹三个月"), "CQID015", "within months"),
        (Narrative(zh="病史十余年"), "CQID015", "multiple years"),
        (Narrative(en="Please help."), "CQID015", "Not mentioned"),
    ],
)
def test_what_the_words_say_is_answered(
    model: CueModel, narrative: Narrative, family: str, option: str
) -> None:
    known = {entry.family_id: entry for entry in load_families()}[family]
    best = int(model.score(narrative)[known.questions[0].qid].argmax())
    assert known.options["en"][best] == option


@pytest.mark.parametrize(
    ("narrative", "site"),
    [
        (Narrative(en="Red spots on her cheeks"), "head"),
        (Narrative(en="Blisters on the soles of the feet"), "lower extremities"),
        (Narrative(zh="双手掌脱皮"), "upper extremities"),
        (Narrative(zh="背部皮疹"), "back"),
        (Narrative(zh="颈部皮疹"), "neck"),
    ],
)
def test_a_named_site_is_among_the_answers(model: CueModel, narrative: Narrative, site: str) -> None:
    family = next(entry for entry in load_families() if entry.family_id == "CQID011")
    answers = decode_answers(model.score(narrative), load_families(), model.set_priors)
    assert family.options["en"].index(site) in {answers[question.qid] for question in family.questions}


def test_scores_are_the_same_every_time(model: CueModel, repository: Path) -> None:
    again = CueModel.load(repository / "checkpoints" / "cue-model")
    for narrative in TEXTS:
        first, second = model.score(narrative), again.score(narrative)
        assert all(np.array_equal(first[qid], second[qid]) for qid in first)


def test_the_examples_are_answered_as_their_own_text_states(model: CueModel) -> None:
    for example in load_examples():
        narrative = example.encounter.narrative
        answers = decode_answers(model.score(narrative), load_families(), model.set_priors)
        for family in load_families():
            stated = stated_options(narrative).get(family.family_id, frozenset())
            chosen = {answers[question.qid] for question in family.questions}
            assert chosen & stated or not stated, (example.encounter.encounter_id, family.family_id)


def test_what_is_stated_is_at_least_as_likely_as_it_was_right_in_training(small: CueModel) -> None:
    itch = dataclasses.replace(small.families[0], stated=0.9)
    model = dataclasses.replace(small, families=(itch, *small.families[1:]))
    narrative = Narrative(en="It does not itch.")
    before, after = (np.exp(of.score(narrative)["CQID025-001"].astype(np.float64)) for of in (small, model))
    assert before[1] < 0.95 and after[1] >= 0.9 - 1e-6 and after.sum() == pytest.approx(1)
    unlikely = dataclasses.replace(
        small, families=(dataclasses.replace(itch, stated=0.1), *small.families[1:])
    )
    assert np.array_equal(unlikely.score(narrative)["CQID025-001"], small.score(narrative)["CQID025-001"])


def test_what_a_statement_adds_is_a_reason_like_any_other(model: CueModel) -> None:
    narrative = Narrative(en="The colour is brown.")
    colours = next(family for family in load_families() if family.family_id == "CQID034")
    brown = colours.options["en"].index("brown")
    why = model.explain(narrative, "CQID034-001", brown)
    stated = next(reason for reason in why.reasons if reason.kind == "stated")
    assert narrative.en[slice(*stated.spans[0])] == "brown" and stated.contribution > 0
    assert why.base + sum(reason.contribution for reason in why.reasons) == pytest.approx(why.score, abs=1e-4)


def test_time_and_itch_do_not_speak_for_a_colour(model: CueModel) -> None:
    narrative = Narrative(en="Itches. It has been there for three years.", zh="很痒，三年了。")
    for option in range(12):
        for reason in model.explain(narrative, "CQID034-001", option).reasons:
            words = {getattr(narrative, reason.field)[start:end].lower() for start, end in reason.spans}
            assert not words & {"itches", "three years", "years", "痒", "很痒", "三年", "年"}, reason


def test_a_score_is_what_the_weights_say(small: CueModel) -> None:
    scores = small.score(Narrative(en="itchy rash"))
    logits = np.array([2.0, -1.0, 2.0])
    assert scores["CQID025-001"] == pytest.approx(logits - np.log(np.exp(logits).sum()), abs=1e-6)
    assert scores["CQID011-001"] == pytest.approx([0.5, 1.0])
    assert scores["CQID011-002"] == pytest.approx([0.5, 1.0])


def test_two_languages_are_averaged_and_tempered(small: CueModel) -> None:
    both = small.score(Narrative(en="itchy", zh="不痒"))["CQID025-001"]
    logits = (np.array([2.0, -1.0, 1.0]) + np.array([-1.0, 3.0, 1.0])) / 2 / 2.0
    assert both == pytest.approx(logits - np.log(np.exp(logits).sum()), abs=1e-6)


def test_no_words_give_what_is_frequent(small: CueModel) -> None:
    for narrative in (Narrative(), Narrative(en="123 !?"), Narrative(zh="😀")):
        assert np.exp(small.score(narrative)["CQID025-001"]) == pytest.approx([0.5, 0.2, 0.3], abs=1e-6)


def test_chinese_in_the_english_field_is_read_as_chinese(model: CueModel) -> None:
    text = "双小腿皮疹五年，瘙痒"
    left, right = model.score(Narrative(en=text)), model.score(Narrative(zh=text))
    assert all(np.array_equal(left[qid], right[qid]) for qid in left)
    (read,) = route_texts(Narrative(en=text))
    assert (read.field, read.language) == ("en", "zh")
    assert {reason.field for reason in model.explain(Narrative(en=text), "CQID025-001", 0).reasons} == {"en"}


@pytest.mark.parametrize("narrative", [text for text in TEXTS if route_texts(text)], ids=str)
def test_an_explanation_adds_up_to_the_score(model: CueModel, narrative: Narrative) -> None:
    scores = model.score(narrative)
    for family in load_families():
        qid = family.questions[-1].qid
        for option in range(len(family.options["en"])):
            explanation = model.explain(narrative, qid, option)
            assert explanation.score == float(scores[qid][option])
            assert explanation.base + sum(
                reason.contribution for reason in explanation.reasons
            ) == pytest.approx(explanation.score, abs=1e-6)


def test_the_base_of_a_log_odds_score_is_what_every_text_gets(small: CueModel) -> None:
    bases = [
        small.explain(Narrative(en=text), "CQID011-001", 0).base
        for text in ("itchy rash", "rash", "itchy", "hello there")
    ]
    assert bases == pytest.approx([-1.0] * 4)


def test_reasons_point_at_their_words(model: CueModel) -> None:
    narrative = TEXTS[0]
    explanation = model.explain(narrative, "CQID025-001", 0)
    top = explanation.reasons[0]
    assert top.name == "itch:yes"
    texts = {"en": narrative.en, "zh": narrative.zh}
    assert {
        texts[reason.field][start:end]
        for reason in explanation.reasons
        if reason.name == "itch:yes"
        for start, end in reason.spans
    } == {
        "itchy",
        "瘙痒",
    }
    sizes = [abs(reason.contribution) for reason in explanation.reasons]
    assert sizes == sorted(sizes, reverse=True)


def test_removing_the_words_that_speak_for_an_answer_lowers_its_score(model: CueModel) -> None:
    lowered = tried = 0
    for narrative in TEXTS[:3]:
        answers = decode_answers(model.score(narrative), load_families(), model.set_priors)
        for family in load_families():
            qid = family.questions[0].qid
            explanation = model.explain(narrative, qid, answers[qid])
            top = [
                reason for reason in explanation.reasons if reason.contribution > 0 and reason.kind == "cue"
            ][:2]
            if not top:
                continue
            texts: dict[Language, str] = {"en": narrative.en, "zh": narrative.zh}
            for reason in top:
                for start, end in reason.spans:
                    texts[reason.field] = (
                        texts[reason.field][:start] + " " * (end - start) + texts[reason.field][end:]
                    )
            tried += 1
            lowered += float(model.score(Narrative(**texts))[qid][answers[qid]]) < explanation.score
    assert tried >= 15
    assert lowered / tried >= 0.9


def test_unknown_questions_and_options_are_refused(model: CueModel) -> None:
    with pytest.raises(KeyError, match="CQID999"):
        model.explain(TEXTS[0], "CQID999-001", 0)
    with pytest.raises(IndexError, match="0 to 2"):
        model.explain(TEXTS[0], "CQID025-001", 3)


def test_a_checkpoint_comes_back_as_it_was_written(model: CueModel, tmp_path: Path) -> None:
    model.save(tmp_path / "copy")
    copy = CueModel.load(tmp_path / "copy")
    assert copy.families == model.families
    assert copy.set_priors == model.set_priors
    for narrative in TEXTS:
        first, second = model.score(narrative), copy.score(narrative)
        assert all(np.array_equal(first[qid], second[qid]) for qid in first)
    assert copy.model_id.partition("@")[0] == "copy"
    assert copy.model_id.partition("@")[2] == model.model_id.partition("@")[2]


def test_the_id_tells_other_weights_apart(model: CueModel, tmp_path: Path) -> None:
    dataclasses.replace(model, prior=model.prior + 1).save(tmp_path / "cues")
    assert CueModel.load(tmp_path / "cues").model_id != model.model_id


@pytest.mark.parametrize("name", ["config.json", "vocabulary.json", "model.safetensors", "decoding.json"])
@pytest.mark.parametrize("damage", ["missing", "broken"])
def test_a_damaged_checkpoint_is_one_line(repository: Path, tmp_path: Path, name: str, damage: str) -> None:
    folder = tmp_path / "cues"
    shutil.copytree(repository / "checkpoints" / "cue-model", folder)
    (folder / name).unlink() if damage == "missing" else (folder / name).write_bytes(b"{")
    with pytest.raises(CheckpointError) as caught:
        CueModel.load(folder)
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


def test_weights_that_do_not_fit_the_vocabulary_are_refused(repository: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cues"
    shutil.copytree(repository / "checkpoints" / "cue-model", folder)
    vocabulary = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
    vocabulary["en"]["cues"].pop()
    (folder / "vocabulary.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    with pytest.raises(CheckpointError, match="do not fit"):
        CueModel.load(folder)


def test_another_kind_of_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    with pytest.raises(CheckpointError, match="cue-heads"):
        CueModel.load(tmp_path)


def test_the_checkpoint_is_small_and_holds_no_narrative(repository: Path) -> None:
    folder = repository / "checkpoints" / "cue-model"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 1_500_000
    vocabulary = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
    assert max(len(term.split()) for term in vocabulary["en"]["terms"]) <= 2
    assert max(len(term) for term in vocabulary["zh"]["terms"]) <= 3


def test_an_encounter_takes_milliseconds(model: CueModel) -> None:
    narrative = Narrative(en=TEXTS[0].en * 8, zh=TEXTS[0].zh * 8)
    model.score(narrative)
    times = []
    for _ in range(20):
        start = time.process_time()
        model.score(narrative)
        times.append(time.process_time() - start)
    assert sorted(times)[5] < 0.03  # 15 ms is meant on an idle core


@settings(max_examples=60)
@given(st.text(max_size=120), st.text(alphabet=st.sampled_from("手背痒不无年月红疹，。 a1"), max_size=60))
def test_any_text_decodes_to_valid_answers(english: str, chinese: str) -> None:
    model = CueModel.load(Path(__file__).resolve().parents[2] / "checkpoints" / "cue-model")
    answers = decode_answers(
        model.score(Narrative(en=english, zh=chinese)), load_families(), model.set_priors
    )
    assert set(answers) == {question.qid for question in load_challenge().questions}
