"""The data of before, which is learnt again beside what is new, so that the old looks are not forgotten; and the
lists of before, on which forgetting shows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.cases.sources import CaseSource, LearningCase, read_cases
from training.segmentation.sources import Example, SourceSettings, read_examples

SEED, DEV_SEED = 40250, 73
"""Of the synthetic cases that are learnt again, one of the shipped checkpoint's own; and of those judged on."""
SIDE = 256


@dataclass(frozen=True, eq=False)
class Before:
    """examples, cases: learnt again. lists: name -> photos that are judged on. said: what it is, in one line."""

    examples: list[Example]
    cases: list[LearningCase]
    lists: dict[str, list[Example]]
    said: str


def read_before(data: Path | None, drawn: Path, count: int) -> Before:
    """Read the data of before.

    data: folder of the shipped checkpoint's own photos (``skin`` below it); without it, the repository's synthetic
    cases stand for them. drawn: where those are drawn. count: of synthetic cases, and of real photos a list.
    """
    held = max(2, count // 4)
    usual = SourceSettings("synthetic", "cases", count=count, seed=SEED, side=SIDE)
    examples = read_examples(Path(), usual)
    lists = {
        "synthetic cases": read_examples(
            Path(), SourceSettings("synthetic cases", "cases", count=held, seed=DEV_SEED, side=SIDE)
        )
    }
    said = f"{count} synthetic cases of seed {SEED}"
    skin = data / "skin" if data is not None else None
    if skin is not None and (skin / "splits").is_dir():
        for name in ("pad_train", "isic_train"):
            listed = read_examples(skin, SourceSettings(name, "pairs", split=name))
            examples += listed[:: max(1, len(listed) // count)][:count]
        for name in ("pad_dev", "isic_dev"):
            lists[name] = read_examples(skin, SourceSettings(name, "pairs", split=name))
        said += f", and up to {count} photos each of pad_train and isic_train"
    else:
        said += " in place of the shipped checkpoint's photos, which are not at hand"
    cases = read_cases(
        Path(), [CaseSource("synthetic", "cases", count=count, seed=SEED, longest=SIDE)], drawn
    )
    return Before(examples, cases, lists, said)
