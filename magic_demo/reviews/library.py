"""What other programs read reviews with: ``from magic_demo import open_store`` (docs/library.md)."""

from __future__ import annotations

from pathlib import Path

from magic_demo.core.errors import StoreError
from magic_demo.core.limits import check_limits
from magic_demo.questions.families import QuestionSet, load_challenge
from magic_demo.reviews.store import Store, is_store_there


def open_store(place: str | Path, *, questions: QuestionSet | None = None, create: bool = False) -> Store:
    """Open the store of reviews at a place, as ``with open_store(place) as store``.

    place: what the option ``--store`` takes, a folder or a ``postgresql://`` URL. questions: what its reviews
    answer, the challenge's questions when None. create: make a store where there is none. Raises StoreError
    where there is no store, it cannot be read, or its reviews answer other questions, LimitError where the
    environment sets a limit wrongly.
    """
    check_limits()
    if not create and not is_store_there(str(place)):
        raise StoreError(
            "{place}: no store of reviews here; give the folder or URL that the page was started with, or "
            "create=True",
            place=place,
        )
    return Store.open(place, questions=questions or load_challenge())
