"""The decoder learns, and nothing else of the model moves; a run that is gone on with ends as it would have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.models.answers.test_photo_evidence import make_segmenter
from training.learning.fine_tuning.decoder import DECODER, Batch, DecoderRun, DecoderSettings, teach_decoder

pytestmark = pytest.mark.numeric
SETTINGS = DecoderSettings(steps=4, batch_size=2, learning_rate=1e-2, old_weights=0.0)


def read_batch(run: DecoderRun, step: int) -> Batch:
    """Return photos of chance, the same for a step."""
    chance = torch.Generator().manual_seed(step)
    photos = torch.rand(2, 3, 64, 64, generator=chance) * 2 - 1
    labels = (torch.rand(2, 64, 64, generator=chance) > 0.5).float()
    with torch.no_grad():
        words = run.network.encode_prompt(*(torch.zeros(2, 0, dtype=torch.long),) * 2)
        return Batch(run.network.encode_photo(photos), words, labels, torch.tensor([False, True]))


def teach(kept: Path | None, steps: int, old_weights: float = 0.0) -> dict[str, torch.Tensor]:
    run = DecoderRun(make_segmenter().model, replace(SETTINGS, old_weights=old_weights), kept)
    teach_decoder(run, lambda step: read_batch(run, step), over=lambda one: float(one.step >= steps))
    return {name: value.clone() for name, value in run.network.state_dict().items()}


def test_only_the_decoder_learns() -> None:
    before = make_segmenter().model.state_dict()  # type: ignore[attr-defined]
    after = teach(None, 4)
    moved = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert moved and all(name.startswith(DECODER) for name in moved)
    assert not any("running" in name for name in moved), "statistics of a few photos count for nothing"


def test_a_run_that_is_gone_on_with_ends_as_one_that_was_not_stopped(tmp_path: Path) -> None:
    whole = teach(None, 4)
    teach(tmp_path / "state.pt", 2)
    resumed = teach(tmp_path / "state.pt", 4)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_old_weights_are_averaged_into_the_new_ones_a_resumed_run_s_too(tmp_path: Path, share: float) -> None:
    before, learnt = make_segmenter().model.state_dict(), teach(None, 4)  # type: ignore[attr-defined]
    blended = [
        teach(kept, 4, old_weights=share)
        for kept in (None, tmp_path / "state.pt", tmp_path / "state.pt")  # the last one only goes on
    ]
    for name, value in learnt.items():
        expected = value.lerp(before[name], share) if value.is_floating_point() else value
        assert all(torch.allclose(one[name], expected, atol=1e-6) for one in blended), name


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_replayed_photo_wants_what_the_old_decoder_finds_also_after_steps(share: float) -> None:
    run = DecoderRun(make_segmenter().model, replace(SETTINGS, old_maps=share))
    batch = read_batch(run, 0)
    with torch.no_grad():
        found = run.network.decode(batch.features, batch.prompts).sigmoid()
    teach_decoder(run, lambda step: read_batch(run, step))
    wanted = run.want_masks(batch)
    assert torch.equal(wanted[0], batch.labels[0]), "a reviewed photo wants the reader's mask"
    torch.testing.assert_close(wanted[1], batch.labels[1].lerp(found[1], share))
    assert run.old.encoder is run.network.encoder, "only the decoder is there twice"


def test_learning_ends_when_the_time_is_over() -> None:
    run = DecoderRun(make_segmenter().model, SETTINGS)
    teach_decoder(run, lambda step: read_batch(run, step), over=lambda one: one.step / 2)
    assert run.step == 2
