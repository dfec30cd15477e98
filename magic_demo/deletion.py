"""Cases go, with every review, mask and kept photo, and nothing of them is left in the store's files."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass

from magic_demo.covered_photos import covered_beside
from magic_demo.errors import StoreError
from magic_demo.store import Store
from magic_demo.types import CaseKey


@dataclass(frozen=True)
class Deleted:
    """How many cases, reviews and folders of kept photos went."""

    cases: int = 0
    reviews: int = 0
    folders: int = 0


def delete_cases(store: Store, keys: Iterable[CaseKey]) -> Deleted:
    """Delete cases one after another, then write the database anew, so that no page or log holds what they were.

    Photos go first: when this is stopped half way, the case is still there to be deleted again. Raises StoreError.
    """
    cases = reviews = folders = 0
    for key in keys:
        for folder in (store.kept_folder(key), covered_beside(store.place).folder_of(key)):
            if folder is None or not folder.exists():
                continue
            try:
                shutil.rmtree(folder)
            except OSError as error:
                raise StoreError(
                    f"{error.filename or folder}: a kept photo cannot be deleted ({error.strerror or error}); the case is still there"
                ) from error
            folders += 1
        reviews += store.delete_case(key)
        cases += 1
    store.erase_traces()
    return Deleted(cases, reviews, folders)
