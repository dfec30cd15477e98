"""What programs that were killed left beside a store: half kept, restored or deleted cases, half written
photos."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from magic_demo.core.disk.parts import alone_at, sweep_below, sweep_claims
from magic_demo.reviews.cases.covered_photos import covered_beside
from magic_demo.reviews.store import Store


def sweep_store(store: Store) -> tuple[str, ...]:
    """Put in order what killed programs left beside a store: what the store knows of stays, the rest goes; a
    living program's work is let be.

    Returns a line for each thing that cannot be removed. Raises StoreError.
    """
    beside = store.kept_root.parent
    if store.read_only or not beside.is_dir():
        return ()
    try:
        with alone_at(beside) as alone:
            return sweep_alone(store) if alone else ()
    except OSError as error:
        return (
            f"{beside}: cannot be written ({error.strerror or error}); what stopped programs left there "
            "stays",
        )


def sweep_alone(store: Store) -> tuple[str, ...]:
    """Do what ``sweep_store`` does, where this program is alone already."""
    covered = covered_beside(store.location)
    for folder in (store.kept_root, covered.folder):
        if folder.is_dir() and folder.stat().st_mode & 0o077:
            folder.chmod(0o700)  # older versions let others in
    store.name_kept_folders()

    @cache
    def list_known() -> frozenset[str]:
        return frozenset(covered.folder_of(key).name for key in store.case_keys())

    def is_known(folder: Path) -> bool:
        return folder.name in list_known()

    return (
        *sweep_claims(store.kept_root, store.owns, store.label),
        *sweep_claims(covered.folder, is_known, store.label),
        *sweep_below(store.kept_root),
        *sweep_below(covered.folder),
    )
