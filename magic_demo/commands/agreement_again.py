"""What ``agreement`` says of a queue that is the second reading of another: each reader beside themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.agreement.again import ReadAgain
from magic_demo.reviews.agreement.results import Measured


def list_again_lines(
    found: Sequence[ReadAgain], questions: QuestionSet, say: Callable[..., str]
) -> list[str]:
    """Return the lines of the table. say: writes a number with its interval."""
    lines = ["", "each reader with themselves, second reading beside the first"] if found else []
    titles = {family.family_id: family.title["en"] for family in questions.families}
    for one in found:
        lines.append(
            f"  {one.reader}: {one.cases} cases, {one.days[0]:.0f} to {one.days[1]:.0f} days apart; same "
            f"{say(one.overall.among_readers.same, share=True)}, kappa {say(one.overall.among_readers.kappa)}, "
            f"Dice {say(one.dice)}"
        )
        lines += [
            f"    {family.family_id} {titles[family.family_id]}: {_numbers(family.among_readers.same, family.among_readers.kappa, family.icc, say)}"
            for family in one.families
        ]
    return lines


def _numbers(
    same: Measured | None, kappa: Measured | None, icc: Measured | None, say: Callable[..., str]
) -> str:
    with_icc = f", ICC {say(icc)}" if icc is not None else ""
    return f"same {say(same, share=True)}, kappa {say(kappa)}{with_icc}"


def again_as_json(found: Sequence[ReadAgain]) -> list[dict[str, Any]]:
    """Return the same as JSON knows it."""
    return [asdict(one) for one in found]
