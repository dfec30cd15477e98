"""An open store: where it is, and several changes that are kept together or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from magic_demo.core.errors import StoreError
from magic_demo.questions.families import QuestionSet, load_challenge
from magic_demo.reviews.store.engine.database import Database
from magic_demo.reviews.store.engine.location import folder_beside
from magic_demo.reviews.store.rows import predictions
from magic_demo.reviews.store.rows.queue_settings import check_questions


class OpenedStore:
    """A database of reviews, opened."""

    def __init__(self, database: Database, questions: QuestionSet) -> None:
        """Answer from this database; ``Store.open`` opens one. questions: of the queues without their own."""
        self._database = database
        self.questions = questions
        self._unpacked = predictions.UnpackedPredictions()

    @classmethod
    def open(
        cls, location: str | Path, *, wait_seconds: float = 10.0, questions: QuestionSet | None = None
    ) -> Self:
        """Open the store at ``location``, make it where there is none, bring an older one up to date.

        location: a folder (SQLite: ``reviews.sqlite3`` inside it, the folder is made), a file that ends in
        .sqlite3 or .db, or a URL (``postgresql://user:password@host/name``, ``sqlite:///path``).
        wait_seconds: how long a write waits for another one's end. questions: what the reviews of queues without
        questions of their own answer; None for whoever reads no answers. Raises StoreError when the place cannot be read and written, holds something
        else or something damaged, was written by a newer program, or holds reviews of other questions.
        """
        store = cls(Database(location, wait_seconds), questions or load_challenge())
        if questions is not None:
            try:
                with store._database.reading() as session:
                    check_questions(session, questions)
            except StoreError:
                store.close()
                raise
        return store

    def close(self) -> None:
        """Let go of every connection; the store cannot be used afterwards."""
        self._database.close()

    def __enter__(self) -> Self:
        """Return the store; leaving the block closes it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the store."""
        self.close()

    @property
    def location(self) -> str:
        """Return where the reviews are, to be shown: the file's path, or the URL without its password."""
        return self._database.location

    @cached_property
    def kept_root(self) -> Path:
        """Return the folder below which photos that the store keeps itself lie, one folder a case; it may not
        be there yet."""
        return folder_beside(self.location, "kept").resolve()

    @property
    def read_only(self) -> bool:
        """Return whether the store lies on a disk that cannot be written."""
        return self._database.read_only

    @property
    def label(self) -> str:
        """Return what tells this store from others whose photos lie in the same place, as those of a server's
        databases do; else empty."""
        return self.location if "://" in self.location else ""

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let all that this thread asks of the store within the block become one: it is kept when the block
        ends, whole or not at all.

        What a method within it raises undoes that method alone; an error that leaves the block undoes
        everything. Others cannot write meanwhile.
        """
        with self._database.together():
            yield
