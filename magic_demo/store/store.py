"""The store's one door: everything that the page, the exports and the commands ask of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import sqlalchemy as sa

from magic_demo.bundles import pack_prediction
from magic_demo.errors import StoreError
from magic_demo.store import cases, copies, predictions, readers, reviews
from magic_demo.store.database import Database
from magic_demo.store.records import CaseFilter, CaseOrder, NewCase, Progress, QueueCase, Reader, ReaderRole
from magic_demo.store.tables import CaseRow, ReaderRow, ReviewRow, ShowingRow
from magic_demo.types import CaseKey, Prediction, Review, ReviewKind, ReviewState, SavedReview


@dataclass(frozen=True)
class Dump:
    """Every row of a store, and the highest number ever given in each numbered table."""

    rows: Iterator[copies.Row]
    last_numbers: Mapping[str, int]


class Store:
    """Reviews, cases and readers in one database. Safe to share between threads; every process opens its own.

    Every method is one transaction and raises StoreError, one line, when the database cannot be reached or written, or when its rules
    (an unknown case or reader, a consensus by somebody who is no adjudicator, ...) are broken. When a method that writes returns, what
    it wrote is on the disk. Readers are named by their name, upper and lower case alike.
    """

    def __init__(self, database: Database) -> None:
        """Answer from this database; ``Store.open`` opens one."""
        self._database = database

    # -- opening ------------------------------------------------------------------------------------------------------------------

    @classmethod
    def open(cls, place: str | Path, *, wait_seconds: float = 10.0) -> Self:
        """Open the store at ``place``, make it where there is none, bring an older one up to date.

        place: a folder (SQLite: ``reviews.sqlite3`` inside it, the folder is made), a file that ends in .sqlite3 or .db, or a URL
        (``postgresql://user:password@host/name``, ``sqlite:///path``). wait_seconds: how long a write waits for another one's end.
        Raises StoreError when the place cannot be read and written, holds something else or something damaged, or was written by a newer program.
        """
        return cls(Database(place, wait_seconds))

    def close(self) -> None:
        """Let go of every connection; the store cannot be used afterwards."""
        self._database.close()

    def __enter__(self) -> Self:
        """Return the store; leaving the block closes it."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the store."""
        self.close()

    @property
    def place(self) -> str:
        """Return where the reviews are, to be shown: the file's path, or the URL without its password."""
        return self._database.place

    # -- reviews ------------------------------------------------------------------------------------------------------------------

    def save(self, review: Review, *, client_key: str | None = None) -> SavedReview:
        """Add a review as a new row and return it as it is kept; nothing older changes.

        No row is added, and the one that is there is returned, when ``client_key`` was used by this reader before (a save that was sent again)
        or when the reader's newest review of the case says the same (``seconds`` aside).
        Raises StoreError when case or reader are unknown or the reader was removed; when the key was used for other content; for a consensus by somebody
        who is no adjudicator; for a blind review after the model was shown; for a revealed one without a blind one that is done.
        """
        with self._database.writing() as session:
            return reviews.save_review(session, review, client_key)

    def history(self, case: CaseKey, reader: str) -> list[SavedReview]:
        """Return everything a reader ever saved of a case, oldest first: for that reader's own eyes, or an adjudicator's."""
        with self._database.reading() as session:
            return reviews.list_history(session, case, reader)

    def latest(
        self, case: CaseKey, reader: str, *, kinds: Collection[ReviewKind] | None = None, state: ReviewState | None = None
    ) -> SavedReview | None:
        """Return a reader's newest review of a case, of any kind and state or of those asked for; None where there is none.

        For that reader's own eyes: to show it to somebody else, ask ``visible_reviews``.
        """
        with self._database.reading() as session:
            return reviews.find_latest(session, case, reader, kinds, state)

    def take_back(self, number: int, reader: str) -> SavedReview:
        """Make an older review of the reader's own the newest again, by adding a row that repeats it, and return that row.

        A blind review that is taken back after the model was shown comes back as a revealed one.
        """
        with self._database.writing() as session:
            return reviews.take_back(session, number, reader)

    def visible_reviews(self, case: CaseKey, viewer: str) -> list[SavedReview]:
        """Return what a viewer may see of a case: the newest done review of every reader and kind, by number.

        A viewer sees other readers' reviews only after a done one of their own; an adjudicator sees all. Own ones are always among them.
        """
        with self._database.reading() as session:
            found = cases.find_case(session, case)
            return reviews.list_latest(session, [CaseRow.number == found.number], viewer, None, "done")

    def latest_reviews(
        self,
        queue: str | None,
        *,
        viewer: str | None,
        kinds: Collection[ReviewKind] | None = None,
        state: ReviewState | None = "done",
        known: Mapping[int, SavedReview] | None = None,
    ) -> list[SavedReview]:
        """Return the newest review of every case, reader and kind of a queue (None: of all queues), by number.

        viewer: whose eyes they are for, under the rule of ``visible_reviews``; None: for the program's own use (an export by the one who
        runs it), everything. state: newest among the reviews in this state; None: in any. known: reviews by number that were read before, which
        are not read again, as no review ever changes.
        """
        with self._database.reading() as session:
            return reviews.list_latest(session, _of_queue(queue), viewer, kinds, state, known or {})

    def all_reviews(self, queue: str | None = None) -> list[SavedReview]:
        """Return every row of a queue (None: of all queues), by number: the full history, for the program's own use."""
        with self._database.reading() as session:
            return reviews.list_all(session, _of_queue(queue))

    def last_number(self) -> int:
        """Return the newest review's number, 0 without any: a cheap question whether there is something new to show."""
        with self._database.reading() as session:
            return session.scalar(sa.select(sa.func.max(ReviewRow.number))) or 0

    def version(self) -> tuple[int, int, int]:
        """Return what is another one as soon as a review was saved, a case with reviews deleted, or a model's answer shown: whether to measure anew."""
        with self._database.reading() as session:
            counts = (sa.select(sa.func.count()).select_from(table).scalar_subquery() for table in (ReviewRow, ShowingRow))
            newest, reviews_there, showings = session.execute(sa.select(sa.func.max(ReviewRow.number), *counts)).one()
            return newest or 0, reviews_there, showings

    # -- what models said -----------------------------------------------------------------------------------------------------------

    def note_shown(self, case: CaseKey, reader: str, prediction: Prediction) -> None:
        """Keep that a reader was shown what models say of a case, and what that was (maps as in a bundle); nothing older changes."""
        content = pack_prediction(prediction)  # slow: not while others wait to write
        with self._database.writing() as session:
            predictions.add_showing(session, case, reader, content)

    def shown(self, case: CaseKey) -> Prediction | None:
        """Return what anybody was shown last of a case, None where no model has spoken of it. For eyes that may see it."""
        with self._database.reading() as session:
            return predictions.read_shown(session, case)

    def shown_digests(self, queue: str | None = None) -> dict[CaseKey, str]:
        """Return, of every case of a queue (None: of all) that anybody was shown a model's answer of, a digest of the one shown last."""
        with self._database.reading() as session:
            return predictions.list_shown(session, queue)

    def was_shown(self, case: CaseKey, reader: str) -> bool:
        """Return whether a reader was ever shown what models say of a case: it cannot be read blind any more."""
        with self._database.reading() as session:
            return predictions.was_shown(session, case, reader)

    def unrevealed(self, reader: str) -> Collection[CaseKey]:
        """Return the cases that a reader has begun blind and not revealed: the model's answer stays out of their sight everywhere."""
        with self._database.reading() as session:
            return predictions.list_unrevealed(session, reader)

    # -- cases --------------------------------------------------------------------------------------------------------------------

    def add_cases(self, queue: str, new: Sequence[NewCase]) -> int:
        """Put cases at the end of a queue, made where it is new, and return how many were new.

        A case that is there keeps its position and its reviews; its folder, photos_kept and uncertainty follow what is given now.
        """
        with self._database.writing() as session:
            return cases.add_cases(session, queue, new)

    def queues(self) -> list[str]:
        """Return the names of the queues that hold a case, by name."""
        with self._database.reading() as session:
            return cases.list_queues(session)

    def list_cases(
        self, queue: str, reader: str, *, only: CaseFilter | None = None, order: CaseOrder = "position", all_assigned: bool = False
    ) -> list[QueueCase]:
        """Return a reader's cases of a queue: those assigned to them and those assigned to nobody. Adjudicators get all of them.

        only: keep the cases in this state. all_assigned: cases assigned to others too.
        order: "uncertain" puts the highest uncertainty first, "disputed" the highest dispute: over the newest done review of every reader, the mean
        number of families and photos differing from the model, plus the mean number of families differing between two readers. Ties and
        cases without a number stay in the queue's order.
        """
        with self._database.reading() as session:
            return cases.list_cases(session, queue, reader, only=only, order=order, all_assigned=all_assigned)

    def case(self, key: CaseKey, reader: str) -> QueueCase:
        """Return one case as a reader sees it. Raises StoreError when there is no such case."""
        with self._database.reading() as session:
            return cases.read_case(session, key, reader)

    def progress(self, queue: str) -> list[Progress]:
        """Return how far each reader is in a queue, by name: those who are not removed, and those who reviewed something of it."""
        with self._database.reading() as session:
            return cases.measure_progress(session, queue)

    def assign(self, case: CaseKey, assigned_to: Collection[str]) -> None:
        """Assign a case to these readers and nobody else; to no one: it is for everybody again."""
        with self._database.writing() as session:
            cases.assign_case(session, case, assigned_to)

    def share_out(self, queue: str, case_ids: Sequence[str], readers: Sequence[str], *, each: int) -> None:
        """Assign every one of these cases to ``each`` of the readers and nobody else: everybody gets as many, and everybody is with everybody.

        Without readers (``each`` 0) the cases are everybody's again. All or none. Raises StoreError for an unknown case or reader, and for
        more a case than there are readers.
        """
        with self._database.writing() as session:
            cases.share_out(session, queue, case_ids, readers, each)

    def delete_case(self, case: CaseKey) -> int:
        """Delete a case with every review and prediction of it, for good, and return how many reviews went. Its photos are the caller's to delete."""
        with self._database.writing() as session:
            found = cases.find_case(session, case)
            count = reviews.delete_reviews(session, found)
            predictions.delete_predictions(session, found)
            cases.delete_case_row(session, found)
            return count

    def old_cases(self, before: datetime, queue: str | None = None) -> tuple[list[CaseKey], int]:
        """Return the cases that were added and last reviewed before a time, and how many cases have no date at all."""
        with self._database.reading() as session:
            return cases.list_old_cases(session, before, queue)

    def kept_folder(self, case: CaseKey) -> Path | None:
        """Return the folder of photos that the program keeps for this case alone, None where it keeps none. Raises StoreError."""
        with self._database.reading() as session:
            folder = cases.read_kept_folder(session, case)
            return None if folder is None else Path(folder)

    def erase_traces(self) -> None:
        """Write the database anew, so that nothing of what was deleted is left in its files.

        Raises StoreError when others hold it open for writing or reading at this moment; what was deleted stays deleted.
        """
        self._database.erase_traces()

    # -- whole copies -------------------------------------------------------------------------------------------------------------

    @contextmanager
    def dump(self) -> Iterator[Dump]:
        """Give every row as it was at one moment, while others may go on saving; to be read within the block."""
        with self._database.reading() as session:
            yield Dump(copies.dump_rows(session), copies.last_numbers(session, sqlite=self._database.sqlite))

    def load(self, rows: Iterable[copies.Row], last_numbers: Mapping[str, int], counts: Mapping[str, int]) -> dict[str, int]:
        """Put the rows of a dump into this store, all or none, and return how many by table.

        counts: how many there should be. Raises StoreError when this store is not empty, or rows are missing or cannot be.
        """
        with self._database.writing() as session:
            loaded = copies.load_rows(session, rows, last_numbers, sqlite=self._database.sqlite)
            missing = [table for table, count in loaded.items() if count != counts.get(table, 0)]
            if missing:
                raise StoreError(
                    f"{counts.get(missing[0], 0)} rows of {missing[0]} were said and {loaded[missing[0]]} came; take another backup"
                )
            return loaded

    # -- readers ------------------------------------------------------------------------------------------------------------------

    def add_reader(self, name: str, *, role: ReaderRole = "reader", password: str | None = None) -> Reader:
        """Add a reader, or bring a removed one back with this role and password. Raises StoreError for a name or password that cannot be used."""
        hashed = None if password is None else readers.hash_password(password)  # slow on purpose: not while others wait to write
        with self._database.writing() as session:
            return readers.add_reader(session, name, role, hashed)

    def readers(self, *, removed: bool = False) -> list[Reader]:
        """Return the readers by name, the local one first, on request with those who were removed."""
        with self._database.reading() as session:
            return readers.list_readers(session, removed=removed)

    def reader(self, name: str) -> Reader:
        """Return one reader, removed or not. Raises StoreError when there is none of this name."""
        with self._database.reading() as session:
            return readers.as_reader(readers.find_row(session, name))

    def remove_reader(self, name: str) -> int:
        """End a reader's access, and return how many reviews are kept under the name."""
        with self._database.writing() as session:
            return readers.remove_reader(session, name)

    def set_password(self, name: str, password: str) -> None:
        """Give a reader a new password."""
        hashed = readers.hash_password(password)
        with self._database.writing() as session:
            readers.set_password(session, name, hashed)

    def set_role(self, name: str, role: ReaderRole) -> None:
        """Give a reader another role."""
        with self._database.writing() as session:
            readers.set_role(session, name, role)

    def check_password(self, name: str, password: str) -> Reader | None:
        """Return the reader when the password is theirs, else None; an unknown name takes as long as a wrong password."""
        with self._database.reading() as session:
            row = readers.find_row_if_any(session, name)
            reader = None if row is None else readers.as_reader(row)
            stored = None if row is None or row.removed_at is not None else row.password
        return reader if readers.verify_password(stored, password) else None

    def needs_sign_in(self) -> bool:
        """Return whether anybody has a password; without one, everyone at the page is the local reader."""
        with self._database.reading() as session:
            return session.scalar(sa.select(ReaderRow.id).where(ReaderRow.password.is_not(None)).limit(1)) is not None


def _of_queue(queue: str | None) -> list[sa.ColumnElement[bool]]:
    return [] if queue is None else [CaseRow.queue == queue]
