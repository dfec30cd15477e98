"""A queue of the same cases, to be read a second time: what was covered of their photos stays covered there."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path

from magic_demo.core.disk.parts import Claim
from magic_demo.core.disk.user_files import read_user_file
from magic_demo.core.disk.whole_files import make_folders, write_whole
from magic_demo.core.errors import StoreError
from magic_demo.core.limits import LIMITS
from magic_demo.core.review_types import CaseKey
from magic_demo.reviews.cases.covered_photos import CoveredPhotos, covered_beside
from magic_demo.reviews.store import PROGRAM, Actor, Store


def make_second_reading(store: Store, queue: str, again: str, days: float, *, by: Actor = PROGRAM) -> int:
    """Do what ``Store.repeat`` does, and let the new cases have the covered copies that the first ones have.

    Copies come before the cases: no reader sees a photo of them uncovered. Raises StoreError.
    """
    covered = covered_beside(store.location)
    try:
        with covered.hold(), ExitStack() as claims:
            if again not in store.queues():  # else it is refused below
                for key in store.case_keys():
                    if key.queue == queue:
                        _copy(store, covered, key, CaseKey(again, key.case_id), claims)
            return store.repeat(queue, again, days, by=by)
    except OSError as error:
        raise StoreError(
            "{folder}: the covered photos of {queue} cannot be copied ({reason}); check space and permissions, "
            "then give the same command again",
            folder=covered.folder,
            queue=queue,
            reason=error.strerror or error,
        ) from error


def _copy(store: Store, covered: CoveredPhotos, first: CaseKey, second: CaseKey, claims: ExitStack) -> None:
    source, target = covered.folder_of(first), covered.folder_of(second)
    if not source.is_dir():
        return
    make_folders(covered.folder, private=True)
    claims.enter_context(Claim(target, partial(_is_there, store, second), store.label, new=True))
    for path in source.iterdir():
        if path.is_file() and not path.name.startswith("."):  # of a photo, not of a claim
            write_whole(target / path.name, read_user_file(path, 4 * LIMITS.photo_bytes), private=True)


def _is_there(store: Store, key: CaseKey, _folder: Path) -> bool:
    return key in store.case_keys()
