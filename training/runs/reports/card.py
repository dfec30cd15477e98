"""The card of a trained model: what it is, what it learnt from, how it was judged, as the Hub reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from magic_demo.core.disk.whole_files import write_whole

CARD = "README.md"
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
TASKS = {"segmentation": "image-segmentation", "guidance": "image-segmentation"}
"""Training command -> the Hub's task; every other command answers questions about photos."""


def write_card(
    folder: Path,
    command: str,
    scores: Mapping[str, Any],
    *,
    start: str,
    training: Sequence[str],
    evaluation: Sequence[str],
    transformations: Sequence[str] = (),
) -> None:
    """Write ``README.md`` for a checkpoint, unless somebody has written one.

    command: of ``python -m training``. scores: of the last evaluation, as the trainer names them
    (``eval_dice``, ``eval_SOURCE_dice``). start: what training began with, named as base model where it is a
    Hub id. training, evaluation: names of the data's sources. transformations: those of which
    an epoch had a view of each photo.
    """
    path = folder / CARD
    if path.exists():
        return
    name = folder.parent.name if folder.name == "best" else folder.name
    task = TASKS.get(command, "visual-question-answering")
    data = ModelCardData(
        license="other",
        license_name="not-chosen",
        library_name="transformers",
        pipeline_tag=task,
        tags=["dermatology", "research-only"],
        datasets=list(dict.fromkeys(training)),
        base_model=start if HUB_ID.fullmatch(start) and not Path(start).exists() else None,
        model_name=name,
        eval_results=list_results(scores, task, evaluation) or None,
    )
    views = (
        f"\nAn epoch had each photo as it is and under each of: {', '.join(transformations)}.\n"
        if transformations
        else ""
    )
    text = f"""---
{data.to_yaml()}
---

# {name}

**Research use only: no diagnosis, no treatment decision.**

Trained by `python -m training {command}`, beginning with `{start}`. `settings.yaml` has every setting, `data.json` the table of
the data, `versions.json` the versions, `training.json` every score of the last evaluation.

## Data

Trained on {_name(training)}, judged on {_name(evaluation)}: names of this run's settings, not of data sets on the Hub.
{views}Say here where the data comes from, whom it shows and under which licence; then choose the model's.

## Limits

The best evaluation was chosen on the data that the scores are of, so they are slightly optimistic. Nothing is known of
photos unlike these. Say here what it does badly.
"""
    write_whole(path, str(ModelCard(text)))


def list_results(scores: Mapping[str, Any], task: str, evaluation: Sequence[str]) -> list[EvalResult]:
    """Return each Dice, Jaccard, accuracy and F1 among a run's scores, with the source that it is of."""
    sources = sorted(dict.fromkeys(evaluation), key=len, reverse=True)
    results = []
    for key, value in scores.items():
        name = key.removeprefix("eval_")
        if name == key or not isinstance(value, int | float):
            continue
        source = next((one for one in sources if name.startswith(f"{one}_")), "")
        metric = name.removeprefix(f"{source}_") if source else name
        if metric.split("_")[0] in ("dice", "jaccard", "accuracy", "f1"):
            of = source or "+".join(dict.fromkeys(evaluation))
            results.append(
                EvalResult(
                    task_type=task,
                    dataset_type=of,
                    dataset_name=of,
                    metric_type=metric,
                    metric_value=round(float(value), 4),
                )
            )
    return results


def _name(sources: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in dict.fromkeys(sources)) or "nothing"
