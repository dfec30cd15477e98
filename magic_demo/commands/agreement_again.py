"""What ``agreement`` says of a queue that is the second reading of another: each reader beside themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.agreement.again import ReadAgain, measure_again
from magic_demo.reviews.agreement.results import Measured
from magic_demo.reviews.agreement.sources import AgreementChoice
from magic_demo.reviews.store import Store


def find_again(store: Store, choice: AgreementChoice, questions: QuestionSet) -> tuple[ReadAgain, ...]:
    """Return each reader beside themselves; nothing for a queue that is no second reading."""
    repeated = store.repeated(choice.queue) if choice.queue is not None else None
    if repeated is None:
        return ()
    first, second = (
        [
            saved
            for saved in store.latest_reviews(queue, viewer=None)
            if not choice.readers or saved.review.reader in choice.readers
        ]
        for queue in (repeated.queue, choice.queue)
    )
    families = [family for family in questions.families if choice.family in (None, family.family_id)]
    return measure_again(first, second, families, choice=choice.reading, done_only=choice.done_only)


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
