"""Cases go, with every review, mask and kept photo, and nothing of them is left in the store's files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from magic_demo.core.disk.parts import Claim, read_owner
from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey
from magic_demo.reviews.cases.covered_photos import covered_beside
from magic_demo.reviews.learning.learnt import forget_models
from magic_demo.reviews.store import PROGRAM, Actor, Store, TrailKind


@dataclass(frozen=True)
class Deleted:
    """How many cases, reviews and folders of kept photos went."""

    cases: int = 0
    reviews: int = 0
    folders: int = 0


def delete_cases(
    store: Store, keys: Iterable[CaseKey], *, by: Actor = PROGRAM, what: TrailKind = "delete"
) -> Deleted:
    """Delete cases one after another, then write the database anew, so that no page or log holds what they
    were.

    A case goes whole or not at all; where the program is killed in between, its photos go at the next start.
    Only folders that the store made beside itself go, and no link is followed: a case whose photos lie
    elsewhere is refused. by, what: for the audit trail, which names a case by its number alone. Raises
    StoreError.
    """
    cases = reviews = folders = 0
    deleting = False
    covered = covered_beside(store.location)
    try:
        for key in keys:
            owners: tuple[tuple[Path | None, Path, Callable[[Path], bool]], ...] = (
                (store.kept_folder(key), store.kept_root, store.owns),
                (covered.folder_of(key), covered.folder, partial(_is_there, store, key)),
            )
            try:
                with ExitStack() as claims:
                    claims.enter_context(covered.hold())  # a covering under way would put its photo back
                    for folder, above, is_owned in owners:
                        if folder is not None and os.path.lexists(folder):
                            _check_own(store, key, folder, above)
                            claims.enter_context(Claim(folder, is_owned, store.label, new=False))
                            folders += 1
                    # what was learnt from the case goes before the case does
                    forget_models(store.location, key)
                    deleting = True
                    reviews += store.delete_case(key, by=by, what=what)
            except OSError as error:
                raise StoreError(
                    "{photo}: a kept photo of {case} cannot be deleted ({reason}); check permissions, "
                    "then start the page, or delete again",
                    photo=error.filename or key.case_id,
                    case=key.case_id,
                    reason=error.strerror or error,
                ) from error
            cases += 1
    except StoreError:
        if deleting:  # a case that went before the one that is refused leaves nothing either
            store.erase_traces()
        raise
    store.erase_traces()
    return Deleted(cases, reviews, folders)


def _check_own(store: Store, key: CaseKey, folder: Path, above: Path) -> None:
    """Raise StoreError for a folder that is not one which this store made."""
    if folder.parent.resolve() != above.resolve():
        raise StoreError(
            "{case}: its photos lie in {folder}, outside of this store, which was copied or "
            "moved; nothing was deleted. Move that folder to {target} if no other store needs "
            "it, then delete again",
            case=key.case_id,
            folder=folder,
            target=above / folder.name,
        )
    if folder.is_symlink() or not folder.is_dir():
        raise StoreError(
            "{case}: {folder} is no folder that this store made; nothing was deleted. Remove it, "
            "then delete again",
            case=key.case_id,
            folder=folder,
        )
    owner = read_owner(folder)
    if owner not in ("", store.label):
        raise StoreError(
            "{case}: the photos in {folder} belong to {owner}; nothing was deleted. Delete the case there",
            case=key.case_id,
            folder=folder,
            owner=owner,
        )


def _is_there(store: Store, key: CaseKey, _folder: Path) -> bool:
    return key in store.case_keys()
