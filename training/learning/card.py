"""The model cards of what was learnt from reviews: which reviews, by counts and digest, and numbers before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from magic_demo.core.plural import count
from magic_demo.reviews.exports import DataSetVersion
from training.learning.gathering import Rule
from training.learning.measuring import Row

HEAD = """---
license: other
library_name: transformers
tags: [dermatology, research-only]
---

# {title}

{what} **Research use only: no diagnosis, no treatment decision.**

"""
WORDS = {
    "consensus": "each case's consensus, and the readers' majority where there is none",
    "majority": "the readers' majority",
    "staple": "STAPLE for outlines, the readers' majority for answers",
}


@dataclass(frozen=True)
class Story:
    """What a card tells. begun: task -> id of the checkpoint that it began from. one_reader: whether the reviews are
    of a single reader, who is not named. steps, minutes: of the decoder. old_weights: their share in it. replay: the
    data of before, in words. old_maps: the old decoder's share in what is wanted there."""

    version: DataSetVersion
    rule: Rule
    one_reader: bool
    taught: int
    held_out: int
    begun: dict[str, str]
    replay: str
    steps: int
    minutes: float
    old_weights: float
    old_maps: float
    rows: Sequence[Row]
    notes: Sequence[str] = ()


def write_card(story: Story, title: str, what: str) -> str:
    """Return the card as Markdown. No reader and no case is named."""
    version = story.version
    kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(version.kinds.items()))
    rule = "the reviews of one reader" if story.one_reader else WORDS[story.rule]
    lines = [
        HEAD.format(title=title, what=what),
        "## What it was learnt from",
        "",
        f"- Reviews: {count(version.readings, 'reading', 'readings')} ({kinds}) of "
        f"{count(version.cases, 'case', 'cases')}, {count(version.masks, 'outline', 'outlines')}. Several readers "
        f"became one by {rule}; blind reviews came first.",
        f"- Numbers of the reviews in their store: {format_ranges(version.numbers)}.",
        f"- Data set version `{version.digest}`, questions `{version.questions}`.",
        f"- {count(story.taught, 'case', 'cases')} to learn from, "
        f"{count(story.held_out, 'case', 'cases')} of other patients held out.",
        *(f"- Begun from `{model}` ({task})." for task, model in story.begun.items()),
        f"- Replayed beside them: {story.replay}. What the model found there before counts for "
        f"{story.old_maps:.0%} of the outline that is wanted.",
        f"- {story.steps} steps of the decoder in {story.minutes:.1f} minutes, averaged with "
        f"{story.old_weights:.0%} of the weights that it began with. The photo encoder, the text encoder and the decoder "
        "that follows clicks and boxes are unchanged.",
        *(f"- {note}" for note in story.notes),
        "",
        "## Before and after",
        "",
        *format_rows(story.rows),
        "",
        "Differences are over cases, with 95% bootstrap intervals; below five cases there is none. The held-out cases "
        "were not learnt from. Nothing was chosen on any of these lists.",
        "",
    ]
    return "\n".join(lines)


def format_ranges(numbers: Sequence[int]) -> str:
    """Return whole numbers in order as ``1-4, 7``."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else str(part[0]) for part in parts)


def format_rows(rows: Sequence[Row]) -> list[str]:
    """Return the table as lines of Markdown."""
    lines = ["| | cases | before | after | difference |", "| --- | ---: | ---: | ---: | ---: |"]
    for row in rows:
        low, high = row.difference.low, row.difference.high
        interval = "" if low is None or high is None else f" [{low:+.3f}, {high:+.3f}]"
        lines.append(
            f"| {row.name} | {row.cases} | {row.before:.3f} | {row.after:.3f} | {row.after - row.before:+.3f}{interval} |"
        )
    return lines
