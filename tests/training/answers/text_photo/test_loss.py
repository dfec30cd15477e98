"""What the closed questions' model learns by: the labels, the family above them, and slots that do not
contradict each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, log_softmax

from magic_demo.models.answers.text_photo_answerer import list_units, option_layout, place_families
from magic_demo.models.answers.text_photo_model import TextPhotoAnswererOutput
from magic_demo.models.loading.preprocessing import Preprocessing
from magic_demo.questions.families import load_families
from tests.models.answers.test_text_photo_answerer import make_model, make_tokenizer
from training.answers.text_photo.data import make_collator, make_labels
from training.answers.text_photo.loss import CaseLoss, LossSettings, spread_options

pytestmark = pytest.mark.numeric

FAMILIES = load_families()
SMALL = Preprocessing((32, 32), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
PLACES = {family.family_id: place for family, place in place_families(FAMILIES)}
OPTIONS = sum(len(family.options["en"]) for family in FAMILIES)
SITES = next(family for family in FAMILIES if family.family_id == "CQID011")
ITCH = next(family for family in FAMILIES if family.family_id == "CQID025")


def put_out(raw: Tensor, *, sets: bool = True) -> TextPhotoAnswererOutput:
    """Return what a model whose head gave ``raw`` (B, O) would put out."""
    shares = torch.cat([log_softmax(raw[:, place], dim=-1) for place in PLACES.values()], dim=1)
    several = (option_layout(FAMILIES)["option_slots"] > 1)[None, :]
    return TextPhotoAnswererOutput(
        logits=torch.where(several, raw, shares) if sets else shares, log_shares=shares
    )


def answer_sites(*labels: int) -> Tensor:
    """Return (1, O) labels of a reference that answers where it is, and nothing else."""
    filled = [*labels, *[SITES.padding] * len(SITES.questions)][: len(SITES.questions)]
    answers = {question.qid: label for question, label in zip(SITES.questions, filled, strict=True)}
    return torch.from_numpy(make_labels(answers, FAMILIES, sets=True))[None]


def score_sites(nothing: float, **labels: float) -> Tensor:
    """Return raw scores (1, O): of "Not mentioned" for the sites, of ``label_<index>``, -4 for the family's
    others."""
    raw = torch.zeros(1, OPTIONS)
    place = PLACES["CQID011"]
    raw[0, place] = -4.0
    raw[0, place.start + SITES.not_mentioned] = nothing
    for name, value in labels.items():
        raw[0, place.start + int(name.removeprefix("label_"))] = value
    return raw


def measure(raw: Tensor, labels: Tensor, *, sets: bool = True, **weights: float) -> float:
    return float(CaseLoss(LossSettings(**weights), FAMILIES, sets=sets)(put_out(raw, sets=sets), labels))


def test_without_weights_it_is_the_labels_alone() -> None:
    torch.manual_seed(1)
    raw = torch.randn(3, OPTIONS)
    answers = [
        {question.qid: index % question.option_count for family in FAMILIES for question in family.questions}
        for index in range(3)
    ]
    labels = torch.from_numpy(np.stack([make_labels(given, FAMILIES, sets=True) for given in answers]))
    expected = 0.0
    for family in FAMILIES:
        scores, goal = raw[:, PLACES[family.family_id]], labels[:, PLACES[family.family_id]]
        if len(family.questions) > 1:
            expected += float(binary_cross_entropy_with_logits(scores, goal, reduction="sum"))
        else:
            expected += float(-(goal * log_softmax(scores, dim=-1)).sum())
    assert measure(raw, labels) == pytest.approx(expected / (3 * len(FAMILIES)), rel=1e-5)
    shares = torch.from_numpy(np.stack([make_labels(given, FAMILIES, sets=False) for given in answers]))
    whole = torch.stack(
        [-(shares[:, place] * log_softmax(raw[:, place], dim=-1)).sum() for place in PLACES.values()]
    ).sum()
    assert measure(raw, shares, sets=False) == pytest.approx(float(whole) / (3 * len(FAMILIES)), rel=1e-5)


def test_slots_that_contradict_each_other_cost_more_than_slots_that_agree() -> None:
    """One slot says "Not mentioned" of the family while another names the upper extremities: the labels' own
    loss is the same."""
    reference = answer_sites(2)
    agree, contradict = score_sites(-4.0, label_2=4.0), score_sites(4.0, label_2=4.0)
    assert measure(contradict, reference, siblings=1.0) > measure(agree, reference, siblings=1.0) + 1.0
    silent = answer_sites()
    agree, contradict = score_sites(4.0), score_sites(-4.0)
    assert measure(contradict, silent, siblings=1.0) > measure(agree, silent, siblings=1.0) + 1.0


@given(st.lists(st.floats(-12, 12), min_size=len(SITES.options["en"]), max_size=len(SITES.options["en"])))
@settings(max_examples=50)
def test_contradiction_never_lowers_the_loss_and_costs_nothing_where_the_accounts_agree(
    scores: list[float],
) -> None:
    raw = torch.zeros(1, OPTIONS, dtype=torch.float64)
    place = PLACES["CQID011"]
    raw[0, place] = torch.tensor(scores, dtype=torch.float64)
    reference = answer_sites(0, 5)
    assert measure(raw, reference, siblings=1.0) >= measure(raw, reference, siblings=1e-9) - 1e-5
    labels = [value for index, value in enumerate(scores) if index != SITES.not_mentioned]
    together = -np.logaddexp(0, labels).sum()
    if together < -0.01:
        raw[0, place.start + SITES.not_mentioned] = together - np.log(-np.expm1(together))
        assert measure(raw, reference, siblings=1.0) == pytest.approx(
            measure(raw, reference, siblings=1e-9), abs=1e-4
        )


def test_the_parent_is_whether_anything_is_mentioned_whichever_label() -> None:
    reference = answer_sites(2)
    silent, wrong_label = score_sites(4.0), score_sites(-4.0, label_5=4.0)
    added = [
        measure(raw, reference, parent=1.0) - measure(raw, reference, parent=1e-9)
        for raw in (silent, wrong_label)
    ]
    assert added[0] > 3.0
    assert added[1] < 0.1


def test_the_parent_of_a_family_of_one_slot_is_its_not_mentioned() -> None:
    raw = torch.zeros(1, OPTIONS)
    place = PLACES["CQID025"]
    raw[0, place] = torch.tensor([1.0, 0.5, 2.0])
    labels = torch.full((1, OPTIONS), torch.nan)
    labels[0, place] = torch.tensor([0.0, 1.0, 0.0])
    silent = float(raw[0, place].softmax(dim=-1)[ITCH.not_mentioned])
    assert measure(raw, labels, parent=1.0) - measure(raw, labels) == pytest.approx(
        -np.log(1 - silent), rel=1e-4
    )
    assert measure(raw, labels, siblings=1.0) == pytest.approx(measure(raw, labels), rel=1e-6)


def test_softmax_over_slots_has_a_parent_too() -> None:
    shares = torch.full((1, OPTIONS), torch.nan)
    place = PLACES["CQID011"]
    shares[0, place] = 0.0
    shares[0, place.start + SITES.not_mentioned] = 1.0
    raw = score_sites(1.0)
    all_slots = len(SITES.questions) * float(raw[0, place].log_softmax(dim=-1)[SITES.not_mentioned])
    added = measure(raw, shares, sets=False, parent=1.0) - measure(raw, shares, sets=False)
    assert added == pytest.approx(-all_slots, rel=1e-4)


def test_families_without_answer_teach_nothing() -> None:
    raw = score_sites(1.0, label_2=1.0).requires_grad_()
    CaseLoss(LossSettings(parent=1.0, siblings=1.0), FAMILIES, sets=True)(
        put_out(raw), answer_sites(2)
    ).backward()  # type: ignore[no-untyped-call]
    assert raw.grad is not None
    place = PLACES["CQID011"]
    assert bool((raw.grad[0, place] != 0).all())
    outside = torch.cat([raw.grad[0, : place.start], raw.grad[0, place.stop :]])
    assert not bool(outside.any())
    unknown = torch.full((1, OPTIONS), torch.nan)
    assert measure(raw.detach(), unknown, parent=1.0, siblings=1.0) == 0.0


@pytest.mark.parametrize("sets", [True, False])
@pytest.mark.parametrize("size", [0.0, 30.0, 500.0])
def test_scores_of_any_size_have_a_finite_loss_and_gradient(sets: bool, size: float) -> None:
    torch.manual_seed(0)
    raw = (torch.randn(4, OPTIONS).sign() * size).requires_grad_()
    answers = [
        {question.qid: index % question.option_count for family in FAMILIES for question in family.questions}
        for index in range(4)
    ]
    labels = torch.from_numpy(np.stack([make_labels(given, FAMILIES, sets=sets) for given in answers]))
    loss = CaseLoss(LossSettings(parent=1.0, siblings=1.0), FAMILIES, sets=sets)(
        put_out(raw, sets=sets), labels
    )
    loss.backward()  # type: ignore[no-untyped-call]
    assert bool(torch.isfinite(loss)) and raw.grad is not None and bool(torch.isfinite(raw.grad).all())


def test_slots_that_contradict_each_other_come_to_agree() -> None:
    raw = score_sites(3.0, label_2=3.0).requires_grad_()
    loss = CaseLoss(LossSettings(siblings=1.0), FAMILIES, sets=True)
    optimizer = torch.optim.SGD([raw], lr=3.0)
    place = PLACES["CQID011"]
    for _ in range(60):
        optimizer.zero_grad()
        loss(put_out(raw), answer_sites(2)).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    scores = raw.detach()[0, place]
    assert scores[2] > 3.0
    assert scores[SITES.not_mentioned] < -2.0


@pytest.mark.parametrize("design", [{}, {"photo_head_size": 10}, {"learn_sets": False}])
def test_learning_reaches_every_part_of_the_model(design: dict[str, object]) -> None:
    model = make_model(**design).train()
    sets = bool(model.config.learn_sets)
    tokens = make_tokenizer()(["itchy", "red"], return_tensors="pt", padding=True)
    texts = make_tokenizer()(
        [f"option {index}" for index in range(OPTIONS)], return_tensors="pt", padding=True
    )
    answers = {question.qid: 0 for family in FAMILIES for question in family.questions}
    labels = torch.from_numpy(np.stack([make_labels(answers, FAMILIES, sets=sets)] * 2))
    output = model(
        pixel_values=torch.randn(2, 1, 3, 32, 32),
        photo_mask=torch.tensor([[True], [False]]),
        input_ids=tokens["input_ids"],
        attention_mask=tokens["attention_mask"] * torch.tensor([[0], [1]]),
        option_input_ids=texts["input_ids"],
        option_attention_mask=texts["attention_mask"],
        **option_layout(FAMILIES),
    )
    CaseLoss(LossSettings(parent=0.5, siblings=0.5), FAMILIES, sets=sets)(output, labels).backward()  # type: ignore[no-untyped-call]
    without = [
        name
        for name, weight in model.named_parameters()
        if weight.grad is None or not bool(weight.grad.isfinite().all())
    ]
    assert without == []


@pytest.mark.parametrize("option_texts", ["family", "question"])
def test_a_batch_of_single_questions_encodes_their_options_alone_and_loses_the_same(
    option_texts: str,
) -> None:
    units = list_units(FAMILIES, option_texts)
    model = make_model(
        fusion="concatenation", narrative_input=False, learn_sets=False, option_texts=option_texts
    )
    model.eval()  # type: ignore[no-untyped-call]
    collate = make_collator(make_tokenizer(), SMALL, units=units, most_tokens=32, language="en")
    items: list[dict[str, Any]] = []
    for qid, answer in (("CQID011-002", 3), ("CQID025-001", 1)):
        unit = next(index for index, one in enumerate(units) if any(q.qid == qid for q in one.questions))
        goal = make_labels({qid: answer}, units, sets=False)
        items.append({"text": "itchy", "photos": [], "labels": goal, "unit": unit})
    loss = CaseLoss(LossSettings(), units, sets=False)
    picked, whole = collate(items), collate([{**item, "unit": None} for item in items])
    assert len(picked["option_input_ids"]) == 8 + 3
    assert len(whole["option_input_ids"]) == (54 if option_texts == "family" else 194)
    places, labels = picked.pop("option_places"), picked.pop("labels")
    assert torch.equal(labels.nan_to_num(-1), whole.pop("labels").nan_to_num(-1))
    alone = loss(spread_options(model(**picked), places, labels.shape[1]), labels)
    torch.testing.assert_close(alone, loss(model(**whole), labels))
